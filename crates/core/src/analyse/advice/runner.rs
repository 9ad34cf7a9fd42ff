//! What the runner itself took: how much was taken off, and where too little is left to be believed.

use alloc::format;
use alloc::vec::Vec;

use super::Case;
use crate::analyse::units::{duration, percent};
use crate::result::{HarnessCost, Rule, Run, Sentence};

/// Less of the measured time than this is not worth a word.
const WORTH: f64 = 0.02;
/// From here on what is left is mostly what was not known exactly.
const UNSURE: f64 = 0.25;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let mut costs: Vec<(usize, HarnessCost, u64)> = (case.against_fastest.iter())
        .filter_map(|rank| {
            let index = rank.contestant as usize;
            let runs = crate::analyse::compare::counted(case.contestant(index));
            let mut costs: Vec<(HarnessCost, u64)> =
                runs.iter().filter_map(|run: &&Run| Some((run.harness?, run.work_ns))).collect();
            costs.sort_by_key(|(cost, _)| cost.ns);
            let (cost, left_ns) = *costs.get(costs.len() / 2)?;
            Some((index, cost, left_ns))
        })
        .collect();
    let share = |(_, cost, left_ns): &(usize, HarnessCost, u64)| {
        cost.ns as f64 / (cost.ns + left_ns).max(1) as f64
    };
    costs.sort_by(|one, other| share(other).total_cmp(&share(one)));
    let mut sentences = Vec::new();
    let Some(most) = costs.first().filter(|most| share(most) >= WORTH) else { return sentences };
    let (index, cost, left_ns) = *most;
    sentences.push(Rule::RunnerTakenOff.says(format!(
        "What the runner itself adds to each call was measured on calls that do nothing, and is taken off: {} ± {} of {}, {} of what was measured.",
        duration(cost.ns),
        duration(cost.uncertain_ns),
        case.name(index),
        percent(share(most)),
    )));
    let unsure = |(_, cost, left_ns): &&(usize, HarnessCost, u64)| {
        cost.uncertain_ns as f64 > UNSURE * *left_ns as f64
    };
    if costs.iter().any(|one| unsure(&one)) {
        sentences.push(Rule::TooShortCalls.says(format!(
            "These calls are too short to be told from what carries them out: {} is left of {}, and may be off by {}. Let a call do more of them, as in `for _ in range(1000)`.",
            duration(left_ns),
            case.name(index),
            duration(cost.uncertain_ns),
        )));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use maitred_wire::Strategy::{Sequential, ThreadPool};

    use super::*;
    use crate::analyse::advice::conclude;
    use crate::analyse::compare;
    use crate::analyse::nature::nature;
    use crate::analyse::sample::{CORES, comparison, contestant, rounds};
    use crate::result::Conclusion;
    use crate::trace::sample::tables;

    fn concluded(harness: Option<HarnessCost>) -> Conclusion {
        let traces = [Sequential, ThreadPool].map(|strategy| tables(4, 1).run(strategy, 2));
        let contestants = traces.each_ref().map(|trace| {
            let mut runs = rounds(trace, 4);
            runs.iter_mut().for_each(|run| run.harness = harness);
            contestant(trace, runs)
        });
        let mut comparison = comparison(contestants.to_vec(), 4);
        compare::rank(&mut comparison, None);
        conclude(&comparison, &traces.each_ref().map(|trace| nature(trace, CORES)))
    }

    fn said(conclusion: &Conclusion, rule: Rule) -> String {
        conclusion.said_by(rule).unwrap_or_default().into()
    }

    #[test]
    fn what_was_taken_off_is_told_with_its_uncertainty() {
        let cost = HarnessCost { ns: 400_000_000, uncertain_ns: 3_000_000 };
        let conclusion = concluded(Some(cost));
        let text = said(&conclusion, Rule::RunnerTakenOff);
        assert!(text.contains("taken off: 400 ms ± 3.00 ms of `"), "{text}");
        assert_eq!(said(&conclusion, Rule::TooShortCalls), "");
    }

    #[test]
    fn where_little_more_is_left_than_is_uncertain_that_is_said() {
        let cost = HarnessCost { ns: 9_000_000_000, uncertain_ns: 2_000_000_000 };
        let text = said(&concluded(Some(cost)), Rule::TooShortCalls);
        assert!(text.starts_with("These calls are too short"), "{text}");
    }

    #[test]
    fn little_or_nothing_is_not_worth_a_word() {
        let little = HarnessCost { ns: 1_000, uncertain_ns: 100 };
        for cost in [None, Some(little)] {
            assert_eq!(said(&concluded(cost), Rule::RunnerTakenOff), "");
        }
    }
}
