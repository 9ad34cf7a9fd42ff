//! What a cell has found, and how that becomes what a reader is shown: after a run, and again when it
//! is read from where it was kept.

use maitred_core::result::{Check, Comparison, Sentence};
use maitred_core::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::shown::{self, Shown};
use crate::wish::Wish;

/// So many sentences say why, with what makes the answer worth less; the rest are notes.
const REASONS: usize = 2;

/// What a cell has found, before it is shown.
#[derive(Debug, Default)]
pub struct Found {
    pub comparison: Option<Comparison>,
    pub check: Option<Check>,
    /// The runs that were recorded, until they are drawn.
    pub traces: Vec<Trace>,
    /// Claims that are about the cell as it is written, where its parameters were turned.
    pub untested: Vec<String>,
}

/// What is known of a result beside what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Around {
    pub wish: Wish,
    /// UTC, RFC 3339.
    pub when: String,
    pub took_ns: u64,
    pub cancelled: bool,
    /// Since the result before it.
    pub changes: Vec<String>,
}

impl Found {
    /// Whether nothing came of it.
    pub(crate) fn is_nothing(&self) -> bool {
        self.comparison.is_none() && self.check.is_none()
    }

    /// What is another than it was, in sentences.
    pub(crate) fn changes(&self, before: Option<&Comparison>) -> Vec<String> {
        match (before, &self.comparison) {
            (Some(before), Some(after)) => shown::changes(before, after),
            _ => Vec::new(),
        }
    }

    /// As a reader is shown it, under this number, beside so many recorded runs.
    pub(crate) fn show(&self, around: &Around, id: u64, recorded: usize) -> Shown {
        let untested = || self.untested.iter().map(|says| shown::Claim::untested(says)).collect();
        let claims = self.check.as_ref().map_or_else(untested, shown::claims);
        let comparison = self.comparison.as_ref();
        let conclusion = comparison.map(|it| it.conclusion.clone()).unwrap_or_default();
        let texts = |sentences: Vec<Sentence>| sentences.into_iter().map(|one| one.text);
        let answer =
            conclusion.answer.map_or_else(|| shown::verdict(&claims), |answer| answer.text);
        let mut warnings = texts(conclusion.warnings);
        let first = warnings.next();
        let mut why = first.into_iter().chain(texts(conclusion.reasons)).chain(warnings);
        let shortly: Vec<String> = why.by_ref().take(REASONS).collect();
        let mut notes: Vec<String> = why.chain(texts(conclusion.details)).collect();
        notes.extend(comparison.map(shown::notes).unwrap_or_default());
        let rounds = self.check.iter().flat_map(|check| &check.experiments).map(|it| it.rounds);
        let how = match comparison {
            Some(comparison) => shown::how(comparison),
            None => format!(
                "tested in {}",
                maitred_core::view::units::plural(u64::from(rounds.max().unwrap_or(0)), "round")
            ),
        };
        Shown {
            id,
            when: around.when.clone(),
            how,
            took_ns: around.took_ns,
            wish: sorted(&around.wish),
            cancelled: around.cancelled || comparison.is_some_and(shown::is_cancelled),
            answer,
            why: shortly,
            rows: comparison.map(shown::rows).unwrap_or_default(),
            claims,
            recorded,
            charts: comparison.map(shown::charts).unwrap_or_default(),
            changes: around.changes.clone(),
            notes,
        }
    }
}

/// The wish as a page compares it with its own: in an order that does not hang on clicks.
fn sorted(wish: &Wish) -> Value {
    let mut wish = wish.clone();
    wish.set.sort();
    wish.models.sort();
    json!(wish)
}
