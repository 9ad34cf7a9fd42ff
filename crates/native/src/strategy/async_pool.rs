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

use super::{Crew, Hands, Queues};
use crate::awaiting::Floor;
use crate::recorder::Lane;
use crate::session::Session;

pub(super) fn start(session: &'static Session) -> io::Result<Crew> {
    let floor = Floor::make(session, None)?;
    let runtime = runtime(session)?;
    // This thread executes no task: it waits until all have ended, and then ends the pool.
    let thread = std::thread::Builder::new().name("host".into()).spawn(move || {
        session.board.await_start();
        runtime.block_on(floor.run_all(session.plan.workers));
        session.board.leave();
    })?;
    Ok(Crew {
        hands: Hands::Threads(vec![thread]),
        members: 1,
        places: None,
        queues: Queues::OfLoops(floor),
    })
}

/// The pool; each thread of it is a lane.
fn runtime(session: &'static Session) -> io::Result<Runtime> {
    static LANES: AtomicU32 = AtomicU32::new(0);
    let open = move || {
        session.recorder.lane(LANES.fetch_add(1, Relaxed), Role::Loop).settle_here();
    };
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(session.plan.workers as usize).enable_io();
    builder.on_thread_start(open).on_thread_stop(Lane::close_here);
    // Tokio panics when the machine refuses it a thread.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || builder.build()))
        .unwrap_or_else(|_| Err(io::ErrorKind::WouldBlock.into()))
}
