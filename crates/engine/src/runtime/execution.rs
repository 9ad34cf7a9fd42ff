//! What goes into one run of a runner, and what comes out. The main types are [`Execution`] and
//! [`Measured`].

use std::time::Duration;

use maitred_core::trace::{Noise, Observed, PeakMemory, RunEnd, Scheduling, Usage};
use maitred_wire::trace_file::Layout;
use maitred_wire::{Done, Model, Phase, Ready};

use super::interrupt::Interrupt;
use super::runner::RunnerCommand;
use crate::measure::recorder::SwitchRecorder;
use crate::measure::trace_map::TraceMap;

/// What to run, and how far to let it go.
#[derive(Clone, Copy, Debug)]
pub struct Execution<'a> {
    pub runner: &'a RunnerCommand,
    /// Of the trace file.
    pub layout: Layout,
    /// The values that differ from task to task, all columns one after another.
    pub columns: &'a [u64],
    /// From spawn to `ready`; [`super::STARTUP_LIMIT`] unless there is a reason.
    pub startup_limit: Duration,
    /// From `go` on.
    pub timeout: Option<Duration>,
    /// The work goes on for so long from `go` on, or until there is nothing left to do.
    pub duration: Option<Duration>,
    /// On the memory of all processes together, in bytes.
    pub memory_limit: Option<u64>,
    /// What a runner that was told to stop may take to end what is under way.
    pub grace: Duration,
    pub interrupt: &'a Interrupt,
    /// Whose run it is, if a runner that can may be kept for the next one: then what starting it costs
    /// is that of the first run alone.
    pub keep: Option<&'a Model>,
    /// Whether the kernel's scheduling is recorded, which slows the run a little.
    pub scheduling: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Tasks that ended.
    pub finished: u64,
    /// All tasks.
    pub total: u64,
    /// Since `go`.
    pub elapsed: Duration,
    /// From spawn to `ready`.
    pub startup: Phase,
    /// What the runner has recorded so far, and goes on recording.
    pub trace: &'a TraceMap,
    /// Of the switches, if they are recorded.
    pub(crate) recorder: Option<&'a SwitchRecorder>,
}

/// All that is known of one run: what a [`maitred_core::trace::Trace`] is made of.
#[derive(Debug)]
pub struct Measured {
    /// Not read yet: decode it, or only sum it up.
    pub trace: TraceMap,
    /// From spawn to `ready`; its CPU time is not told apart.
    pub startup: Phase,
    /// `None`: the runner never was.
    pub ready: Option<Ready>,
    pub done: Option<Done>,
    pub end: RunEnd,
    pub usage: Observed<Usage>,
    pub memory: Observed<PeakMemory>,
    /// Figures without a judgement: `dirty` is `None`.
    pub noise: Noise,
    pub scheduling: Observed<Scheduling>,
    /// The last lines of the runner's standard error.
    pub log: String,
}
