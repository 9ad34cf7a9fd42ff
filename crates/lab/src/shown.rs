//! What a reader is shown of a result: the answer as one sentence, the reasons, figures a row,
//! claims with their evidence. Figures are those of the result; nothing is judged here.

use std::time::Duration;

use maitred_core::analyse::change;
use maitred_core::analyse::units::{self, count, duration, plural};
use maitred_core::result::{
    Check, Comparison, Contestant, Evidence, Rank, Stopped, Truth, Verdict,
};
use maitred_core::trace::Observed;
use maitred_core::view::picture::{self, Chart, Look};
use serde::Serialize;

/// The result of a cell.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    pub id: u64,
    /// UTC, RFC 3339.
    pub when: String,
    /// `measured 3 times`.
    pub how: String,
    pub took_ns: u64,
    /// What was asked for, so that a page can tell whether it still is.
    pub wish: serde_json::Value,
    pub cancelled: bool,
    /// One sentence.
    pub answer: String,
    pub why: Vec<String>,
    pub rows: Vec<Row>,
    pub claims: Vec<Claim>,
    /// How many runs were recorded.
    pub recorded: usize,
    /// Names of charts that can be drawn of it.
    pub charts: Vec<&'static str>,
    /// Since the last result of this cell.
    pub changes: Vec<String>,
    pub notes: Vec<String>,
}

impl Shown {
    /// All of it that is words and figures, as lines.
    pub fn text(&self) -> String {
        let mut lines: Vec<String> = vec![self.answer.clone()];
        lines.extend(self.why.iter().cloned());
        lines.extend(self.rows.iter().map(|row| match (&row.unranked, row.work_ns) {
            (None, Some(ns)) => format!("{}  {}  {}", row.model, duration(ns), row.beside),
            (why, _) => format!("{}  {}", row.model, why.as_deref().unwrap_or("not measured")),
        }));
        for claim in &self.claims {
            let verdict = format!("{:?}", claim.verdict).to_lowercase();
            lines.push(format!("{verdict}: {}", claim.says));
            lines.extend(
                claim
                    .evidence
                    .iter()
                    .map(|it| format!("  {}: {}, predicted {}", it.figure, it.found, it.predicted)),
            );
        }
        lines.push(format!("{}, {}", self.how, self.when));
        lines.into_iter().filter(|line| !line.is_empty()).map(|line| line + "\n").collect()
    }
}

/// One model.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub model: String,
    /// `None`: it is not ranked, and why is in `unranked`.
    pub work_ns: Option<u64>,
    pub low_ns: Option<u64>,
    pub high_ns: Option<u64>,
    /// `=`, `2.78×`, `?`.
    pub beside: String,
    pub cpu_ns: Observed<u64>,
    pub cores: Observed<f64>,
    pub memory_bytes: Observed<u64>,
    pub throughput: Option<f64>,
    pub unranked: Option<String>,
}

/// One claim and what was found of it.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    pub says: String,
    pub verdict: Truth,
    pub evidence: Vec<Found>,
}

impl Claim {
    /// One that is about the cell as it is written, which this is not.
    pub(crate) fn untested(says: &str) -> Self {
        let evidence = vec![Found {
            figure: "not tested".to_owned(),
            predicted: "of the cell as it is written".to_owned(),
            found: "a parameter or the speed is another".to_owned(),
            reason: None,
        }];
        Self { says: says.to_owned(), verdict: Truth::CannotBeTested, evidence }
    }
}

/// A figure that a claim rests on, in words.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    pub figure: String,
    pub predicted: String,
    pub found: String,
    /// Why it says neither yes nor no.
    pub reason: Option<String>,
}

/// Charts by the names that addresses have.
pub(crate) const CHARTS: [(&str, Chart); 4] = [
    ("bars", Chart::Bars),
    ("scaling", Chart::Scaling),
    ("latency", Chart::Latency),
    ("requests", Chart::Requests),
];

/// The names of those that this comparison has.
pub(crate) fn charts(comparison: &Comparison) -> Vec<&'static str> {
    let look = Look::default();
    let has = |chart| picture::chart(comparison, chart, &look).is_ok();
    CHARTS.into_iter().filter(|(_, chart)| has(*chart)).map(|(name, _)| name).collect()
}

/// Rows in the order of the ranking, then those that have no rank.
pub(crate) fn rows(comparison: &Comparison) -> Vec<Row> {
    let ranked = comparison.ranking.iter().filter_map(|rank| {
        Some(row(comparison.contestants.get(rank.contestant as usize)?, Some(rank)))
    });
    let is_ranked =
        |index: usize| comparison.ranking.iter().any(|rank| rank.contestant as usize == index);
    let others = comparison.contestants.iter().enumerate().filter(|(index, _)| !is_ranked(*index));
    ranked.chain(others.map(|(_, one)| row(one, None))).collect()
}

fn row(contestant: &Contestant, rank: Option<&Rank>) -> Row {
    let unknown = || "the model was not measured".to_owned();
    let summary = contestant.summary.as_ref();
    let beside = rank.map_or_else(String::new, |rank| match rank.verdict {
        Verdict::Reference | Verdict::Same => "=".to_owned(),
        Verdict::Inconclusive => "?".to_owned(),
        Verdict::Faster | Verdict::Slower => units::ratio(rank.ratio),
    });
    let unranked = contestant.unranked.clone();
    let missing = summary.is_none().then(|| "it was not run to its end".to_owned());
    Row {
        model: contestant.model.to_string(),
        work_ns: summary.map(|it| it.work_ns),
        low_ns: summary.map(|it| it.work_low_ns),
        high_ns: summary.map(|it| it.work_high_ns),
        beside,
        cpu_ns: summary.map_or_else(|| Observed::Unknown(unknown()), |it| it.cpu_ns.clone()),
        cores: summary.map_or_else(|| Observed::Unknown(unknown()), |it| it.cores_used.clone()),
        memory_bytes: summary
            .map_or_else(|| Observed::Unknown(unknown()), |it| it.memory_bytes.clone()),
        throughput: summary.map(|it| it.throughput),
        unranked: unranked.or(missing),
    }
}

/// How often, in words.
pub(crate) fn how(comparison: &Comparison) -> String {
    let rounds = comparison.contestants.iter().filter_map(|one| Some(one.summary.as_ref()?.rounds));
    match rounds.max() {
        Some(1) => "measured once".to_owned(),
        Some(rounds) => format!("measured {} times", count(u64::from(rounds))),
        None => "nothing was measured".to_owned(),
    }
}

/// What was said under a run, each thing once, with how often.
pub(crate) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes: Vec<(String, u32)> = Vec::new();
    for one in &comparison.contestants {
        for run in &one.runs {
            let dirty = run.noise.dirty.iter().map(|why| format!("disturbed: {why}"));
            let failures =
                run.failures.iter().take(3).map(|it| format!("a task failed: {}", it.text));
            for note in run.notes.iter().cloned().chain(dirty).chain(failures) {
                let text = format!("{}: {note}", one.model);
                match notes.iter_mut().find(|(known, _)| *known == text) {
                    Some((_, times)) => *times += 1,
                    None => notes.push((text, 1)),
                }
            }
        }
    }
    let said = |(text, times): (String, u32)| match times {
        1 => text,
        _ => format!("{text} ({times} times)"),
    };
    notes.into_iter().map(said).take(40).collect()
}

/// What changed since the last result of the same cell, a sentence a model that changed.
pub(crate) fn changes(before: &Comparison, after: &Comparison) -> Vec<String> {
    if before.subject.fingerprint != after.subject.fingerprint {
        return Vec::new();
    }
    if before.machine.id != after.machine.id {
        return vec!["The last result of this cell is from another machine.".to_owned()];
    }
    let said = |one: &change::Change| {
        let word = match one.verdict {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::Same | Verdict::Reference | Verdict::Inconclusive => return None,
        };
        let (then, now) = (duration(one.before_ns), duration(one.after_ns));
        Some(format!("Since the last run {} is {word}: {now} instead of {then}.", one.model))
    };
    change::changes(before, after).iter().filter_map(said).collect()
}

/// The claims of a check in the order of its files.
pub(crate) fn claims(check: &Check) -> Vec<Claim> {
    let all = check.experiments.iter().flat_map(|experiment| &experiment.claims);
    all.map(|finding| Claim {
        says: finding.says.clone(),
        verdict: finding.verdict,
        evidence: finding.evidence.iter().map(found).collect(),
    })
    .collect()
}

fn found(evidence: &Evidence) -> Found {
    Found {
        reason: evidence.reason.clone(),
        figure: evidence.figure.clone(),
        predicted: evidence.predicted.clone(),
        found: match &evidence.found {
            Observed::Known(found) => units::found(found),
            Observed::Unknown(why) => format!("not known, {why}"),
        },
    }
}

/// How many claims are neither true nor false here, and why; empty: none.
pub(crate) fn undecided(claims: &[Claim]) -> String {
    let said =
        [(Truth::Inconclusive, "inconclusive"), (Truth::CannotBeTested, "cannot be tested here")];
    let parts = said.iter().filter_map(|(truth, word)| {
        let number = claims.iter().filter(|claim| claim.verdict == *truth).count();
        (number > 0).then(|| format!("{number} {word}"))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// All verdicts in one sentence.
pub(crate) fn verdict(claims: &[Claim]) -> String {
    let number = |truth| claims.iter().filter(|claim| claim.verdict == truth).count() as u64;
    let (holds, refuted) = (number(Truth::Holds), number(Truth::Refuted));
    let all = claims.len() as u64;
    match all {
        0 => String::new(),
        1 if holds == 1 => "It holds.".to_owned(),
        1 if refuted == 1 => "It is refuted.".to_owned(),
        1 if number(Truth::Inconclusive) == 1 => "It is inconclusive.".to_owned(),
        1 => "It cannot be tested here.".to_owned(),
        _ if holds == all => format!("All {} hold.", plural(all, "claim")),
        _ if refuted > 0 => format!("{} of {} refuted.", count(refuted), plural(all, "claim")),
        _ if holds + refuted == 0 => format!("{}: {}.", plural(all, "claim"), undecided(claims)),
        _ => format!("{} of {} hold, {}.", count(holds), plural(all, "claim"), undecided(claims)),
    }
}

/// Whether it was broken off by the reader.
pub(crate) fn is_cancelled(comparison: &Comparison) -> bool {
    comparison.stopped == Stopped::Interrupted
}

/// Nanoseconds of a time that this program measured itself.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(verdicts: &[Truth]) -> String {
        let claim = |&verdict| Claim { verdict, says: String::new(), evidence: Vec::new() };
        verdict(&verdicts.iter().map(claim).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_undecided_is_said_with_its_reason() {
        use Truth::{CannotBeTested, Holds, Inconclusive, Refuted};
        assert_eq!(said(&[Inconclusive]), "It is inconclusive.");
        assert_eq!(said(&[CannotBeTested]), "It cannot be tested here.");
        let both = said(&[Inconclusive, CannotBeTested, Inconclusive]);
        assert_eq!(both, "3 claims: 2 inconclusive, 1 cannot be tested here.");
        assert_eq!(said(&[Holds, Holds, Inconclusive]), "2 of 3 claims hold, 1 inconclusive.");
        assert_eq!(said(&[Holds, Holds]), "All 2 claims hold.");
        assert_eq!(said(&[Holds, Refuted, Inconclusive]), "1 of 3 claims refuted.");
    }
}
