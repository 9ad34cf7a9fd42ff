//! What the kernel's scheduler did with every thread of a run: who was on which processor when.
//! The main type is [`Scheduling`].

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::waits::Waits;

/// The scheduler's record of all threads of the runner's process tree. Serialized without what
/// comes by the million.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scheduling {
    pub source: Source,
    /// The numbers of the processors that the tree could use, in order.
    pub cpus: Vec<u16>,
    /// In the order in which they were first seen.
    #[serde(skip)]
    pub threads: Vec<Thread>,
    /// Sorted by start; slices of one thread never overlap, nor do slices of one processor.
    #[serde(skip)]
    pub slices: Vec<Slice>,
    /// Number of records that the kernel delivered.
    pub records: u64,
    /// The same by kind; they add up to `records`.
    #[serde(default)]
    pub kinds: Kinds,
    /// Number of records that the kernel had to throw away because its ring was full.
    pub lost: u64,
    /// When records were lost, by start: whoever was not on a processor then may have been.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Processor time that reading the records took, nanoseconds; `None`: it was not measured.
    #[serde(default)]
    pub reader_cpu_ns: Option<u64>,
    /// For what threads waited, as far as looks at them saw; `None`: nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// What this record lacks and why, and what to do about it, as lowercase sentences: that the
    /// kernel refused to record switches, that a record grew too long. Empty: it lacks nothing.
    pub missing: Vec<String>,
}

impl Scheduling {
    /// The facts alone, without what comes by the million.
    pub fn without_records(&self) -> Self {
        Self {
            source: self.source,
            cpus: self.cpus.clone(),
            threads: Vec::new(),
            slices: Vec::new(),
            records: self.records,
            kinds: self.kinds,
            lost: self.lost,
            gaps: self.gaps.clone(),
            reader_cpu_ns: self.reader_cpu_ns,
            waits: self.waits.clone(),
            missing: self.missing.clone(),
        }
    }
}

/// How many records of each kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinds {
    /// A thread came onto a processor.
    pub came: u64,
    /// A thread left one.
    pub left: u64,
    /// A thread or process was started.
    pub forks: u64,
    /// One ended.
    pub exits: u64,
    /// One got another name by exec, and by asking for it.
    pub execs: u64,
    pub renames: u64,
    /// What this version does not know.
    pub others: u64,
}

impl Kinds {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { came, left, forks, exits, execs, renames, others } = *self;
        [came, left, forks, exits, execs, renames, others].into_iter().fold(0, u64::saturating_add)
    }
}

/// A time in which records of one processor were lost. CLOCK_MONOTONIC nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Of the last record before it.
    pub start_ns: u64,
    /// Of the first record after it.
    pub end_ns: u64,
    pub cpu: u16,
}

/// How the slices came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Every switch, as the kernel recorded it: perf_event_open(2) with `context_switch`.
    #[default]
    Switches,
    /// Totals are exact, slices are samples, taken about every so many nanoseconds:
    /// `/proc/PID/task/TID/schedstat`.
    Samples { every_ns: u64 },
}

/// One thread that the kernel ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thread {
    pub pid: u32,
    pub tid: u32,
    /// Its name in the kernel (`comm`).
    pub name: String,
    /// The thread that started it, an index into [`Scheduling::threads`]; `None`: the runner's
    /// first thread, or it is not known.
    pub parent: Option<u32>,
    /// When it was first seen and when it ended, CLOCK_MONOTONIC nanoseconds; 0: it had not.
    pub start_ns: u64,
    pub end_ns: u64,
    /// Its run-queue wait, from its start to `counted_ns`, as the kernel counted it (`schedstat`),
    /// nanoseconds; `None`: nobody could read it before it ended.
    pub run_delay_ns: Option<u64>,
    /// Time that it was on a processor, as the kernel counted it by another way than the slices
    /// (`schedstat`), nanoseconds, from its start to `counted_ns`; `None`: nobody looked in time.
    pub cpu_ns: Option<u64>,
    /// When the two figures before were read; 0: never, or just before the thread ended.
    pub counted_ns: u64,
    /// Voluntary and involuntary context switches. Complete even where slices were left out;
    /// `None`: not known.
    pub voluntary: Option<u64>,
    pub involuntary: Option<u64>,
    /// CPU migrations; `None`: not known.
    pub migrations: Option<u64>,
}

/// One thread on one processor without a break. Times are CLOCK_MONOTONIC nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    pub start_ns: u64,
    pub end_ns: u64,
    /// Index into [`Scheduling::threads`].
    pub thread: u32,
    /// The number of the processor.
    pub cpu: u16,
    pub end: SliceEnd,
}

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceEnd {
    /// The thread had to wait for something: a voluntary context switch.
    Blocked,
    /// The kernel took the processor away, an involuntary context switch: the thread is runnable.
    Preempted,
    /// The thread ended.
    Exited,
    /// The record ends, or was lost, before the slice did.
    Unknown,
}
