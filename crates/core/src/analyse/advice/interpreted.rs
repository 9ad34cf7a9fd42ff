//! Why an interpreter did as it did: its lock, the price of processes, a function that does not
//! give way. Every sentence from what was measured.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::{Handover, Strategy};

use super::{Case, list};
use crate::analyse::interpreted::Interpreted;
use crate::analyse::units::{bytes, cores, count, duration, plural, ratio, usable};
use crate::result::{Rule, Sentence, SubjectKind};
use crate::trace::WaitCause;

/// From here on computing is what the work is about.
const COMPUTES: f64 = 0.5;
/// Threads that use no more than this have computed one at a time.
pub(super) const ONE_AT_A_TIME: f64 = 1.15;
/// Less than this is not by chance.
const CLEARLY_LESS: f64 = 0.95;
/// What weighs less is not what makes handing over slow.
const LARGE_BYTES: u64 = 1 << 20;
/// From here on handing over is what the work takes.
const MOST: f64 = 0.5;
/// A price that makes up less of the work is not worth a word in a workload.
const PRICE: f64 = 0.1;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    sentences.extend(lock(case));
    sentences.extend(apart(case).map(|text| Rule::ProcessCosts.says(text)));
    sentences.extend(too_big(case).map(|text| Rule::TooBigToSend.says(text)));
    sentences.extend(stands_still(case).map(|text| Rule::LoneCall.says(text)));
    sentences
}

fn ranked(case: &Case<'_>) -> impl Iterator<Item = (usize, Interpreted)> {
    case.against_fastest.iter().filter_map(|rank| {
        let index = rank.contestant as usize;
        Some((index, case.nature(index)?.interpreted.clone()))
    })
}

fn in_threads(case: &Case<'_>, index: usize) -> bool {
    use Strategy as S;
    let contestant = case.contestant(index);
    let many = contestant.workers > 1;
    many && matches!(contestant.model.strategy, S::Threads | S::ThreadPool | S::Hybrid)
}

pub(super) fn cores_used(case: &Case<'_>, index: usize) -> Option<f64> {
    case.summary(index)?.cores_used.known().copied()
}

/// The lock lets one thread compute at a time.
fn lock(case: &Case<'_>) -> Option<Sentence> {
    if case.cores() < 2 || case.plainest()?.computing_share() < COMPUTES {
        return None;
    }
    let held_up = |index: &usize| {
        in_threads(case, *index)
            && cores_used(case, *index).is_some_and(|used| used <= ONE_AT_A_TIME)
    };
    let locked: Vec<usize> = ranked(case)
        .filter_map(|(index, facts)| (facts.gil == Some(true)).then_some(index))
        .filter(held_up)
        .collect();
    let held_by = |kind| locked.iter().copied().filter(move |&index| kind == holder(case, index));
    if let Some(own) = held_by(Holder::AnotherLock).next() {
        return Some(Rule::OwnLock.says(own_lock(case, own)));
    }
    let is_seen = held_by(Holder::Gil).next().is_some();
    let is_workload = case.comparison.subject.kind == SubjectKind::Workload;
    let first = *locked.first()?;
    let names: Vec<String> = locked.iter().map(|&index| case.name(index)).collect();
    let most = if locked.len() > 1 { "at most " } else { "" };
    let used = locked.iter().filter_map(|&index| cores_used(case, index)).fold(0.0, f64::max);
    let used = cores(used);
    let remedy = without_lock(case, first).unwrap_or_else(|| {
        "Processes have a lock each; an interpreter built without it (`python3.13t`, see `maitred runtimes`) has none"
            .into()
    });
    Some(Rule::GlobalLock.says(format!(
        "{} lets one thread compute at a time: {} used {most}{used} of {} processors. {remedy}.",
        // The steps of a workload compute in the interpreter; of a function nobody knows unless
        // its threads were looked at.
        match is_seen || is_workload {
            true => "The lock of the interpreter (GIL)",
            false => "A lock, the GIL or another,",
        },
        list(&names),
        usable(case.processors())
    )))
}

/// What keeps threads from computing at the same time.
#[derive(Clone, Copy, PartialEq)]
enum Holder {
    Gil,
    AnotherLock,
    /// Nobody looked, or too seldom.
    Unknown,
}

/// What looks at the blocked threads of a model saw.
fn holder(case: &Case<'_>, index: usize) -> Holder {
    let traced = case.contestant(index).traced.as_ref().and_then(|run| run.scheduling.as_ref());
    let waits = traced.and_then(|shares| shares.waits.as_ref());
    let share = |cause| waits.and_then(|waits| waits.share(cause));
    match (share(WaitCause::Gil), share(WaitCause::Lock)) {
        (Some((gil, ..)), Some((lock, ..))) if gil > lock => Holder::Gil,
        (Some((.., gil_at_most)), Some((_, lock_at_least, _))) if lock_at_least > gil_at_most => {
            Holder::AnotherLock
        }
        _ => Holder::Unknown,
    }
}

/// Its threads wait for each other by a lock that the program itself took.
fn own_lock(case: &Case<'_>, index: usize) -> String {
    let used = cores_used(case, index).unwrap_or(0.0);
    let remedy = match without_lock(case, index) {
        Some(measured) => format!("{measured}: the GIL is not what they wait for"),
        None => "An interpreter without a GIL would change nothing".into(),
    };
    format!(
        "A lock that the function itself takes lets one thread go on at a time: {} used {} of {} processors, and its blocked threads wait for that lock, not for the GIL. {remedy}; hold it for less of the work, or give each worker its own.",
        case.name(index),
        cores(used),
        usable(case.processors())
    )
}

/// What threads do on an interpreter without a lock, if one took part.
fn without_lock(case: &Case<'_>, locked: usize) -> Option<String> {
    let free = ranked(case)
        .filter_map(|(index, facts)| (facts.gil == Some(false)).then_some(index))
        .find(|&index| in_threads(case, index))?;
    let share = case.work_ns(free) as f64 / case.work_ns(locked).max(1) as f64;
    let (who, times) = (case.name(free), ratio(share));
    Some(if share < CLEARLY_LESS {
        let used = cores_used(case, free)
            .map_or_else(String::new, |used| format!(" used {} of them and", cores(used)));
        format!("{who}, which has no lock,{used} took {times} as long")
    } else {
        format!("{who} has no lock, but took {times} as long")
    })
}

/// The fastest whose workers share nothing, and what handing tasks over to them took.
fn handed_over(case: &Case<'_>) -> Option<(usize, Handover)> {
    ranked(case).find_map(|(index, facts)| Some((index, facts.handover?)))
}

/// What travels is so large that sending it is most of the work.
fn too_big(case: &Case<'_>) -> Option<String> {
    let (index, handover) = handed_over(case)?;
    let share = handover.call_ns.saturating_mul(handover.parcels) as f64
        / case.summary(index)?.work_ns.max(1) as f64;
    let each = |all: u64| all / handover.tasks.max(1);
    let (sent, returned) = (each(handover.sent_bytes), each(handover.returned_bytes));
    (share >= MOST && sent.max(returned) >= LARGE_BYTES).then(|| {
        format!(
            "What travels is too big: under {} each call carries {} there and {} back, pickled, and that is most of the time ({} a call). {}, such as a path or a summary, or use threads, which share it.",
            case.name(index),
            bytes(sent),
            bytes(returned),
            duration(handover.call_ns),
            if returned >= sent { "Let it return less" } else { "Give it less" },
        )
    })
}

/// What it costs to have workers that share nothing: before the work, and with every task.
fn apart(case: &Case<'_>) -> Option<String> {
    let (index, handover) = handed_over(case)?;
    let summary = case.summary(index)?;
    let total = handover.call_ns.saturating_mul(handover.parcels);
    let is_function = case.comparison.subject.kind == SubjectKind::Function;
    if !is_function && (total as f64) < PRICE * summary.work_ns as f64 {
        return None;
    }
    let each = |all: u64| bytes(all / handover.tasks.max(1));
    let parcels = match handover.parcels < handover.tasks {
        true => format!(
            " The {} went in {} parcels.",
            plural(handover.tasks, "task"),
            count(handover.parcels)
        ),
        false => String::new(),
    };
    Some(format!(
        "What {} costs: {} to start the workers, and {} a call, measured with calls that do nothing, but carry as much as a task: {} there and {} back, pickled. A task that lasts less gains nothing from being handed over by itself.{parcels}",
        case.name(index),
        duration(summary.setup_ns),
        duration(handover.call_ns),
        each(handover.sent_bytes),
        each(handover.returned_bytes)
    ))
}

fn stands_still(case: &Case<'_>) -> Option<String> {
    let (index, call) = ranked(case).find_map(|(index, facts)| Some((index, facts.lone_call?)))?;
    let remedy = match case.plainest()?.computing_share() {
        share if share < COMPUTES => {
            "Write it as `async def` with libraries that await, or use a pool"
        }
        _ => "A loop gains nothing for what computes",
    };
    Some(format!(
        "{} did one call after another: `{}` does not give way, so the loop stands still for each ({}). {remedy}.",
        case.name(index),
        call.label,
        duration(call.ns)
    ))
}
