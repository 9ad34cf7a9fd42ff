//! Where the time of tasks went: computing, without a processor, waiting for the interpreter's
//! lock, waiting for something outside. From the counters that the kernel keeps of each thread;
//! what no counter tells is inferred from another model, and the sentence says from which.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::Case;
use crate::analyse::split::ThreadTime;
use crate::analyse::units::{percent, plural};
use crate::result::{Rule, Sentence, SubjectKind, WaitCount, WaitShares};
use crate::trace::WaitCause;

/// Of so many models it is told, the fastest ones: of a sweep nobody would read more.
const TOLD: usize = 8;
/// Shares below this are not named.
const WORTH: f64 = 0.02;
/// The rest of a workload's time is known from its steps; without a processor (or the lock) for
/// less than this, there is nothing to add.
const IN_THE_WAY: f64 = 0.1;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let kind = case.comparison.subject.kind;
    if kind == SubjectKind::Command {
        return Vec::new(); // its threads only wait for children: what those used is told elsewhere
    }
    let stories: Vec<Story> = case
        .against_fastest
        .iter()
        .filter_map(|rank| Story::new(case, rank.contestant as usize))
        .collect();
    let is_function = matches!(kind, SubjectKind::Function | SubjectKind::Closure);
    if !is_function && !stories.iter().any(Story::is_held_up) {
        return Vec::new();
    }
    let told: Vec<String> = stories.iter().take(TOLD).map(Story::tell).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let more = match stories.len() - told.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let mut sentence = format!(
        "Where the time of tasks went, by each thread's counters: {}{more}.",
        told.join("; ")
    );
    let looks: u64 = stories.iter().take(TOLD).filter_map(|story| story.looks).sum();
    if looks > 0 {
        sentence.push_str(&format!(
            " For what they waited was seen by {} at blocked threads.",
            plural(looks, "look")
        ));
    }
    if let Some(base) = stories.iter().take(TOLD).find_map(|story| story.lock.as_ref()) {
        sentence.push_str(&format!(
            " That it was a lock is inferred: so much longer they waited than under {base}, where nobody else wants it."
        ));
    }
    Vec::from([Rule::TaskTime.says(sentence)])
}

/// The time of one model.
struct Story {
    who: String,
    split: ThreadTime,
    /// Of the rest, what is put down to a lock.
    lock_ns: u64,
    /// For what the rest was waited, as looks at the threads saw, by time; empty: too few looks.
    seen: Vec<(WaitCause, u64)>,
    /// How many looks that were.
    looks: Option<u64>,
    /// The model from which that was inferred.
    lock: Option<String>,
    /// There is a lock, but nothing to tell its share by.
    may_be_lock: bool,
    /// Whether tasks wait for each other, as the steps of a workload may.
    queues: bool,
}

impl Story {
    fn new(case: &Case<'_>, index: usize) -> Option<Self> {
        let nature = case.nature(index)?;
        let split = within_tasks(case, nature.split?);
        let contestant = case.contestant(index);
        let facts = contestant.model.strategy.facts();
        let in_threads = facts.is_one_task_a_lane() && !facts.is_apart();
        let has_lock = nature.interpreted.gil == Some(true) && in_threads && contestant.workers > 1;
        let waits = (contestant.traced.as_ref().and_then(|run| run.scheduling.as_ref()))
            .and_then(|shares| shares.waits.as_ref())
            .filter(|waits| waits.is_known() && !split.is_loop);
        let part = |count: &WaitCount| {
            let (share, ..) = waits?.share(count.cause)?;
            Some((count.cause, (share * split.rest_ns() as f64) as u64))
        };
        let seen: Vec<_> = waits.iter().flat_map(|waits| &waits.by).filter_map(part).collect();
        let base =
            (has_lock && seen.is_empty()).then(|| alone(case, &contestant.model.runtime)).flatten();
        let (mut lock_ns, mut lock) = (0, None);
        if let (Some((base, alone)), Some(delayed_ns)) = (base, split.delayed_ns) {
            let queued = nature.queues.iter().map(|queue| queue.ns).fold(0, u64::saturating_add);
            let longer = split.rest_ns().saturating_sub(alone.rest_ns()).saturating_sub(queued);
            // While one thread has the lock, computing or ready to, no more than all others wait.
            let cpu_ns = case.summary(index).and_then(|summary| summary.cpu_ns.known());
            let held = split.computing_ns.max(cpu_ns.copied().unwrap_or(0)) + delayed_ns;
            let longer = longer.min(held.saturating_mul(u64::from(contestant.workers) - 1));
            if longer as f64 >= WORTH * split.all_ns as f64 {
                (lock_ns, lock) = (longer, Some(base));
            }
        }
        let looks = waits.map(WaitShares::looks);
        let may_be_lock = has_lock
            && seen.is_empty()
            && (base_is_missing(case, index) || split.delayed_ns.is_none());
        let queues = !nature.queues.is_empty();
        Some(Self { who: case.name(index), split, lock_ns, seen, looks, lock, may_be_lock, queues })
    }

    fn share(&self, ns: u64) -> f64 {
        ns as f64 / self.split.all_ns.max(1) as f64
    }

    /// Whether tasks waited for a processor or the lock for long.
    fn is_held_up(&self) -> bool {
        let gil = self.seen.iter().filter(|(cause, _)| *cause == WaitCause::Gil);
        let gil_ns: u64 = gil.map(|(_, ns)| ns).sum();
        self.share(self.lock_ns + gil_ns + self.split.delayed_ns.unwrap_or(0)) >= IN_THE_WAY
    }

    /// `under X 25 % computing, 70 % waiting for the lock (GIL) and 5 % for a processor`.
    fn tell(&self) -> String {
        let seen_ns: u64 = self.seen.iter().map(|(_, ns)| ns).sum();
        let outside = self.split.rest_ns() - self.lock_ns.max(seen_ns.min(self.split.rest_ns()));
        let unknown = match (self.split.delayed_ns, self.may_be_lock) {
            (None, true) => "waiting, for a processor, the lock (GIL) or something outside",
            (None, false) => "waiting, for a processor or something outside",
            (Some(_), true) => "waiting, for the lock (GIL) or something outside",
            (Some(_), false) if self.split.is_loop => "idle",
            (Some(_), false) if self.queues => "waiting",
            (Some(_), false) => "waiting for something outside",
        };
        let seen =
            self.seen.iter().map(|(cause, ns)| (*ns, format!("waiting for {}", cause.words())));
        let parts = [
            (self.split.computing_ns, "computing".into()),
            (self.lock_ns, format!("waiting for {}", WaitCause::AnyLock.words())),
        ];
        let throttled_ns = self.split.throttled_ns;
        let delayed_ns = self.split.delayed_ns.unwrap_or(0).saturating_sub(throttled_ns);
        let rest = [
            (delayed_ns, "runnable (in the run queue)".into()),
            (throttled_ns, "throttled by the CPU quota".into()),
            (outside, unknown.into()),
        ];
        let told: Vec<String> = parts
            .into_iter()
            .chain(seen)
            .chain(rest)
            .filter(|(ns, _)| self.share(*ns) >= WORTH)
            .map(|(ns, what): (u64, String)| format!("{} {what}", percent(self.share(ns))))
            .collect();
        let who = &self.who;
        let thread = if self.split.is_loop { "the loop of " } else { "" };
        format!("{thread}{who} {}", told.join(", "))
    }
}

/// The same without a delay for which there is no room beside what the steps of a workload wait
/// anyhow: of many threads that are started at once, much of it was before their tasks.
fn within_tasks(case: &Case<'_>, split: ThreadTime) -> ThreadTime {
    let is_workload = case.comparison.subject.kind == SubjectKind::Workload;
    let plainest = case.plainest().filter(|_| is_workload && !split.is_loop);
    let waits = plainest.map_or(0, |nature| nature.waiting_ns.saturating_add(nature.blocking_ns));
    let room = (1.0 + WORTH) * split.all_ns as f64 - split.computing_ns as f64 - waits as f64;
    let delayed_ns = split.delayed_ns.filter(|&ns| waits == 0 || ns as f64 <= room);
    ThreadTime {
        delayed_ns,
        throttled_ns: split.throttled_ns.min(delayed_ns.unwrap_or(0)),
        ..split
    }
}

/// The sequential model of this runtime: there nobody waits for the lock.
fn alone(case: &Case<'_>, runtime: &str) -> Option<(String, ThreadTime)> {
    case.against_fastest.iter().find_map(|rank| {
        let index = rank.contestant as usize;
        let model = &case.contestant(index).model;
        let is_it = model.runtime == runtime && model.strategy == Strategy::Sequential;
        Some((case.name(index), case.nature(index)?.split?)).filter(|_| is_it)
    })
}

fn base_is_missing(case: &Case<'_>, index: usize) -> bool {
    alone(case, &case.contestant(index).model.runtime).is_none()
}
