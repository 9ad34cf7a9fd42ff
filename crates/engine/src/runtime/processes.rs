//! Responsibility for a tree of processes: whoever holds a [`OwnedProcesses`] ends the tree with it, on
//! every path, panics included.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use maitred_core::trace::{Observed, Usage};
use maitred_kernel::{signal, signal_group};

use crate::measure::tree::Tree;
use crate::measure::usage::{Reaped, reap, sum};
use crate::measure::{clock, sys};

/// How long a killed process may take to be gone: the kernel does not kill within some system
/// calls (a read from a dead network file system).
const KILL_LIMIT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// The processes of one run, which end with this value at the latest.
#[derive(Debug)]
pub(super) struct OwnedProcesses {
    tree: Tree,
    runner: Option<ExitStatus>,
    usage: Usage,
    /// Processes other than the runner that had to be killed.
    killed: u32,
    over: bool,
}

/// What is known when all processes are gone.
#[derive(Debug)]
pub(super) struct Ended {
    /// Of the runner; `None` where it could not be had.
    pub(super) status: Option<ExitStatus>,
    /// Of the whole tree.
    pub(super) usage: Observed<Usage>,
    /// Processes other than the runner that were still there and had to be killed.
    pub(super) killed: u32,
}

impl OwnedProcesses {
    /// Takes over a runner that was just started. `others` are our children from before.
    pub(super) fn new(runner: u32, others: Vec<u32>) -> Self {
        sys::set_runner_group(Some(runner));
        let tree = Tree::new(runner, others);
        Self { tree, runner: None, usage: Usage::default(), killed: 0, over: false }
    }

    /// Who belongs to the run now.
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Whether nobody but the runner is there.
    pub(super) fn is_runner_alone(&self) -> bool {
        self.tree.members() == [self.tree.runner()]
    }

    /// Kills what is left, until nothing is, and adds up what all of them used.
    pub(super) fn end(mut self) -> Ended {
        let stuck = self.end_all();
        let usage = if stuck.is_empty() {
            Observed::Known(self.usage)
        } else {
            let left: Vec<_> = stuck.iter().map(ToString::to_string).collect();
            Observed::Unknown(format!("the kernel did not end process {}", left.join(", ")))
        };
        Ended { status: self.runner, usage, killed: self.killed }
    }

    /// Gives the processes that are there in spite of SIGKILL.
    fn end_all(&mut self) -> BTreeSet<u32> {
        self.over = true;
        sys::set_runner_group(None);
        let limit_ns = clock::now_ns() + clock::nanos(KILL_LIMIT);
        let mut pause = FIRST_PAUSE;
        loop {
            self.reap();
            let left: BTreeSet<u32> = self.tree.members().into_iter().collect();
            if left.is_empty() || clock::now_ns() > limit_ns {
                return left;
            }
            if self.runner.is_none() {
                // At once, so that no member can start another in between. Not after the runner
                // was reaped: its number may then belong to somebody else's group.
                signal_group(self.tree.runner(), libc::SIGKILL);
            }
            // Orphans come to us as their parents die: each round sees one generation more.
            for &pid in &left {
                signal(pid, libc::SIGKILL);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn reap(&mut self) {
        for pid in self.tree.roots() {
            if let Ok(Reaped::Ended(status, usage)) = reap(pid) {
                self.usage = sum(self.usage, usage);
                if pid == self.tree.runner() {
                    self.runner = Some(status);
                } else {
                    self.killed += u32::from(status.signal() == Some(libc::SIGKILL));
                }
            }
        }
    }
}

impl Drop for OwnedProcesses {
    fn drop(&mut self) {
        if !self.over {
            self.end_all();
        }
    }
}
