//! Workers in reserve: where requests arrive at a rate, one worker more takes part only when all that do
//! are busy, so that no more connections are opened than are needed at once. The main type is
//! [`Reserve`].

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use crate::sys::kernel::{self, Sharing};
use crate::sys::memory;

const IN_RESERVE: u32 = 0;
const CALLED: u32 = 1;
const DISMISSED: u32 = 2;

/// The workers of a pool by number, in memory that processes share.
#[derive(Debug)]
pub(crate) struct Reserve {
    /// How many take part: those with the lowest numbers.
    active: &'static AtomicU32,
    /// How many of them wait for an arrival.
    waiting: &'static AtomicU32,
    /// By worker: [`IN_RESERVE`], [`CALLED`], [`DISMISSED`].
    called: &'static [AtomicU32],
}

impl Reserve {
    /// One worker takes part, the others wait to be called.
    pub(crate) fn new(workers: u32) -> io::Result<Self> {
        let words = memory::shared_u32(workers as usize + 2)?;
        let (active, waiting, called) = (&words[0], &words[1], &words[2..]);
        let reserve = Self { active, waiting, called };
        reserve.call_next();
        Ok(reserve)
    }

    /// Sleeps until this worker is needed; `false`: it never will be.
    pub(crate) fn await_call(&self, worker: u32) -> bool {
        let called = &self.called[worker as usize];
        while called.load(SeqCst) == IN_RESERVE {
            kernel::futex_wait(called, IN_RESERVE, None, Sharing::Processes);
        }
        called.load(SeqCst) == CALLED
    }

    /// Waits by `sleep` for an arrival. Whoever was the last one to wait calls another before it goes to
    /// work.
    pub(crate) fn while_waiting<T>(&self, sleep: impl FnOnce() -> T) -> T {
        self.waiting.fetch_add(1, SeqCst);
        let slept = sleep();
        if self.waiting.fetch_sub(1, SeqCst) == 1 {
            self.call_next();
        }
        slept
    }

    /// Calls everybody: one that waited may have died, so that it is not known any more how many do.
    pub(crate) fn call_all(&self) {
        self.active.store(u32::try_from(self.called.len()).unwrap_or(u32::MAX), SeqCst);
        self.called.iter().for_each(|worker| tell(worker, CALLED));
    }

    /// Lets those go who were not needed: no more will arrive.
    pub(crate) fn dismiss(&self) {
        self.called.iter().for_each(|worker| tell(worker, DISMISSED));
    }

    fn call_next(&self) {
        let is_one_left = |active| ((active as usize) < self.called.len()).then_some(active + 1);
        if let Ok(next) = self.active.fetch_update(SeqCst, SeqCst, is_one_left) {
            tell(&self.called[next as usize], CALLED);
        }
    }
}

fn tell(worker: &AtomicU32, what: u32) {
    if worker.compare_exchange(IN_RESERVE, what, SeqCst, SeqCst).is_ok() {
        kernel::futex_wake_all(worker, Sharing::Processes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(reserve: &Reserve) -> Vec<u32> {
        reserve.called.iter().map(|one| one.load(SeqCst)).collect()
    }

    #[test]
    fn one_more_is_called_when_nobody_waits_any_more() {
        let reserve = Reserve::new(3).unwrap();
        assert_eq!(called(&reserve), [1, 0, 0], "one takes part from the start");
        // Two wait, and one of them goes to work: the other still waits.
        reserve.while_waiting(|| reserve.while_waiting(|| ()));
        assert_eq!(called(&reserve), [1, 1, 0], "only the last one called another");
        reserve.while_waiting(|| ());
        reserve.while_waiting(|| ());
        assert_eq!(called(&reserve), [1, 1, 1], "and there are no more than there are");
    }

    #[test]
    fn who_was_not_needed_is_let_go_and_who_replaces_the_dead_is_not() {
        let reserve = Reserve::new(4).unwrap();
        std::thread::scope(|scope| {
            let waits = |worker| {
                scope.spawn({
                    let reserve = &reserve;
                    move || reserve.await_call(worker)
                })
            };
            let called = [0, 1, 2, 3].map(waits);
            reserve.dismiss();
            assert_eq!(called.map(|one| one.join().unwrap()), [true, false, false, false]);
        });
        let reserve = Reserve::new(4).unwrap();
        reserve.call_all();
        reserve.dismiss();
        assert_eq!(called(&reserve), [CALLED; 4]);
    }
}
