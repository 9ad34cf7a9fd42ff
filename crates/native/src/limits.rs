//! Why the machine refused a thread or a process, as far as that can be known: the kernel says
//! no more than `EAGAIN`, so the limits are read and the smallest is named.

use std::io;

use maitred_kernel::cgroup;
use maitred_kernel::procfs::number;
use maitred_wire::{RunnerError, Substance};

use crate::session::{RunnerSession, refused};
use crate::sys::kernel;

/// An error that names the limit which is the likely cause, after so many were started.
pub(crate) fn explain(
    session: &RunnerSession,
    error: &io::Error,
    started: Option<u64>,
) -> RunnerError {
    let strategy = session.plan.strategy;
    let done = started.map_or(String::new(), |count| format!(" after {count} were started"));
    let what = match strategy.facts().substance {
        Substance::Process => "process",
        Substance::Thread | Substance::Interpreter => "thread",
    };
    let cause = if error.kind() == io::ErrorKind::WouldBlock { likely_cause() } else { None };
    let cause = cause.map_or(String::new(), |cause| {
        format!("; the likely limit is {cause}: raise it, or ask for fewer")
    });
    refused(format!("the machine refused {strategy} another {what}{done}: {error}{cause}"))
}

/// A limit on memory, where there is one, since a thread needs a stack; else the smallest limit
/// on threads and processes.
fn likely_cause() -> Option<String> {
    let memory = kernel::address_space_limit();
    let memory = memory.map(|bytes| format!("`ulimit -v` = {} KiB", bytes / 1024));
    memory.or_else(|| smallest().map(|(name, limit)| format!("{name} = {limit}")))
}

/// The smallest limit on threads and processes, with its name.
fn smallest() -> Option<(&'static str, u64)> {
    let limits = [
        ("`ulimit -u`", kernel::process_limit()),
        ("kernel.threads-max", number("/proc/sys/kernel/threads-max")),
        ("kernel.pid_max", number("/proc/sys/kernel/pid_max")),
        ("pids.max of the control group", control_group()),
    ];
    let known = limits.into_iter().filter_map(|(name, limit)| Some((name, limit?)));
    known.min_by_key(|&(_, limit)| limit)
}

/// The least `pids.max` of the control groups that this process is in.
fn control_group() -> Option<u64> {
    let limits = cgroup::groups("pids").into_iter();
    limits.filter_map(|group| number(group.join("pids.max").to_str()?)).min()
}
