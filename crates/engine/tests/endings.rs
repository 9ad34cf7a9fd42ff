//! However `maitred` itself ends, nothing of a run is left. The part of `maitred` is played by this
//! test program, started again.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]
#![expect(clippy::print_stderr, clippy::exit, reason = "it plays the part of a program")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use maitred_core::trace::RunEnd;
use maitred_engine::runtime::{
    Execution, Guard, Interrupt, RunnerCommand, STARTUP_LIMIT, execute, stand,
};
use maitred_wire::trace_file::Layout;
use maitred_wire::{PROTOCOL, Plan, Strategy};

/// Says what to play; the behaviour of the runner stands in `BEHAVIOUR`.
const PART: &str = "ENDINGS_PART";

/// For a whole test, whatever else the machine does: only a broken program meets it.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn part() {
    match std::env::var(PART).as_deref() {
        Ok("guard") => stand(),
        Ok("maitred") => play_maitred(),
        _ => {}
    }
}

fn play_maitred() {
    let interrupt = Interrupt::on_signals().unwrap();
    let mut guard = itself();
    guard.env.push((PART.into(), "guard".into()));
    let guard = Guard::start(&guard).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runners/badly_behaved.py");
    let behaviour = std::env::var("BEHAVIOUR").unwrap();
    let mut runner = RunnerCommand::new("python3", [script.to_str().unwrap(), &behaviour]);
    // A process is found by this, and neither `maitred` nor its guard has it.
    runner.env.push(("ENDINGS_TEST".into(), std::process::id().to_string().into()));
    let execution = Execution {
        runner: &runner,
        layout: Layout { lanes: 1, tasks: 2, spans_per_lane: 1 },
        columns: &[],
        startup_limit: STARTUP_LIMIT,
        timeout: None,
        memory_limit: None,
        duration: None,
        stop_at: None,
        grace: Duration::from_secs(60),
        interrupt: &interrupt,
        keep: None,
        scheduling: false,
    };
    let mut said = false;
    let measured = execute(&execution, plan, &mut |progress| {
        if progress.finished == 1 && !std::mem::replace(&mut said, true) {
            eprintln!("under way");
        }
    });
    assert_eq!(measured.unwrap().end, RunEnd::Interrupted);
    eprintln!("interrupted");
    if std::env::var_os("LINGER").is_some() {
        std::thread::sleep(PATIENCE);
    }
    drop(guard);
    std::process::exit(Interrupt::exit_code().unwrap());
}

fn itself() -> RunnerCommand {
    RunnerCommand::new(std::env::current_exe().unwrap(), ["--exact", "part", "--nocapture"])
}

fn plan(trace_path: &str, _: Option<&str>) -> Plan {
    // From JSON, so that a field that has a default need not stand here.
    let plan = serde_json::json!({
        "protocol": PROTOCOL, "strategy": Strategy::Sequential, "workers": 1, "seed": 0,
        "calibration": null, "programs": [], "groups": [], "resources": [], "vars": [],
        "channels": [], "columns": null, "trace_path": trace_path, "limits": { "grace_ns": 0 },
    });
    serde_json::from_value(plan).unwrap()
}

/// A `maitred` under way, and what it says.
struct Played {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Played {
    fn start(behaviour: &str, environment: &[(&str, &str)]) -> Self {
        let itself = itself();
        // Who runs the tests may ignore signals, as nohup does, and programs started so inherit it.
        let mut process = Command::new("/usr/bin/env")
            .arg("--default-signal")
            .arg(itself.program)
            .args(itself.args)
            .env(PART, "maitred")
            .env("BEHAVIOUR", behaviour)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut played = Self { process, lines };
        played.hear("under way");
        played.wait_until(|left| left > 0);
        played
    }

    fn hear(&mut self, expected: &str) {
        let line = self.lines.by_ref().map(Result::unwrap).find(|line| line.contains(expected));
        assert!(line.is_some(), "it never said {expected}");
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn end(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    fn left(&self) -> usize {
        let mark = format!("ENDINGS_TEST={}", self.process.id());
        std::fs::read_dir("/proc")
            .unwrap()
            .filter(|entry| {
                let file = entry.as_ref().unwrap().path().join("environ");
                let environment = std::fs::read(file).unwrap_or_default();
                environment.split(|&byte| byte == 0).any(|pair| pair == mark.as_bytes())
            })
            .count()
    }

    /// Looks until so many processes are left as is wished.
    fn wait_until(&self, is_wished: fn(usize) -> bool) {
        let began = Instant::now();
        while !is_wished(self.left()) {
            assert!(began.elapsed() < PATIENCE, "{} processes are left", self.left());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_killed_maitred_leaves_no_process() {
    let mut played = Played::start("children", &[]);
    // The runner, a shell and two sleepers: while a program takes the place of its shell, it has no environment.
    played.wait_until(|left| left >= 4);
    played.signal("KILL");
    assert_eq!(played.end().signal(), Some(9));
    played.wait_until(|left| left == 0);
}

#[test]
fn a_polite_signal_is_answered_with_its_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut played = Played::start("children", &[]);
        played.signal(signal);
        assert_eq!(played.end().code(), Some(code));
        assert_eq!(played.left(), 0, "nothing may be left when maitred is gone");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut played = Played::start("children", &[("LINGER", "")]);
    played.signal("INT");
    played.hear("interrupted");
    played.signal("TERM");
    assert_eq!(played.end().code(), Some(143));
    played.wait_until(|left| left == 0);
}
