//! The one clock: CLOCK_MONOTONIC in nanoseconds, the same in `maitred`, in every runner and in
//! the kernel's records. [`std::time::Instant`] reads the same clock but cannot be compared with
//! what a runner says.

use std::time::Duration;

use super::sys;

/// Now, in nanoseconds.
pub fn now_ns() -> u64 {
    sys::monotonic_ns()
}

/// A duration in nanoseconds; one that is too long for them (584 years) becomes the longest.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
