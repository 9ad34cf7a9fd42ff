//! What cleans up after a `maitred` that was killed: a process of its own that waits for the end of
//! `maitred` and then kills everything that a run of it started.
//!
//! The kernel kills the runner (its death signal) and the native runner's children, but not what
//! those have started, and nobody adopts these any more. They are known by [`mark::NAME`] in the
//! environment that they inherited; only who both clears its environment and outlives its parent
//! escapes. The main types are [`Guard`], in `maitred`, and [`stand`], in the other process.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use maitred_kernel::signal;

use super::runner::RunnerCommand;
use crate::measure::clock::{nanos, now_ns};
use crate::measure::{mark, sys};

/// After this the guard gives up on what the kernel does not kill.
const SWEEP_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// A guard on duty; dropped, it is dismissed. Start it before the first run.
#[derive(Debug)]
pub struct Guard {
    process: Child,
}

impl Guard {
    /// Starts the program that calls [`stand`]. In a process group of its own, so that what a
    /// terminal sends to `maitred` does not reach it; with none of our streams, so that nobody
    /// who reads them waits for it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(program: &RunnerCommand) -> io::Result<Self> {
        let process = Command::new(&program.program)
            .args(&program.args)
            .envs(program.env.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut guard = Self { process };
        let input = guard.process.stdin.as_mut().expect("it was piped above");
        writeln!(input, "{}", std::process::id())?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // By now every run has ended its own processes. That it is gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Stands guard: reads from standard input the process id of a `maitred`, waits for the end of
/// the input, which comes with the end of that process, and kills what it left behind.
pub fn stand() {
    // Who kills every process called `maitred` is to find its master dead and the guard alive.
    sys::rename_process(c"guard");
    let mut text = String::new();
    if io::stdin().read_to_string(&mut text).is_err() {
        return;
    }
    let Ok(maitred) = text.trim().parse() else { return };
    let limit_ns = now_ns() + nanos(SWEEP_LIMIT);
    loop {
        let left = marked(maitred);
        if left.is_empty() || now_ns() > limit_ns {
            return;
        }
        for pid in left {
            signal(pid, libc::SIGKILL);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The living processes that carry the mark of this `maitred`.
fn marked(maitred: u32) -> BTreeSet<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeSet::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            // Of a process that ended but was not waited for, this is empty.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|pair| mark::is_marked(pair, maitred))
        })
        .collect()
}
