//! What the master and its workers have in common. The main type is [`Shared`].

use std::io;
use std::sync::Arc;

use maitred_kernel::Bell;
use rustls::ServerConfig;

use crate::board::Board;
use crate::listener::Listener;
use crate::options::Options;
use crate::sys::{self, FdChannel};

/// What the master and its workers have in common; forking copies it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) board: Board,
    pub(super) listener: Listener,
    /// Rung by a worker when the master should look at the board.
    pub(super) bell: Bell,
    pub(super) channel: FdChannel,
}

/// Runs `life` in a child process that cannot outlive this one.
pub(super) fn fork_into(life: impl FnOnce() -> io::Result<()>) -> io::Result<i32> {
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
