//! Worker processes that a master forks before the first request, and only supervises.
//!
//! All workers wait on one shared listener, and each serves one request after another, as
//! `sequential` does. A worker can crash, hang or leak, and only what it had in hand is lost: the
//! master replaces it. A worker that has served enough, or grown too large, asks to leave between two
//! requests. Its replacement is ready before it goes, and its idle connections, with whatever was
//! read from them, are passed on to the others, so no client notices.

mod master;
mod shared;
mod worker;

use std::sync::Arc;

use maitred_kernel::Bell;
use rustls::ServerConfig;

use self::master::Master;
use self::shared::Shared;
use crate::board::Board;
use crate::error::ServeError;
use crate::event::Ending;
use crate::listener::Listener;
use crate::options::Options;
use crate::service::Service;
use crate::signals::Signals;
use crate::sys::FdChannel;

/// Workers that may be slow to leave, beyond one for each seat.
const SLOW_LEAVERS: usize = 32;

/// Serves until told to stop.
pub(crate) fn serve(
    options: &Options,
    tls: Option<Arc<ServerConfig>>,
    listener: Listener,
    admin: Option<Listener>,
    signals: Signals,
) -> Result<Ending, ServeError> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    if threads > 1 {
        return Err(ServeError::Threads { threads });
    }
    let workers = options.workers_or_processors();
    // Found out here, because a worker could only die of it.
    Service::new(options.clone(), None, Board::new(1)?, 0).map_err(ServeError::Log)?;
    let shared = Shared {
        options: options.clone(),
        tls,
        // Room for a replacement of each, and for some that are slow to leave.
        board: Board::new(workers * 2 + SLOW_LEAVERS)?,
        listener,
        bell: Bell::new()?,
        channel: FdChannel::new()?,
    };
    Master::new(shared, workers, admin, signals).supervise()
}
