//! What happens while the engine works, for whoever follows it: the main type is [`Event`]. With
//! `--events` each is a line of JSON, which `docs/event.schema.json` describes.

use maitred_core::result::{
    Check, Chosen, Comparison, Experiment, Machine, Rank, Run, Settings, Strategies, StrategyTable,
    SubjectFacts, Verdict,
};
use maitred_core::trace::Trace;
use maitred_core::workload::{Report, StepKind};
use maitred_wire::Model;
use serde::{Serialize, Serializer};

use crate::outcome::Ran;
use crate::rounds::Purpose;

/// Something that happened. A contestant is named by its index.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// Another run goes on, whose end is waited for. `holder`: its process, if that is known.
    Waiting { for_ns: u64, holder: Option<u32> },
    /// It begins: what is to be done, where, and how. `subject`: of `compare` and `run`.
    Started {
        program_version: &'a str,
        /// UTC, RFC 3339.
        started: &'a str,
        heading: &'a str,
        machine: &'a Machine,
        subject: Option<&'a SubjectFacts>,
        settings: Option<&'a Settings>,
    },
    /// Something looks wrong, though it forbids nothing.
    Warning {
        #[serde(rename = "text", serialize_with = "as_text")]
        report: &'a Report<'a>,
    },
    /// A program that is called like an interpreter is not one that can be used, and what would run on it
    /// does not take part.
    LeftOut { program: &'a str, why: &'a str },
    /// Who takes part. `round_ns`: what a round of all of them takes at the least, as far as the work says;
    /// absent: it says nothing.
    Contestants {
        contestants: Vec<Entrant<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        round_ns: Option<u64>,
    },
    /// One more takes part, for what the first round showed: `why`, in a word and its figure.
    Joined {
        contestant: usize,
        #[serde(flatten)]
        entrant: Entrant<'a>,
        why: Option<Chosen>,
    },
    /// One of several experiments begins, counted from 1.
    ExperimentBegun { number: usize, of: usize, name: &'a str, about: &'a str },
    /// A contestant runs.
    RunBegun {
        contestant: usize,
        model: &'a Model,
        #[serde(flatten)]
        purpose: Purpose,
        /// How much of the time for rounds is left; absent: it is their number that is given.
        #[serde(skip_serializing_if = "Option::is_none")]
        left_ns: Option<u64>,
    },
    /// It goes on running. Comes ten times a second from `go` on.
    Progress {
        contestant: usize,
        /// Since `go`.
        elapsed_ns: u64,
        tasks: TaskStates,
    },
    /// It has run. `log`: the last of what it wrote to standard error.
    RunEnded {
        contestant: usize,
        #[serde(flatten)]
        purpose: Purpose,
        run: &'a Run,
        /// All that was recorded; no line of JSON would hold it.
        #[serde(skip)]
        trace: &'a Trace,
        log: &'a str,
    },
    /// A round is over, or several short ones.
    RoundsEnded {
        /// How many there were until now.
        rounds: u32,
        #[serde(rename = "standing", serialize_with = "standing")]
        comparison: &'a Comparison,
    },
    /// What can be said of a contestant beside the reference is not what it was.
    VerdictChanged { contestant: usize, model: &'a Model, verdict: Verdict },
    /// A contestant is run no more: after so many rounds it is told to take so many times as long as
    /// the reference.
    Dropped { contestant: usize, model: &'a Model, rounds: u32, ratio: f64 },
    /// What came of an experiment of `check`.
    ExperimentEnded { experiment: &'a Experiment },
    /// What came of the experiments with one runtime.
    TableEnded { table: &'a StrategyTable },
    /// The last one: everything that was measured.
    Result(Finding<'a>),
}

/// One that takes part, or why it does not.
#[derive(Clone, Debug, Serialize)]
pub struct Entrant<'a> {
    pub model: &'a Model,
    pub workers: u32,
    pub runtime: &'a str,
    pub obstacle: Option<&'a str>,
}

/// How the tasks of a run stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskStates {
    pub total: u64,
    /// They ended, well or not.
    pub ended: u64,
    /// How the others stand; absent where there are too many to look at each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenTasks>,
}

/// Tasks that have not ended, and how those that have did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OpenTasks {
    pub not_started: u64,
    /// In which kind of step so many are.
    pub in_step: Vec<InStep>,
    /// Of those that ended.
    pub failed: u64,
}

/// So many tasks are in a step of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InStep {
    pub kind: StepKind,
    pub tasks: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding<'a> {
    Comparison(&'a Comparison),
    Run(&'a Ran),
    Check(&'a Check),
    Strategies(&'a Strategies),
}

fn as_text<S: Serializer>(report: &&Report<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(report.to_string().trim_end())
}

/// The ranking so far, and the figures that it is of: `docs/result.schema.json` has the forms.
fn standing<S: Serializer>(comparison: &&Comparison, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Standing<'a> {
        ranking: &'a [Rank],
        work_ns: Vec<Option<u64>>,
        unranked: Vec<Option<&'a str>>,
    }
    let contestants = &comparison.contestants;
    let work_ns = contestants.iter().map(|one| one.summary.as_ref().map(|it| it.work_ns));
    let unranked = contestants.iter().map(|one| one.unranked.as_deref());
    let standing = Standing {
        ranking: &comparison.ranking,
        work_ns: work_ns.collect(),
        unranked: unranked.collect(),
    };
    standing.serialize(serializer)
}
