//! Whether all models returned the same, round after round; which tasks did not, and what they
//! returned instead.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Results;

use super::{list, name};
use crate::analyse::compare;
use crate::analyse::nature::Nature;
use crate::analyse::units::{count, plural};
use crate::result::{Comparison, Contestant, Rule, Sentence};

/// So many tasks are shown with their values.
const SHOWN: usize = 3;

pub(super) fn sentences(comparison: &Comparison, natures: &[Option<Nature>]) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    sentences
        .extend(between_models(comparison, natures).map(|text| Rule::ResultsDiffer.says(text)));
    sentences
        .extend(between_rounds(comparison, natures).map(|text| Rule::ResultsChange.says(text)));
    if sentences.is_empty() {
        sentences.extend(all_the_same(natures).map(|text| Rule::ResultsSame.says(text)));
    }
    sentences
}

/// By what the results of the models were compared, where no difference was found.
fn all_the_same(natures: &[Option<Nature>]) -> Option<String> {
    let results = natures.iter().flatten().filter_map(|nature| nature.interpreted.results.as_ref());
    let mut by: BTreeMap<&str, u64> = BTreeMap::new();
    for (how, tasks) in results.flat_map(|results| &results.how) {
        let most = by.entry(how).or_default();
        *most = (*most).max(*tasks);
    }
    let missed = by.remove(Results::NOT_COMPARED);
    let told: Vec<String> =
        (by.iter()).map(|(how, tasks)| format!("{} by {how}", plural(*tasks, "result"))).collect();
    let rest = match missed {
        Some(missed) => format!(
            "; {} were not compared, for that took too long or was not possible",
            count(missed)
        ),
        None => String::new(),
    };
    (!told.is_empty()).then(|| {
        format!(
            "All models returned the same, as far as they were compared: {}{rest}.",
            list(&told)
        )
    })
}

fn between_models(comparison: &Comparison, natures: &[Option<Nature>]) -> Option<String> {
    let contestants = &comparison.contestants;
    let first = |contestant| compare::result_hashes(contestant).first().copied();
    let known: Vec<(&str, usize)> = (contestants.iter().enumerate())
        .filter_map(|(index, contestant)| Some((first(contestant)?, index)))
        .collect();
    let votes = |hash: &str| known.iter().filter(|(other, _)| *other == hash).count();
    // Of equally many votes the first one named wins: which is right is not for us to know.
    let (most, _) = known.iter().rev().max_by_key(|(hash, _)| votes(hash))?;
    let others: Vec<usize> =
        known.iter().filter(|(hash, _)| hash != most).map(|(_, index)| *index).collect();
    if others.is_empty() {
        return None;
    }
    let agreed = known.iter().filter(|(hash, _)| hash == most).map(|(_, index)| *index);
    let told = |index: usize| Some((index, results(natures, index)?));
    let reference = agreed.into_iter().find_map(told);
    let others_told: Vec<(usize, &Results)> = others.iter().filter_map(|&i| told(i)).collect();
    let which = reference.map_or_else(String::new, |reference| {
        let named = |(index, results): (usize, _)| (name(comparison, index), results);
        differing(&named(reference), &others_told.into_iter().map(named).collect::<Vec<_>>())
    });
    let names: Vec<String> = others.iter().map(|&index| name(comparison, index)).collect();
    Some(format!(
        "Results differ: {} returned other values than the rest, so the times are of different work.{which}",
        list(&names)
    ))
}

fn between_rounds(comparison: &Comparison, natures: &[Option<Nature>]) -> Option<String> {
    let contestants = &comparison.contestants;
    let differs = |contestant: &Contestant| {
        let hashes = compare::result_hashes(contestant);
        hashes.iter().any(|hash| hash != &hashes[0])
    };
    let who: Vec<usize> = (0..contestants.len()).filter(|&i| differs(&contestants[i])).collect();
    let names: Vec<String> = who.iter().map(|&index| name(comparison, index)).collect();
    let which = who.iter().find_map(|&index| {
        let facts = &natures.get(index)?.as_ref()?.interpreted;
        let (first, later) = (facts.results.as_ref()?, facts.other_results.as_ref()?);
        Some(differing(&("one round".into(), first), &[("another".into(), later)]))
    });
    (!who.is_empty()).then(|| {
        format!(
            "Results differ from round to round under {}: what they depend on is more than the input, such as time, chance, or which task comes first (a race).{}",
            list(&names),
            which.unwrap_or_default()
        )
    })
}

fn results(natures: &[Option<Nature>], index: usize) -> Option<&Results> {
    natures.get(index)?.as_ref()?.interpreted.results.as_ref()
}

/// ` For "b" (2 of 4 tasks differ) …`: the first tasks that differ, and what each returned.
fn differing(reference: &(String, &Results), others: &[(String, &Results)]) -> String {
    let (who, expected) = reference;
    let other_of = |task: usize| {
        let hash = expected.hash(task)?;
        others.iter().find(|(_, results)| results.hash(task).is_some_and(|other| other != hash))
    };
    let tasks: Vec<usize> =
        (0..expected.tasks()).filter(|&task| other_of(task).is_some()).collect();
    if tasks.is_empty() {
        return String::new();
    }
    let told: Vec<String> = tasks
        .iter()
        .take(SHOWN)
        .filter_map(|&task| {
            let (other, results) = other_of(task)?;
            let (Some((given, one)), Some((_, two))) =
                (expected.shown.get(task), results.shown.get(task))
            else {
                return Some(format!("task {}", count(task as u64 + 1)));
            };
            let given = match given.is_empty() {
                true => format!("task {}", count(task as u64 + 1)),
                false => format!("for {given}"),
            };
            Some(match one == two {
                true => format!("{given} (what differs is beyond `{one}`)"),
                false => format!("{given} {who} returned `{one}`, {other} `{two}`"),
            })
        })
        .collect();
    let more = match tasks.len() - told.len() {
        0 => String::new(),
        more => format!("; and {} more", count(more as u64)),
    };
    let all = count(expected.tasks() as u64);
    let differ = if tasks.len() == 1 { "differs" } else { "differ" };
    format!(" {} of {all} tasks {differ}: {}{more}.", count(tasks.len() as u64), told.join("; "))
}
