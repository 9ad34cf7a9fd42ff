//! A runner that is kept from one run to the next, where starting one costs more than the work: the
//! main type is [`Kept`]. Whether it may be kept is decided by whoever follows the run.

use std::collections::BTreeMap;

use maitred_wire::Model;

use super::dialogue::Dialogue;
use super::processes::OwnedProcesses;
use super::runner::RunnerCommand;
use crate::measure::clock::now_ns;
use crate::measure::memory::Pace;
use crate::measure::noise::Killings;

/// A runner between two runs. Dropped, it ends with all it has started.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(super) runner: RunnerCommand,
    /// Just before it was started, or before the plan of this run was sent.
    pub(super) started_ns: u64,
    pub(super) processes: OwnedProcesses,
    pub(super) dialogue: Dialogue,
    /// How many it has had, with the one under way.
    pub(super) runs: u32,
    /// Until its first run.
    pub(super) killings: Killings,
    /// How far the samples of its memory are, by whose run it was.
    pub(super) paces: BTreeMap<Model, Pace>,
    /// By its own word, once it has had a run.
    pub(super) rounds: bool,
}

/// A runner keeps the memory of every plan, and no process may have very many maps.
const RUNS_OF_ONE: u32 = 500;

impl Kept {
    /// A runner that was just started.
    pub(super) fn new(
        runner: RunnerCommand,
        started_ns: u64,
        processes: OwnedProcesses,
        dialogue: Dialogue,
    ) -> Self {
        let (killings, paces) = (Killings::count(), BTreeMap::new());
        Self { runner, started_ns, processes, dialogue, runs: 1, killings, paces, rounds: false }
    }

    /// Whether it may have another run.
    pub(super) fn is_fresh(&self) -> bool {
        self.runs < RUNS_OF_ONE && !self.dialogue.exited
    }

    /// Whether it does several rounds of one plan.
    pub(crate) fn does_rounds(&self) -> bool {
        self.rounds && self.is_fresh()
    }

    /// The same before its next run.
    pub(super) fn again(mut self) -> Self {
        self.runs += 1;
        self.started_ns = now_ns();
        self.dialogue.begin_log();
        self
    }
}
