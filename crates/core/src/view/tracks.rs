//! Steps as events on tracks, for the programs that draw traces: where tasks take turns, a thread
//! is a track; where they interleave, a task is one, or several that never overlap. Takes spans as
//! they come and holds only what is open.

use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::trace::{Scheduling, Span, StepInfo, StepKind, Thread, Trace};

/// So many tasks may have a track of their own.
const OWN_TRACKS: usize = 500;

/// One line of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) name: String,
    pub(crate) pid: u32,
    /// The thread that it is; `None`: it is one of tasks.
    pub(crate) tid: Option<u32>,
}

/// What a step is called: queueing for a resource and holding it are two.
pub(crate) fn step_name(step: &StepInfo) -> String {
    match step.kind {
        StepKind::Acquire => format!("queue for {}", step.label.trim_start_matches("hold ")),
        _ => step.label.clone(),
    }
}

/// What each thread of the record is called: as its lane, where it is one, for in the kernel all
/// threads of an interpreter have the same name.
pub(crate) fn thread_names(trace: &Trace, scheduling: &Scheduling) -> Vec<String> {
    let lanes = trace.lanes.iter().zip(trace.lane_names());
    let mut names: BTreeMap<(u32, u32), String> =
        lanes.map(|(lane, name)| ((lane.pid, lane.tid), name)).collect();
    // A thread that has one task is that task.
    for track in Tracks::new(trace).tracks {
        if let Some(tid) = track.tid {
            names.insert((track.pid, tid), track.name);
        }
    }
    let name = |thread: &Thread| match names.get(&(thread.pid, thread.tid)) {
        Some(name) => name.clone(),
        None => format!("{} ({})", thread.name, thread.tid),
    };
    scheduling.threads.iter().map(name).collect()
}

/// Which track each span belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Tracks {
    pub(crate) tracks: Vec<Track>,
    /// By task where tasks interleave, else empty: then a lane is a track.
    of_task: Vec<u32>,
    /// Tasks in order of start, where several share a track, so that each is to be shown.
    pub(crate) shared_by: Vec<u32>,
}

/// No task of that number was started.
const NOWHERE: u32 = u32::MAX;

impl Tracks {
    /// Needs lanes and tasks of the trace, no spans.
    pub(crate) fn new(trace: &Trace) -> Self {
        let mut order: Vec<u32> = (0..trace.tasks.len() as u32).collect();
        order.retain(|&task| trace.tasks[task as usize].start_ns != 0);
        order.sort_by_key(|&task| trace.tasks[task as usize].start_ns);
        match trace.model.strategy.interleaves() {
            false => Self::of_lanes(trace, order),
            true if order.len() <= OWN_TRACKS => Self::of_tasks(trace, &order),
            true => Self::packed(trace, order),
        }
    }

    /// The track of a span; `None`: the trace says nothing of its lane or task.
    pub(crate) fn of(&self, span: &Span) -> Option<u32> {
        self.at(span.task, span.lane)
    }

    pub(crate) fn at(&self, task: u32, lane: u32) -> Option<u32> {
        let track = match self.of_task.is_empty() {
            true => lane,
            false => *self.of_task.get(task as usize)?,
        };
        ((track as usize) < self.tracks.len()).then_some(track)
    }

    fn of_lanes(trace: &Trace, order: Vec<u32>) -> Self {
        let named = trace.lanes.iter().zip(trace.lane_names());
        let track = |(lane, name): (&crate::trace::Lane, _)| Track {
            name,
            pid: lane.pid,
            tid: Some(lane.tid),
        };
        let mut tracks: Vec<Track> = named.map(track).collect();
        let mut tasks = vec![0_u32; tracks.len()];
        let lane_of = |task: u32| trace.tasks[task as usize].lane as usize;
        for &task in &order {
            if let Some(tasks) = tasks.get_mut(lane_of(task)) {
                *tasks += 1;
            }
        }
        if tasks.iter().any(|&tasks| tasks > 1) {
            return Self { tracks, of_task: Vec::new(), shared_by: order };
        }
        // A thread that has one task is that task.
        for task in order {
            if let Some(track) = tracks.get_mut(lane_of(task)) {
                track.name = trace.task_name(task);
            }
        }
        Self { tracks, of_task: Vec::new(), shared_by: Vec::new() }
    }

    fn of_tasks(trace: &Trace, order: &[u32]) -> Self {
        let mut of_task = vec![NOWHERE; trace.tasks.len()];
        for (track, &task) in (0..).zip(order) {
            of_task[task as usize] = track;
        }
        let track = |&task: &u32| Track { name: trace.task_name(task), ..tasks_track(trace) };
        Self { tracks: order.iter().map(track).collect(), of_task, shared_by: Vec::new() }
    }

    /// Each task, in order of start, on the track that has been free for longest.
    fn packed(trace: &Trace, order: Vec<u32>) -> Self {
        let mut of_task = vec![NOWHERE; trace.tasks.len()];
        let mut free: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
        let mut tracks = Vec::new();
        for &task in &order {
            let facts = &trace.tasks[task as usize];
            let track = match free.peek() {
                Some(&Reverse((until, track))) if until <= facts.start_ns => {
                    free.pop();
                    track
                }
                _ => {
                    let name = format!("tasks, track {}", tracks.len() + 1);
                    tracks.push(Track { name, ..tasks_track(trace) });
                    tracks.len() as u32 - 1
                }
            };
            let until = if facts.end_ns == 0 { u64::MAX } else { facts.end_ns };
            free.push(Reverse((until, track)));
            of_task[task as usize] = track;
        }
        Self { tracks, of_task, shared_by: order }
    }
}

fn tasks_track(trace: &Trace) -> Track {
    let pid = trace.lanes.first().map_or(0, |lane| lane.pid);
    Track { name: String::new(), pid, tid: None }
}

/// What begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Task {
        ns: u64,
        track: u32,
        task: u32,
    },
    Step {
        ns: u64,
        track: u32,
        step: u32,
    },
    /// What was begun last on this track and has not ended.
    End {
        ns: u64,
        track: u32,
    },
}

/// Turns spans, which come in order of start, into events in order of time. What never ended has
/// no end event.
#[derive(Debug)]
pub(crate) struct Events<'a> {
    trace: &'a Trace,
    pub(crate) tracks: Tracks,
    next_task: usize,
    open: BinaryHeap<Reverse<(u64, u32)>>,
}

impl<'a> Events<'a> {
    pub(crate) fn new(trace: &'a Trace) -> Self {
        Self { trace, tracks: Tracks::new(trace), next_task: 0, open: BinaryHeap::new() }
    }

    /// The events up to the start of this span.
    pub(crate) fn span<E>(
        &mut self,
        span: &Span,
        emit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        self.tasks_until(span.start_ns, emit)?;
        let Some(track) = self.tracks.of(span) else { return Ok(()) };
        self.ends_until(span.start_ns, emit)?;
        emit(Event::Step { ns: span.start_ns, track, step: span.step })?;
        self.opened(span.end_ns, track);
        Ok(())
    }

    /// The events after the last span.
    pub(crate) fn finish<E>(
        &mut self,
        emit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        self.tasks_until(u64::MAX, emit)?;
        self.ends_until(u64::MAX, emit)
    }

    fn tasks_until<E>(
        &mut self,
        ns: u64,
        emit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(&task) = self.tracks.shared_by.get(self.next_task) {
            let facts = self.trace.tasks[task as usize];
            if facts.start_ns > ns {
                break;
            }
            self.next_task += 1;
            if let Some(track) = self.tracks.at(task, facts.lane) {
                self.ends_until(facts.start_ns, emit)?;
                emit(Event::Task { ns: facts.start_ns, track, task })?;
                self.opened(facts.end_ns, track);
            }
        }
        Ok(())
    }

    fn ends_until<E>(
        &mut self,
        until: u64,
        emit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(&Reverse((ns, track))) = self.open.peek() {
            if ns > until {
                break;
            }
            self.open.pop();
            emit(Event::End { ns, track })?;
        }
        Ok(())
    }

    fn opened(&mut self, end_ns: u64, track: u32) {
        if end_ns != 0 {
            self.open.push(Reverse((end_ns, track)));
        }
    }
}
