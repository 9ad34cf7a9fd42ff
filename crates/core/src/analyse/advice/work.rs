//! What the work is made of, and how fast it can be done at best.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Case, name};
use crate::analyse::nature::{BoundBy, Nature};
use crate::analyse::units::{cores, duration, percent, ratio};
use crate::result::{Rank, Rule, Sentence};

/// Work of which so much is one thing is called by that thing.
const MOSTLY: f64 = 0.8;
/// Queueing for so much of their time makes a resource worth a word.
const QUEUEING: f64 = 0.1;
/// This near to the bound is as good as at it.
const AT_BOUND: f64 = 1.1;
/// Threads of a client that were in the way of requests for so much of their time.
const HELD_UP: f64 = 0.2;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let Some(nature) = case.plainest() else { return Vec::new() };
    let mut sentences = Vec::new();
    sentences.extend(kind(case, nature));
    sentences.extend(bottleneck(case).map(|text| Rule::Bottleneck.says(text)));
    if !case.is_url() {
        sentences.extend(bound(case, nature).map(|text| Rule::LowerBound.says(text)));
    }
    sentences
}

fn kind(case: &Case<'_>, nature: &Nature) -> Option<Sentence> {
    if nature.own_ns() == 0 {
        return None;
    }
    if let Some((index, used)) = case.own_threads() {
        return Some(own_threads(case, index, used));
    }
    let computing = nature.computing_share();
    let machine = case.cores();
    let used = case.summary(case.fastest).and_then(|summary| summary.cores_used.known());
    let used = used.map_or_else(String::new, |used| {
        format!(", {} of {machine} processors used", cores(*used))
    });
    if case.is_paced() {
        let fastest = name(case.contestant(case.fastest));
        return Some(Rule::KeepsUp.says(format!(
            "{fastest} keeps up with the arrivals{used}: neither concurrency nor parallelism can get more done than that."
        )));
    }
    if nature.requests_ns > nature.own_ns() / 2 && is_held_up(nature) {
        return None;
    }
    let waits = percent(1.0 - computing);
    let computes = percent(computing);
    let what = if computing >= MOSTLY {
        format!("Mostly computing ({computes} of task time{used})")
    } else if computing > 1.0 - MOSTLY {
        format!("Mixed ({computes} of task time is computing, {waits} waiting{used})")
    } else {
        format!("Mostly waiting ({waits} of task time{used})")
    };
    Some(Rule::Nature.says(what + &consequence(nature, machine)))
}

/// Workers beside threads of its own want the same processors.
fn own_threads(case: &Case<'_>, index: usize, used: f64) -> Sentence {
    Rule::OwnThreads.says(format!(
        "It uses several threads itself: one call at a time ({}) keeps {} of {} processors busy, as libraries with BLAS or OpenMP do. More workers want the same processors; `--inner-threads 1,auto` compares them with libraries that take one thread each.",
        name(case.contestant(index)),
        cores(used),
        case.cores()
    ))
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
fn consequence(nature: &Nature, machine: u32) -> String {
    let computing = nature.computing_share();
    let blocking = nature.blocking_ns as f64 / nature.own_ns() as f64;
    let bound = nature.bound.as_ref();
    // More than one processor is needed to get down to the bound.
    let parallel =
        bound.is_some_and(|bound| nature.computing_ns as f64 > AT_BOUND * bound.ns as f64);
    let all = duration(nature.computing_ns);
    match bound.map(|bound| &bound.by) {
        Some(BoundBy::Resource { name, .. }) if computing > 1.0 - MOSTLY => {
            format!(
                ", but all have to go through `{name}`: more processors or workers cannot help beyond that."
            )
        }
        _ if computing >= MOSTLY && machine == 1 => {
            ": only parallelism would pay, and this machine has 1 processor.".into()
        }
        _ if computing >= MOSTLY => {
            format!(": only parallelism pays, and this machine has {machine} processors.")
        }
        _ if blocking > QUEUEING => {
            let blocks = percent(blocking);
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

/// Who queues for what under the fastest model: under a sequential one nobody ever does.
fn bottleneck(case: &Case<'_>) -> Option<String> {
    let nature = case.nature(case.fastest)?;
    let queue = nature.queues.first()?;
    let share = queue.ns as f64 / nature.task_ns().max(1) as f64;
    if share < QUEUEING {
        return None;
    }
    let (who, what, share) = (&queue.who, &queue.name, percent(share));
    let under = name(case.contestant(case.fastest));
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

fn bound(case: &Case<'_>, nature: &Nature) -> Option<String> {
    let bound = nature.bound.as_ref().filter(|bound| bound.ns > 0)?;
    // Under another setting it is other work, with a bound of its own.
    let setting = |rank: &Rank| &case.contestant(rank.contestant as usize).model.setting;
    let mut settings = case.against_fastest.iter().map(setting);
    if settings.any(|one| *one != case.contestant(case.fastest).model.setting) {
        return None;
    }
    let took = case.work_ns(case.fastest);
    let over = took as f64 / bound.ns as f64;
    // A bound well above what was reached was taken from steps that lasted longer than they must.
    if over < 0.97 {
        return None;
    }
    let least = duration(bound.ns);
    let why = match &bound.by {
        BoundBy::Resource { name, capacity: 1, .. } => format!(
            "that long `{name}` is held, one task at a time, with what must come before and after"
        ),
        BoundBy::Resource { name, capacity, .. } => format!(
            "that long the {capacity} of `{name}` are held, with what must come before and after"
        ),
        BoundBy::LongestTask { name, arrives_ns: 0 } => {
            format!("so long the longest task, `{name}`, takes by itself")
        }
        BoundBy::LongestTask { name, arrives_ns } => {
            format!("`{name}` arrives only after {}", duration(*arrives_ns))
        }
        BoundBy::Processors(1) => "that much is to be computed on the one processor".into(),
        BoundBy::Processors(cores) => {
            format!("that much is to be computed on each of the {cores} processors")
        }
    };
    let fastest = name(case.contestant(case.fastest));
    let reached = match over {
        _ if over <= AT_BOUND => format!("{fastest} reaches that ({})", duration(took)),
        _ => format!("{fastest} takes {} of that ({})", ratio(over), duration(took)),
    };
    let relief = match &bound.by {
        BoundBy::Resource { name, with_one_more_ns, .. } if *with_one_more_ns < bound.ns => {
            format!(" One more `{name}` would lower the bound to {}.", duration(*with_one_more_ns))
        }
        _ => String::new(),
    };
    Some(format!("No model can finish in less than {least} ({why}); {reached}.{relief}"))
}
