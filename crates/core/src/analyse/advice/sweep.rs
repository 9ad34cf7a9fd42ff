//! What is said of a sweep over numbers of workers: how many to use, which law they follow, what
//! more processors would bring, what more workers cost.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::{Case, law, workers};
use crate::analyse::scaling::{self, Scaling, Speed};
use crate::analyse::sweep::{self, evenness};
use crate::analyse::units::{bytes, percent};
use crate::result::{Doubling, Figure, LawName, Rule, Sentence, Serial, Sweep};

/// Work that keeps processors busy for less than this gains nothing by more of them.
const BUSY: f64 = 0.5;
/// Turns that are less full than this cost so much that it must be said.
const FULL: f64 = 0.85;

/// What follows from the rounds, model by model, in the order in which they were named.
pub(super) fn sweeps(case: &Case<'_>) -> Vec<Sweep> {
    let groups = sweep::groups(case.comparison, sweep::ranked(case.comparison));
    groups.into_iter().map(|(model, members)| of(case, model, &members)).collect()
}

fn of(case: &Case<'_>, model: Model, members: &[usize]) -> Sweep {
    let comparison = case.comparison;
    let speeds = sweep::any_speeds(comparison, members);
    let computes = workers::computes(case);
    let reach = if computes { case.cores() } else { u32::MAX };
    let within: Vec<Speed> =
        speeds.iter().filter(|speed| speed.workers <= reach).cloned().collect();
    let scaling = scaling::fit(&within);
    let name = format!("`{}`", case.short_name(&model));
    let mut fit = law::fit(&speeds, &scaling, comparison.settings.minimum_effect, &name);
    if let Some(law) = &mut fit.law {
        law.peak = law.peak.filter(|peak| workers::peak_agrees(case, members, peak.high));
    }
    if matches!(scaling, Scaling::TooFew(_)) && within.len() < speeds.len() {
        fit.why = Some(law::beyond(case, within.len()));
    }
    let serial = sweep::serial(&speeds, case.cores()).filter(|_| computes);
    let doubling = match &scaling {
        Scaling::Fits(law) if computes => doubled(law, case.cores()),
        _ => serial.as_ref().map(by_amdahl),
    };
    Sweep { model, fit, serial, doubling, memory: sweep::memory(comparison, members) }
}

/// By a law that reaches as far as there are processors.
fn doubled(law: &scaling::Law, processors: u32) -> Option<Doubling> {
    let most = law.ratios.last()?.0;
    let now = f64::from(processors);
    let brings = law.estimate(|curve| curve.at(2.0 * now) / curve.at(now));
    let by = law::fitted(law).name;
    let doubling = Doubling { processors: 2 * processors, brings: law::figure(brings), by };
    (most == processors).then_some(doubling)
}

/// By the serial share that one speed-up shows.
fn by_amdahl(serial: &Serial) -> Doubling {
    let now = f64::from(serial.workers);
    let speedup = |share: f64, workers: f64| 1.0 / (share + (1.0 - share) / workers);
    let brings = |share: f64| speedup(share, 2.0 * now) / speedup(share, now);
    let Figure { value, low, high } = serial.share;
    let brings = Figure { value: brings(value), low: brings(high), high: brings(low) };
    Doubling { processors: 2 * serial.workers, brings, by: LawName::Amdahl }
}

/// All that is said of the sweeps.
pub(super) fn sentences(case: &Case<'_>, sweeps: &[Sweep]) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = answer(case, sweeps).into_iter().collect();
    sentences.extend(uneven(case, sweeps));
    for sweep in sweeps {
        let name = case.short_name(&sweep.model);
        let said = [law_of(sweep, &name), serial(sweep, &name), processors(case, sweep, &name)];
        let said = said.into_iter().chain([memory(sweep, &name)]).flatten();
        for sentence in said {
            // What is true of several models alike is said once.
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
    }
    sentences
}

/// The throughput of a sweep at its best.
fn top(sweep: &Sweep) -> f64 {
    sweep.fit.points.iter().map(|point| point.rate).fold(0.0, f64::max)
}

fn answer(case: &Case<'_>, sweeps: &[Sweep]) -> Option<Sentence> {
    let best = sweeps.iter().max_by(|one, other| top(one).total_cmp(&top(other)))?;
    let found = best.fit.best.as_ref()?;
    let name = (sweeps.len() > 1).then(|| case.short_name(&best.model));
    let said = law::how_many(found, name.as_deref());
    let most = best.fit.points.iter().map(|point| point.workers).max()?;
    let (_, tasks) = case.comparison.tasks();
    let open = found.fewest == most && u64::from(most) < tasks;
    let more = if open { ", and more were not tried: try `--most`" } else { "" };
    Some(Rule::BestWorkers.says(format!("{said}{more}.")))
}

/// Tasks that do not divide among workers look like work that does not scale.
fn uneven(case: &Case<'_>, sweeps: &[Sweep]) -> Option<Sentence> {
    let (_, tasks) = case.comparison.tasks();
    let timed =
        case.comparison.contestants.iter().flat_map(|one| &one.runs).any(|run| run.is_timed());
    let paired = sweeps.iter().filter(|sweep| sweep.model.strategy.facts().is_one_task_a_lane());
    let tried = paired.flat_map(|sweep| sweep.fit.points.iter().map(|point| point.workers));
    let mut uneven: Vec<u32> =
        tried.filter(|&workers| !timed && evenness(tasks, workers) < FULL).collect();
    uneven.sort_unstable();
    uneven.dedup();
    let worst = uneven.iter().map(|&workers| evenness(tasks, workers)).fold(1.0, f64::min);
    let names: Vec<String> = uneven.iter().map(|workers| workers.to_string()).collect();
    (!uneven.is_empty()).then(|| {
        Rule::UnevenTurns.says(format!(
            "{tasks} tasks do not divide evenly among {} workers: in the last turn some have nothing to do, which costs up to {} of the throughput and is no property of more workers. Give more tasks, or numbers that divide them.",
            names.join(", "),
            percent(1.0 - worst)
        ))
    })
}

fn law_of(sweep: &Sweep, name: &str) -> Option<Sentence> {
    match (&sweep.fit.law, &sweep.fit.why) {
        (Some(found), _) => {
            Some(Rule::ScalingLaw.says(format!("`{name}` {}.", law::describe(found))))
        }
        (None, Some(why)) => Some(Rule::NoLaw.says(why.clone())),
        (None, None) => None,
    }
}

/// The serial share by one speed-up, where no law of several tells it better.
fn serial(sweep: &Sweep, name: &str) -> Option<Sentence> {
    let found = sweep.serial.as_ref().filter(|_| sweep.fit.law.is_none())?;
    Some(Rule::SerialShare.says(format!(
        "On {} processors `{name}` is {} as fast as one worker: by Karp and Flatt's metric {} of it is serial, which two numbers of workers tell and none confirms.",
        found.workers,
        law::times(&found.speedup),
        law::share(&found.share)
    )))
}

/// What twice the processors would bring.
fn processors(case: &Case<'_>, sweep: &Sweep, name: &str) -> Option<Sentence> {
    if let Some(found) = &sweep.doubling {
        let by = match found.by {
            LawName::Amdahl => "Amdahl's law",
            LawName::Universal => "the Universal Scalability Law",
        };
        return Some(Rule::MoreProcessors.says(format!(
            "Extrapolated: on {} processors `{name}` would be {} as fast as on {}, if {by} goes on to hold.",
            found.processors,
            law::times(&found.brings),
            found.processors / 2
        )));
    }
    let best = sweep.fit.best.as_ref()?;
    let index = sweep::ranked(case.comparison).find(|&index| {
        let one = case.contestant(index);
        let model = Model { workers: None, ..one.model.clone() };
        model == sweep.model && one.workers == best.workers
    })?;
    let used = case.summary(index)?.cores_used.known()? / f64::from(case.cores().max(1));
    (used < BUSY).then(|| {
        Rule::MoreProcessors.says(format!(
            "More processors would not help `{name}`: with {} workers it keeps those that are here busy for {}.",
            best.workers,
            percent(used)
        ))
    })
}

fn memory(sweep: &Sweep, name: &str) -> Option<Sentence> {
    let found = sweep.memory.filter(|found| found.low > 0.0)?;
    let size = |value: f64| bytes(libm::round(value) as u64);
    Some(Rule::WorkerMemory.says(format!(
        "Each more worker of `{name}` takes {} of memory ({} to {}).",
        size(found.value),
        size(found.low),
        size(found.high)
    )))
}
