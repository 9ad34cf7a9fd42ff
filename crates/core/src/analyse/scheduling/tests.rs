//! The join of spans and slices on a trace that was computed: two workers of one process.

use alloc::string::ToString as _;
use alloc::vec;

use maitred_wire::{Phase, Phases, Strategy};

use super::*;
use crate::trace::sample::tables;
use crate::trace::{Executor, Lane, Observed, Origin, Outcome, SliceEnd, Thread, Usage};

fn thread(tid: u32) -> Thread {
    Thread { pid: 1, tid, run_delay_ns: Some(50), ..Thread::default() }
}

fn slice(thread: u32, start_ns: u64, end_ns: u64, end: SliceEnd) -> Slice {
    Slice { start_ns, end_ns, thread, cpu: thread as u16, end }
}

/// Two workers, each with one computing step from 100 to 200.
fn trace(scheduling: Scheduling) -> Trace {
    let mut trace = tables(2, 1).run(Strategy::Threads, 2);
    let lane = trace.lanes[0];
    trace.lanes = [11, 12].map(|tid| Lane { pid: 1, tid, ..lane }).to_vec();
    trace.steps.truncate(1);
    trace.steps[0].kind = StepKind::Cpu;
    let span = |lane| Span { task: lane, step: 0, lane, start_ns: 100, end_ns: 200 };
    trace.spans = vec![span(0), span(1)];
    let work = Phase { start_ns: 100, end_ns: 200, cpu: None };
    let done = trace.done.take().unwrap();
    trace.done = Some(Outcome { phases: Phases { work, ..done.phases }, ..done });
    trace.usage = Observed::Known(Usage { user_ns: 200, ..Usage::default() });
    trace.origin =
        Origin::Measured(Executor { gil: Some(true), ..Executor::new("python3", "3.11") });
    trace.scheduling = Observed::Known(scheduling);
    trace
}

/// They take turns: one is blocked while the other is on a processor.
fn in_turn() -> Scheduling {
    Scheduling {
        cpus: vec![0, 1],
        threads: vec![thread(11), thread(12)],
        slices: vec![
            slice(0, 90, 140, SliceEnd::Blocked),
            slice(1, 95, 100, SliceEnd::Blocked),
            slice(1, 140, 200, SliceEnd::Blocked),
            slice(0, 200, 210, SliceEnd::Exited),
        ],
        records: 8,
        ..Scheduling::default()
    }
}

#[test]
fn a_lock_is_what_keeps_one_from_computing_while_the_other_does() {
    let shares = shares(&trace(in_turn())).unwrap();
    assert_eq!((shares.total.running_ns, shares.total.blocked_ns), (100, 100));
    let lock = shares.lock.unwrap();
    assert_eq!((lock.of_ns, lock.at_most_ns), (200, 100));
    assert_eq!(lock.without_wakeup_ns, Some(10), "60 − 50, and nothing of 40 − 50");
    assert_eq!(shares.running_threads, [0.0, 1.0, 0.0]);
    assert_eq!(shares.coverage, Some(125.0 / 200.0));
}

#[test]
fn one_thread_that_nobody_read_leaves_the_others_known() {
    let mut scheduling = in_turn();
    scheduling.threads[1].run_delay_ns = None;
    let shares = shares(&trace(scheduling)).unwrap();
    assert_eq!((shares.wakeup_ns, shares.wakeup_unread), (Some(50), 1));
}

#[test]
fn what_the_kernel_counted_is_compared_with_what_was_recorded_until_then() {
    let mut scheduling = in_turn();
    scheduling.slices[0].end = SliceEnd::Preempted;
    scheduling.threads[0].run_delay_ns = Some(5);
    scheduling.threads[0].counted_ns = 140;
    let shares = shares(&trace(scheduling)).unwrap();
    assert_eq!(shares.threads[1].wakeup_ns, Some(5), "what followed on the look is not taken off");
    assert_eq!(shares.threads[1].runnable_ns, 60);
}

#[test]
fn samples_have_shares_and_nothing_that_only_switches_show() {
    let scheduling = Scheduling {
        source: Source::Samples { every_ns: 5_000_000 },
        missing: vec!["refused".to_string()],
        ..in_turn()
    };
    let shares = shares(&trace(scheduling)).unwrap();
    assert_eq!(shares.source, Source::Samples { every_ns: 5_000_000 });
    assert_eq!((shares.total.running_ns, shares.total.blocked_ns), (100, 100));
    assert_eq!((shares.lock, shares.wakeup_ns, shares.running_threads.len()), (None, None, 0));
    assert_eq!(shares.threads[0].runnable_ns, 50, "the kernel's own total");
    assert_eq!(shares.missing, ["refused"]);
}

#[test]
fn a_refusal_is_a_result_even_where_nothing_could_be_sampled() {
    let scheduling = Scheduling {
        source: Source::Samples { every_ns: 0 },
        missing: vec!["refused".to_string()],
        ..Scheduling::default()
    };
    let shares = shares(&trace(scheduling)).unwrap();
    assert_eq!(shares.missing, ["refused"]);
    assert_eq!(shares.coverage, None);
    assert_eq!(shares.total.unknown_ns, 200);
}
