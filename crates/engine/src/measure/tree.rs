//! Who belongs to a run: the runner, everything below it, and the orphans that its dead left to
//! us; nobody whom the program that hosts us starts meanwhile. The main type is [`Tree`]. It only looks; ending the tree is [`crate::runtime`]'s.

use std::collections::HashMap;
use std::fs;
use std::io;

use super::{mark, procfs};

/// Above this number of threads one look at every process is cheaper than one at every thread.
const THREADS_WORTH_ASKING: usize = 32;

/// The processes of one run.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    runner: u32,
    /// Children of ours that are none of the run's.
    others: Vec<u32>,
}

impl Tree {
    /// Our children before the runner was started, to be told from those that come by adoption.
    pub(crate) fn children_of_ours() -> Vec<u32> {
        children(std::process::id())
    }

    /// The tree of a runner; `others` are [`Self::children_of_ours`] from before its start.
    pub(crate) fn new(runner: u32, others: Vec<u32>) -> Self {
        Self { runner, others }
    }

    /// The process id of the runner.
    pub(crate) fn runner(&self) -> u32 {
        self.runner
    }

    /// Children of ours that are of the run: the runner, until it is reaped, and orphans.
    pub(crate) fn roots(&self) -> Vec<u32> {
        let mut roots = children(std::process::id());
        let is_of_run = |pid| pid == self.runner || self.is_orphan_of_run(pid);
        roots.retain(|pid| !self.others.contains(pid) && is_of_run(*pid));
        roots
    }

    /// Whether a new child of ours was left to us by the run, and not started by the program that
    /// hosts us: that leaves it in our process group, or does not mark its environment. Of what has
    /// ended, or has no environment at all, this cannot be seen: it is taken for the run's.
    fn is_orphan_of_run(&self, pid: u32) -> bool {
        // Field 5 of proc_pid_stat(5).
        let group = |pid: &str| {
            let stat = procfs::text(&format!("/proc/{pid}/stat"))?;
            procfs::stat_words(&stat).nth(2)?.parse::<u32>().ok()
        };
        let own = group(&pid.to_string());
        if own == Some(self.runner) {
            return true;
        }
        if own.is_none() || own == group("self") {
            return false;
        }
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut pairs = environment.split(|&byte| byte == 0);
        environment.is_empty() || pairs.any(|pair| mark::is_marked(pair, std::process::id()))
    }

    /// All processes of the run, those that have ended but were not waited for included. A
    /// process that is born during the look may be missed.
    pub(crate) fn members(&self) -> Vec<u32> {
        with_descendants(&self.roots())
    }
}

/// These processes and all below them.
pub(crate) fn with_descendants(roots: &[u32]) -> Vec<u32> {
    let mut members = roots.to_vec();
    let mut next = 0;
    while next < members.len() {
        match children_by_thread(members[next]) {
            Ok(Some(children)) => members.extend(children),
            Ok(None) => return descendants_by_parent(roots.to_vec()),
            // It is gone, and its children are ours by now: the next look sees them.
            Err(_) => {}
        }
        next += 1;
    }
    members
}

fn children(pid: u32) -> Vec<u32> {
    match children_by_thread(pid) {
        Ok(Some(children)) => children,
        _ => {
            let mut parents = parents();
            parents.retain(|&(_, parent)| parent == pid);
            parents.into_iter().map(|(child, _)| child).collect()
        }
    }
}

/// From /proc/PID/task/TID/children (proc_tid_children(5)); `None` where the kernel has no such
/// file or there are too many threads to ask each.
fn children_by_thread(pid: u32) -> io::Result<Option<Vec<u32>>> {
    let threads: Vec<_> = fs::read_dir(format!("/proc/{pid}/task"))?
        .filter_map(Result::ok)
        .take(THREADS_WORTH_ASKING + 1)
        .collect();
    if threads.len() > THREADS_WORTH_ASKING {
        return Ok(None);
    }
    let mut found = Vec::new();
    for thread in threads {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => {
                found.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
            // The thread ended; or the kernel was built without CONFIG_PROC_CHILDREN.
            Err(_) if !thread.path().exists() => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// The roots and all below them, from one look at every process of the machine.
fn descendants_by_parent(roots: Vec<u32>) -> Vec<u32> {
    let mut by_parent: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in parents() {
        by_parent.entry(parent).or_default().push(pid);
    }
    let mut members = roots;
    let mut next = 0;
    while next < members.len() {
        members.extend(by_parent.remove(&members[next]).unwrap_or_default());
        next += 1;
    }
    members
}

/// Every process of the machine with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| {
            let stat = procfs::text(&format!("/proc/{pid}/stat"))?;
            Some((pid, procfs::stat_words(&stat).nth(1)?.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_looking_see_the_same_children() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let me = std::process::id();
        let by_thread = children_by_thread(me).unwrap();
        let by_parent = descendants_by_parent(vec![me]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(by_parent.contains(&child.id()));
        assert!(by_thread.is_none_or(|children| children.contains(&child.id())));
        assert!(!Tree::children_of_ours().contains(&child.id()));
    }

    #[test]
    fn the_name_of_a_program_cannot_forge_its_parent() {
        let stat = "77 (a) R 1 (b)) S 42 77 77 0";
        assert_eq!(procfs::stat_words(stat).nth(1), Some("42"));
    }
}
