//! Lines of shell that are run beside the measured work: before a run, and after all of them.

use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use maitred_kernel::signal_group;

use super::death;
use super::interrupt::Interrupt;
use crate::measure::mark;
use crate::measure::sys::{self, Watched};

/// How long nothing happens before it is looked again, nanoseconds.
const LONG_NS: u64 = 1_000_000_000;

/// Runs a line of shell to its end; an interrupt asks it to end. What it prints is shown by nobody.
///
/// # Errors
/// How it failed, with the last that it wrote to standard error.
pub(crate) fn shell(line: &str, interrupt: &Interrupt) -> Result<(), String> {
    run(line, interrupt).unwrap_or_else(|error| Err(format!("cannot be started: {error}")))
}

fn run(line: &str, interrupt: &Interrupt) -> io::Result<Result<(), String>> {
    let mut errors = sys::memory_file(c"maitred-stderr")?;
    let mut command = Command::new("sh");
    command.args(["-c", line]).process_group(0).env(mark::NAME, mark::value());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors.try_clone()?);
    sys::prepare_child(&mut command);
    let mut child = command.spawn()?;
    let ended = sys::pidfd(child.id())?;
    let mut asked = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupt.is_raised() && !asked {
            asked = true;
            signal_group(child.id(), libc::SIGTERM);
        }
        let watch = |fd| Watched { fd, for_writing: false, ready: false };
        let interrupt = (!asked).then(|| interrupt.as_fd());
        sys::poll(&mut [watch(Some(ended.as_fd())), watch(interrupt)], LONG_NS)?;
    };
    if status.success() || asked {
        return Ok(Ok(()));
    }
    let mut said = Vec::new();
    errors.rewind()?;
    errors.read_to_end(&mut said)?;
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map_or_else(String::new, |line| format!(" and said {}", death::quote(line)));
    Ok(Err(format!("{}{last}", death::describe(status))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_run_to_its_end_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made");
        let quiet = Interrupt::manual().unwrap();
        shell(&format!("sleep 0.01; echo x > '{}'", file.display()), &quiet).unwrap();
        assert!(file.exists());
        let why = shell("echo first >&2; echo no room >&2; exit 7", &quiet).unwrap_err();
        assert_eq!(why, "exited with code 7 and said `no room`");
    }

    #[test]
    fn an_interrupt_ends_it() {
        let raised = Interrupt::manual().unwrap();
        raised.raise();
        shell("sleep 1000", &raised).unwrap();
    }
}
