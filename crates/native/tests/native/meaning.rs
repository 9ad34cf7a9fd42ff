//! What steps mean under every strategy.

use crate::harness::{
    ALL, MS, Work, block, cpu, fail, hold, laws, receive, repeat, run, send, wait,
};
use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Action, Amount, Arrivals, Strategy};

const THINK: u64 = 160 * MS;
const ORDER: u64 = 40 * MS;

fn waiters() -> Work {
    Work::new().resource(1).tasks(5, vec![wait(THINK), hold(0, vec![wait(ORDER)])])
}

/// Five tables and one waiter. One after another: the sum. At once: all think at the same time,
/// then the waiter goes from table to table. No machine is faster; how much slower one is, shows
/// `bench`.
#[test]
fn five_tables_and_one_waiter_take_no_less_than_arithmetic_says() {
    let (apart, at_once) = (5 * (THINK + ORDER), THINK + 5 * ORDER);
    for model in ALL {
        let ran = waiters().run(model);
        laws::check(&waiters(), model.0, &ran);
        let took = ran.done().phases.work.wall_ns();
        let least = if model.0 == Strategy::Sequential { apart } else { at_once };
        assert!(took >= least, "{model:?} took {took}");
    }
}

/// Each of five waits until all have come, which only five that are under way at once can.
#[test]
fn as_many_tasks_are_under_way_at_once_as_there_are_workers() {
    let come_and_wait = vec![send(0), receive(1)];
    let count_and_let_go = vec![repeat(4, vec![receive(0)]), repeat(4, vec![send(1)])];
    let work = Work::new().channel(4).channel(4).tasks(4, come_and_wait).tasks(1, count_and_let_go);
    for model in ALL {
        let deadlock = work.run(model).done().deadlock.clone();
        assert_eq!(deadlock.is_empty(), model.0 != Strategy::Sequential, "{model:?}");
    }
}

#[test]
fn every_lane_that_was_used_is_closed() {
    for model in ALL {
        let ran = waiters().run(model);
        assert!(ran.status.success(), "{model:?}");
        assert!(ran.trace.lanes.iter().all(|lane| lane.pid == 0 || lane.closed), "{model:?}");
    }
}

#[test]
fn items_go_through_a_channel_wherever_the_tasks_run() {
    let work = Work::new()
        .channel(40)
        .tasks(20, vec![repeat(2, vec![send(0)])])
        .tasks(20, vec![repeat(2, vec![receive(0)])]);
    for model in ALL {
        let ran = work.run(model);
        laws::check(&work, model.0, &ran);
        assert!(ran.trace.tasks.iter().all(|task| task.outcome == TaskOutcome::Done), "{model:?}");
    }
}

/// With one slot, item `n + 1` cannot be sent before item `n - 1` was taken.
#[test]
fn a_full_channel_makes_the_sender_wait() {
    let work = Work::new()
        .channel(1)
        .tasks(1, vec![repeat(10, vec![send(0)])])
        .tasks(1, vec![repeat(10, vec![wait(MS), receive(0)])]);
    for model in ALL.into_iter().filter(|model| model.0 != Strategy::Sequential) {
        let ran = work.run(model);
        laws::check(&work, model.0, &ran);
        let (sent, received) = (ran.trace.of_step(1), ran.trace.of_step(4));
        assert_eq!((sent.len(), received.len()), (10, 10));
        for (sent, received) in sent[2..].iter().zip(&received) {
            assert!(sent.end >= received.start, "{model:?}: {sent:?} before {received:?}");
        }
    }
}

#[test]
fn threads_share_variables_and_processes_do_not() {
    let work = Work::new().var(7).tasks(200, vec![Action::Update { var: 0, add: 1 }]);
    for model in ALL {
        let ran = work.run(model);
        let var = &ran.done().vars[0];
        if model.0 == Strategy::Processes {
            assert_eq!(var.value, 7, "the parent's own");
            assert_eq!(var.by_process.iter().map(|value| value - 7).sum::<i64>(), 200);
            assert_eq!(var.by_process.len(), 5);
        } else {
            assert_eq!((var.value, var.by_process.len()), (207, 0), "{model:?}");
        }
    }
}

/// Read, let others read, write: all but one are lost wherever tasks share a variable and are under
/// way at once, and that is made sure of by the last task, which lets the others write when all have
/// read.
#[test]
fn an_update_in_two_steps_can_be_lost() {
    let update =
        vec![Action::Read { var: 0 }, send(0), receive(1), Action::Write { var: 0, add: 1 }];
    let let_write = vec![repeat(4, vec![receive(0)]), repeat(4, vec![send(1)])];
    let work = Work::new().var(0).channel(4).channel(4).tasks(4, update).tasks(1, let_write);
    for strategy in [Strategy::Threads, Strategy::EventLoop, Strategy::AsyncPool] {
        assert_eq!(work.run((strategy, 1)).done().vars[0].value, 1, "{strategy}");
    }
    let apart = vec![Action::Read { var: 0 }, wait(MS), Action::Write { var: 0, add: 1 }];
    let work = Work::new().var(0).tasks(5, apart);
    assert_eq!(work.run((Strategy::Sequential, 1)).done().vars[0].value, 5);
}

#[test]
fn failures_are_counted_by_kind() {
    let work = Work::new()
        .resource(1)
        .tasks(3, vec![hold(0, vec![fail("no table")])])
        .tasks(2, vec![hold(0, vec![run(&["sh", "-c", "exit 3"])]), wait(0)])
        .tasks(1, vec![Action::Allocate { bytes: 1 << 60 }])
        .tasks(1, vec![hold(0, vec![run(&["true"]), Action::Allocate { bytes: 1 << 20 }])]);
    for model in ALL {
        let ran = work.run(model);
        laws::check(&work, model.0, &ran);
        let said: Vec<_> = ran.done().failures.iter().map(|f| (&f.kind[..], f.count)).collect();
        assert_eq!(said, [("fail", 3), ("exit", 2), ("memory", 1)], "{model:?}");
        let texts: Vec<_> = ran.done().failures.iter().map(|f| &f.text[..]).collect();
        assert_eq!(texts[..2], ["no table", "`sh` ended with exit code 3"], "{model:?}");
        assert_eq!(ran.done().failures[0].step, Some(2));
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let work = Work::new().tasks(1, vec![run(&["no-such-program"])]);
    for model in ALL {
        let text = work.run(model).done().failures[0].text.clone();
        assert!(text.starts_with("cannot start `no-such-program`"), "{text}");
    }
}

/// A permutation of different durations other than the right one makes one of them too short.
#[test]
fn every_execution_takes_the_duration_drawn_for_it() {
    let drawn: Vec<u64> = (0..24).map(|k| (k * 7 % 24 + 1) * MS / 2).collect();
    let first: Vec<u64> = (0..2).map(|k| (2 - k) * 3 * MS).collect();
    let waiting = Action::Wait(Amount::Column(1));
    let work = Work::new()
        .column(first, 1, 0)
        .column(drawn.clone(), 6, 2)
        .tasks(2, vec![Action::Wait(Amount::Column(0))])
        .tasks(4, vec![repeat(2, vec![repeat(3, vec![waiting]), wait(0)])]);
    for model in ALL {
        let ran = work.run(model);
        laws::check(&work, model.0, &ran);
        for task in 2..6 {
            let spans = ran.trace.of_step(3).into_iter().filter(|span| span.task == task);
            let took: Vec<_> = spans.map(|span| span.end - span.start).collect();
            let expected = &drawn[(task as usize - 2) * 6..][..6];
            assert_eq!(took.len(), 6, "{model:?}");
            assert!(
                took.iter().zip(expected).all(|(took, ns)| took >= ns),
                "{took:?} {expected:?}"
            );
        }
    }
}

#[test]
fn tasks_start_no_earlier_than_they_arrive() {
    let work = Work::new()
        .column(vec![5 * MS, 15 * MS, 25 * MS], 1, 4)
        .tasks_arriving(4, Arrivals::EveryNs(10 * MS), vec![wait(MS)])
        .tasks_arriving(3, Arrivals::Column(0), vec![wait(MS)]);
    let arrivals = [0, 10, 20, 30, 5, 15, 25];
    for model in ALL {
        let ran = work.run(model);
        laws::check(&work, model.0, &ran);
        let start = ran.done().phases.work.start_ns;
        for (task, ms) in ran.trace.tasks.iter().zip(arrivals) {
            assert!(task.start >= start + ms * MS && task.end > 0, "{model:?} {task:?}");
        }
    }
}

/// First come first served: on one loop the order of coming is the order of the tasks.
#[test]
fn a_resource_serves_who_came_first() {
    let work = Work::new().resource(2).tasks(50, vec![hold(0, vec![wait(MS)])]);
    let granted = work.run((Strategy::EventLoop, 1)).trace.of_step(1);
    assert!(granted.is_sorted_by_key(|span| span.task));
}

#[test]
fn a_blocking_step_stops_a_loop_and_not_a_hybrid() {
    let work = Work::new().tasks(3, vec![block(30 * MS), cpu(MS), wait(MS)]);
    let on_loop = work.run((Strategy::EventLoop, 1));
    let blocks = on_loop.trace.of_step(0);
    assert!(blocks.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let hybrid = work.run((Strategy::Hybrid, 3));
    laws::check(&work, Strategy::Hybrid, &hybrid);
    assert!(hybrid.trace.of_step(0).iter().all(|span| span.lane > 0), "in the pool");
    assert!(hybrid.trace.of_step(2).iter().all(|span| span.lane == 0), "on the loop");
}

#[test]
fn processor_time_of_the_work_is_seen_in_every_strategy() {
    let work = Work::new().tasks(4, vec![cpu(150 * MS)]);
    for model in ALL {
        let ran = work.run(model);
        let phases = ran.done().phases;
        let [setup, work, teardown] = [phases.setup, phases.work, phases.teardown]
            .map(|phase| phase.cpu.expect("Linux says it").total_ns());
        // Each task does 15 million units; a nanosecond for ten of them is beyond any processor.
        assert!(work > 6 * MS, "{model:?}: {work}");
        assert!(work > setup + teardown, "{model:?}: {setup} {work} {teardown}");
    }
}

#[test]
fn rounds_of_one_plan_follow_each_other_and_say_when_they_ended() {
    let work = Work::new().rounds(3).tasks(6, vec![run(&["true"])]);
    let ran = work.run((Strategy::Sequential, 1));
    laws::check(&work, Strategy::Sequential, &ran);
    let ends: Vec<u64> = ran.done().rounds.iter().map(|round| round.end_ns).collect();
    let tasks = &ran.trace.tasks;
    assert_eq!(ends.len(), 3);
    for (round, end) in ends.into_iter().enumerate() {
        assert!(tasks[2 * round + 1].end <= end, "{round}");
        assert!(tasks.get(2 * round + 2).is_none_or(|next| next.start >= end), "{round}");
    }
    let used = ran.done().rounds.iter().map(|round| round.used.user_ns + round.used.system_ns);
    let all = ran.done().used.unwrap();
    assert!(used.clone().all(|ns| ns > 0));
    assert!(used.sum::<u64>() <= all.user_ns + all.system_ns);
}

#[test]
fn no_round_follows_one_in_which_a_task_failed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines");
    let line = format!("echo x >> {0}; test $(wc -l < {0}) != 3", file.display());
    let work = Work::new().rounds(3).tasks(6, vec![run(&["sh", "-c", &line])]);
    let ran = work.run((Strategy::Sequential, 1));
    assert_eq!(ran.done().rounds.len(), 2);
    assert_eq!(
        ran.done().failures.iter().map(|one| (one.task, one.count)).collect::<Vec<_>>(),
        [(2, 1)]
    );
    let begun = ran.trace.tasks.iter().filter(|task| task.start > 0).count();
    assert_eq!(begun, 4, "the round that failed came to its end");
}

#[test]
fn rounds_are_for_tasks_that_can_be_told_apart_by_them() {
    let refused = |work: Work, strategy| work.run((strategy, 1)).error.map(|error| error.text);
    let tasks = |count| Work::new().rounds(2).tasks(count, vec![run(&["true"])]);
    assert!(refused(tasks(4), Strategy::Sequential).is_none());
    for (work, strategy) in [
        (tasks(4), Strategy::ThreadPool),
        (tasks(3), Strategy::Sequential),
        (tasks(2).tasks(2, vec![run(&["true"])]), Strategy::Sequential),
    ] {
        assert!(refused(work, strategy).unwrap().contains("several rounds"));
    }
}
