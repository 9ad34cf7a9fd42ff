//! What the rounds of a comparison say of the claims of its work. Where they say it of all of them, nothing
//! more has to be run, and what is judged is what the reader sees.

use maitred_core::analyse::claim;
use maitred_core::result::{Check, Comparison, Experiment, Truth};
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
