//! What the scheduler did with each thread, and what its switches do not show.

use alloc::vec::Vec;

use super::states::{State, Timelines};
use crate::result::ThreadFigures;
use crate::trace::{Scheduling, Source};

/// So many threads are kept by name, the busiest.
const KEPT: usize = 100;

/// By number of thread: how long it was awake again but not yet on a processor, nanoseconds:
/// what the kernel counted as waiting for a processor, minus what followed on preemptions and on
/// its start. `None`: the kernel's figure is missing, or some of its switches are.
pub(super) fn wakeups(scheduling: &Scheduling, timelines: &Timelines) -> Vec<Option<u64>> {
    let one = |(number, thread): (usize, &crate::trace::Thread)| {
        let delay_ns = thread.run_delay_ns?;
        let slices = timelines.slices(number);
        let last = slices.last()?;
        let until = match thread.counted_ns {
            0 => last.end_ns,
            counted => counted.min(last.end_ns),
        };
        let begin = thread.start_ns.min(slices[0].start_ns);
        let (mut ready, mut is_whole) = (0_u64, true);
        timelines.walk(number, begin, until, |state, from, to| match state {
            State::Runnable => ready += to - from,
            State::Unknown => is_whole &= from < slices[0].start_ns,
            State::Running | State::Blocked => {}
        });
        is_whole.then(|| delay_ns.saturating_sub(ready))
    };
    scheduling.threads.iter().enumerate().map(one).collect()
}

/// The figures of the threads that ran, the busiest first, and how many were left out.
pub(super) fn figures(
    scheduling: &Scheduling,
    timelines: &Timelines,
    wakeups: &[Option<u64>],
) -> (Vec<ThreadFigures>, u32) {
    let is_sampled = scheduling.source != Source::Switches;
    let mut figures: Vec<ThreadFigures> = scheduling
        .threads
        .iter()
        .enumerate()
        .filter(|(number, thread)| thread.cpu_ns.is_some() || !timelines.slices(*number).is_empty())
        .map(|(number, thread)| {
            let slices = timelines.slices(number);
            let end = slices.last().map_or(thread.start_ns, |slice| slice.end_ns);
            let split = timelines.split(number, thread.start_ns, end.max(thread.end_ns));
            // The kernel's totals are exact where the slices are samples.
            let exact = |total: Option<u64>, own: u64| match is_sampled {
                true => total.unwrap_or(own),
                false => own,
            };
            ThreadFigures {
                pid: thread.pid,
                tid: thread.tid,
                name: thread.name.clone(),
                running_ns: exact(thread.cpu_ns, split.running_ns),
                runnable_ns: exact(thread.run_delay_ns, split.runnable_ns),
                wakeup_ns: wakeups.get(number).copied().flatten(),
                voluntary: thread.voluntary,
                involuntary: thread.involuntary,
                migrations: thread.migrations,
            }
        })
        .collect();
    figures.sort_by_key(|one| core::cmp::Reverse(one.running_ns));
    let left_out = figures.len().saturating_sub(KEPT);
    figures.truncate(KEPT);
    (figures, u32::try_from(left_out).unwrap_or(u32::MAX))
}
