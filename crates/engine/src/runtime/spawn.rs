//! Starts a runner so that it cannot outlive us: its own process group, a death signal, first
//! victim when memory runs out, pipes for everything it says.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use super::runner::RunnerCommand;
use crate::measure::{clock, mark, sys};

/// A runner that was started, and the ends of its pipes.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) pid: u32,
    /// Just before the call that started it.
    pub(super) at_ns: u64,
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
    pub(super) errors: ChildStderr,
}

/// Starts a runner. The thread that calls this must outlive it: the runner is killed when that
/// thread ends. Nothing of the tree may be reaped by the standard library afterwards.
pub(super) fn start(runner: &RunnerCommand) -> io::Result<Started> {
    sys::adopt_orphans()?;
    sys::keep_exit_statuses();
    let mut command = Command::new(&runner.program);
    command
        .args(&runner.args)
        .envs(runner.env.iter().map(|(name, value)| (name, value)))
        .env(mark::NAME, mark::value())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    sys::prepare_child(&mut command);
    let at_ns = clock::now_ns();
    let mut child = command.spawn()?;
    let piped = "the three streams were piped above";
    Ok(Started {
        pid: child.id(),
        at_ns,
        input: child.stdin.take().expect(piped),
        output: child.stdout.take().expect(piped),
        errors: child.stderr.take().expect(piped),
    })
}
