//! Which lines a picture has, and what each of them was at: one a worker where a worker does one
//! thing at a time; where tasks interleave, one a task, or several that never overlap.

use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use maitred_wire::Strategy;
use maitred_wire::trace_file::{Role, TaskOutcome};

use super::axis::Axis;
use super::row::Row;
use crate::trace::{RunEnd, Span, StepKind, Task, Trace};
use crate::view::state::{STATES, State};

/// The rows to show, at most so many, and how many there would be.
pub(in crate::view) fn rows(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    if trace.model.strategy.interleaves() { packed(trace, most) } else { by_lane(trace, most) }
}

/// One for each task that was started, in order of start.
pub(super) fn by_task(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    let order = started(trace);
    let row = |&task: &u32| Row::new(trace.task_name(task), vec![task]);
    (order.iter().take(most).map(row).collect(), order.len())
}

/// One for each lane, with what kept its thread to itself.
pub(super) fn by_worker(
    trace: &Trace,
    most: usize,
    axis: &Axis,
    spans: impl Iterator<Item = Span>,
) -> (Vec<Row>, usize) {
    let used = |lane: &&crate::trace::Lane| lane.pid != 0;
    let all = trace.lanes.iter().filter(used).count();
    (occupied(trace, most, axis, spans, |lane| lane.pid != 0), all)
}

fn of_lane(trace: &Trace, lane: u32) -> Row {
    Row { lane: Some(lane), ..Row::new(trace.lane_name(lane), Vec::new()) }
}

fn started(trace: &Trace) -> Vec<u32> {
    let mut order: Vec<u32> = (0..trace.tasks.len() as u32)
        .filter(|&task| trace.tasks[task as usize].start_ns != 0)
        .collect();
    order.sort_by_key(|&task| trace.tasks[task as usize].start_ns);
    order
}

fn by_lane(trace: &Trace, most: usize) -> (Vec<Row>, usize) {
    let used = trace.lanes.iter().filter(|lane| lane.pid != 0).count();
    let mut place = vec![usize::MAX; trace.lanes.len()];
    let mut rows: Vec<Row> = Vec::new();
    for (lane, _) in trace.lanes.iter().enumerate().filter(|(_, lane)| lane.pid != 0).take(most) {
        place[lane] = rows.len();
        rows.push(of_lane(trace, lane as u32));
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
    let order = started(trace);
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

/// Loops that stood still for a part of the time that can be seen, one row each: what occupied
/// them, so that the waits below it that lasted too long have their cause above them.
pub(super) fn loops(trace: &Trace, axis: &Axis, spans: impl Iterator<Item = Span>) -> Vec<Row> {
    const MOST: usize = 4;
    if !trace.model.strategy.interleaves() {
        return Vec::new();
    }
    let every = trace.model.strategy == Strategy::AsyncPool;
    let mut rows = occupied(trace, MOST, axis, spans, |lane| every || lane.role == Role::Loop);
    rows.retain(|row| (0..axis.cells).any(|cell| row.state(cell, axis) != State::Idle));
    rows
}

/// Rows of lanes, with the steps that nothing else could go on beside.
fn occupied(
    trace: &Trace,
    most: usize,
    axis: &Axis,
    spans: impl Iterator<Item = Span>,
    of: impl Fn(&crate::trace::Lane) -> bool,
) -> Vec<Row> {
    let mut row_of = vec![None; trace.lanes.len()];
    let mut rows: Vec<Row> = Vec::new();
    for (lane, _) in trace.lanes.iter().enumerate().filter(|(_, lane)| of(lane)).take(most) {
        row_of[lane] = Some(rows.len());
        rows.push(of_lane(trace, lane as u32));
    }
    for row in &mut rows {
        row.time = vec![[0; STATES]; axis.cells];
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
    rows
}

pub(in crate::view) fn fill(
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
