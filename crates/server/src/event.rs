//! What a server tells about itself, as data: the caller decides how to show it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Something that happened to the server as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Listening {
        address: Address,
        admin: Option<Address>,
        is_tls: bool,
    },
    WorkerReady {
        pid: i32,
    },
    WorkerLeft {
        pid: i32,
        why: Departure,
        requests: u64,
        age: Duration,
    },
    /// Workers die at once: the next one is started only after `pause`.
    BackingOff {
        pause: Duration,
    },
    /// A worker or the admin process cannot be started: it is tried again after `pause`.
    NoProcess {
        why: String,
        pause: Duration,
    },
    Draining,
    Renewing,
    Stopped {
        cut: u64,
    },
}

/// Where clients come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    /// A socket of this machine (unix(7)).
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "localhost at the socket {}", path.display()),
        }
    }
}

/// Why a worker process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It reached its number of requests.
    Requests,
    /// It grew above the memory limit.
    Memory,
    /// It was renewed on request (SIGHUP).
    Renewed,
    /// The server stops.
    Stopped,
    /// It showed no sign of life and was killed.
    Hung,
    /// It was ended by that signal, not by us.
    Signal(i32),
    /// It ended by itself with that code.
    Exit(i32),
}

/// How a server ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// Connections closed although an answer was due.
    pub(crate) cut: u64,
    /// Whether what was accepted was to be answered (SIGTERM), or dropped (SIGINT).
    pub(crate) was_drained: bool,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests => f.write_str("reached its number of requests"),
            Self::Memory => f.write_str("grew above the memory limit"),
            Self::Renewed => f.write_str("was renewed"),
            Self::Stopped => f.write_str("was stopped"),
            Self::Hung => f.write_str("hung and was killed"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Exit(code) => write!(f, "ended with code {code}"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { address, admin, is_tls } => {
                let scheme = if *is_tls { "https" } else { "http" };
                write!(f, "listening on {scheme}://{address}")?;
                admin.as_ref().map_or(Ok(()), |admin| write!(f, ", admin on http://{admin}"))
            }
            Self::WorkerReady { pid } => write!(f, "worker {pid} is ready"),
            Self::WorkerLeft { pid, why, requests, age } => {
                let age = age.as_secs_f64();
                write!(f, "worker {pid} {why} after {requests} requests and {age:.1} s")
            }
            Self::BackingOff { pause } => {
                let pause = pause.as_secs_f64();
                write!(f, "workers die at once: the next one starts in {pause:.1} s")
            }
            Self::NoProcess { why, pause } => {
                let pause = pause.as_secs_f64();
                write!(f, "no process can be started ({why}): tried again in {pause:.1} s")
            }
            Self::Draining => f.write_str("stopping: answering what was accepted"),
            Self::Renewing => f.write_str("renewing workers one by one"),
            Self::Stopped { cut: 0 } => f.write_str("stopped, nothing was cut off"),
            Self::Stopped { cut: 1 } => write!(f, "stopped, 1 connection was cut off"),
            Self::Stopped { cut } => write!(f, "stopped, {cut} connections were cut off"),
        }
    }
}
