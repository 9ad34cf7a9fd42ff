//! A trace as lanes on a terminal: who did what when. One row a worker where a worker does one
//! thing at a time; where tasks interleave, one row a task, or several that never overlap. Each
//! cell shows the state that took most of its time, and nothing only where next to nothing
//! happened. Where the kernel's switches were recorded, a second line below each worker (or task)
//! says what its thread did, and processors can be the lanes. Shows; explains nothing.

mod axis;
mod cores;
mod legend;
mod rows;
mod steps;
#[cfg(test)]
mod tests;
mod threads;
mod ways;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use self::cores::Cores;
use super::Options;
use super::paint::{Ink, cut, left, right, to_ascii, width, wrap};
use super::state::State;
use super::state_times::StateTimes;
use crate::analyse::units::{count, duration, percent, plural};
use crate::trace::{Observed, Scheduling, Slice, Span, Trace};

pub use axis::Window;
pub(super) use axis::{Axis, extent, round_step, tick_label};
pub(super) use legend::{words, words_of_threads};
pub use rows::By;
pub(super) use rows::{Row, rows, rows_of, rows_within};
pub(super) use steps::{Loops, fill, loops, state_of, state_of_calls};
pub(super) use threads::{join, lanes_of_threads};
pub(super) use ways::{add_hosts, fill_ways};

/// What is drawn of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lens {
    pub by: By,
    pub window: Window,
}

impl Lens {
    /// What is drawn of a run that lasted from `zero` to `end`.
    pub(super) fn part(&self, zero: u64, end: u64) -> Result<(u64, u64), Refusal> {
        let from_ns = self.window.from_ns.unwrap_or(0);
        let beyond = Refusal::Beyond { from_ns, whole_ns: end - zero };
        self.window.within(zero, end).ok_or(beyond)
    }

    /// When something must have happened in a row that is drawn.
    pub(super) fn tasks_of(&self, part: (u64, u64)) -> (u64, u64) {
        if self.window.is_all() { (0, u64::MAX) } else { part }
    }
}

/// Why a run cannot be drawn so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The work was over before.
    Beyond { from_ns: u64, whole_ns: u64 },
    /// Without the kernel's record of switches nobody knows who was on which processor.
    NoSwitches { why: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond { from_ns, whole_ns } => {
                let (from, whole) = (duration(*from_ns), duration(*whole_ns));
                write!(
                    f,
                    "--from {from} is beyond the end: the work took {whole}; name a time in it"
                )
            }
            Self::NoSwitches { why } => write!(
                f,
                "--by core needs the kernel's record of who was on which processor, and there is \
                 none: {why}"
            ),
        }
    }
}

impl core::error::Error for Refusal {}

/// The lanes of a run, with a time axis above and a legend below.
pub fn timeline(trace: &Trace, options: &Options) -> String {
    let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
    let spans = || trace.spans.iter().copied();
    timeline_of(trace, spans, || slices.iter().copied(), &Lens::default(), options)
        .unwrap_or_else(|refusal| format!("{refusal}\n"))
}

/// A part of a run, in lanes of one's choice. Its spans and slices may lie elsewhere: they are
/// asked for as often as they are needed, in order of start, and never all held.
///
/// # Errors
/// [`Refusal`] when there is nothing that could be drawn so.
pub fn timeline_of<I: Iterator<Item = Span>, J: Iterator<Item = Slice>>(
    trace: &Trace,
    spans: impl Fn() -> I,
    slices: impl Fn() -> J,
    lens: &Lens,
    options: &Options,
) -> Result<String, Refusal> {
    let recorded = threads::recorded(trace, &slices);
    if lens.by == By::Core && recorded.is_none() {
        return Err(Refusal::NoSwitches { why: why_not(trace) });
    }
    let Some((zero, end)) = extent(trace, &spans) else {
        let nothing = "no task was started, so there is nothing to show";
        return Ok(format!("{}: {nothing}\n", trace.name()));
    };
    let window = lens.part(zero, end)?;
    let picture = Picture { trace, lens, zero, whole_ns: end - zero, window, options };
    let text = match recorded {
        Some(scheduling) if lens.by == By::Core => picture.cores(scheduling, slices),
        scheduling => picture.lanes(spans, slices, scheduling),
    };
    Ok(if options.ascii { to_ascii(&text) } else { text })
}

/// Why there are no slices, and what to do about it.
pub(super) fn why_not(trace: &Trace) -> String {
    match &trace.scheduling {
        Observed::Unknown(why) => {
            format!("{why}; `maitred run` records it, unless it is told --no-scheduling")
        }
        Observed::Known(scheduling) => match scheduling.missing.first() {
            Some(why) => why.clone(),
            None => "no slice is in this trace; record the run again".into(),
        },
    }
}

/// One drawing.
struct Picture<'a> {
    trace: &'a Trace,
    lens: &'a Lens,
    /// The start of the work, from which times are counted.
    zero: u64,
    whole_ns: u64,
    /// What is drawn of it.
    window: (u64, u64),
    options: &'a Options,
}

/// `CPU < 0.1 %`, and two to set it off.
const SHARE_ROOM: usize = 13;

impl Picture<'_> {
    fn axis(&self, label_room: usize) -> Axis {
        let cells = self.options.width.saturating_sub(label_room + 1).max(10);
        Axis { origin: self.window.0, end: self.window.1, cells }
    }

    fn cores<J: Iterator<Item = Slice>>(
        &self,
        scheduling: &Scheduling,
        slices: impl Fn() -> J,
    ) -> String {
        let options = self.options;
        let labels: Vec<String> = scheduling.cpus.iter().map(|cpu| Cores::label(*cpu)).collect();
        let room = labels.iter().map(|label| width(label)).max().unwrap_or(0);
        let axis = self.axis(room);
        let cores = Cores::new(self.trace, scheduling, &axis, slices, options.rows);
        let processors = plural(scheduling.cpus.len() as u64, "processor");
        let mut text = self.heading(&axis, &processors);
        text.push_str(&axis::ticks(&axis, self.zero, room, options));
        for (label, cells) in labels.iter().zip(cores.lanes(options)) {
            text.push_str(&format!("{} {cells}\n", left(label, room)));
        }
        text.push('\n');
        text.push_str(&cores.table(options));
        for note in cores.notes() {
            text.push_str(&Ink::Dim.paint(&wrap(&note, options.width, 0), options));
            text.push('\n');
        }
        text
    }

    fn lanes<I: Iterator<Item = Span>, J: Iterator<Item = Slice>>(
        &self,
        spans: impl Fn() -> I,
        slices: impl Fn() -> J,
        scheduling: Option<&Scheduling>,
    ) -> String {
        let (trace, options) = (self.trace, self.options);
        let part = self.lens.tasks_of(self.window);
        let (mut rows, mut all) = rows_within(trace, self.lens.by, part, options.rows.max(1));
        let ways = add_hosts(trace, &mut rows);
        let mut labels = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0);
        if rows.is_empty() {
            labels = trace.lane_names().iter().map(|name| width(name)).max().unwrap_or(0);
        }
        let least = if scheduling.is_some() { SHARE_ROOM } else { 4 };
        let room = labels.min(options.width / 3).max(least);
        let axis = self.axis(room);
        fill(trace, &mut rows, &axis, spans());
        fill_ways(trace, &mut rows, &axis);
        let mut more = all + ways - rows.len();
        let which = match (self.lens.by, scheduling) {
            (By::Worker, _) => Loops::Lanes(options.rows.max(1)),
            (_, Some(_)) => Loops::Above,
            (_, None) => Loops::Stuck,
        };
        let mut drawn = loops(trace, &axis, spans(), which);
        if self.lens.by == By::Worker && trace.model.strategy.interleaves() {
            all = trace.lanes.iter().filter(|lane| lane.pid != 0).count();
            more = all - drawn.len();
        }
        drawn.append(&mut rows);
        let below = match scheduling {
            None => Vec::new(),
            Some(scheduling) => self.below(scheduling, &drawn, &axis, spans(), slices()),
        };
        let mut text = self.heading(&axis, &plural(all as u64, "lane"));
        text.push_str(&axis::ticks(&axis, self.zero, room, options));
        for (number, row) in drawn.iter().enumerate() {
            let label = left(&cut(&row.label, room, options), room);
            push_line(&mut text, &format!("{label} {}", draw(row, &axis, options)));
            if let Some(below) = below.get(number).filter(|row| row.time.columns() > 0) {
                let label = Ink::Dim.paint(&right(&below.label, room), options);
                push_line(&mut text, &format!("{label} {}", draw(below, &axis, options)));
            }
        }
        if more > 0 {
            let more = format!("… and {} more lanes", count(more as u64));
            text.push_str(&Ink::Dim.paint(&more, options));
            text.push('\n');
        }
        text.push_str(&legend::legend(trace, &drawn, options));
        text.push_str(&legend::of_threads(trace, &below, options));
        let lacks = scheduling.map(threads::lacks).unwrap_or_default();
        for note in overlap(trace, &drawn, &axis).into_iter().chain(lacks) {
            text.push_str(&Ink::Dim.paint(&wrap(&note, options.width, 0), options));
            text.push('\n');
        }
        text
    }

    /// What the threads did, for each row that is one, or a task's; without time for the others,
    /// and for those that only waited.
    fn below(
        &self,
        scheduling: &Scheduling,
        rows: &[Row],
        axis: &Axis,
        spans: impl Iterator<Item = Span>,
        slices: impl Iterator<Item = Slice>,
    ) -> Vec<Row> {
        let mut of_lane = vec![None; self.trace.lanes.len()];
        let mut of_task = vec![None; self.trace.tasks.len()];
        let mut below: Vec<Row> = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let mut under = Row::new(String::new(), Vec::new());
            under.time = StateTimes::new(axis.cells);
            below.push(under);
            match (row.lane, &row.tasks[..]) {
                (Some(lane), _) => of_lane[lane as usize] = Some(number),
                (None, [task]) if self.lens.by == By::Task => {
                    of_task[*task as usize] = Some(number);
                }
                (None, _) => {}
            }
        }
        join(self.trace, scheduling, spans, slices, &mut |piece| {
            let row = match piece.task {
                Some(task) => of_task.get(task as usize),
                None => of_lane.get(piece.lane as usize),
            };
            if let Some(&Some(row)) = row {
                below[row].add(piece.state, piece.start_ns, piece.end_ns, axis);
            }
        });
        for row in &mut below {
            let all: u64 = State::ALL.iter().map(|state| row.time.total(*state)).sum();
            let known = all - row.time.total(State::Unrecorded);
            row.label = match known {
                0 => "CPU ?".into(),
                _ => format!("CPU {}", percent(row.time.total(State::Running) as f64 / all as f64)),
            };
            // Who only waited has nothing to tell that its steps do not.
            let quiet = [State::Blocked, State::Idle];
            if (0..axis.cells).all(|cell| quiet.contains(&row.state(cell, axis))) {
                row.time = StateTimes::default();
            }
        }
        below
    }

    fn heading(&self, axis: &Axis, rows: &str) -> String {
        let options = self.options;
        let model = self.trace.name();
        let tasks = plural(self.trace.tasks.len() as u64, "task");
        let cell = duration((axis.end - axis.origin) / axis.cells as u64);
        let whole = duration(self.whole_ns);
        let part = match self.lens.window.is_all() {
            true => String::new(),
            false => {
                let from = duration(axis.origin - self.zero);
                format!("{from} to {} of ", duration(axis.end - self.zero))
            }
        };
        let facts = format!("{tasks}, {rows}, {part}{whole} of work, {cell} a cell");
        let gap = if width(&model) + 2 + width(&facts) > options.width { "\n" } else { "  " };
        let facts = wrap(&facts, options.width, 0);
        format!("{}{gap}{facts}\n", Ink::Bold.paint(&model, options))
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Tasks of a loop wait beside each other, so that what they waited adds up to more than the time.
fn overlap(trace: &Trace, rows: &[Row], axis: &Axis) -> Option<String> {
    if !trace.model.strategy.interleaves() {
        return None;
    }
    let waits = [State::Queueing, State::Waiting, State::Overdue, State::Talking];
    let tasks = rows.iter().filter(|row| row.lane.is_none());
    let waited =
        tasks.flat_map(|row| waits.map(|state| row.time.total(state))).fold(0, u64::saturating_add);
    let time = axis.end - axis.origin;
    (waited > time).then(|| {
        format!(
            "tasks wait at the same time: their waits ({}) add up to more than the {} drawn",
            duration(waited),
            duration(time)
        )
    })
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
