//! The conservation laws: what must hold for every trace, whoever made it. A trace that breaks one
//! was recorded wrongly, or the runner does not do what it says; either way its figures are not
//! to be believed. Judges, never repairs. The one entrance is [`violations`].

mod slices;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Phase;
use maitred_wire::trace_file::TaskOutcome;

use super::{Span, StepKind, Trace};

/// Sentences that one law may say; what is broken everywhere need not be said ten million times.
const SENTENCES_A_LAW: usize = 10;

/// What processor-time clocks may be off by for each processor: kernels without exact accounting
/// count in ticks of up to 10 ms (`CONFIG_HZ=100`; time(7), "The software clock").
const CPU_GRAIN_NS: u64 = 10_000_000;

/// Every way in which this trace breaks a law, as sentences; empty for a sound trace. `cores` is
/// how many processors the tree could use; without it processor time is not judged.
///
/// The laws: times run forward; every task is done, failed, lost or not run, exactly once, and
/// the counts of lanes, tasks and failures agree; no lane of a blocking strategy does two things
/// at once, and no loop two that occupy it; a resource is never held more often than its capacity, as far
/// as the clocks of several hosts can tell;
/// the steps of a task are sequential, lie within the task, within the hold around them and
/// within the work phase; a done task leaves no step open; processor time ≤ wall time ×
/// processors (within 1 % and 10 ms a processor, the grain of coarse kernel clocks). Of what the
/// kernel's scheduler did: a processor runs one thread at a time, a thread is on one processor at
/// a time, both within the run and within the life of the thread, and a processor is in use no
/// longer than there was work.
pub fn violations(trace: &Trace, cores: Option<u32>) -> Vec<String> {
    let mut report = Report { trace, sentences: Vec::new(), said: 0 };
    let by_task = order_by(&trace.spans, |span| span.task);
    report.law(times_run_forward);
    report.law(tasks_are_accounted_for);
    report.law(counts_agree);
    report.law(lanes_do_one_thing);
    report.law(resources_keep_their_capacity);
    report.law(|report| tasks_are_sequential(report, &by_task));
    report.law(|report| holds_enclose(report, &by_task));
    report.law(spans_lie_within);
    report.laws_of_slices();
    if let Some(cores) = cores {
        report.law(|report| processor_time_is_bounded(report, u64::from(cores)));
    }
    report.sentences
}

struct Report<'a> {
    trace: &'a Trace,
    sentences: Vec<String>,
    /// By the law at work.
    said: usize,
}

impl Report<'_> {
    fn law(&mut self, judge: impl FnOnce(&mut Self)) {
        self.said = 0;
        judge(self);
        if let Some(more @ 1..) = self.said.checked_sub(SENTENCES_A_LAW) {
            self.sentences.push(format!("… and {more} more violations of the same law"));
        }
    }

    fn say(&mut self, sentence: impl FnOnce(&Trace) -> String) {
        self.said += 1;
        if self.said <= SENTENCES_A_LAW {
            self.sentences.push(sentence(self.trace));
        }
    }

    /// `table 3, hold waiter, on worker 2`.
    fn place(&self, span: &Span) -> String {
        let trace = self.trace;
        format!(
            "{}, `{}`, on {}",
            trace.task_name(span.task),
            describe(trace, span.step),
            trace.lane_name(span.lane)
        )
    }

    fn work(&self) -> Option<Phase> {
        let work = self.trace.done.as_ref()?.phases.work;
        (work.end_ns != 0).then_some(work)
    }

    /// A moment as people can find it: milliseconds into the work.
    fn moment(&self, ns: u64) -> String {
        match self.work() {
            Some(work) if ns >= work.start_ns => {
                format!("{} into the work", ms(ns - work.start_ns))
            }
            Some(work) => format!("{} before the work began", ms(work.start_ns - ns)),
            None => format!("{ns} ns on the clock"),
        }
    }
}

fn times_run_forward(report: &mut Report<'_>) {
    let trace = report.trace;
    let phases = trace.done.as_ref().map(|done| done.phases);
    let named = phases.iter().flat_map(|phases| {
        [("set-up", phases.setup), ("work", phases.work), ("tear-down", phases.teardown)]
    });
    let mut before = trace.startup.end_ns;
    for (name, phase) in named.filter(|(_, phase)| phase.end_ns != 0) {
        if phase.end_ns < phase.start_ns || phase.start_ns < before {
            report.say(|_| {
                format!("{name} ends before it starts, or starts before what precedes it ended")
            });
        }
        before = phase.end_ns;
    }
    for (number, task) in trace.tasks.iter().enumerate() {
        if task.end_ns != 0 && task.end_ns < task.start_ns {
            report.say(|trace| format!("{} ends before it starts", trace.task_name(number as u32)));
        }
    }
    for span in trace.spans.iter().filter(|span| span.end_ns != 0 && span.end_ns < span.start_ns) {
        let place = report.place(span);
        report.say(|_| format!("{place} ends before it starts"));
    }
}

fn tasks_are_accounted_for(report: &mut Report<'_>) {
    for (number, task) in report.trace.tasks.iter().enumerate() {
        let wrong = match (task.outcome, task.start_ns != 0, task.end_ns != 0) {
            (TaskOutcome::Open, _, false) => continue,
            (TaskOutcome::Done | TaskOutcome::Failed, true, true) => continue,
            (TaskOutcome::Open, _, true) => "has an end but is neither done nor failed",
            (_, false, _) => "has an outcome but never started",
            (_, true, false) => "has an outcome but no end",
        };
        report.say(|trace| format!("{} {wrong}", trace.task_name(number as u32)));
    }
}

fn counts_agree(report: &mut Report<'_>) {
    let trace = report.trace;
    let grouped: u64 = trace.groups.iter().map(|group| u64::from(group.count)).sum();
    let tasks = trace.tasks.len() as u64;
    if grouped != tasks {
        report.say(|_| format!("the workload has {grouped} tasks, the trace {tasks}"));
    }
    let with = |outcome| trace.tasks.iter().filter(|task| task.outcome == outcome).count() as u64;
    let failed = with(TaskOutcome::Failed);
    let ended = with(TaskOutcome::Done) + failed;
    let counted: u64 = trace.lanes.iter().map(|lane| u64::from(lane.tasks_ended)).sum();
    // A lane that was killed may have written the task and not yet its count, or the reverse.
    let killed = trace.lanes.iter().filter(|lane| lane.counters.is_none()).count() as u64;
    // A task that was tried again may have ended, and been counted, before.
    let attempts = trace.done.iter().flat_map(|done| &done.attempts);
    let again: u64 = attempts.map(|(_, times)| u64::from(times.saturating_sub(1))).sum();
    if ended.abs_diff(counted) > killed + again {
        report.say(|_| format!("{ended} tasks ended, but the lanes counted {counted}"));
    }
    let Some(done) = &trace.done else { return };
    let lost = trace.tasks.iter().filter(|task| task.start_ns != 0 && task.end_ns == 0).count();
    let said: u64 = done.failures.iter().map(|failure| u64::from(failure.count)).sum();
    if said < failed || said > failed + lost as u64 {
        report.say(|_| {
            format!(
                "{failed} tasks failed and {lost} were lost, but the runner named {said} failures"
            )
        });
    }
}

fn lanes_do_one_thing(report: &mut Report<'_>) {
    let trace = report.trace;
    let interleaves = trace.model.strategy.interleaves();
    // Where the runtime moves tasks from thread to thread in the midst of a step, a lane is only
    // where the step began.
    if trace.origin.executor().properties.fixed_thread == Some(false) {
        return;
    }
    let exclusive = |span: &Span| match trace.step(span.step) {
        None => false,
        Some(info) if interleaves => occupies(info.kind),
        Some(info) => info.kind != StepKind::Hold,
    };
    let order = order_by(&trace.spans, |span| span.lane);
    let mut last: Option<&Span> = None;
    for span in order.iter().map(|&index| &trace.spans[index as usize]) {
        if !exclusive(span) || span.end_ns == 0 {
            continue;
        }
        match last {
            Some(before) if before.lane == span.lane && span.start_ns < before.end_ns => {
                let (place, other) = (report.place(span), report.place(before));
                let moment = report.moment(span.start_ns);
                report.say(|_| format!("a lane did two things at once, {moment}: {place}, began before {other}, ended"));
                if span.end_ns > before.end_ns {
                    last = Some(span);
                }
            }
            _ => last = Some(span),
        }
    }
}

fn resources_keep_their_capacity(report: &mut Report<'_>) {
    let trace = report.trace;
    let held = |span: &&Span| trace.step(span.step).is_some_and(|info| info.kind == StepKind::Hold);
    let within_ns = |lane: u32| {
        let hosts = trace.done.iter().flat_map(|done| &done.hosts);
        let mut its = hosts.filter(|host| host.lanes.contains(&lane));
        its.next().map_or(0, |host| host.clock_uncertainty_ns)
    };
    let mut edges: Vec<(u32, u64, bool, u32)> = Vec::new();
    for span in trace.spans.iter().filter(held) {
        // Between hosts that much of it is certain. What has no end was held by a task that is gone,
        // and when the resource came back is not known; what lasted no time overlaps nothing.
        let within = within_ns(span.lane);
        let (start, end) = (span.start_ns + within, span.end_ns.saturating_sub(within));
        if start < end {
            let resource = trace.steps[span.step as usize].object.unwrap_or(u32::MAX);
            edges.push((resource, start, true, span.task));
            edges.push((resource, end, false, span.task));
        }
    }
    // Returns come before grants of the same instant: one is the cause of the other.
    edges.sort_unstable();
    let mut holders: Vec<u32> = Vec::new();
    for (resource, at, grant, task) in edges {
        if !grant {
            holders.retain(|holder| *holder != task);
            continue;
        }
        let Some(known) = trace.resources.get(resource as usize) else {
            report.say(|trace| format!("{} holds an unknown resource", trace.task_name(task)));
            continue;
        };
        if let Some(other) = holders.get((known.capacity as usize).saturating_sub(1)) {
            let (other, moment) = (trace.task_name(*other), report.moment(at));
            report.say(|trace| {
                let (name, capacity) = (&known.name, known.capacity);
                let taker = trace.task_name(task);
                format!("resource `{name}` has capacity {capacity}, but {taker} took it {moment} while {other} held it")
            });
        }
        holders.push(task);
    }
}

fn tasks_are_sequential(report: &mut Report<'_>, by_task: &[u32]) {
    let trace = report.trace;
    let leaf = |span: &&Span| trace.step(span.step).is_some_and(|info| info.kind != StepKind::Hold);
    let spans = by_task.iter().map(|&index| &trace.spans[index as usize]);
    let mut last: Option<&Span> = None;
    for span in spans.filter(leaf) {
        if let Some(before) = last.filter(|before| before.task == span.task)
            && (before.end_ns == 0 || span.start_ns < before.end_ns)
        {
            let place = report.place(span);
            let moment = report.moment(span.start_ns);
            report.say(|trace| {
                let before = describe(trace, before.step);
                format!(
                    "a task did two steps at once, {moment}: {place}, began before `{before}` ended"
                )
            });
        }
        last = Some(span);
    }
}

fn holds_enclose(report: &mut Report<'_>, by_task: &[u32]) {
    let trace = report.trace;
    // Where records are missing, the hold may be one of them.
    if trace.lanes.iter().any(|lane| lane.dropped > 0) {
        return;
    }
    let mut holds: Vec<&Span> = Vec::new();
    for span in by_task.iter().map(|&index| &trace.spans[index as usize]) {
        if holds.first().is_some_and(|hold| hold.task != span.task) {
            holds.clear();
        }
        let Some(info) = trace.step(span.step) else { continue };
        if let Some(parent) = info.parent {
            let end = span.end_ns.max(span.start_ns);
            let around = holds.iter().rev().find(|hold| hold.step == parent);
            if around.is_none_or(|hold| hold.end_ns != 0 && hold.end_ns < end) {
                let place = report.place(span);
                report.say(|trace| {
                    format!("{place}, does not lie within `{}`", describe(trace, parent))
                });
            }
        }
        if info.kind == StepKind::Hold {
            holds.retain(|hold| hold.step != span.step);
            holds.push(span);
        }
    }
}

fn spans_lie_within(report: &mut Report<'_>) {
    let trace = report.trace;
    let work = report.work();
    for span in &trace.spans {
        let end = span.end_ns.max(span.start_ns);
        let Some(task) = trace.tasks.get(span.task as usize) else {
            report.say(|_| format!("a span belongs to task {}, which does not exist", span.task));
            continue;
        };
        let wrong = if trace.step(span.step).is_none() {
            "is of a step that the workload does not have"
        } else if span.start_ns < task.start_ns || task.end_ns != 0 && end > task.end_ns {
            "does not lie within its task"
        } else if work.is_some_and(|work| span.start_ns < work.start_ns || end > work.end_ns) {
            "does not lie within the work phase"
        } else if span.end_ns == 0 && task.outcome == TaskOutcome::Done {
            "never ended, though its task is done"
        } else {
            continue;
        };
        let place = report.place(span);
        report.say(|_| format!("{place}, {wrong}"));
    }
}

fn processor_time_is_bounded(report: &mut Report<'_>, cores: u64) {
    let trace = report.trace;
    let Some(phases) = trace.done.as_ref().map(|done| done.phases) else { return };
    let work = phases.work;
    if let Some(cpu) = work.cpu
        && cpu.total_ns() > allowed(work.wall_ns(), cores)
    {
        let (cpu, wall) = (ms(cpu.total_ns()), ms(work.wall_ns()));
        report.say(|_| {
            format!("the work took {cpu} of processor time in {wall} on {cores} processors")
        });
    }
    let whole = phases.teardown.end_ns.max(work.end_ns).saturating_sub(phases.setup.start_ns);
    for (number, lane) in trace.lanes.iter().enumerate() {
        let Some(counters) = lane.counters else { continue };
        if counters.cpu_ns > allowed(whole, 1) {
            let (cpu, wall) = (ms(counters.cpu_ns), ms(whole));
            report.say(|trace| {
                let lane = trace.lane_name(number as u32);
                format!("{lane} took {cpu} of processor time in {wall}")
            });
        }
    }
}

fn allowed(wall_ns: u64, cores: u64) -> u64 {
    let most = wall_ns.saturating_mul(cores);
    most.saturating_add(most / 100).saturating_add(CPU_GRAIN_NS.saturating_mul(cores))
}

/// Whether a step keeps the lane that it runs on, on a loop too. `call`, `run` and `http` are
/// not among them: whether they can be awaited depends on the runtime.
fn occupies(kind: StepKind) -> bool {
    use StepKind as K;
    matches!(kind, K::Cpu | K::Block | K::Read | K::Write | K::Update | K::Allocate)
}

/// `waiting for waiter` and `holding waiter` are two spans of one step; say which.
fn describe(trace: &Trace, step: u32) -> String {
    let Some(info) = trace.step(step) else { return trace.step_name(step) };
    match (info.kind, trace.object_name(info)) {
        (StepKind::Acquire, Some(name)) => format!("waiting for {name}"),
        (StepKind::Hold, Some(name)) => format!("holding {name}"),
        _ => info.label.clone(),
    }
}

/// Indexes of spans by key, within a key in order of start.
fn order_by(spans: &[Span], key: impl Fn(&Span) -> u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..spans.len() as u32).collect();
    order.sort_by_key(|&index| {
        let span = &spans[index as usize];
        (key(span), span.start_ns)
    });
    order
}

fn ms(ns: u64) -> String {
    format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000)
}
