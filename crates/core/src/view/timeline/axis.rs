//! The axis of time: which part of a run is drawn, on how many cells, and the labels above them.

use alloc::format;
use alloc::string::String;

use super::super::Options;
use super::super::paint::{Ink, left, width};
use crate::trace::{Span, Trace};

/// From the start of the work to its end, or to the last that is known of it.
pub(in crate::view) fn extent<I: Iterator<Item = Span>>(
    trace: &Trace,
    spans: impl Fn() -> I,
) -> Option<(u64, u64)> {
    if let Some(work) = trace.done.as_ref().map(|done| done.phases.work)
        && work.end_ns > work.start_ns
    {
        return Some((work.start_ns, work.end_ns));
    }
    let started = || trace.tasks.iter().filter(|task| task.start_ns != 0);
    let first = started().map(|task| task.start_ns).min()?;
    let tasks = started().map(|task| task.end_ns.max(task.start_ns));
    let spans = spans().map(|span| span.end_ns.max(span.start_ns));
    Some((first, tasks.chain(spans).max()?.max(first.saturating_add(1))))
}

/// The part of a run that is drawn, nanoseconds from the start of its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// `None`: from the start.
    pub from_ns: Option<u64>,
    /// `None`, or beyond the end: to the end.
    pub to_ns: Option<u64>,
}

impl Window {
    pub(super) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// On the clock of a run that lasted from `origin` to `end`; `None`: nothing of it lies there.
    pub(super) fn within(&self, origin: u64, end: u64) -> Option<(u64, u64)> {
        let from = origin.saturating_add(self.from_ns.unwrap_or(0));
        let to = self.to_ns.map_or(end, |ns| origin.saturating_add(ns).min(end));
        (from < to).then_some((from, to))
    }
}

/// Time on one side, cells on the other.
pub(in crate::view) struct Axis {
    pub(in crate::view) origin: u64,
    pub(in crate::view) end: u64,
    pub(in crate::view) cells: usize,
}

impl Axis {
    /// Where a cell begins; the one after the last is the end.
    pub(in crate::view) fn start_of(&self, cell: usize) -> u64 {
        let length = u128::from(self.end - self.origin);
        self.origin + (length * cell as u128 / self.cells as u128) as u64
    }

    pub(in crate::view) fn cell_at(&self, ns: u64) -> usize {
        let into = u128::from(ns.saturating_sub(self.origin));
        let cell = into * self.cells as u128 / u128::from(self.end - self.origin).max(1);
        (cell as usize).min(self.cells - 1)
    }
}

/// Round times above the cells that they begin, counted from `zero`.
pub(super) fn ticks(axis: &Axis, zero: u64, label_room: usize, options: &Options) -> String {
    let (first, last) = (axis.origin.saturating_sub(zero), axis.end.saturating_sub(zero));
    let step = round_step(last - first, (axis.cells / 14).max(1) as u64);
    let mut line = String::new();
    let mut next = first.checked_next_multiple_of(step);
    while let Some(at) = next.filter(|at| *at <= last) {
        next = at.checked_add(step);
        let cell = if at == last { axis.cells - 1 } else { axis.cell_at(zero + at) };
        let text = tick_label(at, step);
        let taken = if line.is_empty() { 0 } else { width(&line) + 1 };
        if cell < taken || cell + 1 + width(&text) > axis.cells {
            continue;
        }
        line = left(&line, cell);
        line.push_str(if options.ascii { "|" } else { "╷" });
        line.push_str(&text);
    }
    let margin = " ".repeat(label_room + 1);
    format!("{margin}{}\n", Ink::Dim.paint(&line, options))
}

/// 1, 2 or 5 times a power of ten, so that there are at most so many steps.
pub(in crate::view) fn round_step(length: u64, most: u64) -> u64 {
    let mut power = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = factor * power;
            if length / step <= most {
                return step;
            }
        }
        power *= 10;
    }
}

/// Whole numbers of the unit that the step is in: `0`, `200 ms`, `1.5 s`.
pub(in crate::view) fn tick_label(ns: u64, step: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns")];
    if ns == 0 {
        return "0".into();
    }
    // A tenth of a second in seconds, but a hundredth in milliseconds.
    let fits = |(size, _): &&(u64, &str)| *size <= ns && size.div_ceil(10) <= step;
    let (size, unit) = UNITS.iter().find(fits).unwrap_or(&UNITS[3]);
    if ns.is_multiple_of(*size) {
        format!("{} {unit}", ns / size)
    } else {
        format!("{}.{} {unit}", ns / size, ns % size * 10 / size)
    }
}
