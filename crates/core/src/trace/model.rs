//! The types of a trace. Plain data: whoever measured (or simulated) fills it in.

use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::trace_file::{Role, TaskOutcome};
use maitred_wire::{Blocked, Model, Phase, Resource, RunnerError};
use serde::{Deserialize, Serialize};

use super::outcome::{Origin, Outcome};
use super::scheduling::Scheduling;
use crate::workload::StepInfo;

/// A figure that this machine could give, or why it could not. Unknown is not zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    Known(T),
    /// Why, as a lowercase sentence.
    Unknown(String),
}

impl<T> Observed<T> {
    /// The figure, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The same for another figure made from this one.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known(value) => Observed::Known(make(value)),
            Self::Unknown(why) => Observed::Unknown(why),
        }
    }
}

/// One run of one model. Serialized without what comes by the million.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    pub origin: Origin,
    /// As it was asked for.
    pub model: Model,
    /// How many workers there really were.
    pub workers: u32,
    /// By step id, so that `steps[span.step]` says what a span was.
    pub steps: Vec<StepInfo>,
    pub groups: Vec<Group>,
    pub resources: Vec<Resource>,
    pub channels: Vec<String>,
    #[serde(skip)]
    pub lanes: Vec<Lane>,
    /// By task number.
    #[serde(skip)]
    pub tasks: Vec<Task>,
    /// Sorted by start. May be fewer than there were: see [`Lane::dropped`].
    #[serde(skip)]
    pub spans: Vec<Span>,
    /// From spawn to `ready`.
    pub startup: Phase,
    /// How the work went; `None` when it did not come to its end.
    pub done: Option<Outcome>,
    pub end: RunEnd,
    pub usage: Observed<Usage>,
    pub memory: Observed<PeakMemory>,
    pub noise: Noise,
    /// The test servers of the workload, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerUse>,
    /// Unknown in all runs but traced ones.
    pub scheduling: Observed<Scheduling>,
    /// The last lines that the runner wrote to standard error.
    pub log: String,
}

impl Trace {
    /// The facts alone, without what comes by the million.
    pub fn without_records(&self) -> Self {
        let bare = |group: &Group| Group {
            name: group.name.clone(),
            arrivals_ns: Vec::new(),
            first: group.first,
            count: group.count,
        };
        Self {
            origin: self.origin.clone(),
            model: self.model.clone(),
            workers: self.workers,
            steps: self.steps.clone(),
            groups: self.groups.iter().map(bare).collect(),
            resources: self.resources.clone(),
            channels: self.channels.clone(),
            lanes: Vec::new(),
            tasks: Vec::new(),
            spans: Vec::new(),
            startup: self.startup,
            done: self.done.clone(),
            end: self.end.clone(),
            usage: self.usage.clone(),
            memory: self.memory.clone(),
            noise: self.noise.clone(),
            servers: self.servers.clone(),
            scheduling: match &self.scheduling {
                Observed::Known(scheduling) => Observed::Known(scheduling.without_records()),
                Observed::Unknown(why) => Observed::Unknown(why.clone()),
            },
            log: self.log.clone(),
        }
    }
}

/// Tasks of one kind: `first .. first + count`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub first: u32,
    pub count: u32,
    /// When each arrived, in nanoseconds from the start of the work phase; empty: all at once.
    #[serde(skip)]
    pub arrivals_ns: Vec<u64>,
}

/// A thread that executed steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub pid: u32,
    pub tid: u32,
    pub role: Role,
    /// Number of tasks that ended on it.
    pub tasks_ended: u32,
    /// Number of spans that had no room in the trace.
    pub dropped: u64,
    /// `None`: the lane ended without closing (its process was killed).
    pub counters: Option<LaneCounters>,
}

/// What the kernel counted for one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneCounters {
    pub cpu_ns: u64,
    /// Its run-queue wait; `None`: nobody read it.
    pub run_delay_ns: Option<u64>,
    pub voluntary: u32,
    pub involuntary: u32,
}

/// One task. Times are CLOCK_MONOTONIC nanoseconds, 0: not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    pub start_ns: u64,
    pub end_ns: u64,
    /// On which it began.
    pub lane: u32,
    /// At which it is or was at last.
    pub step: Option<u32>,
    pub outcome: TaskOutcome,
}

/// One step of one task, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub task: u32,
    pub step: u32,
    /// The lane on which it began.
    pub lane: u32,
    pub start_ns: u64,
    /// 0: it had not ended when the run did.
    pub end_ns: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// The runner said `done`; single tasks may have failed.
    Finished,
    /// Every live task waited for another.
    Deadlock(Vec<Blocked>),
    /// It was to go on for so long, with as many tasks as it could do, and did.
    TimeUp { wanted_ns: u64 },
    /// Stopped because it took longer than allowed.
    TimedOut { limit_ns: u64 },
    /// Stopped by the user.
    Interrupted,
    /// Stopped because the processes together took more memory than allowed.
    OutOfMemory { limit_bytes: u64, seen_bytes: u64 },
    /// The runner's process ended before it said `done`: exit code, or signal with its name.
    Died { how: String },
    /// The runner said that it cannot do this.
    Refused(RunnerError),
}

/// What the whole tree of processes used, from `wait4`: exact, start-up and tear-down included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub user_ns: u64,
    pub system_ns: u64,
    /// Voluntary context switches: the thread had to wait.
    pub voluntary: u64,
    /// Involuntary context switches: the kernel took the processor away.
    pub involuntary: u64,
    pub major_faults: u64,
}

/// The largest sum of the proportional set sizes (PSS) of all processes of the tree that was
/// seen, without the trace file. Always a sample: what came and went between two samples was
/// not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeakMemory {
    pub bytes: u64,
    /// How many samples were taken.
    pub samples: u32,
    /// The most processes that were seen at once.
    pub processes: u32,
}

/// A test server of the workload, and what it used for one run, its start and end included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    pub name: String,
    /// How it is built, as `maitred serve --strategy` takes it.
    pub architecture: String,
    /// Processor time of all its processes, nanoseconds.
    pub cpu_ns: Observed<u64>,
    /// By how much its processes grew from being ready to their largest: the sum of the peaks of
    /// their resident sizes (`VmHWM`), minus the sum of these sizes (`VmRSS`) before.
    pub grown_bytes: Observed<u64>,
    /// How it ended before the run did; `None`: it served to the end.
    pub died: Option<String>,
}

/// What else went on on the machine during the work phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Share of the time in which somebody on the machine waited for a processor
    /// (`/proc/pressure/cpu`, some). Our own threads count too.
    pub pressure: Option<f64>,
    /// Share of all processor time that was used by others than the tree.
    pub others: Option<f64>,
    /// Share of all processor time that the hypervisor gave to other machines.
    pub steal: Option<f64>,
    /// How the CPU quota of our control group held it up; `None`: it has none, or its kernel does
    /// not count that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<Throttled>,
    /// Why the run should not be trusted; `None`: nothing speaks against it.
    pub dirty: Option<String>,
}

/// What the kernel kept a control group from because its CPU quota was used up: `cpu.stat` of
/// cgroups(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttled {
    /// In so many periods of the quota.
    pub periods: u64,
    /// For so long, each processor on its own, so that it may be more than the time that passed.
    pub ns: u64,
}
