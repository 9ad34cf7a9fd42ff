//! The laws of what the kernel recorded: a processor runs one thread at a time, a thread is on one
//! processor at a time, and there is no more time on processors than processors had.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;

use super::{Report, ms};
use crate::trace::{Scheduling, Slice};

impl Report<'_> {
    /// Judges the record of the scheduler, if there is one.
    pub(super) fn laws_of_slices(&mut self) {
        let Some(scheduling) = self.trace.scheduling.known() else { return };
        self.law(|report| slices_are_of_something(report, scheduling));
        self.law(|report| processors_run_one_thread(report, scheduling));
        self.law(|report| threads_are_at_one_place(report, scheduling));
        self.law(|report| slices_lie_within(report, scheduling));
        self.law(|report| threads_have_parents(report, scheduling));
        self.law(|report| processors_have_so_much_time(report, scheduling));
    }

    fn slice(&self, scheduling: &Scheduling, slice: &Slice) -> alloc::string::String {
        let thread = scheduling.threads.get(slice.thread as usize);
        let thread = thread.map_or(0, |thread| thread.tid);
        let moment = self.moment(slice.start_ns);
        format!("thread {thread} on processor {} from {moment} on", slice.cpu)
    }
}

fn slices_are_of_something(report: &mut Report<'_>, scheduling: &Scheduling) {
    let mut before = 0;
    for slice in &scheduling.slices {
        let wrong = if slice.thread as usize >= scheduling.threads.len() {
            "is of a thread that the trace does not have"
        } else if !scheduling.cpus.contains(&slice.cpu) {
            "is on a processor that the run could not use"
        } else if slice.end_ns < slice.start_ns {
            "ends before it starts"
        } else if slice.start_ns < before {
            "stands behind one that starts later"
        } else {
            before = slice.start_ns;
            continue;
        };
        let slice = report.slice(scheduling, slice);
        report.say(|_| format!("{slice} {wrong}"));
    }
}

/// Slices in order of start; on what `key` says, one has to end before the next begins.
fn one_at_a_time(
    report: &mut Report<'_>,
    scheduling: &Scheduling,
    key: impl Fn(&Slice) -> u32,
    wrong: &str,
) {
    let mut last: BTreeMap<u32, Slice> = BTreeMap::new();
    for slice in &scheduling.slices {
        let before = last.insert(key(slice), *slice);
        let Some(before) = before.filter(|before| slice.start_ns < before.end_ns) else { continue };
        let (this, other) = (report.slice(scheduling, slice), report.slice(scheduling, &before));
        report.say(|_| format!("{wrong}: {this}, though {other}, had not left"));
        if before.end_ns > slice.end_ns {
            last.insert(key(slice), before);
        }
    }
}

fn processors_run_one_thread(report: &mut Report<'_>, scheduling: &Scheduling) {
    one_at_a_time(
        report,
        scheduling,
        |slice| u32::from(slice.cpu),
        "a processor ran two threads at once",
    );
}

fn threads_are_at_one_place(report: &mut Report<'_>, scheduling: &Scheduling) {
    one_at_a_time(
        report,
        scheduling,
        |slice| slice.thread,
        "a thread was on two processors at once",
    );
}

/// Nothing ran before the runner was started, nor a thread before it was seen or after its end.
fn slices_lie_within(report: &mut Report<'_>, scheduling: &Scheduling) {
    let began = report.trace.startup.start_ns;
    for slice in &scheduling.slices {
        let Some(thread) = scheduling.threads.get(slice.thread as usize) else { continue };
        let wrong = if slice.start_ns < began {
            "is from before the run was started"
        } else if slice.start_ns < thread.start_ns {
            "is from before that thread was there"
        } else if thread.end_ns != 0 && slice.end_ns > thread.end_ns {
            "goes on when that thread had ended"
        } else {
            continue;
        };
        let slice = report.slice(scheduling, slice);
        report.say(|_| format!("{slice} {wrong}"));
    }
}

fn threads_have_parents(report: &mut Report<'_>, scheduling: &Scheduling) {
    for (number, thread) in (0_u32..).zip(&scheduling.threads) {
        let tid = thread.tid;
        let parent = |one: u32| scheduling.threads.get(one as usize);
        if thread.parent.is_some_and(|one| one == number || parent(one).is_none()) {
            report.say(|_| format!("thread {tid} was started by itself or by none of the trace"));
        }
        if thread.end_ns != 0 && thread.end_ns < thread.start_ns {
            report.say(|_| format!("thread {tid} ends before it starts"));
        }
    }
}

fn processors_have_so_much_time(report: &mut Report<'_>, scheduling: &Scheduling) {
    let Some(work) = report.work() else { return };
    let mut used = vec![0_u64; usize::from(u16::MAX) + 1];
    for slice in &scheduling.slices {
        let (start, end) = (slice.start_ns.max(work.start_ns), slice.end_ns.min(work.end_ns));
        let used = &mut used[usize::from(slice.cpu)];
        *used = used.saturating_add(end.saturating_sub(start));
    }
    for (cpu, ns) in used.into_iter().enumerate().filter(|(_, ns)| *ns > work.wall_ns()) {
        let (used, wall) = (ms(ns), ms(work.wall_ns()));
        report.say(|_| format!("processor {cpu} was used for {used} in {wall} of work"));
    }
}
