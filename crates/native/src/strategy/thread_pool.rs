//! `thread-pool`: a fixed number of threads that take tasks from one queue.
//!
//! Each thread executes a task to its end and then takes the next. No thread is made for a task,
//! so a task costs little more than taking it: one number, raised by one. As many tasks are under
//! way as there are threads; a task that waits keeps its thread, and when all threads wait, the
//! rest of the queue waits too, however idle the processor is.
//!
//! If tasks wait for tasks that are still in the queue, a pool that is too small stands still.

use std::io;

use super::{Crew, Handles, Queues, semaphores};
use crate::blocking::Worker;
use crate::session::RunnerSession;
use crate::sys::kernel::Sharing;

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let workers = session.plan.workers;
    let semaphores = semaphores(session, workers, Sharing::Threads)?;
    let pool: Result<_, _> =
        (0..workers).map(|lane| Worker::start(session, semaphores, lane)).collect();
    Ok(Crew {
        handles: Handles::Threads(pool?),
        members: workers,
        places: Some(u64::from(workers)),
        queues: Queues::OfThreads(semaphores),
    })
}
