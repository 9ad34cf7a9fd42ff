//! What went wrong or stood in the way, and what to do about it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::VarValue;

use super::{list, name, results};
use crate::analyse::compare;
use crate::analyse::nature::Nature;
use crate::analyse::units::{count, duration, percent, plural};
use crate::result::{Comparison, Contestant, Rule, Run, Sentence};
use crate::trace::RunEnd;

/// A loop that stands still for less of its time than this is not worth a word.
const STANDSTILL: f64 = 0.05;
/// Having to wait for a processor for less of the time than this is not, either.
const STARVED: f64 = 0.3;

/// `times_told`: it was said already who waited for a processor.
pub(super) fn sentences(
    comparison: &Comparison,
    natures_of: &[Option<Nature>],
    times_told: bool,
) -> Vec<Sentence> {
    let contestants = &comparison.contestants;
    let natures = natures_of.iter().map(Option::as_ref).chain(core::iter::repeat(None));
    let mut sentences = Vec::new();
    for (index, nature) in (0..contestants.len()).zip(natures) {
        let still = nature.and_then(|nature| standstill(&name(comparison, index), nature));
        sentences.extend(still.map(|text| Rule::StandsStill.says(text)));
    }
    sentences.extend(survived(comparison).map(|text| Rule::Survived.says(text)));
    let lost = lost_updates(comparison, natures_of);
    sentences.extend(lost.map(|text| Rule::LostUpdates.says(text)));
    if !times_told {
        let starved = starved(comparison, natures_of);
        sentences.extend(starved.map(|text| Rule::Starved.says(text)));
    }
    sentences.extend(unshared(comparison).map(|text| Rule::OwnVariables.says(text)));
    sentences.extend(results::sentences(comparison, natures_of));
    sentences.extend(raised(contestants).map(|text| Rule::SomeRaised.says(text)));
    sentences.extend(ignored(comparison).map(|text| Rule::FailuresIgnored.says(text)));
    sentences.extend(startup(comparison).map(|text| Rule::Startup.says(text)));
    sentences
}

fn standstill(who: &str, nature: &Nature) -> Option<String> {
    let still = nature.standstill.as_ref()?;
    // Computing keeps a loop from its tasks too, but where computing is the work, it must.
    let innocent = !still.blocks && nature.computing_share() > 0.8;
    if still.share < STANDSTILL || still.others == 0 || innocent {
        return None;
    }
    let advice = if still.blocks {
        "Await it, or hand it to a pool (`hybrid`)"
    } else {
        "Hand it to a pool (`hybrid`, `processes`)"
    };
    Some(format!(
        "{who} stands still while a task does `{}`: for {} of its time, up to {} at once with {} other tasks waiting. {advice}.",
        still.label,
        percent(still.share),
        duration(still.longest_ns),
        count(still.others)
    ))
}

/// Who computes, but has to wait for its turn: more threads than processors, or one lock.
fn starved(comparison: &Comparison, natures: &[Option<Nature>]) -> Option<String> {
    let share = |nature: &Nature| nature.starved_ns as f64 / nature.task_ns().max(1) as f64;
    let who: Vec<String> = (0..comparison.contestants.len())
        .zip(natures)
        .filter_map(|(index, nature)| {
            let share = share(nature.as_ref()?);
            let under = name(comparison, index);
            (share >= STARVED).then(|| format!("{} of task time under {under}", percent(share)))
        })
        .collect();
    (!who.is_empty()).then(|| {
        format!("In the run queue, or waiting for the interpreter's lock: {}.", list(&who))
    })
}

/// Commands that failed, and count as done because it was asked for.
fn ignored(comparison: &Comparison) -> Option<String> {
    let who: Vec<String> = (0..comparison.contestants.len())
        .filter_map(|index| {
            let counted = compare::counted(&comparison.contestants[index]);
            let failed: u64 = counted.iter().filter_map(|run| run.ignored).sum();
            let all: u64 = counted.iter().map(|run| run.tasks.all()).sum();
            let under = name(comparison, index);
            (failed > 0).then(|| format!("{} of {} under {under}", count(failed), count(all)))
        })
        .collect();
    (!who.is_empty()).then(|| {
        format!(
            "Copies that failed count as done (`--ignore-failure`): {}. One that fails may have done less than one that does not.",
            list(&who)
        )
    })
}

/// The first run in which the process died.
fn died(contestant: &Contestant) -> Option<&Run> {
    contestant.runs.iter().find(|run| matches!(run.end, RunEnd::Died { .. }))
}

/// Under whom the process died, how many tasks were done by then, and who went on.
fn survived(comparison: &Comparison) -> Option<String> {
    let all = || comparison.contestants.iter().enumerate();
    let dead: Vec<(String, &Run)> =
        all().filter_map(|(index, one)| Some((name(comparison, index), died(one)?))).collect();
    let alive = all().filter(|(_, one)| one.unranked.is_none() && died(one).is_none());
    let alive: Vec<(String, &Run)> = alive
        .filter_map(|(index, one)| Some((name(comparison, index), one.runs.last()?)))
        .collect();
    let done = |of: &[(String, &Run)]| {
        let done = of.iter().map(|(_, run)| run.tasks.done);
        let (least, most) = (done.clone().min()?, done.max()?);
        let tasks = plural(of.first()?.1.tasks.all(), "task");
        Some(match least == most {
            true => format!("{} of {tasks}", count(most)),
            false => format!("{} to {} of {tasks}", count(least), count(most)),
        })
    };
    let who = |of: &[(String, &Run)]| of.iter().map(|(who, _)| who.clone()).collect::<Vec<_>>();
    let (lost, kept) = (done(&dead)?, done(&alive)?);
    Some(format!(
        "The process died under {}, with {lost} done. It goes on under {}, with {kept} done.",
        list(&who(&dead)),
        list(&who(&alive))
    ))
}

/// A variable that ended below what was expected though all share it.
fn lost_updates(comparison: &Comparison, natures: &[Option<Nature>]) -> Option<String> {
    let lost = |run: &Run| {
        run.expectations.iter().find_map(|expectation| {
            let (var, expected) = expectation.text.split_once(" = ")?;
            let expected: i64 = expected.parse().ok()?;
            let shared = |known: &&VarValue| known.name == var && known.by_process.is_empty();
            let missing = expected.checked_sub(run.vars.iter().find(shared)?.value)?;
            (missing > 0).then(|| (missing as u64, String::from(var), expected as u64))
        })
    };
    let races = |nature: &Option<Nature>| nature.as_ref().is_some_and(|it| it.reads_then_writes);
    let contestants = comparison.contestants.iter().enumerate();
    let found = contestants.zip(natures).filter(|(_, nature)| races(nature));
    let found = found.filter_map(|((index, one), _)| {
        Some((name(comparison, index), one.runs.iter().find_map(lost)?))
    });
    let (who, found): (Vec<String>, Vec<_>) = found.unzip();
    let up_to = if who.len() > 1 { "up to " } else { "" };
    let (missing, var, expected) = found.into_iter().max()?;
    Some(format!(
        "Updates were lost under {}: `{var}` ended {up_to}{} short of {}, since another task wrote between a `read` and its `write`. `update` does both as one, `hold` keeps others out.",
        list(&who),
        count(missing),
        count(expected)
    ))
}

/// Calls that raise under every model are in its times.
fn raised(contestants: &[Contestant]) -> Option<String> {
    let raises = |contestant: &&Contestant| {
        contestant.unranked.is_none() && contestant.runs.iter().any(compare::only_some_raised)
    };
    let first = contestants.iter().find(raises)?;
    let run = first.runs.iter().find(|run| compare::only_some_raised(run))?;
    let failure = run.failures.first()?;
    let all = plural(run.tasks.all(), "call");
    Some(format!(
        "{} of {all} raised under every model, and are in the times: {}: {}.",
        count(run.tasks.failed),
        failure.kind,
        failure.text
    ))
}

fn unshared(comparison: &Comparison) -> Option<String> {
    let contestants = &comparison.contestants;
    let own_vars = |index: &usize| {
        let vars = contestants[*index].runs.iter().flat_map(|run| &run.vars);
        vars.into_iter().any(|var| {
            var.by_process.iter().any(|value| *value != var.value) || var.by_process.len() > 1
        })
    };
    let who = (0..contestants.len()).filter(own_vars);
    let names: Vec<String> = who.map(|index| name(comparison, index)).collect();
    let var = contestants.iter().flat_map(|contestant| &contestant.runs).flat_map(|run| &run.vars);
    let var = var.into_iter().find(|var| var.by_process.len() > 1)?;
    (!names.is_empty()).then(|| {
        format!(
            "Under {} each process had a `{}` of its own: processes share no memory.",
            list(&names),
            var.name
        )
    })
}

/// Where starting takes as long as the work, work time alone misleads.
fn startup(comparison: &Comparison) -> Option<String> {
    let ranked = || {
        let ranking = comparison.ranking.iter();
        ranking.filter_map(|rank| {
            let index = rank.contestant as usize;
            let summary = comparison.contestants.get(index)?.summary.as_ref()?;
            Some((index, summary.startup_ns + summary.setup_ns, summary.work_ns))
        })
    };
    let (fastest, before, work) = ranked().min_by_key(|(_, _, work)| *work)?;
    let (quickest, before_quickest, work_quickest) =
        ranked().min_by_key(|(_, before, work)| before + work)?;
    // The time for each of many says nothing beside what comes before the first.
    if before <= work || comparison.contestants[fastest].runs.iter().any(Run::is_timed) {
        return None;
    }
    let costs = format!(
        "{} takes {} to start and {} to work",
        name(comparison, fastest),
        duration(before),
        duration(work)
    );
    let total = before_quickest + work_quickest;
    let quicker = (total as f64) < 0.9 * (before + work) as f64;
    Some(if quicker && quickest != fastest {
        format!(
            "Start-up dominates: {costs}. Counted from the start of the process {} is the quickest: {} in all against {}.",
            name(comparison, quickest),
            duration(total),
            duration(before + work)
        )
    } else {
        format!(
            "Start-up dominates: {costs}. Unless the process lives on, the choice of model matters less than starting it."
        )
    })
}
