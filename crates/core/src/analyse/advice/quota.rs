//! The CPU quota of the control group, where it held the work up: time in which threads were runnable
//! and processors may have been free, but the group had used up what it may.

use alloc::format;

use super::Case;
use crate::analyse::compare;
use crate::analyse::units::{percent, usable};
use crate::result::{Rule, Sentence};

/// Throttled for less of the time in which it could have run, the work was not held up.
const WORTH: f64 = 0.05;

pub(super) fn sentence(case: &Case<'_>) -> Option<Sentence> {
    let (mut throttled_ns, mut cpu_ns) = (0.0, 0.0);
    for run in compare::counted(case.contestant(case.fastest)) {
        throttled_ns += run.noise.throttled?.ns as f64;
        cpu_ns += run.work_cpu.known()?.total_ns() as f64;
    }
    let share = throttled_ns / (throttled_ns + cpu_ns);
    if share.is_nan() || share < WORTH {
        return None;
    }
    Some(Rule::Throttled.says(format!(
        "The CPU quota of the control group ({} of {} processors) holds the work up: under {} its threads were throttled for {} of the time in which they could have run, which is neither waiting nor want of a processor. A larger quota would help, more workers would not.",
        usable(case.processors()),
        case.processors().count,
        case.name(case.fastest),
        percent(share)
    )))
}
