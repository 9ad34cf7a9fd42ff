//! Starts a runner so that it cannot outlive us: its own process group, a death signal, first
//! victim when memory runs out, pipes for everything it says.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use super::runner::RunnerCommand;
use crate::measure::clock;
use crate::measure::sys;

/// Carries the process id of `maitred` into the environment of everything that a run starts, by
/// which the guard knows them. Where one `maitred` runs another, both stand there.
pub(super) const MARK: &str = "MAITRED_RUN";

/// Whether this `NAME=value` says that a run of that `maitred` started the process.
pub(super) fn is_marked(pair: &[u8], maitred: u32) -> bool {
    let value = pair.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
    let number = maitred.to_string();
    value.is_some_and(|value| value.split(|&byte| byte == b',').any(|id| id == number.as_bytes()))
}

pub(super) fn mark() -> String {
    let own = std::process::id();
    match std::env::var(MARK) {
        Ok(outer) => format!("{outer},{own}"),
        Err(_) => own.to_string(),
    }
}

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
        .env(MARK, mark())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_among_others_and_not_within_another() {
        for (pair, marked) in [
            ("MAITRED_RUN=42", true),
            ("MAITRED_RUN=7,42", true),
            ("MAITRED_RUN=42,7", true),
            ("MAITRED_RUN=142", false),
            ("MAITRED_RUN=", false),
            ("MAITRED_RUNS=42", false),
            ("PATH=42", false),
        ] {
            assert_eq!(is_marked(pair.as_bytes(), 42), marked, "{pair}");
        }
    }
}
