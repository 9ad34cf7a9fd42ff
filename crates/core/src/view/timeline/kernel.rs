//! What the kernel adds to the rows of workers: a step that computes is not always on a processor.
//! Cell by cell, for that is what is drawn; exact shares are those of `analyse::scheduling`.

use alloc::vec;
use alloc::vec::Vec;

use super::axis::Axis;
use super::row::Row;
use crate::trace::{Slice, SliceEnd, Trace};
use crate::view::state::State;

/// What the kernel saw of a row in a cell, nanoseconds.
#[derive(Clone, Copy, Default)]
struct Seen {
    ready: u64,
    blocked: u64,
}

/// Takes from the time of computing what the thread was ready without a processor, and what it
/// was blocked for longer than its waiting steps and pauses explain.
pub(super) fn refine(
    trace: &Trace,
    rows: &mut [Row],
    axis: &Axis,
    slices: impl Iterator<Item = Slice>,
) {
    let Some(scheduling) = trace.scheduling.known() else { return };
    let mut row_of: Vec<Option<usize>> = vec![None; scheduling.threads.len()];
    for (index, row) in rows.iter().enumerate() {
        let lane = row.lane.and_then(|lane| trace.lanes.get(lane as usize));
        let thread = lane.and_then(|lane| {
            let threads = scheduling.threads.iter();
            threads.rev().position(|one| one.tid == lane.tid && one.pid == lane.pid)
        });
        if let Some(from_last) = thread {
            row_of[scheduling.threads.len() - 1 - from_last] = Some(index);
        }
    }
    if row_of.iter().all(Option::is_none) {
        return;
    }
    let mut seen = vec![vec![Seen::default(); axis.cells]; rows.len()];
    let mut last: Vec<Option<(u64, SliceEnd)>> = vec![None; row_of.len()];
    for slice in slices {
        let thread = slice.thread as usize;
        let Some(&Some(row)) = row_of.get(thread) else { continue };
        if let Some((since, why)) = last[thread] {
            note(&mut seen[row], why, since, slice.start_ns, axis);
        }
        last[thread] = Some((slice.end_ns, slice.end));
    }
    for (thread, last) in last.into_iter().enumerate() {
        if let (Some((since, why)), Some(row)) = (last, row_of[thread]) {
            note(&mut seen[row], why, since, axis.end, axis);
        }
    }
    for (row, seen) in rows.iter_mut().zip(seen) {
        for (cell, (time, seen)) in row.time.iter_mut().zip(seen).enumerate() {
            let length = axis.start_of(cell + 1) - axis.start_of(cell);
            let busy = time.iter().copied().fold(0, u64::saturating_add);
            let computing = time[State::Running as usize];
            // The rest of the cell is steps that wait, and pauses: they may have been all of this.
            let explained = (busy - computing).saturating_add(length.saturating_sub(busy));
            let held_up = seen.blocked.saturating_sub(explained).min(computing);
            let ready = seen.ready.min(computing - held_up);
            time[State::Running as usize] -= held_up + ready;
            time[State::HeldUp as usize] += held_up;
            time[State::Ready as usize] += ready;
        }
    }
}

fn note(seen: &mut [Seen], why: SliceEnd, start: u64, end: u64, axis: &Axis) {
    let (start, end) = (start.max(axis.origin), end.min(axis.end));
    if end <= start {
        return;
    }
    for cell in axis.cell_at(start)..=axis.cell_at(end - 1) {
        let from = start.max(axis.start_of(cell));
        let ns = end.min(axis.start_of(cell + 1)).saturating_sub(from);
        match why {
            SliceEnd::Preempted => seen[cell].ready += ns,
            SliceEnd::Blocked => seen[cell].blocked += ns,
            SliceEnd::Exited | SliceEnd::Unknown => {}
        }
    }
}
