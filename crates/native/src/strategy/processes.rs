//! `processes`: a fixed number of processes that take tasks from one queue.
//!
//! Like a pool of threads, but the workers share nothing that they do not share on purpose: here
//! the queue and the semaphores, in memory mapped by all. Variables are ordinary memory, so each
//! process has its own, and an update in one is not seen in another. What it buys: a worker that
//! crashes takes one task with it. It is replaced, what it held is given back, and the rest goes
//! on. What it costs: a process is dearer to make than a thread.
//!
//! How the parent looks after them is [`mod@super::worker_processes`].

use std::io;

use super::worker_processes::WorkerProcesses;
use super::{Crew, Handles, Queues, semaphores};
use crate::session::RunnerSession;
use crate::sys::kernel::Sharing;

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let workers = session.plan.workers;
    let semaphores = semaphores(session, workers, Sharing::Processes)?;
    let processes = WorkerProcesses::start(session, semaphores)?;
    Ok(Crew {
        handles: Handles::Processes(processes),
        members: workers,
        places: Some(u64::from(workers)),
        queues: Queues::OfThreads(semaphores),
    })
}
