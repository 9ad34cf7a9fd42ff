//! Rows: who has one, what it is called, and what it was at in each cell.

use alloc::collections::BinaryHeap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::super::state::State;
use super::super::state_times::StateTimes;
use super::axis::Axis;
use crate::trace::{Task, Trace};

/// What is drawn on one line.
pub(in crate::view) struct Row {
    pub(in crate::view) label: String,
    pub(super) tasks: Vec<u32>,
    /// Whose row it is, if it is a lane's.
    pub(super) lane: Option<u32>,
    /// A lane of the host that tasks come to in this row.
    pub(in crate::view) way_to: Option<u32>,
    pub(in crate::view) time: StateTimes,
    pub(in crate::view) failures: Vec<u64>,
}

impl Row {
    pub(in crate::view) fn new(label: String, tasks: Vec<u32>) -> Self {
        Self {
            label,
            tasks,
            lane: None,
            way_to: None,
            time: StateTimes::default(),
            failures: Vec::new(),
        }
    }

    pub(in crate::view) fn add(&mut self, state: State, start: u64, end: u64, axis: &Axis) {
        let (start, end) = (start.max(axis.origin), end.min(axis.end));
        if end <= start {
            return;
        }
        for cell in axis.cell_at(start)..=axis.cell_at(end - 1) {
            let from = start.max(axis.start_of(cell));
            let to = end.min(axis.start_of(cell + 1));
            self.time.add(state, cell, to.saturating_sub(from));
        }
    }

    /// Whose steps it shows.
    pub(in crate::view) fn tasks(&self) -> &[u32] {
        &self.tasks
    }

    pub(super) fn state(&self, cell: usize, axis: &Axis) -> State {
        let from = axis.start_of(cell);
        let to = axis.start_of(cell + 1);
        let failed = |at: &u64| axis.cell_at(at.saturating_sub(1)) == cell;
        if self.failures.iter().any(failed) {
            return State::Failed;
        }
        let mut time = self.time.at(cell);
        let busy = time.iter().copied().fold(0, u64::saturating_add);
        // What happened in a fifth of a cell is shown, lest short tasks on a long axis vanish.
        let idle = (to - from).saturating_sub(busy);
        time[State::Idle as usize] = if busy >= idle / 4 && busy > 0 { 0 } else { idle };
        let longest = time.iter().max().copied().unwrap_or(0);
        State::ALL.into_iter().find(|state| time[*state as usize] == longest).unwrap_or(State::Idle)
    }
}

/// Which rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Workers; where tasks interleave, as few as hold the tasks without overlap.
    #[default]
    Auto,
    /// One for each worker.
    Worker,
    /// One for each task.
    Task,
    /// One for each processor.
    Core,
}

/// The rows to show, at most so many, and how many there would be.
pub(in crate::view) fn rows(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    rows_within(trace, By::Auto, (0, u64::MAX), most)
}

/// The same, by whom it is asked for.
pub(in crate::view) fn rows_of(trace: &Trace, by: By, most: usize) -> (Vec<Row>, usize) {
    rows_within(trace, by, (0, u64::MAX), most)
}

/// The same of those that something happens in between two times.
pub(in crate::view) fn rows_within(
    trace: &Trace,
    by: By,
    (from, to): (u64, u64),
    most: usize,
) -> (Vec<Row>, usize) {
    let within = |task: &Task| task.start_ns < to && (task.end_ns == 0 || task.end_ns > from);
    let mut order: Vec<u32> = (0..trace.tasks.len() as u32).collect();
    order.retain(|&task| {
        let task = &trace.tasks[task as usize];
        task.start_ns != 0 && within(task)
    });
    if matches!(by, By::Auto | By::Worker) && !trace.model.strategy.interleaves() {
        let all = from == 0 && to == u64::MAX;
        return by_lane(trace, &order, all, most);
    }
    order.sort_by_key(|&task| trace.tasks[task as usize].start_ns);
    match by {
        By::Task => {
            let row = |&task: &u32| {
                let lane = trace.tasks[task as usize].lane;
                Row::new(trace.on_host(lane, trace.task_name(task)), Vec::from([task]))
            };
            (order.iter().take(most).map(row).collect(), order.len())
        }
        // Loops have rows of their own.
        By::Worker => (Vec::new(), 0),
        By::Auto | By::Core => packed(trace, order, most),
    }
}

/// A row a lane; of lanes without any of these tasks only if `all` are asked for.
fn by_lane(trace: &Trace, tasks: &[u32], all: bool, most: usize) -> (Vec<Row>, usize) {
    let mut busy = vec![all; trace.lanes.len()];
    for &task in tasks {
        if let Some(busy) = busy.get_mut(trace.tasks[task as usize].lane as usize) {
            *busy = true;
        }
    }
    let used: Vec<usize> =
        (0..busy.len()).filter(|&lane| busy[lane] && trace.lanes[lane].pid != 0).collect();
    let mut place = vec![usize::MAX; trace.lanes.len()];
    let mut rows: Vec<Row> = Vec::new();
    for &lane in used.iter().take(most) {
        place[lane] = rows.len();
        let name = trace.lane_name(lane as u32);
        rows.push(Row { lane: Some(lane as u32), ..Row::new(name, Vec::new()) });
    }
    for &task in tasks {
        let lane = trace.tasks[task as usize].lane as usize;
        if let Some(row) = place.get(lane).and_then(|&place| rows.get_mut(place)) {
            row.tasks.push(task);
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
    (rows, used.len())
}

/// Tasks in as few rows as they need without overlapping: each, in order of start, goes into the
/// row that has been free for longest.
fn packed(trace: &Trace, order: Vec<u32>, most: usize) -> (Vec<Row>, usize) {
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
