//! The native runner, driven through its protocol.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::{Command, ExitCode, Stdio};

use maitred_wire::trace_file::Layout;
use maitred_wire::{PROTOCOL, Reply};
use serde_json::{Value, json};

use crate::usage::{self, Measured};

/// Equal tasks under one strategy.
pub(crate) struct Work {
    pub(crate) strategy: &'static str,
    pub(crate) workers: u32,
    pub(crate) steps: Value,
    pub(crate) tasks: u32,
    /// Units of the one resource; 0: there is none.
    pub(crate) units: u32,
}

impl Work {
    pub(crate) fn with_tasks(&self, tasks: u32) -> Self {
        Self { tasks, steps: self.steps.clone(), ..*self }
    }
}

/// The role of a measured process: a runner that says at its end what memory it took.
#[expect(clippy::print_stderr, reason = "standard output belongs to the protocol")]
pub(crate) fn be_runner() -> ExitCode {
    let code = maitred_native::main();
    eprintln!("{}", usage::own_memory());
    code
}

/// Runs it in a process of its own.
pub(crate) fn run(work: &Work) -> Measured {
    let layout = Layout {
        lanes: if work.strategy == "threads" { work.tasks } else { work.workers },
        tasks: work.tasks,
        spans_per_lane: 16,
    };
    let trace = make_trace(&layout);
    let resource = json!({"name": "resource", "capacity": work.units});
    let resources: Vec<&Value> = (work.units > 0).then_some(&resource).into_iter().collect();
    let plan = json!({"plan": {
        "protocol": PROTOCOL, "strategy": work.strategy, "workers": work.workers, "seed": 0,
        "calibration": 1e9, "programs": [{"name": "task", "steps": work.steps}],
        "groups": [{"program": 0, "first": 0, "count": work.tasks, "arrivals": "at-once"}],
        "resources": resources, "vars": [], "channels": [], "limits": {"grace_ns": 0},
        "trace_path": format!("/proc/{}/fd/{}", std::process::id(), trace.as_raw_fd()),
    }});
    converse(&plan)
}

/// A file in memory that nobody else sees.
fn make_trace(layout: &Layout) -> File {
    let file = tempfile::tempfile_in("/dev/shm").expect("/dev/shm takes files");
    file.set_len(layout.bytes() as u64).expect("a sparse file");
    file.write_all_at(&layout.header(), 0).expect("room for a page");
    file
}

fn converse(plan: &Value) -> Measured {
    let mut runner = Command::new(std::env::current_exe().expect("this program"))
        .arg("runner")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let mut input = runner.stdin.take().expect("piped");
    let mut replies = BufReader::new(runner.stdout.take().expect("piped")).lines();
    let mut say = |line: &Value| {
        writeln!(input, "{line}").expect("the runner reads");
        let reply = replies.next().expect("a reply").expect("a reply");
        serde_json::from_str::<Reply>(&reply).expect("a reply")
    };
    say(plan);
    let reply = say(&json!({"go": {}}));
    let Reply::Done(done) = reply else { panic!("the runner said {reply:?}") };
    drop(input);
    let output = runner.wait_with_output().expect("the runner ends");
    Measured::new(done.phases.work.wall_ns(), &usage::last_json(&output.stderr))
}
