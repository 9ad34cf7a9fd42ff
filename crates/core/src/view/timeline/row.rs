//! One line of the picture: how long it was in each state, cell by cell, and how that looks.

use alloc::string::String;
use alloc::vec::Vec;

use super::axis::Axis;
use crate::view::Options;
use crate::view::state::{STATES, State};

/// What is drawn on one line.
pub(in crate::view) struct Row {
    pub(in crate::view) label: String,
    pub(super) tasks: Vec<u32>,
    /// The lane that it is; `None`: it is one of tasks.
    pub(super) lane: Option<u32>,
    /// By cell: nanoseconds in each state.
    pub(in crate::view) time: Vec<[u64; STATES]>,
    pub(in crate::view) failures: Vec<u64>,
}

impl Row {
    pub(in crate::view) fn new(label: String, tasks: Vec<u32>) -> Self {
        Self { label, tasks, lane: None, time: Vec::new(), failures: Vec::new() }
    }

    pub(in crate::view) fn add(&mut self, state: State, start: u64, end: u64, axis: &Axis) {
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

    pub(super) fn state(&self, cell: usize, axis: &Axis) -> State {
        let from = axis.start_of(cell);
        let to = axis.start_of(cell + 1);
        let failed = |at: &u64| axis.cell_at(at.saturating_sub(1)) == cell;
        if self.failures.iter().any(failed) {
            return State::Failed;
        }
        let mut time = self.time[cell];
        let busy = time.iter().copied().fold(0, u64::saturating_add);
        let idle = (to - from).saturating_sub(busy);
        time[State::Idle as usize] = if is_worth_a_cell(busy, idle) { 0 } else { idle };
        let longest = time.iter().max().copied().unwrap_or(0);
        State::ALL.into_iter().find(|state| time[*state as usize] == longest).unwrap_or(State::Idle)
    }
}

/// What happened in a fifth of a cell is shown, lest short tasks on a long axis vanish.
pub(super) fn is_worth_a_cell(busy: u64, idle: u64) -> bool {
    busy > 0 && busy >= idle / 4
}

/// The cells of a row, colours switched only where the state changes.
pub(super) fn draw(row: &Row, axis: &Axis, options: &Options) -> String {
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
