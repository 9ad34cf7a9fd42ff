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
    /// A function of the program's own panicked.
    Panic,
    /// The name of a server has no address.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No connection, for another reason.
    Connect,
    /// No connection or no whole answer in time.
    Timeout,
    /// The connection ended before the answer did.
    Lost,
    /// What came back is not HTTP.
    BadAnswer,
    /// It was pointed on too often, or to no address.
    Redirect,
    /// An answer from 400 to 599.
    Status(u16),
}

impl Kind {
    /// Those before the statuses.
    const PLAIN: [Self; 12] = [
        Self::Fail,
        Self::Memory,
        Self::Exit,
        Self::Crash,
        Self::Panic,
        Self::Dns,
        Self::Refused,
        Self::Connect,
        Self::Timeout,
        Self::Lost,
        Self::BadAnswer,
        Self::Redirect,
    ];
    const STATUS_MIN: u16 = 400;
    const COUNT: usize = Self::PLAIN.len() + 200;

    fn all() -> impl Iterator<Item = Self> {
        let statuses = Self::STATUS_MIN..Self::STATUS_MIN + 200;
        Self::PLAIN.into_iter().chain(statuses.map(Self::Status))
    }

    /// Its place among [`Kind::all`].
    fn index(self) -> usize {
        match self {
            Self::Status(status) => {
                Self::PLAIN.len() + usize::from(status.clamp(400, 599) - Self::STATUS_MIN)
            }
            plain => Self::PLAIN.iter().position(|&one| one == plain).expect("all are listed"),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Fail => "fail",
            Self::Memory => "memory",
            Self::Exit => "exit",
            Self::Crash => "crash",
            Self::Panic => "panic",
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::BadAnswer => "bad-answer",
            Self::Redirect => "redirect",
            Self::Status(status) => return format!("status-{status}"),
        }
        .into()
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
    /// By [`Kind::index`]. Those never counted cost no memory: the counts of all lie together, and
    /// nothing touches the pages of the rest.
    entries: Vec<FailureCount>,
    /// Requests sent again because a kept connection was closed before its answer.
    reconnects: &'static AtomicU64,
    /// Answers by status, from [`STATUS_MIN`] on.
    answers: &'static [AtomicU64],
}

const STATUS_MIN: u16 = 100;
const STATUSES: usize = 500;

/// Failures of one kind. The first fills in the example; its length comes last, and is one too
/// large, so that 0 says that it is not complete.
#[derive(Debug)]
struct FailureCount {
    count: &'static AtomicU64,
    task: &'static AtomicU64,
    /// Plus one; 0: not known.
    step: &'static AtomicU64,
    length: &'static AtomicU64,
    text: &'static [AtomicU64],
}

/// Longer texts are cut.
const TEXT_WORDS: usize = 60;
const EXAMPLE_WORDS: usize = 3 + TEXT_WORDS;

impl Tally {
    pub(crate) fn new() -> io::Result<Self> {
        let words = memory::shared_u64(1 + STATUSES + Kind::COUNT * (1 + EXAMPLE_WORDS))?;
        let (reconnects, words) = words.split_first().expect("it has one more");
        let (answers, words) = words.split_at(STATUSES);
        let (counts, examples) = words.split_at(Kind::COUNT);
        let entry = |(count, example): (&'static AtomicU64, &'static [AtomicU64])| {
            let (head, text) = example.split_at(3);
            FailureCount { count, task: &head[0], step: &head[1], length: &head[2], text }
        };
        Ok(Self {
            entries: counts.iter().zip(examples.chunks_exact(EXAMPLE_WORDS)).map(entry).collect(),
            reconnects,
            answers,
        })
    }

    /// Whether nothing has failed.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.count.load(Relaxed) == 0)
    }

    /// Counts one more.
    pub(crate) fn count(&self, failed: &Failed, task: u32, step: Option<u32>) {
        let entry = &self.entries[failed.kind.index()];
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

    /// Counts the answer to a request, if there was one.
    #[inline]
    pub(crate) fn count_answer(&self, sent: &Result<u16, Failed>) {
        let status = match sent {
            Ok(status) | Err(Failed { kind: Kind::Status(status), .. }) => *status,
            Err(_) => return,
        };
        if let Some(count) = self.answers.get(usize::from(status.wrapping_sub(STATUS_MIN))) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// How many answers had which status.
    pub(crate) fn answers(&self) -> Vec<(u16, u64)> {
        let counts = (STATUS_MIN..).zip(self.answers.iter().map(|count| count.load(Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Counts so many more requests that were sent again.
    #[inline]
    pub(crate) fn count_reconnects(&self, count: u64) {
        if count > 0 {
            self.reconnects.fetch_add(count, Relaxed);
        }
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects.load(Relaxed)
    }

    /// What there is, most frequent first.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        let kinds = Kind::all().zip(&self.entries);
        let mut failures: Vec<_> = kinds.filter_map(|(kind, entry)| entry.read(kind)).collect();
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        failures
    }
}

impl FailureCount {
    fn read(&self, kind: Kind) -> Option<Failure> {
        let count = Some(self.count.load(Relaxed)).filter(|&count| count > 0)?;
        let length = self.length.load(Acquire).saturating_sub(1) as usize;
        let bytes = self.text.iter().flat_map(|word| word.load(Relaxed).to_le_bytes());
        let text: Vec<u8> = bytes.take(length).collect();
        Some(Failure {
            kind: kind.name(),
            text: String::from_utf8_lossy(&text).into_owned(),
            count: count as u32,
            task: self.task.load(Relaxed) as u32,
            step: (self.step.load(Relaxed) as u32).checked_sub(1),
        })
    }
}
