//! Why a server could not be started or had to give up.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::options::Architecture;
use crate::tls::TlsError;

/// An error that ends the server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {cause}; {}", next_step(cause))]
    Bind { address: SocketAddr, cause: io::Error },
    #[error("cannot listen on the socket {}: {cause}; {}", path.display(), next_step_here(cause))]
    Socket { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("hyper is here for comparison of codecs and speaks no TLS; choose another --strategy")]
    NoTls,
    #[error("cannot open the access log: {0}; name a file that can be written")]
    Log(io::Error),
    #[error(
        "--{option} is about worker processes, and `{architecture}` has none; leave it out, or choose --strategy processes"
    )]
    NoWorkers { option: &'static str, architecture: Architecture },
    #[error(
        "--workers says how many threads or processes serve, and `{architecture}` has {}; leave it out, or choose --strategy thread-pool, processes or async-pool",
        if *architecture == Architecture::Threads { "one for each connection" } else { "one thread" }
    )]
    NoPool { architecture: Architecture },
    /// The time to answer what was accepted was too short.
    #[error(
        "{cut} {} cut off before the answer was whole; a longer --graceful-timeout than {allowed:?} would let them end",
        if *cut == 1 { "connection was" } else { "connections were" }
    )]
    Cut { cut: u64, allowed: Duration },
    #[error(
        "processes are forked, which needs a program with one thread, but this one has {threads}; start the server before any thread"
    )]
    Threads { threads: usize },
    #[error("the first workers died before they were ready: {why}; see the messages above")]
    Boot { why: String },
    #[error("the kernel refused what the server needs: {0}")]
    System(#[from] io::Error),
}

/// What helps when an address cannot be had (bind(2)).
fn next_step(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: give one of its own as --host, as in 127.0.0.1 or 0.0.0.0"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below net.ipv4.ip_unprivileged_port_start are for those who have the capability \
             CAP_NET_BIND_SERVICE: choose a --port from 1024 on, or start it with that capability"
        }
        _ => "choose another --port, or 0 for a free one",
    }
}

/// What helps when a socket of the machine cannot be made (bind(2), unix(7)).
fn next_step_here(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            "another server listens there, or it is the name of a file: choose another --unix"
        }
        io::ErrorKind::NotFound => "its folder is not there: make it, or choose another --unix",
        io::ErrorKind::InvalidInput => {
            "a path of at most 107 bytes can be one: choose a shorter --unix"
        }
        _ => "choose a --unix in a folder that you may write to",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_had_is_told_with_what_helps() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let said = |kind: io::ErrorKind| {
            ServeError::Bind { address, cause: kind.into() }.to_string().contains("--host")
        };
        assert!(said(io::ErrorKind::AddrNotAvailable));
        assert!(!said(io::ErrorKind::AddrInUse));
        let said = |kind: io::ErrorKind| {
            let error = ServeError::Bind { address, cause: kind.into() }.to_string();
            error.contains("CAP_NET_BIND_SERVICE")
        };
        assert!(said(io::ErrorKind::PermissionDenied));
        assert!(!said(io::ErrorKind::AddrInUse));
    }
}
