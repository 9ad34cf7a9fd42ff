//! What is kept of the strategies of a runtime: figures, and the properties that follow.

use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;
use serde::{Deserialize, Serialize};

use super::{Found, Machine};
use crate::trace::Observed;

/// What the strategies of each runtime are like: the saved form of `maitred strategies`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strategies {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema_version: u32,
    /// The version of `maitred`.
    pub program_version: String,
    pub machine: Machine,
    /// UTC, RFC 3339.
    pub started: String,
    pub runtimes: Vec<StrategyTable>,
}

/// The strategies of one runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategyTable {
    pub runtime: String,
    pub strategies: Vec<StrategyRow>,
}

/// One strategy: what was measured, and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategyRow {
    pub strategy: Strategy,
    pub figures: StrategyFigures,
    pub properties: StrategyProperties,
}

/// What was measured of a strategy. Of ratios and numbers at once, the bounds are the least and
/// the largest round; of prices and memory, the 95 % interval of the median.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategyFigures {
    /// Tasks under way at once, where one waits often and two compute.
    pub together: Observed<Found>,
    /// The longest wait of the one ÷ how long each of the two computed.
    pub held_up: Observed<Found>,
    /// Processors used by tasks that compute.
    pub cores: Observed<Found>,
    /// How many of these were computing at once, on average; from a run in which the kernel's
    /// switches were recorded.
    pub computing: Observed<f64>,
    /// How many of them had a thread that was running or runnable: whoever waits for a lock is neither.
    #[serde(alias = "ready")]
    pub runnable: Observed<f64>,
    /// How many workers they had.
    pub computing_workers: u32,
    /// Blocking calls under way at once.
    pub blocked: Observed<Found>,
    /// How many tasks made them, and how many workers there were.
    pub blocked_tasks: u64,
    pub blocked_workers: u32,
    /// What one more task or worker took to start, do nothing and end.
    pub start: Observed<Found>,
    /// The memory of one more task or worker that waits.
    pub memory: Observed<Found>,
    /// The memory of all with only one.
    pub alone: Observed<Found>,
    /// How many of its threads or processes this machine allows; `None`: it has none for each
    /// task or worker, or no limit on them was found.
    pub allowed: Option<u64>,
}

/// What follows from the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategyProperties {
    pub scheduling: Observed<TaskScheduling>,
    /// Whether it computes on several processors at once.
    pub parallel: Observed<bool>,
    pub blocking: Observed<Blocking>,
    /// How many tasks or workers 1 GiB has room for, as far as the machine allows them.
    pub fit: Observed<u64>,
    /// What it is for.
    pub purpose: Observed<String>,
}

/// When a task gets its turn while another one computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskScheduling {
    /// After the other has ended.
    OneByOne,
    /// When the other gives way.
    Cooperative,
    /// At once, whatever the other does.
    Preemptive,
}

/// What a blocking call does to the other tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocking {
    /// Nothing.
    Allowed,
    /// Those on its worker wait until it is over.
    StallsItsWorker,
    /// All of them do.
    StallsAll,
}
