//! What the kernel saw of a run, as lanes: its threads, those that executed the steps first, and its
//! processors.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::state::State;
use super::super::state_times::StateTimes;
use super::super::timeline::{self as rows, Axis};
use super::lanes::Lane;
use crate::analyse::scheduling::union;
use crate::trace::{Scheduling, Slice, SliceEnd, Span, Thread, Trace};

/// Rows of processors: of so many, who wants more opens the trace elsewhere.
const PROCESSORS: usize = 32;

/// The kernel's record, where there is one that names processors.
pub(super) fn kernel_record(trace: &Trace) -> Option<&Scheduling> {
    trace.scheduling.known().filter(|it| !it.cpus.is_empty())
}

/// What the kernel saw.
pub(super) struct Kernel<'a> {
    pub(super) scheduling: &'a Scheduling,
    pub(super) threads: Vec<Lane>,
    /// So many of them, the first ones, executed the steps.
    pub(super) of_lanes: usize,
    /// By thread of the trace: its row.
    row_of: Vec<Option<usize>>,
    /// Threads that have no row.
    pub(super) more: usize,
    pub(super) cpus: Vec<Lane>,
}

impl<'a> Kernel<'a> {
    /// The rows that there will be: threads of lanes first, then the others as they were seen.
    /// Where a lane has a row of its own above, it has the same name.
    pub(super) fn new(trace: &'a Trace, steps: &[rows::Row], most: usize) -> Option<Self> {
        let scheduling = kernel_record(trace)?;
        let own = |tid, pid| {
            let is = |one: &Thread| one.tid == tid && one.pid == pid;
            scheduling.threads.iter().rposition(is)
        };
        let mut row_of = alloc::vec![None; scheduling.threads.len()];
        let mut threads = Vec::new();
        let above = |place: usize| {
            let step = if trace.model.strategy.interleaves() { None } else { steps.get(place) };
            step.map(|step| step.label.clone())
        };
        let lanes = (0..).zip(&trace.lanes).filter(|(_, lane)| lane.pid != 0);
        for (place, (number, lane)) in lanes.take(most).enumerate() {
            if let Some(thread) = own(lane.tid, lane.pid).filter(|&one| row_of[one].is_none()) {
                row_of[thread] = Some(threads.len());
                threads.push(Lane::new(above(place).unwrap_or_else(|| trace.lane_name(number)), 0));
            }
        }
        let of_lanes = threads.len();
        for (number, thread) in scheduling.threads.iter().enumerate() {
            if threads.len() < most && row_of[number].is_none() {
                row_of[number] = Some(threads.len());
                threads.push(Lane::new(format!("{} ({})", thread.name, thread.tid), 0));
            }
        }
        let more = scheduling.threads.len() - threads.len();
        let cpus = scheduling.cpus.iter().take(PROCESSORS);
        let cpus = cpus.map(|cpu| Lane::new(format!("processor {cpu}"), 0)).collect();
        Some(Self { scheduling, threads, of_lanes, row_of, more, cpus })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.threads.iter().chain(&self.cpus).map(|lane| &lane.label)
    }

    /// Reads the slices once, for all rows.
    pub(super) fn fill(
        &mut self,
        trace: &Trace,
        spans: impl Iterator<Item = Span>,
        slices: impl Iterator<Item = Slice>,
        edges: &[u64],
    ) {
        let columns = edges.len() - 1;
        for lane in self.threads.iter_mut().chain(&mut self.cpus) {
            lane.time = StateTimes::new(columns);
        }
        let mut row_of = alloc::vec![None; trace.lanes.len()];
        let lane_of = rows::lanes_of_threads(trace, self.scheduling);
        for (lane, row) in lane_of.iter().zip(&self.row_of) {
            if let Some(lane) = lane {
                row_of[*lane as usize] = row.filter(|&row| row < self.of_lanes);
            }
        }
        let (of_lanes, threads) = self.threads.split_at_mut(self.of_lanes);
        let row_of_other =
            |row: &Option<usize>| row.and_then(|row| row.checked_sub(of_lanes.len()));
        let other_rows = self.row_of.iter().map(row_of_other).collect();
        let mut others = Others::new(self.scheduling, (threads, other_rows), &mut self.cpus, edges);
        let slices = slices.inspect(|slice| others.add(slice));
        rows::join(trace, self.scheduling, spans, slices, &mut |piece| {
            // What is not known is not drawn.
            if let Some(row) = row_of[piece.lane as usize]
                && piece.task.is_none()
                && piece.state != State::Unrecorded
            {
                of_lanes[row].add(piece.state, piece.start_ns, piece.end_ns, edges);
            }
        });
        others.end();
    }

    /// Time on all processors that have a row ÷ what there was.
    pub(super) fn used(&self, axis: &Axis) -> f64 {
        let busy: u64 = self.cpus.iter().map(|lane| lane.time.total(State::Running)).sum();
        busy as f64 / (axis.end - axis.origin) as f64 / self.cpus.len().max(1) as f64
    }
}

/// What the processors did, and the threads that executed no steps. Every slice is time on a
/// processor; what lies between two of a thread is what the end of the first says.
struct Others<'a> {
    scheduling: &'a Scheduling,
    threads: &'a mut [Lane],
    /// By thread of the trace: its row among these.
    row_of: Vec<Option<usize>>,
    /// By row: when its last slice ended, and why.
    last: Vec<Option<(u64, SliceEnd)>>,
    cpus: &'a mut [Lane],
    /// By number of the processor.
    cpu_rows: Vec<Option<usize>>,
    gaps: Vec<(u64, u64)>,
    edges: &'a [u64],
}

impl<'a> Others<'a> {
    fn new(
        scheduling: &'a Scheduling,
        (threads, row_of): (&'a mut [Lane], Vec<Option<usize>>),
        cpus: &'a mut [Lane],
        edges: &'a [u64],
    ) -> Self {
        let gaps = scheduling.gaps.iter().map(|gap| (gap.start_ns, gap.end_ns));
        let highest = scheduling.cpus.iter().max().map_or(0, |&cpu| usize::from(cpu));
        let mut cpu_rows = alloc::vec![None; highest + 1];
        for (row, &cpu) in scheduling.cpus.iter().take(cpus.len()).enumerate() {
            cpu_rows[usize::from(cpu)] = Some(row);
        }
        let (last, gaps) = (alloc::vec![None; threads.len()], union(gaps.collect()));
        Self { scheduling, threads, row_of, last, cpus, cpu_rows, gaps, edges }
    }

    fn add(&mut self, slice: &Slice) {
        if let Some(&Some(row)) = self.cpu_rows.get(usize::from(slice.cpu)) {
            self.cpus[row].add(State::Running, slice.start_ns, slice.end_ns, self.edges);
        }
        let Some(&Some(row)) = self.row_of.get(slice.thread as usize) else { return };
        self.pause(row, slice.start_ns);
        self.threads[row].add(State::Running, slice.start_ns, slice.end_ns, self.edges);
        self.last[row] = Some((slice.end_ns, slice.end));
    }

    /// What a thread was since its last slice. Behind a gap in the record nobody knows: it may have
    /// run.
    fn pause(&mut self, row: usize, to: u64) {
        let Some((from, why)) = self.last[row] else { return };
        let gap = self.gaps.get(self.gaps.partition_point(|gap| gap.1 <= from));
        let to = gap.map_or(to, |gap| to.min(gap.0.max(from)));
        match why {
            SliceEnd::Preempted => self.threads[row].add(State::Runnable, from, to, self.edges),
            SliceEnd::Blocked => self.threads[row].add(State::Blocked, from, to, self.edges),
            // Not known, and not drawn.
            SliceEnd::Exited | SliceEnd::Unknown => {}
        }
    }

    /// No slice comes any more.
    fn end(&mut self) {
        let scheduling = self.scheduling;
        for (number, thread) in scheduling.threads.iter().enumerate() {
            if let Some(row) = self.row_of[number] {
                let end = if thread.end_ns == 0 { u64::MAX } else { thread.end_ns };
                self.pause(row, end);
            }
        }
    }
}
