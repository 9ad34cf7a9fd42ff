//! What the threads did while lanes had their steps, as the kernel saw it: on a processor, ready
//! but without one, blocked. Spans and slices come as streams in order of start and are joined as
//! they come: of each lane only the steps are held that its next slice may still concern.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::state::State;
use crate::analyse::scheduling::{alone, union};
use crate::analyse::units::duration;
use crate::trace::{Scheduling, Slice, SliceEnd, Source, Span, StepKind, Trace};

/// A time in which the thread of a lane was in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::view) struct Piece {
    pub(in crate::view) lane: u32,
    /// The task in whose step it was; `None`: the time of the lane itself, in which the pieces of
    /// its steps lie once more.
    pub(in crate::view) task: Option<u32>,
    pub(in crate::view) state: State,
    pub(in crate::view) start_ns: u64,
    pub(in crate::view) end_ns: u64,
}

/// What the kernel recorded, if there is anything.
pub(super) fn recorded<J: Iterator<Item = Slice>>(
    trace: &Trace,
    slices: impl Fn() -> J,
) -> Option<&Scheduling> {
    let scheduling = trace.scheduling.known().filter(|it| !it.threads.is_empty())?;
    slices().next().is_some().then_some(scheduling)
}

/// What it lacks, one sentence a line; mostly nothing.
pub(super) fn lacks(scheduling: &Scheduling) -> Vec<String> {
    let mut notes = Vec::new();
    if let Source::Samples { every_ns } = scheduling.source {
        let every = duration(every_ns);
        notes.push(format!("who was on a processor was looked at every {every}, not recorded"));
    }
    notes.extend(scheduling.missing.iter().map(|what| format!("missing here: {what}")));
    notes
}

/// Hands out what the threads of lanes did, piece by piece; the pieces of one lane, and those of
/// one step, never overlap.
pub(in crate::view) fn join(
    trace: &Trace,
    scheduling: &Scheduling,
    spans: impl Iterator<Item = Span>,
    slices: impl Iterator<Item = Slice>,
    emit: &mut impl FnMut(Piece),
) {
    let gil = trace.origin.gil();
    let lane_of = lanes_of_threads(trace, scheduling);
    let mut threads = vec![None; trace.lanes.len()];
    for (thread, lane) in (0..).zip(&lane_of) {
        if let Some(lane) = lane {
            threads[*lane as usize] = Some(thread);
        }
    }
    let mut lanes = Vec::new();
    lanes.resize_with(trace.lanes.len(), Doing::default);
    // Of all processors: a thread that was on none may have come onto any.
    let gaps = union(scheduling.gaps.iter().map(|gap| (gap.start_ns, gap.end_ns)).collect());
    let mut join = Join { trace, scheduling, threads, gaps, lock: gil == Some(true), lanes, emit };
    let own = |span: &Span| alone(trace, span).is_some();
    let mut spans = spans.filter(own).peekable();
    for slice in slices {
        while let Some(span) = spans.next_if(|span| span.start_ns < slice.start_ns) {
            join.begin(span);
        }
        if let Some(lane) = lane_of.get(slice.thread as usize).copied().flatten() {
            join.run(lane, slice);
        }
    }
    spans.for_each(|span| join.begin(span));
    join.end();
}

/// By thread: the lane that it is.
pub(in crate::view) fn lanes_of_threads(
    trace: &Trace,
    scheduling: &Scheduling,
) -> Vec<Option<u32>> {
    // Numbers are given out again: the last of each is it.
    let last: BTreeMap<(u32, u32), usize> =
        (0..).zip(&scheduling.threads).map(|(at, one)| ((one.pid, one.tid), at)).collect();
    let mut lane_of = vec![None; scheduling.threads.len()];
    for (number, lane) in (0..).zip(&trace.lanes) {
        if let Some(&thread) = last.get(&(lane.pid, lane.tid)) {
            lane_of[thread] = Some(number);
        }
    }
    lane_of
}

/// A lane at the moment that the streams have come to.
#[derive(Debug, Default)]
struct Doing {
    /// The last slice of its thread.
    last: Option<Slice>,
    /// Steps that go on behind its end, in order of start.
    steps: Vec<Span>,
}

struct Join<'a, E> {
    trace: &'a Trace,
    scheduling: &'a Scheduling,
    /// By lane: its thread.
    threads: Vec<Option<u32>>,
    /// Times in which records were lost, by start; disjoint.
    gaps: Vec<(u64, u64)>,
    /// Whether computing threads wait for a lock of the interpreter.
    lock: bool,
    lanes: Vec<Doing>,
    emit: &'a mut E,
}

impl<E: FnMut(Piece)> Join<'_, E> {
    fn begin(&mut self, mut span: Span) {
        if span.end_ns == 0 {
            span.end_ns = u64::MAX;
        }
        let doing = &mut self.lanes[span.lane as usize];
        let mut ends_later = true;
        if let Some(slice) = doing.last {
            emit_part(self.emit, &span, State::Running, slice.start_ns, slice.end_ns);
            ends_later = span.end_ns > slice.end_ns;
        }
        if ends_later {
            doing.steps.push(span);
        }
    }

    /// The thread of a lane was on a processor again; until then it was what its last slice says.
    fn run(&mut self, lane: u32, slice: Slice) {
        self.pause(lane, slice.start_ns);
        let doing = &mut self.lanes[lane as usize];
        let (start_ns, end_ns) = (slice.start_ns, slice.end_ns);
        (self.emit)(Piece { lane, task: None, state: State::Running, start_ns, end_ns });
        for span in &doing.steps {
            emit_part(self.emit, span, State::Running, start_ns, end_ns);
        }
        doing.steps.retain(|span| span.end_ns > end_ns);
        doing.last = Some(slice);
    }

    /// What was between the last slice of a lane and the next one, which begins at `until`.
    fn pause(&mut self, lane: u32, until: u64) {
        let last = self.lanes[lane as usize].last;
        // Before it was started and after its end a thread is not there.
        let exists = last.is_some_and(|slice| slice.end != SliceEnd::Exited);
        for (state, start, end) in self.pause_of(lane, last, until) {
            self.part_of_pause(lane, exists, state, (start, end));
        }
    }

    /// The states of a pause, as `analyse::scheduling` has them: what is behind a gap in the
    /// record, or the end of the thread, is not known.
    fn pause_of(&self, lane: u32, last: Option<Slice>, until: u64) -> [(State, u64, u64); 3] {
        let thread = self.threads[lane as usize].map(|one| &self.scheduling.threads[one as usize]);
        let started = thread.filter(|one| one.parent.is_some()).map(|one| one.start_ns);
        let (state, since) = match (last, started) {
            (Some(slice), _) => (after(slice.end), slice.end_ns),
            // Just started, it waits for its first processor.
            (None, Some(started)) => (State::Runnable, started.min(until)),
            (None, None) => (State::Unrecorded, 0),
        };
        let ended = thread.map(|one| one.end_ns).filter(|&ns| until == u64::MAX && ns != 0);
        let first = self.gaps.partition_point(|gap| gap.1 <= since);
        let gap = self.gaps.get(first).filter(|gap| gap.0 < until).map(|gap| gap.0);
        let known = [ended, gap].into_iter().flatten().fold(until, u64::min).max(since);
        let before = if last.is_none() { 0 } else { since };
        [
            (State::Unrecorded, before, since),
            (state, since, known),
            (State::Unrecorded, known, until),
        ]
    }

    fn part_of_pause(&mut self, lane: u32, exists: bool, state: State, (from, until): (u64, u64)) {
        let own = |state, start_ns, end_ns| Piece { lane, task: None, state, start_ns, end_ns };
        let mut now = from;
        for span in &self.lanes[lane as usize].steps {
            let computes =
                self.trace.step(span.step).is_some_and(|info| info.kind == StepKind::Cpu);
            let held_up = self.lock && computes && state == State::Blocked;
            let state = if held_up { State::HeldUp } else { state };
            emit_part(self.emit, span, state, from, until);
            let (start, end) = (span.start_ns.max(now), span.end_ns.min(until));
            if exists && held_up && start < end {
                if now < start {
                    (self.emit)(own(State::Blocked, now, start));
                }
                (self.emit)(own(State::HeldUp, start, end));
                now = end;
            }
        }
        if exists && now < until {
            (self.emit)(own(state, now, until));
        }
    }

    fn end(&mut self) {
        for lane in 0..self.lanes.len() as u32 {
            self.pause(lane, u64::MAX);
        }
    }
}

/// What a thread is after a slice that ended so.
fn after(end: SliceEnd) -> State {
    match end {
        SliceEnd::Preempted => State::Runnable,
        SliceEnd::Blocked => State::Blocked,
        SliceEnd::Exited | SliceEnd::Unknown => State::Unrecorded,
    }
}

/// The part of a time that lies in a step.
fn emit_part(emit: &mut impl FnMut(Piece), span: &Span, state: State, from: u64, to: u64) {
    let (start_ns, end_ns) = (span.start_ns.max(from), span.end_ns.min(to));
    if start_ns < end_ns {
        emit(Piece { lane: span.lane, task: Some(span.task), state, start_ns, end_ns });
    }
}
