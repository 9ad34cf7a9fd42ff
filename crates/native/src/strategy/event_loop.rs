//! `event-loop`: one thread, many tasks: who waits gives way.
//!
//! A task that waits leaves word by what it can be woken (a timer, a place in the queue of a
//! semaphore), and the loop goes on with a task that is ready. A task that waits costs some
//! hundred bytes instead of a thread, so there can be millions of them. Since a task gives way
//! only where it waits, nothing can happen between two steps that do not wait.
//!
//! The price: a step that computes or blocks keeps the only thread, and all other tasks with it;
//! and there is one processor's worth of work, however many there are.

use std::io;

use maitred_wire::trace_file::Role;
use tokio::runtime::Builder;

use super::{Crew, Handles, Queues};
use crate::awaiting::Executor;
use crate::recorder::Lane;
use crate::session::RunnerSession;

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let executor = Executor::make(session, None)?;
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let thread = std::thread::Builder::new().name("loop".into()).spawn(move || {
        session.recorder.lane(0, Role::Loop).settle_here();
        session.board.await_start();
        runtime.block_on(executor.run_all(1));
        session.board.leave();
        Lane::close_here();
    })?;
    Ok(Crew {
        handles: Handles::Threads(vec![thread]),
        members: 1,
        places: session.concurrency().map(u64::from),
        queues: Queues::OfLoops(executor),
    })
}
