//! What is kept of a comparison: every round of every model, the machine, and the conclusions.
//! This value is the saved JSON; `docs/result.schema.json` describes it, and the program that
//! reads an old file reads this. The main type is [`Comparison`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::{Cpu, Failure, Model, VarValue};
use serde::{Deserialize, Serialize};

use crate::trace::{Noise, Observed, PeakMemory, RunEnd, ServerUse, StepKind, Usage};
use crate::workload::Unit;

mod chosen;
mod conclusion;
mod machine;
mod processors;
mod shares;
mod strategies;
mod sweep;

pub use chosen::Chosen;
pub use conclusion::{Bottleneck, Conclusion, Part, Recommended, Rule, Sentence};
pub use machine::{Machine, Site};
pub use processors::{Processors, Quota};
pub use shares::{LockWait, Shares, Split, StepSplit, ThreadFigures, WaitCount, WaitShares};
pub use strategies::{
    Blocking, Strategies, StrategyFigures, StrategyProperties, StrategyRow, StrategyTable,
    TaskScheduling,
};
pub use sweep::{Doubling, Figure, Fit, Fitted, LawName, Measured, Serial, Sweep, Workers};

/// The version of the saved form. A change that a reader of the old form would misread raises it.
pub const SCHEMA: u32 = 1;

/// Several models on one piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema_version: u32,
    /// The version of `maitred`.
    pub program_version: String,
    pub subject: SubjectFacts,
    pub machine: Machine,
    pub settings: Settings,
    /// UTC, RFC 3339.
    pub started: String,
    /// In the order in which they were named.
    pub contestants: Vec<Contestant>,
    /// Who is faster than whom; empty while nothing was measured.
    pub ranking: Vec<Rank>,
    /// Sentences for people: which to use, and why.
    pub conclusion: Conclusion,
    pub stopped: Stopped,
    /// From the first run to the end of the last, nanoseconds; `None`: not known, or the result was
    /// saved before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ns: Option<u64>,
    /// How each model scales with workers; `None`: that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Vec<Sweep>>,
}

impl Comparison {
    /// How many tasks a run has, the least and the most: they differ where their number is swept.
    pub fn tasks(&self) -> (u64, u64) {
        let swept = self.contestants.iter().filter(|one| one.model.setting.is_some());
        let all = swept.flat_map(|one| &one.runs).map(|run| run.tasks.all()).filter(|&all| all > 0);
        let range = |range: Option<(u64, u64)>, all| {
            let (least, most) = range.unwrap_or((all, all));
            Some((all.min(least), all.max(most)))
        };
        all.fold(None, range).unwrap_or((self.subject.tasks, self.subject.tasks))
    }

    /// A contestant as sentences name it: what all have in common is left out, so that only
    /// `threads` is left where one runtime took part, and `j=4` where only that was swept.
    pub fn label(&self, contestant: usize) -> String {
        let Contestant { model, site, .. } = &self.contestants[contestant];
        let same = |differs: fn(&Model, &Model) -> bool| {
            self.contestants.iter().all(|other| !differs(&other.model, model))
        };
        let bare = Model { setting: None, ..model.clone() }.to_string();
        let one_runtime = same(|one, other| one.runtime != other.runtime);
        let one_model =
            same(|one, other| (one.strategy, one.workers) != (other.strategy, other.workers));
        let short = bare.split_once('/').map_or(bare.as_str(), |(_, rest)| rest);
        let name = if one_runtime { short } else { bare.as_str() };
        match &model.setting {
            Some(setting) if one_runtime && one_model => format!("{setting}{}", site.mark()),
            Some(setting) => format!("{name} {setting}{}", site.mark()),
            None => format!("{name}{}", site.mark()),
        }
    }
}

/// How what the package for Python writes for a program is called: it is gone when that ends.
pub const SENT: &str = "maitred_sent";

/// The piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectFacts {
    /// As it was named: a file name, a command line, a URL, a function.
    pub name: String,
    pub kind: SubjectKind,
    pub title: Option<String>,
    /// What it shows, in a few sentences; `None`: it does not say, or was saved before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Of a run; where the number is swept, of one in which every parameter has its default.
    pub tasks: u64,
    /// A hash of the lowered workload (after `--set`, `--seed`, `--speed`): equal work, equal hash.
    pub fingerprint: String,
}

/// What kind of thing the subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    Workload,
    Command,
    Function,
    /// Functions of the program that asked.
    Closure,
    Url,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub seed: u64,
    pub speed: f64,
    /// Parameters and their values, the unset ones too; of an address or a function, options of the
    /// command line by their names.
    pub parameters: Vec<(String, String)>,
    pub warmup_rounds: u32,
    pub budget_ns: Option<u64>,
    pub timeout_ns: Option<u64>,
    pub memory_limit_bytes: Option<u64>,
    /// Smallest difference that is worth a verdict, as a share: 0.03 is 3 %.
    pub minimum_effect: f64,
    /// Names of the parameters whose values were given, and of options such as `--models`; the
    /// rest was left as it is by itself. `None`: the result was saved before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Vec<String>>,
}

impl Settings {
    /// Whether this parameter or option was given; where that is not known, it may have been.
    pub fn was_given(&self, name: &str) -> bool {
        self.given.as_ref().is_none_or(|given| given.iter().any(|one| one == name))
    }
}

/// Why no further round was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// Not yet: this file was written between two rounds.
    Running,
    /// Every pair has a verdict.
    Decided,
    /// The number of rounds asked for was run.
    Rounds,
    /// The time budget is spent.
    Budget,
    /// Ctrl-C.
    Interrupted,
    /// No model could run the work.
    NoneRan,
}

/// One model and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contestant {
    pub model: Model,
    /// Where its runs were, if not on the machine of the result.
    #[serde(default, skip_serializing_if = "Site::is_here")]
    pub site: Site,
    /// How many workers it had.
    pub workers: u32,
    /// What decided on that, or that it takes part; `None`: it was asked for, or fits its strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// Name and version of the runtime as it announced itself.
    pub runtime: String,
    /// In the order in which they were run, the warm-up left out.
    pub runs: Vec<Run>,
    /// Figures over the clean, successful rounds; `None`: there are none.
    pub summary: Option<Summary>,
    /// Why it is not ranked; `None`: it is.
    pub unranked: Option<String>,
    /// After so many rounds it was run no more: it took so much longer than the reference that no
    /// further round could change what is said of it. `None`: it took part to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u32>,
    /// One run more, in which the kernel's switches were recorded. It is in no figure of
    /// `summary`, for recording takes time; `None`: none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traced: Option<Run>,
}

impl Contestant {
    /// Its model, and how its figures came about where they were not measured here: `threads
    /// (simulated)`.
    pub fn name(&self) -> String {
        format!("{}{}", self.model, self.site.mark())
    }
}

/// One round of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Counted from 0; runs of one round are pairs.
    pub round: u32,
    pub end: RunEnd,
    /// Spawn to ready.
    pub startup_ns: u64,
    pub setup_ns: u64,
    /// The headline: without what the runner itself added.
    pub work_ns: u64,
    /// What of the measured time was the runner's own; `None`: it did not measure that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<HarnessCost>,
    pub teardown_ns: u64,
    /// CPU time of the work phase alone, as the runner measured it.
    pub work_cpu: Observed<Cpu>,
    /// The whole tree, the whole run.
    pub usage: Observed<Usage>,
    pub memory: Observed<PeakMemory>,
    pub tasks: TaskCounts,
    pub failures: Vec<Failure>,
    pub latency: Observed<Latency>,
    /// From the start of the work to the end of each task that is done: what somebody waits who
    /// wants all of it now. `None`: latency counts from arrivals, or it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Latency>,
    /// Of single requests, from being sent to the last byte of the answer, over the `http` steps
    /// that were recorded; `None`: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Latency>,
    /// How many requests were answered with which status, the last of those that were followed;
    /// `None`: there are none, or nobody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<(u16, u64)>>,
    /// How many commands failed in a way that was to be ignored, and count as done; `None`: none was
    /// to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<u64>,
    /// Time spent in each kind of step, added up over tasks.
    pub steps: Vec<StepTotal>,
    pub vars: Vec<VarValue>,
    pub expectations: Vec<Expectation>,
    pub result_hash: Option<String>,
    /// Of so many tasks the results are in that hash as those of the first run, and were not compared with them.
    #[serde(default, skip_serializing_if = "shares::is_zero")]
    pub results_not_compared: u64,
    /// What the workers did not share though the function reaches it: its name, and what it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unshared: Vec<(String, String)>,
    pub noise: Noise,
    /// The test servers of the workload, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerUse>,
    pub spans_dropped: u64,
    /// What the threads did in the steps; `None`: nobody asked to have that recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Shares>,
    pub notes: Vec<String>,
}

/// Runners read the processor time up to a millisecond before or after the work begins and ends.
const SHORTEST_FOR_CORES_NS: u64 = 10_000_000;

impl Run {
    /// Whether it went on for a time that was given, so that it is not its length that tells how
    /// fast it was, but what it did.
    pub fn is_timed(&self) -> bool {
        matches!(self.end, RunEnd::TimeUp { .. })
    }

    /// By what it is compared, nanoseconds: how long the work took; where that was given, how long
    /// it took for each task that is done.
    pub fn compared_ns(&self) -> f64 {
        self.work_ns.max(1) as f64 / self.share()
    }

    /// Processors in use on average over the work, by the time that they spent on it.
    pub fn cores_used(&self) -> Observed<f64> {
        // What the runner itself took was taken off the time, not off the processors.
        let wall = self.work_ns.saturating_add(self.harness.map_or(0, |cost| cost.ns));
        if wall < SHORTEST_FOR_CORES_NS {
            return Observed::Unknown(
                "the work took less than 10 ms: what a runner uses around it would weigh".into(),
            );
        }
        self.work_cpu.clone().map(|cpu| cpu.total_ns() as f64 / wall as f64)
    }

    /// How long a task queues on average for what it then holds, nanoseconds; `None`: none holds anything.
    pub fn queueing_ns(&self) -> Option<u64> {
        let of = |kind| self.steps.iter().find(|total| total.kind == kind);
        let holds = of(StepKind::Hold).map(|total| total.spans).filter(|&spans| spans > 0)?;
        Some(of(StepKind::Acquire).map_or(0, |total| total.total_ns) / holds)
    }

    /// Of how many tasks a figure is, if it is to be compared: all, taken together as one piece of
    /// work, or each of those that are done.
    pub(crate) fn share(&self) -> f64 {
        if self.is_timed() { self.tasks.done.max(1) as f64 } else { 1.0 }
    }
}

/// What the runner itself added to the work of a run, nanoseconds. It is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarnessCost {
    pub ns: u64,
    /// By how much it may have been more or less.
    pub uncertain_ns: u64,
}

/// Every task is one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    pub done: u64,
    pub failed: u64,
    /// Started, but neither done nor failed: gone with its process.
    pub lost: u64,
    /// Never started.
    pub not_run: u64,
}

impl TaskCounts {
    /// All of them.
    pub fn all(&self) -> u64 {
        [self.done, self.failed, self.lost, self.not_run].into_iter().fold(0, u64::saturating_add)
    }
}

/// From when a task was due (its arrival when arrivals are open-loop, else its start) to its
/// end, over the tasks that are done; nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Counted from the scheduled arrival, so that a stall is not omitted.
    pub from_arrival: bool,
    pub min_ns: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    /// `None`: the result was saved before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_ns: Option<u64>,
    pub max_ns: u64,
}

/// Spans of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTotal {
    pub kind: StepKind,
    pub spans: u64,
    pub total_ns: u64,
    /// `None`: the result was saved before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_ns: Option<u64>,
}

/// One `expect` of the workload and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// As in the workload: `counter = 2000`.
    pub text: String,
    pub actual: String,
    pub holds: bool,
}

/// Figures of one contestant over its clean, successful rounds: medians, and the least time. Of
/// runs that went on for a time that was given, work and CPU are those for each task that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub rounds: u32,
    pub work_ns: u64,
    pub work_min_ns: u64,
    /// Bounds of the 95 % interval of the median, by bootstrap.
    pub work_low_ns: u64,
    pub work_high_ns: u64,
    pub startup_ns: u64,
    pub setup_ns: u64,
    pub cpu_ns: Observed<u64>,
    /// CPU time of the work phase ÷ its wall time.
    pub cores_used: Observed<f64>,
    pub memory_bytes: Observed<u64>,
    pub voluntary: Observed<u64>,
    pub involuntary: Observed<u64>,
    /// Finished tasks a second of work.
    pub throughput: f64,
    pub latency: Observed<Latency>,
}

/// What was found of claims about figures: the saved form of `maitred check`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// [`SCHEMA`].
    pub schema_version: u32,
    /// The version of `maitred`.
    pub program_version: String,
    pub machine: Machine,
    /// UTC, RFC 3339.
    pub started: String,
    pub experiments: Vec<Experiment>,
}

/// One file with claims: the work, and what came of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// As it was named.
    pub name: String,
    pub title: Option<String>,
    /// How many rounds were run.
    pub rounds: u32,
    /// What came of measuring again what others had disturbed; `None`: there was no need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    pub claims: Vec<Finding>,
}

/// Whether an experiment was done again because others had used the processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// This is what was found when the machine was quiet.
    WhenQuiet,
    /// It was, and told no more than before: this is what was found first.
    InVain,
    /// It was waited for, and the machine did not get quiet.
    NeverQuiet,
}

/// What was found of one claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The claim, a sentence.
    pub says: String,
    pub verdict: Truth,
    pub evidence: Vec<Evidence>,
}

/// One figure that a claim predicts, and what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// As in the claim: `cores of python3/threads`.
    pub figure: String,
    /// What the claim predicts: `at most 1.1`.
    pub predicted: String,
    pub found: Observed<Found>,
    pub verdict: Truth,
    /// Why it is inconclusive, and what would decide it; `None`: it is not, or the result was saved
    /// before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A figure over the rounds. Durations in nanoseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub median: f64,
    /// Bounds of the 95 % interval of the median; of what is counted exactly, the least and the
    /// largest value.
    pub low: f64,
    pub high: f64,
    pub unit: Unit,
    /// Of how many rounds it is.
    pub rounds: u32,
    /// What others did in one of them, where too few rounds were undisturbed.
    pub disturbed: Option<String>,
}

/// What can be said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// The whole interval lies within the bounds.
    Holds,
    /// The interval spans a bound.
    Inconclusive,
    /// A figure cannot be had here.
    CannotBeTested,
    /// The whole interval lies outside of the bounds.
    Refuted,
}

/// The place of one contestant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rank {
    /// Index into [`Comparison::contestants`].
    pub contestant: u32,
    /// Work time ÷ that of the reference, paired by round: median and 95 % interval.
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
    /// Against the reference: the baseline if one was named, else the fastest.
    pub verdict: Verdict,
}

/// What can be said of a contestant beside the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is the reference.
    Reference,
    Faster,
    Slower,
    /// The whole interval lies within the minimum effect.
    Same,
    /// The interval spans a difference that would matter and none. Once saved as `cannot-tell`.
    #[serde(alias = "cannot-tell")]
    Inconclusive,
}
