//! What the rounds of a comparison say of the claims of its work. Where they say it of all of them, nothing
//! more has to be run, and what is judged is what the reader sees.

use maitred_core::analyse::claim;
use maitred_core::result::{Check, Comparison, Experiment, Truth};
use maitred_core::workload::Unit;
use maitred_wire::Model;

use crate::look;

/// Whether rounds of these models are what the claims of this work are about; without any, those that it
/// names itself.
pub(super) fn is_about(source: &str, models: &[String]) -> bool {
    let Ok(work) = look::lower(source, &[]) else { return false };
    let compared = work.compare.iter().map(ToString::to_string);
    let models: Vec<String> = if models.is_empty() { compared.collect() } else { models.to_vec() };
    work.claimed.iter().all(|model| models.contains(&model.to_string()))
}

/// Whether its claims are the same at any speed: about ratios and counts alone, and no durations.
pub(super) fn bears_speed(source: &str) -> bool {
    let Ok(work) = look::lower(source, &[]) else { return false };
    let mut figures = work.claims.iter().flat_map(|claim| &claim.figures);
    figures.all(|figure| figure.over.is_some() || figure.unit() == Unit::Count)
}

/// The verdicts; `None`: rounds of other models, or more of them, are needed.
pub(super) fn by_rounds(source: &str, comparison: &Comparison) -> Option<Check> {
    let work = look::lower(source, &[]).ok()?;
    let models: Vec<Model> = comparison.contestants.iter().map(|one| one.model.clone()).collect();
    if !work.claimed.iter().all(|model| models.contains(model)) {
        return None;
    }
    let judge = |one| claim::judge(one, &models, comparison);
    let claims: Vec<_> = work.claims.iter().map(judge).collect();
    let is_told = |truth| matches!(truth, Truth::Holds | Truth::Refuted);
    if !claims.iter().all(|finding| is_told(finding.verdict)) {
        return None;
    }
    let runs = comparison.contestants.iter().map(|one| one.runs.len());
    Some(Check {
        schema_version: comparison.schema_version,
        program_version: comparison.program_version.clone(),
        machine: comparison.machine.clone(),
        started: comparison.started.clone(),
        experiments: vec![Experiment {
            again: None,
            name: comparison.subject.name.clone(),
            title: work.title,
            rounds: runs.max().unwrap_or(0) as u32,
            claims,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(figure: &str) -> String {
        format!(
            "task \"t\" {{ wait \"1s\" }}\ncompare \"native/threads\" \"native/sequential\"\n\
             claim \"c\" {{ figure {figure} }}\n"
        )
    }

    #[test]
    fn rounds_tell_of_what_was_compared_and_of_nothing_else() {
        let about = |figure: &str| is_about(&work(figure), &[]);
        assert!(about("\"done\" of=\"native/threads\" equals=1"));
        assert!(!about("\"done\" of=\"native/event-loop\" equals=1"));
        let chosen = ["native/sequential".to_owned()];
        assert!(!is_about(&work("\"done\" of=\"native/threads\" equals=1"), &chosen));
    }

    #[test]
    fn ratios_and_counts_bear_another_speed_and_durations_do_not() {
        let bears = |figure: &str| bears_speed(&work(figure));
        assert!(bears("\"time\" of=\"native/threads\" over=\"native/sequential\" at-most=1"));
        assert!(bears("\"done\" of=\"native/threads\" equals=1"));
        assert!(!bears("\"time\" of=\"native/threads\" at-most=\"1s\""));
        assert!(!bears("\"throughput\" of=\"native/threads\" at-least=1"));
    }
}
