//! The sentences that are the product: what the work is, which model does it best, with how many
//! workers, what stood in the way, and why. Every sentence rests on figures that were measured;
//! where they do not suffice it says so or says nothing. The one entrance is [`conclude`].

mod bound;
mod case;
mod choice;
mod costs;
mod engines;
mod fairness;
mod interpreted;
#[cfg(test)]
mod interpreted_tests;
pub mod law;
mod newcomers;
#[cfg(test)]
mod planted;
mod processors;
mod quota;
mod results;
#[cfg(test)]
mod results_tests;
mod runner;
mod shape;
mod sweep;
#[cfg(test)]
mod tests;
mod time;
mod trouble;
mod unshared;
mod work;
mod workers;

use alloc::vec::Vec;

use self::case::{Case, list, name};
pub use self::newcomers::{Newcomer, newcomers};
use super::nature::Nature;
use crate::result::{Bottleneck, Comparison, Conclusion, Rule, Sentence};

/// What to conclude, most important first. `natures` are what a trace of each contestant showed,
/// in the order of the contestants; `None` where there is no trace. The ranking must have been
/// made before ([`super::compare::rank`]).
pub fn conclude(comparison: &Comparison, natures: &[Option<Nature>]) -> Conclusion {
    let (mut sentences, mut times_told) = (Vec::new(), false);
    match Case::new(comparison, natures) {
        None => sentences.extend(nothing_ranked(comparison)),
        Some(case) => {
            sentences.extend(work::sentences(&case));
            sentences.extend(quota::sentence(&case));
            sentences.extend(fairness::sentences(&case));
            sentences.extend(bound::sentence(&case));
            match &comparison.scaling {
                Some(sweeps) => sentences.extend(sweep::sentences(&case, sweeps)),
                None => {
                    if !runner::is_too_short(&case) {
                        sentences.extend(choice::sentences(&case));
                    }
                    if !case.is_url() {
                        sentences.extend(workers::sentences(&case));
                    }
                }
            }
            let times = time::sentences(&case);
            times_told = !times.is_empty();
            sentences.extend(times);
            sentences.extend(processors::sentences(&case));
            sentences.extend(interpreted::sentences(&case));
            sentences.extend(engines::break_even(&case).map(|text| Rule::BreakEven.says(text)));
            sentences.extend(runner::sentences(&case));
        }
    }
    sentences.extend(trouble::sentences(comparison, natures, times_told));
    sentences.extend(unshared::sentences(comparison));
    let mut conclusion = Conclusion::of(sentences);
    if let Some(case) = Case::new(comparison, natures) {
        conclusion.bottleneck = work::bottleneck(&case).and_then(|queue| {
            let resource = queue.name.clone();
            queue.capacity.map(|_| Bottleneck { resource, parameter: None })
        });
        let rule = conclusion.answer.as_ref().map(|answer| answer.rule);
        conclusion.recommended = rule.and_then(|rule| choice::recommended(&case, rule));
    }
    conclusion
}

/// Says of a comparison over numbers of workers how each model scales, and concludes from that.
pub fn scale(comparison: &mut Comparison, natures: &[Option<Nature>]) {
    let sweeps = Case::new(comparison, natures).map(|case| sweep::sweeps(&case));
    comparison.scaling = Some(sweeps.unwrap_or_default());
    comparison.conclusion = conclude(comparison, natures);
}

fn nothing_ranked(comparison: &Comparison) -> Option<Sentence> {
    let ran = comparison.contestants.iter().any(|contestant| !contestant.runs.is_empty());
    ran.then(|| Rule::NothingRanked.says("No model did the work as asked, so none is ranked."))
}
