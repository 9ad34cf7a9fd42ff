//! How many workers: from the sweep where one was measured, else by Goetz's formula.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Case, law};
use crate::analyse::compare;
use crate::analyse::nature::BoundBy;
use crate::analyse::scaling::{self, Scaling};
use crate::analyse::stats::Confidence;
use crate::analyse::sweep;
use crate::analyse::units::{cores, plural, processors};
use crate::result::{Rule, Sentence, Verdict};

/// A pool of so many times more or fewer workers has about as many.
const ABOUT: f64 = 1.5;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let sweeps = sweeps(case);
    if sweeps.is_empty() {
        return pool_size(case).map(|text| Rule::PoolSize.says(text)).into_iter().collect();
    }
    let mut sentences = Vec::new();
    for (pair, members) in &sweeps {
        sentences.extend(knee(case, pair, members).map(|text| Rule::EnoughWorkers.says(text)));
        // That nothing can be fitted may be true of several sweeps alike.
        sentences.extend(fitted(case, pair, members).filter(|law| !sentences.contains(law)));
    }
    sentences
}

/// Ranked contestants that differ only in workers, at least two of them; by the name that they
/// have in common.
fn sweeps(case: &Case<'_>) -> Vec<(String, Vec<usize>)> {
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let groups = sweep::groups(case.comparison, ranked);
    let named = groups.into_iter().map(|(model, members)| (case.short_name(&model), members));
    named.collect()
}

/// The fewest workers that are as good as the best number of them.
fn knee(case: &Case<'_>, pair: &str, members: &[usize]) -> Option<String> {
    let workers = |index: usize| case.contestant(index).workers;
    let best = *members.iter().min_by_key(|&&index| case.work_ns(index))?;
    let effect = case.comparison.settings.minimum_effect;
    let against = compare::ranks(&case.comparison.contestants, best, effect, Confidence::P95);
    let is = |index: usize, verdict| {
        let rank = against.iter().find(|rank| rank.contestant as usize == index);
        rank.is_some_and(|rank| rank.verdict == verdict)
    };
    let knee = *members.iter().find(|&&index| index == best || is(index, Verdict::Same))?;
    // Where fewer may be as good, how far it gains is not known.
    let fewer = members.iter().take_while(|&&index| index != knee);
    if fewer.into_iter().any(|&index| is(index, Verdict::Inconclusive)) {
        return None;
    }
    let tried: Vec<String> = members.iter().map(|&index| workers(index).to_string()).collect();
    let tried = tried.join(", ");
    let most = *members.last()?;
    let machine = case.cores();
    Some(match workers(knee) {
        n if computes(case) && n >= machine => format!(
            "`{pair}` gains up to {n} workers (of {tried}); this machine has {}, and more workers than those cannot compute faster.",
            processors(case.processors())
        ),
        n if u64::from(n) >= case.comparison.tasks().1 && n > 1 => {
            format!("`{pair}` gains up to {n} workers (of {tried}), as many as there are tasks.")
        }
        n if n == workers(most) => format!(
            "`{pair}` still gains at {n} workers, the most that were tried ({tried}): try more."
        ),
        1 => format!("One worker is enough for `{pair}`: of {tried} none is faster."),
        n => format!("{n} workers are enough for `{pair}`: of {tried} none is faster."),
    })
}

pub(super) fn computes(case: &Case<'_>) -> bool {
    case.shape().is_some_and(|shape| shape.computing > 0.5)
}

/// What law they follow, from rounds that nothing disturbed; of work that computes, as far as
/// there are processors.
fn fitted(case: &Case<'_>, pair: &str, members: &[usize]) -> Option<Sentence> {
    if members.len() < 3 {
        return None;
    }
    let reach = if computes(case) { case.cores() } else { u32::MAX };
    let within: Vec<usize> =
        members.iter().copied().filter(|&index| case.contestant(index).workers <= reach).collect();
    let beyond = within.len() < members.len();
    let Some(speeds) = sweep::clean_speeds(case.comparison, &within) else {
        return Some(Rule::NoLaw.says(law::disturbed(pair)));
    };
    match scaling::fit(&speeds) {
        Scaling::TooFew(found) if beyond => Some(Rule::NoLaw.says(law::beyond(case, found))),
        other @ (Scaling::TooFew(_) | Scaling::NeitherFits(_)) => {
            law::why_not(&other, &format!("`{pair}`")).map(|text| Rule::NoLaw.says(text))
        }
        Scaling::Fits(law) => {
            let beyond = match beyond {
                true => {
                    format!(" This says nothing of more than the {} processors here.", case.cores())
                }
                false => String::new(),
            };
            let mut law = law::fitted(&law);
            law.peak = law.peak.filter(|peak| peak_agrees(case, members, peak.high));
            let text = law::describe(&law);
            Some(Rule::ScalingLaw.says(format!("`{pair}` {text}.{beyond}")))
        }
    }
}

/// A peak is none that the verdicts beside it contradict: whoever has the most workers must be
/// told to be slower than the fastest.
pub(super) fn peak_agrees(case: &Case<'_>, members: &[usize], peak: f64) -> bool {
    let Some(&most) = members.last() else { return false };
    let is_beyond = f64::from(case.contestant(most).workers) > peak;
    is_beyond && case.with(Verdict::Slower).any(|(index, _)| index == most)
}

/// A pool, and how many workers the formula wants it to have.
pub(super) struct Wanted {
    pub(super) pool: usize,
    pub(super) workers: u64,
    pub(super) waiting_per_computing: f64,
}

/// cores × (1 + waiting ÷ computing): Goetz et al., Java Concurrency in Practice (2006), §8.2. `None`:
/// no pool is wanted, or one has about as many.
pub(super) fn wanted(case: &Case<'_>) -> Option<Wanted> {
    if case.own_threads().is_some() {
        return None; // how many workers there should be depends on how many threads each has
    }
    let is_pool = |index: &usize| {
        let facts = case.contestant(*index).model.strategy.facts();
        facts.has_workers() && facts.is_one_task_a_lane()
    };
    let ranked = || case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let pool = ranked().find(is_pool)?;
    let nature = case.plainest().filter(|nature| nature.computing_ns > 0)?;
    // Where sequential execution is the fastest, no pool is wanted, of whatever size.
    if super::work::gains_nothing(case) {
        return None;
    }
    // Where tasks arrive at a rate, that rate sets how many are under way, not the processors.
    let open_loop = case.summary(pool)?.latency.known().is_some_and(|latency| latency.from_arrival);
    if open_loop {
        return None;
    }
    // Where something else than workers is short, more of them only queue for it.
    if nature.bound.as_ref().is_some_and(|bound| matches!(bound.by, BoundBy::Resource { .. })) {
        return None;
    }
    let shape = case.shape().filter(|shape| shape.computing > 0.0)?;
    let waiting_per_computing = (1.0 - shape.computing) / shape.computing;
    let tasks = case.comparison.tasks().1.max(1);
    let workers = libm::round(case.processors().usable() * (1.0 + waiting_per_computing)).max(1.0);
    let workers = (workers as u64).min(tasks);
    let has_as_many = |index: usize| {
        let had = f64::from(case.contestant(index).workers);
        workers as f64 <= ABOUT * had && had <= ABOUT * workers as f64
    };
    let mut pools = ranked().filter(is_pool);
    (!pools.any(has_as_many)).then_some(Wanted { pool, workers, waiting_per_computing })
}

/// How many workers a pool wants, where nobody tried about as many.
fn pool_size(case: &Case<'_>) -> Option<String> {
    let Wanted { pool, workers, waiting_per_computing } = wanted(case)?;
    let number = match workers == case.comparison.tasks().1 {
        true => "as many workers as tasks".into(),
        false => plural(workers, "worker"),
    };
    let had = u64::from(case.contestant(pool).workers);
    Some(format!(
        "A pool for this wants {number} (processors × (1 + waiting ÷ computing), waiting ÷ computing = {}); {} had {had}. Try `--workers {workers}`.",
        cores(waiting_per_computing),
        case.name(pool)
    ))
}
