//! One run from start to end: [`execute`] turns an [`Execution`] into what was [`Measured`].

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maitred_wire::{Command, Plan};
use thiserror::Error;

use super::dialogue::Dialogue;
use super::execution::{Execution, Measured, Progress};
use super::kept::Kept;
use super::processes::OwnedProcesses;
use super::runner::RunnerCommand;
use super::spawn;
use super::watch::Watch;
use crate::measure::recorder::SwitchRecorder;
use crate::measure::trace_map::{ColumnsFile, TraceError, TraceMap};
use crate::measure::tree::Tree;

/// How long a runner may take to be ready: enough for an interpreter on a slow disk that
/// calibrates itself.
pub const STARTUP_LIMIT: Duration = Duration::from_secs(60);

/// Why there was no run. How a run that was started went wrong is a [`maitred_core::trace::RunEnd`].
#[derive(Debug, Error)]
pub enum SessionError {
    /// There is no such program, or it may not be executed.
    #[error("cannot start the runner {}: {source}", program.display())]
    Start { program: std::path::PathBuf, source: io::Error },
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The kernel refused what is needed to follow a process.
    #[error("cannot watch the runner: {0}")]
    Watch(#[source] io::Error),
    /// It does not say what it is.
    #[error("the runner {} {how}{}", program.display(), indent(log))]
    NoAnswer { program: std::path::PathBuf, how: String, log: String },
}

/// One run at a time: two would disturb each other's figures, and of an orphan nobody could tell
/// whose it is.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // Who panicked while alone left nothing half done: its processes ended with what owned them.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a plan, which `plan` makes from the paths of the trace file and of the columns file. The
/// calling thread must be one that lives on: the runner is killed with it.
///
/// # Errors
/// When nothing could be started. Nothing is left running in any case.
pub fn execute(
    execution: &Execution<'_>,
    plan: impl FnOnce(&str, Option<&str>) -> Plan,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Measured, SessionError> {
    execute_with(execution, &mut None, plan, on_progress)
}

/// The same by a runner that was kept from the run before, if it is the same and may be; it is kept
/// for the next one where [`Execution::keep`] says so and the run went well.
///
/// # Errors
/// Those of [`execute`].
pub(crate) fn execute_with(
    execution: &Execution<'_>,
    kept: &mut Option<Kept>,
    plan: impl FnOnce(&str, Option<&str>) -> Plan,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Measured, SessionError> {
    let _alone = alone();
    let trace = TraceMap::new(execution.layout)?;
    let columns = ColumnsFile::new(execution.columns)?;
    let plan = plan(&trace.path(), columns.as_ref().map(ColumnsFile::path).as_deref());
    let recorder = execution.scheduling.then(SwitchRecorder::open);
    let same =
        |one: &Kept| execution.keep.is_some() && one.runner == *execution.runner && one.is_fresh();
    // Dropped, it ends.
    let mut runner = match kept.take().filter(same) {
        Some(kept) => kept.again(),
        None => {
            let (started_ns, processes, dialogue) = start(execution.runner)?;
            let runner = execution.runner.clone();
            Kept::new(runner, started_ns, processes, dialogue)
        }
    };
    runner.dialogue.say(&Command::Plan(Box::new(plan)));
    let mut watch = Watch::new(execution, runner, trace, columns, recorder);
    watch.follow(on_progress).map_err(SessionError::Watch)?;
    let (measured, rest) = watch.finish();
    *kept = rest;
    Ok(measured)
}

/// Starts a runner, for whoever holds [`alone`].
pub(super) fn start(
    runner: &RunnerCommand,
) -> Result<(u64, OwnedProcesses, Dialogue), SessionError> {
    let others = Tree::children_of_ours();
    let started = spawn::start(runner)
        .map_err(|source| SessionError::Start { program: runner.program.clone(), source })?;
    let processes = OwnedProcesses::new(started.pid, others);
    let started_ns = started.at_ns;
    let dialogue = Dialogue::new(started).map_err(SessionError::Watch)?;
    Ok((started_ns, processes, dialogue))
}

fn indent(log: &str) -> String {
    log.lines().map(|line| format!("\n  {line}")).collect()
}
