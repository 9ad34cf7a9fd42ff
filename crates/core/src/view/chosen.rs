//! Why contestants have so many workers, or take part at all, where nobody asked for that.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::row::Row;
use crate::analyse::units::{cores, list, plural};
use crate::result::{Chosen, Comparison};

/// A sentence for each reason, with whom it is true of.
pub(super) fn chosen(comparison: &Comparison, rows: &[Row<'_>]) -> Vec<String> {
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows {
        let Some(chosen) = &row.contestant.chosen else { continue };
        let who = comparison.label(row.rank.contestant as usize);
        let workers = plural(u64::from(row.contestant.workers), "worker");
        let who = if who.contains(':') { who } else { format!("{who} {workers}") };
        let why = words(chosen);
        match told.iter_mut().find(|(known, _)| *known == why) {
            Some((_, all)) => all.push(who),
            None => told.push((why, Vec::from([who]))),
        }
    }
    told.iter().map(|(why, all)| format!("{}: {why}", list(all))).collect()
}

fn words(chosen: &Chosen) -> String {
    match chosen {
        Chosen::LibraryDefault => "the standard library's default".into(),
        Chosen::EqualConcurrency => "as many as the loop has tasks under way".into(),
        Chosen::Formula { waiting_per_computing } => format!(
            "joined after the first round: processors × (1 + waiting ÷ computing) wants so many, with waiting ÷ computing = {}",
            cores(*waiting_per_computing)
        ),
        Chosen::OneInnerThread { cores_used } => format!(
            "joined after the first round, in which one call used {} processors: libraries take one thread each",
            cores(*cores_used)
        ),
    }
}
