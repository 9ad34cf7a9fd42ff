//! What the runner itself took: how much was taken off, and where too little is left to be believed.

use alloc::format;
use alloc::vec::Vec;

use super::Case;
use crate::analyse::compare::counted;
use crate::analyse::units::{duration, percent};
use crate::result::{HarnessCost, Rule, Run, Sentence};

/// Less of the measured time than this is not worth a word.
const WORTH: f64 = 0.02;
/// From here on what is left is mostly what was not known exactly.
const UNSURE: f64 = 0.25;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let mut costs: Vec<(usize, Cost)> =
        ranked.filter_map(|index| Some((index, Cost::of(case, index)?))).collect();
    costs.sort_by(|(_, one), (_, other)| other.share().total_cmp(&one.share()));
    let mut sentences = Vec::new();
    let Some((index, most)) = costs.first().filter(|(_, most)| most.share() >= WORTH) else {
        return sentences;
    };
    sentences.push(Rule::RunnerTakenOff.says(format!(
        "What the runner itself adds to each call was measured on calls that do nothing, and is taken off: {} ± {} of {}, {} of what was measured.",
        duration(most.taken.ns),
        duration(most.taken.uncertain_ns),
        case.name(*index),
        percent(most.share()),
    )));
    if let Some(fastest) = Cost::of(case, case.fastest).filter(Cost::is_unsure) {
        sentences.push(Rule::TooShortCalls.says(format!(
            "Inconclusive: these calls are too short to be told from what carries them out. {} is left of {}, and may be off by {}. Let a call do more of them, as in `for _ in range(1000)`.",
            duration(fastest.left_ns),
            case.name(case.fastest),
            duration(fastest.taken.uncertain_ns),
        )));
    }
    sentences
}

/// Whether of the fastest too little is left to be believed.
pub(super) fn is_too_short(case: &Case<'_>) -> bool {
    Cost::of(case, case.fastest).is_some_and(|cost| cost.is_unsure())
}

/// What was taken off in the median round of a contestant, and what was left.
struct Cost {
    taken: HarnessCost,
    left_ns: u64,
}

impl Cost {
    fn of(case: &Case<'_>, index: usize) -> Option<Self> {
        let runs = counted(case.contestant(index));
        let of = |run: &&Run| Some(Self { taken: run.harness?, left_ns: run.work_ns });
        let mut costs: Vec<Self> = runs.iter().filter_map(of).collect();
        costs.sort_by_key(|cost| cost.taken.ns);
        let middle = costs.len() / 2;
        (middle < costs.len()).then(|| costs.swap_remove(middle))
    }

    fn share(&self) -> f64 {
        self.taken.ns as f64 / (self.taken.ns + self.left_ns).max(1) as f64
    }

    fn is_unsure(&self) -> bool {
        self.taken.uncertain_ns as f64 > UNSURE * self.left_ns as f64 && self.share() >= WORTH
    }
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
        assert!(text.starts_with("Inconclusive: these calls are too short"), "{text}");
    }

    #[test]
    fn little_or_nothing_is_not_worth_a_word() {
        let little = HarnessCost { ns: 1_000, uncertain_ns: 100 };
        for cost in [None, Some(little)] {
            assert_eq!(said(&concluded(cost), Rule::RunnerTakenOff), "");
        }
    }
}
