//! A run as those see it who say what is wrong with it, and what is wrong with any: the main type is
//! [`Run`].

use maitred_core::trace::{RunEnd, Trace};
use maitred_core::workload::Lowered;
use maitred_wire::{Ready, Strategy};

use super::judge::{end_is_told, laws, times_are_kept, work_was_done};
use super::words::{ending, message};
use super::{Fault, Paragraph};

/// What was done, as a judge sees it.
pub(super) struct Run<'a> {
    pub(super) work: &'a Lowered,
    pub(super) trace: &'a Trace,
    pub(super) ready: &'a Ready,
    pub(super) strategy: Strategy,
}

/// It ended, and did all that it was to do.
pub(super) fn everything(run: &Run<'_>) -> Vec<Fault> {
    let mut faults = everything_but_outcomes(run);
    // What it did not come to says no more than that it did not.
    if run.trace.done.is_none() {
        return faults;
    }
    faults.extend(work_was_done(run.trace, run.work));
    faults.extend(times_are_kept(run.trace, run.work));
    faults.extend(vars_are_told(run));
    faults
}

/// It ended otherwise than by `done`, or only because it was given up.
pub(super) fn died(run: &Run<'_>) -> Fault {
    let log = run.trace.log.lines().last().unwrap_or("its log is empty");
    let how = ending(&run.trace.end);
    Fault::new(Paragraph::Conversation, format!("the run ended so: {how} ({log})"))
}

fn vars_are_told(run: &Run<'_>) -> Vec<Fault> {
    let Some(done) = &run.trace.done else { return Vec::new() };
    // Of workers that live apart the engine may have one for all.
    let apart = run.strategy.facts().is_apart();
    let wrong = |var: &&maitred_wire::VarValue| !var.by_process.is_empty() && !apart;
    let lacks = run.work.vars.len() != done.vars.len();
    if lacks || done.vars.iter().any(|var| wrong(&var)) {
        let text = format!("the variables are told as {}", message(&done.vars));
        return vec![Fault::new(Paragraph::Done, text)];
    }
    Vec::new()
}

/// Ended in order, the trace in itself right; which tasks failed is for the case to say.
pub(super) fn everything_but_outcomes(run: &Run<'_>) -> Vec<Fault> {
    let mut faults = end_is_told(run.trace, run.ready);
    if run.trace.done.is_none() {
        return faults;
    }
    if run.trace.end != RunEnd::Finished {
        faults.push(died(run));
    }
    faults.extend(laws(run.trace));
    faults
}
