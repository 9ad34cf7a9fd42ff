//! A trace as lanes on a terminal: who did what when. One row a worker where a worker does one
//! thing at a time; where tasks interleave, one row a task, or several that never overlap. Each
//! cell shows the state that took most of its time, and nothing only where next to nothing
//! happened. Shows; explains nothing.

use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use maitred_wire::Strategy;
use maitred_wire::trace_file::{Role, TaskOutcome};

use super::Options;
use super::paint::{Ink, cut, left, to_ascii, width, wrap};
use super::state::{STATES, State};
use crate::analyse::units::{count, duration, plural};
use crate::trace::{RunEnd, Span, StepKind, Task, Trace};

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
    let loops = loops(trace, &axis, spans());
    let mut text = heading(trace, &axis, all, options);
    text.push_str(&ticks(&axis, label_room, options));
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
    text.push_str(&legend(trace, &rows, options));
    if options.ascii { to_ascii(&text) } else { text }
}

/// From the start of the work to its end, or to the last that is known of it.
pub(super) fn extent<I: Iterator<Item = Span>>(
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
pub(super) struct Axis {
    pub(super) origin: u64,
    pub(super) end: u64,
    pub(super) cells: usize,
}

impl Axis {
    /// Where a cell begins; the one after the last is the end.
    pub(super) fn start_of(&self, cell: usize) -> u64 {
        let length = u128::from(self.end - self.origin);
        self.origin + (length * cell as u128 / self.cells as u128) as u64
    }

    pub(super) fn cell_at(&self, ns: u64) -> usize {
        let into = u128::from(ns.saturating_sub(self.origin));
        let cell = into * self.cells as u128 / u128::from(self.end - self.origin).max(1);
        (cell as usize).min(self.cells - 1)
    }
}

/// What is drawn on one line.
pub(super) struct Row {
    pub(super) label: String,
    tasks: Vec<u32>,
    /// By cell: nanoseconds in each state.
    pub(super) time: Vec<[u64; STATES]>,
    pub(super) failures: Vec<u64>,
}

impl Row {
    pub(super) fn new(label: String, tasks: Vec<u32>) -> Self {
        Self { label, tasks, time: Vec::new(), failures: Vec::new() }
    }

    pub(super) fn add(&mut self, state: State, start: u64, end: u64, axis: &Axis) {
        let (start, end) = (start.max(axis.origin), end.min(axis.end));
        if end <= start {
            return;
        }
        for cell in axis.cell_at(start)..=axis.cell_at(end - 1) {
            let from = start.max(axis.start_of(cell));
            let to = end.min(axis.start_of(cell + 1));
            let time = &mut self.time[cell][state as usize];
            *time = time.saturating_add(to.saturating_sub(from));
        }
    }

    fn state(&self, cell: usize, axis: &Axis) -> State {
        let from = axis.start_of(cell);
        let to = axis.start_of(cell + 1);
        let failed = |at: &u64| axis.cell_at(at.saturating_sub(1)) == cell;
        if self.failures.iter().any(failed) {
            return State::Failed;
        }
        let mut time = self.time[cell];
        let busy = time.iter().copied().fold(0, u64::saturating_add);
        // What happened in a fifth of a cell is shown, lest short tasks on a long axis vanish.
        let idle = (to - from).saturating_sub(busy);
        time[State::Idle as usize] = if busy >= idle / 4 && busy > 0 { 0 } else { idle };
        let longest = time.iter().max().copied().unwrap_or(0);
        State::ALL.into_iter().find(|state| time[*state as usize] == longest).unwrap_or(State::Idle)
    }
}

/// Loops that stood still for a part of the time that can be seen, one row each: what occupied
/// them, so that the waits below it that lasted too long have their cause above them.
fn loops(trace: &Trace, axis: &Axis, spans: impl Iterator<Item = Span>) -> Vec<Row> {
    const MOST: usize = 4;
    if !trace.model.strategy.interleaves() {
        return Vec::new();
    }
    let every = trace.model.strategy == Strategy::AsyncPool;
    let mut row_of = vec![None; trace.lanes.len()];
    let mut rows: Vec<Row> = Vec::new();
    for (lane, _) in trace
        .lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| every || lane.role == Role::Loop)
        .take(MOST)
    {
        row_of[lane] = Some(rows.len());
        rows.push(Row {
            time: vec![[0; STATES]; axis.cells],
            ..Row::new(trace.lane_name(lane as u32), Vec::new())
        });
    }
    for span in spans {
        let row = row_of.get(span.lane as usize).copied().flatten();
        let state = trace.step(span.step).and_then(|info| match info.kind {
            StepKind::Cpu => Some(State::Running),
            StepKind::Block => Some(State::Blocked),
            _ => None,
        });
        if let (Some(row), Some(state)) = (row, state) {
            rows[row].add(state, span.start_ns, span.end_ns, axis);
        }
    }
    rows.retain(|row| (0..axis.cells).any(|cell| row.state(cell, axis) != State::Idle));
    rows
}

/// The rows to show, at most so many, and how many there would be.
pub(super) fn rows(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    if trace.model.strategy.interleaves() { packed(trace, most) } else { by_lane(trace, most) }
}

fn by_lane(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    let used = trace.lanes.iter().filter(|lane| lane.pid != 0).count();
    let mut place = vec![usize::MAX; trace.lanes.len()];
    let mut rows: Vec<Row> = Vec::new();
    for (lane, _) in trace.lanes.iter().enumerate().filter(|(_, lane)| lane.pid != 0).take(most) {
        place[lane] = rows.len();
        rows.push(Row::new(trace.lane_name(lane as u32), Vec::new()));
    }
    for (number, task) in trace.tasks.iter().enumerate().filter(|(_, task)| task.start_ns != 0) {
        let row = place.get(task.lane as usize).and_then(|&place| rows.get_mut(place));
        if let Some(row) = row {
            row.tasks.push(number as u32);
        }
    }
    // A thread that has one task is that task.
    if trace.tasks.len() > 1 && rows.iter().all(|row| row.tasks.len() <= 1) {
        for row in &mut rows {
            if let Some(&task) = row.tasks.first() {
                row.label = trace.task_name(task);
            }
        }
    }
    (rows, used)
}

/// Tasks in as few rows as they need without overlapping: each, in order of start, goes into the
/// row that has been free for longest.
fn packed(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    let mut order: Vec<u32> = (0..trace.tasks.len() as u32)
        .filter(|&task| trace.tasks[task as usize].start_ns != 0)
        .collect();
    order.sort_by_key(|&task| trace.tasks[task as usize].start_ns);
    let mut free: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut all = 0;
    for task in order {
        let Task { start_ns, end_ns, .. } = trace.tasks[task as usize];
        let row = match free.peek() {
            Some(&Reverse((until, row))) if until <= start_ns => {
                free.pop();
                row
            }
            _ => {
                all += 1;
                all - 1
            }
        };
        free.push(Reverse((if end_ns == 0 { u64::MAX } else { end_ns }, row)));
        if row >= most {
            continue;
        }
        match rows.get_mut(row) {
            Some(row) => row.tasks.push(task),
            None => rows.push(Row::new(trace.task_name(task), vec![task])),
        }
    }
    for row in rows.iter_mut().filter(|row| row.tasks.len() > 1) {
        row.label = format!("{} +{}", row.label, row.tasks.len() - 1);
    }
    (rows, all)
}

pub(super) fn fill(
    trace: &Trace,
    rows: &mut [Row],
    axis: &Axis,
    spans: impl Iterator<Item = Span>,
) {
    let mut row_of = vec![usize::MAX; trace.tasks.len()];
    for (index, row) in rows.iter_mut().enumerate() {
        row.time = vec![[0; STATES]; axis.cells];
        for &task in &row.tasks {
            row_of[task as usize] = index;
        }
        let ends = row.tasks.iter().map(|&task| &trace.tasks[task as usize]);
        let failed = ends.filter(|task| task.outcome != TaskOutcome::Done && !is_lost(trace, task));
        row.failures = failed.map(|task| until(task.end_ns, axis)).collect();
    }
    let mut last = BTreeMap::new();
    for span in spans {
        let row = row_of.get(span.task as usize).and_then(|&row| rows.get_mut(row));
        if let (Some(row), Some(state)) = (row, state_of(trace, &span)) {
            let task = &trace.tasks[span.task as usize];
            if span.end_ns == 0 && is_lost(trace, task) {
                // Spans come in order of start: the last one of a task stays.
                last.insert(span.task, (row_of[span.task as usize], span.start_ns));
                continue;
            }
            let end = if span.end_ns == 0 { until(task.end_ns, axis) } else { span.end_ns };
            row.add(state, span.start_ns, end, axis);
        }
    }
    for (row, at) in last.into_values() {
        rows[row].failures.push(at.saturating_add(1));
    }
}

/// Whether a task went with its process while the run went on: when is not known but for the
/// start of its last step, while in a run that was cut short it was at that step to the end.
fn is_lost(trace: &Trace, task: &Task) -> bool {
    trace.end == RunEnd::Finished && task.end_ns == 0
}

/// What has no end lasts as long as anything.
fn until(end_ns: u64, axis: &Axis) -> u64 {
    if end_ns == 0 { axis.end } else { end_ns }
}

/// How a span is shown; `None`: another one says it. Inside a hold, holding is the news, unless
/// the task waits there for yet another resource.
fn state_of(trace: &Trace, span: &Span) -> Option<State> {
    use StepKind as K;
    let info = trace.step(span.step)?;
    let state = match info.kind {
        K::Acquire => return Some(State::Queueing),
        // The steps inside say it; a hold of nothing lasts no time.
        K::Hold => return None,
        K::Cpu | K::Read | K::Write | K::Update | K::Allocate | K::Yield | K::Call | K::Crash => {
            State::Running
        }
        K::Wait | K::Http | K::Run => State::Waiting,
        K::Block => State::Blocked,
        K::Send | K::Receive => State::Talking,
        K::Fail => return None,
    };
    Some(if info.parent.is_some() { State::Holding } else { state })
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

/// Round times above the cells that they begin.
fn ticks(axis: &Axis, label_room: usize, options: &Options) -> String {
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
pub(super) fn round_step(length: u64, most: u64) -> u64 {
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
pub(super) fn tick_label(ns: u64, step: u64) -> String {
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

/// The states that the rows have time in, in words.
fn legend(trace: &Trace, rows: &[Row], options: &Options) -> String {
    let seen = |state: State| {
        let timed = rows.iter().any(|row| row.time.iter().any(|cell| cell[state as usize] > 0));
        let failed = state == State::Failed && rows.iter().any(|row| !row.failures.is_empty());
        timed || failed
    };
    let words = |state| words(trace, state);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for state in State::ALL.into_iter().filter(|&state| state != State::Idle && seen(state)) {
        let glyph = state.glyph(options.ascii).repeat(2);
        let entry = format!("{} {}", state.ink().paint(&glyph, options), words(state));
        let room = 3 + width(&words(state));
        if used > 0 && used + 3 + room > options.width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if used > 0 { "   " } else { "" });
            line.push_str(&entry);
        }
        used += room + 3;
    }
    let text: String =
        lines.into_iter().filter(|line| !line.is_empty()).map(|line| line + "\n").collect();
    text
}

/// What a state means in this trace.
pub(super) fn words(trace: &Trace, state: State) -> String {
    let resource = match &trace.resources[..] {
        [one] => format!("`{}`", one.name),
        _ => "a resource".into(),
    };
    match state {
        State::Queueing => format!("queues for {resource}"),
        State::Holding => format!("has {resource}"),
        State::Running => "computes".into(),
        State::Blocked if trace.model.strategy.interleaves() => "blocks its loop".into(),
        State::Blocked => "waits, blocking".into(),
        State::Waiting => "waits".into(),
        State::Talking => "waits at a channel".into(),
        State::Idle => String::new(),
        State::Failed => "failed or lost".into(),
    }
}
