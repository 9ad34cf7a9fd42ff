//! Whether waits lasted longer than they were asked to: who wakes up on a busy machine, loop or
//! interpreter does not go on at once. Looks at one trace. The main type is [`Overslept`].

use alloc::string::String;
use alloc::vec;

use crate::trace::{StepKind, Trace};

/// Waits are late by so large a share of what was asked, on average, before it is worth a word; and by
/// so much: a timer is late by some 50 µs by itself (`timer_slack_ns`, proc(5)). Nanoseconds.
const SHARE: f64 = 0.15;
const LEAST_NS: u64 = 250_000;

/// A kind of wait that lasted too long.
#[derive(Clone, Debug, PartialEq)]
pub struct Overslept {
    pub label: String,
    pub asked_ns: u64,
    /// On average.
    pub took_ns: u64,
}

/// The step whose waits were late by most altogether; `None`: none were late by much, or nobody knows
/// how long they were to be.
pub(super) fn overslept(trace: &Trace) -> Option<Overslept> {
    let mut took = vec![(0_u64, 0_u64); trace.steps.len()];
    for span in trace.spans.iter().filter(|span| span.end_ns > span.start_ns) {
        if let Some((spans, ns)) = took.get_mut(span.step as usize) {
            *spans += 1;
            *ns = ns.saturating_add(span.end_ns - span.start_ns);
        }
    }
    let late = trace.steps.iter().zip(took).filter_map(|(info, (spans, all_ns))| {
        let is_wait = matches!(info.kind, StepKind::Wait | StepKind::Block);
        let asked_ns = info.asked_ns.filter(|_| is_wait && spans > 0)?;
        let took_ns = all_ns / spans;
        let late_ns = took_ns.saturating_sub(asked_ns);
        let is_much = late_ns >= LEAST_NS && late_ns as f64 >= SHARE * asked_ns as f64;
        let label = info.label.clone();
        is_much.then_some((late_ns.saturating_mul(spans), Overslept { label, asked_ns, took_ns }))
    });
    late.max_by_key(|(late_ns, _)| *late_ns).map(|(_, overslept)| overslept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample::{MS, tables};
    use maitred_wire::Strategy::Threads;

    /// Each wait lasts so many milliseconds longer than it was asked to.
    fn late_by(ms: u64) -> Option<Overslept> {
        let mut trace = tables(5, 5).run(Threads, 5);
        trace.spans.iter_mut().for_each(|span| span.end_ns += ms * MS);
        overslept(&trace)
    }

    #[test]
    fn waits_that_last_much_longer_than_asked_are_found() {
        assert_eq!(late_by(0), None);
        assert_eq!(late_by(10), None, "a tenth of the shorter one");
        let (label, asked_ns, took_ns) = ("wait 100ms".into(), 100 * MS, 120 * MS);
        assert_eq!(late_by(20), Some(Overslept { label, asked_ns, took_ns }));
    }

    #[test]
    fn where_nobody_knows_how_long_it_was_to_be_nothing_is_found() {
        let mut trace = tables(5, 5).run(Threads, 5);
        trace.spans.iter_mut().for_each(|span| span.end_ns += 900 * MS);
        trace.steps.iter_mut().for_each(|step| step.asked_ns = None);
        assert_eq!(overslept(&trace), None);
    }
}
