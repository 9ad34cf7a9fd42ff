//! The signals that a server obeys, as values.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use maitred_kernel::SignalFd;

/// What somebody asks of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM: answer what was accepted, then end.
    Drain,
    /// SIGINT, where it is taken: end now.
    Stop,
    /// SIGHUP: replace every worker.
    Renew,
    /// SIGUSR1, from the master: give all connections to the others and end.
    Leave,
    /// SIGCHLD: a child ended.
    Child,
}

/// Where signals arrive; while it lives they do nothing else.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// For a process that serves. SIGINT is left to the kernel, which ends the process even
    /// while it computes or blocks.
    pub(crate) fn new() -> io::Result<Self> {
        SignalFd::new(&[libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1]).map(Self)
    }

    /// For a process that only supervises, and never computes or blocks.
    pub(crate) fn for_master() -> io::Result<Self> {
        SignalFd::new(&[libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGINT, libc::SIGCHLD])
            .map(Self)
    }

    pub(crate) fn take(&self) -> Option<Signal> {
        match self.0.take()? {
            libc::SIGTERM => Some(Signal::Drain),
            libc::SIGINT => Some(Signal::Stop),
            libc::SIGHUP => Some(Signal::Renew),
            libc::SIGUSR1 => Some(Signal::Leave),
            _ => Some(Signal::Child),
        }
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsRawFd for &Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
