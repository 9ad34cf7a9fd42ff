//! Figures of runs made up for it, against arithmetic.

use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Cpu, Strategy};

use super::nature::{BoundBy, nature};
use super::summary::{run, run_from, summarise};
use crate::result::{HarnessCost, Processors, Quota, TaskCounts};
use crate::trace::sample::{Do, MS, Sample, tables};
use crate::trace::{Observed, StepKind, Throttled, Trace};

#[test]
fn the_figures_of_five_tables() {
    let trace = tables(5, 1).run(Strategy::Threads, 5);
    let run = run(&trace, 3, &[]);
    assert_eq!(run.round, 3);
    assert_eq!(run.work_ns, 900 * MS);
    assert_eq!(run.tasks, TaskCounts { done: 5, ..TaskCounts::default() });
    let latency = run.latency.known().unwrap();
    assert_eq!(
        [latency.min_ns, latency.p50_ns, latency.p90_ns, latency.max_ns],
        [500, 700, 900, 900].map(|ms| ms * MS)
    );
    let total = |kind| run.steps.iter().find(|step| step.kind == kind).map(|step| step.total_ns);
    assert_eq!(total(StepKind::Wait), Some((5 * 400 + 5 * 100) * MS));
    assert_eq!(total(StepKind::Acquire), Some((100 + 200 + 300 + 400) * MS));
    assert_eq!(total(StepKind::Hold), Some(500 * MS));
    assert_eq!(total(StepKind::Cpu), None);
}

#[test]
fn records_that_lie_elsewhere_give_the_same() {
    let trace = tables(5, 1).run(Strategy::EventLoop, 1);
    let head = Trace { tasks: vec![], spans: vec![], ..trace.clone() };
    let elsewhere =
        run_from(&head, 0, &[], trace.tasks.iter().copied(), trace.spans.iter().copied());
    assert_eq!(elsewhere, run(&trace, 0, &[]));
}

/// One worker, a task every 10 ms that takes 20 ms: each is due earlier than it can start, so
/// that the last of ten has waited for nine times 10 ms.
#[test]
fn latency_counts_from_the_scheduled_arrival() {
    let arrivals = (0..10).map(|task| task * 10).collect();
    let sample = Sample { program: vec![Do::Wait(20)], arrivals, ..tables(10, 1) };
    let run = run(&sample.run(Strategy::Sequential, 1), 0, &[]);
    let latency = run.latency.known().unwrap();
    assert!(latency.from_arrival);
    assert_eq!((latency.min_ns, latency.max_ns), (20 * MS, 110 * MS));
}

#[test]
fn every_task_is_counted_once() {
    let mut trace = tables(4, 1).run(Strategy::Processes, 4);
    trace.tasks[0].outcome = TaskOutcome::Failed;
    (trace.tasks[1].outcome, trace.tasks[1].end_ns) = (TaskOutcome::Open, 0);
    trace.tasks[2].outcome = TaskOutcome::Open;
    (trace.tasks[2].start_ns, trace.tasks[2].end_ns) = (0, 0);
    let counts = run(&trace, 0, &[]).tasks;
    assert_eq!(counts, TaskCounts { done: 1, failed: 1, lost: 1, not_run: 1 });
}

#[test]
fn what_one_round_does_not_know_the_summary_does_not() {
    let runs: Vec<_> =
        (0..3).map(|round| run(&tables(2, 1).run(Strategy::Threads, 2), round, &[])).collect();
    let mut unknown = runs.clone();
    unknown[1].memory = Observed::Unknown("not permitted".into());
    let of = |runs: &[crate::result::Run]| summarise(&runs.iter().collect::<Vec<_>>()).unwrap();
    assert!(of(&runs).memory_bytes.known().is_some());
    assert_eq!(of(&unknown).memory_bytes, Observed::Unknown("not permitted".into()));
    assert_eq!(summarise(&[]), None);
}

/// The arithmetic of the talk: nobody is faster than 400 ms of reading and 500 ms of one waiter.
#[test]
fn the_bound_of_the_waiters() {
    for strategy in [Strategy::Sequential, Strategy::Threads, Strategy::EventLoop] {
        let nature = nature(&tables(5, 1).run(strategy, 5), 2).unwrap();
        let bound = nature.bound.unwrap();
        assert_eq!(bound.ns, 900 * MS, "under {strategy}");
        let BoundBy::Resource { name, capacity, with_one_more_ns } = bound.by else {
            panic!("not the waiter")
        };
        assert_eq!((name.as_str(), capacity, with_one_more_ns), ("waiter", 1, 650 * MS));
    }
}

#[test]
fn bounds_by_the_longest_task_and_by_the_processors() {
    let with = |program, count| {
        let sample = Sample { program, ..tables(count, 1) };
        nature(&sample.run(Strategy::Threads, 1), 4).unwrap().bound.unwrap()
    };
    let computing = with(vec![Do::Cpu(10)], 100);
    assert_eq!((computing.ns, computing.by), (250 * MS, BoundBy::Processors(4.into())));
    let waiting = with(vec![Do::Wait(10), Do::Cpu(1)], 3);
    assert_eq!(waiting.ns, 11 * MS);
    let fifty_tables = nature(&tables(50, 50).run(Strategy::Threads, 1), 4).unwrap();
    assert_eq!(fifty_tables.bound.unwrap().ns, 500 * MS, "a waiter for each");
}

/// No list schedule of a sample is shorter than its bound, on however many workers.
#[test]
fn no_schedule_beats_the_bound() {
    let programs = [
        vec![Do::Wait(3), Do::Hold(0, vec![Do::Wait(2), Do::Cpu(1)]), Do::Wait(4)],
        vec![Do::Hold(0, vec![Do::Wait(5)]), Do::Wait(1), Do::Hold(0, vec![Do::Wait(2)])],
        vec![Do::Cpu(2), Do::Block(3)],
    ];
    for program in programs {
        for (count, capacity) in [(1, 1), (7, 1), (7, 2), (20, 3)] {
            let sample = Sample { program: program.clone(), ..tables(count, capacity) };
            let bound = nature(&sample.run(Strategy::Sequential, 1), 64).unwrap().bound.unwrap();
            for strategy in [Strategy::Sequential, Strategy::Threads, Strategy::EventLoop] {
                let took = run(&sample.run(strategy, 1), 0, &[]).work_ns;
                assert!(took >= bound.ns, "{took} < {} under {strategy}: {program:?}", bound.ns);
            }
        }
    }
}

#[test]
fn time_goes_where_it_went() {
    let program = vec![Do::Wait(60), Do::Block(20), Do::Cpu(10)];
    let sample = Sample { program, ..tables(10, 1) };
    let nature = nature(&sample.run(Strategy::EventLoop, 1), 2).unwrap();
    assert_eq!(nature.blocking_ns, 200 * MS);
    assert_eq!(nature.computing_ns, 100 * MS);
    let still = nature.standstill.unwrap();
    assert_eq!(
        (still.label.as_str(), still.blocks, still.longest_ns),
        ("block 20ms", true, 20 * MS)
    );
    assert_eq!(still.others, 9);
}

#[test]
fn time_in_requests_is_known_apart() {
    let sample = Sample { program: vec![Do::Wait(10), Do::Block(3)], ..tables(5, 1) };
    let mut trace = sample.run(Strategy::Threads, 5);
    trace.steps[0].kind = StepKind::Http;
    let nature = nature(&trace, 2).unwrap();
    assert_eq!((nature.requests_ns, nature.own_ns()), (50 * MS, 65 * MS));
}

#[test]
fn what_a_quota_takes_is_neither_waiting_nor_computing() {
    // A command that computes for 500 ms of the second that it takes, at half a processor.
    let sample = Sample { program: vec![Do::Wait(1000)], ..tables(1, 1) };
    let mut trace = sample.run(Strategy::Sequential, 1);
    trace.steps[0].kind = StepKind::Run;
    let done = trace.done.as_mut().unwrap();
    done.phases.work.cpu = Some(Cpu { user_ns: 500 * MS, system_ns: 0 });
    trace.noise.throttled = Some(Throttled { periods: 10, ns: 540 * MS });
    let half = Processors { count: 2, quota: Some(Quota { cpu_ns: 50 * MS, period_ns: 100 * MS }) };
    let found = nature(&trace, half).unwrap();
    assert_eq!((found.computing_ns, found.throttled_ns, found.waiting_ns), (500 * MS, 500 * MS, 0));
    trace.noise.throttled = None;
    assert_eq!(nature(&trace, half).unwrap().waiting_ns, 500 * MS);
}

#[test]
fn tasks_that_were_begun_again_are_told() {
    let notes = |attempts: &[(u32, u32)]| {
        let mut trace = tables(5, 1).run(Strategy::Processes, 5);
        trace.done.as_mut().unwrap().attempts = attempts.to_vec();
        run(&trace, 0, &[]).notes.join("\n")
    };
    assert!(!notes(&[]).contains("begun"));
    assert_eq!(
        notes(&[(2, 2)]),
        "lost during the work: a worker, so that table 3 was begun 2 times"
    );
    assert_eq!(
        notes(&[(0, 2), (2, 3)]),
        "lost during the work: workers, so that 2 tasks were begun more than once, table 3 3 times"
    );
}

#[test]
fn cores_are_not_told_of_work_that_is_too_short() {
    let cpu = Cpu { user_ns: 10 * MS, system_ns: 5 * MS };
    let mut run = run(&tables(2, 1).run(Strategy::Threads, 2), 0, &[]);
    (run.work_ns, run.harness, run.work_cpu) = (10 * MS, None, Observed::Known(cpu));
    assert_eq!(run.cores_used(), Observed::Known(1.5));
    run.work_ns -= 1;
    assert!(matches!(run.cores_used(), Observed::Unknown(why) if why.contains("less than 10 ms")));
    // The runner's own part was measured with the rest.
    run.harness = Some(HarnessCost { ns: 1, uncertain_ns: 0 });
    assert_eq!(run.cores_used(), Observed::Known(1.5));
}
