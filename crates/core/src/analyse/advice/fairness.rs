//! What a comparison may owe to something else than its models: how many tasks were under way at
//! once.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::{Lanes, Loops, Strategy};

use super::{Case, list};
use crate::analyse::units::count;
use crate::result::{Rule, Sentence, Verdict};

/// Pools that have so many times fewer workers than tasks are under way elsewhere are not alike.
const UNEQUAL: f64 = 1.5;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    sentences.extend(unequal(case).map(|text| Rule::UnequalConcurrency.says(text)));
    sentences
}

/// A pool that is slower than who has all tasks under way at once, where tasks mostly wait: its
/// size decides, and not the model.
fn unequal(case: &Case<'_>) -> Option<String> {
    let tasks = case.comparison.tasks().1;
    let strategy = |index: usize| case.contestant(index).model.strategy;
    let facts = strategy(case.fastest).facts();
    let unbounded = facts.lanes == Lanes::ByTask || facts.loops == Loops::Every;
    let waits = case.shape().is_some_and(|shape| shape.computing < 0.5);
    if !unbounded || !waits || case.is_url() || case.is_paced() {
        return None;
    }
    // How many an executor of the user's has under way, only it knows.
    let pool = |index: usize| {
        let (strategy, facts) = (strategy(index), strategy(index).facts());
        facts.lanes == Lanes::ByWorker
            && facts.loops == Loops::None
            && strategy != Strategy::Executor
    };
    let has_few =
        |index: usize| f64::from(case.contestant(index).workers) * UNEQUAL <= tasks as f64;
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    // Where one of the same kind had about as many under way, that one tells what the model does.
    let has_equal = |index: usize| {
        let kind = |index: usize| {
            let model = &case.contestant(index).model;
            (model.strategy, &model.runtime, &model.setting)
        };
        ranked.clone().any(|other| kind(other) == kind(index) && !has_few(other))
    };
    let is_small = |index: &usize| pool(*index) && has_few(*index) && !has_equal(*index);
    let small: Vec<usize> =
        case.with(Verdict::Slower).map(|(index, _)| index).filter(is_small).collect();
    let names: Vec<String> = small
        .iter()
        .map(|&index| {
            let workers = u64::from(case.contestant(index).workers);
            format!("{} {}", case.name(index), count(workers))
        })
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "How many tasks were under way at once differs: under {} all {}, under {}. For work that waits this decides, and not the model: compare at equal concurrency (`--workers {tasks}`).",
            case.name(case.fastest),
            count(tasks),
            list(&names)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::advice::planted::cases::{of, waiting};

    #[test]
    fn a_pool_that_had_as_many_under_way_speaks_for_the_model() {
        let beside = |sizes: &[u32]| {
            let pools = sizes.iter().map(|&size| (Strategy::ThreadPool, Some(size)));
            let models: Vec<_> = [(Strategy::EventLoop, None)].into_iter().chain(pools).collect();
            let conclusion = of(&waiting(), &models, 6, |_, _| {});
            conclusion.said_by(Rule::UnequalConcurrency).is_some()
        };
        assert!(beside(&[6]));
        assert!(!beside(&[6, 64]));
    }
}
