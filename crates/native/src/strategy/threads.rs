//! `threads`: one thread a task, started when the task arrives.
//!
//! The simplest way to have things happen at once: every task is straight-line code that may
//! wait as it likes, and the kernel lets another thread run meanwhile. It costs a thread a task:
//! some microseconds to make, a stack, and a place in the kernel's tables, of which there are
//! not unlimited many. Threads share variables, and can be interrupted anywhere, between reading
//! a variable and writing it too.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use maitred_wire::trace_file::Role;

use super::{Crew, Handles, Queues, semaphores};
use crate::blocking::Worker;
use crate::limits;
use crate::semaphore::futex::Semaphore;
use crate::session::{Assignment, RunnerSession};
use crate::sys::kernel::{self, Sharing};
use crate::sys::process::{self, Stack};

/// Only what is touched of it takes memory; a task of ours needs less than a tenth.
const STACK: Stack = Stack::Bare(128 * 1024);
/// What threads of the standard library have, for code of the user's.
const USERS_STACK: Stack = Stack::Guarded(2 * 1024 * 1024);

/// Threads that have started and not ended.
static ALIVE: AtomicU32 = AtomicU32::new(0);

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let tasks = session.queue.total();
    let semaphores = semaphores(session, tasks.max(1), Sharing::Threads)?;
    let starter = std::thread::Builder::new()
        .name("starter".into())
        .spawn(move || start_all(session, semaphores))?;
    Ok(Crew {
        handles: Handles::Threads(vec![starter]),
        members: 1,
        places: None,
        queues: Queues::OfThreads(semaphores),
    })
}

/// Starts a thread for each task as it arrives, and waits for all of them.
fn start_all(session: &'static RunnerSession, semaphores: &'static [Semaphore]) {
    session.board.await_start();
    let stack = if session.calls.is_some() { USERS_STACK } else { STACK };
    while let Some(assignment) = session.take_when_due() {
        ALIVE.fetch_add(1, SeqCst);
        let body = move || be_task(session, semaphores, assignment);
        if let Err(error) = process::start_thread(stack, Box::new(body)) {
            let started = session.queue.taken() - 1;
            session.refuse(limits::explain(session, &error, Some(started)));
            return;
        }
    }
    loop {
        let alive = ALIVE.load(SeqCst);
        if alive == 0 {
            break session.board.leave();
        }
        kernel::futex_wait(&ALIVE, alive, None, Sharing::Threads);
    }
}

/// The life of one thread.
fn be_task(
    session: &'static RunnerSession,
    semaphores: &'static [Semaphore],
    assignment: Assignment,
) {
    let lane = session.recorder.lane(assignment.number, Role::Worker);
    let worker = Worker { session, semaphores, lane, ledger: None, client: RefCell::default() };
    let end = worker.execute(assignment);
    session.board.worked_until(end);
    worker.lane.close(session.records_run_delay());
    if ALIVE.fetch_sub(1, SeqCst) == 1 {
        kernel::futex_wake_all(&ALIVE, Sharing::Threads);
    }
}
