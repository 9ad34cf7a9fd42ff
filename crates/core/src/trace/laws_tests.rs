//! Each law holds on a trace that keeps it and is seen to break on one that does not.

use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Cpu, Failure, Host, Strategy};
use proptest::prelude::*;

use super::sample::{Do, MS, ORIGIN, Sample, tables};
use super::{Observed, Scheduling, Slice, SliceEnd, Thread, Trace, violations};

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

/// Where it was held on another machine, whose clock may be wrong by this much.
#[test]
fn a_resource_that_goes_from_host_to_host() {
    let held = |clock_uncertainty_ns| {
        let mut trace = tables(3, 1).run(Strategy::Threads, 3);
        span_of(&mut trace, 0, 2).end_ns += 1;
        let host =
            Host { name: "b".into(), lanes: vec![0], clock_offset_ns: 0, clock_uncertainty_ns };
        trace.done.as_mut().unwrap().hosts = vec![host];
        violations(&trace, None).iter().any(|sentence| sentence.contains("has capacity 1"))
    };
    assert!(held(0) && !held(1));
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

/// Two threads on two processors, four slices.
fn scheduled() -> Trace {
    let mut trace = tables(3, 1).run(Strategy::Threads, 2);
    let thread = |tid| Thread { pid: 100, tid, start_ns: ORIGIN - MS, ..Thread::default() };
    let slice = |thread, cpu, from, to| Slice {
        start_ns: ORIGIN + from * MS,
        end_ns: ORIGIN + to * MS,
        thread,
        cpu,
        end: SliceEnd::Blocked,
    };
    trace.scheduling = Observed::Known(Scheduling {
        cpus: vec![0, 1],
        threads: vec![thread(100), thread(101)],
        slices: vec![
            slice(0, 0, 0, 10),
            slice(1, 1, 5, 20),
            slice(1, 0, 20, 30),
            slice(0, 1, 20, 40),
        ],
        ..Scheduling::default()
    });
    trace
}

/// Breaks a sound record of the scheduler and expects the law to say so.
fn check_slices(break_it: impl FnOnce(&mut Scheduling), expected: &str) {
    let mut trace = scheduled();
    assert_eq!(violations(&trace, Some(2)), [""; 0], "sound before");
    let Observed::Known(scheduling) = &mut trace.scheduling else { unreachable!() };
    break_it(scheduling);
    let found = violations(&trace, Some(2));
    assert!(
        found.iter().any(|sentence| sentence.contains(expected)),
        "expected …{expected}…, found {found:#?}"
    );
}

#[test]
fn what_no_scheduler_can_have_done() {
    check_slices(
        |it| it.slices[2].start_ns -= 11 * MS,
        "a processor ran two threads at once: thread 101 on processor 0 from 9.000 ms into the \
         work on, though thread 100 on processor 0 from 0.000 ms into the work on, had not left",
    );
    check_slices(|it| it.slices[1].thread = 0, "a thread was on two processors at once");
    check_slices(|it| it.slices[3].end_ns = it.slices[3].start_ns - 1, "ends before it starts");
    check_slices(|it| it.slices.swap(0, 1), "stands behind one that starts later");
    check_slices(|it| it.slices[0].thread = 2, "is of a thread that the trace does not have");
    check_slices(|it| it.cpus.truncate(1), "is on a processor that the run could not use");
    check_slices(|it| it.slices[0].start_ns = 1, "is from before the run was started");
    check_slices(|it| it.threads[0].start_ns = ORIGIN + 1, "is from before that thread was there");
    check_slices(|it| it.threads[1].end_ns = ORIGIN + 29 * MS, "when that thread had ended");
    check_slices(|it| it.threads[1].parent = Some(1), "thread 101 was started by itself");
    check_slices(|it| it.threads[1].parent = Some(9), "or by none of the trace");
    check_slices(|it| it.threads[1].end_ns = 1, "thread 101 ends before it starts");
    // Twice the same time on a processor is more than there was.
    let all_day = |it: &mut Scheduling| {
        (it.slices[1].start_ns, it.slices[1].end_ns) = (ORIGIN, ORIGIN + 700 * MS);
        (it.slices[0].start_ns, it.slices[0].end_ns) = (ORIGIN, ORIGIN + 700 * MS);
        it.slices[0].cpu = 1;
    };
    check_slices(all_day, "processor 1 was used for 1420.000 ms in 700.000 ms of work");
}

/// A list of slices that a scheduler of two processors could have made: whoever waits longest is
/// next, for as long as is drawn.
fn slices() -> impl Strategy_<Value = Vec<Slice>> {
    proptest::collection::vec((0_u64..5, 1_u64..20, 0_u32..6), 1..60).prop_map(|drawn| {
        let mut cpus = [ORIGIN; 2];
        let mut threads = [ORIGIN; 6];
        let mut slices = Vec::new();
        for (pause, long, thread) in drawn {
            let cpu = usize::from(cpus[1] < cpus[0]);
            let start_ns = cpus[cpu].max(threads[thread as usize]) + pause;
            let end_ns = start_ns + long;
            (cpus[cpu], threads[thread as usize]) = (end_ns, end_ns);
            slices.push(Slice {
                start_ns,
                end_ns,
                thread,
                cpu: cpu as u16,
                end: SliceEnd::Preempted,
            });
        }
        slices.sort_by_key(|slice| slice.start_ns);
        slices
    })
}

proptest! {
    #[test]
    fn schedules_are_lawful_and_every_overlap_is_seen(
        slices in slices(),
        at in any::<proptest::sample::Index>(),
        by in 1_u64..50,
        other: bool,
    ) {
        let mut trace = scheduled();
        let Observed::Known(scheduling) = &mut trace.scheduling else { unreachable!() };
        scheduling.threads.resize(6, scheduling.threads[0].clone());
        scheduling.slices = slices.clone();
        prop_assert_eq!(violations(&trace, Some(2)), [""; 0]);
        // One that lasts longer, and in one case is of somebody else.
        let Observed::Known(scheduling) = &mut trace.scheduling else { unreachable!() };
        let index = at.index(slices.len());
        scheduling.slices[index].end_ns += by;
        if other {
            scheduling.slices[index].thread = (slices[index].thread + 1) % 6;
        }
        let all = &scheduling.slices;
        let overlap = |key: fn(&Slice) -> u32| {
            let pairs = (0..all.len()).flat_map(|one| (0..one).map(move |two| (two, one)));
            pairs.into_iter().any(|(a, b)| {
                key(&all[a]) == key(&all[b])
                    && all[a].start_ns < all[b].end_ns
                    && all[b].start_ns < all[a].end_ns
            })
        };
        let (on_cpu, of_thread) =
            (overlap(|slice| u32::from(slice.cpu)), overlap(|slice| slice.thread));
        let found = violations(&trace, Some(2));
        let said = |words: &str| found.iter().any(|sentence| sentence.contains(words));
        prop_assert_eq!(said("a processor ran two threads"), on_cpu, "{:#?}", found);
        prop_assert_eq!(said("a thread was on two processors"), of_thread, "{:#?}", found);
    }
}
