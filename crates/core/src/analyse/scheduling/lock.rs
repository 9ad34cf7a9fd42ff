//! Waiting for the lock of an interpreter, inferred: a thread that computes does not wait for much
//! else. What that is based on stands beside the figure, see [`LockWait`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::states::{State, Timelines, union};
use crate::result::LockWait;
use crate::trace::{Scheduling, Span};

/// When at least one thread of a process was on a processor, or was preempted and may have kept
/// what it held.
#[derive(Debug)]
struct Activity {
    /// By start; disjoint.
    times: Vec<(u64, u64)>,
    /// The length of all times before each.
    before: Vec<u64>,
}

impl Activity {
    fn of_process(pid: u32, scheduling: &Scheduling, timelines: &Timelines) -> Self {
        let mut times = Vec::new();
        for (number, thread) in scheduling.threads.iter().enumerate() {
            let slices = timelines.slices(number);
            let (Some(first), Some(last), true) =
                (slices.first(), slices.last(), thread.pid == pid)
            else {
                continue;
            };
            timelines.walk(number, first.start_ns, last.end_ns, |state, from, to| {
                if matches!(state, State::Running | State::Runnable) {
                    times.push((from, to));
                }
            });
        }
        let times = union(times);
        let mut sum = 0;
        let before = times
            .iter()
            .map(|(from, to)| {
                sum += to - from;
                sum - (to - from)
            })
            .collect();
        Self { times, before }
    }

    /// How much of it lies before this time.
    fn until(&self, ns: u64) -> u64 {
        let begun = self.times.partition_point(|time| time.0 <= ns);
        let Some(last) = begun.checked_sub(1) else { return 0 };
        let (from, to) = self.times[last];
        self.before[last] + (ns.min(to) - from)
    }

    fn within(&self, from: u64, to: u64) -> u64 {
        self.until(to) - self.until(from)
    }
}

/// Of these spans, each with the number of its thread: blocked while another thread of the process
/// was active.
pub(super) fn wait<'a>(
    spans: impl Iterator<Item = (&'a Span, usize)>,
    scheduling: &Scheduling,
    timelines: &Timelines,
    wakeups: &[Option<u64>],
) -> Option<LockWait> {
    let mut processes: BTreeMap<u32, Activity> = BTreeMap::new();
    let mut of_threads: BTreeMap<usize, u64> = BTreeMap::new();
    let mut of_ns = 0_u64;
    for (span, thread) in spans {
        let pid = scheduling.threads.get(thread)?.pid;
        let activity = processes
            .entry(pid)
            .or_insert_with(|| Activity::of_process(pid, scheduling, timelines));
        of_ns = of_ns.saturating_add(span.end_ns - span.start_ns);
        let sum = of_threads.entry(thread).or_default();
        timelines.walk(thread, span.start_ns, span.end_ns, |state, from, to| {
            if state == State::Blocked {
                *sum = sum.saturating_add(activity.within(from, to));
            }
        });
    }
    if of_ns == 0 {
        return None;
    }
    let without_wakeup = of_threads.iter().map(|(&thread, &ns)| {
        let wakeup = wakeups.get(thread).copied().flatten();
        // Who did not wait at all did not wake up from it either.
        if ns == 0 { Some(0) } else { Some(ns.saturating_sub(wakeup?)) }
    });
    Some(LockWait {
        of_ns,
        at_most_ns: of_threads.values().fold(0, |sum, ns| sum.saturating_add(*ns)),
        without_wakeup_ns: without_wakeup.sum(),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::trace::{Slice, SliceEnd, Thread};

    fn slice(thread: u32, start_ns: u64, end_ns: u64, end: SliceEnd) -> Slice {
        Slice { start_ns, end_ns, thread, cpu: 0, end }
    }

    /// Thread 0 computes until 10, is blocked until 50 and computes on; meanwhile thread 1 is on
    /// the processor from 12 to 20 and preempted until 25; from 30 to 40 another process is.
    fn scheduling() -> Scheduling {
        Scheduling {
            threads: [1, 1, 2].map(|pid| Thread { pid, ..Thread::default() }).to_vec(),
            slices: vec![
                slice(0, 0, 10, SliceEnd::Blocked),
                slice(1, 12, 20, SliceEnd::Preempted),
                slice(1, 25, 26, SliceEnd::Blocked),
                slice(2, 30, 40, SliceEnd::Blocked),
                slice(0, 50, 60, SliceEnd::Exited),
            ],
            ..Scheduling::default()
        }
    }

    fn waited(wakeup: Option<u64>) -> Option<LockWait> {
        let scheduling = scheduling();
        let span = Span { task: 0, step: 0, lane: 0, start_ns: 0, end_ns: 60 };
        let timelines = Timelines::new(&scheduling);
        wait([(&span, 0)].into_iter(), &scheduling, &timelines, &[wakeup, None, None])
    }

    #[test]
    fn only_while_another_thread_of_the_process_is_active() {
        let expected = LockWait { of_ns: 60, at_most_ns: 14, without_wakeup_ns: Some(11) };
        assert_eq!(waited(Some(3)), Some(expected));
    }

    #[test]
    fn without_the_kernels_figure_waking_up_cannot_be_taken_off() {
        assert_eq!(waited(None).unwrap().without_wakeup_ns, None);
        assert_eq!(waited(Some(100)).unwrap().without_wakeup_ns, Some(0));
    }
}
