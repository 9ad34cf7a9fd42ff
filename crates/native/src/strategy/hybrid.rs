//! `hybrid`: a loop that waits, and a pool of threads that computes and blocks.
//!
//! All tasks live on one loop, as under `event-loop`, and give way where they wait. What would
//! make the loop stand still (`cpu`, `block`, `run`, `allocate`) is handed to a pool, and the
//! task waits for the answer like for anything else. So the loop is never stuck, and computing
//! uses all processors, at the price of two hand-overs between threads for each such step.
//!
//! The pool is [`mod@crate::pool`].

use std::io;
use std::thread::JoinHandle;

use maitred_wire::trace_file::Role;
use tokio::runtime::Builder;

use super::{Crew, Handles, Queues};
use crate::awaiting::Executor;
use crate::pool::Pool;
use crate::recorder::Lane;
use crate::session::RunnerSession;

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let pool: &'static Pool = Box::leak(Box::default());
    let executor = Executor::make(session, Some(pool))?;
    let mut threads = Vec::new();
    for lane in 1..=session.plan.workers {
        threads.push(pool.start_thread(session, lane)?);
    }
    threads.push(start_loop(session, executor, pool)?);
    Ok(Crew {
        handles: Handles::Threads(threads),
        members: 1 + session.plan.workers,
        places: session.concurrency().map(u64::from),
        queues: Queues::OfLoops(executor),
    })
}

fn start_loop(
    session: &'static RunnerSession,
    executor: &'static Executor,
    pool: &'static Pool,
) -> io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    std::thread::Builder::new().name("loop".into()).spawn(move || {
        session.recorder.lane(0, Role::Loop).settle_here();
        session.board.await_start();
        runtime.block_on(executor.run_all(1));
        pool.close();
        session.board.leave();
        Lane::close_here();
    })
}
