//! What the threads did while tasks executed steps: running, runnable in a run queue, or
//! blocked. Joins the spans of a trace with the slices of the kernel's scheduler. The main function
//! is [`shares`].

mod commands;
mod lock;
mod states;
mod threads;
mod waits;

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::Role;

use self::commands::Commands;
pub(crate) use self::states::union;
pub use self::states::{State, Timelines};
use crate::result::{Shares, Split, StepSplit};
use crate::trace::{Scheduling, Slice, Source, Span, StepKind, Trace};

/// The shares of a run; `None`: nobody asked to have its scheduling recorded.
pub fn shares(trace: &Trace) -> Option<Shares> {
    let scheduling = trace.scheduling.known()?;
    let timelines = Timelines::new(scheduling);
    let join = Join { trace, scheduling, timelines: &timelines, threads: threads_of(trace) };
    let wakeups = threads::wakeups(scheduling, &timelines);
    let ran = |number: usize| !timelines.slices(number).is_empty();
    let known: Vec<u64> =
        (0..wakeups.len()).filter(|&one| ran(one)).filter_map(|one| wakeups[one]).collect();
    let unread = (0..wakeups.len()).filter(|&one| ran(one) && wakeups[one].is_none()).count();
    let throttled_ns = trace.noise.throttled.map_or(0, |throttled| throttled.ns);
    let steps = without_throttled(join.steps(), throttled_ns);
    let used_ns = scheduling.slices.iter().map(length).fold(0, u64::saturating_add);
    let usage = trace.usage.known().map(|usage| usage.user_ns.saturating_add(usage.system_ns));
    let gil = trace.origin.gil();
    let is_recorded = scheduling.source == Source::Switches;
    let computing = || join.spans_of(StepKind::Cpu);
    let lock = (gil == Some(true) && is_recorded)
        .then(|| lock::wait(computing(), scheduling, &timelines, &wakeups));
    let (threads, threads_left_out) = threads::figures(scheduling, &timelines, &wakeups);
    Some(Shares {
        source: scheduling.source,
        gil,
        total: steps.iter().fold(Split::default(), |sum, step| add(sum, step.split)),
        steps,
        running_threads: if is_recorded { running_threads(trace, scheduling) } else { Vec::new() },
        wakeup_ns: (is_recorded && !known.is_empty())
            .then(|| known.into_iter().fold(0, u64::saturating_add)),
        wakeup_unread: u32::try_from(unread).unwrap_or(u32::MAX),
        lock: lock.flatten(),
        waits: scheduling.waits.as_ref().map(|waits| waits::shares(join.times(), waits)),
        threads,
        threads_left_out,
        records: scheduling.records,
        lost: scheduling.lost,
        coverage: usage
            .filter(|&ns| ns > 0 && !scheduling.slices.is_empty())
            .map(|ns| used_ns as f64 / ns as f64),
        reader_cpu_ns: scheduling.reader_cpu_ns,
        missing: scheduling.missing.clone(),
    })
}

/// The average number of running threads over the work; `None`: not known.
pub fn average_running_threads(shares: &Shares) -> Option<f64> {
    let each = shares.running_threads.iter().enumerate();
    (!shares.running_threads.is_empty())
        .then(|| each.map(|(threads, share)| threads as f64 * share).sum())
}

/// By lane: the number of its thread in the scheduler's record.
fn threads_of(trace: &Trace) -> Vec<Option<usize>> {
    let Some(scheduling) = trace.scheduling.known() else { return Vec::new() };
    // A number may have belonged to several threads: the last one counts.
    let by_id: BTreeMap<(u32, u32), usize> =
        (0..).zip(&scheduling.threads).map(|(n, one)| ((one.pid, one.tid), n)).collect();
    trace.lanes.iter().map(|lane| by_id.get(&(lane.pid, lane.tid)).copied()).collect()
}

/// The spans of a trace and the threads that they were on.
struct Join<'a> {
    trace: &'a Trace,
    scheduling: &'a Scheduling,
    timelines: &'a Timelines,
    threads: Vec<Option<usize>>,
}

impl Join<'_> {
    fn steps(&self) -> Vec<StepSplit> {
        let commands = Commands::new(self.scheduling, self.timelines);
        let mut by_kind: BTreeMap<StepKind, Split> = BTreeMap::new();
        let mut count = |kind, part| {
            let sum = by_kind.entry(kind).or_default();
            *sum = add(*sum, part);
        };
        for span in &self.trace.spans {
            let Some(kind) = own_time(self.trace, span) else { continue };
            let part = match self.thread(span) {
                None => unknown(span),
                Some(thread) if kind == StepKind::Run => commands.of_step(thread, span),
                Some(thread) => self.timelines.split(thread, span.start_ns, span.end_ns),
            };
            count(kind, part);
        }
        // A loop starts processes for nothing else.
        if self.trace.steps.iter().any(|step| step.kind == StepKind::Run) {
            for (lane, thread) in self.trace.lanes.iter().zip(&self.threads) {
                let on_loop = thread.filter(|_| lane.role == Role::Loop);
                for part in on_loop.map_or_else(Vec::new, |thread| commands.of_loop(thread)) {
                    count(StepKind::Run, part);
                }
            }
        }
        by_kind.into_iter().map(|(kind, split)| StepSplit { kind, split }).collect()
    }

    /// When which thread was in a step of its own.
    fn times(&self) -> impl Iterator<Item = ((u32, u32), (u64, u64))> {
        let own = |span: &&Span| own_time(self.trace, span).is_some();
        self.trace.spans.iter().filter(own).filter_map(|span| {
            let lane = self.trace.lanes.get(span.lane as usize)?;
            Some(((lane.pid, lane.tid), (span.start_ns, span.end_ns)))
        })
    }

    fn thread(&self, span: &Span) -> Option<usize> {
        self.threads.get(span.lane as usize).copied().flatten()
    }

    /// The spans of one kind whose thread was recorded, each with its number.
    fn spans_of(&self, kind: StepKind) -> impl Iterator<Item = (&Span, usize)> {
        let spans = self.trace.spans.iter();
        let spans = spans.filter(move |span| own_time(self.trace, span) == Some(kind));
        spans.filter_map(|span| Some((span, self.thread(span)?)))
    }
}

/// The kind of a step that ended and in whose time the thread was there for it alone.
fn own_time(trace: &Trace, span: &Span) -> Option<StepKind> {
    alone(trace, span).filter(|_| span.end_ns > span.start_ns)
}

/// The kind of a step in whose time the thread is there for this task alone. Not of a `hold`,
/// which has other steps in it, nor of a step that a loop goes on without: else waits that overlap
/// would add up to more than the time.
pub(crate) fn alone(trace: &Trace, span: &Span) -> Option<StepKind> {
    let kind = trace.steps.get(span.step as usize)?.kind;
    let on_loop = trace.lanes.get(span.lane as usize)?.role == Role::Loop;
    let stays = matches!(kind, StepKind::Cpu | StepKind::Block | StepKind::Allocate);
    (kind != StepKind::Hold && (stays || !on_loop)).then_some(kind)
}

/// The same with what the CPU quota took told from waiting for a processor: the switches show both
/// alike, and the control group's counter knows only the sum, which each kind of step has its part of.
fn without_throttled(mut steps: Vec<StepSplit>, throttled_ns: u64) -> Vec<StepSplit> {
    let ready = steps.iter().map(|step| step.split.runnable_ns).fold(0, u64::saturating_add).max(1);
    let taken = u128::from(throttled_ns.min(ready));
    for step in &mut steps {
        let part = taken * u128::from(step.split.runnable_ns) / u128::from(ready);
        step.split = step.split.with_throttled(part as u64);
    }
    steps
}

fn unknown(span: &Span) -> Split {
    Split { unknown_ns: span.end_ns - span.start_ns, ..Split::default() }
}

fn add(a: Split, b: Split) -> Split {
    Split {
        running_ns: a.running_ns.saturating_add(b.running_ns),
        runnable_ns: a.runnable_ns.saturating_add(b.runnable_ns),
        throttled_ns: a.throttled_ns.saturating_add(b.throttled_ns),
        blocked_ns: a.blocked_ns.saturating_add(b.blocked_ns),
        unknown_ns: a.unknown_ns.saturating_add(b.unknown_ns),
    }
}

fn length(slice: &Slice) -> u64 {
    slice.end_ns.saturating_sub(slice.start_ns)
}

/// By number of threads: the share of the work in which so many ran.
fn running_threads(trace: &Trace, scheduling: &Scheduling) -> Vec<f64> {
    let Some(work) = trace.done.as_ref().map(|done| done.phases.work) else { return Vec::new() };
    if work.end_ns <= work.start_ns || scheduling.slices.is_empty() {
        return Vec::new();
    }
    let mut changes: Vec<(u64, i32)> = Vec::new();
    for slice in &scheduling.slices {
        let (start, end) = (slice.start_ns.max(work.start_ns), slice.end_ns.min(work.end_ns));
        if start < end {
            changes.extend([(start, 1), (end, -1)]);
        }
    }
    // Of two changes at one time the leaving comes first: a processor changes hands.
    changes.sort_unstable();
    let mut spent = vec![0_u64; scheduling.cpus.len() + 1];
    let (mut now, mut on) = (work.start_ns, 0_i32);
    for (at, change) in changes.into_iter().chain([(work.end_ns, 0)]) {
        let place = usize::try_from(on).unwrap_or(0);
        if place >= spent.len() {
            spent.resize(place + 1, 0);
        }
        spent[place] += at - now;
        (now, on) = (at, on + change);
    }
    let whole = (work.end_ns - work.start_ns) as f64;
    spent.into_iter().map(|ns| ns as f64 / whole).collect()
}

#[cfg(test)]
mod tests;
