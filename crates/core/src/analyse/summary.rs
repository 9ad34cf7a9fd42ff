//! From a trace to the figures that are kept of it, and from the rounds of a model to its
//! summary. Counts and picks; compares nothing. Reads the records in one pass each and copies
//! one number a task, for the percentiles.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Cpu, Failure, VarValue};

use super::stats::{self, Confidence};
use super::{harness, interpreted, scheduling, stuck, units, ways};
use crate::result::{Expectation, Latency, Run, StepTotal, Summary, TaskCounts};
use crate::trace::{Observed, PeakMemory, RunEnd, Span, StepKind, Task, Trace};
use crate::workload::{Counted, Expect, Expected};

/// What came of one expectation of the workload.
pub fn check(expect: &Expect, vars: &[VarValue], tasks: &TaskCounts) -> Expectation {
    let lost = tasks.lost as i64;
    let (actual, by_process) = match &expect.of {
        Expected::Counted(Counted::Failures) => (Some(tasks.failed as i64 + lost), &[][..]),
        Expected::Counted(Counted::TasksDone) => (Some(tasks.done as i64), &[][..]),
        Expected::Counted(Counted::TasksLost) => (Some(lost), &[][..]),
        Expected::Var(name) => {
            let var = vars.iter().find(|var| var.name == *name);
            (var.map(|var| var.value), var.map_or(&[][..], |var| &var.by_process[..]))
        }
    };
    let mut text = actual.map_or_else(|| "not reported".into(), |value| format!("{value}"));
    if !by_process.is_empty() {
        let shown: Vec<String> =
            by_process.iter().take(4).map(|value| format!("{value}")).collect();
        let more = if by_process.len() > 4 { ", …" } else { "" };
        text.push_str(&format!(" (each process has its own: {}{more})", shown.join(", ")));
    }
    Expectation {
        text: expect.to_string(),
        actual: text,
        holds: actual.is_some_and(|actual| expect.holds(actual)),
    }
}

/// One round, from a trace that has its records.
pub fn run(trace: &Trace, round: u32, expectations: &[Expect]) -> Run {
    let tasks = trace.tasks.iter().copied();
    let run = run_from(trace, round, expectations, tasks, trace.spans.iter().copied());
    Run { scheduling: scheduling::shares(trace), ..run }
}

/// One round, from a trace whose `tasks` and `spans` may be left empty and records that lie
/// elsewhere, as in a mapped [`TraceFile`](crate::trace::TraceFile).
pub fn run_from(
    head: &Trace,
    round: u32,
    expectations: &[Expect],
    tasks: impl Iterator<Item = Task> + Clone,
    spans: impl Iterator<Item = Span>,
) -> Run {
    let done = head.done.clone().unwrap_or_default();
    let mut counts = count(tasks.clone());
    let mut expectations: Vec<Expectation> =
        expectations.iter().map(|one| check(one, &done.vars, &counts)).collect();
    expectations.extend(done.expected.map(|found| Expectation {
        text: found.text,
        actual: found.actual,
        holds: found.holds,
    }));
    let mut notes = done.notes;
    if matches!(head.end, RunEnd::TimeUp { .. }) {
        notes.extend(cut_off(&mut counts));
    }
    let dropped = head.lanes.iter().map(|lane| lane.dropped).fold(0, u64::saturating_add);
    if matches!(head.end, RunEnd::Died { .. })
        && !head.log.is_empty()
        && interpreted::places(&head.log).is_empty()
    {
        notes.push(format!("last words: {}", last_line(&head.log)));
    }
    notes.extend(asides(head, &done.failures));
    if let Some(done) = head.done.as_ref().filter(|done| done.ways.is_some()) {
        notes.extend(ways::sentences(done, &tasks.clone().collect::<Vec<_>>()));
    }
    notes.extend(stuck::sentences(head, tasks.clone()));
    let is_request =
        |step: u32| head.steps.get(step as usize).is_some_and(|info| info.kind == StepKind::Http);
    let mut requests = Vec::new();
    let spans = spans.inspect(|span| {
        if span.end_ns != 0 && is_request(span.step) {
            requests.push(span.end_ns.saturating_sub(span.start_ns));
        }
    });
    let steps = step_totals(head, spans);
    let wall_ns = work_ns(head, tasks.clone());
    let harness = harness::taken_off(head, counts.done.saturating_add(counts.failed), wall_ns);
    Run {
        round,
        end: head.end.clone(),
        startup_ns: head.startup.wall_ns(),
        setup_ns: done.phases.setup.wall_ns(),
        work_ns: wall_ns - harness.map_or(0, |cost| cost.ns),
        harness,
        teardown_ns: done.phases.teardown.wall_ns(),
        work_cpu: work_cpu(head),
        usage: head.usage.clone(),
        memory: memory(head),
        tasks: counts,
        failures: done.failures,
        latency: latency(head, tasks.clone()),
        completed: completed(head, tasks),
        requests: spread(&mut requests, false),
        answers: done.answers,
        ignored: done.ignored,
        steps,
        vars: done.vars,
        expectations,
        result_hash: done.result_hash,
        results_not_compared: done.results.map_or(0, |results| results.not_compared()),
        unshared: done.unshared,
        noise: head.noise.clone(),
        servers: head.servers.clone(),
        spans_dropped: dropped,
        scheduling: None,
        notes,
    }
}

/// When the time is up: what did not begin was never due, and what was under way belongs to no time.
fn cut_off(counts: &mut TaskCounts) -> Option<String> {
    counts.not_run = 0;
    let cut = core::mem::take(&mut counts.lost);
    let told =
        || format!("{} under way when the time was up, and left out", units::plural(cut, "task"));
    (cut > 0).then(told)
}

fn asides(head: &Trace, failures: &[Failure]) -> impl Iterator<Item = String> {
    last_words_of_commands(head, failures).into_iter().chain(begun_again(head))
}

/// Tasks that an engine tried again, for whoever had them was lost.
fn begun_again(head: &Trace) -> Option<String> {
    let attempts = &head.done.as_ref()?.attempts;
    let &(task, most) = attempts.iter().max_by_key(|(_, times)| *times)?;
    let name = head.task_name(task);
    Some(match attempts.len() {
        1 => format!("lost during the work: a worker, so that {name} was begun {most} times"),
        many => format!(
            "lost during the work: workers, so that {} were begun more than once, {name} {most} times",
            units::plural(many as u64, "task")
        ),
    })
}

/// What a command that failed said on standard error, which goes to the runner's log.
fn last_words_of_commands(head: &Trace, failures: &[Failure]) -> Option<String> {
    let is_command =
        |step: u32| head.steps.get(step as usize).is_some_and(|step| step.kind == StepKind::Run);
    let failed = failures.iter().any(|one| one.kind == "exit" && one.step.is_some_and(is_command));
    let words = last_line(&head.log);
    (failed && !words.is_empty())
        .then(|| format!("the last line of the commands' standard error: {words}"))
}

fn last_line(log: &str) -> &str {
    log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}

/// As the runner measured it; of a run without an end, from the first record to the last.
fn work_ns(head: &Trace, tasks: impl Iterator<Item = Task>) -> u64 {
    if let Some(done) = &head.done {
        return done.phases.work.wall_ns();
    }
    let started = tasks.filter(|task| task.start_ns != 0);
    let (first, last) = started.fold((u64::MAX, 0), |(first, last), task| {
        (first.min(task.start_ns), last.max(task.end_ns).max(task.start_ns))
    });
    last.saturating_sub(first)
}

const NOT_SEEN: &str = "what workers on other hosts take is not seen from here";

/// Whether the work was done by a cluster that was there already: what our own processes took says
/// nothing of it.
fn is_elsewhere(head: &Trace) -> bool {
    head.done.as_ref().is_some_and(|done| !done.hosts.is_empty())
}

fn memory(head: &Trace) -> Observed<PeakMemory> {
    match is_elsewhere(head) {
        true => Observed::Unknown(NOT_SEEN.into()),
        false => head.memory.clone(),
    }
}

fn work_cpu(head: &Trace) -> Observed<Cpu> {
    let unknown = |why: &str| Observed::Unknown(why.into());
    match &head.done {
        None => unknown("the runner did not come to its end"),
        Some(_) if is_elsewhere(head) => unknown(NOT_SEEN),
        Some(done) => done.phases.work.cpu.map_or_else(
            || unknown("the runner does not give it: the work was so short that what was used until its end was noticed would weigh more, or workers that are gone took theirs along"),
            Observed::Known,
        ),
    }
}

fn count(tasks: impl Iterator<Item = Task>) -> TaskCounts {
    let mut counts = TaskCounts::default();
    for task in tasks {
        match task.outcome {
            TaskOutcome::Done => counts.done += 1,
            TaskOutcome::Failed => counts.failed += 1,
            TaskOutcome::Open if task.start_ns != 0 => counts.lost += 1,
            TaskOutcome::Open => counts.not_run += 1,
        }
    }
    counts
}

fn latency(head: &Trace, tasks: impl Iterator<Item = Task>) -> Observed<Latency> {
    let from_arrival = head.groups.iter().any(|group| !group.arrivals_ns.is_empty());
    let origin = match &head.done {
        Some(done) => done.phases.work.start_ns,
        None if from_arrival => {
            return Observed::Unknown("the runner did not say when its work began".into());
        }
        None => 0,
    };
    let mut arrivals = head.groups.iter().flat_map(|group| {
        (0..group.count as usize).map(|task| group.arrivals_ns.get(task).copied().unwrap_or(0))
    });
    let mut values = Vec::new();
    for task in tasks {
        // Groups are numbered through, so that arrivals come in the order of tasks.
        let arrival = arrivals.next().unwrap_or(0);
        let due = if from_arrival { origin.saturating_add(arrival) } else { task.start_ns };
        if task.outcome == TaskOutcome::Done {
            values.push(task.end_ns.saturating_sub(due));
        }
    }
    let none = || Observed::Unknown("no task was done".into());
    spread(&mut values, from_arrival).map_or_else(none, Observed::Known)
}

/// From the start of the work, which is known of a run that came to its end.
fn completed(head: &Trace, tasks: impl Iterator<Item = Task>) -> Option<Latency> {
    let is_open_loop = head.groups.iter().any(|group| !group.arrivals_ns.is_empty());
    let start_ns = head.done.as_ref().filter(|_| !is_open_loop)?.phases.work.start_ns;
    let done = tasks.filter(|task| task.outcome == TaskOutcome::Done);
    let mut values: Vec<u64> = done.map(|task| task.end_ns.saturating_sub(start_ns)).collect();
    spread(&mut values, false)
}

/// Exact order statistics: every task is in the trace, so that no histogram need stand for them.
fn spread(values: &mut [u64], from_arrival: bool) -> Option<Latency> {
    let [min_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns] =
        stats::percentiles(values, [0, 500, 900, 990, 999, 1000])?;
    let p999_ns = Some(p999_ns);
    Some(Latency { from_arrival, min_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns })
}

fn step_totals(head: &Trace, spans: impl Iterator<Item = Span>) -> Vec<StepTotal> {
    #[derive(Clone, Copy, Default)]
    struct Sum {
        spans: u64,
        total_ns: u64,
        longest_ns: u64,
    }
    let add = |one: &mut Sum, more: Sum| {
        one.spans += more.spans;
        one.total_ns = one.total_ns.saturating_add(more.total_ns);
        one.longest_ns = one.longest_ns.max(more.longest_ns);
    };
    let mut by_step = vec![Sum::default(); head.steps.len()];
    for span in spans {
        if let Some(sum) = by_step.get_mut(span.step as usize) {
            let ns = span.end_ns.saturating_sub(span.start_ns);
            add(sum, Sum { spans: 1, total_ns: ns, longest_ns: ns });
        }
    }
    let mut by_kind: BTreeMap<StepKind, Sum> = BTreeMap::new();
    for (info, sum) in head.steps.iter().zip(by_step).filter(|(_, sum)| sum.spans > 0) {
        add(by_kind.entry(info.kind).or_default(), sum);
    }
    let total = |(kind, Sum { spans, total_ns, longest_ns })| StepTotal {
        kind,
        spans,
        total_ns,
        longest_ns: Some(longest_ns),
    };
    by_kind.into_iter().map(total).collect()
}

/// The figures of a model over these rounds; `None` of none. Which rounds count is for
/// [`compare`](super::compare) to say.
pub fn summarise(runs: &[&Run]) -> Option<Summary> {
    let times: Vec<f64> = runs.iter().map(|run| run.compared_ns()).collect();
    let interval = stats::median_interval(&times, Confidence::P95)?;
    let whole = |figure: fn(&Run) -> u64| stats::median_u64(runs.iter().map(|run| figure(run)));
    let usage = |figure: fn(&crate::trace::Usage) -> u64| {
        observed(runs, |run| run.usage.clone().map(|usage| figure(&usage)))
    };
    let throughput: Vec<f64> =
        runs.iter().map(|run| run.tasks.done as f64 * 1e9 / run.work_ns.max(1) as f64).collect();
    Some(Summary {
        rounds: runs.len() as u32,
        work_ns: interval.median as u64,
        work_min_ns: runs.iter().map(|run| run.compared_ns() as u64).min()?,
        work_low_ns: interval.low as u64,
        work_high_ns: libm::ceil(interval.high) as u64,
        startup_ns: whole(|run| run.startup_ns)?,
        setup_ns: whole(|run| run.setup_ns)?,
        cpu_ns: observed(runs, |run| {
            run.work_cpu.clone().map(|cpu| cpu.total_ns() as f64 / run.share()).map(|ns| ns as u64)
        }),
        cores_used: cores_used(runs),
        memory_bytes: observed(runs, |run| run.memory.clone().map(|peak| peak.bytes)),
        voluntary: usage(|usage| usage.voluntary),
        involuntary: usage(|usage| usage.involuntary),
        throughput: stats::median(&throughput)?,
        latency: median_latency(runs),
    })
}

/// The median of a figure that every round knows, or why one of them does not.
fn observed(runs: &[&Run], figure: impl Fn(&Run) -> Observed<u64>) -> Observed<u64> {
    let mut known = Vec::new();
    for run in runs {
        match figure(run) {
            Observed::Known(value) => known.push(value),
            Observed::Unknown(why) => return Observed::Unknown(why),
        }
    }
    stats::median_u64(known.into_iter())
        .map_or_else(|| Observed::Unknown("no round gave it".into()), Observed::Known)
}

fn cores_used(runs: &[&Run]) -> Observed<f64> {
    // In millionths, so that one function serves all medians.
    let share = |run: &Run| run.cores_used().map(|cores| (cores * 1e6) as u64);
    observed(runs, share).map(|millionths| millionths as f64 / 1e6)
}

fn median_latency(runs: &[&Run]) -> Observed<Latency> {
    let figure = |pick: fn(&Latency) -> u64| {
        observed(runs, |run| run.latency.clone().map(|latency| pick(&latency)))
    };
    let from_arrival =
        runs.iter().any(|run| run.latency.known().is_some_and(|latency| latency.from_arrival));
    let known = |value: &Observed<u64>| value.known().copied().unwrap_or_default();
    let p90 = figure(|latency| latency.p90_ns);
    let p99 = figure(|latency| latency.p99_ns);
    let p999 = observed(runs, |run| match &run.latency {
        Observed::Known(Latency { p999_ns: Some(ns), .. }) => Observed::Known(*ns),
        _ => Observed::Unknown("it was not kept".into()),
    });
    let (min, max) = (figure(|latency| latency.min_ns), figure(|latency| latency.max_ns));
    figure(|latency| latency.p50_ns).map(|p50_ns| Latency {
        from_arrival,
        min_ns: known(&min),
        p50_ns,
        p90_ns: known(&p90),
        p99_ns: known(&p99),
        p999_ns: p999.known().copied(),
        max_ns: known(&max),
    })
}
