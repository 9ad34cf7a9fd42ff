//! What the work is made of, what pays for such work, and what stands in its way.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::Case;
use super::bound::AT_BOUND;
use super::choice::equals;
use super::interpreted::{ONE_AT_A_TIME, cores_used};
use super::shape::{MOSTLY, Shape};
use crate::analyse::nature::{BoundBy, Nature, Queue};
use crate::analyse::overslept::Overslept;
use crate::analyse::units::{cores, count, duration, percent, processors, ratio, usable};
use crate::result::{Chosen, Rule, Sentence, Verdict};

/// Queueing for so much of their time makes a resource worth a word.
const QUEUEING: f64 = 0.1;
/// Threads of a client that were in the way of requests for so much of their time.
const HELD_UP: f64 = 0.2;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let Some(nature) = case.plainest() else { return Vec::new() };
    let mut sentences = Vec::new();
    sentences.extend(kind(case, nature));
    sentences.extend(queueing(case).map(|text| Rule::Bottleneck.says(text)));
    sentences.extend(overslept(case).map(|text| Rule::Overslept.says(text)));
    sentences
}

fn kind(case: &Case<'_>, nature: &Nature) -> Option<Sentence> {
    if nature.own_ns() == 0 {
        return None;
    }
    if let Some((index, used)) = case.own_threads() {
        return Some(own_threads(case, index, used));
    }
    let machine = usable(case.processors());
    let used = case.summary(case.fastest).and_then(|summary| summary.cores_used.known());
    let used = used.map_or_else(String::new, |used| {
        format!(", {} of {machine} processors used", cores(*used))
    });
    if case.is_paced() {
        let fastest = case.name(case.fastest);
        return Some(Rule::KeepsUp.says(format!(
            "{fastest} keeps up with the arrivals{used}: neither concurrency nor parallelism can get more done than that."
        )));
    }
    if nature.requests_ns > nature.own_ns() / 2 && is_held_up(nature) {
        return None;
    }
    let Some(shape) = case.shape() else {
        let is_alone = case.plainest_index().is_some_and(|index| case.is_alone(index));
        return Some(Rule::NatureUnknown.says(match is_alone {
            true => "Whether the work is CPU-bound or I/O-bound is inconclusive: a process that it waits for and that is in the run queue looks like one that waits, and others used the processors meanwhile. Repeat it when the machine is quiet.",
            false => "Whether the work is CPU-bound or I/O-bound is inconclusive: no model did its tasks alone, and beside others a task in the run queue, or one that wants a lock, looks like one that waits. `--models sequential,…` would tell.",
        }));
    };
    let (computes, waits) = (percent(shape.computing), percent(1.0 - shape.computing));
    let what = if shape.computing >= MOSTLY {
        format!("CPU-bound ({computes} of task time on a processor{used})")
    } else if shape.computing > 1.0 - MOSTLY {
        format!("Mixed ({computes} of task time on a processor, {waits} waiting{used})")
    } else {
        format!("I/O-bound ({waits} of task time waiting{used})")
    };
    Some(Rule::Nature.says(what + &consequence(case, nature, shape)))
}

/// Workers beside threads of its own want the same processors.
fn own_threads(case: &Case<'_>, index: usize, used: f64) -> Sentence {
    let busy = format!(
        "It uses several threads itself{}: one call at a time ({}) keeps {} of {} processors busy where it has them, as libraries with BLAS or OpenMP do.",
        busy_threads(case, index).map_or_else(String::new, |busy| format!(" ({busy} threads)")),
        case.name(index),
        cores(used),
        usable(case.processors())
    );
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let one_each = ranked.into_iter().find(|&other| {
        matches!(case.contestant(other).chosen, Some(Chosen::OneInnerThread { .. }))
    });
    Rule::OwnThreads.says(match one_each.and_then(|it| Some((it, case.times_as_long(it, index)?))) {
        Some((other, times)) => format!(
            "{busy} With libraries that take one thread each, {} workers ({}) take {} as long: {}.",
            count(u64::from(case.contestant(other).workers)),
            case.name(other),
            ratio(times),
            duration(case.work_ns(other)),
        ),
        None => format!(
            "{busy} More workers want the same processors; `--inner-threads 1,auto` compares them with libraries that take one thread each."
        ),
    })
}

/// A thread that was on a processor for a tenth of the time of the busiest is one of the call's own.
const BUSY: f64 = 0.1;

/// How many threads a call keeps busy, as the kernel's record shows it; `None`: there is none.
fn busy_threads(case: &Case<'_>, index: usize) -> Option<usize> {
    let shares = case.contestant(index).traced.as_ref()?.scheduling.as_ref()?;
    let most = shares.threads.first()?.running_ns as f64;
    let busy = shares.threads.iter().filter(|one| one.running_ns as f64 >= BUSY * most).count();
    (busy > 1).then_some(busy)
}

/// Whether requests waited for a processor, or for a busy loop, and not only for the server: what
/// they are made of cannot be told then.
fn is_held_up(nature: &Nature) -> bool {
    let Some(split) = nature.split else { return false };
    let busy = if split.is_loop { split.computing_ns } else { 0 };
    let in_the_way = busy.saturating_add(split.delayed_ns.unwrap_or(0));
    in_the_way as f64 >= HELD_UP * split.all_ns as f64
}

/// What pays for such work, concurrency or parallelism.
fn consequence(case: &Case<'_>, nature: &Nature, shape: Shape) -> String {
    let (computing, machine) = (shape.computing, case.processors());
    let bound = case.bound();
    let least = bound.as_ref().map_or_else(|| case.work_ns(case.fastest), |bound| bound.ns);
    // More than one processor is needed to get as fast as that.
    let parallel = nature.computing_ns as f64 > AT_BOUND * least as f64;
    let all = duration(nature.computing_ns);
    match bound.as_ref().map(|bound| &bound.by) {
        Some(BoundBy::Resource { name, .. }) if computing > 1.0 - MOSTLY => {
            format!(
                ", but all have to go through `{name}`: more processors or workers cannot help beyond that."
            )
        }
        _ if computing >= MOSTLY && machine.whole() == 1 => {
            format!(": only parallelism would pay, and this machine has {}.", processors(machine))
        }
        Some(BoundBy::LongestTask { name, .. })
            if computing >= MOSTLY && nature.computing_ns as f64 <= AT_BOUND * least as f64 =>
        {
            format!(
                ": `{name}` alone computes nearly all of it, and a task is on one processor at a time, whatever the model."
            )
        }
        _ if computing >= MOSTLY && gains_nothing(case) => {
            ": only parallelism could pay, and what was tried of it gains less than it costs."
                .into()
        }
        _ if computing >= MOSTLY => {
            format!(": only parallelism pays, and this machine has {}.", processors(machine))
        }
        _ if shape.blocking > QUEUEING => {
            let blocks = percent(shape.blocking);
            format!(
                ", {blocks} in calls that block: only threads or processes can overlap those, a loop cannot."
            )
        }
        _ if parallel => format!(
            ": concurrency pays first; once waiting overlaps, {all} of computing in all is left, and parallelism pays for that."
        ),
        _ => ": concurrency pays, parallelism does not.".into(),
    }
}

/// Whether sequential execution is as fast as anything that runs in parallel; or cannot be told from the
/// fastest, where all that cannot had one processor at a time.
pub(super) fn gains_nothing(case: &Case<'_>) -> bool {
    let strategy = |index: usize| case.contestant(index).model.strategy;
    let parallel = |index: &usize| {
        !matches!(strategy(*index), Strategy::Sequential | Strategy::EventLoop)
            && case.contestant(*index).workers > 1
    };
    let had_several = |index: &usize| {
        parallel(index) && cores_used(case, *index).is_none_or(|used| used > ONE_AT_A_TIME)
    };
    let mut fastest = case.with(Verdict::Same).map(|(index, _)| index).chain([case.fastest]);
    let mut ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    if fastest.any(|index| strategy(index) == Strategy::Sequential) {
        return ranked.any(|index| parallel(&index));
    }
    let (equals, _) = equals(case);
    equals.iter().any(|&index| strategy(index) == Strategy::Sequential)
        && !equals.iter().any(had_several)
        && ranked.any(|index| had_several(&index))
}

/// What tasks queue for under the fastest model: under a sequential one nobody ever does. Where waits
/// lasted longer than they should, nothing is concluded from queueing.
pub(super) fn bottleneck<'a>(case: &Case<'a>) -> Option<&'a Queue> {
    let nature = case.nature(case.fastest).filter(|nature| nature.overslept.is_none())?;
    nature.queues.first().filter(|queue| share_of(nature, queue) >= QUEUEING)
}

fn share_of(nature: &Nature, queue: &Queue) -> f64 {
    queue.ns as f64 / nature.task_ns().max(1) as f64
}

/// Who queues for what.
fn queueing(case: &Case<'_>) -> Option<String> {
    let queue = bottleneck(case)?;
    let share = percent(share_of(case.nature(case.fastest)?, queue));
    let (who, what) = (&queue.who, &queue.name);
    let under = case.name(case.fastest);
    Some(match queue.capacity {
        None => format!(
            "Tasks `{who}` spend {share} of all task time waiting at channel `{what}` under {under}: the other end sets the pace."
        ),
        Some(1) => format!(
            "The one `{what}` is the bottleneck: under {under}, {share} of all task time is a `{who}` waiting for it."
        ),
        Some(capacity) => format!(
            "The {capacity} of `{what}` are the bottleneck: under {under}, {share} of all task time is a `{who}` waiting for one."
        ),
    })
}

/// Waits that lasted longer than they should under the fastest model. Where a step stands in the way
/// of a loop, that is told instead.
fn overslept(case: &Case<'_>) -> Option<String> {
    let nature = case.nature(case.fastest).filter(|nature| nature.standstill.is_none())?;
    let Overslept { label, asked_ns, took_ns } = nature.overslept.as_ref()?;
    Some(format!(
        "Waits were overslept: under {} `{label}` lasts {} on average and not {}, for who wakes up does not go on at once where the processors, a loop or a lock are busy. What is held meanwhile is held longer than planned, so nothing is concluded from queueing.",
        case.name(case.fastest),
        duration(*took_ns),
        duration(*asked_ns)
    ))
}
