//! What each thread did at any time, from the slices of the scheduler: running, runnable,
//! blocked, or not known. The main type is [`Timelines`].

use alloc::vec;
use alloc::vec::Vec;

use crate::result::Split;
use crate::trace::{Scheduling, Slice, SliceEnd};

/// What a thread did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// On a processor.
    Running,
    /// Preempted, or just started: it waits for a processor.
    Runnable,
    /// It is not recorded.
    Unknown,
    /// It waits for something else, or is awake again and not yet on a processor.
    Blocked,
}

/// The slices of every thread, and when the record has gaps.
#[derive(Debug)]
pub struct Timelines {
    threads: Vec<Timeline>,
    /// By start; disjoint.
    gaps: Vec<(u64, u64)>,
}

#[derive(Debug, Default)]
struct Timeline {
    slices: Vec<Slice>,
    /// When it was started, if that was recorded.
    started_ns: Option<u64>,
    /// 0: it had not ended.
    ended_ns: u64,
}

impl Timelines {
    /// Of all threads, by their number.
    pub fn new(scheduling: &Scheduling) -> Self {
        let mut threads: Vec<Timeline> = scheduling
            .threads
            .iter()
            .map(|thread| Timeline {
                slices: Vec::new(),
                started_ns: thread.parent.is_some().then_some(thread.start_ns),
                ended_ns: thread.end_ns,
            })
            .collect();
        for slice in &scheduling.slices {
            if let Some(timeline) = threads.get_mut(slice.thread as usize) {
                timeline.slices.push(*slice);
            }
        }
        let gaps = scheduling.gaps.iter().map(|gap| (gap.start_ns, gap.end_ns)).collect();
        Self { threads, gaps: union(gaps) }
    }

    /// The slices of one thread, by start.
    pub fn slices(&self, thread: usize) -> &[Slice] {
        self.threads.get(thread).map_or(&[], |timeline| &timeline.slices)
    }

    /// What a thread did between two times, in order: every nanosecond of them is in one call of
    /// `each`. Within a slice it ran; after one it was what the slice's end says until the next
    /// one, unless records were lost meanwhile: it may have run since.
    pub fn walk(
        &self,
        thread: usize,
        start_ns: u64,
        end_ns: u64,
        mut each: impl FnMut(State, u64, u64),
    ) {
        let Some(timeline) = self.threads.get(thread) else {
            if start_ns < end_ns {
                each(State::Unknown, start_ns, end_ns);
            }
            return;
        };
        let slices = &timeline.slices;
        let first = slices.partition_point(|slice| slice.end_ns <= start_ns);
        let mut now = start_ns;
        for index in first..=slices.len() {
            let next = slices.get(index);
            let until = next.map_or(end_ns, |slice| slice.start_ns.min(end_ns));
            if now < until {
                let before = index.checked_sub(1).map(|before| slices[before]);
                self.off(timeline, before, next, (now, until), &mut each);
                now = until;
            }
            let Some(slice) = next.filter(|_| now < end_ns) else { break };
            let until = slice.end_ns.min(end_ns);
            if now < until {
                each(State::Running, now, until);
                now = until;
            }
        }
    }

    /// A part of the time between two slices.
    fn off(
        &self,
        timeline: &Timeline,
        before: Option<Slice>,
        next: Option<&Slice>,
        (from, to): (u64, u64),
        each: &mut impl FnMut(State, u64, u64),
    ) {
        let (state, since) = match (before, timeline.started_ns) {
            (Some(slice), _) => (after(slice.end), slice.end_ns),
            // Nobody can say what it did before it was.
            (None, Some(started)) if started <= from => (State::Runnable, started),
            (None, Some(started)) if started < to => {
                each(State::Unknown, from, started);
                return self.off(timeline, before, next, (started, to), each);
            }
            (None, _) => (State::Unknown, from),
        };
        let mut known = to;
        let ended = Some(timeline.ended_ns).filter(|&ns| next.is_none() && ns != 0);
        let until = next.map_or(u64::MAX, |slice| slice.start_ns);
        for unknown in [ended, self.gap_between(since, until)].into_iter().flatten() {
            known = known.min(unknown);
        }
        let known = known.max(from);
        if from < known {
            each(state, from, known);
        }
        if known < to {
            each(State::Unknown, known, to);
        }
    }

    /// When the first gap between these times begins.
    fn gap_between(&self, start_ns: u64, end_ns: u64) -> Option<u64> {
        let first = self.gaps.partition_point(|gap| gap.1 <= start_ns);
        let gap = self.gaps.get(first).filter(|gap| gap.0 < end_ns)?;
        Some(gap.0.max(start_ns))
    }

    /// How long a thread was in each state between two times.
    pub fn split(&self, thread: usize, start_ns: u64, end_ns: u64) -> Split {
        let mut sum = Split::default();
        self.walk(thread, start_ns, end_ns, |state, from, to| add_to(&mut sum, state, to - from));
        sum
    }

    /// How long several threads were in each state, as one: that of the busiest of them. Each is
    /// asked only between the times beside its number.
    pub fn split_together(
        &self,
        members: &[(usize, u64, u64)],
        start_ns: u64,
        end_ns: u64,
    ) -> Split {
        const STATES: [State; 4] =
            [State::Running, State::Runnable, State::Unknown, State::Blocked];
        let mut changes: Vec<(u64, usize, i32)> = vec![(end_ns, 0, 0)];
        for &(thread, from, to) in members {
            self.walk(thread, from.max(start_ns), to.min(end_ns), |state, from, to| {
                changes.extend([(from, state as usize, 1), (to, state as usize, -1)]);
            });
        }
        changes.sort_unstable();
        let (mut sum, mut now, mut counts) = (Split::default(), start_ns, [0_i32; 4]);
        for (at, state, change) in changes {
            if now < at {
                let busiest = counts.iter().position(|&count| count > 0);
                let state = busiest.map_or(State::Unknown, |place| STATES[place]);
                add_to(&mut sum, state, at - now);
                now = at;
            }
            counts[state] += change;
        }
        sum
    }
}

/// What a thread is after a slice that ended so.
fn after(end: SliceEnd) -> State {
    match end {
        SliceEnd::Preempted => State::Runnable,
        SliceEnd::Blocked => State::Blocked,
        SliceEnd::Exited | SliceEnd::Unknown => State::Unknown,
    }
}

fn add_to(sum: &mut Split, state: State, ns: u64) {
    let part = match state {
        State::Running => &mut sum.running_ns,
        State::Runnable => &mut sum.runnable_ns,
        State::Blocked => &mut sum.blocked_ns,
        State::Unknown => &mut sum.unknown_ns,
    };
    *part = part.saturating_add(ns);
}

/// The same times without overlaps, by start.
pub(crate) fn union(mut times: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    times.sort_unstable();
    let mut apart: Vec<(u64, u64)> = Vec::new();
    for (start, end) in times {
        match apart.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => apart.push((start, end)),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trace::{Gap, Thread};

    fn slice(start_ns: u64, end_ns: u64, end: SliceEnd) -> Slice {
        Slice { start_ns, end_ns, thread: 0, cpu: 0, end }
    }

    fn timelines(slices: Vec<Slice>, gaps: &[(u64, u64)]) -> Timelines {
        let gap = |&(start_ns, end_ns): &(u64, u64)| Gap { start_ns, end_ns, cpu: 1 };
        Timelines::new(&Scheduling {
            threads: vec![Thread::default(), Thread::default()],
            slices,
            gaps: gaps.iter().map(gap).collect(),
            ..Scheduling::default()
        })
    }

    fn parts(split: Split) -> [u64; 4] {
        [split.running_ns, split.runnable_ns, split.blocked_ns, split.unknown_ns]
    }

    #[test]
    fn a_time_is_what_the_thread_did() {
        let all = timelines(
            vec![
                slice(10, 20, SliceEnd::Preempted),
                slice(30, 40, SliceEnd::Blocked),
                slice(60, 70, SliceEnd::Exited),
            ],
            &[],
        );
        let parts = |start, end| parts(all.split(0, start, end));
        assert_eq!(parts(15, 65), [5 + 10 + 5, 10, 20, 0]);
        assert_eq!(parts(22, 28), [0, 6, 0, 0]);
        assert_eq!(parts(45, 50), [0, 0, 5, 0]);
        assert_eq!(parts(0, 12), [2, 0, 0, 10], "before it was first seen");
        assert_eq!(parts(65, 80), [5, 0, 0, 10], "after it ended");
    }

    #[test]
    fn a_thread_that_was_started_waits_for_its_first_processor() {
        let all = Timelines::new(&Scheduling {
            threads: vec![Thread { parent: Some(0), start_ns: 4, ..Thread::default() }],
            slices: vec![slice(10, 20, SliceEnd::Blocked)],
            ..Scheduling::default()
        });
        assert_eq!(parts(all.split(0, 0, 12)), [2, 6, 0, 4]);
    }

    #[test]
    fn nobody_off_a_processor_is_known_behind_lost_records() {
        let slices = vec![slice(10, 20, SliceEnd::Blocked), slice(60, 70, SliceEnd::Blocked)];
        let all = timelines(slices.clone(), &[(30, 40)]);
        assert_eq!(parts(all.split(0, 10, 60)), [10, 0, 10, 30], "it may have run since");
        assert_eq!(parts(all.split(0, 50, 60)), [0, 0, 0, 10]);
        let all = timelines(slices.clone(), &[(12, 15)]);
        assert_eq!(parts(all.split(0, 10, 60)), [10, 0, 40, 0], "it was on another processor");
        let all = timelines(slices, &[(5, 30), (25, 35)]);
        assert_eq!(parts(all.split(0, 10, 60)), [10, 0, 0, 40]);
    }

    #[test]
    fn threads_together_are_what_the_busiest_does() {
        let mut slices = vec![slice(0, 10, SliceEnd::Preempted), slice(40, 50, SliceEnd::Blocked)];
        slices.push(Slice { thread: 1, ..slice(5, 20, SliceEnd::Blocked) });
        slices.sort_by_key(|slice| slice.start_ns);
        let all = timelines(slices, &[]);
        let together = all.split_together(&[(0, 0, 60), (1, 0, 30)], 0, 70);
        assert_eq!(parts(together), [20 + 10, 20, 10, 10]);
    }

    proptest! {
        #[test]
        fn every_nanosecond_is_counted_once(
            steps in proptest::collection::vec((0_u64..50, 0_u64..50, 0_usize..4), 0..40),
            gaps in proptest::collection::vec((0_u64..2_000, 0_u64..90), 0..4),
            start in 0_u64..2_000,
            length in 0_u64..2_000,
        ) {
            let ends =
                [SliceEnd::Preempted, SliceEnd::Blocked, SliceEnd::Exited, SliceEnd::Unknown];
            let mut now = 0;
            let mut slices = Vec::new();
            for (pause, run, end) in steps {
                slices.push(slice(now + pause, now + pause + run, ends[end]));
                now += pause + run;
            }
            let gaps: Vec<(u64, u64)> =
                gaps.into_iter().map(|(start, length)| (start, start + length)).collect();
            let all = timelines(slices, &gaps);
            prop_assert_eq!(all.split(0, start, start + length).whole_ns(), length);
            let members = [(0, 0, u64::MAX), (1, start + 3, u64::MAX)];
            let together = all.split_together(&members, start, start + length);
            prop_assert_eq!(together.whole_ns(), length);
        }
    }
}
