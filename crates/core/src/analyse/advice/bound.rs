//! How fast it could be done at best. A bound comes from the least time that a task was seen to
//! need alone: neighbours that compute, or that have the lock, make steps longer than they must be.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::Case;
use crate::analyse::nature::{Bound, BoundBy, Nature};
use crate::analyse::units::{duration, ratio, usable};
use crate::result::{Processors, Rank, Rule, Sentence};

/// This near to the bound is as good as at it.
pub(super) const AT_BOUND: f64 = 1.1;
/// By so much a clock may be wrong; what a run undercuts by more is no bound.
const CLOCK: f64 = 1.01;
/// Work that computes less than this is not slowed by neighbours that compute.
const ONLY_WAITS: f64 = 0.02;

impl Case<'_> {
    /// The least of the bounds that were seen without neighbours; never more than a run took.
    /// `None`: no contestant shows one, or a run took less.
    pub(super) fn bound(&self) -> Option<Cow<'_, Bound>> {
        let alone = |nature: &Nature| {
            let opaque = nature.commands_ns + nature.calls_ns + nature.requests_ns;
            // Of what was runnable without a processor nobody knows how long it would have waited.
            let slowed = nature.computing_ns.saturating_add(nature.starved_ns);
            (slowed as f64) < ONLY_WAITS * nature.own_ns() as f64 && opaque == 0
        };
        let ranked = || self.against_fastest.iter().map(|rank| rank.contestant as usize);
        let bound = ranked()
            .filter_map(|index| Some((index, self.nature(index)?)))
            .filter(|(index, nature)| {
                alone(nature) || self.is_alone(*index) && !self.was_disturbed(*index)
            })
            .filter_map(|(_, nature)| nature.bound.as_ref())
            .filter(|bound| bound.ns > 0)
            .min_by_key(|bound| bound.ns)?;
        let runs = ranked().flat_map(|index| &self.contestant(index).runs);
        let finished = runs.filter(|run| run.end == crate::trace::RunEnd::Finished);
        let least = finished.map(|run| run.work_ns).min()?;
        if bound.ns as f64 > CLOCK * least as f64 {
            return None;
        }
        Some(match bound.ns > least {
            true => Cow::Owned(Bound { ns: least, ..bound.clone() }),
            false => Cow::Borrowed(bound),
        })
    }
}

impl Case<'_> {
    /// Whether others used the processors in the run that its nature is of, the first that came to its
    /// end: steps that compute lasted longer than they must then.
    fn was_disturbed(&self, index: usize) -> bool {
        let mut runs = self.contestant(index).runs.iter();
        let first = runs.find(|run| run.end == crate::trace::RunEnd::Finished);
        first.is_some_and(|run| run.noise.dirty.is_some())
    }
}

/// What no model can undercut, why, and how near the fastest came.
pub(super) fn sentence(case: &Case<'_>) -> Option<Sentence> {
    if case.is_url() {
        return None;
    }
    // Under another setting it is other work, with a bound of its own.
    let setting = |rank: &Rank| &case.contestant(rank.contestant as usize).model.setting;
    let mut settings = case.against_fastest.iter().map(setting);
    if settings.any(|one| *one != case.contestant(case.fastest).model.setting) {
        return None;
    }
    let bound = case.bound()?;
    let took = case.work_ns(case.fastest);
    let over = took as f64 / bound.ns as f64;
    let fastest = case.name(case.fastest);
    let reached = match over {
        _ if over <= AT_BOUND => format!("{fastest} reaches that ({})", duration(took)),
        _ => format!("{fastest} takes {} of that ({})", ratio(over), duration(took)),
    };
    let relief = match &bound.by {
        BoundBy::Resource { name, with_one_more_ns, .. } if *with_one_more_ns < bound.ns => {
            format!(" One more `{name}` would lower the bound to {}.", duration(*with_one_more_ns))
        }
        _ => String::new(),
    };
    Some(Rule::LowerBound.says(format!(
        "No model can finish in less than {} ({}); {reached}.{relief}",
        duration(bound.ns),
        why(&bound.by)
    )))
}

fn why(by: &BoundBy) -> String {
    match by {
        BoundBy::Resource { name, capacity: 1, .. } => format!(
            "that long `{name}` is held, one task at a time, with what must come before and after"
        ),
        BoundBy::Resource { name, capacity, .. } => format!(
            "that long the {capacity} of `{name}` are held, with what must come before and after"
        ),
        BoundBy::LongestTask { name, arrives_ns: 0 } => {
            format!("so long the longest task, `{name}`, takes by itself")
        }
        BoundBy::LongestTask { name, arrives_ns } => {
            format!("`{name}` arrives only after {}", duration(*arrives_ns))
        }
        BoundBy::Processors(machine) if machine.usable() < f64::from(machine.count) => format!(
            "that long computing takes with {} processors, which is what the CPU quota allows",
            usable(*machine)
        ),
        BoundBy::Processors(Processors { count: 1, .. }) => {
            "that much is to be computed on the one processor".into()
        }
        BoundBy::Processors(Processors { count, .. }) => {
            format!("that much is to be computed on each of the {count} processors")
        }
    }
}
