//! What all sentences start from: a comparison with somebody who is ranked, and how models are named
//! in a sentence. The main type is [`Case`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::{Model, Strategy};

use crate::analyse::compare;
use crate::analyse::nature::{BoundBy, Nature};
use crate::analyse::stats::Confidence;
use crate::analyse::units::duration;
use crate::result::{Comparison, Contestant, Processors, Rank, Run, SubjectKind, Summary, Verdict};

/// A call that uses so many processors has threads of its own.
const OWN_THREADS: f64 = 1.3;
/// In less time processor time is not told well enough from what the runner itself did.
const OWN_THREADS_NS: u64 = 10_000_000;

/// Who ends so soon after the last arrival as it can has kept up with the arrivals.
const KEEPS_UP: f64 = 1.05;

/// A comparison with at least one ranked model.
pub(super) struct Case<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) natures: &'a [Option<Nature>],
    pub(super) fastest: usize,
    /// Everybody against the fastest, the fastest included and first.
    pub(super) against_fastest: Vec<Rank>,
}

impl<'a> Case<'a> {
    pub(super) fn new(comparison: &'a Comparison, natures: &'a [Option<Nature>]) -> Option<Self> {
        let contestants = &comparison.contestants;
        let fastest = compare::reference(contestants, None)?;
        let effect = comparison.settings.minimum_effect;
        let against_fastest = compare::ranks(contestants, fastest, effect, Confidence::P95);
        Some(Self { comparison, natures, fastest, against_fastest })
    }

    pub(super) fn name(&self, index: usize) -> String {
        name(self.comparison, index)
    }

    /// The model as it is called where all have one runtime.
    pub(super) fn short_name(&self, model: &Model) -> String {
        let name = model.to_string();
        match name.split_once('/') {
            Some((_, rest)) if self.has_one_runtime() => rest.to_string(),
            _ => name,
        }
    }

    pub(super) fn contestant(&self, index: usize) -> &'a Contestant {
        &self.comparison.contestants[index]
    }

    pub(super) fn summary(&self, index: usize) -> Option<&'a Summary> {
        self.contestant(index).summary.as_ref()
    }

    pub(super) fn nature(&self, index: usize) -> Option<&'a Nature> {
        self.natures.get(index)?.as_ref()
    }

    pub(super) fn work_ns(&self, index: usize) -> u64 {
        self.summary(index).map_or(0, |summary| summary.work_ns)
    }

    /// Whether the work are requests, of which so many as the user said are under way at once: how
    /// many workers there are and how fast it goes at best follow from that.
    pub(super) fn is_url(&self) -> bool {
        self.comparison.subject.kind == SubjectKind::Url
    }

    /// Whether tasks arrive at a pace with which the fastest kept up: nobody can end sooner, and
    /// how soon each task ends is what models differ in.
    pub(super) fn is_paced(&self) -> bool {
        let Some(bound) = self.plainest().and_then(|nature| nature.bound.as_ref()) else {
            return false;
        };
        let BoundBy::LongestTask { arrives_ns, .. } = bound.by else { return false };
        let took = self.work_ns(self.fastest) as f64;
        arrives_ns > bound.ns / 2 && took <= KEEPS_UP * bound.ns as f64
    }

    /// 99 % of tasks end within so much of their arrival; `None` where none is said.
    pub(super) fn p99_from_arrival(&self, index: usize) -> Option<u64> {
        let latency = self.summary(index)?.latency.known()?;
        latency.from_arrival.then_some(latency.p99_ns)
    }

    /// How long it took, in words.
    pub(super) fn took(&self, index: usize) -> String {
        let timed = self.contestant(index).runs.iter().any(Run::is_timed);
        let each = if timed { " each" } else { "" };
        format!("{}{each}", duration(self.work_ns(index)))
    }

    pub(super) fn has_one_runtime(&self) -> bool {
        let mut runtimes = self.comparison.contestants.iter().map(|one| &one.model.runtime);
        let first = runtimes.next();
        runtimes.all(|other| Some(other) == first)
    }

    /// How many processors one call of a function uses by itself, where it is more than one: it has
    /// threads of its own, as libraries of numbers do.
    pub(super) fn own_threads(&self) -> Option<(usize, f64)> {
        let is_function =
            matches!(self.comparison.subject.kind, SubjectKind::Function | SubjectKind::Closure);
        self.against_fastest.iter().filter(|_| is_function).find_map(|rank| {
            let index = rank.contestant as usize;
            let sequential = self.contestant(index).model.strategy == Strategy::Sequential;
            let summary = self.summary(index)?;
            // On a busy machine they come to few processors, but to more time than the caller's thread.
            let spread = self.nature(index).and_then(|nature| nature.threads_of_own);
            let most = f64::from(self.cores());
            let spread = spread.map_or(0.0, |spread| spread.min(most));
            // Processes that it starts are no threads of its own.
            let own = self.nature(index).map_or(1.0, |nature| 1.0 - nature.children_share);
            let used = (own * summary.cores_used.known().copied().unwrap_or(0.0)).max(spread);
            let told = summary.work_ns >= OWN_THREADS_NS && used >= OWN_THREADS;
            (sequential && told).then_some((index, used))
        })
    }

    /// What the work may use of the machine.
    pub(super) fn processors(&self) -> Processors {
        self.comparison.machine.processors()
    }

    /// The same in whole processors: so many threads may compute at once.
    pub(super) fn cores(&self) -> u32 {
        self.processors().whole()
    }

    /// Who stands so to the fastest.
    pub(super) fn with(&self, verdict: Verdict) -> impl Iterator<Item = (usize, &Rank)> {
        self.against_fastest
            .iter()
            .filter(move |rank| rank.verdict == verdict)
            .map(|rank| (rank.contestant as usize, rank))
    }

    /// The contestant whose trace shows the work most plainly: done one after another nothing
    /// queues; else where tasks queued and starved least.
    pub(super) fn plainest(&self) -> Option<&'a Nature> {
        self.nature(self.plainest_index()?)
    }

    pub(super) fn plainest_index(&self) -> Option<usize> {
        let in_the_way = |nature: &Nature| {
            let share =
                (nature.task_ns() - nature.own_ns()) as f64 / nature.task_ns().max(1) as f64;
            (share * 1e6) as u64
        };
        self.against_fastest
            .iter()
            .filter_map(|rank| {
                let index = rank.contestant as usize;
                let sequential = self.contestant(index).model.strategy == Strategy::Sequential;
                Some((!sequential, in_the_way(self.nature(index)?), index))
            })
            .min()
            .map(|(.., index)| index)
    }
}

/// A contestant as sentences name it.
pub(super) fn name(comparison: &Comparison, index: usize) -> String {
    format!("`{}`", comparison.label(index))
}

/// `a`, `a and b`, `a, b and c`; of many, the first three and how many more.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, three, more @ ..] => format!("{one}, {two}, {three} and {} more", more.len()),
    }
}
