//! The trace file and the columns file as `maitred` holds them: files in memory without a name,
//! which any process of the tree opens as `/proc/<maitred's pid>/fd/<n>`. Nothing is left on disk
//! however the program ends. The main type is [`TraceMap`]; what is in it,
//! [`maitred_wire::trace_file`] says.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use maitred_wire::trace_file::{
    LANE_BYTES, Layout, SPAN_BYTES, TASK_BYTES, TaskOutcome, lane, task, u64_at,
};
use thiserror::Error;

use super::{limits, sys};

/// Why there is no room to record a run.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The file would not fit into what is available.
    #[error(
        "the trace of this run needs {} MiB of memory, but {} MiB are available: \
         run fewer tasks, or free memory",
        needed_bytes >> 20, available_bytes >> 20
    )]
    TooLarge { needed_bytes: u64, available_bytes: u64 },
    /// The kernel refused.
    #[error("cannot make a file in memory of {} MiB: {source}", bytes >> 20)]
    Refused { bytes: u64, source: io::Error },
}

/// A trace file, mapped. While the runner writes, only single figures can be read; the bytes
/// belong to whoever has the finished run.
#[derive(Debug)]
pub struct TraceMap {
    file: File,
    mapping: sys::Mapping,
    layout: Layout,
}

impl TraceMap {
    /// Makes the file: of full size, zeroed but for the header.
    pub(crate) fn new(layout: Layout) -> Result<Self, TraceError> {
        let bytes = layout.bytes();
        let file = file_in_memory(c"maitred-trace", bytes as u64)?;
        let made = (&file).write_all(&layout.header()).and_then(|()| sys::seal_size(&file));
        let mapping = made
            .and_then(|()| sys::Mapping::new(&file, bytes))
            .map_err(|source| TraceError::Refused { bytes: bytes as u64, source })?;
        Ok(Self { file, mapping, layout })
    }

    /// Where any process of this user finds the file, as long as this process lives.
    pub(crate) fn path(&self) -> String {
        path(&self.file)
    }

    /// Where the parts of the file lie.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The whole file. Call it when no process that could write to it is left, which holds for
    /// every `TraceMap` that a caller outside of this crate can get.
    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    /// A copy of the file as it is at the moment, while the runner goes on writing: what it has
    /// not finished looks like what a killed runner leaves.
    ///
    /// # Errors
    /// Those of pread(2), of which none is to be expected.
    pub(crate) fn copy(&self) -> io::Result<Vec<u8>> {
        // Zeroed memory that is not written to is not there: room without spans costs nothing.
        let mut copy = vec![0; self.layout.bytes()];
        let spans_offset = self.layout.spans_offset();
        self.file.read_exact_at(&mut copy[..spans_offset], 0)?;
        let room = self.layout.spans_per_lane as usize;
        for lane in 0..self.layout.lanes as usize {
            let record = self.layout.lanes_offset() + lane * LANE_BYTES;
            let begun = u64_at(&copy, record + lane::SPANS).min(room as u64) as usize;
            let start = spans_offset + lane * room * SPAN_BYTES;
            self.file.read_exact_at(&mut copy[start..start + begun * SPAN_BYTES], start as u64)?;
        }
        Ok(copy)
    }

    /// The number of tasks that have ended so far.
    pub(crate) fn tasks_ended(&self) -> u64 {
        (0..self.layout.lanes as usize)
            .map(|lane| self.layout.lanes_offset() + lane * LANE_BYTES + lane::TASKS_ENDED)
            .map(|offset| u64::from(self.mapping.load_u32(offset)))
            .sum()
    }

    /// How the tasks stand at the moment; `None`: there are so many that looking at each would
    /// take time and, where a record was never written, memory.
    pub(crate) fn open_tasks(&self) -> Option<OpenTasks> {
        let tasks = self.layout.tasks as usize;
        if tasks > TASKS_LOOKED_AT {
            return None;
        }
        let mut open = OpenTasks::default();
        let mut in_step = BTreeMap::new();
        for number in 0..tasks {
            let field = |field| {
                self.mapping.load_u32(self.layout.tasks_offset() + number * TASK_BYTES + field)
            };
            let is_zero = |at| field(at) == 0 && field(at + 4) == 0;
            if !is_zero(task::END) {
                let failed = TaskOutcome::from_u32(field(task::OUTCOME)) == TaskOutcome::Failed;
                open.failed += u64::from(failed);
            } else if is_zero(task::START) {
                open.not_started += 1;
            } else if let Some(step) = field(task::STEP).checked_sub(1) {
                *in_step.entry(step).or_insert(0) += 1;
            }
        }
        open.in_step = in_step.into_iter().collect();
        Some(open)
    }

    /// How much memory the file takes, as opposed to its nominal size.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(&self.file)
    }
}

/// Half a megabyte of records, which is read in less than a tenth of a millisecond.
const TASKS_LOOKED_AT: usize = 16_384;

/// How the tasks stand while a run goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenTasks {
    pub(crate) not_started: u64,
    /// How many are at each step, by its id.
    pub(crate) in_step: Vec<(u32, u64)>,
    /// Of those that ended.
    pub(crate) failed: u64,
}

/// The values that differ from task to task, for the runner to read.
#[derive(Debug)]
pub(crate) struct ColumnsFile {
    file: File,
}

impl ColumnsFile {
    /// A file of little-endian numbers; `None` if there are none.
    pub(crate) fn new(columns: &[u64]) -> Result<Option<Self>, TraceError> {
        if columns.is_empty() {
            return Ok(None);
        }
        let bytes = size_of_val(columns) as u64;
        let file = file_in_memory(c"maitred-columns", bytes)?;
        write_numbers(&file, columns)
            .and_then(|()| sys::seal_size(&file))
            .map_err(|source| TraceError::Refused { bytes, source })?;
        Ok(Some(Self { file }))
    }

    /// Where the runner finds it.
    pub(crate) fn path(&self) -> String {
        path(&self.file)
    }

    /// How much memory the file takes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(&self.file)
    }
}

/// A file in memory that runners read: the inputs of tasks, the results of the first run.
#[derive(Debug)]
pub(crate) struct BytesFile {
    file: File,
}

impl BytesFile {
    /// A file of these bytes.
    pub(crate) fn new(bytes: &[u8]) -> io::Result<Self> {
        let mut file = sys::memory_file(c"maitred-inputs")?;
        file.write_all(bytes)?;
        sys::seal_size(&file)?;
        Ok(Self { file })
    }

    /// An empty file, which the first run that comes to its end fills with its results.
    pub(crate) fn growing() -> io::Result<Self> {
        Ok(Self { file: sys::memory_file(c"maitred-results")? })
    }

    /// Where the runner finds it.
    pub(crate) fn path(&self) -> String {
        path(&self.file)
    }
}

fn write_numbers(mut file: &File, numbers: &[u64]) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(64 << 10);
    for chunk in numbers.chunks(8 << 10) {
        buffer.clear();
        buffer.extend(chunk.iter().flat_map(|number| number.to_le_bytes()));
        file.write_all(&buffer)?;
    }
    Ok(())
}

/// What a file of less needs is not asked for: a machine that has not even this has no room for the
/// runner either, and reading the limits of all control groups takes longer than a short command.
const WORTH_ASKING: u64 = 4 << 20;

fn file_in_memory(name: &CStr, bytes: u64) -> Result<File, TraceError> {
    let available = (bytes >= WORTH_ASKING).then(limits::memory_available).flatten();
    if let Some(available_bytes) = available.filter(|&room| room < bytes) {
        return Err(TraceError::TooLarge { needed_bytes: bytes, available_bytes });
    }
    let refused = |source| TraceError::Refused { bytes, source };
    if sys::limit(libc::RLIMIT_FSIZE).is_some_and(|limit| limit < bytes) {
        // Without this look, ftruncate would end the program with SIGXFSZ.
        return Err(refused(io::Error::from_raw_os_error(libc::EFBIG)));
    }
    let file = sys::memory_file(name).map_err(refused)?;
    file.set_len(bytes).map_err(refused)?;
    Ok(file)
}

fn path(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

/// stat(2): blocks are of 512 bytes whatever the file system.
fn resident_bytes(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.blocks() * 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { lanes: 3, tasks: 100, spans_per_lane: 1000 };

    #[test]
    fn another_open_file_sees_the_header_and_its_writes_are_counted() {
        let trace = TraceMap::new(LAYOUT).unwrap();
        let copy = std::fs::read(trace.path()).unwrap();
        assert_eq!(Layout::read(&copy), Some(LAYOUT));
        let other = std::fs::OpenOptions::new().write(true).open(trace.path()).unwrap();
        for lane in 0..3 {
            let offset = LAYOUT.lanes_offset() + lane * LANE_BYTES + lane::TASKS_ENDED;
            let ended = (lane as u32 + 1).to_le_bytes();
            std::os::unix::fs::FileExt::write_all_at(&other, &ended, offset as u64).unwrap();
        }
        assert_eq!(trace.tasks_ended(), 1 + 2 + 3);
    }

    #[test]
    fn a_copy_has_what_was_written_and_no_more() {
        let trace = TraceMap::new(LAYOUT).unwrap();
        let other = std::fs::OpenOptions::new().write(true).open(trace.path()).unwrap();
        let write = |bytes: &[u8], at: usize| other.write_all_at(bytes, at as u64).unwrap();
        let lane = LAYOUT.lanes_offset() + LANE_BYTES;
        write(&2_u64.to_le_bytes(), lane + lane::SPANS);
        let region = LAYOUT.spans_offset() + LAYOUT.spans_per_lane as usize * SPAN_BYTES;
        write(&[7; 3 * SPAN_BYTES], region);
        let copy = trace.copy().unwrap();
        let mut expected = trace.bytes().to_vec();
        expected[region + 2 * SPAN_BYTES..region + 3 * SPAN_BYTES].fill(0);
        assert!(copy == expected, "the third span is not counted yet");
    }

    #[test]
    fn tasks_are_counted_by_how_they_stand() {
        let layout = Layout { lanes: 1, tasks: 5, spans_per_lane: 1 };
        let trace = TraceMap::new(layout).unwrap();
        let put = |task: usize, field, bytes: &[u8]| {
            let at = layout.tasks_offset() + task * TASK_BYTES + field;
            trace.file.write_all_at(bytes, at as u64).unwrap();
        };
        for (number, step) in [(0, 3_u32), (1, 3), (2, 1)] {
            put(number, task::START, &7_u64.to_le_bytes());
            put(number, task::STEP, &step.to_le_bytes());
        }
        put(3, task::START, &(1_u64 << 40).to_le_bytes());
        put(3, task::END, &(1_u64 << 40).to_le_bytes());
        put(3, task::OUTCOME, &(TaskOutcome::Failed as u32).to_le_bytes());
        let expected = OpenTasks { not_started: 1, in_step: vec![(0, 1), (2, 2)], failed: 1 };
        assert_eq!(trace.open_tasks(), Some(expected));
        let many = Layout { tasks: TASKS_LOOKED_AT as u32 + 1, ..layout };
        assert_eq!(TraceMap::new(many).unwrap().open_tasks(), None);
    }

    #[test]
    fn nobody_can_cut_the_file_under_the_mapping() {
        let trace = TraceMap::new(LAYOUT).unwrap();
        let other = std::fs::OpenOptions::new().write(true).open(trace.path()).unwrap();
        assert!(other.set_len(0).is_err());
        assert_eq!(trace.bytes().len(), LAYOUT.bytes());
    }

    #[test]
    fn memory_is_taken_only_where_something_was_written() {
        let trace = TraceMap::new(Layout { spans_per_lane: 1 << 20, ..LAYOUT }).unwrap();
        assert!(trace.resident_bytes() <= 64 << 10, "{}", trace.resident_bytes());
    }

    #[test]
    fn what_cannot_fit_is_refused_with_both_figures() {
        let layout = Layout { lanes: u32::MAX, tasks: 1, spans_per_lane: 1000 };
        let error = TraceMap::new(layout).unwrap_err().to_string();
        assert!(error.contains("MiB are available"), "{error}");
    }

    #[test]
    fn columns_are_little_endian_numbers() {
        let numbers: Vec<u64> = (0..20_000).map(|i| i * 0x0123_4567_89ab).collect();
        let file = ColumnsFile::new(&numbers).unwrap().unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let read: Vec<u64> =
            bytes.chunks(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())).collect();
        assert_eq!(read, numbers);
        assert!(ColumnsFile::new(&[]).unwrap().is_none());
    }
}
