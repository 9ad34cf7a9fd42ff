//! A run of a real process that behaves well or badly: the right end, the right figures, and no
//! process left. Where an end must not be waited for, what would be waited for takes for ever.

#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use maitred_core::trace::RunEnd;
use maitred_engine::measure::trace_map::TraceMap;
use maitred_engine::runtime::{
    Execution, Interrupt, Measured, Progress, RunnerCommand, STARTUP_LIMIT, SessionError, describe,
    execute,
};
use maitred_wire::trace_file::{Layout, TASK_BYTES, task, u32_at};
use maitred_wire::{PROTOCOL, Plan, Strategy};

const LAYOUT: Layout = Layout { lanes: 2, tasks: 10, spans_per_lane: 100 };

/// So long that no test ends that waits for it.
const FOREVER: Duration = Duration::from_secs(100_000);

/// One run of `badly_behaved.py`.
struct Scene {
    runner: RunnerCommand,
    mark: String,
    layout: Layout,
    startup_limit: Duration,
    timeout: Option<Duration>,
    stop_at: Option<u64>,
    memory_limit: Option<u64>,
    grace: Duration,
    interrupt: Interrupt,
}

impl Scene {
    fn new(args: &[&str]) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mark = format!("SESSION_TEST={}-{count}-{}", std::process::id(), args.join("-"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runners/badly_behaved.py");
        let args = [script.to_str().unwrap()].into_iter().chain(args.iter().copied());
        let mut runner = RunnerCommand::new("python3", args);
        let (name, value) = mark.split_once('=').unwrap();
        runner.env.push((name.into(), value.into()));
        Self {
            runner,
            mark,
            layout: LAYOUT,
            startup_limit: STARTUP_LIMIT,
            timeout: Some(Duration::from_secs(3600)),
            stop_at: None,
            memory_limit: None,
            grace: Duration::from_millis(200),
            interrupt: Interrupt::manual().unwrap(),
        }
    }

    fn run(&self) -> Measured {
        self.run_with(&mut |_| {})
    }

    fn run_with(&self, on_progress: &mut dyn FnMut(Progress)) -> Measured {
        let execution = Execution {
            runner: &self.runner,
            layout: self.layout,
            columns: &[1, 2, 3],
            startup_limit: self.startup_limit,
            timeout: self.timeout,
            memory_limit: self.memory_limit,
            duration: None,
            stop_at: self.stop_at,
            grace: self.grace,
            interrupt: &self.interrupt,
            keep: None,
            scheduling: false,
        };
        let measured = execute(&execution, plan, on_progress).unwrap();
        assert_eq!(self.left(), Vec::<PathBuf>::new(), "left behind after {:?}", measured.end);
        measured
    }

    /// Every process that carries our mark in its environment.
    fn left(&self) -> Vec<PathBuf> {
        std::fs::read_dir("/proc")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|process| {
                let environment = std::fs::read(process.join("environ")).unwrap_or_default();
                environment.split(|&byte| byte == 0).any(|pair| pair == self.mark.as_bytes())
            })
            .collect()
    }
}

fn plan(trace_path: &str, columns_path: Option<&str>) -> Plan {
    assert!(columns_path.is_some_and(|path| std::fs::read(path).unwrap().len() == 24));
    // From JSON, so that a field that has a default need not stand here.
    let plan = serde_json::json!({
        "protocol": PROTOCOL, "strategy": Strategy::Sequential, "workers": 1, "seed": 0,
        "calibration": null, "programs": [], "groups": [], "resources": [], "vars": [],
        "channels": [], "columns": null, "trace_path": trace_path, "limits": { "grace_ns": 0 },
    });
    serde_json::from_value(plan).unwrap()
}

fn died(measured: &Measured) -> &str {
    match &measured.end {
        RunEnd::Died { how } => how,
        end => panic!("{end:?}\n{}", measured.log),
    }
}

fn step_of(trace: &TraceMap, number: usize) -> Option<u32> {
    let record = trace.layout().tasks_offset() + number * TASK_BYTES;
    u32_at(trace.bytes(), record + task::STEP).checked_sub(1)
}

#[test]
fn a_good_run_has_every_figure() {
    let scene = Scene::new(&["finishes"]);
    let measured = scene.run();
    assert_eq!(measured.end, RunEnd::Finished, "{}", measured.log);
    assert_eq!(measured.done.unwrap().notes, ["as ordered"]);
    let ready = measured.ready.unwrap();
    assert_eq!((ready.runtime.as_str(), ready.version.as_str()), ("badly-behaved", "finishes"));
    assert!(measured.startup.wall_ns() > 0);
    let usage = measured.usage.known().unwrap();
    assert!(usage.user_ns + usage.system_ns > 0);
    let memory = measured.memory.known().unwrap();
    assert!(memory.samples >= 2, "one at ready, one at done: {memory:?}");
    assert!(memory.bytes > 1 << 20, "an interpreter takes more than a MiB: {memory:?}");
    assert_eq!(memory.processes, 1);
    assert_eq!(Layout::read(measured.trace.bytes()), Some(LAYOUT));
}

#[test]
fn the_runner_starts_in_a_clean_state() {
    let leaked = std::fs::File::open("/dev/null").unwrap();
    let notes = Scene::new(&["dispositions"]).run().done.unwrap().notes;
    drop(leaked);
    let facts: serde_json::Value = serde_json::from_str(&notes[0]).unwrap();
    let expected = serde_json::json!({
        "ignored": [], "blocked": [], "death_signal": 9, "oom": "1000", "group": true,
        "descriptors": 0, "enough_files": true,
    });
    assert_eq!(facts, expected);
}

#[test]
fn a_deadlock_that_the_runner_found_is_the_end() {
    let RunEnd::Deadlock(blocked) = Scene::new(&["deadlocks"]).run().end else { panic!() };
    assert_eq!((blocked[0].task, blocked[0].step), (1, 2));
}

#[test]
fn a_refusal_is_passed_on() {
    let RunEnd::Refused(error) = Scene::new(&["refuses"]).run().end else { panic!() };
    assert_eq!(error.text, "there is no soup today");
}

#[test]
fn a_hang_is_ended_and_the_trace_tells_where_it_hung() {
    for behaviour in ["hangs", "ignores-everything", "children"] {
        let mut scene = Scene::new(&[behaviour]);
        scene.timeout = Some(Duration::from_millis(300));
        let measured = scene.run();
        assert_eq!(measured.end, RunEnd::TimedOut { limit_ns: 300_000_000 }, "{behaviour}");
        assert!(measured.done.is_none());
        if behaviour == "hangs" {
            assert_eq!(step_of(&measured.trace, 1), Some(4));
        }
    }
}

#[test]
fn what_the_host_starts_meanwhile_is_not_of_the_run() {
    use std::os::unix::process::CommandExt as _;
    let mut scene = Scene::new(&["children"]);
    scene.timeout = Some(FOREVER);
    let mut started = Vec::new();
    let measured = scene.run_with(&mut |progress| {
        // The children of the runner are there, those of the host come, and then it ends.
        if progress.finished == 1 && started.is_empty() {
            let sleep = || std::process::Command::new("sleep");
            started.push(sleep().arg("600").spawn().unwrap());
            started.push(sleep().arg("600").process_group(0).spawn().unwrap());
            scene.interrupt.raise();
        }
    });
    assert_eq!(measured.end, RunEnd::Interrupted);
    assert_eq!(started.len(), 2);
    for mut child in started {
        assert_eq!(child.try_wait().unwrap(), None, "a process of the host was ended");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_runner_that_stops_when_told_still_reports() {
    let mut scene = Scene::new(&["stops-when-told"]);
    scene.timeout = Some(Duration::from_millis(300));
    scene.grace = FOREVER;
    let measured = scene.run();
    assert_eq!(measured.end, RunEnd::TimedOut { limit_ns: 300_000_000 });
    assert!(measured.done.is_some());
}

#[test]
fn a_run_is_told_to_stop_when_enough_tasks_have_ended() {
    for (behaviour, is_told) in [("stops-when-told", true), ("hangs", false)] {
        let mut scene = Scene::new(&[behaviour]);
        (scene.timeout, scene.stop_at) = (Some(FOREVER), Some(1));
        if is_told {
            scene.grace = FOREVER;
        }
        let measured = scene.run();
        assert_eq!(measured.end, RunEnd::Interrupted, "{behaviour}");
        assert_eq!(measured.done.is_some(), is_told, "{behaviour}");
    }
    let mut scene = Scene::new(&["hangs"]);
    (scene.timeout, scene.stop_at) = (Some(Duration::from_millis(400)), Some(2));
    assert_eq!(scene.run().end, RunEnd::TimedOut { limit_ns: 400_000_000 }, "one has ended");
}

#[test]
fn an_interrupt_does_not_wait_for_the_grace_of_a_runner() {
    let patient = |behaviour| {
        let mut scene = Scene::new(&[behaviour]);
        (scene.grace, scene.timeout, scene.startup_limit) = (FOREVER, Some(FOREVER), FOREVER);
        scene
    };
    for behaviour in ["hangs", "ignores-everything"] {
        let scene = patient(behaviour);
        // Progress is told of once it is under way.
        let end = scene.run_with(&mut |_| scene.interrupt.raise()).end;
        assert_eq!(end, RunEnd::Interrupted, "{behaviour}");
    }
    for behaviour in ["never-ready", "never-reads"] {
        let scene = patient(behaviour);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while scene.left().is_empty() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                scene.interrupt.raise();
            });
            assert_eq!(scene.run().end, RunEnd::Interrupted, "{behaviour}");
        });
    }
}

#[test]
fn what_was_interrupted_before_it_began_ends_at_once() {
    let scene = Scene::new(&["finishes"]);
    scene.interrupt.raise();
    assert_eq!(scene.run().end, RunEnd::Interrupted);
}

#[test]
fn deaths_are_told_apart() {
    let measured = Scene::new(&["dies", "11"]).run();
    assert_eq!(died(&measured), "killed by signal 11 (SIGSEGV) before it said `done`");
    assert_eq!(measured.log, "the last thing it said\n");
    assert!(measured.usage.known().is_some());
    let measured = Scene::new(&["dies", "9"]).run();
    assert_eq!(died(&measured), "killed by signal 9 (SIGKILL) before it said `done`");
    let measured = Scene::new(&["exits", "3"]).run();
    assert_eq!(died(&measured), "exited with code 3 before it said `done`");
    let measured = Scene::new(&["exits", "0"]).run();
    assert_eq!(died(&measured), "exited with code 0 before it said `done`");
    let measured = Scene::new(&["dies-before-ready"]).run();
    assert_eq!(died(&measured), "exited with code 3 before it was ready");
    assert_eq!(measured.log, "the kitchen is on fire\n");
    assert!(measured.ready.is_none());
}

#[test]
fn a_runner_that_is_never_ready_is_given_up() {
    for behaviour in ["never-ready", "never-reads"] {
        let mut scene = Scene::new(&[behaviour]);
        scene.startup_limit = Duration::from_millis(300);
        let measured = scene.run();
        assert!(died(&measured).starts_with("did not say `ready` within 300ms"), "{behaviour}");
    }
}

#[test]
fn what_is_not_a_message_is_quoted_with_its_cause() {
    let said = |line: &str| died(&Scene::new(&["says", line]).run()).to_owned();
    let how = said("Hello, World");
    assert!(how.contains("`Hello, World`") && how.contains("real output aside"), "{how}");
    assert!(said(r#"{"done": {"#).contains("ends within the message"));
    assert!(said(r#"{"dome": {}}"#).contains("unknown variant `dome`"));
    assert!(said("").contains("``"));
    let how = died(&Scene::new(&["huge-line"]).run()).to_owned();
    assert!(how.contains("more than 16 MiB") && how.len() < 500, "{how}");
}

#[test]
fn the_conversation_has_an_order() {
    let how = died(&Scene::new(&["other-protocol"]).run()).to_owned();
    assert!(how.starts_with("speaks protocol 99, and this maitred speaks 2"), "{how}");
    let how = died(&Scene::new(&["ready-twice"]).run()).to_owned();
    assert_eq!(how, "said `ready` twice");
}

#[test]
fn a_runner_that_closes_its_output_does_not_hold_us() {
    let measured = Scene::new(&["closes-stdout"]).run();
    assert!(died(&measured).contains("closed its standard output"), "{:?}", measured.end);
}

#[test]
fn a_log_of_any_length_is_drained_and_its_end_kept() {
    let measured = Scene::new(&["huge-log"]).run();
    assert_eq!(measured.end, RunEnd::Finished);
    assert!(measured.log.ends_with("line 199999\n"));
    assert!(measured.log.len() <= 64 << 10 && measured.log.len() > 1000);
}

#[test]
fn orphans_end_with_the_run_and_are_mentioned() {
    let measured = Scene::new(&["orphans"]).run();
    assert_eq!(measured.end, RunEnd::Finished);
    assert_eq!(measured.done.unwrap().notes, ["3 processes that outlived the runner were killed"]);
    assert!(measured.usage.known().is_some());
    let measured = Scene::new(&["orphans-and-dies"]).run();
    assert!(died(&measured).contains("SIGKILL"));
}

#[test]
fn a_runner_that_stays_after_done_is_killed_and_its_result_kept() {
    let measured = Scene::new(&["stays-after-done"]).run();
    assert_eq!(measured.end, RunEnd::Finished);
    let notes = measured.done.unwrap().notes;
    assert!(notes[0].contains("had to be killed"), "{notes:?}");
}

#[test]
fn the_work_of_descendants_is_counted() {
    for behaviour in ["burns", "burning-orphan"] {
        let measured = Scene::new(&[behaviour, "0.4"]).run();
        let usage = *measured.usage.known().unwrap();
        assert!(usage.user_ns + usage.system_ns >= 400_000_000, "{behaviour}: {usage:?}");
    }
}

const MIB: u64 = 1 << 20;

#[test]
fn memory_is_that_of_all_processes_together() {
    let base = Scene::new(&["finishes"]).run().memory.known().unwrap().bytes;
    let memory = *Scene::new(&["holds", "64", "64"]).run().memory.known().unwrap();
    let more = memory.bytes - base;
    // What the files of an interpreter count depends on how many others have them in use just then.
    assert!((112 * MIB..160 * MIB).contains(&more), "{} MiB more", more / MIB);
    assert_eq!(memory.processes, 2);
}

#[test]
fn what_processes_share_counts_once() {
    let base = Scene::new(&["finishes"]).run().memory.known().unwrap().bytes;
    // 64 MiB that parent and child share after the fork, and nothing else.
    let memory = *Scene::new(&["holds", "64", "0"]).run().memory.known().unwrap();
    let more = memory.bytes - base;
    assert!((48 * MIB..100 * MIB).contains(&more), "{} MiB more", more / MIB);
    let memory = *Scene::new(&["holds-shared", "64"]).run().memory.known().unwrap();
    let more = memory.bytes - base;
    assert!((48 * MIB..160 * MIB).contains(&more), "{} MiB more", more / MIB);
}

#[test]
fn the_trace_file_is_no_memory_of_the_runner() {
    let base = Scene::new(&["finishes"]).run().memory.known().unwrap().bytes;
    let mut scene = Scene::new(&["fills-the-trace"]);
    scene.layout.spans_per_lane = 1 << 20;
    let measured = scene.run();
    assert_eq!(measured.end, RunEnd::Finished, "{}", measured.log);
    let memory = measured.memory.known().unwrap().bytes;
    // The script holds the zeroes that it writes once, as a Python object.
    let trace = scene.layout.bytes() as u64;
    assert!(memory < base + trace + 20 * MIB, "{} MiB", memory / MIB);
}

#[test]
fn a_memory_limit_is_kept() {
    let mut scene = Scene::new(&["allocates"]);
    scene.memory_limit = Some(100 * MIB);
    let RunEnd::OutOfMemory { limit_bytes, seen_bytes } = scene.run().end else { panic!() };
    assert_eq!(limit_bytes, 100 * MIB);
    assert!(seen_bytes > limit_bytes);
}

#[test]
fn shared_memory_does_not_break_the_limit_twice() {
    // Three times 64 MiB are resident, 64 and little more are taken.
    let mut scene = Scene::new(&["holds", "64", "0"]);
    scene.memory_limit = Some(110 * MIB);
    assert_eq!(scene.run().end, RunEnd::Finished);
}

#[test]
fn progress_is_what_the_trace_says() {
    let mut scene = Scene::new(&["hangs"]);
    scene.timeout = Some(FOREVER);
    let mut reports = Vec::new();
    scene.run_with(&mut |at| {
        reports.push((at.elapsed, at.finished, at.total));
        if reports.len() == 3 {
            scene.interrupt.raise();
        }
    });
    let (_, finished, total) = *reports.last().expect("it is told of before it is ended");
    assert_eq!((finished, total), (1, 10));
    assert!(reports.is_sorted_by_key(|(elapsed, ..)| *elapsed));
}

#[test]
fn a_panic_in_the_caller_leaves_no_process() {
    let scene = Scene::new(&["hangs"]);
    let run = std::panic::AssertUnwindSafe(|| scene.run_with(&mut |_| panic!("a bug")));
    assert!(std::panic::catch_unwind(run).is_err());
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
}

#[test]
fn what_cannot_be_started_is_an_error_that_names_it() {
    let mut scene = Scene::new(&["finishes"]);
    scene.runner.program = "/no/such/runner".into();
    let interrupt = Interrupt::manual().unwrap();
    let error = describe(&scene.runner, STARTUP_LIMIT, &interrupt).unwrap_err();
    assert!(matches!(error, SessionError::Start { .. }));
    assert!(error.to_string().starts_with("cannot start the runner /no/such/runner: "), "{error}");
}

#[test]
fn a_runner_says_what_it_is() {
    let scene = Scene::new(&["finishes"]);
    let ready = describe(&scene.runner, STARTUP_LIMIT, &scene.interrupt).unwrap();
    assert_eq!(ready.runtime, "badly-behaved");
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
    let scene = Scene::new(&["dies-before-ready"]);
    let error = describe(&scene.runner, STARTUP_LIMIT, &scene.interrupt).unwrap_err().to_string();
    assert!(
        error.contains("exited with code 3 before it said what it is\n  the kitchen is on fire"),
        "{error}"
    );
    let scene = Scene::new(&["never-ready"]);
    let error = describe(&scene.runner, Duration::from_millis(300), &scene.interrupt);
    assert!(error.unwrap_err().to_string().contains("within 300ms"));
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
}
