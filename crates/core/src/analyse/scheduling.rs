//! What the threads did while tasks executed steps: running, ready but waiting for a processor, or
//! blocked. Joins the spans of a trace with the slices of the kernel's scheduler. The main function
//! is [`shares`].

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::Role;

use crate::result::{Shares, Split, StepSplit};
use crate::trace::{Origin, Scheduling, Slice, SliceEnd, Source, Span, StepKind, Trace};

/// The shares of a run; `None`: its switches were not recorded, or it came to no work.
pub fn shares(trace: &Trace) -> Option<Shares> {
    let scheduling = trace.scheduling.known()?;
    if scheduling.source != Source::Switches || scheduling.slices.is_empty() {
        return None;
    }
    let timelines = timelines(scheduling);
    let threads: Vec<Option<usize>> = trace
        .lanes
        .iter()
        .map(|lane| {
            let own = |one: &crate::trace::Thread| one.tid == lane.tid && one.pid == lane.pid;
            scheduling.threads.iter().rposition(own)
        })
        .collect();
    let mut by_kind: BTreeMap<StepKind, Split> = BTreeMap::new();
    for span in &trace.spans {
        let Some(kind) = own_time(trace, span) else { continue };
        let thread = threads.get(span.lane as usize).copied().flatten();
        let part = thread.map_or_else(
            || unknown(span),
            |thread| split(&timelines[thread], span.start_ns, span.end_ns),
        );
        let sum = by_kind.entry(kind).or_default();
        *sum = add(*sum, part);
    }
    let steps: Vec<StepSplit> =
        by_kind.into_iter().map(|(kind, split)| StepSplit { kind, split }).collect();
    let used_ns = scheduling.slices.iter().map(length).fold(0, u64::saturating_add);
    let usage = trace.usage.known().map(|usage| usage.user_ns.saturating_add(usage.system_ns));
    let Origin::Measured { gil, .. } = trace.origin;
    Some(Shares {
        gil,
        total: steps.iter().fold(Split::default(), |sum, step| add(sum, step.split)),
        steps,
        at_once: at_once(trace, scheduling),
        wakeup_ns: wakeup(scheduling, &timelines),
        records: scheduling.records,
        lost: scheduling.lost,
        coverage: usage.filter(|&ns| ns > 0).map(|ns| used_ns as f64 / ns as f64),
    })
}

/// The kind of a step in whose time the thread was there for this task alone. Not of a `hold`,
/// which has other steps in it, nor of a step that a loop goes on without.
fn own_time(trace: &Trace, span: &Span) -> Option<StepKind> {
    let kind = trace.steps.get(span.step as usize)?.kind;
    let on_loop = trace.lanes.get(span.lane as usize)?.role == Role::Loop;
    let stays = matches!(kind, StepKind::Cpu | StepKind::Block | StepKind::Allocate);
    let whole = span.end_ns > span.start_ns;
    (whole && kind != StepKind::Hold && (stays || !on_loop)).then_some(kind)
}

fn unknown(span: &Span) -> Split {
    Split { unknown_ns: span.end_ns - span.start_ns, ..Split::default() }
}

fn add(a: Split, b: Split) -> Split {
    Split {
        running_ns: a.running_ns.saturating_add(b.running_ns),
        ready_ns: a.ready_ns.saturating_add(b.ready_ns),
        blocked_ns: a.blocked_ns.saturating_add(b.blocked_ns),
        unknown_ns: a.unknown_ns.saturating_add(b.unknown_ns),
    }
}

/// The slices of each thread, by start.
fn timelines(scheduling: &Scheduling) -> Vec<Vec<Slice>> {
    let mut timelines = vec![Vec::new(); scheduling.threads.len()];
    for slice in &scheduling.slices {
        if let Some(timeline) = timelines.get_mut(slice.thread as usize) {
            timeline.push(*slice);
        }
    }
    timelines
}

/// What a thread did between two times. Every nanosecond is counted once: within a slice it ran;
/// after one it was what the slice's end says, until the next one.
pub fn split(timeline: &[Slice], start_ns: u64, end_ns: u64) -> Split {
    let mut sum = Split::default();
    let mut now = start_ns;
    let first = timeline.partition_point(|slice| slice.end_ns <= start_ns);
    let mut before = first.checked_sub(1).map(|index| timeline[index].end);
    for slice in &timeline[first..] {
        if now >= end_ns || slice.start_ns >= end_ns {
            break;
        }
        if slice.start_ns > now {
            gap(&mut sum, before, slice.start_ns - now);
            now = slice.start_ns;
        }
        let until = slice.end_ns.min(end_ns);
        sum.running_ns += until.saturating_sub(now);
        now = now.max(until);
        before = Some(slice.end);
    }
    if now < end_ns {
        gap(&mut sum, before, end_ns - now);
    }
    sum
}

fn gap(sum: &mut Split, before: Option<SliceEnd>, ns: u64) {
    match before {
        Some(SliceEnd::Preempted) => sum.ready_ns += ns,
        Some(SliceEnd::Blocked) => sum.blocked_ns += ns,
        Some(SliceEnd::Exited | SliceEnd::Unknown) | None => sum.unknown_ns += ns,
    }
}

/// Time that threads were awake again but not yet on a processor, which the switches do not show:
/// what the kernel counted as waiting for a processor, minus what followed on preemptions.
/// `None`: the kernel's own figure is missing for some thread that computed.
fn wakeup(scheduling: &Scheduling, timelines: &[Vec<Slice>]) -> Option<u64> {
    let mut sum = 0_u64;
    for (thread, timeline) in scheduling.threads.iter().zip(timelines) {
        if timeline.is_empty() {
            continue;
        }
        let preempted = timeline
            .windows(2)
            .filter(|pair| pair[0].end == SliceEnd::Preempted)
            .map(|pair| pair[1].start_ns.saturating_sub(pair[0].end_ns))
            .fold(0, u64::saturating_add);
        sum = sum.saturating_add(thread.run_delay_ns?.saturating_sub(preempted));
    }
    Some(sum)
}

fn length(slice: &Slice) -> u64 {
    slice.end_ns.saturating_sub(slice.start_ns)
}

/// How many threads were on a processor at once, on average over the work; `None`: not known.
pub fn mean_at_once(shares: &Shares) -> Option<f64> {
    let each = shares.at_once.iter().enumerate();
    (!shares.at_once.is_empty()).then(|| each.map(|(threads, share)| threads as f64 * share).sum())
}

/// By number of threads: the share of the work in which so many were on a processor at once.
fn at_once(trace: &Trace, scheduling: &Scheduling) -> Vec<f64> {
    let Some(work) = trace.done.as_ref().map(|done| done.phases.work) else { return Vec::new() };
    if work.end_ns <= work.start_ns {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slice(start_ns: u64, end_ns: u64, end: SliceEnd) -> Slice {
        Slice { start_ns, end_ns, thread: 0, cpu: 0, end }
    }

    #[test]
    fn a_span_is_what_its_thread_did() {
        let timeline = [
            slice(10, 20, SliceEnd::Preempted),
            slice(30, 40, SliceEnd::Blocked),
            slice(60, 70, SliceEnd::Exited),
        ];
        let parts = |start, end| {
            let Split { running_ns, ready_ns, blocked_ns, unknown_ns } =
                split(&timeline, start, end);
            [running_ns, ready_ns, blocked_ns, unknown_ns]
        };
        assert_eq!(parts(15, 65), [5 + 10 + 5, 10, 20, 0]);
        assert_eq!(parts(22, 28), [0, 6, 0, 0]);
        assert_eq!(parts(45, 50), [0, 0, 5, 0]);
        assert_eq!(parts(0, 12), [2, 0, 0, 10], "before it was first seen");
        assert_eq!(parts(65, 80), [5, 0, 0, 10], "after it ended");
    }

    proptest! {
        #[test]
        fn every_nanosecond_is_counted_once(
            steps in proptest::collection::vec((0_u64..50, 0_u64..50, 0_usize..4), 0..40),
            start in 0_u64..2_000,
            length in 0_u64..2_000,
        ) {
            let ends =
                [SliceEnd::Preempted, SliceEnd::Blocked, SliceEnd::Exited, SliceEnd::Unknown];
            let mut now = 0;
            let mut timeline = Vec::new();
            for (pause, run, end) in steps {
                timeline.push(slice(now + pause, now + pause + run, ends[end]));
                now += pause + run;
            }
            let sum = split(&timeline, start, start + length);
            prop_assert_eq!(
                sum.running_ns + sum.ready_ns + sum.blocked_ns + sum.unknown_ns,
                length
            );
        }
    }
}
