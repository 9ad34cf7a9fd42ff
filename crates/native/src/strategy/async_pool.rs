//! `async-pool`: a few threads, many tasks: who waits gives way, and who has nothing to do steals.
//!
//! Every thread has a queue of tasks that are ready; one whose queue is empty takes half of
//! another's. So waiting costs as little as on an event loop, and computing uses all processors.
//! A step that blocks takes one of the threads out, not all. A task may go on on another thread
//! than the one on which it began, and tasks really run at the same time: variables that were
//! safe on one loop are not safe here.

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use maitred_wire::trace_file::Role;
use tokio::runtime::{Builder, Runtime};

use super::{Crew, Handles, Queues};
use crate::awaiting::Executor;
use crate::limits;
use crate::recorder::Lane;
use crate::session::RunnerSession;

pub(super) fn start(session: &'static RunnerSession) -> io::Result<Crew> {
    let executor = Executor::make(session, None)?;
    // This thread executes no task: it makes the pool, and waits until all have ended. If tokio
    // is refused a thread it panics and does not come back, but the run is refused all the same.
    let thread = std::thread::Builder::new().name("host".into()).spawn(move || {
        let runtime = match make_pool(session) {
            Ok(runtime) => runtime,
            Err(error) => return session.refuse(limits::explain(session, &error, None)),
        };
        session.board.await_start();
        runtime.block_on(executor.run_all(session.plan.workers));
        session.board.leave();
    })?;
    Ok(Crew {
        handles: Handles::Threads(vec![thread]),
        members: 1,
        places: session.concurrency().map(u64::from),
        queues: Queues::OfLoops(executor),
    })
}

/// The pool; each thread of it is a lane.
fn make_pool(session: &'static RunnerSession) -> io::Result<Runtime> {
    static LANES: AtomicU32 = AtomicU32::new(0);
    let open = move || {
        session.recorder.lane(LANES.fetch_add(1, Relaxed), Role::Loop).settle_here();
    };
    Builder::new_multi_thread()
        .worker_threads(session.plan.workers as usize)
        .enable_io()
        .enable_time()
        .on_thread_start(open)
        .on_thread_stop(Lane::close_here)
        .build()
}
