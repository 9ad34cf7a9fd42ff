//! Why a server could not be started or had to give up.

use std::io;
use std::net::SocketAddr;

use crate::options::Architecture;

/// An error that ends the server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {cause}; choose another --port, or 0 for a free one")]
    Bind { address: SocketAddr, cause: io::Error },
    #[error("cannot open the access log: {0}; name a file that can be written")]
    Log(io::Error),
    #[error(
        "--{option} is about worker processes, and `{architecture}` has none; leave it out, or choose --strategy processes"
    )]
    NoWorkers { option: &'static str, architecture: Architecture },
    #[error(
        "processes are forked, which needs a program with one thread, but this one has {threads}; start the server before any thread"
    )]
    Threads { threads: usize },
    #[error("the first workers died before they were ready: {why}; see the messages above")]
    Boot { why: String },
    #[error("the kernel refused what the server needs: {0}")]
    System(#[from] io::Error),
}
