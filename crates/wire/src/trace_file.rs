//! The trace file: what each lane and each task did, written by the runner while it runs.
//!
//! It lives in memory (`memfd`), is mapped by everybody who writes or reads it, and survives a
//! SIGKILL of the runner. All numbers are little-endian; all times are CLOCK_MONOTONIC
//! nanoseconds. `maitred` makes it, of full size, zeroed but for the header:
//!
//! | part | at | size |
//! |---|---|---|
//! | header | 0 | [`HEADER_BYTES`] |
//! | lanes | `lanes_offset` | `lanes` × [`LANE_BYTES`] |
//! | tasks | `tasks_offset` | `tasks` × [`TASK_BYTES`] |
//! | spans | `spans_offset` | `lanes` × `spans_per_lane` × [`SPAN_BYTES`] |
//!
//! A *lane* is an operating-system thread that executes steps. It alone appends to its region of
//! spans, so no lock and no shared index is needed. A task's record is written by whoever runs
//! the task. When a lane's region is full it counts further spans as dropped and goes on.

/// The first eight bytes of a trace file.
pub const MAGIC: [u8; 8] = *b"MAITREDT";
/// No page of memory is smaller, on any machine that Linux runs on.
pub const PAGE_LEAST: usize = 4096;
/// The size of the header.
pub const HEADER_BYTES: usize = PAGE_LEAST;
/// The size of a lane record.
pub const LANE_BYTES: usize = 64;
/// The size of a task record.
pub const TASK_BYTES: usize = 32;
/// The size of a span record.
pub const SPAN_BYTES: usize = 24;

/// Offsets of the fields of the header.
pub mod header {
    /// `[u8; 8]`: [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// `u32`: [`crate::PROTOCOL`].
    pub const VERSION: usize = 8;
    /// `u32`: number of lane records.
    pub const LANES: usize = 12;
    /// `u32`: number of task records.
    pub const TASKS: usize = 16;
    /// `u32`: room for spans on each lane.
    pub const SPANS_PER_LANE: usize = 20;
    /// `u64`: byte offset of the lane records.
    pub const LANES_OFFSET: usize = 24;
    /// `u64`: byte offset of the task records.
    pub const TASKS_OFFSET: usize = 32;
    /// `u64`: byte offset of the span records.
    pub const SPANS_OFFSET: usize = 40;
    /// `u64`: the size of the file.
    pub const BYTES: usize = 48;
}

/// Offsets of the fields of a lane record.
pub mod lane {
    /// `u32`: process id; 0: this lane was never used.
    pub const PID: usize = 0;
    /// `u32`: kernel thread id.
    pub const TID: usize = 4;
    /// `u32`: what the lane is: [`super::Role`].
    pub const ROLE: usize = 8;
    /// `u32`: number of tasks that ended on this lane.
    pub const TASKS_ENDED: usize = 12;
    /// `u64`: number of spans begun in this lane's region.
    pub const SPANS: usize = 16;
    /// `u64`: number of spans for which there was no room.
    pub const DROPPED: usize = 24;
    /// `u64`: CPU time of this thread in its work, nanoseconds; 0 until the lane closes.
    pub const CPU_NS: usize = 32;
    /// `u64`: its run-queue wait (`schedstat`), nanoseconds;
    /// [`UNKNOWN_DELAY`]: nobody read it.
    pub const RUN_DELAY_NS: usize = 40;
    /// `u32`: voluntary context switches of this thread.
    pub const VOLUNTARY: usize = 48;
    /// `u32`: involuntary context switches of this thread.
    pub const INVOLUNTARY: usize = 52;
    /// `u32`: 1 when the four figures above were written.
    pub const CLOSED: usize = 56;

    /// The value of `RUN_DELAY_NS` where it is not known: unknown is not zero.
    pub const UNKNOWN_DELAY: u64 = u64::MAX;
}

/// Offsets of the fields of a task record.
pub mod task {
    /// `u64`: when its first step began; 0: it never started.
    pub const START: usize = 0;
    /// `u64`: when it ended; 0: it did not.
    pub const END: usize = 8;
    /// `u32`: the lane on which it began.
    pub const LANE: usize = 16;
    /// `u32`: the step that it is at or was at last, plus one; 0: none.
    pub const STEP: usize = 20;
    /// `u32`: [`super::TaskOutcome`].
    pub const OUTCOME: usize = 24;
}

/// Offsets of the fields of a span record.
pub mod span {
    /// `u32`: the task's number.
    pub const TASK: usize = 0;
    /// `u32`: the step's id.
    pub const STEP: usize = 4;
    /// `u64`: when it began; written first.
    pub const START: usize = 8;
    /// `u64`: when it ended; written last, 0 while it has not.
    pub const END: usize = 16;
}

/// What a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Role {
    /// The thread of a task, or of a pool.
    Worker = 0,
    /// The thread of an event loop.
    Loop = 1,
    /// A process of a pool.
    Process = 2,
}

impl Role {
    /// The role with this number; an unknown number is a worker.
    pub fn from_u32(number: u32) -> Self {
        match number {
            1 => Self::Loop,
            2 => Self::Process,
            _ => Self::Worker,
        }
    }
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum TaskOutcome {
    /// It did not end: never started, still under way, or lost with its process. Which of these
    /// follows from its start and end.
    Open = 0,
    Done = 1,
    Failed = 2,
}

impl TaskOutcome {
    /// The outcome with this number; an unknown number is open.
    pub fn from_u32(number: u32) -> Self {
        match number {
            1 => Self::Done,
            2 => Self::Failed,
            _ => Self::Open,
        }
    }
}

/// Where the parts of a trace file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub lanes: u32,
    pub tasks: u32,
    pub spans_per_lane: u32,
}

impl Layout {
    /// Byte offset of the lane records.
    pub fn lanes_offset(&self) -> usize {
        HEADER_BYTES
    }

    /// Byte offset of the task records; on a page of its own.
    pub fn tasks_offset(&self) -> usize {
        page_up(self.lanes_offset() + self.lanes as usize * LANE_BYTES)
    }

    /// Byte offset of the span records; on a page of its own.
    pub fn spans_offset(&self) -> usize {
        page_up(self.tasks_offset() + self.tasks as usize * TASK_BYTES)
    }

    /// The size of the whole file.
    pub fn bytes(&self) -> usize {
        let spans = self.lanes as usize * self.spans_per_lane as usize;
        page_up(self.spans_offset() + spans * SPAN_BYTES)
    }

    /// The header page's used part.
    pub fn header(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        bytes[..8].copy_from_slice(&MAGIC);
        put(&mut bytes, header::VERSION, &crate::PROTOCOL.to_le_bytes());
        put(&mut bytes, header::LANES, &self.lanes.to_le_bytes());
        put(&mut bytes, header::TASKS, &self.tasks.to_le_bytes());
        put(&mut bytes, header::SPANS_PER_LANE, &self.spans_per_lane.to_le_bytes());
        put(&mut bytes, header::LANES_OFFSET, &(self.lanes_offset() as u64).to_le_bytes());
        put(&mut bytes, header::TASKS_OFFSET, &(self.tasks_offset() as u64).to_le_bytes());
        put(&mut bytes, header::SPANS_OFFSET, &(self.spans_offset() as u64).to_le_bytes());
        put(&mut bytes, header::BYTES, &(self.bytes() as u64).to_le_bytes());
        bytes
    }

    /// Reads the header of a trace file; `None` if it is not one of this version, or its parts
    /// do not lie where its sizes put them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..56)?;
        let layout = Self {
            lanes: u32_at(header, header::LANES),
            tasks: u32_at(header, header::TASKS),
            spans_per_lane: u32_at(header, header::SPANS_PER_LANE),
        };
        // Sizes that no file can have must not overflow below: each product fits 128 bits.
        let spans = u128::from(layout.lanes) * u128::from(layout.spans_per_lane);
        if spans * SPAN_BYTES as u128 > bytes.len() as u128 {
            return None;
        }
        (layout.header() == header && bytes.len() >= layout.bytes()).then_some(layout)
    }
}

/// The `u32` at this offset.
///
/// # Panics
/// If the bytes end before it.
pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let mut buffer = [0; 4];
    buffer.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(buffer)
}

/// The `u64` at this offset.
///
/// # Panics
/// If the bytes end before it.
pub fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let mut buffer = [0; 8];
    buffer.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(buffer)
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

fn page_up(offset: usize) -> usize {
    offset.next_multiple_of(PAGE_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let layout = Layout { lanes: 3, tasks: 1000, spans_per_lane: 50 };
        let mut file = vec![0; layout.bytes()];
        file[..56].copy_from_slice(&layout.header());
        assert_eq!(Layout::read(&file), Some(layout));
        assert_eq!(Layout::read(&file[..file.len() - 1]), None, "cut short");
        file[0] = b'X';
        assert_eq!(Layout::read(&file), None, "another kind of file");
        file[12..24].fill(0xff);
        assert_eq!(Layout::read(&file), None, "sizes that overflow");
    }
}
