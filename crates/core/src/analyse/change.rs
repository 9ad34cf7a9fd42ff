//! What changed between two results of the same work on the same machine, model by model. Their
//! rounds did not run side by side, so nothing is paired: the interval of the ratio takes the
//! ends of both medians' 99 % intervals, which covers the truth in at least 98 % of cases
//! (Bonferroni), and a machine that was in another mood is not told from another program.

use alloc::vec::Vec;

use maitred_wire::Model;

use super::compare::{self, counted};
use super::stats::{self, Confidence, Interval};
use crate::result::{Comparison, Contestant, Verdict};

/// One model then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub model: Model,
    pub workers: u32,
    pub before_ns: u64,
    pub after_ns: u64,
    /// Work time now ÷ then, with its interval.
    pub ratio: Interval,
    /// Now against then.
    pub verdict: Verdict,
}

/// The models that were ranked in both results, in the order of the new one.
pub fn changes(before: &Comparison, after: &Comparison) -> Vec<Change> {
    let effect = after.settings.minimum_effect;
    let pairs = after.contestants.iter().filter_map(|new| {
        let same = |old: &&Contestant| old.model == new.model && old.workers == new.workers;
        Some((before.contestants.iter().find(same)?, new))
    });
    pairs.filter_map(|(old, new)| change(old, new, effect)).collect()
}

fn change(old: &Contestant, new: &Contestant, effect: f64) -> Option<Change> {
    if old.unranked.is_some() || new.unranked.is_some() {
        return None;
    }
    let (before, rounds_before) = median(old)?;
    let (after, rounds_after) = median(new)?;
    let ratio = Interval {
        low: after.low / before.high,
        median: after.median / before.median,
        high: after.high / before.low,
    };
    let rounds = rounds_before.min(rounds_after);
    Some(Change {
        model: new.model.clone(),
        workers: new.workers,
        before_ns: before.median as u64,
        after_ns: after.median as u64,
        ratio,
        verdict: compare::verdict(&ratio, rounds, effect, Confidence::P99),
    })
}

/// The median work time in nanoseconds with its interval, and of how many rounds.
fn median(contestant: &Contestant) -> Option<(Interval, usize)> {
    let times: Vec<f64> = counted(contestant).iter().map(|run| run.compared_ns()).collect();
    Some((stats::median_interval(&times, Confidence::P99)?, times.len()))
}

#[cfg(test)]
mod tests {
    use maitred_wire::Strategy;

    use super::*;
    use crate::analyse::sample;

    fn tables() -> Comparison {
        let models = [(Strategy::Sequential, None), (Strategy::Threads, None)];
        sample::compared(&crate::trace::sample::tables(5, 1), &models, 12)
    }

    fn scaled(comparison: &Comparison, factor: f64) -> Comparison {
        let mut other = comparison.clone();
        for run in other.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.work_ns = (run.work_ns as f64 * factor) as u64;
        }
        other
    }

    #[test]
    fn a_change_is_told_from_none() {
        let before = tables();
        let unchanged = changes(&before, &before);
        assert_eq!(unchanged.len(), before.contestants.len());
        for change in unchanged {
            assert!(matches!(change.verdict, Verdict::Same | Verdict::Inconclusive), "{change:?}");
            assert!(change.ratio.low <= 1.0 && change.ratio.high >= 1.0);
        }
        for change in changes(&before, &scaled(&before, 2.0)) {
            assert_eq!(change.verdict, Verdict::Slower, "{change:?}");
        }
        for change in changes(&scaled(&before, 2.0), &before) {
            assert_eq!(change.verdict, Verdict::Faster, "{change:?}");
        }
    }

    #[test]
    fn what_failed_or_is_missing_is_not_compared() {
        let before = tables();
        let mut after = before.clone();
        after.contestants[0].unranked = Some("timed out".into());
        after.contestants[1].workers += 1;
        assert_eq!(changes(&before, &after).len(), before.contestants.len() - 2);
    }
}
