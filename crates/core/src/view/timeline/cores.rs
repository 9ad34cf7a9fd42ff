//! Processors as lanes: which thread was on each of them when, and what share of the time it had.
//! Threads are told apart by signs, the busiest ones each by its own; a cell shows who had most of
//! it, and that nobody of the run was there where that was more than half of it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::Options;
use super::super::paint::{Ink, cut, left, right, width};
use super::super::state::State;
use super::Row;
use super::axis::Axis;
use super::threads::{lacks, lanes_of_threads};
use crate::analyse::units::{count, percent, plural};
use crate::trace::{Scheduling, Slice, Trace};

/// Signs of threads; who has none shares [`OTHERS`].
const SIGNS: &[u8] = b"123456789abcdefghijklmnopqrstuvwxyz";
const OTHERS: char = '+';
/// Columns of the table of shares, beside the name.
const COLUMN: usize = 9;

/// Lanes, and a table of who had which share of which processor.
pub(super) struct Cores<'a> {
    trace: &'a Trace,
    scheduling: &'a Scheduling,
    axis: &'a Axis,
    /// By thread: the lane that it is.
    lane_of: Vec<Option<u32>>,
    /// Lanes by the names that they have where they are drawn.
    rows: Vec<Row>,
    /// By thread: its time on any processor, nanoseconds.
    totals: Vec<u64>,
    /// Threads with a sign, in the order of their signs.
    signed: Vec<u32>,
    /// By processor that has a row, by cell: time of each sign, and of all others behind them.
    time: Vec<Vec<Vec<u64>>>,
}

impl<'a> Cores<'a> {
    /// Reads all slices twice: once to see who is busiest, once to draw.
    pub(super) fn new<J: Iterator<Item = Slice>>(
        trace: &'a Trace,
        scheduling: &'a Scheduling,
        axis: &'a Axis,
        slices: impl Fn() -> J,
        rows: usize,
    ) -> Self {
        let mut totals = vec![0_u64; scheduling.threads.len()];
        for slice in slices() {
            if let Some(total) = totals.get_mut(slice.thread as usize) {
                *total = total.saturating_add(within(&slice, axis).map_or(0, |(a, b)| b - a));
            }
        }
        let lane_of = lanes_of_threads(trace, scheduling);
        let signed = signed(&lane_of, &totals);
        let mut sign_of = vec![signed.len(); totals.len()];
        for (sign, &thread) in signed.iter().enumerate() {
            sign_of[thread as usize] = sign;
        }
        let cpus = &scheduling.cpus[..scheduling.cpus.len().min(rows.max(1))];
        let row_of: BTreeMap<u16, usize> =
            cpus.iter().enumerate().map(|(row, &cpu)| (cpu, row)).collect();
        let mut time = vec![vec![vec![0_u64; signed.len() + 1]; axis.cells]; cpus.len()];
        for slice in slices() {
            let (Some(&row), Some((start, end))) = (row_of.get(&slice.cpu), within(&slice, axis))
            else {
                continue;
            };
            let sign = sign_of.get(slice.thread as usize).copied().unwrap_or(signed.len());
            let first = axis.cell_at(start);
            for (cell, time) in (first..).zip(&mut time[row][first..=axis.cell_at(end - 1)]) {
                let (from, to) = (start.max(axis.start_of(cell)), end.min(axis.start_of(cell + 1)));
                time[sign] = time[sign].saturating_add(to.saturating_sub(from));
            }
        }
        let rows = match trace.model.strategy.interleaves() {
            true => Vec::new(),
            false => super::rows(trace, usize::MAX).0,
        };
        Self { trace, scheduling, axis, lane_of, rows, totals, signed, time }
    }

    /// What a processor is called.
    pub(super) fn label(cpu: u16) -> String {
        format!("CPU {cpu}")
    }

    /// A lane for each processor that has one, without its label.
    pub(super) fn lanes(&self, options: &Options) -> Vec<String> {
        self.time.iter().map(|cells| self.lane(cells, options)).collect()
    }

    fn lane(&self, cells: &[Vec<u64>], options: &Options) -> String {
        let sign = |(cell, time): (usize, &Vec<u64>)| {
            let whole = self.axis.start_of(cell + 1) - self.axis.start_of(cell);
            let busy = time.iter().copied().fold(0, u64::saturating_add);
            let longest = time.iter().copied().max().unwrap_or(0);
            let place = time.iter().position(|ns| *ns == longest)?;
            (busy > 0 && busy >= whole.saturating_sub(busy)).then(|| self.sign(place))
        };
        let signs: Vec<Option<char>> = cells.iter().enumerate().map(sign).collect();
        let runs = signs.chunk_by(|one, next| one.is_none() == next.is_none());
        let paint = |run: &[Option<char>]| match run[0] {
            Some(_) => {
                let text: String = run.iter().flatten().collect();
                State::Running.ink().paint(&text, options)
            }
            None => Ink::Dim.paint(&idle(options).repeat(run.len()), options),
        };
        runs.map(paint).collect()
    }

    fn sign(&self, place: usize) -> char {
        if place < self.signed.len() { char::from(SIGNS[place]) } else { OTHERS }
    }

    /// Who had which share: all processors together, then each as far as there is room.
    pub(super) fn table(&self, options: &Options) -> String {
        let whole = (self.axis.end - self.axis.origin).max(1) as f64;
        let mut rows: Vec<(String, String, Vec<u64>)> = Vec::new();
        let sum = |cells: &[Vec<u64>], place: usize| {
            cells.iter().map(|cell| cell[place]).fold(0, u64::saturating_add)
        };
        let most = options.rows.max(1).min(self.signed.len());
        for (place, &thread) in self.signed.iter().take(most).enumerate() {
            let each = self.time.iter().map(|cells| sum(cells, place)).collect();
            rows.push((self.sign(place).into(), self.name(thread), each));
        }
        let rest = self.totals.iter().filter(|total| **total > 0).count() - most;
        if rest > 0 {
            let of = |cells: &Vec<Vec<u64>>| {
                (most..=self.signed.len()).map(|place| sum(cells, place)).sum()
            };
            let each = self.time.iter().map(of).collect();
            rows.push((OTHERS.into(), plural(rest as u64, "other thread"), each));
        }
        let busy = |cells: &Vec<Vec<u64>>| -> u64 { cells.iter().flatten().sum() };
        let idle_ns = |cells| (whole as u64).saturating_sub(busy(cells));
        let each = self.time.iter().map(idle_ns).collect();
        rows.push((idle(options).into(), "idle or others".into(), each));
        let names = rows.iter().map(|(_, name, _)| width(name)).max().unwrap_or(0);
        let room = names.min((options.width / 3).max(14));
        let columns = options.width.saturating_sub(room + 2) / COLUMN;
        let shown = self.time.len().min(columns.saturating_sub(1));
        let mut text = " ".repeat(room + 2);
        text.push_str(&right(&format!("all {}", self.time.len()), COLUMN));
        for cpu in &self.scheduling.cpus[..shown] {
            text.push_str(&right(&Self::label(*cpu), COLUMN));
        }
        text = format!("{}\n", Ink::Dim.paint(&text, options));
        for (sign, name, each) in rows {
            let all: u64 = each.iter().copied().fold(0, u64::saturating_add);
            let mut line = format!("{sign} {}", left(&cut(&name, room, options), room));
            line.push_str(&right(&percent(all as f64 / whole / each.len() as f64), COLUMN));
            for &ns in &each[..shown] {
                line.push_str(&right(&percent(ns as f64 / whole), COLUMN));
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// What the lanes lack, one sentence a line; mostly nothing.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        let more = self.scheduling.cpus.len() - self.time.len();
        if more > 0 {
            notes.push(format!("… and {} more processors", count(more as u64)));
        }
        notes.extend(lacks(self.scheduling));
        notes
    }

    fn name(&self, thread: u32) -> String {
        let facts = &self.scheduling.threads[thread as usize];
        match self.lane_of[thread as usize] {
            Some(lane) => {
                let row = self.rows.iter().find(|row| row.lane == Some(lane));
                row.map_or_else(|| self.trace.lane_name(lane), |row| row.label.clone())
            }
            None if facts.name.is_empty() => format!("thread {}", facts.tid),
            None => format!("{} ({})", facts.name, facts.tid),
        }
    }
}

/// The busiest threads: those that are lanes first, in their order, then the others.
fn signed(lane_of: &[Option<u32>], totals: &[u64]) -> Vec<u32> {
    let mut busiest: Vec<u32> = (0..totals.len() as u32).collect();
    busiest.retain(|&thread| totals[thread as usize] > 0);
    busiest.sort_by_key(|&thread| core::cmp::Reverse(totals[thread as usize]));
    busiest.truncate(SIGNS.len());
    busiest.sort_by_key(|&thread| (lane_of[thread as usize].unwrap_or(u32::MAX), thread));
    busiest
}

/// The part of a slice that is drawn.
fn within(slice: &Slice, axis: &Axis) -> Option<(u64, u64)> {
    let (start, end) = (slice.start_ns.max(axis.origin), slice.end_ns.min(axis.end));
    (start < end).then_some((start, end))
}

fn idle(options: &Options) -> &'static str {
    if options.ascii { "." } else { "·" }
}
