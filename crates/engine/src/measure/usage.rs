//! What a process used, exactly, from wait4(2): its own and that of every descendant that was
//! waited for. `getrusage(RUSAGE_CHILDREN)` would add up all runs so far.

use std::io;
use std::process::ExitStatus;

use maitred_core::trace::Usage;

use super::sys;

/// What there is to know about a child of ours.
#[derive(Debug)]
pub(crate) enum Reaped {
    /// It has ended, and this was the first look since then.
    Ended(ExitStatus, Usage),
    Running,
    /// Not a child of ours, or reaped before.
    NotOurs,
}

/// Looks whether a child has ended, and takes it off the kernel's books if so.
pub(crate) fn reap(pid: u32) -> io::Result<Reaped> {
    match sys::wait4(pid) {
        Ok(Some((status, usage))) => Ok(Reaped::Ended(status, usage)),
        Ok(None) => Ok(Reaped::Running),
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(Reaped::NotOurs),
        Err(error) => Err(error),
    }
}

/// Both together.
pub(crate) fn sum(a: Usage, b: Usage) -> Usage {
    Usage {
        user_ns: a.user_ns + b.user_ns,
        system_ns: a.system_ns + b.system_ns,
        voluntary: a.voluntary + b.voluntary,
        involuntary: a.involuntary + b.involuntary,
        major_faults: a.major_faults + b.major_faults,
    }
}
