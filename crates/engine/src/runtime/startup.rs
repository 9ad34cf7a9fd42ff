//! How long a runner may take to start. The time in which it could have run and others had the processors
//! does not count: an interpreter that is slow on a busy machine is no broken one. The main type is
//! [`StartLimit`].

use std::time::Duration;

use maitred_core::view::units;

use crate::measure::clock::nanos;

/// The limit of one start.
#[derive(Clone, Copy, Debug)]
pub(super) struct StartLimit {
    began_ns: u64,
    limit: Duration,
    /// How long it waited for a processor, as far as that was asked for.
    queued_ns: u64,
}

impl StartLimit {
    /// From `began_ns` on.
    pub(super) fn new(began_ns: u64, limit: Duration) -> Self {
        Self { began_ns, limit, queued_ns: 0 }
    }

    /// When it is over, unless it waits for a processor until then.
    pub(super) fn next_ns(&self) -> u64 {
        self.began_ns.saturating_add(nanos(self.limit)).saturating_add(self.queued_ns)
    }

    /// Whether it is over; `queued_ns`, which is asked only then, says how long the runner has waited for a
    /// processor.
    pub(super) fn is_over(&mut self, now_ns: u64, queued_ns: impl FnOnce() -> u64) -> bool {
        if now_ns < self.next_ns() {
            return false;
        }
        // A runner that goes on from an earlier run has waited before that, too.
        let queued_ns = queued_ns().min(now_ns - self.began_ns);
        self.queued_ns = self.queued_ns.max(queued_ns);
        now_ns >= self.next_ns()
    }

    /// `within 20s`, and how much longer that was by a clock.
    pub(super) fn words(&self) -> String {
        let limit = self.limit;
        if u128::from(self.queued_ns) * 10 < limit.as_nanos() {
            return format!("within {limit:?}");
        }
        let queued = units::duration(self.queued_ns);
        format!("within {limit:?}, without the {queued} for which it waited for a processor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn limit() -> StartLimit {
        StartLimit::new(100 * S, Duration::from_secs(20))
    }

    #[test]
    fn who_waits_for_a_processor_has_as_much_longer() {
        let mut busy = limit();
        assert!(!busy.is_over(119 * S, || unreachable!("nobody asks before it is over")));
        assert!(!busy.is_over(120 * S, || 15 * S));
        assert_eq!(busy.next_ns(), 135 * S);
        // It waited on, and then less than it used.
        assert!(!busy.is_over(135 * S, || 26 * S));
        assert!(!busy.is_over(145 * S, || unreachable!("it may go on until 146")));
        assert!(busy.is_over(146 * S, || 26 * S));
        let said = busy.words();
        assert_eq!(said, "within 20s, without the 26.0 s for which it waited for a processor");
    }

    #[test]
    fn who_had_the_processors_has_no_longer() {
        let mut idle = limit();
        assert!(idle.is_over(120 * S, || 0));
        assert_eq!(idle.words(), "within 20s");
    }

    #[test]
    fn nobody_waited_longer_than_since_the_beginning() {
        let mut kept = limit();
        assert!(!kept.is_over(120 * S, || 5000 * S), "what it waited for in runs before");
        assert_eq!(kept.next_ns(), 140 * S);
    }
}
