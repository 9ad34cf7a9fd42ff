//! A run for a page that plays it: rows of slices as columns of numbers, because a million slices
//! as objects would take a second to read. Slices under which another lies that says more (a hold
//! around what is done in it) are left out, so that those of a row never overlap. The main type is
//! [`Replay`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::trace_file::TaskOutcome;
use serde::Serialize;

use super::picture::state_name;
use super::state::State;
use super::timeline::{By, extent, rows_of, state_of, state_of_calls, words, words_of_threads};
use super::tracks::thread_names;
use crate::trace::{RunEnd, SliceEnd, Source, Trace};

/// One run, ready to be drawn at any time of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replay {
    pub model: String,
    /// From the start of the work to its end, nanoseconds.
    pub length_ns: u64,
    /// Of the columns: so many nanoseconds are one.
    pub tick_ns: u64,
    pub rows: Vec<ReplayRow>,
    /// Rows that have no room.
    pub rows_left_out: usize,
    /// States in which there is a slice, in the words of the workload; the number in
    /// [`Columns::states`] counts in this list.
    pub legend: Vec<ReplayState>,
    /// Spans that the run had no room to record.
    pub dropped: u64,
    #[serde(skip)]
    pub columns: Columns,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayRow {
    pub label: String,
    /// Its slices are `first .. first + count` of the columns, in order of start.
    pub first: usize,
    pub count: usize,
}

/// What a colour means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayState {
    /// As in class names: `queueing`.
    pub name: &'static str,
    pub words: String,
    /// Time in it, all rows together, nanoseconds.
    pub total_ns: u64,
}

/// One slice a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// From the start of the work, in ticks.
    pub starts: Vec<u32>,
    /// In ticks.
    pub lengths: Vec<u32>,
    pub states: Vec<u8>,
}

impl Columns {
    /// All starts, then all lengths, little-endian, then the states: 9 bytes a slice.
    pub fn bytes(&self) -> Vec<u8> {
        let numbers = self.starts.iter().chain(&self.lengths);
        let mut bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend_from_slice(&self.states);
        bytes
    }
}

/// A slice before its place in the columns is known.
#[derive(Clone, Copy)]
struct Piece {
    row: usize,
    start_ns: u64,
    end_ns: u64,
    state: State,
}

/// Makes it of a trace that holds its spans; at most so many rows. Up to `tasks_max` tasks each has
/// a row of its own.
pub fn replay(trace: &Trace, rows_max: usize, tasks_max: usize) -> Replay {
    let spans = || trace.spans.iter().copied();
    let (origin, end) = extent(trace, spans).unwrap_or((0, 1));
    let by = if trace.tasks.len() <= tasks_max { By::Task } else { By::Auto };
    let (rows, all) = rows_of(trace, by, rows_max);
    let mut row_of = vec![usize::MAX; trace.tasks.len()];
    for (index, row) in rows.iter().enumerate() {
        for &task in row.tasks() {
            row_of[task as usize] = index;
        }
    }
    let mut pieces = Vec::new();
    let calls = state_of_calls(trace);
    for span in &trace.spans {
        let row = row_of.get(span.task as usize).copied().filter(|&row| row != usize::MAX);
        let (Some(row), Some(state)) = (row, state_of(trace, span, calls)) else { continue };
        let last = trace.tasks[span.task as usize].end_ns;
        let until = [span.end_ns, last, end].into_iter().find(|&ns| ns != 0).unwrap_or(end);
        let (start_ns, end_ns) = (span.start_ns.max(origin), until.min(end));
        if end_ns > start_ns {
            pieces.push(Piece { row, start_ns, end_ns, state });
        }
    }
    pieces.extend(failures(trace, &row_of, (origin, end)));
    pieces.sort_by_key(|piece| (piece.row, piece.start_ns));
    let labels = rows.iter().map(|row| row.label.clone()).collect();
    assemble(trace, labels, all, pieces, (origin, end), &words)
}

/// The moment at which a task failed is a slice that is as long as can still be seen.
fn failures(trace: &Trace, row_of: &[usize], (origin, end): (u64, u64)) -> Vec<Piece> {
    let long = ((end - origin) / 100).max(1);
    let failed = |(number, task): (usize, &crate::trace::Task)| {
        let row = row_of[number];
        let lost = trace.end == RunEnd::Finished && task.end_ns == 0;
        let bad = task.start_ns != 0 && (lost || task.outcome != TaskOutcome::Done);
        if row == usize::MAX || !bad || (task.end_ns == 0 && !lost) {
            return None;
        }
        let at = if task.end_ns == 0 { task.start_ns } else { task.end_ns };
        let start_ns = at.clamp(origin, end.saturating_sub(1));
        Some(Piece { row, start_ns, end_ns: (start_ns + long).min(end), state: State::Failed })
    };
    trace.tasks.iter().enumerate().filter_map(failed).collect()
}

/// Pieces sorted by row and start as columns. `all`: how many rows there would be with room.
fn assemble(
    trace: &Trace,
    labels: Vec<String>,
    all: usize,
    pieces: Vec<Piece>,
    (origin, end): (u64, u64),
    words: &dyn Fn(&Trace, State) -> String,
) -> Replay {
    let rows = labels.len();
    let length_ns = end - origin;
    let tick_ns = length_ns / u64::from(u32::MAX) + 1;
    let mut totals = [0_u64; State::ALL.len()];
    for piece in &pieces {
        let total = &mut totals[piece.state as usize];
        *total = total.saturating_add(piece.end_ns - piece.start_ns);
    }
    let seen: Vec<State> =
        State::ALL.into_iter().filter(|&state| totals[state as usize] > 0).collect();
    let legend = seen.iter().map(|&state| ReplayState {
        name: state_name(state),
        words: words(trace, state),
        total_ns: totals[state as usize],
    });
    let mut counted: Vec<ReplayRow> =
        labels.into_iter().map(|label| ReplayRow { label, first: 0, count: 0 }).collect();
    let mut columns = Columns::default();
    for piece in pieces {
        let row = &mut counted[piece.row];
        if row.count == 0 {
            row.first = columns.starts.len();
        }
        row.count += 1;
        let tick = |ns: u64| u32::try_from(ns / tick_ns).unwrap_or(u32::MAX);
        columns.starts.push(tick(piece.start_ns - origin));
        columns.lengths.push(tick(piece.end_ns - piece.start_ns));
        let place = seen.iter().position(|&state| state == piece.state).unwrap_or(0);
        columns.states.push(place as u8);
    }
    Replay {
        model: trace.name(),
        length_ns,
        tick_ns,
        rows_left_out: all.saturating_sub(rows),
        rows: counted,
        legend: legend.collect(),
        dropped: trace.lanes.iter().map(|lane| lane.dropped).sum(),
        columns,
    }
}

/// What the kernel did in the same time: a row a processor, then one a thread, of which at most so
/// many. `None`: nobody recorded every switch.
pub fn switches(trace: &Trace, rows_max: usize) -> Option<Replay> {
    let scheduling = trace.scheduling.known()?;
    if scheduling.source != Source::Switches || scheduling.slices.is_empty() {
        return None;
    }
    let (origin, end) = extent(trace, || trace.spans.iter().copied())?;
    let cpus = scheduling.cpus.len();
    let threads = scheduling.threads.len();
    let shown = threads.min(rows_max);
    let mut labels: Vec<String> =
        scheduling.cpus.iter().map(|cpu| format!("processor {cpu}")).collect();
    labels.extend(thread_names(trace, scheduling).into_iter().take(shown));
    let mut pieces = Vec::new();
    let mut put = |row, start: u64, until: u64, state| {
        let (start_ns, end_ns) = (start.max(origin), until.min(end));
        if end_ns > start_ns {
            pieces.push(Piece { row, start_ns, end_ns, state });
        }
    };
    // Where the processor was taken from a thread, it is ready until it has one again.
    let mut taken: Vec<Option<u64>> = vec![None; threads];
    for slice in &scheduling.slices {
        let thread = slice.thread as usize;
        if let Some(cpu) = scheduling.cpus.iter().position(|&cpu| cpu == slice.cpu) {
            put(cpu, slice.start_ns, slice.end_ns, State::Running);
        }
        if thread >= shown {
            continue;
        }
        if let Some(since) = taken[thread].take() {
            put(cpus + thread, since, slice.start_ns, State::Runnable);
        }
        put(cpus + thread, slice.start_ns, slice.end_ns, State::Running);
        if slice.end == SliceEnd::Preempted {
            taken[thread] = Some(slice.end_ns);
        }
    }
    pieces.sort_by_key(|piece| (piece.row, piece.start_ns));
    let words = |trace: &Trace, state: State| {
        let all = words_of_threads(trace);
        let known = all.iter().find(|(other, _)| *other == state);
        known.map_or_else(String::new, |(_, words)| (*words).to_string())
    };
    Some(assemble(trace, labels, cpus + threads, pieces, (origin, end), &words))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use maitred_wire::Strategy;

    use super::*;
    use crate::trace::sample::tables;

    fn shown(replay: &Replay) -> String {
        let ms = |ticks: u32| u64::from(ticks) * replay.tick_ns / 1_000_000;
        let mut text = String::new();
        for row in &replay.rows {
            text.push_str(&row.label);
            for at in row.first..row.first + row.count {
                let state = replay.legend[usize::from(replay.columns.states[at])].name;
                let (start, length) = (replay.columns.starts[at], replay.columns.lengths[at]);
                text.push_str(&alloc::format!(" {}+{} {state}", ms(start), ms(length)));
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn every_table_has_a_row_that_never_overlaps() {
        let replay = replay(&tables(3, 1).run(Strategy::Threads, 3), 100, 100);
        expect![[r#"
            table 1 0+400 waiting 400+100 holding
            table 2 0+400 waiting 400+100 queueing 500+100 holding
            table 3 0+400 waiting 400+200 queueing 600+100 holding
        "#]]
        .assert_eq(&shown(&replay));
        let legend: Vec<_> = replay.legend.iter().map(|one| one.words.as_str()).collect();
        expect![[r#"["queues for `waiter`", "has `waiter`", "waits"]"#]]
            .assert_eq(&alloc::format!("{legend:?}"));
    }

    #[test]
    fn every_switch_is_a_slice_of_its_processor_and_of_its_thread() {
        let mut trace = crate::recording::sample::scheduled(40);
        trace.done = None;
        let replay = switches(&trace, 10).unwrap();
        let labels: Vec<&str> = replay.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels[..2], ["processor 0", "processor 1"]);
        let scheduling = trace.scheduling.known().unwrap();
        assert_eq!(labels.len(), 2 + scheduling.threads.len());
        let on = |rows: &[ReplayRow]| -> u64 {
            let all = rows.iter().flat_map(|row| row.first..row.first + row.count);
            let running = all.filter(|&at| {
                replay.legend[usize::from(replay.columns.states[at])].name == "running"
            });
            running.map(|at| u64::from(replay.columns.lengths[at]) * replay.tick_ns).sum()
        };
        assert_eq!(on(&replay.rows[..2]), on(&replay.rows[2..]), "each slice is in both");
        assert!(on(&replay.rows[..2]) > 0);
        assert!(replay.legend.iter().any(|state| state.name == "runnable"), "they are preempted");
        assert_eq!(switches(&trace, 1).unwrap().rows_left_out, scheduling.threads.len() - 1);
        let unrecorded = tables(3, 1).run(Strategy::Threads, 3);
        assert_eq!(switches(&unrecorded, 10), None);
    }

    #[test]
    fn many_tasks_share_rows_and_what_has_no_room_is_counted() {
        let trace = tables(20, 1).run(Strategy::EventLoop, 1);
        let replay = replay(&trace, 4, 10);
        assert_eq!(replay.rows.len(), 4);
        assert_eq!(replay.rows_left_out, 16);
        let all: usize = replay.rows.iter().map(|row| row.count).sum();
        assert_eq!(all, replay.columns.starts.len());
        assert_eq!(replay.columns.bytes().len(), all * 9);
    }

    #[test]
    fn a_long_run_fits_into_its_columns() {
        let mut trace = tables(2, 1).run(Strategy::Threads, 2);
        let origin = trace.tasks[0].start_ns;
        for span in &mut trace.spans {
            span.start_ns = origin + (span.start_ns - origin) * 100_000;
            span.end_ns = origin + (span.end_ns - origin) * 100_000;
        }
        for task in &mut trace.tasks {
            task.end_ns = origin + (task.end_ns - origin) * 100_000;
        }
        trace.done = None;
        let replay = replay(&trace, 10, 10);
        assert!(replay.tick_ns > 1, "{}", replay.tick_ns);
        let last = replay.rows.last().map(|row| row.first + row.count - 1).unwrap();
        let end = u64::from(replay.columns.starts[last]) + u64::from(replay.columns.lengths[last]);
        assert!(end * replay.tick_ns <= replay.length_ns);
        assert!(replay.length_ns - end * replay.tick_ns <= 2 * replay.tick_ns, "to the end");
        assert_eq!(replay.model, trace.name());
    }
}
