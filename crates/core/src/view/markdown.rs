//! A comparison as Markdown, to paste into a document or an issue.

use alloc::format;
use alloc::string::String;

use super::columns;
use super::paint::Ink;
use super::table::{amount, cost_columns, interval, notes, rows, unknowns, word};
use crate::analyse::units::{duration, processors, ratio};
use crate::result::Comparison;

/// Table, who is not ranked, conclusion and notes.
pub fn markdown(comparison: &Comparison) -> String {
    let subject = &comparison.subject;
    let machine = &comparison.machine;
    let title = subject.title.as_ref().unwrap_or(&subject.name);
    let mut text = format!(
        "### {title}\n\n`{}`, {}; {}, {}, maitred {}\n\n",
        subject.name,
        amount(comparison),
        machine.cpu,
        processors(machine.processors()),
        comparison.program_version
    );
    text.push_str(&ranking(comparison));
    let unranked = comparison.contestants.iter().filter_map(|contestant| {
        Some(format!("`{}` is not ranked: {}", contestant.name(), contestant.unranked.as_ref()?))
    });
    let notes = notes(comparison);
    let sentences = comparison.conclusion.texts().into_iter().chain(unranked).chain(notes);
    let list: String = sentences.map(|sentence| format!("- {sentence}\n")).collect();
    if !list.is_empty() {
        text.push_str(&format!("\n{list}"));
    }
    text
}

fn ranking(comparison: &Comparison) -> String {
    let rows = rows(comparison);
    if rows.is_empty() {
        return String::new();
    }
    let mut table = cost_columns(&rows);
    for (name, _) in &mut table[0].cells {
        *name = format!("`{name}`");
    }
    let speed = [
        (
            "work",
            true,
            rows.iter().map(|row| duration(row.summary.work_ns)).collect::<alloc::vec::Vec<_>>(),
        ),
        ("ratio", true, rows.iter().map(|row| ratio(row.rank.ratio)).collect()),
        ("95 %", true, rows.iter().map(interval).collect()),
        ("verdict", false, rows.iter().map(|row| word(row, &rows).into()).collect()),
    ];
    for (place, (title, number, cells)) in speed.into_iter().enumerate() {
        let cells = cells.into_iter().map(|cell| (cell, Ink::Plain)).collect();
        table
            .insert(1 + place, columns::Column { cells, ..columns::Column::new(title, number, 0) });
    }
    let mut text = columns::markdown(&table);
    for (what, why) in unknowns(&rows) {
        text.push_str(&format!("\n? {what}: {why}\n"));
    }
    text
}
