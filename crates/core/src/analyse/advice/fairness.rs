//! What a comparison may owe to something else than its models: how many tasks were under way at
//! once.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

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
    use Strategy as S;
    let tasks = case.comparison.tasks().1;
    let strategy = |index: usize| case.contestant(index).model.strategy;
    let unbounded = matches!(strategy(case.fastest), S::Threads | S::EventLoop | S::AsyncPool);
    let waits = case.shape().is_some_and(|shape| shape.computing < 0.5);
    if !unbounded || !waits || case.is_url() || case.is_paced() {
        return None;
    }
    let is_small = |index: &usize| {
        let pool = matches!(strategy(*index), S::ThreadPool | S::Processes | S::Interpreters);
        let workers = f64::from(case.contestant(*index).workers);
        pool && workers * UNEQUAL <= tasks as f64
    };
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
