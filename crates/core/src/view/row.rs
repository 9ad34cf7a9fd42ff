//! The rows of every table of a comparison: the ranked contestants, in their order. The main type is
//! [`Row`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::columns::{self, Column};
use super::paint::Ink;
use crate::result::{Comparison, Contestant, Rank, Summary};

/// A ranked contestant.
pub(super) struct Row<'a> {
    pub(super) rank: &'a Rank,
    pub(super) contestant: &'a Contestant,
    pub(super) summary: &'a Summary,
}

pub(super) fn rows(comparison: &Comparison) -> Vec<Row<'_>> {
    let ranks = comparison.ranking.iter();
    ranks
        .filter_map(|rank| {
            let contestant = comparison.contestants.get(rank.contestant as usize)?;
            Some(Row { rank, contestant, summary: contestant.summary.as_ref()? })
        })
        .collect()
}

/// The contestant without its runtime, for where that is said already: `thread-pool:8`.
pub(super) fn own_name(one: &Contestant) -> String {
    format!("{}{}", label(&one.model), one.site.mark())
}

/// The model without its runtime, for where that is said already: `thread-pool:8`.
pub(super) fn label(model: &Model) -> String {
    let full = model.to_string();
    let bare = full.strip_prefix(model.runtime.as_str()).and_then(|rest| rest.strip_prefix('/'));
    bare.map_or_else(|| full.clone(), str::to_string)
}

pub(super) fn name_column(rows: &[Row<'_>]) -> Vec<Column> {
    let names = rows.iter().map(|row| (row.contestant.name(), Ink::Plain));
    columns::names("model", names)
}
