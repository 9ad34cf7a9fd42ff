//! Ends every process that descends from this one: asks it to end, and kills what does not.
//!
//! The runner is a subreaper: a descendant whose parent dies becomes a child of the runner, so
//! none can get out of sight. It walks `/proc` until it finds nobody.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use maitred_kernel::{procfs, signal};

use crate::sys::process;

/// What a process that was asked to end may take to clean up.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

/// Ends them all. A process that forks while it is being looked for is found in the next round.
pub(crate) fn end() {
    let asked = list(std::process::id());
    for &pid in &asked {
        signal(pid, libc::SIGTERM);
    }
    let began = Instant::now();
    while !asked.is_empty() && began.elapsed() < PATIENCE && !list(std::process::id()).is_empty() {
        while process::reap(None, false).is_some() {}
        std::thread::sleep(PAUSE);
    }
    kill();
}

fn kill() {
    const ROUNDS: u32 = 100;
    for _ in 0..ROUNDS {
        let found = list(std::process::id());
        if !found.into_iter().any(|pid| signal(pid, libc::SIGKILL)) {
            return;
        }
        while process::reap(None, false).is_some() {}
        std::thread::yield_now();
    }
}

/// The descendants of a process that are alive.
fn list(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some((pid, parent)) = pid.and_then(|pid| Some((pid, living_parent(pid)?))) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (HashSet::new(), vec![root]);
    while let Some(parent) = next.pop() {
        for &child in children.get(&parent).into_iter().flatten() {
            if found.insert(child) {
                next.push(child);
            }
        }
    }
    found.into_iter().collect()
}

/// The parent of a process that is not dead already: proc_pid_stat(5).
fn living_parent(pid: u32) -> Option<u32> {
    let stat = procfs::text(&format!("/proc/{pid}/stat"))?;
    let mut words = procfs::stat_words(&stat);
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}
