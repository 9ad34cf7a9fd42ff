//! Peak memory of a tree of processes, by sampling.
//!
//! A process's *proportional set size* (PSS) counts a page that `n` processes share as 1/n in each,
//! so that the sum over processes is what they take together: neither the resident sizes (which
//! count shared pages once a process) nor the largest single process say that. Taken from
//! /proc/PID/smaps_rollup (proc_pid_smaps(5)): anonymous + file pages + what is swapped out.
//!
//! Shared memory counts as far as it exceeds the trace and columns files, which are memory of the
//! instrument. That is a lower bound: pages of the trace that `maitred` or nobody has mapped make
//! it too small by their size. Text of the native runner is shared with `maitred` itself, which
//! runs the same binary, and so counts half. Kernel memory (stacks, page tables) is not in it.

use std::fs;
use std::io;

use maitred_core::trace::{Observed, PeakMemory};
use maitred_kernel::page_bytes;

use super::tree::Tree;
use super::{clock, procfs, sys};

/// The sampler may take 1/100 of a core.
const REST_PER_COST: u64 = 100;
/// More often than this a sample costs the runner more, through its memory lock, than it tells.
const SHORTEST_REST_NS: u64 = 20_000_000;

/// Takes samples at a pace that it can afford, and remembers the largest.
#[derive(Debug)]
pub(crate) struct Sampler {
    peak: PeakMemory,
    pace: Pace,
    next_ns: u64,
    unreadable: Option<String>,
}

/// How far a sampler is, for that of the next run of the same work by the same runner: very short
/// runs cannot afford a sample each, and the last one that was taken stands for theirs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    last: Option<PeakMemory>,
    due_ns: u64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::at(Pace::default())
    }
}

impl Sampler {
    /// Goes on at this pace.
    pub(crate) fn at(pace: Pace) -> Self {
        let peak = PeakMemory { bytes: 0, samples: 0, processes: 0 };
        Self { peak, pace, next_ns: pace.due_ns, unreadable: None }
    }

    /// Where the next one may go on.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Whether a sample is affordable again.
    pub(crate) fn is_due(&self) -> bool {
        clock::now_ns() >= self.pace.due_ns
    }

    /// Takes none for a moment, in which short work comes to its end undisturbed.
    pub(crate) fn hold_off(&mut self) {
        self.next_ns = self.pace.due_ns.max(clock::now_ns() + SHORTEST_REST_NS);
    }

    /// When the next sample is due, in nanoseconds of the clock.
    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Adds up the tree now, whether it is due or not. `members` is asked for the processes, its
    /// cost included in the pace; `instrument_bytes` is the memory of our files. Gives the sum.
    pub(crate) fn sample(
        &mut self,
        members: impl FnOnce() -> Vec<u32>,
        instrument_bytes: u64,
    ) -> u64 {
        let began = sys::thread_cpu_ns();
        let mut sum = Shares::default();
        for pid in members() {
            match shares(pid) {
                Ok(shares) => sum.add(shares),
                Err(error) if is_gone(&error) => {}
                Err(error) => {
                    self.unreadable =
                        Some(format!("cannot read the memory of process {pid}: {error}"));
                }
            }
        }
        let bytes = sum.own + sum.shared.saturating_sub(instrument_bytes);
        if sum.processes > 0 {
            self.peak.bytes = self.peak.bytes.max(bytes);
            self.peak.processes = self.peak.processes.max(sum.processes);
            self.peak.samples += 1;
            let processes = sum.processes;
            self.pace.last = Some(PeakMemory { bytes, samples: 1, processes });
        }
        let rest = (sys::thread_cpu_ns() - began).saturating_mul(REST_PER_COST);
        self.pace.due_ns = clock::now_ns() + rest.max(SHORTEST_REST_NS);
        self.next_ns = self.pace.due_ns;
        bytes
    }

    /// The largest sum that was seen.
    pub(crate) fn result(self) -> Observed<PeakMemory> {
        if let Some(why) = self.unreadable {
            return Observed::Unknown(why);
        }
        let seen = Some(self.peak).filter(|peak| peak.samples > 0).or(self.pace.last);
        let ended = || "the runner ended before its memory could be read".into();
        seen.map_or_else(|| Observed::Unknown(ended()), Observed::Known)
    }
}

/// PSS of one process or several, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    /// Anonymous and file pages, and swap.
    own: u64,
    /// Shared memory.
    shared: u64,
    processes: u32,
}

impl Shares {
    fn add(&mut self, other: Self) {
        self.own += other.own;
        self.shared += other.shared;
        self.processes += other.processes;
    }
}

fn shares(pid: u32) -> io::Result<Shares> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kib = |name| {
        procfs::field_number::<u64>(&text, name)
            .map(|kib| kib << 10)
            .ok_or_else(|| io::Error::other(format!("no `{name}` in smaps_rollup (Linux 5.4)")))
    };
    Ok(Shares {
        own: kib("Pss_Anon:")? + kib("Pss_File:")? + kib("SwapPss:")?,
        shared: kib("Pss_Shmem:")?,
        processes: 1,
    })
}

/// A process that ended, reaped (ENOENT) or not (ESRCH), has no memory.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Watches that a tree does not take more than it may, every few milliseconds. RLIMIT_AS and
/// RLIMIT_DATA would do it for nothing, but they count address space: the stacks of 10,000 idle
/// threads are 20 GiB of that.
#[derive(Debug)]
pub(crate) struct Ceiling {
    limit_bytes: u64,
    members: Vec<u32>,
    next_ns: u64,
    members_until_ns: u64,
    next_exact_ns: u64,
}

/// How often the ceiling is looked at.
const CEILING_REST_NS: u64 = 5_000_000;
/// Looking for new processes, and taking an exact sample, may take 1/20 of a core each.
const CEILING_REST_PER_COST: u64 = 20;

impl Ceiling {
    /// So many bytes at most.
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, members: Vec::new(), next_ns: 0, members_until_ns: 0, next_exact_ns: 0 }
    }

    /// When to look next, in nanoseconds of the clock.
    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Gives what the tree takes if that is too much. The cheap figure is never below the exact
    /// one, so only when it is too high the exact one is taken, and only that counts: processes
    /// that share memory are not ended for having it twice.
    pub(crate) fn exceeded(
        &mut self,
        tree: &Tree,
        sampler: &mut Sampler,
        instrument_bytes: u64,
    ) -> Option<u64> {
        let now_ns = clock::now_ns();
        self.next_ns = now_ns + CEILING_REST_NS;
        if now_ns >= self.members_until_ns {
            self.members = tree.members();
            self.members_until_ns = after_rest(now_ns);
        }
        if resident_bytes(&self.members) <= self.limit_bytes || now_ns < self.next_exact_ns {
            return None;
        }
        let began_ns = clock::now_ns();
        let bytes = sampler.sample(|| tree.members(), instrument_bytes);
        self.next_exact_ns = after_rest(began_ns);
        (bytes > self.limit_bytes).then_some(bytes)
    }
}

/// The end of the rest that follows on work that began then and ends now.
fn after_rest(began_ns: u64) -> u64 {
    let now_ns = clock::now_ns();
    now_ns + now_ns.saturating_sub(began_ns).saturating_mul(CEILING_REST_PER_COST)
}

/// The sum of the resident sizes, from /proc/PID/statm: cheap, and never below the sum that
/// [`Sampler::sample`] gives (but for swap), so that it tells when that is worth taking.
fn resident_bytes(members: &[u32]) -> u64 {
    members
        .iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/statm")).ok())
        .filter_map(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map(|pages| pages * page_bytes())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_never_below_the_proportional_one() {
        let me = std::process::id();
        let proportional = Sampler::default().sample(|| vec![me], 0);
        assert!(proportional > 0);
        // Other tests of this process allocate at the same time: half is room enough for them.
        assert!(resident_bytes(&[me]) > proportional / 2);
    }

    #[test]
    fn a_tree_that_is_gone_is_unknown_and_not_zero() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut sampler = Sampler::default();
        child.wait().unwrap();
        sampler.sample(|| vec![child.id()], 0);
        assert!(sampler.result().known().is_none());
    }

    #[test]
    fn the_next_sample_is_not_due_at_once() {
        let mut sampler = Sampler::default();
        assert!(sampler.is_due());
        sampler.sample(|| vec![std::process::id()], 0);
        assert!(sampler.next_ns() >= sampler.pace.due_ns && sampler.pace.due_ns > 0);
    }

    #[test]
    fn the_last_sample_stands_for_a_run_that_had_none() {
        let mut first = Sampler::default();
        let seen = first.sample(|| vec![std::process::id()], 0);
        first.peak.bytes += 1;
        let mut second = Sampler::at(first.pace());
        second.hold_off();
        assert!(second.next_ns() >= first.pace().due_ns);
        let found = second.result().known().map(|peak| (peak.bytes, peak.samples));
        assert_eq!(found, Some((seen, 1)), "the last one, not the largest of another run");
        assert!(Sampler::at(Pace::default()).result().known().is_none());
    }
}
