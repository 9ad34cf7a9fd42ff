//! The conversation: one JSON object a line; commands to a runner, replies from it.
//!
//! → `describe` ← `ready`, or → `plan` ← `ready` → `go` ← `done`. → `stop` at any time after `go`. A
//! runner that `keeps` takes another → `plan` after that.
//! Instead of any reply, ← `error`. An unknown field is ignored, an unknown message is an error
//! that quotes the line. End of input means: stop at once and exit.

use serde::{Deserialize, Serialize};

use crate::facts::{Offer, Properties};
use crate::plan::Plan;
use crate::strategy::Strategy;

/// What `maitred` says to a runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Say what you are and what you can do; calibrate.
    Describe {},
    /// Prepare to do this; answered by `ready`.
    Plan(Box<Plan>),
    /// Do it; answered by `done`.
    Go {},
    /// Finish what is in flight within the grace period, start nothing new, then say `done`.
    Stop {},
}

/// What a runner says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Ready(Ready),
    Done(Box<Done>),
    Error(RunnerError),
}

/// Who the runner is and what it can do. Capabilities are announced, never assumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    pub protocol: u32,
    /// `native`, `cpython`, `pypy`, …
    pub runtime: String,
    pub version: String,
    /// Compiler, flags, whatever tells two builds of one version apart.
    #[serde(default)]
    pub build: Option<String>,
    /// Whether a global interpreter lock is on; `None` where the runtime has none.
    #[serde(default)]
    pub gil: Option<bool>,
    /// Whether a just-in-time compiler is on; `None` where that is not a question.
    #[serde(default)]
    pub jit: Option<bool>,
    /// What it can do, and what is so only under this runtime.
    #[serde(rename = "strategies")]
    pub offers: Vec<Offer>,
    /// The steps that it can do, as [`crate::Action`] names them; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<String>>,
    /// How long it computed before the rate of [`Ready::calibration`] was steady, in nanoseconds:
    /// what a compiler at run time takes. `None`: it computes at one rate from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up_ns: Option<u64>,
    /// After a run that went well it takes another plan, and its `done` says what it used.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub keeps: bool,
    /// It does several rounds of one plan, and its `done` says when each ended.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub rounds: bool,
    pub pid: u32,
    /// Units of `cpu` work in a second. What a unit is is the runtime's own affair.
    pub calibration: f64,
    /// Nanoseconds that recording one span costs, its clock readings included; in answer to
    /// `describe` only.
    #[serde(default)]
    pub span_cost_ns: Option<f64>,
    /// Facts by name for `maitred doctor` and for explanations (uvloop found, start methods, …).
    #[serde(default)]
    pub facts: Vec<(String, String)>,
}

impl Ready {
    /// The strategies that it offers, of those that this version knows.
    pub fn strategies(&self) -> Vec<Strategy> {
        self.offers.iter().filter_map(Offer::strategy).collect()
    }

    /// What it offers and this version does not know.
    pub fn unknown_strategies(&self) -> impl Iterator<Item = &str> {
        let unknown = |offer: &&Offer| offer.strategy().is_none();
        self.offers.iter().filter(unknown).map(|offer| offer.name.as_str())
    }

    /// How a strategy works under this runtime; `None`: it is not offered.
    pub fn properties(&self, strategy: Strategy) -> Option<Properties> {
        let is_it = |offer: &&Offer| offer.strategy() == Some(strategy);
        self.offers.iter().find(is_it).map(|offer| offer.properties)
    }
}

/// The result of a run. What happened to each task stands in the trace file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub phases: Phases,
    /// Failures by kind, most frequent first.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// The value of every variable as the runner's first process sees it at the end.
    #[serde(default)]
    pub vars: Vec<VarValue>,
    /// Set when every live task waited for another: the run was stopped by the runner.
    #[serde(default)]
    pub deadlock: Vec<Blocked>,
    /// A hash over the returned values of `call`, in task order; equal work gives equal hashes.
    #[serde(default)]
    pub result_hash: Option<String>,
    /// The same task by task; `None`: nothing was returned, or there are too many tasks.
    #[serde(default)]
    pub results: Option<Results>,
    /// What handing tasks to workers took that live apart from the runner's first process.
    #[serde(default)]
    pub handover: Option<Handover>,
    /// What the runner itself adds to each task, inside the work; `None`: it was not measured.
    #[serde(default)]
    pub harness: Option<Harness>,
    /// Processor time of processes that calls have started and waited for; `None`: it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children_cpu_ns: Option<u64>,
    /// What workers that live apart did not share though the user's function reaches it: its name, and
    /// what it is (`guard TYPE`: who has it keeps others out; `connection TYPE`; `written`).
    #[serde(default)]
    pub unshared: Vec<(String, String)>,
    /// What came of the user's own check of all results.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// The machines whose lanes did the work; empty: this one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// Tasks that were begun more than once, with how often: an engine tries again what was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<(u32, u32)>,
    /// How tasks came to their workers through an engine of their own; `None`: nobody followed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ways: Option<Ways>,
    /// What the runner and the children that it waited for used since the plan came; `None`: it is not
    /// known until the runner ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// The rounds that came to their end, where a plan asked for more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
    /// How many requests were answered with which status, the last of those that were followed; `None`:
    /// nobody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<(u16, u64)>>,
    /// How many commands failed in a way that was to be ignored; `None`: none was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<u64>,
    /// Sentences for people about what this run could not do as asked.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One of several rounds of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// When its last task had ended, and the next round begins: CLOCK_MONOTONIC, nanoseconds.
    pub end_ns: u64,
    /// What was used in it.
    pub used: Used,
}

/// What processes used: getrusage(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub user_ns: u64,
    pub system_ns: u64,
    /// Voluntary context switches.
    pub voluntary: u64,
    /// Involuntary ones.
    pub involuntary: u64,
    pub major_faults: u64,
}

/// What the `call`s of each task returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Sixteen hexadecimal digits a task, in task order; all zero: it returned nothing.
    pub hashes: String,
    /// Input and results of the first tasks as text, shortened.
    #[serde(default)]
    pub shown: Vec<(String, String)>,
    /// By what the results of how many tasks were compared with those of the first run (`==`,
    /// `numpy`, `pickle`, …), sorted; empty: with none, as in the first run itself.
    #[serde(default)]
    pub how: Vec<(String, u64)>,
}

impl Results {
    /// How a runner calls results of which it cannot say whether they are those of the first run.
    pub const NOT_COMPARED: &str = "not compared";

    /// Of how many tasks nobody knows whether they returned what they returned in the first run.
    pub fn not_compared(&self) -> u64 {
        self.how.iter().filter(|(by, _)| by == Self::NOT_COMPARED).map(|(_, tasks)| tasks).sum()
    }

    /// The hash of a task's results; `None`: it returned nothing.
    pub fn hash(&self, task: usize) -> Option<&str> {
        let hash = self.hashes.get(16 * task..16 * task + 16)?;
        hash.bytes().any(|digit| digit != b'0').then_some(hash)
    }

    /// For how many tasks there is one.
    pub fn tasks(&self) -> usize {
        self.hashes.len() / 16
    }
}

/// A check of all results that the user wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub text: String,
    /// What it returned or raised.
    pub actual: String,
    pub holds: bool,
}

/// What the runner adds to each task, measured on work that does nothing, by the same code in the
/// same run; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Harness {
    /// The median of several tries.
    pub call_ns: f64,
    /// The interval in which nearly all tries lay.
    pub low_ns: f64,
    pub high_ns: f64,
}

/// A machine whose lanes did a part of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// As its own system calls it.
    pub name: String,
    /// The numbers of its lanes.
    pub lanes: Vec<u32>,
    /// What was added to its clock so that its times stand beside those of the runner's machine,
    /// in nanoseconds; 0 where both read one clock.
    pub clock_offset_ns: i64,
    /// By how much that may be wrong in either direction, nanoseconds: half the shortest round trip
    /// that was seen (Cristian, 1989).
    pub clock_uncertainty_ns: u64,
}

/// How tasks came to their workers through a scheduler that is a process of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    /// Tasks that were followed all the way, each with when the client was told to send it, when the
    /// scheduler had it, when that gave it to a worker, and when the worker had it: CLOCK_MONOTONIC of the
    /// runner's machine, nanoseconds. Of one that was begun more than once, the last time.
    pub moments: Vec<(u32, [u64; 4])>,
    /// What travels to a worker for a task, and back, in bytes: means.
    pub sent_bytes: u64,
    pub returned_bytes: u64,
}

/// What was handed over to workers that share no objects with the runner, and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    pub tasks: u64,
    /// In how many calls of the pool: several tasks may travel together.
    pub parcels: u64,
    /// Numbers and inputs of all tasks as they travelled, in bytes.
    pub sent_bytes: u64,
    /// What came back: results, failures.
    pub returned_bytes: u64,
    /// Nanoseconds that the pool takes for a call that does nothing, with as many bytes as a task
    /// has, while many calls are under way.
    pub call_ns: u64,
}

/// The parts of a run after `go`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Making threads, processes, loops. Under `threads` a thread comes with its task, so that
    /// is work.
    pub setup: Phase,
    /// From the moment at which the first task could start to the end of the last one.
    pub work: Phase,
    /// Joining and closing what set-up made.
    pub teardown: Phase,
}

/// One part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub start_ns: u64,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub end_ns: u64,
    /// CPU time of the runner and its workers; `None` where it could not be read.
    #[serde(default)]
    pub cpu: Option<Cpu>,
}

/// Processor time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    pub user_ns: u64,
    pub system_ns: u64,
}

impl Phase {
    /// How long the phase lasted, in nanoseconds.
    pub fn wall_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

impl Cpu {
    /// User and system time together, in nanoseconds.
    pub fn total_ns(&self) -> u64 {
        self.user_ns + self.system_ns
    }
}

/// Tasks that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One word or name: `fail`, `crash`, `memory`, `http`, `exit`, an exception's type, …
    pub kind: String,
    /// What one of them said.
    pub text: String,
    pub count: u32,
    /// The task that said it.
    pub task: u32,
    /// The step that said it; `None` where it is not known.
    #[serde(default)]
    pub step: Option<u32>,
}

/// The value of a variable after the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VarValue {
    pub name: String,
    /// In the first process of the runner.
    pub value: i64,
    /// In every worker process, where each had its own.
    #[serde(default)]
    pub by_process: Vec<i64>,
}

/// A task that waits and can never go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    pub task: u32,
    pub step: u32,
}

/// Why a runner could not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerError {
    pub code: ErrorCode,
    /// A lowercase sentence that names the thing and the next step.
    pub text: String,
    /// Where: the line of input, the step, the user's file and line.
    #[serde(default)]
    pub place: Option<String>,
}

/// Kinds of [`RunnerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The line was not a command, or not at this point of the conversation.
    Protocol,
    /// The plan asks for what this runner cannot do.
    Unsupported,
    /// The machine refused: no thread, no process, no memory, no file.
    Refused,
    /// The user's code could not be loaded.
    Load,
}
