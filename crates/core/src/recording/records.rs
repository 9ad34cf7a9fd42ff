//! Which columns each kind of record has. Times are differences to the record before, ends are
//! lengths; what takes few values shares a column.

use maitred_wire::trace_file::{Role, TaskOutcome};

use super::columns::Record;
use super::varint::{difference, moved};
use crate::trace::{Lane, LaneCounters, Slice, SliceEnd, Span, Task, Thread};

/// When a task of a group arrived: the next one of that group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub group: u32,
    pub ns: u64,
}

impl Record<2> for Arrival {
    const ORIGIN: Self = Self { group: 0, ns: 0 };

    fn row(&self, previous: &Self) -> [u64; 2] {
        [near(previous.group, self.group), difference(previous.ns, self.ns)]
    }

    #[inline]
    fn from_row([group, ns]: [u64; 2], previous: &Self) -> Option<Self> {
        Some(Self { group: back(previous.group, group)?, ns: moved(previous.ns, ns) })
    }
}

impl Record<5> for Span {
    const ORIGIN: Self = Self { task: 0, step: 0, lane: 0, start_ns: 0, end_ns: 0 };

    fn row(&self, previous: &Self) -> [u64; 5] {
        let is_open = self.end_ns == 0;
        let length = if is_open { 0 } else { self.end_ns.wrapping_sub(self.start_ns) };
        [
            self.start_ns.wrapping_sub(previous.start_ns),
            length,
            near(previous.task, self.task),
            u64::from(self.step) << 1 | u64::from(is_open),
            u64::from(self.lane),
        ]
    }

    #[inline]
    fn from_row([start, length, task, step, lane]: [u64; 5], previous: &Self) -> Option<Self> {
        let start_ns = previous.start_ns.wrapping_add(start);
        let is_open = step & 1 == 1;
        Some(Self {
            task: back(previous.task, task)?,
            step: u32::try_from(step >> 1).ok()?,
            lane: u32::try_from(lane).ok()?,
            start_ns,
            end_ns: if is_open { 0 } else { start_ns.wrapping_add(length) },
        })
    }
}

impl Record<4> for Slice {
    const ORIGIN: Self = Self { start_ns: 0, end_ns: 0, thread: 0, cpu: 0, end: SliceEnd::Unknown };

    fn row(&self, previous: &Self) -> [u64; 4] {
        let end = match self.end {
            SliceEnd::Blocked => 0,
            SliceEnd::Preempted => 1,
            SliceEnd::Exited => 2,
            SliceEnd::Unknown => 3,
        };
        [
            self.start_ns.wrapping_sub(previous.start_ns),
            self.end_ns.wrapping_sub(self.start_ns),
            u64::from(self.thread) << 2 | end,
            u64::from(self.cpu),
        ]
    }

    #[inline]
    fn from_row([start, length, thread, cpu]: [u64; 4], previous: &Self) -> Option<Self> {
        let start_ns = previous.start_ns.wrapping_add(start);
        Some(Self {
            start_ns,
            end_ns: start_ns.wrapping_add(length),
            thread: u32::try_from(thread >> 2).ok()?,
            cpu: u16::try_from(cpu).ok()?,
            end: match thread & 3 {
                0 => SliceEnd::Blocked,
                1 => SliceEnd::Preempted,
                2 => SliceEnd::Exited,
                _ => SliceEnd::Unknown,
            },
        })
    }
}

impl Record<5> for Task {
    const ORIGIN: Self =
        Self { start_ns: 0, end_ns: 0, lane: 0, step: None, outcome: TaskOutcome::Open };

    fn row(&self, previous: &Self) -> [u64; 5] {
        let has_ended = self.end_ns != 0;
        let length = if has_ended { self.end_ns.wrapping_sub(self.start_ns) } else { 0 };
        [
            u64::from(self.outcome as u32) << 1 | u64::from(has_ended),
            difference(previous.start_ns, self.start_ns),
            length,
            near(previous.lane, self.lane),
            self.step.map_or(0, |step| u64::from(step) + 1),
        ]
    }

    #[inline]
    fn from_row([outcome, start, length, lane, step]: [u64; 5], previous: &Self) -> Option<Self> {
        let start_ns = moved(previous.start_ns, start);
        let has_ended = outcome & 1 == 1;
        Some(Self {
            start_ns,
            end_ns: if has_ended { start_ns.wrapping_add(length) } else { 0 },
            lane: back(previous.lane, lane)?,
            step: optional(step)?,
            outcome: TaskOutcome::from_u32(u32::try_from(outcome >> 1).ok()?),
        })
    }
}

impl Record<10> for Lane {
    const ORIGIN: Self =
        Self { pid: 0, tid: 0, role: Role::Worker, tasks_ended: 0, dropped: 0, counters: None };

    fn row(&self, previous: &Self) -> [u64; 10] {
        let counters = self.counters.unwrap_or(NO_COUNTERS);
        [
            near(previous.pid, self.pid),
            near(previous.tid, self.tid),
            u64::from(self.role as u32) << 1 | u64::from(self.counters.is_some()),
            u64::from(self.tasks_ended),
            self.dropped,
            counters.cpu_ns,
            u64::from(counters.run_delay_ns.is_some()),
            counters.run_delay_ns.unwrap_or(0),
            u64::from(counters.voluntary),
            u64::from(counters.involuntary),
        ]
    }

    #[inline]
    fn from_row(row: [u64; 10], previous: &Self) -> Option<Self> {
        let [pid, tid, role, ended, dropped, cpu_ns, has_delay, delay, voluntary, involuntary] =
            row;
        let counters = LaneCounters {
            cpu_ns,
            run_delay_ns: (has_delay == 1).then_some(delay),
            voluntary: u32::try_from(voluntary).ok()?,
            involuntary: u32::try_from(involuntary).ok()?,
        };
        Some(Self {
            pid: back(previous.pid, pid)?,
            tid: back(previous.tid, tid)?,
            role: Role::from_u32(u32::try_from(role >> 1).ok()?),
            tasks_ended: u32::try_from(ended).ok()?,
            dropped,
            counters: (role & 1 == 1).then_some(counters),
        })
    }
}

const NO_COUNTERS: LaneCounters =
    LaneCounters { cpu_ns: 0, run_delay_ns: None, voluntary: 0, involuntary: 0 };

/// A [`Thread`] without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nameless {
    pid: u32,
    tid: u32,
    parent: Option<u32>,
    start_ns: u64,
    end_ns: u64,
    counted_ns: u64,
    /// In the order of [`Nameless::figures`].
    figures: [Option<u64>; FIGURES],
}

/// Figures of a thread that may be unknown.
const FIGURES: usize = 5;
pub(crate) const THREAD_COLUMNS: usize = 8 + FIGURES;

impl Nameless {
    pub(crate) fn new(thread: &Thread) -> Self {
        let Thread { pid, tid, name: _, parent, start_ns, end_ns, counted_ns, .. } = *thread;
        let Thread { run_delay_ns, cpu_ns, voluntary, involuntary, migrations, .. } = *thread;
        let figures = [run_delay_ns, cpu_ns, voluntary, involuntary, migrations];
        Self { pid, tid, parent, start_ns, end_ns, counted_ns, figures }
    }

    pub(crate) fn named(self, name: &str) -> Thread {
        let Self { pid, tid, parent, start_ns, end_ns, counted_ns, figures } = self;
        let [run_delay_ns, cpu_ns, voluntary, involuntary, migrations] = figures;
        Thread {
            pid,
            tid,
            name: name.into(),
            parent,
            start_ns,
            end_ns,
            run_delay_ns,
            cpu_ns,
            counted_ns,
            voluntary,
            involuntary,
            migrations,
        }
    }
}

impl Record<THREAD_COLUMNS> for Nameless {
    const ORIGIN: Self = Self {
        pid: 0,
        tid: 0,
        parent: None,
        start_ns: 0,
        end_ns: 0,
        counted_ns: 0,
        figures: [None; FIGURES],
    };

    fn row(&self, previous: &Self) -> [u64; THREAD_COLUMNS] {
        let known = (0..).zip(&self.figures).map(|(bit, it)| u64::from(it.is_some()) << bit).sum();
        let facts = [
            near(previous.pid, self.pid),
            near(previous.tid, self.tid),
            self.parent.map_or(0, |parent| u64::from(parent) + 1),
            difference(previous.start_ns, self.start_ns),
            u64::from(self.end_ns != 0),
            if self.end_ns == 0 { 0 } else { self.end_ns.wrapping_sub(self.start_ns) },
            difference(previous.counted_ns, self.counted_ns),
            known,
        ];
        let mut row = [0; THREAD_COLUMNS];
        row[..8].copy_from_slice(&facts);
        row[8..].copy_from_slice(&self.figures.map(Option::unwrap_or_default));
        row
    }

    #[inline]
    fn from_row(row: [u64; THREAD_COLUMNS], previous: &Self) -> Option<Self> {
        let [pid, tid, parent, start, has_ended, length, counted, known, figures @ ..] = row;
        let start_ns = moved(previous.start_ns, start);
        let mut bit = 0;
        let figures = figures.map(|figure| {
            let is_known = known >> bit & 1 == 1;
            bit += 1;
            is_known.then_some(figure)
        });
        Some(Self {
            pid: back(previous.pid, pid)?,
            tid: back(previous.tid, tid)?,
            parent: optional(parent)?,
            start_ns,
            end_ns: if has_ended == 1 { start_ns.wrapping_add(length) } else { 0 },
            counted_ns: moved(previous.counted_ns, counted),
            figures,
        })
    }
}

fn near(from: u32, to: u32) -> u64 {
    difference(u64::from(from), u64::from(to))
}

fn back(from: u32, difference: u64) -> Option<u32> {
    u32::try_from(moved(u64::from(from), difference)).ok()
}

/// 0 is none, everything else one more than the number.
fn optional(value: u64) -> Option<Option<u32>> {
    match value.checked_sub(1) {
        None => Some(None),
        Some(number) => u32::try_from(number).ok().map(Some),
    }
}
