//! For what the threads waited while they were blocked in steps, from the looks that were taken of
//! them. One rule for all who name the lock of an interpreter: [`WaitShares::share`] of
//! [`WaitCause::Gil`], and nothing else.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::result::{WaitCount, WaitShares};
use crate::trace::{WaitCause, Waits};

/// With fewer looks a share is no figure.
const LEAST_LOOKS: u64 = 12;

/// The looks that fell into steps of the thread that was looked at. `steps`: of each thread, by
/// process and number, from when to when.
pub(super) fn shares(
    steps: impl Iterator<Item = ((u32, u32), (u64, u64))>,
    waits: &Waits,
) -> WaitShares {
    let mut by_thread: BTreeMap<(u32, u32), Vec<(u64, u64)>> = BTreeMap::new();
    for (thread, times) in steps {
        by_thread.entry(thread).or_default().push(times);
    }
    by_thread.values_mut().for_each(|spans| spans.sort_unstable());
    let is_within = |pid: u32, tid: u32, ns: u64| {
        by_thread.get(&(pid, tid)).is_some_and(|spans| {
            let begun = spans.partition_point(|span| span.0 <= ns);
            begun > 0 && ns < spans[begun - 1].1
        })
    };
    let mut by: BTreeMap<WaitCause, u64> = BTreeMap::new();
    for look in waits.looks.iter().filter(|look| is_within(look.pid, look.tid, look.ns)) {
        *by.entry(look.cause).or_default() += 1;
    }
    let mut by: Vec<WaitCount> =
        by.into_iter().map(|(cause, looks)| WaitCount { cause, looks }).collect();
    by.sort_by_key(|count| core::cmp::Reverse(count.looks));
    WaitShares { by, refused: waits.refused.clone() }
}

impl WaitShares {
    /// How many looks there were.
    pub fn looks(&self) -> u64 {
        self.by.iter().map(|count| count.looks).sum()
    }

    /// Whether they suffice to say something.
    pub fn is_known(&self) -> bool {
        self.looks() >= LEAST_LOOKS
    }

    /// Which part of the blocked time was spent waiting for this, with its 95 % interval (Wilson
    /// 1927, as the looks are independent of what they see); `None`: too few looks.
    pub fn share(&self, cause: WaitCause) -> Option<(f64, f64, f64)> {
        if !self.is_known() {
            return None;
        }
        let n = self.looks() as f64;
        let own = self.by.iter().find(|count| count.cause == cause).map_or(0, |count| count.looks);
        let (p, z2) = (own as f64 / n, 1.96_f64 * 1.96);
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = libm::sqrt(z2 * (p * (1.0 - p) / n + z2 / (4.0 * n * n))) / (1.0 + z2 / n);
        Some((p, (middle - half).max(0.0), (middle + half).min(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(by: &[(WaitCause, u64)]) -> WaitShares {
        let by = by.iter().map(|&(cause, looks)| WaitCount { cause, looks }).collect();
        WaitShares { by, refused: None }
    }

    #[test]
    fn a_share_has_the_interval_of_its_looks() {
        let waits = counted(&[(WaitCause::Gil, 50), (WaitCause::Lock, 50)]);
        let (share, low, high) = waits.share(WaitCause::Gil).unwrap();
        assert_eq!(share, 0.5);
        assert!((low - 0.4038).abs() < 1e-3 && (high - 0.5962).abs() < 1e-3, "{low} {high}");
        let (none, _, high) = waits.share(WaitCause::Timer).unwrap();
        assert!(none == 0.0 && high > 0.03, "{high}");
    }

    #[test]
    fn a_few_looks_are_no_figure() {
        assert_eq!(counted(&[(WaitCause::Gil, 3)]).share(WaitCause::Gil), None);
        assert_eq!(counted(&[]).share(WaitCause::Gil), None);
    }
}
