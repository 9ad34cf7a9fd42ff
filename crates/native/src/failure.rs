//! Failures of tasks, counted by kind with one example each.
//!
//! The counts are in shared memory, so that they survive the process in which a task failed.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use maitred_wire::Failure;

use crate::sys::memory;

/// Why a task failed, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fail,
    Memory,
    Exit,
    Crash,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Fail, Self::Memory, Self::Exit, Self::Crash];

    fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Memory => "memory",
            Self::Exit => "exit",
            Self::Crash => "crash",
        }
    }
}

/// What a step says that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

impl Failed {
    pub(crate) fn new(kind: Kind, text: String) -> Self {
        Self { kind, text }
    }
}

/// Failures so far.
#[derive(Debug)]
pub(crate) struct Tally {
    entries: [Entry; Kind::ALL.len()],
}

/// Failures of one kind. The first fills in the example; its length comes last, and is one too
/// large, so that 0 says that it is not complete.
#[derive(Debug)]
struct Entry {
    count: &'static AtomicU64,
    task: &'static AtomicU64,
    /// Plus one; 0: not known.
    step: &'static AtomicU64,
    length: &'static AtomicU64,
    text: &'static [AtomicU64],
}

/// Longer texts are cut.
const TEXT_WORDS: usize = 60;
const ENTRY_WORDS: usize = 4 + TEXT_WORDS;

impl Tally {
    pub(crate) fn new() -> io::Result<Self> {
        let words = memory::shared_u64(Kind::ALL.len() * ENTRY_WORDS)?;
        let entries = std::array::from_fn(|index| {
            let words = &words[index * ENTRY_WORDS..][..ENTRY_WORDS];
            let (head, text) = words.split_at(4);
            Entry { count: &head[0], task: &head[1], step: &head[2], length: &head[3], text }
        });
        Ok(Self { entries })
    }

    /// Counts one more.
    pub(crate) fn count(&self, failed: &Failed, task: u32, step: Option<u32>) {
        let entry = &self.entries[failed.kind as usize];
        if entry.count.fetch_add(1, Relaxed) > 0 {
            return;
        }
        entry.task.store(u64::from(task), Relaxed);
        entry.step.store(step.map_or(0, |step| u64::from(step) + 1), Relaxed);
        let text = &failed.text.as_bytes()[..failed.text.len().min(TEXT_WORDS * 8)];
        for (word, bytes) in entry.text.iter().zip(text.chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(padded), Relaxed);
        }
        entry.length.store(text.len() as u64 + 1, Release);
    }

    /// What there is, most frequent first.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        let kinds = Kind::ALL.into_iter().zip(&self.entries);
        let mut failures: Vec<_> = kinds.filter_map(|(kind, entry)| entry.read(kind)).collect();
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        failures
    }
}

impl Entry {
    fn read(&self, kind: Kind) -> Option<Failure> {
        let count = self.count.load(Relaxed);
        let length = self.length.load(Acquire).saturating_sub(1) as usize;
        let bytes = self.text.iter().flat_map(|word| word.load(Relaxed).to_le_bytes());
        let text: Vec<u8> = bytes.take(length).collect();
        (count > 0).then(|| Failure {
            kind: kind.name().into(),
            text: String::from_utf8_lossy(&text).into_owned(),
            count: count as u32,
            task: self.task.load(Relaxed) as u32,
            step: (self.step.load(Relaxed) as u32).checked_sub(1),
        })
    }
}
