//! A verdict from one or two rounds, where no third can be had: a round of the talk's real speed
//! takes half a minute. What is compared then is not only how long two models took, but whether
//! anything within their rounds could have made so much of a difference. The main function is
//! [`verdict`].

use alloc::vec::Vec;

use crate::result::{Contestant, Run, Verdict};

/// The least ratio that is told from fewer rounds than [`super::compare::MIN_ROUNDS`].
pub(super) const AT_ONE_LOOK: f64 = 2.0;
/// Of fewer tasks it cannot be seen whether one of them is to blame.
const TASKS: u64 = 3;

/// One against the other, over all rounds that both finished: slower (or faster) if in each of
/// them it took [`AT_ONE_LOOK`] times as long (or less), nothing disturbed either, and it would
/// have even if its longest task had taken no longer than the median one. `None`: not told.
pub(super) fn verdict(one: &Contestant, other: &Contestant, effect: f64) -> Option<Verdict> {
    let rounds: Vec<(&Run, &Run)> = one
        .runs
        .iter()
        .filter_map(|run| Some((run, other.runs.iter().find(|beside| beside.round == run.round)?)))
        .collect();
    let least = AT_ONE_LOOK.max(1.0 + effect);
    let all = |clear: &dyn Fn(&Run, &Run) -> bool| {
        !rounds.is_empty() && rounds.iter().all(|(one, other)| clear(one, other))
    };
    if all(&|one, other| is_clearly_slower(one, other, least)) {
        return Some(Verdict::Slower);
    }
    all(&|one, other| is_clearly_slower(other, one, least)).then_some(Verdict::Faster)
}

fn is_clearly_slower(slow: &Run, fast: &Run, least: f64) -> bool {
    let clean = slow.noise.dirty.is_none() && fast.noise.dirty.is_none();
    let Some(latency) = slow.latency.known().filter(|_| clean && slow.tasks.done >= TASKS) else {
        return false;
    };
    let straggled = latency.max_ns.saturating_sub(latency.p50_ns) as f64;
    slow.compared_ns() - straggled / slow.share() >= least * fast.compared_ns()
}
