//! What rows were at by the steps of their tasks: spans come as a stream and fill the cells.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;

use super::super::state::State;
use super::super::state_times::StateTimes;
use super::axis::Axis;
use super::rows::Row;
use crate::trace::{RunEnd, Span, StepKind, Task, Trace};

pub(in crate::view) fn fill(
    trace: &Trace,
    rows: &mut [Row],
    axis: &Axis,
    spans: impl Iterator<Item = Span>,
) {
    let mut row_of = vec![usize::MAX; trace.tasks.len()];
    for (index, row) in rows.iter_mut().enumerate() {
        row.time = StateTimes::new(axis.cells);
        for &task in &row.tasks {
            row_of[task as usize] = index;
        }
        let ends = row.tasks.iter().map(|&task| &trace.tasks[task as usize]);
        let failed = ends.filter(|task| task.outcome != TaskOutcome::Done && !is_lost(trace, task));
        let at = failed.map(|task| until(task.end_ns, axis));
        row.failures = at.filter(|at| (axis.origin..=axis.end).contains(at)).collect();
    }
    let mut last = BTreeMap::new();
    let calls = state_of_calls(trace);
    for span in spans {
        let row = row_of.get(span.task as usize).and_then(|&row| rows.get_mut(row));
        if let (Some(row), Some(state)) = (row, state_of(trace, &span, calls)) {
            let task = &trace.tasks[span.task as usize];
            if span.end_ns == 0 && is_lost(trace, task) {
                // Spans come in order of start: the last one of a task stays.
                last.insert(span.task, (row_of[span.task as usize], span.start_ns));
                continue;
            }
            let end = if span.end_ns == 0 { until(task.end_ns, axis) } else { span.end_ns };
            let due = due(trace, &span).filter(|&due| due < end);
            row.add(state, span.start_ns, due.unwrap_or(end), axis);
            if let Some(due) = due {
                row.add(State::Overdue, due, end, axis);
            }
        }
    }
    for (row, at) in last.into_values() {
        if (axis.origin..axis.end).contains(&at) {
            rows[row].failures.push(at.saturating_add(1));
        }
    }
}

/// Whether a task went with its process while the run went on: when is not known but for the
/// start of its last step, while in a run that was cut short it was at that step to the end.
fn is_lost(trace: &Trace, task: &Task) -> bool {
    trace.end == RunEnd::Finished && task.end_ns == 0
}

/// When a wait was to be over, if it lasted longer than that by an amount that is not the timer's.
fn due(trace: &Trace, span: &Span) -> Option<u64> {
    let info = trace.step(span.step).filter(|info| info.kind == StepKind::Wait)?;
    let asked_ns = info.asked_ns?;
    let due = span.start_ns.saturating_add(asked_ns);
    let late = span.end_ns.saturating_sub(due);
    (late > LATE_NS.max(asked_ns / 10)).then_some(due)
}

/// What has no end lasts as long as anything.
fn until(end_ns: u64, axis: &Axis) -> u64 {
    if end_ns == 0 { axis.end } else { end_ns }
}

/// Calls whose threads were running or runnable for less of the time are shown as what
/// they mostly were.
const CALLS_COMPUTE: f64 = 0.5;

/// At what a call of the user's own function is shown, where nothing else is done: the counters of
/// its threads say whether it computed. What it did when, only the kernel's record knows.
pub(in crate::view) fn state_of_calls(trace: &Trace) -> State {
    let cpu = trace.done.as_ref().and_then(|done| done.phases.work.cpu.as_ref());
    let Some(cpu) = cpu.filter(|_| trace.steps.iter().all(|step| step.kind == StepKind::Call))
    else {
        return State::Running;
    };
    let ready = trace.lanes.iter().filter_map(|lane| lane.counters?.run_delay_ns);
    let busy_ns = ready.fold(cpu.total_ns(), u64::saturating_add);
    let ended = trace.tasks.iter().filter(|task| task.end_ns > task.start_ns);
    let all_ns = ended.map(|task| task.end_ns - task.start_ns).fold(0, u64::saturating_add);
    match trace.model.strategy.interleaves() {
        _ if busy_ns as f64 >= CALLS_COMPUTE * all_ns as f64 => State::Running,
        true => State::Waiting,
        false => State::Blocked,
    }
}

/// How a span is shown; `None`: another one says it. Inside a hold, holding is the news, unless
/// the task waits there for yet another resource.
pub(in crate::view) fn state_of(trace: &Trace, span: &Span, calls: State) -> Option<State> {
    use StepKind as K;
    let info = trace.step(span.step)?;
    let state = match info.kind {
        K::Acquire => return Some(State::Queueing),
        // The steps inside say it; a hold of nothing lasts no time.
        K::Hold => return None,
        K::Call => calls,
        K::Cpu | K::Read | K::Write | K::Update | K::Allocate | K::Yield | K::Crash => {
            State::Running
        }
        K::Wait | K::Http | K::Run => State::Waiting,
        K::Block => State::Blocked,
        K::Send | K::Receive => State::Talking,
        K::Fail => return None,
    };
    Some(if info.parent.is_some() { State::Holding } else { state })
}

/// So late a timer may be on a busy machine (`timer_slack_ns` of proc(5) is 50 µs, and a time slice
/// of the scheduler a few milliseconds), nanoseconds.
const LATE_NS: u64 = 1_000_000;

/// Which loops have a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::view) enum Loops {
    /// Those that stood still for a part of the time that can be seen.
    Stuck,
    /// The first ones, above their tasks.
    Above,
    /// All lanes instead of tasks, at most so many.
    Lanes(usize),
}

/// So many loops are shown above their tasks.
const ABOVE: usize = 4;

/// Loops that stood still for a part of the time that can be seen, one row each: what occupied
/// them, so that the waits below it that lasted too long have their cause above them. So are
/// all others, if that is asked for.
pub(in crate::view) fn loops(
    trace: &Trace,
    axis: &Axis,
    spans: impl Iterator<Item = Span>,
    which: Loops,
) -> Vec<Row> {
    if !trace.model.strategy.interleaves() {
        return Vec::new();
    }
    let facts = trace.model.strategy.facts();
    let every = matches!(which, Loops::Lanes(_));
    let most = if let Loops::Lanes(most) = which { most } else { ABOVE };
    let mut row_of = vec![None; trace.lanes.len()];
    let mut rows: Vec<Row> = Vec::new();
    for (lane, _) in trace
        .lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| lane.pid != 0 && (every || facts.is_loop(Some(lane.role))))
        .take(most)
    {
        row_of[lane] = Some(rows.len());
        rows.push(Row {
            time: StateTimes::new(axis.cells),
            lane: Some(lane as u32),
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
    rows.retain(|row| {
        which != Loops::Stuck || (0..axis.cells).any(|cell| row.state(cell, axis) != State::Idle)
    });
    rows
}
