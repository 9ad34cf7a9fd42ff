//! Each law holds on a trace that keeps it and is seen to break on one that does not.

use alloc::vec;

use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Cpu, Failure, Strategy};
use proptest::prelude::*;

use super::sample::{Do, MS, ORIGIN, Sample, tables};
use super::{Trace, violations};

/// Breaks a sound trace and expects the law to say so.
fn check(strategy: Strategy, break_it: impl FnOnce(&mut Trace), expected: &str) {
    let mut trace = tables(3, 1).run(strategy, 2);
    assert_eq!(violations(&trace, Some(2)), [""; 0], "sound before");
    break_it(&mut trace);
    let found = violations(&trace, Some(2));
    assert!(
        found.iter().any(|sentence| sentence.contains(expected)),
        "expected …{expected}…, found {found:#?}"
    );
}

fn span_of(trace: &mut Trace, task: u32, step: u32) -> &mut super::Span {
    trace.spans.iter_mut().find(|span| (span.task, span.step) == (task, step)).unwrap()
}

#[test]
fn a_span_that_ends_before_it_starts() {
    let reverse = |trace: &mut Trace| span_of(trace, 1, 0).end_ns = ORIGIN - 1;
    check(Strategy::Threads, reverse, "table 2, `wait 400ms`, on worker 2 ends before it starts");
}

#[test]
fn a_task_that_ends_before_it_starts() {
    check(Strategy::Threads, |trace| trace.tasks[0].end_ns = 1, "table 1 ends before it starts");
}

#[test]
fn phases_out_of_order() {
    let overlap = |trace: &mut Trace| {
        trace.done.as_mut().unwrap().phases.teardown.start_ns = ORIGIN;
    };
    check(Strategy::Threads, overlap, "tear-down");
}

#[test]
fn a_task_accounted_for_twice_or_never() {
    let done_and_open = |trace: &mut Trace| trace.tasks[2].outcome = TaskOutcome::Open;
    check(Strategy::Threads, done_and_open, "table 3 has an end but is neither");
    let done_never_ended = |trace: &mut Trace| trace.tasks[2].end_ns = 0;
    check(Strategy::Threads, done_never_ended, "table 3 has an outcome but no end");
    let done_never_started = |trace: &mut Trace| trace.tasks[0].start_ns = 0;
    check(Strategy::Threads, done_never_started, "table 1 has an outcome but never started");
    check(Strategy::Threads, |trace| trace.tasks.truncate(2), "has 3 tasks, the trace 2");
}

#[test]
fn counts_that_disagree() {
    let lanes = |trace: &mut Trace| trace.lanes[1].tasks_ended = 2;
    check(Strategy::Threads, lanes, "3 tasks ended, but the lanes counted 4");
    let failures = |trace: &mut Trace| trace.tasks[1].outcome = TaskOutcome::Failed;
    check(Strategy::Threads, failures, "1 tasks failed and 0 were lost, but the runner named 0");
    let invented = |trace: &mut Trace| {
        trace.done.as_mut().unwrap().failures.push(Failure {
            kind: "fail".into(),
            text: "no".into(),
            count: 1,
            task: 0,
            step: None,
        });
    };
    check(Strategy::Threads, invented, "the runner named 1 failures");
}

#[test]
fn a_killed_lane_may_be_one_task_behind() {
    let mut trace = tables(3, 1).run(Strategy::Threads, 3);
    trace.lanes[1].tasks_ended = 0;
    trace.lanes[1].counters = None;
    assert_eq!(violations(&trace, None), [""; 0]);
}

#[test]
fn a_lane_that_does_two_things() {
    let move_lane = |trace: &mut Trace| span_of(trace, 1, 0).lane = 0;
    check(Strategy::Threads, move_lane, "a lane did two things at once");
}

#[test]
fn a_loop_may_wait_for_many_but_compute_for_one() {
    let sample = Sample { program: vec![Do::Cpu(10), Do::Wait(5)], ..tables(3, 1) };
    let mut trace = sample.run(Strategy::EventLoop, 1);
    assert_eq!(violations(&trace, Some(1)), [""; 0]);
    let second = span_of(&mut trace, 1, 0);
    second.start_ns -= 4 * MS;
    trace.tasks[1].start_ns -= 4 * MS;
    let found = violations(&trace, Some(1));
    assert!(found.iter().any(|sentence| sentence.contains("two things at once")), "{found:#?}");
}

#[test]
fn a_resource_held_too_often() {
    let longer = |trace: &mut Trace| span_of(trace, 0, 2).end_ns += 1;
    check(
        Strategy::Threads,
        longer,
        "resource `waiter` has capacity 1, but table 2 took it 500.000 ms into the work while \
         table 1 held it",
    );
}

#[test]
fn two_steps_of_a_task_at_once() {
    let longer = |trace: &mut Trace| span_of(trace, 1, 0).end_ns += MS;
    check(Strategy::Threads, longer, "began before `wait 400ms` ended");
}

#[test]
fn a_span_outside_its_hold_its_task_or_the_work() {
    let out_of_hold = |trace: &mut Trace| span_of(trace, 1, 2).end_ns -= MS;
    check(Strategy::Threads, out_of_hold, "does not lie within `holding waiter`");
    let out_of_task = |trace: &mut Trace| trace.tasks[1].end_ns -= MS;
    check(Strategy::Threads, out_of_task, "does not lie within its task");
    let out_of_work = |trace: &mut Trace| {
        trace.done.as_mut().unwrap().phases.work.end_ns -= MS;
    };
    check(Strategy::Threads, out_of_work, "does not lie within the work phase");
    let unknown_step = |trace: &mut Trace| span_of(trace, 1, 0).step = 99;
    check(Strategy::Threads, unknown_step, "of a step that the workload does not have");
    let unknown_task = |trace: &mut Trace| span_of(trace, 1, 0).task = 99;
    check(Strategy::Threads, unknown_task, "task 99, which does not exist");
}

#[test]
fn a_done_task_with_an_open_step() {
    let open = |trace: &mut Trace| span_of(trace, 2, 3).end_ns = 0;
    check(Strategy::Threads, open, "never ended, though its task is done");
}

#[test]
fn more_processor_time_than_there_was() {
    let tree = |trace: &mut Trace| {
        let work = &mut trace.done.as_mut().unwrap().phases.work;
        work.cpu = Some(Cpu { user_ns: 3 * work.wall_ns(), system_ns: 0 });
    };
    check(Strategy::Threads, tree, "of processor time in 700.000 ms on 2 processors");
    let lane = |trace: &mut Trace| {
        trace.lanes[0].counters.as_mut().unwrap().cpu_ns = 900 * MS;
    };
    check(Strategy::Threads, lane, "worker 1 took 900.000 ms");
}

#[test]
fn what_is_broken_everywhere_is_said_briefly() {
    let mut trace = tables(100, 1).run(Strategy::Threads, 100);
    for task in &mut trace.tasks {
        task.outcome = TaskOutcome::Open;
    }
    let found = violations(&trace, None);
    assert!(found.contains(&"… and 90 more violations of the same law".into()), "{found:#?}");
}

fn program() -> impl Strategy_<Value = Sample> {
    let step = prop_oneof![
        (0_u64..20).prop_map(Do::Cpu),
        (0_u64..20).prop_map(Do::Wait),
        (0_u64..20).prop_map(Do::Block),
    ];
    let inner = proptest::collection::vec(step.clone(), 0..3);
    let outer = proptest::collection::vec(
        prop_oneof![3 => step, 1 => inner.prop_map(|inner| Do::Hold(0, inner))],
        1..5,
    );
    (outer, 1_u32..8, 1_u32..3)
        .prop_map(|(program, count, capacity)| Sample { program, ..tables(count, capacity) })
}

use proptest::strategy::Strategy as Strategy_;

proptest! {
    #[test]
    fn list_schedules_are_lawful(sample in program(), workers in 1_u32..5, pick in 0_usize..6) {
        let strategy = Strategy::ALL[pick];
        prop_assert_eq!(violations(&sample.run(strategy, workers), Some(64)), [""; 0]);
    }
}
