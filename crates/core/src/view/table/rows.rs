//! What views say of a ranked contestant.

use alloc::string::String;
use alloc::vec::Vec;

pub(in super::super) use super::super::row::{Row, name_column, own_name, rows};
use crate::analyse::units;
use crate::result::{Rank, Run, Summary, Verdict};
use crate::trace::Observed;

/// The verdict in a word; of the reference, what it is.
pub(in super::super) fn word(row: &Row<'_>, rows: &[Row<'_>]) -> &'static str {
    match row.rank.verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Same => "same",
        Verdict::Inconclusive => "inconclusive",
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
