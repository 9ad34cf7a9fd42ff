//! What a worker process has in hand, written where its parent can read it after its death: the
//! task, the tickets it has drawn and not given back, and what it has used of the processor.
//!
//! A process that is killed from outside between drawing a ticket and writing it down takes the
//! ticket with it: a window of a few instructions, which closing would need a lock. A `crash`
//! step cannot fall into it.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use maitred_wire::{Cpu, Used};

use crate::sys::kernel::{self, Who};
use crate::sys::memory;

/// Words before the tickets.
const HEAD: usize = 8;
const TASK: usize = 0;
const DEPTH: usize = 1;
const CPU_AT_START: usize = 2;
const CPU_AT_END: usize = 4;
const FINISHED: usize = 6;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger {
    words: &'static [AtomicU64],
    vars: usize,
}

impl Ledger {
    /// One for each worker, with room for so many variables and tickets.
    pub(crate) fn make(workers: u32, vars: usize, depth: usize) -> io::Result<Vec<Self>> {
        let words = (HEAD + vars + 2 * depth).next_multiple_of(8);
        let all = memory::shared_u64(workers as usize * words)?;
        Ok(all.chunks(words).map(|words| Self { words, vars }).collect())
    }

    /// Makes it that of a new process.
    pub(crate) fn clear(&self) {
        self.words.iter().for_each(|word| word.store(0, Relaxed));
    }

    /// Takes note of the task that begins.
    pub(crate) fn begin(&self, task: u32) {
        self.words[TASK].store(u64::from(task) + 1, Release);
    }

    /// Takes note that no task is under way.
    pub(crate) fn end(&self) {
        self.words[TASK].store(0, Release);
    }

    /// The task under way.
    pub(crate) fn task(&self) -> Option<u32> {
        (self.words[TASK].load(Acquire) as u32).checked_sub(1)
    }

    /// Takes note of a ticket. They are given back in the reverse order.
    pub(crate) fn push(&self, semaphore: u32, ticket: u64) {
        let depth = self.words[DEPTH].load(Relaxed);
        let entry = &self.tickets()[2 * depth as usize..];
        entry[0].store(u64::from(semaphore), Relaxed);
        entry[1].store(ticket, Relaxed);
        self.words[DEPTH].store(depth + 1, Release);
    }

    /// Takes note that the last ticket is used up.
    pub(crate) fn pop(&self) {
        let depth = &self.words[DEPTH];
        depth.store(depth.load(Relaxed) - 1, Release);
    }

    /// Semaphores and tickets that are out.
    pub(crate) fn outstanding(&self) -> Vec<(u32, u64)> {
        let depth = self.words[DEPTH].load(Acquire) as usize;
        let pairs = self.tickets().chunks_exact(2).take(depth);
        pairs.map(|pair| (pair[0].load(Relaxed) as u32, pair[1].load(Relaxed))).collect()
    }

    fn tickets(&self) -> &[AtomicU64] {
        &self.words[HEAD + self.vars..]
    }

    /// Takes note of the processor time before the work.
    pub(crate) fn start_work(&self) {
        self.write_cpu(CPU_AT_START);
    }

    /// Takes note of the processor time after the work, and of the variables.
    pub(crate) fn finish_work(&self, vars: impl Iterator<Item = i64>) {
        self.write_cpu(CPU_AT_END);
        for (word, value) in self.words[HEAD..].iter().zip(vars) {
            word.store(value.cast_unsigned(), Relaxed);
        }
        self.words[FINISHED].store(1, Release);
    }

    fn write_cpu(&self, at: usize) {
        let cpu = used_by_this_process();
        self.words[at].store(cpu.user_ns, Relaxed);
        self.words[at + 1].store(cpu.system_ns, Relaxed);
    }

    pub(crate) fn cpu_at_start(&self) -> Cpu {
        self.read_cpu(CPU_AT_START)
    }

    /// The processor time after the work; `None`: the worker did not come to its end.
    pub(crate) fn cpu_at_end(&self) -> Option<Cpu> {
        self.is_finished().then(|| self.read_cpu(CPU_AT_END))
    }

    /// The values that its variables had at its end, if it came to that.
    pub(crate) fn vars(&self) -> Option<Vec<i64>> {
        let values = &self.words[HEAD..HEAD + self.vars];
        let value = |word: &AtomicU64| word.load(Relaxed).cast_signed();
        self.is_finished().then(|| values.iter().map(value).collect())
    }

    fn is_finished(&self) -> bool {
        self.words[FINISHED].load(Acquire) != 0
    }

    fn read_cpu(&self, at: usize) -> Cpu {
        Cpu { user_ns: self.words[at].load(Relaxed), system_ns: self.words[at + 1].load(Relaxed) }
    }
}

/// Of this process and of its children that have ended.
pub(crate) fn used_by_this_process() -> Cpu {
    let used = used();
    Cpu { user_ns: used.user_ns, system_ns: used.system_ns }
}

/// The same, and switches and faults.
pub(crate) fn used() -> Used {
    let [own, children] = [Who::Process, Who::Children].map(kernel::usage);
    Used {
        user_ns: own.cpu.user_ns + children.cpu.user_ns,
        system_ns: own.cpu.system_ns + children.cpu.system_ns,
        voluntary: u64::from(own.voluntary) + u64::from(children.voluntary),
        involuntary: u64::from(own.involuntary) + u64::from(children.involuntary),
        major_faults: u64::from(own.major_faults) + u64::from(children.major_faults),
    }
}

/// What was used in between.
pub(crate) fn used_since(before: Used) -> Used {
    let now = used();
    Used {
        user_ns: now.user_ns.saturating_sub(before.user_ns),
        system_ns: now.system_ns.saturating_sub(before.system_ns),
        voluntary: now.voluntary.saturating_sub(before.voluntary),
        involuntary: now.involuntary.saturating_sub(before.involuntary),
        major_faults: now.major_faults.saturating_sub(before.major_faults),
    }
}
