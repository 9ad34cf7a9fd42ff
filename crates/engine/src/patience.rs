//! Waiting for a machine on which nobody else computes, for whoever has measured in vain on a busy
//! one. The main type is [`Patience`].

use std::os::fd::AsFd as _;
use std::time::Duration;

use maitred_core::analyse::noise;
use maitred_core::trace::Noise;

use crate::cancel::Cancel;
use crate::measure::clock::nanos;
use crate::measure::noise::Snapshot;
use crate::measure::sys::{self, Watched};

/// One look: long enough for the kernel's ticks to say something on a single processor.
const LOOK: Duration = Duration::from_secs(1);

/// For how long it may still be waited, in all.
#[derive(Debug)]
pub(crate) struct Patience {
    left: Duration,
}

impl Patience {
    /// So long.
    pub(crate) fn of(left: Duration) -> Self {
        Self { left }
    }

    /// Whether there is time for a look.
    pub(crate) fn is_left(&self) -> bool {
        self.left >= LOOK
    }

    /// Waits until the machine is quiet; `false`: it does not get so in time, or it was cancelled.
    pub(crate) fn wait(&mut self, cancel: &Cancel) -> bool {
        self.wait_while(|| look(cancel))
    }

    /// The same with looks of the caller; one that gives nothing ends it.
    fn wait_while(&mut self, mut look: impl FnMut() -> Option<Noise>) -> bool {
        while self.is_left() {
            self.left -= LOOK;
            match look() {
                Some(seen) if noise::is_quiet(&seen) => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }
}

/// What others did while this program slept; `None`: it was cancelled.
fn look(cancel: &Cancel) -> Option<Noise> {
    let before = Snapshot::take();
    let interrupt = Some(cancel.interrupt().as_fd());
    let mut watched = [Watched { fd: interrupt, for_writing: false, ready: false }];
    // A poll that fails, or that a signal ends, makes the look shorter, and no more.
    let _ = sys::poll(&mut watched, nanos(LOOK));
    let now = Snapshot::take();
    (!cancel.is_cancelled()).then(|| before.noise(&now, &now, Some(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(share: f64) -> Option<Noise> {
        Some(Noise { others: Some(share), ..Noise::default() })
    }

    /// Whether it got quiet, and how many looks were left of five.
    fn waited(looks: &[Option<Noise>]) -> (bool, u64) {
        let mut patience = Patience::of(LOOK * 5 + LOOK / 2);
        let mut looks = looks.iter();
        let is_quiet = patience.wait_while(|| looks.next().expect("no more looks").clone());
        (is_quiet, patience.left.as_secs())
    }

    #[test]
    fn it_ends_as_soon_as_the_machine_is_quiet() {
        assert_eq!(waited(&[others(0.0)]), (true, 4));
        assert_eq!(waited(&[others(0.9), others(0.3), others(0.01)]), (true, 2));
    }

    #[test]
    fn it_ends_when_its_time_is_spent_or_nobody_waits_any_more() {
        assert_eq!(
            waited(&[others(0.9), others(0.9), others(0.9), others(0.9), others(0.9)]),
            (false, 0)
        );
        assert_eq!(waited(&[others(0.9), None]), (false, 3));
        let unknown = Some(Noise::default());
        assert_eq!(waited(&[unknown, others(0.0)]), (true, 3), "what is not known is not quiet");
        assert!(!Patience::of(LOOK / 2).wait_while(|| panic!("there is no time to look")));
    }

    #[test]
    fn who_has_cancelled_does_not_wait() {
        let cancel = Cancel::new().unwrap();
        cancel.cancel();
        let mut patience = Patience::of(LOOK * 1000);
        assert!(!patience.wait(&cancel));
        assert_eq!(patience.left, LOOK * 999);
    }
}
