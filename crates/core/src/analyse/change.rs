//! What changed between two results of the same work on the same machine, model by model. Their
//! rounds did not run side by side, so nothing is paired, and a machine that was in another mood is
//! not told from another program. The interval is one of 99 %: it is looked at after many rounds.

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

/// The fastest of the new result beside that of the old one, which is named: what can be ranked of two
/// results that have no model in common. `None`: nobody is ranked in one of them.
pub fn fastest(before: &Comparison, after: &Comparison) -> Option<(Model, Change)> {
    let best = |one: &Comparison| compare::reference(&one.contestants, None);
    let old = &before.contestants[best(before)?];
    let new = &after.contestants[best(after)?];
    change(old, new, after.settings.minimum_effect).map(|change| (old.model.clone(), change))
}

fn change(old: &Contestant, new: &Contestant, effect: f64) -> Option<Change> {
    if old.unranked.is_some() || new.unranked.is_some() {
        return None;
    }
    let (before, after) = (times(old), times(new));
    let ratio = stats::ratio_interval(&after, &before, Confidence::P99)?;
    let rounds = before.len().min(after.len());
    Some(Change {
        model: new.model.clone(),
        workers: new.workers,
        before_ns: stats::median(&before)? as u64,
        after_ns: stats::median(&after)? as u64,
        ratio,
        verdict: compare::verdict(&ratio, rounds, effect, Confidence::P99),
    })
}

/// Work times of the rounds that count, nanoseconds.
fn times(contestant: &Contestant) -> Vec<f64> {
    counted(contestant).iter().map(|run| run.compared_ns()).collect()
}

#[cfg(test)]
mod tests {
    use maitred_wire::Strategy;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

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

    #[test]
    fn without_a_model_in_common_the_fastest_are_compared() {
        let only = |index: usize, factor| {
            let mut one = scaled(&tables(), factor);
            one.contestants = Vec::from([one.contestants.swap_remove(index)]);
            one
        };
        let (sequential, threads) = (only(0, 1.0), only(1, 1.0));
        assert_eq!(changes(&sequential, &threads), []);
        let (model, change) = fastest(&sequential, &threads).unwrap();
        assert_eq!(
            (model.strategy, change.model.strategy),
            (Strategy::Sequential, Strategy::Threads)
        );
        assert_eq!(change.verdict, Verdict::Faster);
        assert_eq!(fastest(&threads, &sequential).unwrap().1.verdict, Verdict::Slower);
        let mut failed = threads;
        failed.contestants[0].unranked = Some("timed out".into());
        assert_eq!(fastest(&sequential, &failed), None);
    }

    /// How often of so many a change of so much is told the same, and how often slower: 40 rounds
    /// each, as many as are made beside a saved result if there is time for them, scattered by 2 %
    /// (log-normally, by twelve uniform numbers), and one in twenty held up by a fifth.
    fn told(times: usize, change: f64) -> [usize; 2] {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut uniform = move || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut round = |median: f64| {
            let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            let held_up = if uniform() < 0.05 { 1.2 } else { 1.0 };
            median * held_up * libm::exp(0.02 * normal)
        };
        let mut told = [0, 0];
        for _ in 0..times {
            let before: Vec<f64> = (0..40).map(|_| round(1e8)).collect();
            let after: Vec<f64> = (0..40).map(|_| round(1e8 * change)).collect();
            let ratio = stats::ratio_interval(&after, &before, Confidence::P99).unwrap();
            match compare::verdict(&ratio, 40, 0.03, Confidence::P99) {
                Verdict::Same => told[0] += 1,
                Verdict::Slower => told[1] += 1,
                _ => {}
            }
        }
        told
    }

    #[test]
    fn equals_are_told_the_same_and_a_tenth_is_found() {
        let ([same, worse], [_, found]) = (told(6, 1.0), told(6, 1.1));
        assert!(same >= 5 && worse == 0 && found >= 5, "{same} {worse} {found}");
    }

    #[test]
    #[ignore = "slow: a sweep"]
    fn equals_are_told_the_same_and_a_tenth_is_found_a_hundred_times() {
        let ([same, worse], [_, found]) = (told(100, 1.0), told(100, 1.1));
        assert!(same >= 95 && worse == 0 && found >= 90, "{same} {worse} {found}");
    }
}
