//! `thread-pool` with the threads of rayon: the tasks as a parallel iterator.
//!
//! Rayon halves the tasks until every thread has some, and who has none steals half of another's. So
//! nobody waits for one queue, and which thread does which task is not said beforehand.

use std::cell::{Cell, RefCell};
use std::io;

use maitred_wire::trace_file::Role;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Crew, Handles, Queues, semaphores};
use crate::blocking::Worker;
use crate::recorder::Lane;
use crate::semaphore::futex::Semaphore;
use crate::session::RunnerSession;
use crate::sys::kernel::{self, Sharing};

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let workers = session.plan.workers;
    let semaphores = semaphores(session, workers, Sharing::Threads)?;
    let pool = make_pool(session)?;
    // This thread executes no task: it waits until all have ended, and then for the threads.
    let thread = std::thread::Builder::new().name("host".into()).spawn(move || {
        session.board.await_start();
        pool.install(|| {
            (0..session.queue.total()).into_par_iter().for_each(|_| execute(session, semaphores));
        });
        session.board.worked_until(kernel::now());
        session.board.leave();
    })?;
    Ok(Crew {
        handles: Handles::Threads(vec![thread]),
        members: 1,
        places: Some(u64::from(workers)),
        queues: Queues::OfThreads(semaphores),
    })
}

thread_local! {
    /// Tasks that this thread has yet to do when the one under way has ended; `None`: none is.
    static OWED: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Executes the next task. While a task waits for work of its own that it gave to rayon, rayon has its
/// thread begin others: these are done when it has ended, for a lane has one task at a time.
fn execute(session: &'static RunnerSession, semaphores: &'static [Semaphore]) {
    if let Some(owed) = OWED.get() {
        return OWED.set(Some(owed + 1));
    }
    OWED.set(Some(0));
    let client = RefCell::default();
    let worker = Worker { session, semaphores, lane: *Lane::here(), ledger: None, client };
    loop {
        if let Some(assignment) = session.take_when_due() {
            worker.execute(assignment);
        }
        match OWED.get() {
            Some(owed) if owed > 0 => OWED.set(Some(owed - 1)),
            _ => break OWED.set(None),
        }
    }
}

/// The pool; each thread of it is a lane.
fn make_pool(session: &'static RunnerSession) -> io::Result<ThreadPool> {
    let open = move |index: usize| {
        session.recorder.lane(index as u32, Role::Worker).settle_here();
    };
    ThreadPoolBuilder::new()
        .num_threads(session.plan.workers as usize)
        .start_handler(open)
        .exit_handler(|_| Lane::close_here())
        .build()
        .map_err(io::Error::other)
}
