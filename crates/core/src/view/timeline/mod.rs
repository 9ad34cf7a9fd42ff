//! A trace as lanes on a terminal: who did what when. One row a worker where a worker does one
//! thing at a time; where tasks interleave, one row a task, or several that never overlap. Each
//! cell shows the state that took most of its time, and nothing only where next to nothing
//! happened. Shows; explains nothing.

mod axis;
mod legend;
mod rows;
mod steps;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Options;
use super::paint::{Ink, cut, left, to_ascii, width, wrap};
use super::state::State;
use crate::analyse::units::{count, duration, plural};
use crate::trace::{Span, Trace};

pub(super) use axis::{Axis, extent, round_step, tick_label};
pub(super) use legend::words;
pub(super) use rows::{Row, rows};
pub(super) use steps::fill;

/// The lanes of a run, with a time axis above and a legend below.
pub fn timeline(trace: &Trace, options: &Options) -> String {
    timeline_of(trace, || trace.spans.iter().copied(), options)
}

/// The same of a trace whose spans lie elsewhere: they are asked for as often as they are needed,
/// in order of start, and never all held.
pub fn timeline_of<I: Iterator<Item = Span>>(
    trace: &Trace,
    spans: impl Fn() -> I,
    options: &Options,
) -> String {
    let Some((origin, end)) = extent(trace, &spans) else {
        return format!("{}: no task was started, so there is nothing to show\n", trace.model);
    };
    let (mut rows, all) = rows(trace, options.rows.max(1));
    let labels = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0);
    let label_room = labels.min(options.width / 3).max(4);
    let cells = options.width.saturating_sub(label_room + 1).max(10);
    let axis = Axis { origin, end, cells };
    fill(trace, &mut rows, &axis, spans());
    let loops = steps::loops(trace, &axis, spans());
    let mut text = heading(trace, &axis, all, options);
    text.push_str(&axis::ticks(&axis, label_room, options));
    for row in loops.iter().chain(&rows) {
        let label = left(&cut(&row.label, label_room, options), label_room);
        let line = format!("{label} {}", draw(row, &axis, options));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if all > rows.len() {
        let more = count((all - rows.len()) as u64);
        text.push_str(&Ink::Dim.paint(&format!("… and {more} more lanes"), options));
        text.push('\n');
    }
    text.push_str(&legend::legend(trace, &rows, options));
    if options.ascii { to_ascii(&text) } else { text }
}

fn heading(trace: &Trace, axis: &Axis, rows: usize, options: &Options) -> String {
    let model = format!("{}", trace.model);
    let tasks = plural(trace.tasks.len() as u64, "task");
    let lanes = plural(rows as u64, "lane");
    let cell = duration((axis.end - axis.origin) / axis.cells as u64);
    let whole = duration(axis.end - axis.origin);
    let facts = format!("{tasks}, {lanes}, {whole} of work, {cell} a cell");
    let gap = if width(&model) + 2 + width(&facts) > options.width { "\n" } else { "  " };
    let facts = wrap(&facts, options.width, 0);
    format!("{}{gap}{facts}\n", Ink::Bold.paint(&model, options))
}

/// The cells of a row, colours switched only where the state changes.
fn draw(row: &Row, axis: &Axis, options: &Options) -> String {
    let states: Vec<State> = (0..axis.cells).map(|cell| row.state(cell, axis)).collect();
    let runs = states.chunk_by(|one, next| one == next);
    let paint = |run: &[State]| {
        let state = run[0];
        state.ink().paint(&state.glyph(options.ascii).repeat(run.len()), options)
    };
    let mut line: String = runs.map(paint).collect();
    line.truncate(line.trim_end().len());
    line
}
