//! `sequential`: one thread, one task after another.
//!
//! While a task waits, everything waits, so the whole takes the sum of all tasks. Nothing can
//! ever overlap, so nothing has to be protected, no update is lost, and no task is disturbed by
//! another. It is what every other strategy is measured against.
//!
//! Two tasks that need each other (one sends what the other receives) can stand still for ever:
//! the second cannot start before the first has ended.

use std::io;

use super::{Crew, Handles, Queues, semaphores};
use crate::blocking::Worker;
use crate::session::RunnerSession;
use crate::sys::kernel::Sharing;

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let semaphores = semaphores(session, 1, Sharing::Threads)?;
    let only = Worker::start(session, semaphores, 0)?;
    Ok(Crew {
        handles: Handles::Threads(vec![only]),
        members: 1,
        places: Some(1),
        queues: Queues::OfThreads(semaphores),
    })
}
