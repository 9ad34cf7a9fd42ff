//! How many workers: from the sweep where one was measured, else by Goetz's formula.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::{Case, name};
use crate::analyse::compare;
use crate::analyse::nature::BoundBy;
use crate::analyse::scaling::{self, Point, Scaling};
use crate::analyse::stats::Confidence;
use crate::analyse::units::{cores, count, percent, ratio};
use crate::result::{Rule, Sentence, Verdict};

/// A fit that misses by more than this describes nothing.
const GOOD_FIT: f64 = 0.1;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let sweeps = sweeps(case);
    if sweeps.is_empty() {
        return goetz(case).map(|text| Rule::PoolSize.says(text)).into_iter().collect();
    }
    let mut sentences = Vec::new();
    for (pair, members) in &sweeps {
        sentences.extend(knee(case, pair, members).map(|text| Rule::EnoughWorkers.says(text)));
        // That nothing can be fitted may be true of several sweeps alike.
        sentences.extend(law(case, pair, members).filter(|law| !sentences.contains(law)));
    }
    sentences
}

/// Ranked contestants that differ only in workers, at least two of them; by `runtime/strategy`.
fn sweeps(case: &Case<'_>) -> Vec<(String, Vec<usize>)> {
    let mut sweeps: Vec<(String, Vec<usize>)> = Vec::new();
    for rank in &case.against_fastest {
        let index = rank.contestant as usize;
        let model = &case.contestant(index).model;
        if !model.strategy.has_workers() {
            continue;
        }
        let pair = Model { workers: None, ..model.clone() }.to_string();
        match sweeps.iter_mut().find(|(known, _)| *known == pair) {
            Some((_, members)) => members.push(index),
            None => sweeps.push((pair, Vec::from([index]))),
        }
    }
    for (_, members) in &mut sweeps {
        members.sort_by_key(|&index| case.contestant(index).workers);
        members.dedup_by_key(|index| case.contestant(*index).workers);
    }
    sweeps.retain(|(_, members)| members.len() > 1);
    sweeps
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
    if fewer.into_iter().any(|&index| is(index, Verdict::CannotTell)) {
        return None;
    }
    let tried: Vec<String> = members.iter().map(|&index| workers(index).to_string()).collect();
    let tried = tried.join(", ");
    let most = *members.last()?;
    let machine = case.cores();
    Some(match workers(knee) {
        n if computes(case) && n >= machine => format!(
            "`{pair}` gains up to {n} workers (of {tried}); this machine has {machine} processors, and more workers than those cannot compute faster."
        ),
        n if n == workers(most) => format!(
            "`{pair}` still gains at {n} workers, the most that were tried ({tried}): try more."
        ),
        1 => format!("One worker is enough for `{pair}`: of {tried} none is faster."),
        n => format!("{n} workers are enough for `{pair}`: of {tried} none is faster."),
    })
}

fn computes(case: &Case<'_>) -> bool {
    case.plainest().is_some_and(|nature| nature.computing_share() > 0.5)
}

fn law(case: &Case<'_>, pair: &str, members: &[usize]) -> Option<Sentence> {
    if members.len() < 3 {
        return None;
    }
    let computes = computes(case);
    let point = |&index: &usize| Point {
        workers: case.contestant(index).workers,
        work_ns: case.work_ns(index),
    };
    let points: Vec<Point> = members.iter().map(point).collect();
    let Some(fit) = scaling::fit(&points, case.cores(), computes) else {
        return Some(Rule::TooFewForALaw.says(format!(
            "Fewer than three of these worker counts are within the {} processors of this machine, beyond which computing cannot gain: too few to fit a law of scaling.",
            case.cores()
        )));
    };
    describe(pair, &fit, case.cores()).map(|text| Rule::ScalingLaw.says(text))
}

fn describe(pair: &str, fit: &Scaling, machine: u32) -> Option<String> {
    let beyond = match fit.beyond_cores.is_empty() {
        true => String::new(),
        false => format!(" This says nothing of more than the {machine} processors here."),
    };
    if let Some(usl) = fit.usl.filter(|usl| usl.residual <= GOOD_FIT) {
        let peak = usl.peak.map_or_else(
            || "no limit can be seen near what was tried".into(),
            |peak| format!("the peak is at {} workers", libm::round(peak)),
        );
        return Some(format!(
            "`{pair}` scales by Gunther's law with contention {} and coherency {} (residual {}): {peak}.{beyond}",
            percent(usl.contention),
            percent(usl.coherency),
            percent(usl.residual)
        ));
    }
    let amdahl = fit.amdahl;
    if amdahl.residual > GOOD_FIT {
        return None;
    }
    let residual = percent(amdahl.residual);
    let serial = percent(amdahl.serial);
    let limit = if amdahl.serial < 0.005 {
        "no limit can be seen".into()
    } else {
        format!(
            "no number of workers makes it more than {} as fast as one",
            ratio(1.0 / amdahl.serial)
        )
    };
    Some(format!(
        "`{pair}` scales by Amdahl's law with {serial} serial (residual {residual}): {limit}.{beyond}"
    ))
}

/// cores × (1 + waiting ÷ computing): Goetz et al., Java Concurrency in Practice (2006), §8.2.
fn goetz(case: &Case<'_>) -> Option<String> {
    if case.own_threads().is_some() {
        return None; // how many workers there should be depends on how many threads each has
    }
    let pool = case.against_fastest.iter().map(|rank| rank.contestant as usize).find(|&index| {
        let facts = case.contestant(index).model.strategy.facts();
        facts.has_workers() && facts.is_one_task_a_lane()
    })?;
    let nature = case.plainest().filter(|nature| nature.computing_ns > 0)?;
    // Where tasks arrive at a rate, that rate sets how many are under way, not the processors.
    let open_loop = case.summary(pool)?.latency.known().is_some_and(|latency| latency.from_arrival);
    if open_loop {
        return None;
    }
    // Where something else than workers is short, more of them only queue for it.
    if nature.bound.as_ref().is_some_and(|bound| matches!(bound.by, BoundBy::Resource { .. })) {
        return None;
    }
    let waits = (nature.waiting_ns + nature.blocking_ns) as f64 / nature.computing_ns as f64;
    let tasks = case.comparison.tasks().1.max(1);
    let wanted = libm::round(f64::from(case.cores()) * (1.0 + waits)).max(1.0);
    let had = u64::from(case.contestant(pool).workers);
    let wanted = (wanted as u64).min(tasks);
    if wanted as f64 <= 1.5 * had as f64 && had as f64 <= 1.5 * wanted as f64 {
        return None;
    }
    let number = if wanted == tasks {
        "as many workers as tasks".into()
    } else {
        format!("{} workers", count(wanted))
    };
    Some(format!(
        "A pool for this wants {number} (processors × (1 + waiting ÷ computing), waiting ÷ computing = {}); {} had {had}. Try `--workers`.",
        cores(waits),
        name(case.contestant(pool))
    ))
}
