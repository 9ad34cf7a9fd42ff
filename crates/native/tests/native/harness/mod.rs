//! Builds small plans, runs them in a real runner through its protocol, and reads the trace.
//!
//! The main types are [`Work`] (what to do) and [`Ran`] (what came of it).
#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

pub(crate) mod laws;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use maitred_wire::trace_file::{
    self, LANE_BYTES, Layout, SPAN_BYTES, TASK_BYTES, TaskOutcome, u32_at, u64_at,
};
use maitred_wire::{Action, Amount, Arrivals, Done, Reply, RunnerError, Step, Strategy};
use serde_json::{Value, json};

pub(crate) const MS: u64 = 1_000_000;

/// The strategies with the number of workers that tests give them.
pub(crate) const ALL: [(Strategy, u32); 7] = [
    (Strategy::Sequential, 1),
    (Strategy::Threads, 0),
    (Strategy::ThreadPool, 5),
    (Strategy::Processes, 5),
    (Strategy::EventLoop, 1),
    (Strategy::AsyncPool, 2),
    (Strategy::Hybrid, 5),
];

/// A plan in the making.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) resources: Vec<u32>,
    pub(crate) channels: Vec<u32>,
    pub(crate) vars: Vec<i64>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) grace_ns: u64,
    rounds: u32,
    /// Values, values per task, first task.
    pub(crate) columns: Vec<(Vec<u64>, u32, u32)>,
    next_step: u32,
}

/// Tasks of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) count: u32,
    pub(crate) arrivals: Arrivals,
    pub(crate) steps: Vec<Step>,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self {
            resources: Vec::new(),
            channels: Vec::new(),
            vars: Vec::new(),
            kinds: Vec::new(),
            rounds: 1,
            grace_ns: 100 * MS,
            columns: Vec::new(),
            next_step: 0,
        }
    }

    pub(crate) fn resource(mut self, capacity: u32) -> Self {
        self.resources.push(capacity);
        self
    }

    pub(crate) fn channel(mut self, capacity: u32) -> Self {
        self.channels.push(capacity);
        self
    }

    pub(crate) fn var(mut self, initial: i64) -> Self {
        self.vars.push(initial);
        self
    }

    pub(crate) fn column(mut self, values: Vec<u64>, per_task: u32, first_task: u32) -> Self {
        self.columns.push((values, per_task, first_task));
        self
    }

    /// So many tasks that do this; the ids of the steps are given in order.
    pub(crate) fn tasks(self, count: u32, actions: Vec<Action>) -> Self {
        self.tasks_arriving(count, Arrivals::AtOnce, actions)
    }

    pub(crate) fn tasks_arriving(
        mut self,
        count: u32,
        arrivals: Arrivals,
        actions: Vec<Action>,
    ) -> Self {
        let mut steps = steps(actions);
        number(&mut steps, &mut self.next_step);
        self.kinds.push(Kind { count, arrivals, steps });
        self
    }

    /// In so many rounds, among which the tasks are divided.
    pub(crate) fn rounds(self, rounds: u32) -> Self {
        Self { rounds, ..self }
    }

    pub(crate) fn task_count(&self) -> u32 {
        self.kinds.iter().map(|kind| kind.count).sum()
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, (strategy, workers): (Strategy, u32)) -> Ran {
        self.start((strategy, workers)).end()
    }

    /// Runs it up to `go`.
    pub(crate) fn start(&self, model: (Strategy, u32)) -> Running {
        self.start_in(Runner::start(), model)
    }

    /// The same in this runner.
    pub(crate) fn start_in(
        &self,
        mut runner: Runner,
        (strategy, workers): (Strategy, u32),
    ) -> Running {
        let layout = self.layout(strategy, workers);
        let trace = memory_file(&layout.header(), layout.bytes());
        let bytes: Vec<u8> = self
            .columns
            .iter()
            .flat_map(|(values, ..)| values)
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let columns = memory_file(&bytes, bytes.len().max(8));
        let plan = self.plan(strategy, workers, &path_of(&trace), &path_of(&columns));
        let reply = runner.ask(&json!({ "plan": plan }));
        if matches!(reply, Some(Reply::Ready(_))) {
            runner.say(&json!({"go": {}}));
            return Running { runner, trace, layout, early: None };
        }
        Running { runner, trace, layout, early: reply }
    }

    fn layout(&self, strategy: Strategy, workers: u32) -> Layout {
        let tasks = self.task_count();
        let lanes = match strategy {
            Strategy::Threads => tasks,
            Strategy::Hybrid => workers + 1,
            _ => workers,
        };
        Layout { lanes, tasks, spans_per_lane: (500_000 / lanes.max(1)).min(5000) }
    }

    pub(crate) fn plan(
        &self,
        strategy: Strategy,
        workers: u32,
        trace: &str,
        columns: &str,
    ) -> Value {
        let mut first = 0;
        let groups: Vec<Value> = self.kinds.iter().enumerate().map(|(index, kind)| {
            let group = json!({"program": index, "first": first, "count": kind.count, "arrivals": kind.arrivals});
            first += kind.count;
            group
        }).collect();
        let mut offset = 0;
        let table: Vec<Value> = self
            .columns
            .iter()
            .map(|(values, per_task, first_task)| {
                let column =
                    json!({"offset": offset, "per_task": per_task, "first_task": first_task});
                offset += values.len();
                column
            })
            .collect();
        let named =
            |index: usize, key: &str, value: i64| json!({"name": format!("x{index}"), key: value});
        let list = |key: &str, values: &[i64]| -> Vec<Value> {
            values.iter().enumerate().map(|(index, &value)| named(index, key, value)).collect()
        };
        let wide = |values: &[u32]| values.iter().map(|&v| i64::from(v)).collect::<Vec<_>>();
        let programs: Vec<Value> =
            self.kinds.iter().map(|kind| json!({"name": "task", "steps": kind.steps})).collect();
        json!({
            "protocol": maitred_wire::PROTOCOL, "strategy": strategy,
            "workers": if strategy == Strategy::Threads { first.max(1) } else { workers },
            "seed": 0, "calibration": 1e8, "programs": programs, "groups": groups,
            "resources": list("capacity", &wide(&self.resources)),
            "channels": list("capacity", &wide(&self.channels)),
            "vars": list("initial", &self.vars),
            "columns": (!table.is_empty()).then(|| json!({"path": columns, "columns": table})),
            "trace_path": trace, "limits": {"grace_ns": self.grace_ns},
            "rounds": self.rounds,
        })
    }
}

fn steps(actions: Vec<Action>) -> Vec<Step> {
    actions.into_iter().map(|action| Step { id: 0, action }).collect()
}

fn number(steps: &mut [Step], next: &mut u32) {
    for step in steps {
        step.id = *next;
        *next += if matches!(step.action, Action::Hold { .. }) { 2 } else { 1 };
        if let Action::Hold { steps, .. } | Action::Repeat { steps, .. } = &mut step.action {
            number(steps, next);
        }
    }
}

pub(crate) fn wait(ns: u64) -> Action {
    Action::Wait(Amount::Ns(ns))
}

pub(crate) fn block(ns: u64) -> Action {
    Action::Block(Amount::Ns(ns))
}

pub(crate) fn cpu(ns: u64) -> Action {
    Action::Cpu(Amount::Ns(ns))
}

pub(crate) fn hold(resource: u32, actions: Vec<Action>) -> Action {
    Action::Hold { resource, steps: steps(actions) }
}

pub(crate) fn send(channel: u32) -> Action {
    Action::Send { channel }
}

pub(crate) fn receive(channel: u32) -> Action {
    Action::Receive { channel }
}

pub(crate) fn repeat(count: u64, actions: Vec<Action>) -> Action {
    Action::Repeat { count, steps: steps(actions) }
}

pub(crate) fn fail(why: &str) -> Action {
    Action::Fail { why: why.into() }
}

pub(crate) fn run(command: &[&str]) -> Action {
    let args = command[1..].iter().map(|&arg| arg.into()).collect();
    Action::Run { program: command[0].into(), args }
}

/// A file on a file system in memory, that goes away with its descriptor.
fn memory_file(start: &[u8], bytes: usize) -> File {
    let file = tempfile::tempfile_in("/dev/shm").unwrap();
    file.set_len(bytes as u64).unwrap();
    file.write_all_at(start, 0).unwrap();
    file
}

fn path_of(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

/// A runner process.
pub(crate) struct Runner {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Runner {
    pub(crate) fn start() -> Self {
        Self::start_by(&["env"])
    }

    /// Has it started by this command, which takes its path as the last argument.
    pub(crate) fn start_by(command: &[&str]) -> Self {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .arg(env!("CARGO_BIN_EXE_maitred-runner-native"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { input: child.stdin.take(), output, child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says it. A runner that has died does not hear it.
    pub(crate) fn say(&mut self, line: &Value) {
        self.say_text(&line.to_string());
    }

    pub(crate) fn say_text(&mut self, line: &str) {
        let _ = writeln!(self.input.as_mut().unwrap(), "{line}");
    }

    /// The next reply; `None`: the output has ended.
    pub(crate) fn hear(&mut self) -> Option<Reply> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    pub(crate) fn ask(&mut self, line: &Value) -> Option<Reply> {
        self.say(line);
        self.hear()
    }

    /// Ends its input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that was begun.
pub(crate) struct Running {
    pub(crate) runner: Runner,
    trace: File,
    layout: Layout,
    early: Option<Reply>,
}

impl Running {
    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let reply = self.early.take().or_else(|| self.runner.hear());
        self.runner.hang_up();
        let status = self.runner.wait();
        self.read(reply, status)
    }

    pub(crate) fn trace_path(&self) -> String {
        path_of(&self.trace)
    }

    /// The trace as it is now.
    pub(crate) fn look(&self) -> Trace {
        Trace::read(&self.trace, self.layout)
    }

    fn read(&self, reply: Option<Reply>, status: ExitStatus) -> Ran {
        let (mut done, mut error) = (None, None);
        match reply {
            Some(Reply::Done(said)) => done = Some(*said),
            Some(Reply::Error(said)) => error = Some(said),
            Some(Reply::Ready(_)) | None => {}
        }
        Ran { done, error, status, trace: self.look() }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) done: Option<Done>,
    pub(crate) error: Option<RunnerError>,
    pub(crate) status: ExitStatus,
    pub(crate) trace: Trace,
}

impl Ran {
    pub(crate) fn done(&self) -> &Done {
        self.done.as_ref().unwrap_or_else(|| panic!("it did not come to `done`: {self:?}"))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) spans: Vec<Span>,
}

#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) pid: u32,
    pub(crate) tasks_ended: u32,
    pub(crate) closed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) step: Option<u32>,
    pub(crate) outcome: TaskOutcome,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) lane: u32,
    pub(crate) task: u32,
    pub(crate) step: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Trace {
    fn read(file: &File, layout: Layout) -> Self {
        let mut bytes = vec![0; layout.bytes()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        let part = |offset: usize, count: usize, size: usize| {
            bytes[offset..offset + count * size].chunks_exact(size)
        };
        let lanes: Vec<&[u8]> =
            part(layout.lanes_offset(), layout.lanes as usize, LANE_BYTES).collect();
        let spans_of = |lane: usize| {
            let room = layout.spans_per_lane as usize;
            let start = layout.spans_offset() + lane * room * SPAN_BYTES;
            let used = u64_at(lanes[lane], trace_file::lane::SPANS) as usize;
            part(start, used, SPAN_BYTES).map(move |bytes| Span::read(lane as u32, bytes))
        };
        Self {
            spans: (0..lanes.len()).flat_map(spans_of).collect(),
            lanes: lanes.iter().map(|bytes| Lane::read(bytes)).collect(),
            tasks: part(layout.tasks_offset(), layout.tasks as usize, TASK_BYTES)
                .map(Task::read)
                .collect(),
        }
    }

    /// Spans of this step, by their start.
    pub(crate) fn of_step(&self, step: u32) -> Vec<Span> {
        let mut spans: Vec<_> =
            self.spans.iter().copied().filter(|span| span.step == step).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }
}

impl Lane {
    fn read(bytes: &[u8]) -> Self {
        use trace_file::lane;
        Self {
            pid: u32_at(bytes, lane::PID),
            tasks_ended: u32_at(bytes, lane::TASKS_ENDED),
            closed: u32_at(bytes, lane::CLOSED) == 1,
        }
    }
}

impl Task {
    fn read(bytes: &[u8]) -> Self {
        use trace_file::task;
        Self {
            start: u64_at(bytes, task::START),
            end: u64_at(bytes, task::END),
            step: u32_at(bytes, task::STEP).checked_sub(1),
            outcome: TaskOutcome::from_u32(u32_at(bytes, task::OUTCOME)),
        }
    }
}

impl Span {
    fn read(lane: u32, bytes: &[u8]) -> Self {
        use trace_file::span;
        Self {
            lane,
            task: u32_at(bytes, span::TASK),
            step: u32_at(bytes, span::STEP),
            start: u64_at(bytes, span::START),
            end: u64_at(bytes, span::END),
        }
    }
}
