//! A comparison on a terminal, to be read in five seconds: what the work is, one answer, why, one
//! table, how sure that is, and one command worth typing. Everything else stands behind
//! [`Options::details`], whole. The main function is [`table`].

mod answer;
mod details;
mod facts;
mod next;
mod ranking;
mod rows;
mod scaling;
mod sure;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec;

use super::Options;
use super::paint::to_ascii;
use crate::result::Comparison;

pub(super) use answer::{disturbed, lesson, told};
pub(super) use details::cost_columns;
pub(super) use facts::{amount, heading_facts, notes, noun, place};
pub(super) use next::footer;
pub(super) use rows::{Row, interval, name_column, rows, shown, unknowns, word};

/// The whole comparison as text that ends in a line break.
pub fn table(comparison: &Comparison, options: &Options) -> String {
    let rows = rows(comparison);
    let mut sections = vec![answer::answer(comparison, options)];
    match &comparison.scaling {
        Some(sweeps) => sections.extend(scaling::sections(comparison, sweeps, options)),
        None => sections.extend(ranking::ranking(comparison, &rows, options)),
    }
    sections.push(sure::sure(comparison, &rows, options) + &next::next(comparison, options));
    if options.details {
        sections.extend(details::sections(comparison, &rows, options));
    }
    let text = sections.join("\n");
    if options.ascii { to_ascii(&text) } else { text }
}
