//! What the threads of a run did, as the kernel's scheduler saw it. The main type is [`Shares`].

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::trace::{Source, StepKind, WaitCause};

/// What the threads did while they executed steps, as the kernel's scheduler saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Whether every switch was recorded or samples were taken.
    pub source: Source,
    /// Whether the interpreter had a global lock; `None`: there is no interpreter.
    pub gil: Option<bool>,
    /// Over all steps of `steps`.
    pub total: Split,
    /// By kind of step; without steps that a loop goes on without, and those that hold others. A
    /// `run` step is what the threads of its command did.
    pub steps: Vec<StepSplit>,
    /// By number of threads, from none: the share of the work in which so many were running.
    #[serde(alias = "at_once")]
    pub running_threads: Vec<f64>,
    /// Time in which a thread was awake again but not yet on a processor, all threads together,
    /// nanoseconds: a part of `blocked_ns`, for the switches do not show it. `None`: not known.
    pub wakeup_ns: Option<u64>,
    /// Threads that ran and are not in `wakeup_ns`: they ended before they could be looked at.
    pub wakeup_unread: u32,
    /// The part of computing steps that may have been waiting for the lock of the interpreter;
    /// `None`: there is no such lock, or nothing can be said of it.
    pub lock: Option<LockWait>,
    /// For what the threads waited while they were blocked in steps; `None`: nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<WaitShares>,
    /// The threads that were on a processor for longest, that one first.
    pub threads: Vec<ThreadFigures>,
    /// How many more there were.
    pub threads_left_out: u32,
    /// Records of the scheduler that were delivered (of samples: how many there were), and that
    /// had no room.
    pub records: u64,
    pub lost: u64,
    /// Recorded time on processors ÷ processor time of the whole tree.
    pub coverage: Option<f64>,
    /// Processor time of reading the records, nanoseconds.
    pub reader_cpu_ns: Option<u64>,
    /// What the record lacks, why, and what would help, as lowercase sentences.
    pub missing: Vec<String>,
}

/// Waiting for the lock of an interpreter, as far as switches show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWait {
    /// All time of the computing steps that was looked at, nanoseconds.
    pub of_ns: u64,
    /// The part of it in which the thread was blocked while another thread of its process was on
    /// a processor or had been preempted. An upper bound: page-ins, locks of the allocator and
    /// output block as well.
    pub at_most_ns: u64,
    /// The same without all waking up of these threads that may have been in it. `None`: not
    /// known of all of them.
    pub without_wakeup_ns: Option<u64>,
}

/// How often threads that were blocked in a step were seen to wait for what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitShares {
    /// The most frequent first.
    pub by: Vec<WaitCount>,
    /// Why the kernel did not let us look; `None`: it did.
    pub refused: Option<String>,
}

/// So many looks saw a thread wait for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitCount {
    #[serde(rename = "for")]
    pub cause: WaitCause,
    pub looks: u64,
}

/// What the kernel did with one thread, from its start to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadFigures {
    pub pid: u32,
    pub tid: u32,
    /// Its name in the kernel (`comm`).
    pub name: String,
    /// On a processor.
    pub running_ns: u64,
    /// Preempted, or just started: its run-queue wait.
    #[serde(alias = "ready_ns")]
    pub runnable_ns: u64,
    /// Awake again, but not yet on a processor; `None`: not known.
    pub wakeup_ns: Option<u64>,
    /// Voluntary context switches; `None`: not known, as the next two.
    pub voluntary: Option<u64>,
    /// Involuntary context switches.
    #[serde(alias = "preempted")]
    pub involuntary: Option<u64>,
    /// CPU migrations.
    pub migrations: Option<u64>,
}

/// A time, divided by what a thread did; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// On a processor.
    pub running_ns: u64,
    /// Runnable, in the run queue of a processor.
    #[serde(alias = "ready_ns")]
    pub runnable_ns: u64,
    /// Runnable, but kept from every processor by the CPU quota of the control group.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub throttled_ns: u64,
    /// Waiting for something else.
    pub blocked_ns: u64,
    /// Not recorded.
    pub unknown_ns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn is_zero(ns: &u64) -> bool {
    *ns == 0
}

impl Split {
    /// All of it, nanoseconds.
    pub fn whole_ns(&self) -> u64 {
        let parts = [self.running_ns, self.runnable_ns, self.throttled_ns, self.blocked_ns];
        parts.into_iter().fold(self.unknown_ns, u64::saturating_add)
    }

    /// The same with so much of what was runnable put down to the quota, as far as there is so much.
    pub(crate) fn with_throttled(self, ns: u64) -> Self {
        let throttled_ns = ns.min(self.runnable_ns);
        Self { runnable_ns: self.runnable_ns - throttled_ns, throttled_ns, ..self }
    }
}

/// The split of one kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSplit {
    pub kind: StepKind,
    #[serde(flatten)]
    pub split: Split,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_under_other_names_is_still_read() {
        let split =
            r#"{"kind": "cpu", "running_ns": 1, "ready_ns": 2, "blocked_ns": 3, "unknown_ns": 4}"#;
        let split: StepSplit = serde_json::from_str(split).unwrap();
        assert_eq!((split.split.runnable_ns, split.split.whole_ns()), (2, 10));
        let thread = r#"{"pid": 1, "tid": 1, "name": "x", "running_ns": 1, "ready_ns": 2, "wakeup_ns": null,
            "voluntary": 3, "preempted": 4, "migrations": 5}"#;
        let thread: ThreadFigures = serde_json::from_str(thread).unwrap();
        assert_eq!((thread.runnable_ns, thread.involuntary), (2, Some(4)));
        let now = serde_json::to_string(&Shares::default()).unwrap();
        assert!(now.contains("running_threads") && !now.contains("at_once"), "{now}");
        let text = now.replace("running_threads", "at_once");
        assert_eq!(serde_json::from_str::<Shares>(&text).unwrap(), Shares::default());
    }
}
