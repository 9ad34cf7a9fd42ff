//! A trace as lanes in a terminal: one row a worker, one glyph a state. Where waiting gives way
//! (event loops) several tasks are under way on one thread, so there a row is a task, or several
//! that fit behind each other. A cell shows the state that took most of its time.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;

use crate::analyse::units;
use crate::trace::{StepKind, Trace};
use crate::view::paint::{self, Color};

/// How a timeline is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineOptions {
    /// Columns, labels included.
    pub width: usize,
    /// Most rows that are drawn; the others are counted.
    pub rows: usize,
    pub color: bool,
    /// Only characters that every terminal has.
    pub ascii: bool,
}

/// What a task does at a moment, as far as a picture tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Computing,
    Waiting,
    Blocked,
    Queueing,
    Holding,
    Channel,
    Child,
    /// Under way, in no step: between two steps, or not recorded.
    Between,
}

const STATES: [State; 8] = [
    State::Computing,
    State::Waiting,
    State::Blocked,
    State::Queueing,
    State::Holding,
    State::Channel,
    State::Child,
    State::Between,
];

impl State {
    fn of(kind: StepKind, holding: bool) -> Option<Self> {
        Some(match kind {
            StepKind::Cpu | StepKind::Call | StepKind::Allocate => Self::Computing,
            StepKind::Wait | StepKind::Block | StepKind::Http if holding => Self::Holding,
            StepKind::Wait | StepKind::Http => Self::Waiting,
            StepKind::Block => Self::Blocked,
            StepKind::Acquire => Self::Queueing,
            StepKind::Send | StepKind::Receive => Self::Channel,
            StepKind::Run => Self::Child,
            StepKind::Hold => return None,
            StepKind::Read
            | StepKind::Write
            | StepKind::Update
            | StepKind::Yield
            | StepKind::Fail
            | StepKind::Crash => Self::Between,
        })
    }

    fn glyph(self, ascii: bool) -> char {
        match (self, ascii) {
            (Self::Computing, false) => '█',
            (Self::Waiting, false) => '░',
            (Self::Blocked, false) => '▒',
            (Self::Queueing, false) => '·',
            (Self::Holding, false) => '▓',
            (Self::Channel, false) => '≈',
            (Self::Child, false) => '▚',
            (Self::Computing, true) => '#',
            (Self::Waiting, true) => '~',
            (Self::Blocked, true) => '=',
            (Self::Queueing, true) => '.',
            (Self::Holding, true) => 'H',
            (Self::Channel, true) => '>',
            (Self::Child, true) => '&',
            (Self::Between, _) => '-',
        }
    }

    fn color(self) -> Color {
        match self {
            Self::Computing => Color::Vermillion,
            Self::Waiting => Color::SkyBlue,
            Self::Blocked => Color::Purple,
            Self::Queueing => Color::Orange,
            Self::Holding => Color::Blue,
            Self::Channel => Color::Green,
            Self::Child => Color::Yellow,
            Self::Between => Color::Gray,
        }
    }

    fn legend(self, trace: &Trace) -> String {
        let names = || {
            let names: Vec<&str> = trace.resources.iter().map(|one| one.name.as_str()).collect();
            match names.as_slice() {
                [one] => one.to_string(),
                _ => "a resource".to_string(),
            }
        };
        match self {
            Self::Computing => "computing".into(),
            Self::Waiting => "waiting outside".into(),
            Self::Blocked => "in a blocking call".into(),
            Self::Queueing => format!("queueing for {}", names()),
            Self::Holding => format!("holding {}", names()),
            Self::Channel => "sending or receiving".into(),
            Self::Child => "running a program".into(),
            Self::Between if trace.spans_dropped() > 0 => "not recorded".into(),
            Self::Between => "between steps".into(),
        }
    }
}

/// The mark at the end of a task that failed or was lost.
const FAILED: [char; 2] = ['✗', 'x'];

/// Tasks behind each other on one line.
struct Row {
    label: String,
    tasks: Vec<u32>,
}

/// Draws the work phase of a run.
pub fn timeline(trace: &Trace, options: &TimelineOptions) -> String {
    let Some((start, end)) = extent(trace) else {
        return "no task was started\n".into();
    };
    let rows = rows(trace, end);
    let drawn = &rows[..rows.len().min(options.rows)];
    let label = drawn.iter().map(|row| paint::columns(&row.label)).max().unwrap_or(0);
    let cells = options.width.saturating_sub(label + 3).max(10);
    let scale = Scale { start, length: (end - start).max(1), cells };

    let mut canvas = Canvas::new(trace, drawn, scale);
    canvas.fill(trace, end);
    let mut text = String::new();
    for (index, row) in drawn.iter().enumerate() {
        let pad = label - paint::columns(&row.label);
        text.push_str(&format!("{}{} │", " ".repeat(pad), row.label));
        text.push_str(&canvas.line(index, options));
        text.push_str("│\n");
    }
    text.push_str(&axis(&scale, label, options.ascii));
    if rows.len() > drawn.len() {
        let more = units::count((rows.len() - drawn.len()) as u64);
        text.push_str(&format!("… and {more} more lanes\n"));
    }
    text.push_str(&canvas.legend(trace, options));
    if options.ascii { text.replace('│', "|").replace('…', "...") } else { text }
}

/// From when to when something happened: the work phase, else what the tasks say.
fn extent(trace: &Trace) -> Option<(u64, u64)> {
    let started = || trace.tasks.iter().filter(|task| task.start_ns > 0);
    let first = started().map(|task| task.start_ns).min()?;
    let spans = trace.spans.iter().map(|span| span.end_ns.max(span.start_ns));
    let last = started().map(|task| task.end_ns.max(task.start_ns)).chain(spans).max()?;
    let work = trace.done.as_ref().map(|done| done.phases.work);
    let start = work.map_or(first, |work| work.start_ns.min(first));
    Some((start, work.map_or(last, |work| work.end_ns.max(last))))
}

fn rows(trace: &Trace, end: u64) -> Vec<Row> {
    let mut started: Vec<u32> = (0..trace.tasks.len() as u32)
        .filter(|&task| trace.tasks[task as usize].start_ns > 0)
        .collect();
    started.sort_by_key(|&task| (trace.tasks[task as usize].start_ns, task));
    if trace.model.strategy.interleaves() {
        packed(trace, &started, end)
    } else {
        by_lane(trace, &started)
    }
}

fn by_lane(trace: &Trace, started: &[u32]) -> Vec<Row> {
    let mut lanes: Vec<Vec<u32>> = vec![Vec::new(); trace.lanes.len()];
    for &task in started {
        if let Some(lane) = lanes.get_mut(trace.tasks[task as usize].lane as usize) {
            lane.push(task);
        }
    }
    let filled = lanes.into_iter().enumerate().filter(|(_, tasks)| !tasks.is_empty());
    filled
        .map(|(lane, tasks)| match tasks.as_slice() {
            [only] => Row { label: trace.task_name(*only), tasks },
            _ => Row { label: trace.lane_name(lane as u32), tasks },
        })
        .collect()
}

/// First fit: each task goes on the first row whose last task has ended.
fn packed(trace: &Trace, started: &[u32], end: u64) -> Vec<Row> {
    let mut rows: Vec<(u64, Vec<u32>)> = Vec::new();
    for &task in started {
        let record = &trace.tasks[task as usize];
        let ends = if record.end_ns == 0 { end } else { record.end_ns };
        match rows.iter_mut().find(|(free, _)| *free <= record.start_ns) {
            Some((free, tasks)) => {
                *free = ends;
                tasks.push(task);
            }
            None => rows.push((ends, vec![task])),
        }
    }
    let label = |(row, (_, tasks)): (usize, (u64, Vec<u32>))| match tasks.as_slice() {
        [only] => Row { label: trace.task_name(*only), tasks },
        _ => Row { label: format!("tasks {}", row + 1), tasks },
    };
    rows.into_iter().enumerate().map(label).collect()
}

/// From time to cells.
#[derive(Clone, Copy)]
struct Scale {
    start: u64,
    length: u64,
    cells: usize,
}

impl Scale {
    /// The place of a moment, in cells and parts of them.
    fn place(&self, at_ns: u64) -> f64 {
        let offset = at_ns.saturating_sub(self.start).min(self.length);
        offset as f64 / self.length as f64 * self.cells as f64
    }
}

/// Time spent in each state, cell by cell.
struct Canvas {
    scale: Scale,
    rows: usize,
    /// By row, cell and state, in parts of a cell.
    shares: Vec<[f32; STATES.len()]>,
    failed: Vec<bool>,
    /// By task: its row, or none.
    row_of: Vec<u32>,
}

impl Canvas {
    fn new(trace: &Trace, rows: &[Row], scale: Scale) -> Self {
        let mut row_of = vec![u32::MAX; trace.tasks.len()];
        for (index, row) in rows.iter().enumerate() {
            for &task in &row.tasks {
                row_of[task as usize] = index as u32;
            }
        }
        let cells = rows.len() * scale.cells;
        Self {
            scale,
            rows: rows.len(),
            shares: vec![[0.0; STATES.len()]; cells],
            failed: vec![false; cells],
            row_of,
        }
    }

    fn fill(&mut self, trace: &Trace, end: u64) {
        for (task, record) in trace.tasks.iter().enumerate() {
            if record.start_ns == 0 || self.row_of[task] == u32::MAX {
                continue;
            }
            let ends = if record.end_ns == 0 { end } else { record.end_ns };
            self.add(self.row_of[task], State::Between, record.start_ns, ends, 1.0);
            if record.outcome != TaskOutcome::Done {
                self.mark_failed(self.row_of[task], ends);
            }
        }
        for span in &trace.spans {
            let row = self.row_of.get(span.task as usize).copied().unwrap_or(u32::MAX);
            let Some(info) = trace.step(span.step).filter(|_| row != u32::MAX) else { continue };
            if let Some(state) = State::of(info.kind, info.parent.is_some()) {
                let ends = if span.end_ns == 0 { end } else { span.end_ns };
                self.add(row, state, span.start_ns, ends, 1.0);
                self.add(row, State::Between, span.start_ns, ends, -1.0);
            }
        }
    }

    fn add(&mut self, row: u32, state: State, from_ns: u64, to_ns: u64, sign: f32) {
        let scale = self.scale;
        let (from, to) = (scale.place(from_ns), scale.place(to_ns));
        let first = (from as usize).min(self.scale.cells - 1);
        let last = (libm::ceil(to) as usize).clamp(first + 1, self.scale.cells);
        for cell in first..last {
            let share = to.min(cell as f64 + 1.0) - from.max(cell as f64);
            self.shares[row as usize * self.scale.cells + cell][state as usize] +=
                sign * share.max(0.0) as f32;
        }
    }

    fn mark_failed(&mut self, row: u32, at_ns: u64) {
        let cell = (self.scale.place(at_ns) as usize).min(self.scale.cells - 1);
        self.failed[row as usize * self.scale.cells + cell] = true;
    }

    /// The state that took most of a cell; nothing where less than a tenth of it was busy, so
    /// that a task that ends within a cell does not seem to fill it.
    fn state(&self, row: usize, cell: usize) -> Option<State> {
        let shares = &self.shares[row * self.scale.cells + cell];
        let most = STATES
            .into_iter()
            .max_by(|one, other| shares[*one as usize].total_cmp(&shares[*other as usize]))?;
        (shares.iter().sum::<f32>() >= 0.1).then_some(most)
    }

    fn line(&self, row: usize, options: &TimelineOptions) -> String {
        let mut line = paint::Line::new(options.color);
        for cell in 0..self.scale.cells {
            if self.failed[row * self.scale.cells + cell] {
                line.push(FAILED[usize::from(options.ascii)], Some(Color::Vermillion));
                continue;
            }
            match self.state(row, cell) {
                Some(state) => line.push(state.glyph(options.ascii), Some(state.color())),
                None => line.push(' ', None),
            }
        }
        line.finish()
    }

    /// The states that are in the picture, and what their glyphs mean.
    fn legend(&self, trace: &Trace, options: &TimelineOptions) -> String {
        let cells =
            (0..self.rows).flat_map(|row| (0..self.scale.cells).map(move |cell| (row, cell)));
        let mut seen = [false; STATES.len()];
        for (row, cell) in cells {
            if let Some(state) = self.state(row, cell) {
                seen[state as usize] = true;
            }
        }
        let mut entries = Vec::new();
        for state in STATES.into_iter().filter(|state| seen[*state as usize]) {
            let mut line = paint::Line::new(options.color);
            line.push(state.glyph(options.ascii), Some(state.color()));
            entries.push((line.finish(), state.legend(trace)));
        }
        if self.failed.contains(&true) {
            let mut line = paint::Line::new(options.color);
            line.push(FAILED[usize::from(options.ascii)], Some(Color::Vermillion));
            entries.push((line.finish(), "failed or lost".into()));
        }
        wrap(&entries, options.width)
    }
}

/// Legend entries beside each other, on as few lines as they fit.
fn wrap(entries: &[(String, String)], width: usize) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for (glyph, meaning) in entries {
        let columns = paint::columns(meaning) + 5;
        if used > 0 && used + columns > width {
            text.push('\n');
            used = 0;
        }
        text.push_str(if used > 0 { "   " } else { "  " });
        text.push_str(&format!("{glyph} {meaning}"));
        used += columns;
    }
    text.push('\n');
    text
}

/// A line of ticks at round times from the start of the work, and their times below.
fn axis(scale: &Scale, label: usize, ascii: bool) -> String {
    let step = round_step(scale.length, (scale.cells / 12).max(1) as u64);
    let mut ticks = vec![if ascii { '-' } else { '─' }; scale.cells];
    let mut times = vec![' '; scale.cells + 12];
    let mut taken = 0;
    for at in (0..=scale.length).step_by(step as usize) {
        let place = (scale.place(scale.start + at) as usize).min(scale.cells - 1);
        ticks[place] = if ascii { '+' } else { '┬' };
        let text = tick_label(at, step);
        let columns = text.chars().count();
        let left = place.min((scale.cells + 1).saturating_sub(columns));
        if left >= taken {
            taken = left + columns + 1;
            text.chars().enumerate().for_each(|(index, sign)| times[left + index] = sign);
        }
    }
    let corner = if ascii { ['+', '+'] } else { ['└', '┘'] };
    let ticks: String = ticks.into_iter().collect();
    let times: String = times.into_iter().collect();
    let pad = " ".repeat(label + 1);
    format!("{pad}{}{ticks}{}\n{pad} {}\n", corner[0], corner[1], times.trim_end())
}

/// The smallest of 1, 2 or 5 × a power of ten that divides the length into at most so many parts.
fn round_step(length: u64, parts: u64) -> u64 {
    let mut power = 1;
    loop {
        for factor in [1, 2, 5] {
            if length / (factor * power) <= parts {
                return factor * power;
            }
        }
        power *= 10;
    }
}

/// A round time without needless digits: `0`, `200 ms`, `1.5 s`.
fn tick_label(at_ns: u64, step_ns: u64) -> String {
    let (unit, name) = match step_ns.max(at_ns) {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    if at_ns == 0 {
        return "0".into();
    }
    let text = format!("{:.3}", at_ns as f64 / unit as f64);
    format!("{} {name}", text.trim_end_matches('0').trim_end_matches('.'))
}
