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

/// Round times above the cells that they begin.
pub(super) fn ticks(axis: &Axis, label_room: usize, options: &Options) -> String {
    let length = axis.end - axis.origin;
    let step = round_step(length, (axis.cells / 14).max(1) as u64);
    let mut line = String::new();
    for tick in 0..=length / step {
        let at = tick * step;
        let cell = if at == length { axis.cells - 1 } else { axis.cell_at(axis.origin + at) };
        let text = tick_label(at, step);
        let free = width(&line);
        if cell < free + usize::from(tick > 0) && tick > 0 || cell + 1 + width(&text) > axis.cells {
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
