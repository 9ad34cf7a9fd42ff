//! The strategies: who executes which task when. One file each, to be read from top to bottom.
//!
//! A strategy only makes a crew, which begins when the board says so. Running the crew, stopping
//! it and measuring it is the same for all: [`mod@crate::run`]. The main type is [`Crew`].

mod async_pool;
mod crew;
mod event_loop;
mod hybrid;
mod processes;
#[cfg(feature = "rayon")]
mod rayon_pool;
mod sequential;
mod thread_pool;
mod threads;
mod worker_processes;

use maitred_wire::{RunnerError, Strategy};

use self::crew::{Queues, semaphores};
use crate::library::Library;
use crate::limits;
use crate::session::RunnerSession;

pub(crate) use crew::{Crew, Handles};

/// Makes the crew of this plan.
///
/// # Errors
/// When the machine refuses a thread, a process or memory.
pub(crate) fn start(session: &'static RunnerSession) -> Result<Crew, RunnerError> {
    let crew = match session.plan.strategy {
        Strategy::Sequential => sequential::start(session),
        Strategy::Threads => threads::start(session),
        Strategy::ThreadPool => match session.library {
            #[cfg(feature = "rayon")]
            Library::Rayon => rayon_pool::start(session),
            Library::Native | Library::Std | Library::Tokio => thread_pool::start(session),
        },
        Strategy::Processes => processes::start(session),
        Strategy::EventLoop => event_loop::start(session),
        Strategy::AsyncPool => async_pool::start(session),
        Strategy::Hybrid => hybrid::start(session),
        Strategy::Interpreters | Strategy::Executor => Err(std::io::ErrorKind::Unsupported.into()),
    };
    crew.map_err(|error| limits::explain(session, &error, None))
}
