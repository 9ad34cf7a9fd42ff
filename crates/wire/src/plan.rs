//! The plan: a workload made concrete. Every parameter is filled in, every random duration is
//! drawn, every speed-up is applied, so that every runtime and strategy does the same work.
//!
//! A plan is small however many tasks it has: equal tasks are a count, and what differs from task
//! to task stands in a column of a side file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::strategy::Strategy;

/// The version of the protocol: the plan, the messages and the trace file together.
pub const PROTOCOL: u32 = 2;

/// What a runner is to do, under which strategy, and where it records what happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PROTOCOL`]; a runner refuses one that it does not know.
    pub protocol: u32,
    pub strategy: Strategy,
    /// How many workers: threads or processes of a pool, threads under an `async-pool`, pool
    /// threads beside the loop of a `hybrid`; the number of tasks under `threads`; 1 otherwise.
    /// `maitred` decides it, the runner never does.
    pub workers: u32,
    /// From which the columns were drawn; a runner needs it only to show it.
    pub seed: u64,
    /// Units of `cpu` work in a second on this runtime and machine; `None`: calibrate before
    /// `ready` and say the result there.
    pub calibration: Option<f64>,
    /// What a task does, by kind of task.
    pub programs: Vec<Program>,
    /// How many tasks of which kind, arriving when. Tasks are numbered through all groups.
    pub groups: Vec<TaskGroup>,
    pub resources: Vec<Resource>,
    pub vars: Vec<Var>,
    pub channels: Vec<Channel>,
    /// The values that differ from task to task, if there are any.
    pub columns: Option<Columns>,
    /// A memory-mapped file laid out as [`crate::trace_file`] says. Already of full size and
    /// with its header filled in.
    pub trace_path: String,
    pub limits: Limits,
    /// So many rounds: the tasks are that many equal parts, and each is begun when the one before has
    /// ended and none of its tasks has failed. More than 1 is for a runner that says
    /// [`crate::Ready::rounds`], and for `sequential`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub rounds: u32,
    /// What only one kind of runner understands, by name: the start method of Python's processes,
    /// the kind of event loop, … A runner ignores what it does not know.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(rounds: &u32) -> bool {
    *rounds == 1
}

/// The steps of one kind of task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The name of the task in the workload.
    pub name: String,
    pub steps: Vec<Step>,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Under which spans of this step are recorded; unique within the plan. A `hold` has two:
    /// spans of `id` last from the request to the grant (waiting for the resource), spans of
    /// `id + 1` from the grant to the return (holding it).
    pub id: u32,
    pub action: Action,
}

/// What a step does. LANGUAGE: `crates/maitred/GRAMMAR.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Compute for as long as this would take alone on one core.
    Cpu(Amount),
    /// Wait in a way that can be awaited.
    Wait(Amount),
    /// Wait through a call that cannot be awaited: on an event loop the loop stands still.
    Block(Amount),
    /// Take one unit of the resource, do the steps, give it back, also on failure.
    Hold { resource: u32, steps: Vec<Step> },
    /// Put one item into the channel, waiting while it is full.
    Send { channel: u32 },
    /// Take one item out of the channel, waiting while it is empty.
    Receive { channel: u32 },
    /// Load the variable into the task's register.
    Read { var: u32 },
    /// Store register + add into the variable.
    Write { var: u32, add: i64 },
    /// Add to the variable atomically; the register takes the new value.
    Update { var: u32, add: i64 },
    /// One request, the body of its answer read to the end.
    Http {
        method: String,
        url: String,
        /// Fields beside those that the client sends by itself, which they replace.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        #[serde(flatten)]
        manner: HttpManner,
    },
    /// The user's own function, `file.py:function`, with the task's input.
    Call { function: String },
    /// A child process; non-zero exit fails the task.
    Run { program: String, args: Vec<String> },
    /// Take and touch memory, kept until the task ends.
    Allocate { bytes: u64 },
    /// Do the steps so many times.
    Repeat { count: u64, steps: Vec<Step> },
    /// Give up the processor once.
    Yield,
    /// Fail this task.
    Fail { why: String },
    /// Kill the process that runs this task.
    Crash,
}

/// How a request is sent, beside what it says. Not every runtime can do all of it: each field that is
/// given is a step of its own among [`crate::Ready::steps`], called `http:FIELD`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpManner {
    /// To connect, and again for the whole answer, in nanoseconds; `None`: as the plan says.
    #[serde(default, rename = "timeout_ns", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// How often it goes on to where an answer points; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<u32>,
    /// The socket of a server on this machine, asked instead of the host of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix: Option<String>,
}

impl HttpManner {
    /// How often a redirect is followed by those who follow at all.
    pub const REDIRECTS: u32 = 10;

    /// What of it is given, as a runtime announces that it can do it, and in words.
    pub fn needs(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let given = [
            (self.timeout.is_some(), ("http:timeout", "have a time-out of its own")),
            (self.follow.is_some(), ("http:follow", "follow redirects")),
            (self.unix.is_some(), ("http:unix", "ask over a socket of this machine")),
        ];
        given.into_iter().filter_map(|(is_given, need)| is_given.then_some(need))
    }
}

/// A duration: the same for all tasks, or a value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// Nanoseconds.
    Ns(u64),
    /// Index into [`Columns::columns`]; values are nanoseconds.
    Column(u32),
}

/// Tasks of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskGroup {
    /// Index into [`Plan::programs`].
    pub program: u32,
    /// The number of its first task; its tasks are `first .. first + count`.
    pub first: u32,
    pub count: u32,
    pub arrivals: Arrivals,
    /// A file of JSON lines, one a task: the input of `call` and `http`.
    pub inputs: Option<String>,
}

/// When the tasks of a group arrive, counted from the start of the work phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// All at the start. Who comes first in the numbering comes first in a queue.
    AtOnce,
    /// Task number `first + i` at `i` × so many nanoseconds.
    EveryNs(u64),
    /// At the nanoseconds in this column; ascending.
    Column(u32),
}

/// A counting semaphore, first come first served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    pub name: String,
    pub capacity: u32,
}

/// A shared integer; each process has its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Var {
    pub name: String,
    pub initial: i64,
}

/// A bounded queue between tasks; its items carry nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub name: String,
    pub capacity: u32,
}

/// A file of little-endian `u64`, all columns one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    pub path: String,
    pub columns: Vec<Column>,
}

/// One column: `per_task` values for each task of one group, those of a task side by side.
///
/// A step inside `repeat`s takes a new value each time round: value `k` of task `t` is element
/// `offset + (t - first_task) * per_task + k`, where `k` counts executions of that step within
/// the task (for two nested repeats `k = outer * inner_count + inner`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// In elements, not bytes.
    pub offset: u64,
    pub first_task: u32,
    pub per_task: u32,
}

/// What a runner has to keep to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long a runner may take to finish what is in flight after `stop`, in nanoseconds.
    pub grace_ns: u64,
}

impl Plan {
    /// The number of tasks in all groups.
    pub fn task_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// Whether any task arrives later than the start.
    pub fn is_open_loop(&self) -> bool {
        self.groups.iter().any(|group| group.arrivals != Arrivals::AtOnce)
    }
}
