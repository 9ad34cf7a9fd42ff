//! The ranked contestants, and what views say of one of them.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::super::columns::{self, Column};
use super::super::paint::Ink;
use crate::analyse::units;
use crate::result::{Comparison, Contestant, Rank, Run, Summary, Verdict};
use crate::trace::Observed;

/// A ranked contestant.
pub(in super::super) struct Row<'a> {
    pub(in super::super) rank: &'a Rank,
    pub(in super::super) contestant: &'a Contestant,
    pub(in super::super) summary: &'a Summary,
}

/// All of them, fastest first.
pub(in super::super) fn rows(comparison: &Comparison) -> Vec<Row<'_>> {
    let ranks = comparison.ranking.iter();
    ranks
        .filter_map(|rank| {
            let contestant = comparison.contestants.get(rank.contestant as usize)?;
            Some(Row { rank, contestant, summary: contestant.summary.as_ref()? })
        })
        .collect()
}

/// The model without its runtime, for where that is said already: `thread-pool:8`.
pub(in super::super) fn label(model: &Model) -> String {
    let full = model.to_string();
    let bare = full.strip_prefix(model.runtime.as_str()).and_then(|rest| rest.strip_prefix('/'));
    bare.map_or_else(|| full.clone(), str::to_string)
}

/// The verdict in a word; of the reference, what it is.
pub(in super::super) fn word(row: &Row<'_>, rows: &[Row<'_>]) -> &'static str {
    match row.rank.verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Same => "same",
        Verdict::CannotTell => "inconclusive",
        Verdict::Reference if rows.len() == 1 => "",
        Verdict::Reference if core::ptr::eq(row.rank, rows[0].rank) => "fastest",
        Verdict::Reference => "baseline",
    }
}

/// Whether they are compared with a model that was named, and not with the fastest.
pub(super) fn is_against_baseline(rows: &[Row<'_>]) -> bool {
    rows.iter().any(|row| word(row, rows) == "baseline")
}

/// `2.77–2.79`; nothing for the reference and where one round shows no interval.
pub(in super::super) fn interval(row: &Row<'_>) -> String {
    match row.rank {
        Rank { verdict: Verdict::Reference, .. } => String::new(),
        Rank { low, high, .. } if low == high => String::new(),
        Rank { low, high, .. } => units::interval(*low, *high),
    }
}

/// The first column of a table.
pub(in super::super) fn name_column(rows: &[Row<'_>]) -> Vec<Column> {
    let names = rows.iter().map(|row| (row.contestant.model.to_string(), Ink::Plain));
    columns::names("model", names)
}

/// Whether the runs went on for a time that was given.
pub(super) fn is_timed(rows: &[Row<'_>]) -> bool {
    rows.iter().any(|row| row.contestant.runs.iter().any(Run::is_timed))
}

/// How far the interval of the median reaches from it, as a share.
pub(super) fn reach(summary: &Summary) -> f64 {
    let Summary { work_ns, work_low_ns, work_high_ns, .. } = *summary;
    let reach = work_high_ns.saturating_sub(work_ns).max(work_ns.saturating_sub(work_low_ns));
    reach as f64 / work_ns.max(1) as f64
}

/// The figure, or `?`.
pub(in super::super) fn shown<T>(figure: &Observed<T>, show: impl Fn(&T) -> String) -> String {
    figure.known().map_or_else(|| "?".into(), show)
}

/// What is not known of some ranked model, and why; each reason once.
pub(in super::super) fn unknowns(rows: &[Row<'_>]) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let mut add = |what, why: Option<&String>| {
        if let Some(why) = why
            && !found.iter().any(|(_, known)| known == why)
        {
            found.push((what, why.clone()));
        }
    };
    for row in rows {
        let summary = row.summary;
        add("CPU", why(&summary.cpu_ns));
        add("cores", why(&summary.cores_used));
        add("memory", why(&summary.memory_bytes));
        add("context switches", why(&summary.voluntary));
        add("context switches", why(&summary.involuntary));
    }
    found
}

fn why<T>(figure: &Observed<T>) -> Option<&String> {
    match figure {
        Observed::Known(_) => None,
        Observed::Unknown(why) => Some(why),
    }
}
