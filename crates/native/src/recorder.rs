//! Writes down what happened, in the trace file (`maitred_wire::trace_file`).
//!
//! It reads no clock: whoever records says the time, so that one reading serves as the end of one
//! step and the start of the next. The main types are [`Recorder`] (the file) and [`Lane`] (the
//! part of it to which one thread appends). Fields of four bytes are written in pairs, as one
//! word of eight.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use maitred_kernel::procfs;
use maitred_wire::trace_file::{self, Layout, Role, TaskOutcome};

use crate::sys::kernel::{self, Who};
use crate::sys::memory;

const LANE_WORDS: usize = trace_file::LANE_BYTES / 8;
const TASK_WORDS: usize = trace_file::TASK_BYTES / 8;
const SPAN_WORDS: usize = trace_file::SPAN_BYTES / 8;

type LaneRecord = [AtomicU64; LANE_WORDS];
type TaskRecord = [AtomicU64; TASK_WORDS];
type SpanRecord = [AtomicU64; SPAN_WORDS];

/// Two fields of four bytes: the one that comes first in memory is the low half.
fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) | u64::from(second) << 32
}

/// The second field of a [`pair`].
fn second(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The trace file of this run.
#[derive(Debug)]
pub(crate) struct Recorder {
    lanes: &'static [LaneRecord],
    tasks: &'static [TaskRecord],
    spans: &'static [SpanRecord],
    spans_per_lane: usize,
}

impl Recorder {
    /// Maps the trace file.
    ///
    /// # Errors
    /// When it cannot be opened or mapped, or is not a trace file of this version.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Self::map(&file)
    }

    pub(crate) fn map(file: &File) -> io::Result<Self> {
        let mut header = [0; trace_file::HEADER_BYTES];
        std::os::unix::fs::FileExt::read_exact_at(file, &mut header, 0)?;
        let layout = layout_of(&header, file.metadata()?.len()).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it is not a trace file of this version")
        })?;
        Ok(Self::over(memory::map_file(file)?, layout))
    }

    /// The trace file that lies in these words. Its header is not looked at.
    pub(crate) fn over(words: &'static [AtomicU64], layout: Layout) -> Self {
        let part = |offset: usize, count: usize, size: usize| &words[offset / 8..][..count * size];
        let spans = layout.lanes as usize * layout.spans_per_lane as usize;
        Self {
            lanes: part(layout.lanes_offset(), layout.lanes as usize, LANE_WORDS).as_chunks().0,
            tasks: part(layout.tasks_offset(), layout.tasks as usize, TASK_WORDS).as_chunks().0,
            spans: part(layout.spans_offset(), spans, SPAN_WORDS).as_chunks().0,
            spans_per_lane: layout.spans_per_lane as usize,
        }
    }

    pub(crate) fn lane_count(&self) -> usize {
        self.lanes.len()
    }

    pub(crate) fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// Lets the calling thread be this lane. A lane that was left by a dead process goes on
    /// after the spans that are there.
    pub(crate) fn lane(&self, index: u32, role: Role) -> Lane {
        let at = index as usize;
        let record = &self.lanes[at];
        let spans = &self.spans[at * self.spans_per_lane..][..self.spans_per_lane];
        record[trace_file::lane::CLOSED / 8].store(0, Relaxed);
        record[trace_file::lane::PID / 8]
            .store(pair(std::process::id(), kernel::thread_id()), Relaxed);
        let ended = second(record[trace_file::lane::ROLE / 8].load(Relaxed));
        record[trace_file::lane::ROLE / 8].store(pair(role as u32, ended), Relaxed);
        Lane {
            index,
            role,
            record,
            spans,
            before: kernel::usage(Who::Thread),
            delay_before: delay_before(),
        }
    }

    /// The record of a task.
    #[inline]
    pub(crate) fn task(&self, number: u32) -> TaskEntry {
        TaskEntry(&self.tasks[number as usize])
    }

    /// How many tasks have ended on all lanes.
    pub(crate) fn tasks_ended(&self) -> u64 {
        let ended = |record: &LaneRecord| record[trace_file::lane::ROLE / 8].load(Acquire);
        self.lanes.iter().map(|record| u64::from(second(ended(record)))).sum()
    }

    /// Tasks that have started and not ended, with the step that each is at, in the order of
    /// their numbers.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = (u32, Option<u32>)> {
        let entries = (0..).zip(self.tasks.iter().map(TaskEntry));
        entries
            .filter(|(_, entry)| entry.is_under_way())
            .map(|(number, entry)| (number, entry.step()))
    }
}

fn layout_of(header: &[u8], bytes: u64) -> Option<Layout> {
    use trace_file::header::{LANES, SPANS_PER_LANE, TASKS};
    let layout = Layout {
        lanes: trace_file::u32_at(header, LANES),
        tasks: trace_file::u32_at(header, TASKS),
        spans_per_lane: trace_file::u32_at(header, SPANS_PER_LANE),
    };
    (header[..56] == layout.header() && bytes >= layout.bytes() as u64).then_some(layout)
}

/// What one thread records. It alone writes here, through whichever copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    index: u32,
    role: Role,
    record: &'static LaneRecord,
    spans: &'static [SpanRecord],
    /// What the thread had used when it became a lane.
    before: kernel::Usage,
    delay_before: Option<u64>,
}

/// A span that was begun; it may be ended by another thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open(Option<&'static SpanRecord>);

impl Open {
    /// No span, or one for which there was no room.
    pub(crate) const NONE: Self = Self(None);

    /// Ends the span.
    #[inline]
    pub(crate) fn end(self, now: u64) {
        if let Some(record) = self.0 {
            record[trace_file::span::END / 8].store(now, Release);
        }
    }
}

thread_local! {
    static HERE: Cell<Option<&'static Lane>> = const { Cell::new(None) };
}

impl Lane {
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Begins a span.
    #[inline]
    pub(crate) fn begin(&self, task: u32, step: u32, now: u64) -> Open {
        let count = &self.record[trace_file::lane::SPANS / 8];
        let position = count.load(Relaxed);
        let Some(record) = self.spans.get(position as usize) else {
            let dropped = &self.record[trace_file::lane::DROPPED / 8];
            dropped.store(dropped.load(Relaxed) + 1, Relaxed);
            return Open::NONE;
        };
        record[trace_file::span::TASK / 8].store(pair(task, step), Relaxed);
        record[trace_file::span::START / 8].store(now, Relaxed);
        count.store(position + 1, Release);
        Open(Some(record))
    }

    /// Counts a task that ended here.
    #[inline]
    fn count_task(&self) {
        let word = &self.record[trace_file::lane::ROLE / 8];
        let ended = second(word.load(Relaxed)) + 1;
        word.store(pair(self.role as u32, ended), Release);
    }

    /// Writes down what the kernel counted for this thread. `run_delay` costs a read of `/proc`.
    pub(crate) fn close(&self, run_delay: bool) {
        let usage = kernel::usage(Who::Thread);
        let before = &self.before;
        let cpu = usage.cpu.total_ns().saturating_sub(before.cpu.total_ns());
        let delay = || Some(run_delay_of_thread()?.saturating_sub(self.delay_before?));
        let delay = run_delay.then(delay).flatten().unwrap_or(trace_file::lane::UNKNOWN_DELAY);
        let voluntary = usage.voluntary.saturating_sub(before.voluntary);
        let involuntary = usage.involuntary.saturating_sub(before.involuntary);
        self.record[trace_file::lane::CPU_NS / 8].store(cpu, Relaxed);
        self.record[trace_file::lane::RUN_DELAY_NS / 8].store(delay, Relaxed);
        self.record[trace_file::lane::VOLUNTARY / 8].store(pair(voluntary, involuntary), Relaxed);
        self.record[trace_file::lane::CLOSED / 8].store(1, Release);
    }

    /// Makes this the lane that [`Lane::here`] finds on this thread.
    pub(crate) fn settle_here(self) {
        HERE.set(Some(Box::leak(Box::new(self))));
    }

    /// The lane of this thread.
    ///
    /// # Panics
    /// If the thread has none: then the strategy forgot [`Lane::settle_here`].
    #[inline]
    pub(crate) fn here() -> &'static Self {
        HERE.get().expect("every thread that runs tasks has a lane")
    }

    /// Closes the lane of this thread, if it has one.
    pub(crate) fn close_here() {
        if let Some(lane) = HERE.get() {
            lane.close(true);
        }
    }
}

/// What the run delay was when a thread became a lane. A thread that was made to be one has waited
/// for nothing else; the first thread of a process has.
fn delay_before() -> Option<u64> {
    if kernel::thread_id() == std::process::id() { run_delay_of_thread() } else { Some(0) }
}

/// Run-queue wait of this thread in nanoseconds: the second number
/// of `/proc/thread-self/schedstat` (Documentation/scheduler/sched-stats.rst).
fn run_delay_of_thread() -> Option<u64> {
    procfs::run_queue_wait_ns(&procfs::text("/proc/thread-self/schedstat")?)
}

/// The record of one task; it is written by whoever runs the task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskEntry(&'static TaskRecord);

impl TaskEntry {
    #[inline]
    pub(crate) fn start(self, lane: &Lane, now: u64) {
        self.0[trace_file::task::LANE / 8].store(pair(lane.index, 0), Relaxed);
        self.0[trace_file::task::START / 8].store(now, Release);
    }

    /// It began on this lane. That is not read from the record: the records of two tasks lie in one line
    /// of the cache, and who has the other one may be writing there.
    #[inline]
    pub(crate) fn at_step(self, lane: u32, step: u32) {
        self.0[trace_file::task::LANE / 8].store(pair(lane, step + 1), Release);
    }

    #[inline]
    pub(crate) fn end(self, lane: &Lane, now: u64, outcome: TaskOutcome) {
        self.0[trace_file::task::OUTCOME / 8].store(pair(outcome as u32, 0), Relaxed);
        self.0[trace_file::task::END / 8].store(now, Release);
        lane.count_task();
    }

    fn is_under_way(self) -> bool {
        let at = |offset: usize| self.0[offset / 8].load(Acquire);
        at(trace_file::task::START) != 0 && at(trace_file::task::END) == 0
    }

    /// The step that the task is at or was at last.
    pub(crate) fn step(self) -> Option<u32> {
        second(self.0[trace_file::task::LANE / 8].load(Acquire)).checked_sub(1)
    }
}

const _: () = {
    use trace_file::{lane, span, task};
    assert!(lane::TID == lane::PID + 4 && lane::PID.is_multiple_of(8));
    assert!(lane::TASKS_ENDED == lane::ROLE + 4 && lane::ROLE.is_multiple_of(8));
    assert!(lane::INVOLUNTARY == lane::VOLUNTARY + 4 && lane::VOLUNTARY.is_multiple_of(8));
    assert!(lane::CLOSED.is_multiple_of(8) && task::OUTCOME.is_multiple_of(8));
    assert!(task::STEP == task::LANE + 4 && task::LANE.is_multiple_of(8));
    assert!(span::STEP == span::TASK + 4 && span::TASK.is_multiple_of(8));
};
