//! What must hold of a run, whatever the runner: what was to be done was done, as often as the plan
//! says, in the time that it says, and the trace keeps the conservation laws.

use std::collections::BTreeMap;

use maitred_core::trace::{
    Executor, Group, Observed, Origin, Outcome, Trace, TraceFile, violations,
};
use maitred_core::workload::Lowered;
use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Action, Amount, Arrivals, Model, Ready, Step, Strategy};

use super::{Fault, Paragraph, words};
use crate::runtime::Measured;

/// The trace of a run, as an analysis would see it.
pub(super) fn trace(
    measured: &Measured,
    ready: &Ready,
    strategy: Strategy,
    workers: u32,
    work: &Lowered,
) -> Option<Trace> {
    let file = TraceFile::read(measured.trace.bytes()).ok()?;
    let group = |group: &maitred_wire::TaskGroup| Group {
        name: work.programs[group.program as usize].name.clone(),
        first: group.first,
        count: group.count,
        arrivals_ns: Vec::new(),
    };
    Some(Trace {
        origin: Origin::Measured(Executor {
            gil: ready.gil,
            properties: ready.properties(strategy).unwrap_or_default(),
            ..Executor::new(&ready.runtime, &ready.version)
        }),
        model: Model::new("runner", strategy),
        workers,
        steps: work.steps.clone(),
        groups: work.groups.iter().map(group).collect(),
        resources: work.resources.clone(),
        channels: work.channels.iter().map(|channel| channel.name.clone()).collect(),
        lanes: file.lanes(),
        tasks: file.tasks().collect(),
        spans: file.sorted_spans(),
        startup: measured.startup,
        done: measured.done.clone().map(Outcome::from),
        end: measured.end.clone(),
        usage: measured.usage.clone(),
        memory: measured.memory.clone(),
        noise: measured.noise.clone(),
        servers: Vec::new(),
        scheduling: Observed::Unknown("it was not recorded in this run".to_owned()),
        log: measured.log.clone(),
    })
}

/// Every law that the trace breaks.
pub(super) fn laws(trace: &Trace) -> Vec<Fault> {
    violations(trace, None).into_iter().map(|text| Fault::new(Paragraph::Lane, text)).collect()
}

/// Whether every task did what its program says, as often and as long as it says.
pub(super) fn work_was_done(trace: &Trace, work: &Lowered) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut done: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for span in &trace.spans {
        *done.entry((span.task, span.step)).or_default() += 1;
    }
    let mut wanted = BTreeMap::new();
    for group in &work.groups {
        let steps = &work.programs[group.program as usize].steps;
        for task in group.first..group.first + group.count {
            let fails = count(steps, 1, task, &mut wanted);
            let outcome = if fails { TaskOutcome::Failed } else { TaskOutcome::Done };
            let was = trace.tasks.get(task as usize).map(|task| task.outcome);
            if was != Some(outcome) {
                let name = trace.task_name(task);
                let (was, outcome) = (words::outcome(was), words::outcome(Some(outcome)));
                let why = reasons(trace);
                let text = format!("{name} is {was} in the trace and should be {outcome}{why}");
                faults.push(Fault::new(Paragraph::Readings, text));
            }
        }
    }
    let places: std::collections::BTreeSet<_> = wanted.keys().chain(done.keys()).collect();
    for &&(task, step) in &places {
        let times = |of: &BTreeMap<_, u32>| of.get(&(task, step)).copied().unwrap_or(0);
        let (is, should) = (times(&done), times(&wanted));
        if is != should {
            let (task, step) = (trace.task_name(task), trace.step_name(step));
            let text = format!("{task} has {is} spans of `{step}` and should have {should}");
            faults.push(Fault::new(Paragraph::Spans, text));
        }
    }
    faults.truncate(5);
    faults
}

/// What the runner told of tasks that failed.
fn reasons(trace: &Trace) -> String {
    let failures = trace.done.iter().flat_map(|done| &done.failures);
    failures.map(|one| format!("; it told `{}`: {}", one.kind, one.text)).collect()
}

/// How often each step is done; whether the task fails.
fn count(steps: &[Step], times: u32, task: u32, all: &mut BTreeMap<(u32, u32), u32>) -> bool {
    for step in steps {
        let mut add = |id: u32| *all.entry((task, id)).or_default() += times;
        match &step.action {
            Action::Repeat { count: turns, steps } => {
                if count(steps, times * *turns as u32, task, all) {
                    return true;
                }
            }
            Action::Hold { steps, .. } => {
                add(step.id);
                add(step.id + 1);
                if count(steps, times, task, all) {
                    return true;
                }
            }
            Action::Fail { .. } => {
                add(step.id);
                return true;
            }
            _ => add(step.id),
        }
    }
    false
}

/// Whether what waits waited for as long as it was told, and no task came before its time.
pub(super) fn times_are_kept(trace: &Trace, work: &Lowered) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut turns: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let mut amounts = BTreeMap::new();
    work.programs.iter().for_each(|program| amounts_of(&program.steps, &mut amounts));
    for span in trace.spans.iter().filter(|span| span.end_ns != 0) {
        let Some(amount) = amounts.get(&span.step) else { continue };
        let turn = turns.entry((span.task, span.step)).or_default();
        let wanted = match *amount {
            Amount::Ns(ns) => ns,
            Amount::Column(column) => {
                let spec = work.column_specs[column as usize];
                let row = u64::from(span.task - spec.first_task) * u64::from(spec.per_task);
                work.columns[(spec.offset + row) as usize + *turn]
            }
        };
        *turn += 1;
        let took = span.end_ns.saturating_sub(span.start_ns);
        if took < wanted {
            let (task, step) = (trace.task_name(span.task), trace.step_name(span.step));
            let text =
                format!("`{step}` of {task} took {took} ns and should take {wanted} ns at least");
            faults.push(Fault::new(Paragraph::Durations, text));
        }
    }
    faults.extend(arrivals_are_kept(trace, work));
    faults.truncate(5);
    faults
}

fn arrivals_are_kept(trace: &Trace, work: &Lowered) -> Vec<Fault> {
    let Some(done) = &trace.done else { return Vec::new() };
    let mut faults = Vec::new();
    for group in &work.groups {
        for index in 0..group.count {
            let due = match group.arrivals {
                Arrivals::AtOnce => 0,
                Arrivals::EveryNs(every) => u64::from(index) * every,
                Arrivals::Column(column) => {
                    work.columns
                        [work.column_specs[column as usize].offset as usize + index as usize]
                }
            };
            let task = group.first + index;
            let start = trace.tasks.get(task as usize).map_or(0, |task| task.start_ns);
            if start != 0 && start < done.phases.work.start_ns + due {
                let text = format!("{} started before it arrived", trace.task_name(task));
                faults.push(Fault::new(Paragraph::Arrivals, text));
            }
        }
    }
    faults
}

/// The durations of the steps that wait, by step.
fn amounts_of(steps: &[Step], all: &mut BTreeMap<u32, Amount>) {
    for step in steps {
        match &step.action {
            Action::Wait(amount) | Action::Block(amount) => {
                all.insert(step.id, *amount);
            }
            Action::Hold { steps, .. } | Action::Repeat { steps, .. } => amounts_of(steps, all),
            _ => {}
        }
    }
}

/// What it says of itself at the end: phases in order, every lane closed that is a thread.
pub(super) fn end_is_told(trace: &Trace, ready: &Ready) -> Vec<Fault> {
    let Some(done) = &trace.done else {
        let log = trace.log.lines().last().unwrap_or("its log is empty");
        let text = format!("it did not say `done`: {} ({log})", words::ending(&trace.end));
        return vec![Fault::new(Paragraph::Done, text)];
    };
    let mut faults = Vec::new();
    if done.phases.work.wall_ns() == 0 {
        faults.push(Fault::new(Paragraph::Phases, "the work took no time"));
    }
    let properties = ready.properties(trace.model.strategy).unwrap_or_default();
    let used = || trace.lanes.iter().filter(|lane| lane.pid != 0);
    if used().count() == 0 {
        faults.push(Fault::new(Paragraph::Lane, "no lane has a process id"));
    }
    let is_thread = properties.fixed_thread != Some(false);
    if is_thread && used().any(|lane| lane.counters.is_none()) {
        faults.push(Fault::new(Paragraph::Lane, "a lane was used and not closed"));
    }
    if is_thread && used().any(|lane| lane.tid == 0) {
        let text = "a lane has no thread id, though it is not said that it is no thread";
        faults.push(Fault::new(Paragraph::Ready, text));
    }
    faults
}

/// How many tasks began, and how many of all ended.
pub(super) fn arrived_and_ended(trace: &Trace) -> (usize, usize) {
    let begun = trace.tasks.iter().filter(|task| task.start_ns != 0).count();
    (begun, trace.tasks.iter().filter(|task| task.end_ns != 0).count())
}
