//! How many processors there are for the work, and how much of their time a control group allows:
//! the main type is [`Processors`].

use serde::{Deserialize, Serialize};

/// So much processor time in each period, for all processes of a control group together; `cpu.max`
/// of cgroups(7), Documentation/scheduler/sched-bwc.rst of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub cpu_ns: u64,
    pub period_ns: u64,
}

impl Quota {
    /// How many processors that makes, in the long run.
    pub fn processors(self) -> f64 {
        self.cpu_ns as f64 / self.period_ns.max(1) as f64
    }
}

/// The processors that the work may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processors {
    /// Those on which its threads may be.
    pub count: u32,
    /// What is allowed of them; `None`: all of their time.
    pub quota: Option<Quota>,
}

impl From<u32> for Processors {
    fn from(count: u32) -> Self {
        Self { count, quota: None }
    }
}

impl Processors {
    /// So many may be kept busy in the long run: 1.5 where a quota allows that of two.
    pub fn usable(self) -> f64 {
        let allowed = self.quota.map_or(f64::INFINITY, Quota::processors);
        f64::from(self.count.max(1)).min(allowed)
    }

    /// The same in whole processors: with so many threads that compute, all that may be used is.
    pub fn whole(self) -> u32 {
        (libm::ceil(self.usable()) as u32).max(1)
    }

    /// The least time in which so much can be computed, nanoseconds. Work that begins at the end of
    /// one period and ends at the beginning of another uses the quota of both at once.
    pub fn least_ns(self, computing_ns: u64) -> u64 {
        let spread = computing_ns / u64::from(self.count.max(1));
        let within = self.quota.map_or(0, |quota| {
            let beyond = computing_ns.saturating_sub(quota.cpu_ns.saturating_mul(2));
            (beyond as f64 / quota.processors()) as u64
        });
        spread.max(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn two_with(cpu_ms: u64) -> Processors {
        let quota = Some(Quota { cpu_ns: cpu_ms * MS, period_ns: 100 * MS });
        Processors { count: 2, quota }
    }

    #[test]
    fn a_quota_allows_parts_of_processors() {
        assert_eq!((two_with(150).usable(), two_with(150).whole()), (1.5, 2));
        assert_eq!((two_with(50).usable(), two_with(50).whole()), (0.5, 1));
        assert_eq!((two_with(400).usable(), two_with(400).whole()), (2.0, 2));
        assert_eq!(Processors::from(2).usable(), 2.0);
    }

    #[test]
    fn what_a_quota_allows_bounds_the_time_from_below() {
        // 1 s of computing at half a processor; at either end 50 ms may come at once.
        assert_eq!(two_with(50).least_ns(1000 * MS), 1800 * MS);
        assert_eq!(two_with(50).least_ns(60 * MS), 30 * MS, "two periods allow that at once");
        assert_eq!(Processors::from(2).least_ns(1000 * MS), 500 * MS);
    }
}
