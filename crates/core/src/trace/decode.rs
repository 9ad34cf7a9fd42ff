//! From the bytes of a trace file to lanes, tasks and spans. Reads what a killed runner left too:
//! a record that makes no sense is skipped, never believed, and nothing here panics. Copies
//! nothing by itself: [`TraceFile`] borrows the (mapped) file, so that the figures of ten million
//! tasks are read where they lie.

use alloc::vec::Vec;
use core::fmt;

use maitred_wire::trace_file::{
    LANE_BYTES, Layout, Role, SPAN_BYTES, TASK_BYTES, TaskOutcome, lane, span, task, u32_at, u64_at,
};

use super::{Lane, LaneCounters, Span, Task};

/// A trace file, checked and borrowed.
#[derive(Clone, Copy)]
pub struct TraceFile<'a> {
    layout: Layout,
    bytes: &'a [u8],
}

/// The bytes are no trace file of this version, or were cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATraceFile;

impl fmt::Display for NotATraceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no trace file of this version, or it was cut short")
    }
}

impl core::error::Error for NotATraceFile {}

impl fmt::Debug for TraceFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceFile").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl<'a> TraceFile<'a> {
    /// Checks the header and that all parts are there.
    ///
    /// # Errors
    /// If they are not.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotATraceFile> {
        Layout::read(bytes).map(|layout| Self { layout, bytes }).ok_or(NotATraceFile)
    }

    /// Where the parts lie.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The lanes, by number. Lanes behind the last one that was used are left out; one in
    /// between that never was has process id 0.
    pub fn lanes(&self) -> Vec<Lane> {
        let mut lanes: Vec<_> = self.lane_records().map(decode_lane).collect();
        let used = lanes.iter().rposition(|lane| lane.pid != 0).map_or(0, |last| last + 1);
        lanes.truncate(used);
        lanes
    }

    /// The tasks, by number.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = Task> + Clone + use<'a> {
        let start = self.layout.tasks_offset();
        let end = start + self.layout.tasks as usize * TASK_BYTES;
        self.bytes[start..end].chunks_exact(TASK_BYTES).map(decode_task)
    }

    /// The spans as they lie: lane by lane, on each in the order in which they were begun.
    pub fn spans(&self) -> impl Iterator<Item = Span> + Clone + use<'a> {
        let file = *self;
        (0..self.layout.lanes).flat_map(move |lane| file.spans_of(lane))
    }

    /// All spans, sorted by start; a span that encloses another of the same start comes first.
    pub fn sorted_spans(&self) -> Vec<Span> {
        let mut spans: Vec<_> = self.spans().collect();
        // Stable, so that spans begun at one instant stay in the order in which they were begun,
        // and quick on what is nearly sorted, as each lane is.
        spans.sort_by_key(|span| span.start_ns);
        spans
    }

    /// Tasks that have ended so far, as the lanes count them: progress, while the run goes on.
    pub fn tasks_ended(&self) -> u64 {
        self.lane_records().map(|record| u64::from(u32_at(record, lane::TASKS_ENDED))).sum()
    }

    fn lane_records(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let start = self.layout.lanes_offset();
        let end = start + self.layout.lanes as usize * LANE_BYTES;
        self.bytes[start..end].chunks_exact(LANE_BYTES)
    }

    fn spans_of(&self, lane: u32) -> impl Iterator<Item = Span> + Clone + use<'a> {
        let record = self.layout.lanes_offset() + lane as usize * LANE_BYTES;
        let begun = u64_at(self.bytes, record + lane::SPANS);
        let room = self.layout.spans_per_lane;
        let count = begun.min(u64::from(room)) as usize;
        let start = self.layout.spans_offset() + lane as usize * room as usize * SPAN_BYTES;
        let tasks = self.layout.tasks;
        self.bytes[start..start + count * SPAN_BYTES]
            .chunks_exact(SPAN_BYTES)
            .map(move |record| decode_span(record, lane))
            // A lane that was killed between taking a place and writing to it leaves zeros.
            .filter(move |span| span.start_ns != 0 && span.task < tasks)
    }
}

fn decode_lane(record: &[u8]) -> Lane {
    let delay = u64_at(record, lane::RUN_DELAY_NS);
    let counters = LaneCounters {
        cpu_ns: u64_at(record, lane::CPU_NS),
        run_delay_ns: Some(delay).filter(|delay| *delay != lane::UNKNOWN_DELAY),
        voluntary: u32_at(record, lane::VOLUNTARY),
        involuntary: u32_at(record, lane::INVOLUNTARY),
    };
    Lane {
        pid: u32_at(record, lane::PID),
        tid: u32_at(record, lane::TID),
        role: Role::from_u32(u32_at(record, lane::ROLE)),
        tasks_ended: u32_at(record, lane::TASKS_ENDED),
        dropped: u64_at(record, lane::DROPPED),
        counters: (u32_at(record, lane::CLOSED) == 1).then_some(counters),
    }
}

fn decode_task(record: &[u8]) -> Task {
    Task {
        start_ns: u64_at(record, task::START),
        end_ns: u64_at(record, task::END),
        lane: u32_at(record, task::LANE),
        step: u32_at(record, task::STEP).checked_sub(1),
        outcome: TaskOutcome::from_u32(u32_at(record, task::OUTCOME)),
    }
}

fn decode_span(record: &[u8], lane: u32) -> Span {
    Span {
        task: u32_at(record, span::TASK),
        step: u32_at(record, span::STEP),
        lane,
        start_ns: u64_at(record, span::START),
        end_ns: u64_at(record, span::END),
    }
}
