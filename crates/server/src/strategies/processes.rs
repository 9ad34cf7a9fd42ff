//! Worker processes that a master forks before the first request, and only supervises.
//!
//! All workers wait on one shared listener, and each serves one request after another, as
//! `sequential` does. A worker can crash, hang or leak, and only what it had in hand is lost: the
//! master replaces it. A worker that has served enough, or grown too large, asks to leave between two
//! requests. Its replacement is ready before it goes, and its idle connections, with whatever was
//! read from them, are passed on to the others, so no client notices.

mod master;
mod worker;

use std::io;

use self::master::Master;
use crate::Ending;
use crate::board::Board;
use crate::error::ServeError;
use crate::listener::Listener;
use crate::options::Options;
use crate::service::Service;
use crate::signals::Signals;
use crate::sys::{self, Bell, Passage};

/// Workers that may be slow to leave, beyond one for each seat.
const SLOW_LEAVERS: usize = 32;

/// What the master and its workers have in common; forking copies it.
#[derive(Debug)]
struct House {
    options: Options,
    board: Board,
    listener: Listener,
    /// Rung by a worker when the master should look at the board.
    bell: Bell,
    passage: Passage,
}

/// Serves until told to stop.
pub(crate) fn serve(
    options: &Options,
    listener: Listener,
    admin: Option<Listener>,
    signals: Signals,
) -> Result<Ending, ServeError> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    if threads > 1 {
        return Err(ServeError::Threads { threads });
    }
    let workers = options.workers.unwrap_or_else(cores).max(1);
    // Found out here, because a worker could only die of it.
    Service::new(options.clone(), Board::new(1)?, 0).map_err(ServeError::Log)?;
    let house = House {
        options: options.clone(),
        // Room for a replacement of each, and for some that are slow to leave.
        board: Board::new(workers * 2 + SLOW_LEAVERS)?,
        listener,
        bell: Bell::new()?,
        passage: Passage::new()?,
    };
    Master::new(house, workers, admin, signals).supervise()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `life` in a child process that cannot outlive this one.
fn fork_into(life: impl FnOnce() -> io::Result<()>) -> io::Result<i32> {
    let parent = i32::try_from(std::process::id()).expect("process ids have 31 bits");
    match sys::fork()? {
        sys::Forked::Parent { child } => Ok(child),
        sys::Forked::Child => {
            sys::die_with_parent();
            // The parent may have ended before that was set.
            let orphaned = sys::parent_process() != parent;
            let code = i32::from(orphaned || life().is_err());
            sys::exit_now(code)
        }
    }
}
