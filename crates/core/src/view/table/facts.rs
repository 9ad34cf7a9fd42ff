//! What the work was, where it was measured, and what to know of the measuring.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::Options;
use super::super::paint::{Ink, wrap};
use super::answer::lines;
use crate::analyse::compare;
use crate::analyse::units::{bytes, count, duration, list, plural, processors};
use crate::result::{Comparison, Contestant, Machine, Run, Site, SubjectKind};
use crate::trace::RunEnd;

/// What a task is called.
pub(in super::super) fn noun(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Command => "run",
        SubjectKind::Url => "request",
        SubjectKind::Workload | SubjectKind::Function | SubjectKind::Closure => "task",
    }
}

/// Where it was measured, a line or more.
pub(in super::super) fn place(machine: &Machine, options: &Options) -> String {
    let mut parts = Vec::from([machine.cpu.clone(), processors(machine.processors())]);
    parts.push(bytes(machine.memory_bytes));
    parts.push(format!("Linux {}", machine.kernel));
    parts.extend(machine.virtualization.clone());
    dim(&parts, options)
}

/// Facts beside each other, as many a line as fit.
pub(super) fn dim(parts: &[String], options: &Options) -> String {
    lines(&wrap(&parts.join(" · "), options.width, 0), Ink::Dim, options)
}

/// What the work was, in parts of a line.
pub(in super::super) fn heading_facts(comparison: &Comparison) -> Vec<String> {
    let (subject, settings) = (&comparison.subject, &comparison.settings);
    let mut facts: Vec<String> = Vec::new();
    if subject.title.is_some() {
        facts.push(subject.name.clone());
    }
    facts.push(amount(comparison));
    facts.extend(settings.parameters.iter().map(|(name, value)| format!("{name} = {value}")));
    facts.extend(speed(comparison));
    facts.push(format!("seed {}", settings.seed));
    facts
}

/// `speed 10×`, where it is not that of the workload.
pub(super) fn speed(comparison: &Comparison) -> Option<String> {
    let speed = comparison.settings.speed;
    (speed != 1.0).then(|| format!("speed {speed}×"))
}

/// How much of it there was: `5 tasks`, `1 to 100 tasks`, `requests for 3 s`.
pub(in super::super) fn amount(comparison: &Comparison) -> String {
    let noun = noun(comparison.subject.kind);
    let mut runs = comparison.contestants.iter().flat_map(|one| &one.runs);
    match (runs.find_map(|run| wanted_ns(&run.end)), comparison.tasks()) {
        (Some(ns), _) => format!("{noun}s for {}", duration(ns)),
        (None, (least, most)) if least == most => plural(most, noun),
        (None, (least, most)) => format!("{} to {}", count(least), plural(most, noun)),
    }
}

/// For how long a run was to go on; `None`: as long as it took.
fn wanted_ns(end: &RunEnd) -> Option<u64> {
    match end {
        RunEnd::TimeUp { wanted_ns } => Some(*wanted_ns),
        _ => None,
    }
}

/// What to know of the measuring: disturbed rounds, records without room, the runners' own notes.
pub(in super::super) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes: Vec<String> = comparison.contestants.iter().filter_map(elsewhere).collect();
    notes.extend(disturbed(comparison, true));
    notes.extend(disturbed(comparison, false));
    for contestant in &comparison.contestants {
        let dropped = contestant.runs.iter().map(|run| run.spans_dropped).max().unwrap_or(0);
        if dropped > 0 {
            notes.push(format!(
                "`{}`: {} had no room in the trace; counts and times of tasks are exact, those of steps are not.",
                contestant.name(),
                plural(dropped, "span")
            ));
        }
        if let Some(mistake) = contestant.traced.as_ref().and_then(compare::mistake) {
            notes.push(format!(
                "`{}`: the run in which the kernel's switches were recorded went wrong: {mistake}.",
                contestant.name()
            ));
        }
    }
    notes.extend(said(comparison));
    notes
}

/// What a contestant is beside those that were measured here.
fn elsewhere(one: &Contestant) -> Option<String> {
    let on = |machine: &Machine| format!("{}, {}", machine.cpu, processors(machine.processors()));
    let model = &one.model;
    match &one.site {
        Site::Here => None,
        Site::Remote(machine) => Some(format!(
            "`{model}` was measured on another machine ({}): what it differs by is that of the machines, too.",
            on(machine)
        )),
        Site::Simulated(machine) => Some(format!(
            "`{model}` was simulated for {}: its times were computed, and not measured.",
            on(machine)
        )),
    }
}

/// The runners' own notes, each once, with the models that it is of.
fn said(comparison: &Comparison) -> Vec<String> {
    let mut said: Vec<(&str, Vec<String>)> = Vec::new();
    for contestant in &comparison.contestants {
        let who = format!("`{}`", contestant.name());
        for note in contestant.runs.iter().flat_map(|run| &run.notes) {
            match said.iter_mut().find(|(known, _)| known == note) {
                Some((_, models)) if models.contains(&who) => {}
                Some((_, models)) => models.push(who.clone()),
                None => said.push((note, Vec::from([who.clone()]))),
            }
        }
    }
    said.iter().map(|(note, models)| format!("{}: {note}", list(models))).collect()
}

/// Disturbed rounds of ranked models: those that had to be used (`true`), or those left out.
pub(super) fn disturbed(comparison: &Comparison, used: bool) -> Option<String> {
    let is_dirty = |run: &&Run| run.noise.dirty.is_some();
    let mut who = Vec::new();
    let mut cause = None;
    for contestant in comparison.contestants.iter().filter(|one| one.unranked.is_none()) {
        let dirty = contestant.runs.iter().filter(is_dirty).count();
        let counted = compare::counted(contestant);
        if dirty > 0 && counted.iter().copied().any(|run| is_dirty(&run)) == used {
            cause =
                cause.or_else(|| contestant.runs.iter().find_map(|run| run.noise.dirty.clone()));
            who.push(format!("`{}` {dirty} of {}", contestant.name(), contestant.runs.len()));
        }
    }
    let rounds = match used {
        true => "Disturbed rounds, used for lack of quiet ones",
        false => "Disturbed rounds, left out",
    };
    Some(format!("{rounds}: {}. For example: {}.", who.join(", "), cause?))
}
