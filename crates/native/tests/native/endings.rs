//! How runs end that do not simply end: crashes, deadlocks, stops, and the end of input.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{
    ALL, MS, Runner, Running, Work, block, cpu, hold, laws, receive, repeat, run, send, wait,
};
use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Action, Blocked, ErrorCode, Reply, Strategy};
use serde_json::json;

/// Longer than any test may take.
const FOREVER: u64 = 3_600_000 * MS;

/// Waits until it holds; only a broken runner lets it wait for minutes.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(300), "waited in vain: {what}");
        sleep(Duration::from_millis(2));
    }
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_crash_kills_the_runner_unless_the_workers_are_processes() {
    let work = Work::new()
        .resource(1)
        .tasks(1, vec![hold(0, vec![wait(MS), Action::Crash])])
        .tasks(6, vec![hold(0, vec![wait(MS)])]);
    for model in ALL {
        let ran = work.run(model);
        if model.0 != Strategy::Processes {
            assert_eq!(ran.status.signal(), Some(9), "{model:?}");
            assert!(ran.done.is_none());
            continue;
        }
        laws::check(&work, model.0, &ran);
        let crash = &ran.done().failures[0];
        assert_eq!((&crash.kind[..], crash.count, crash.task), ("crash", 1, 0));
        assert_eq!((&crash.text[..], crash.step), ("killed by signal 9 (SIGKILL)", Some(3)));
        assert!(ran.trace.tasks[1..].iter().all(|task| task.outcome == TaskOutcome::Done));
        assert_eq!((ran.trace.tasks[0].end, ran.trace.tasks[0].step), (0, Some(3)), "left open");
    }
}

#[test]
fn more_crashes_than_workers_are_survived() {
    let work = Work::new().tasks(9, vec![Action::Crash]).tasks(3, vec![wait(MS)]);
    let ran = work.run((Strategy::Processes, 2));
    laws::check(&work, Strategy::Processes, &ran);
    assert_eq!(ran.done().failures[0].count, 9);
    assert!(ran.trace.tasks[9..].iter().all(|task| task.outcome == TaskOutcome::Done));
}

/// The dead one's place in the queue must not swallow the unit when its turn comes.
#[test]
fn a_worker_that_is_killed_in_a_queue_gives_up_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let until_go = format!("until test -e {}; do sleep 0.01; done", go.display());
    let held = hold(0, vec![run(&["sh", "-c", &until_go])]);
    let work = Work::new().resource(1).tasks(4, vec![held]);
    let running = work.start((Strategy::Processes, 3));
    let at = |running: &Running, step| {
        let trace = running.look();
        let open = trace.of_step(step).into_iter().find(|span| span.end == 0);
        open.map(|span| trace.lanes[span.lane as usize].pid)
    };
    until("somebody holds", || at(&running, 1).is_some());
    until("somebody waits", || at(&running, 0).is_some());
    let waiting = at(&running, 0).unwrap();
    assert!(Command::new("kill").args(["-9", &waiting.to_string()]).status().unwrap().success());
    std::fs::write(go, "").unwrap();
    let ran = running.end();
    laws::check(&work, Strategy::Processes, &ran);
    assert_eq!(ran.done().failures[0].kind, "crash");
    let done = ran.trace.tasks.iter().filter(|task| task.outcome == TaskOutcome::Done);
    assert_eq!(done.count(), 3);
}

#[test]
fn a_task_that_nobody_will_serve_is_named() {
    let work = Work::new().channel(1).tasks(3, vec![receive(0)]).tasks(1, vec![wait(MS)]);
    for model in ALL {
        let ran = work.run(model);
        let blocked = &ran.done().deadlock;
        let count = if model.0 == Strategy::Sequential { 1 } else { 3 };
        let expected: Vec<_> = (0..count).map(|task| Blocked { task, step: 0 }).collect();
        assert_eq!(*blocked, expected, "{model:?}");
    }
}

/// A task that is gone with its process waits for nobody and keeps nobody from standing still.
#[test]
fn a_crash_does_not_hide_a_deadlock() {
    let work = Work::new().channel(1).tasks(1, vec![Action::Crash]).tasks(2, vec![receive(0)]);
    let ran = work.run((Strategy::Processes, 2));
    assert_eq!(ran.done().deadlock, [1, 2].map(|task| Blocked { task, step: 1 }));
}

/// Each says that it holds, and wants the other's when it has heard the same.
#[test]
fn two_that_hold_what_the_other_wants_are_named() {
    let work = Work::new()
        .resource(1)
        .resource(1)
        .channel(1)
        .channel(1)
        .tasks(1, vec![hold(0, vec![send(0), receive(1), hold(1, vec![])])])
        .tasks(1, vec![hold(1, vec![send(1), receive(0), hold(0, vec![])])]);
    let expected = [Blocked { task: 0, step: 4 }, Blocked { task: 1, step: 10 }];
    for model in ALL.into_iter().filter(|model| model.0 != Strategy::Sequential) {
        assert_eq!(work.run(model).done().deadlock, expected, "{model:?}");
    }
}

/// Four workers all wait for what the fifth task would send: only in a pool that is too small.
#[test]
fn a_pool_that_is_too_small_stands_still() {
    let work = Work::new().channel(9).tasks(4, vec![receive(0)]).tasks(4, vec![send(0)]);
    for (strategy, workers) in [(Strategy::ThreadPool, 4), (Strategy::Processes, 4)] {
        assert_eq!(work.run((strategy, workers)).done().deadlock.len(), 4, "{strategy}");
        assert_eq!(work.run((strategy, workers + 1)).done().deadlock, [], "{strategy}");
    }
}

/// A long queue, a busy resource and long steps look like standing still, and are not.
#[test]
fn what_is_only_slow_is_no_deadlock() {
    let work = Work::new()
        .resource(1)
        .tasks(20, vec![hold(0, vec![wait(8 * MS)])])
        .tasks(1, vec![wait(300 * MS)]);
    for model in ALL {
        let ran = work.run(model);
        assert_eq!(ran.done().deadlock, [], "{model:?}");
        laws::check(&work, model.0, &ran);
    }
}

#[test]
fn a_stop_lets_what_is_in_flight_end_and_starts_nothing_new() {
    let mut work = Work::new().tasks(1000, vec![wait(30 * MS)]);
    work.grace_ns = FOREVER;
    for model in [(Strategy::Sequential, 1), (Strategy::ThreadPool, 4), (Strategy::Processes, 4)] {
        let mut running = work.start(model);
        until("a task is under way", || running.look().tasks[0].start > 0);
        running.runner.say(&json!({"stop": {}}));
        let ran = running.end();
        laws::check(&work, model.0, &ran);
        assert!(ran.trace.tasks.iter().all(|task| (task.start > 0) == (task.end > 0)));
        assert_eq!(ran.trace.tasks[999].start, 0, "{model:?}");
    }
}

#[test]
fn what_does_not_end_within_the_grace_period_is_abandoned() {
    for steps in [vec![block(FOREVER)], vec![repeat(1 << 40, vec![cpu(MS)])], vec![wait(FOREVER)]] {
        let work = Work::new().tasks(2, steps);
        for model in ALL {
            let mut running = work.start(model);
            until("a task is under way", || running.look().tasks[0].start > 0);
            running.runner.say(&json!({"stop": {}}));
            let ran = running.end();
            assert_eq!(ran.trace.tasks[0].end, 0, "{model:?}");
            assert_eq!(ran.done().notes.len(), 1, "{model:?}");
        }
    }
}

/// Tasks that arrive late are not waited for.
#[test]
fn a_stop_does_not_wait_for_arrivals() {
    let late = maitred_wire::Arrivals::EveryNs(FOREVER / 8);
    let mut work = Work::new().tasks_arriving(3, late, vec![wait(MS)]);
    work.grace_ns = FOREVER;
    for model in ALL {
        let mut running = work.start(model);
        until("the first task has ended", || running.look().tasks[0].end > 0);
        running.runner.say(&json!({"stop": {}}));
        let ran = running.end();
        assert_eq!(ran.trace.tasks[1].start, 0, "{model:?}");
    }
}

#[test]
fn the_end_of_input_leaves_no_process() {
    let command = ["sh", "-c", "sleep 3600 & sleep 3600"];
    let work = Work::new().tasks(3, vec![run(&command)]);
    for model in ALL {
        let mut running = work.start(model);
        let root = running.runner.pid();
        let mut tree = Vec::new();
        until("all children run", || {
            tree = descendants(root);
            let sleepers = if model.0 == Strategy::Sequential { 2 } else { 6 };
            tree.iter().filter(|pid| name_of(**pid) == "sleep").count() == sleepers
        });
        running.runner.hang_up();
        running.runner.wait();
        until("they are gone", || !tree.iter().any(|&pid| is_alive(pid)));
    }
}

fn name_of(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

fn descendants(root: u32) -> Vec<u32> {
    let of_thread = |path: std::path::PathBuf| std::fs::read_to_string(path.join("children"));
    let threads = std::fs::read_dir(format!("/proc/{root}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| of_thread(thread.path()).ok());
    let children: Vec<u32> = children
        .flat_map(|text| text.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
        .collect();
    children.iter().flat_map(|&pid| [vec![pid], descendants(pid)].concat()).collect()
}

/// The stacks of 4,000 threads do not fit.
#[test]
fn a_thread_that_the_machine_refuses_is_a_clean_end() {
    let work = Work::new().tasks(4000, vec![block(FOREVER)]);
    let limited = ["sh", "-c", "ulimit -v 300000; exec \"$0\""];
    let ran = work.start_in(Runner::start_by(&limited), (Strategy::Threads, 0)).end();
    let error = ran.error.expect("it is refused");
    assert_eq!(error.code, ErrorCode::Refused);
    assert!(error.text.contains("were started") && error.text.contains("ulimit -v"), "{error:?}");
    assert!(ran.status.success());
}

#[test]
fn what_this_runner_cannot_do_is_said_before_the_run() {
    let call = Action::Call { function: "a.py:f".into() };
    {
        let step = call;
        let ran = Work::new().tasks(1, vec![step]).run((Strategy::Threads, 0));
        assert_eq!(ran.error.unwrap().code, ErrorCode::Unsupported);
    }
    let ran = Work::new().tasks(1, vec![]).run((Strategy::Interpreters, 1));
    assert_eq!(ran.error.unwrap().code, ErrorCode::Unsupported);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let plans = [
        Work::new().tasks(1, vec![hold(0, vec![])]),
        Work::new().tasks(1, vec![send(0)]),
        Work::new().tasks(1, vec![Action::Read { var: 0 }]),
        Work::new()
            .column(vec![1, 2], 1, 0)
            .tasks(3, vec![Action::Wait(maitred_wire::Amount::Column(0))]),
    ];
    for work in plans {
        assert_eq!(work.run((Strategy::EventLoop, 1)).error.unwrap().code, ErrorCode::Protocol);
    }
}

#[test]
fn a_line_that_is_no_command_is_quoted_back() {
    let mut runner = Runner::start();
    for line in ["nonsense", "{\"dance\":{}}", "{\"go\":{}}"] {
        runner.say_text(line);
        let Some(Reply::Error(error)) = runner.hear() else { panic!("{line} was taken") };
        assert_eq!(error.code, ErrorCode::Protocol);
        if !line.contains("go") {
            assert_eq!(error.place.as_deref(), Some(line));
        }
    }
    let Some(Reply::Ready(ready)) = runner.ask(&json!({"describe": {}})) else { panic!() };
    assert!(ready.calibration > 0.0 && ready.span_cost_ns.is_some_and(|ns| ns > 0.0));
    assert_eq!(ready.strategies().len(), ALL.len());
    runner.hang_up();
    assert!(runner.wait().success());
}

#[test]
fn a_trace_file_that_is_too_small_is_refused() {
    let small = Work::new().tasks(1, vec![]);
    let running = small.start((Strategy::EventLoop, 1));
    let mut runner = Runner::start();
    let (trace, none) = (running.trace_path(), "/dev/null");
    let plan = Work::new().tasks(2, vec![]).plan(Strategy::EventLoop, 1, &trace, none);
    let Some(Reply::Error(error)) = runner.ask(&json!({ "plan": plan })) else { panic!() };
    assert!(error.text.contains("2 tasks"), "{}", error.text);
    let plan = small.plan(Strategy::EventLoop, 1, "/nowhere", none);
    let Some(Reply::Error(error)) = runner.ask(&json!({ "plan": plan })) else { panic!() };
    assert!(error.text.contains("/nowhere"), "{}", error.text);
}

#[test]
fn a_runner_that_is_done_stays_until_its_input_ends() {
    let work = Work::new().tasks(2, vec![wait(MS)]);
    for model in ALL {
        let mut running = work.start(model);
        assert!(matches!(running.runner.hear(), Some(Reply::Done(_))), "{model:?}");
        // Long enough for an exit that does not wait; its memory could not be seen any more.
        sleep(Duration::from_millis(50));
        assert!(is_alive(running.runner.pid()), "{model:?}");
        running.runner.hang_up();
        assert!(running.runner.wait().success(), "{model:?}");
    }
}
