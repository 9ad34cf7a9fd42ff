//! A trace as lanes on a terminal: who did what when; or which thread was on which processor. Each
//! cell shows the state that took most of its time, and nothing only where next to nothing
//! happened. Shows; explains nothing.

mod axis;
mod cores;
mod kernel;
mod legend;
mod row;
mod rows;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::paint::{Ink, cut, left, to_ascii, width, wrap};
use super::{By, Options};
use crate::analyse::units::{count, duration, plural};
use crate::trace::{Slice, Span, Trace};

pub(in crate::view) use axis::{Axis, round_step, tick_label};
pub(in crate::view) use legend::words;
pub(in crate::view) use row::Row;
pub(in crate::view) use rows::{fill, rows};

/// The lanes of a run, with a time axis above and a legend below; else why they cannot be shown.
pub fn timeline(trace: &Trace, options: &Options) -> String {
    let slices = trace.scheduling.known().map_or(&[][..], |known| &known.slices);
    let (spans, slices) = (|| trace.spans.iter().copied(), || slices.iter().copied());
    timeline_of(trace, spans, slices, options).unwrap_or_else(|why| why + "\n")
}

/// The same of a trace whose spans and slices lie elsewhere: they are asked for as often as they
/// are needed, in order of start, and never all held.
///
/// # Errors
/// What the options ask for is not in this trace, as a lowercase sentence.
pub fn timeline_of<I: Iterator<Item = Span>, J: Iterator<Item = Slice>>(
    trace: &Trace,
    spans: impl Fn() -> I,
    slices: impl Fn() -> J,
    options: &Options,
) -> Result<String, String> {
    let Some(whole) = extent(trace, &spans) else {
        let nothing = "no task was started, so there is nothing to show";
        return Ok(format!("{}: {nothing}\n", trace.model));
    };
    let (origin, end) = window(whole, options)?;
    let cells = |room: usize| options.width.saturating_sub(room + 1).max(10);
    if options.by == By::Core {
        let room = cores::LABEL;
        let axis = Axis { origin, end, cells: cells(room) };
        let cores = cores::cores(trace, slices, &axis, options)?;
        let mut text = heading(trace, &axis, whole, &plural(cores.rows as u64, "core"), options);
        text.push_str(&axis::ticks(&axis, whole.0, room, options));
        text.push_str(&cores.text);
        return Ok(if options.ascii { to_ascii(&text) } else { text });
    }
    let most = options.rows.max(1);
    let alone = !trace.model.strategy.interleaves();
    let by_worker = options.by == By::Worker && !alone;
    let (mut rows, mut all) = match options.by {
        By::Task => rows::by_task(trace, most),
        _ if by_worker => (Vec::new(), 0),
        _ => rows(trace, most),
    };
    let mut labels: usize = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0);
    if by_worker {
        labels = trace.lane_names().iter().map(|name| width(name)).max().unwrap_or(0);
    }
    let label_room = labels.min(options.width / 3).max(4);
    let axis = Axis { origin, end, cells: cells(label_room) };
    let mut loops = Vec::new();
    if by_worker {
        (rows, all) = rows::by_worker(trace, most, &axis, spans());
    } else {
        fill(trace, &mut rows, &axis, spans());
        if options.by == By::Auto {
            loops = rows::loops(trace, &axis, spans());
        }
    }
    for row in &mut rows {
        row.failures
            .retain(|&at| (origin == whole.0 || at > origin) && (end == whole.1 || at <= end));
    }
    kernel::refine(trace, &mut rows, &axis, slices());
    kernel::refine(trace, &mut loops, &axis, slices());
    let mut text = heading(trace, &axis, whole, &plural(all as u64, "lane"), options);
    text.push_str(&axis::ticks(&axis, whole.0, label_room, options));
    for row in loops.iter().chain(&rows) {
        let label = left(&cut(&row.label, label_room, options), label_room);
        let line = format!("{label} {}", row::draw(row, &axis, options));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if all > rows.len() {
        let more = count((all - rows.len()) as u64);
        text.push_str(&Ink::Dim.paint(&format!("… and {more} more lanes"), options));
        text.push('\n');
    }
    loops.extend(rows);
    text.push_str(&legend::legend(trace, &loops, options));
    Ok(if options.ascii { to_ascii(&text) } else { text })
}

/// The part to show, in the time of the trace.
fn window((begin, end): (u64, u64), options: &Options) -> Result<(u64, u64), String> {
    let length = end - begin;
    let from = options.from_ns.unwrap_or(0);
    let to = options.to_ns.unwrap_or(length).min(length);
    if from >= length {
        return Err(format!(
            "the work lasts {}, so there is nothing from {} on; name an earlier --from",
            duration(length),
            duration(from)
        ));
    }
    if from >= to {
        return Err(format!(
            "--from {} is not before --to {}; name a --to after it",
            duration(from),
            duration(to)
        ));
    }
    Ok((begin + from, begin + to))
}

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

fn heading(trace: &Trace, axis: &Axis, whole: (u64, u64), rows: &str, options: &Options) -> String {
    let model = format!("{}", trace.model);
    let tasks = plural(trace.tasks.len() as u64, "task");
    let cell = duration((axis.end - axis.origin) / axis.cells as u64);
    let (begin, end) = whole;
    let length = duration(end - begin);
    let part = match (axis.origin, axis.end) == whole {
        true => format!("{length} of work"),
        false => {
            let [from, to] = [axis.origin, axis.end].map(|at| duration(at - begin));
            format!("{from} to {to} of {length} of work")
        }
    };
    let facts = format!("{tasks}, {rows}, {part}, {cell} a cell");
    let gap = if width(&model) + 2 + width(&facts) > options.width { "\n" } else { "  " };
    let facts = wrap(&facts, options.width, 0);
    format!("{}{gap}{facts}\n", Ink::Bold.paint(&model, options))
}
