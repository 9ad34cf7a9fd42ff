//! Waits that lasted longer than they were asked to: a machine that is busy wakes whoever slept
//! too late, and what queues behind him is then no queue of the workload's own.

use alloc::format;
use alloc::string::String;

use super::Case;
use crate::analyse::nature::Slept;
use crate::analyse::units::{duration, percent};
use crate::workload::parse_duration;

/// Overslept by less than this changes no conclusion.
const LATE: f64 = 0.1;
/// Nor does so little, whatever the share: timers are no finer.
const TIMER_NS: u64 = 100_000;

impl Case<'_> {
    /// The wait of this contestant that was overslept most, and what was asked; `None`: none was.
    pub(super) fn overslept(&self, index: usize) -> Option<(&Slept, u64)> {
        let late = |(slept, asked): &(&Slept, u64)| slept.ns as f64 / (*asked).max(1) as f64;
        let slept = self.nature(index)?.slept.iter();
        slept
            .filter_map(|slept| Some((slept, self.asked_ns(slept)?)))
            .filter(|one| late(one) >= 1.0 + LATE && one.0.ns - one.1 >= TIMER_NS)
            .max_by(|one, other| late(one).total_cmp(&late(other)))
    }

    /// `None`: it waits for a time that is drawn by chance, or computed.
    fn asked_ns(&self, slept: &Slept) -> Option<u64> {
        let asked = parse_duration(slept.label.strip_prefix("wait ")?.trim()).ok()?;
        Some((asked as f64 / self.comparison.settings.speed) as u64)
    }
}

/// Which wait was overslept under the fastest, and that nothing is said of queues therefore.
pub(super) fn sentence(case: &Case<'_>) -> Option<String> {
    let (slept, asked) = case.overslept(case.fastest)?;
    let late = slept.ns as f64 / asked.max(1) as f64 - 1.0;
    Some(format!(
        "Waits were overslept by {}: under {}, `{}` was to last {} and lasted {}, so nothing is concluded of queues. A quieter machine, or longer waits (`--speed`), would tell.",
        percent(late),
        case.name(case.fastest),
        slept.label,
        duration(asked),
        duration(slept.ns)
    ))
}
