//! `claim "…" { figure … }`: an assertion, and what it predicts of figures of runs. Which figures
//! there are is one table, [`Quantity`]; what they come to is for `analyse` to say.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use maitred_wire::Model;
use serde::{Deserialize, Serialize};

use super::quantity::{Nanos, grouped};
use super::step::StepKind;

/// An assertion, and what must hold of figures if it is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The assertion, a sentence.
    pub says: String,
    /// At least one; all must hold.
    pub figures: Vec<Figure>,
}

/// One figure of a model, or its ratio to that of another, and between which bounds it lies if
/// the claim is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub quantity: Quantity,
    pub part: Option<Part>,
    pub of: Model,
    /// `None`: the figure itself is meant.
    pub over: Option<Model>,
    /// In the unit of the quantity; of a ratio, a number. `None`: no bound.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// What a quantity is of, where its name alone does not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Step(StepKind),
    Var(String),
    Server(String),
}

/// In what a quantity is counted: nanoseconds, bytes, numbers that vary, numbers that are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Duration,
    Size,
    Number,
    Count,
}

/// What can be looked at in runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// The work phase.
    Time,
    /// Set-up, work and tear-down.
    Elapsed,
    /// Processor time of the work.
    Cpu,
    /// Tasks done in a second of work.
    Throughput,
    /// Processors used in the work, on average.
    Cores,
    /// The most that all processes of the run took together.
    Memory,
    /// Voluntary context switches: a thread had to wait.
    #[serde(alias = "waits")]
    VoluntarySwitches,
    /// Involuntary ones: its time was up, or somebody more urgent came.
    #[serde(alias = "preemptions")]
    InvoluntarySwitches,
    LatencyP50,
    LatencyP99,
    LatencyMax,
    /// From asking for a resource to having it, on average over all `hold` steps.
    Queueing,
    /// The longest single step of a kind.
    Longest,
    /// Tasks that ended well.
    Done,
    /// Tasks that failed.
    Failed,
    /// Tasks that went with their process.
    Lost,
    /// The value of a variable at the end.
    Var,
    /// Between the least and the largest end value of a variable over all rounds.
    Spread,
    /// The experimentally determined serial fraction (Karp & Flatt, Communications of the ACM
    /// 33(5), 1990) of the speed-up of one model over another.
    SerialShare,
    /// The most that a test server took.
    ServerMemory,
    /// Processor time of a test server.
    ServerCpu,
    /// Different kernel threads that ran; from the record of switches, as the next two.
    Threads,
    /// The average number of running threads over the work.
    #[serde(alias = "at-once")]
    RunningThreads,
    /// The share of the time in steps of a kind in which their thread was in the run queue of a processor.
    #[serde(alias = "preempted")]
    RunQueueWait,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Time,
        Self::Elapsed,
        Self::Cpu,
        Self::Throughput,
        Self::Cores,
        Self::Memory,
        Self::VoluntarySwitches,
        Self::InvoluntarySwitches,
        Self::LatencyP50,
        Self::LatencyP99,
        Self::LatencyMax,
        Self::Queueing,
        Self::Longest,
        Self::Done,
        Self::Failed,
        Self::Lost,
        Self::Var,
        Self::Spread,
        Self::SerialShare,
        Self::ServerMemory,
        Self::ServerCpu,
        Self::Threads,
        Self::RunningThreads,
        Self::RunQueueWait,
    ];

    /// The name in the language, its unit, and which property says what it is of.
    fn row(self) -> (&'static str, Unit, Option<&'static str>) {
        match self {
            Self::Time => ("time", Unit::Duration, None),
            Self::Elapsed => ("elapsed", Unit::Duration, None),
            Self::Cpu => ("cpu", Unit::Duration, None),
            Self::Throughput => ("throughput", Unit::Number, None),
            Self::Cores => ("cores", Unit::Number, None),
            Self::Memory => ("memory", Unit::Size, None),
            Self::VoluntarySwitches => ("voluntary-switches", Unit::Number, None),
            Self::InvoluntarySwitches => ("involuntary-switches", Unit::Number, None),
            Self::LatencyP50 => ("latency-p50", Unit::Duration, None),
            Self::LatencyP99 => ("latency-p99", Unit::Duration, None),
            Self::LatencyMax => ("latency-max", Unit::Duration, None),
            Self::Queueing => ("queueing", Unit::Duration, None),
            Self::Longest => ("longest", Unit::Duration, Some("step")),
            Self::Done => ("done", Unit::Count, None),
            Self::Failed => ("failed", Unit::Count, None),
            Self::Lost => ("lost", Unit::Count, None),
            Self::Var => ("var", Unit::Count, Some("var")),
            Self::Spread => ("spread", Unit::Count, Some("var")),
            Self::SerialShare => ("serial-share", Unit::Number, None),
            Self::ServerMemory => ("server-memory", Unit::Size, Some("server")),
            Self::ServerCpu => ("server-cpu", Unit::Duration, Some("server")),
            Self::Threads => ("threads", Unit::Count, None),
            Self::RunningThreads => ("running-threads", Unit::Number, None),
            Self::RunQueueWait => ("run-queue-wait", Unit::Number, Some("step")),
        }
    }

    /// The name in the language.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// In what it is counted.
    pub fn unit(self) -> Unit {
        self.row().1
    }

    /// The property that says what it is of: `step`, `var` or `server`.
    pub(super) fn part(self) -> Option<&'static str> {
        self.row().2
    }

    /// Whether others that use the processors meanwhile change it.
    pub fn hangs_on_processors(self) -> bool {
        !matches!(
            self,
            Self::Cpu
                | Self::Memory
                | Self::VoluntarySwitches
                | Self::Done
                | Self::Failed
                | Self::Lost
                | Self::Var
                | Self::Spread
                | Self::ServerMemory
                | Self::ServerCpu
                | Self::Threads
        )
    }

    /// Whether it comes from the record of the kernel's switches.
    pub fn is_recorded(self) -> bool {
        matches!(self, Self::Threads | Self::RunningThreads | Self::RunQueueWait)
    }
}

impl Figure {
    /// In what the value is counted; a ratio has no unit.
    pub fn unit(&self) -> Unit {
        if self.over.is_some() { Unit::Number } else { self.quantity.unit() }
    }

    /// The bounds in words: `at most 1.1`.
    pub fn bounds(&self) -> String {
        let show = |value: f64| show(value, self.unit());
        match (self.low, self.high) {
            (Some(low), Some(high)) if low == high => show(low),
            (Some(low), Some(high)) => format!("{} to {}", show(low), show(high)),
            (Some(low), None) => format!("at least {}", show(low)),
            (None, Some(high)) => format!("at most {}", show(high)),
            (None, None) => "anything".into(),
        }
    }
}

/// What is looked at, in the words of the file: `cores of python3/threads`.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.quantity.name())?;
        match &self.part {
            Some(Part::Step(kind)) => write!(f, " {}", kind.name())?,
            Some(Part::Var(name) | Part::Server(name)) => write!(f, " {name}")?,
            None => {}
        }
        write!(f, " of {}", self.of)?;
        match &self.over {
            Some(over) => write!(f, " over {over}"),
            None => Ok(()),
        }
    }
}

/// A bound as it was written.
fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Duration => format!("{}", Nanos(value as u64)),
        Unit::Size if value % 1_048_576.0 == 0.0 => format!("{}MiB", value / 1_048_576.0),
        Unit::Size if value % 1024.0 == 0.0 => format!("{}KiB", value / 1024.0),
        Unit::Size => format!("{value}B"),
        Unit::Number => format!("{value}"),
        Unit::Count => grouped(value as i64),
    }
}
