//! A run as a drawing: what each worker (or task, where tasks interleave) was at, what the kernel
//! saw of the threads that did it, and of the processors, on one axis of time. Spans and slices
//! come as a stream and are never all held: the picture is as large as its columns.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;

use super::super::state::State;
use super::super::state_times::StateTimes;
use super::super::timeline::{self as rows, Axis, By, Lens, Refusal, round_step, tick_label};
use super::Look;
use super::kernel::{Kernel, kernel_record};
use super::lanes::{self, Lane};
use super::palette;
use super::svg::{Anchor, LINE, MARGIN, SIZE, Svg, WIDTH, cut_inside, number, width};
use crate::analyse::units::{duration, percent, plural, significant};
use crate::trace::{Observed, RunEnd, Slice, Source, Span, Trace};

/// Height of a lane, and of a lane with its gap.
const LANE: f64 = 14.0;
const PITCH: f64 = 19.0;
/// The most that names of lanes may take.
const NAMES: f64 = 176.0;
/// Threads that execute no steps have a row if they ran for this share of the time.
const BRIEF: f64 = 0.005;

/// Draws a trace whose spans and slices lie elsewhere: they are asked for as often as they are
/// needed, in order of start. `subject`: what the work is called.
///
/// # Errors
/// [`Refusal`] when there is nothing that could be drawn so.
pub fn timeline<I: Iterator<Item = Span>, J: Iterator<Item = Slice>>(
    trace: &Trace,
    subject: &str,
    spans: impl Fn() -> I,
    slices: impl Fn() -> J,
    lens: &Lens,
    look: &Look,
) -> Result<String, Refusal> {
    let title = format!("{subject}: {}", trace.name());
    let extent = rows::extent(trace, &spans).or_else(|| recorded(slices()));
    let Some((zero, whole_end)) = extent else {
        let nothing = "No task was started, so there is nothing to show.";
        let svg = Svg::new(&title, nothing, look);
        return Ok(svg.finish(&title, nothing));
    };
    let (origin, end) = lens.part(zero, whole_end)?;
    let most = look.rows.max(1);
    let (mut steps, all) = match lens.by {
        By::Core if kernel_record(trace).is_none() => {
            return Err(Refusal::NoSwitches { why: rows::why_not(trace) });
        }
        By::Core => (Vec::new(), 0),
        by => rows::rows_within(trace, by, lens.tasks_of((origin, end)), most),
    };
    let mut kernel = Kernel::new(trace, &steps, most);
    let all = all + rows::add_hosts(trace, &mut steps);
    let names = steps.iter().map(|row| &row.label).chain(kernel.iter().flat_map(Kernel::names));
    let room = names.map(|name| width(name, SIZE)).fold(40.0, f64::max).min(NAMES);
    let left = libm::ceil(MARGIN + room + 10.0);
    let axis = Axis { origin, end, cells: (WIDTH - MARGIN - left) as usize };
    let edges = lanes::edges(&axis);
    rows::fill(trace, &mut steps, &axis, spans());
    rows::fill_ways(trace, &mut steps, &axis);
    if lens.by == By::Worker && trace.model.strategy.interleaves() {
        steps = rows::loops(trace, &axis, spans(), rows::Loops::Lanes(most));
    }
    if let Some(kernel) = &mut kernel {
        kernel.fill(trace, spans(), slices(), &edges);
    }

    let facts = facts(trace, &axis, (zero, whole_end));
    let mut svg = Svg::new(&title, &facts, look);
    let mut drawing = Drawing { svg: &mut svg, axis: &axis, zero, edges: &edges, left };
    if lens.by != By::Core {
        drawing.steps(trace, &steps, all.max(steps.len()));
    }
    if let Some(kernel) = &kernel {
        drawing.kernel(trace, kernel);
    }
    drawing.svg.y += 6.0;
    for note in notes(trace) {
        svg.paragraph(&note, "m-t m-dim");
    }
    let about = describe(trace, &facts, &steps, kernel.as_ref());
    Ok(svg.finish(&title, &about))
}

/// From the first slice to the last: all that is known of a run without tasks.
fn recorded(slices: impl Iterator<Item = Slice>) -> Option<(u64, u64)> {
    let both = |known: Option<(u64, u64)>, slice: Slice| {
        let (start, end) = known.unwrap_or((u64::MAX, 0));
        Some((start.min(slice.start_ns), end.max(slice.end_ns).max(slice.start_ns)))
    };
    let (start, end) = slices.fold(None, both)?;
    Some((start, end.max(start.saturating_add(1))))
}

fn facts(trace: &Trace, axis: &Axis, (zero, end): (u64, u64)) -> String {
    let part = match (axis.origin, axis.end) == (zero, end) {
        true => String::new(),
        false => format!("{} to {} of ", duration(axis.origin - zero), duration(axis.end - zero)),
    };
    let end_of = match &trace.end {
        RunEnd::Finished | RunEnd::TimeUp { .. } => "",
        RunEnd::Interrupted => ", then interrupted",
        RunEnd::TimedOut { .. } => ", then timed out",
        RunEnd::Deadlock(_) => ", then deadlocked",
        RunEnd::OutOfMemory { .. } => ", then out of memory",
        RunEnd::Died { .. } => ", then the process died",
        RunEnd::Refused(_) => ", then refused",
    };
    format!(
        "{} · {} · {part}{} of work{end_of} · a column is {}",
        plural(trace.tasks.len() as u64, "task"),
        plural(u64::from(trace.workers), "worker"),
        duration(end - zero),
        duration((axis.end - axis.origin) / axis.cells as u64)
    )
}

/// Lanes are drawn here.
struct Drawing<'a, 'b> {
    svg: &'a mut Svg<'b>,
    axis: &'a Axis,
    /// The start of the work, from which times are counted.
    zero: u64,
    edges: &'a [u64],
    left: f64,
}

impl Drawing<'_, '_> {
    fn steps(&mut self, trace: &Trace, steps: &[rows::Row], all: usize) {
        let seen = |state: State| {
            let timed = steps.iter().any(|row| row.time.total(state) > 0);
            timed || state == State::Failed && steps.iter().any(|row| !row.failures.is_empty())
        };
        let states = State::ALL.into_iter().filter(|state| *state != State::Idle && seen(*state));
        let named = |state| rows::words(trace, state).replace('`', "");
        let words = states.map(|state| (state, named(state))).collect::<Vec<_>>();
        self.section("Steps of the work", &words, steps.len());
        for row in steps {
            match row.way_to {
                Some(_) => self.on_the_way(&row.label, &row.time, &words),
                None => self.lane(&row.label, &row.time, &words),
            }
            for &at in &row.failures {
                let cell = self.axis.cell_at(at.saturating_sub(1));
                let x = (self.left + cell as f64).min(WIDTH - MARGIN - 4.0).max(self.left + 4.0);
                let (x, y) = (number(x), number(self.svg.y - PITCH / 2.0 + 2.0));
                let d = format!("M{x} {y}m-4 -4l8 8m0 -8l-8 8");
                self.svg.path(&d, "class=\"m-cross\"");
            }
        }
        self.more(all - steps.len(), "lane");
    }

    fn kernel(&mut self, trace: &Trace, kernel: &Kernel<'_>) {
        let seen = |(state, _): &(State, &str)| {
            kernel.threads.iter().chain(&kernel.cpus).any(|lane| lane.time.total(*state) > 0)
        };
        let words = rows::words_of_threads(trace).into_iter().filter(seen);
        let words: Vec<_> = words.map(|(state, words)| (state, words.to_string())).collect();
        let length = (self.axis.end - self.axis.origin) as f64;
        let ran = |lane: &Lane| lane.time.total(State::Running) as f64 >= BRIEF * length;
        let shown = |(place, lane): &(usize, &Lane)| *place < kernel.of_lanes || ran(lane);
        let threads = kernel.threads.iter().enumerate().filter(shown).map(|(_, lane)| lane);
        let threads: Vec<&Lane> = threads.collect();
        let brief = kernel.threads.len() - threads.len();
        self.section("Threads, as the kernel saw them", &words, threads.len());
        for lane in threads {
            self.lane(&lane.label, &lane.time, &words);
        }
        self.more(kernel.more, "thread");
        if brief > 0 {
            let others = plural(brief as u64, "thread").replacen(' ', " other ", 1);
            let share = percent(BRIEF);
            self.below(&format!(
                "… and {others}, on a processor for less than {share} of this time"
            ));
        }
        let title = format!("Processors, {} used by this run", percent(kernel.used(self.axis)));
        self.section(&title, &[], kernel.cpus.len());
        for lane in &kernel.cpus {
            self.lane(&lane.label, &lane.time, &words);
        }
        self.more(kernel.scheduling.cpus.len() - kernel.cpus.len(), "processor");
    }

    /// A heading, its legend, and an axis over as many lanes as follow.
    fn section(&mut self, title: &str, words: &[(State, String)], lanes: usize) {
        let svg = &mut *self.svg;
        svg.y += 10.0 + LINE;
        svg.text(MARGIN, svg.y - 4.0, "m-t m-b", Anchor::Start, title);
        if !words.is_empty() {
            let paint = |state| palette::fill(state, &svg.look.id);
            let entries = words.iter().map(|(state, words)| (paint(*state), words.clone()));
            let entries: Vec<_> = entries.collect();
            svg.legend(MARGIN, &entries);
        }
        let height = lanes as f64 * PITCH;
        svg.y += LINE + 2.0;
        let length = self.axis.end - self.axis.origin;
        let step = round_step(length, (self.axis.cells / 90).max(1) as u64);
        let first = self.axis.origin.saturating_sub(self.zero);
        for tick in first.div_ceil(step)..=(first + length) / step {
            let at = tick * step;
            let share = (at - first) as f64 / length as f64;
            let x = libm::round(self.left + share * self.axis.cells as f64) + 0.5;
            svg.line((x, svg.y - 3.0), (x, svg.y + height), "m-line m-grid");
            let text = tick_label(at, step);
            let half = width(&text, SIZE) / 2.0;
            let middle = x.max(self.left + half - 8.0).min(WIDTH - 6.0 - half);
            svg.text(middle, svg.y - 6.0, "m-t m-dim", Anchor::Middle, &text);
        }
    }

    fn lane(&mut self, label: &str, time: &StateTimes, words: &[(State, String)]) {
        self.row(label, time, &shares(label, time, words, self.axis));
    }

    fn on_the_way(&mut self, label: &str, time: &StateTimes, words: &[(State, String)]) {
        self.row(label, time, &numbers(label, time, words, self.axis));
    }

    fn row(&mut self, label: &str, time: &StateTimes, about: &str) {
        let columns = self.axis.cells as f64;
        let svg = &mut *self.svg;
        let top = svg.y + 2.0;
        svg.begin_group(about);
        let name = cut_inside(label, SIZE, self.left - MARGIN - 10.0);
        svg.text(self.left - 8.0, top + LANE - 3.0, "m-t", Anchor::End, &name);
        svg.rect(self.left, top, columns, LANE, "class=\"m-lane\"");
        for (state, d) in lanes::shapes(time, self.edges, (self.left, top, LANE)) {
            let paint = palette::fill(state, &svg.look.id);
            svg.path(&d, &paint);
        }
        svg.end_group();
        svg.y += PITCH;
    }

    fn more(&mut self, number: usize, noun: &str) {
        if number > 0 {
            let number = plural(number as u64, noun).replacen(' ', " more ", 1);
            self.below(&format!("… and {number}"));
        }
    }

    fn below(&mut self, text: &str) {
        self.svg.y += LINE;
        self.svg.text(self.left, self.svg.y - 4.0, "m-t m-dim", Anchor::Start, text);
    }
}

/// What a lane shows, in words: `table 1: waits 44 %, has `waiter` 11 %`.
fn shares(label: &str, time: &StateTimes, words: &[(State, String)], axis: &Axis) -> String {
    let whole = (axis.end - axis.origin).max(1) as f64;
    let parts = words.iter().filter_map(|(state, words)| {
        let ns = time.total(*state);
        (ns > 0).then(|| format!("{words} {}", percent(ns as f64 / whole)))
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => format!("{label}: nothing in this time"),
        false => format!("{label}: {}", parts.join(", ")),
    }
}

/// What a row of many tasks at once shows: `on the way: in the scheduler 3.20 tasks at a time`.
fn numbers(label: &str, time: &StateTimes, words: &[(State, String)], axis: &Axis) -> String {
    let whole = (axis.end - axis.origin).max(1) as f64;
    let parts = words.iter().filter_map(|(state, words)| {
        let ns = time.total(*state);
        let number = ns as f64 / whole;
        (ns > 0).then(|| format!("{words} {} tasks at a time", significant(number)))
    });
    format!("{label}: {}", parts.collect::<Vec<String>>().join(", "))
}

/// What the picture lacks, and why.
fn notes(trace: &Trace) -> Vec<String> {
    let mut notes =
        Vec::from(["Where several states fall into one column, each has its share of the height."
            .to_string()]);
    match &trace.scheduling {
        Observed::Unknown(why) => {
            notes.push(format!("What the kernel did with the threads is not known: {why}."));
        }
        Observed::Known(scheduling) => {
            if let Source::Samples { every_ns } = scheduling.source {
                notes.push(format!(
                    "The kernel's part are samples, taken about every {}: between two of them anything may have happened.",
                    duration(every_ns)
                ));
            }
            if scheduling.lost > 0 {
                notes.push(format!(
                    "{} of the kernel were lost: what they would have shown is missing.",
                    plural(scheduling.lost, "record")
                ));
            }
            notes.extend(scheduling.missing.iter().map(|what| format!("Missing: {what}.")));
        }
    }
    let dropped = trace.lanes.iter().map(|lane| lane.dropped).fold(0, u64::saturating_add);
    if dropped > 0 {
        notes.push(format!(
            "{} had no room in the trace and are not drawn.",
            plural(dropped, "span")
        ));
    }
    notes
}

/// The picture in words.
fn describe(
    trace: &Trace,
    facts: &str,
    steps: &[rows::Row],
    kernel: Option<&Kernel<'_>>,
) -> String {
    let failed = trace.tasks.iter().filter(|task| task.outcome == TaskOutcome::Failed);
    let mut text =
        format!("A timeline of {}: {facts}. {}", trace.name(), plural(steps.len() as u64, "lane"));
    let failed = failed.count() as u64;
    if failed > 0 {
        text.push_str(&format!(", {}", plural(failed, "failed task")));
    }
    text.push('.');
    if let Some(kernel) = kernel {
        text.push_str(&format!(
            " Below, {} and {}, as the kernel recorded them.",
            plural(kernel.threads.len() as u64, "thread"),
            plural(kernel.cpus.len() as u64, "processor")
        ));
    }
    text
}
