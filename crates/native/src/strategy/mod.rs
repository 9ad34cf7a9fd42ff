//! The strategies: who executes which task when. One file each, to be read from top to bottom.
//!
//! A strategy only makes a crew, which begins when the board says so. Running the crew, stopping
//! it and measuring it is the same for all: [`mod@crate::run`]. The main type is [`Crew`].

mod async_pool;
mod event_loop;
mod hybrid;
mod processes;
mod sequential;
mod thread_pool;
mod threads;

use std::thread::JoinHandle;

use maitred_wire::{RunnerError, Strategy};

use crate::awaiting::Floor;
use crate::limits;
use crate::semaphore::futex::Semaphore;
use crate::session::Session;
use crate::sys::kernel::Sharing;

pub(crate) use hybrid::Pool;
pub(crate) use processes::Nursery;

/// What this runner can do.
pub(crate) const SUPPORTED: [Strategy; 7] = [
    Strategy::Sequential,
    Strategy::Threads,
    Strategy::ThreadPool,
    Strategy::Processes,
    Strategy::EventLoop,
    Strategy::AsyncPool,
    Strategy::Hybrid,
];

/// Those who do the work.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) hands: Hands,
    /// How many say on the board that they are ready, and that they have no more to do.
    pub(crate) members: u32,
    /// How many tasks can be under way at a time; `None`: any number.
    pub(crate) places: Option<u64>,
    pub(crate) queues: Queues,
}

/// What has to be joined or reaped in the end.
#[derive(Debug)]
pub(crate) enum Hands {
    Threads(Vec<JoinHandle<()>>),
    Processes(Nursery),
}

/// Where tasks wait for each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queues {
    OfThreads(&'static [Semaphore]),
    OfLoops(&'static Floor),
}

impl Queues {
    /// How many wait for a semaphore.
    pub(crate) fn waiting(self) -> u64 {
        match self {
            Self::OfThreads(semaphores) => semaphores.iter().map(Semaphore::waiting).sum(),
            Self::OfLoops(floor) => floor.waiting(),
        }
    }
}

/// Makes the crew of this plan.
///
/// # Errors
/// When the machine refuses a thread, a process or memory.
pub(crate) fn start(session: &'static Session) -> Result<Crew, RunnerError> {
    let crew = match session.plan.strategy {
        Strategy::Sequential => sequential::start(session),
        Strategy::Threads => threads::start(session),
        Strategy::ThreadPool => thread_pool::start(session),
        Strategy::Processes => processes::start(session),
        Strategy::EventLoop => event_loop::start(session),
        Strategy::AsyncPool => async_pool::start(session),
        Strategy::Hybrid => hybrid::start(session),
        Strategy::Interpreters => Err(std::io::ErrorKind::Unsupported.into()),
    };
    crew.map_err(|error| limits::explain(session, &error, None))
}

/// The semaphores of the plan, for so many threads.
fn semaphores(
    session: &Session,
    threads: u32,
    sharing: Sharing,
) -> std::io::Result<&'static [Semaphore]> {
    Ok(Semaphore::make(&session.semaphore_units(), threads, sharing)?.leak())
}
