//! What is known of a run beside its records: [`Outcome`]; and where a trace comes from:
//! [`Origin`]. Whoever measured, simulated or read it elsewhere fills them in.

use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::{
    Blocked, Done, Expected, Failure, Handover, Harness, Host, Phases, Properties, Results,
    Strategy, VarValue, Ways,
};
use serde::{Deserialize, Serialize};

/// How the work went: what a runner says at its end, and what a simulation knows as well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub phases: Phases,
    /// Failures by kind, most frequent first.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// The value of every variable at the end.
    #[serde(default)]
    pub vars: Vec<VarValue>,
    /// The tasks that waited for each other; empty: there was no deadlock.
    #[serde(default)]
    pub deadlock: Vec<Blocked>,
    /// A hash over the returned values of `call`, in task order; equal work gives equal hashes.
    #[serde(default)]
    pub result_hash: Option<String>,
    /// The same task by task; `None`: nothing was returned, or there are too many tasks.
    #[serde(default)]
    pub results: Option<Results>,
    /// What handing tasks took to workers that live apart.
    #[serde(default)]
    pub handover: Option<Handover>,
    /// What the runner itself adds to each task; `None`: it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<Harness>,
    /// Processor time of processes that calls have started and waited for; `None`: it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children_cpu_ns: Option<u64>,
    /// What workers that live apart did not share though the user's function reaches it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unshared: Vec<(String, String)>,
    /// What came of the user's own check of all results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// The machines whose lanes did the work; empty: one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// Tasks that were begun more than once, with how often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<(u32, u32)>,
    /// How tasks came to their workers through an engine; `None`: nobody followed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ways: Option<Ways>,
    /// How many requests were answered with which status; `None`: nobody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<(u16, u64)>>,
    /// How many commands failed in a way that was to be ignored; `None`: none was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<u64>,
    /// Sentences for people about what this run could not do as asked.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl From<Done> for Outcome {
    fn from(done: Done) -> Self {
        let Done { phases, failures, vars, deadlock, result_hash, results, handover, .. } = done;
        let Done { harness, unshared, expected, hosts, attempts, ways, answers, .. } = done;
        let Done { children_cpu_ns, ignored, notes, .. } = done;
        Self {
            phases,
            failures,
            vars,
            deadlock,
            result_hash,
            results,
            handover,
            harness,
            children_cpu_ns,
            unshared,
            expected,
            hosts,
            attempts,
            ways,
            answers,
            ignored,
            notes,
        }
    }
}

impl Outcome {
    /// The machine of a lane; `None`: all lanes were on one.
    pub fn host(&self, lane: u32) -> Option<&Host> {
        self.hosts.iter().find(|host| host.lanes.contains(&lane))
    }
}

/// Where a trace comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Run for real.
    Measured(Executor),
    /// Computed from what is known of such an executor; nothing was run.
    Simulated(Executor),
}

/// What executed the steps, or is taken to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executor {
    /// `native`, `cpython`, `node`, …
    pub runtime: String,
    pub version: String,
    /// With or without a global lock of its interpreter; `None`: there is none to have.
    pub gil: Option<bool>,
    /// What is so under this runtime only.
    #[serde(default)]
    pub properties: Properties,
}

impl Executor {
    /// One of which nothing more is known than its name and version.
    pub fn new(runtime: &str, version: &str) -> Self {
        let properties = Properties::default();
        Self { runtime: runtime.into(), version: version.into(), gil: None, properties }
    }
}

impl Origin {
    /// What executed the steps, or is taken to have.
    pub fn executor(&self) -> &Executor {
        match self {
            Self::Measured(executor) | Self::Simulated(executor) => executor,
        }
    }

    /// What the name of a model is followed by, so that nobody takes what was computed for measured.
    pub fn mark(&self) -> &'static str {
        match self {
            Self::Measured(_) => "",
            Self::Simulated(_) => " (simulated)",
        }
    }

    /// Whether a global lock of the interpreter was on; `None`: it has none.
    pub fn gil(&self) -> Option<bool> {
        self.executor().gil
    }

    /// Whether a step that blocks made all other tasks of its loop stand still.
    pub fn stalls(&self, strategy: Strategy) -> bool {
        self.executor().properties.stalls(strategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_before_is_read() {
        let text = r#"{"measured":{"runtime":"cpython","version":"3.11.7","gil":true}}"#;
        let origin: Origin = serde_json::from_str(text).unwrap();
        assert_eq!((origin.gil(), origin.executor().version.as_str()), (Some(true), "3.11.7"));
        let text = r#"{"phases":{"setup":{"start_ns":1,"end_ns":2},"work":{"start_ns":2,"end_ns":3},
            "teardown":{"start_ns":3,"end_ns":4}},"notes":["as it was"]}"#;
        let outcome: Outcome = serde_json::from_str(text).unwrap();
        assert_eq!(outcome.phases.work.wall_ns(), 1);
        assert_eq!((outcome.notes.len(), outcome.host(0)), (1, None));
    }

    #[test]
    fn lanes_are_found_on_their_machines() {
        let host = |name: &str, lanes: &[u32]| Host {
            name: name.into(),
            lanes: lanes.to_vec(),
            clock_offset_ns: 0,
            clock_uncertainty_ns: 40_000,
        };
        let hosts = [host("a", &[0, 2]), host("b", &[1])].to_vec();
        let outcome = Outcome::from(Done { hosts, ..Done::default() });
        let names = [0, 1, 2, 3].map(|lane| outcome.host(lane).map(|host| host.name.as_str()));
        assert_eq!(names, [Some("a"), Some("b"), Some("a"), None]);
    }
}
