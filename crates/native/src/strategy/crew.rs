//! Those who do the work of a run, whatever the strategy. The main type is [`Crew`].

use std::io;
use std::thread::JoinHandle;

use super::worker_processes::WorkerProcesses;
use crate::awaiting::Executor;
use crate::semaphore::futex::Semaphore;
use crate::session::RunnerSession;
use crate::sys::kernel::Sharing;

/// Those who do the work.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) handles: Handles,
    /// How many say on the board that they are ready, and that they have no more to do.
    pub(crate) members: u32,
    /// How many tasks can be under way at a time; `None`: any number.
    pub(crate) places: Option<u64>,
    pub(crate) queues: Queues,
}

/// What has to be joined or reaped in the end.
#[derive(Debug)]
pub(crate) enum Handles {
    Threads(Vec<JoinHandle<()>>),
    Processes(WorkerProcesses),
}

/// Where tasks wait for each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queues {
    OfThreads(&'static [Semaphore]),
    OfLoops(&'static Executor),
}

impl Queues {
    /// How many wait for a semaphore.
    pub(crate) fn waiting(self) -> u64 {
        match self {
            Self::OfThreads(semaphores) => semaphores.iter().map(Semaphore::waiting).sum(),
            Self::OfLoops(executor) => executor.waiting(),
        }
    }
}

/// The semaphores of the plan, for so many threads.
pub(super) fn semaphores(
    session: &RunnerSession,
    threads: u32,
    sharing: Sharing,
) -> io::Result<&'static [Semaphore]> {
    Ok(Semaphore::make(&session.semaphore_units(), threads, sharing)?.leak())
}
