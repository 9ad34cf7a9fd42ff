//! Columns of text beside each other: aligned, and fitted to a width by leaving out what matters
//! least. The main type is [`Columns`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::Options;
use super::paint::{Ink, cut, left, right, width, wrap};

/// One column: a title and a cell a row.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Numbers stand right, words left.
    pub(super) number: bool,
    /// Left out first when the width does not suffice; 0: never.
    pub(super) spare: u8,
    pub(super) cells: Vec<(String, Ink)>,
}

impl Column {
    pub(super) fn new(title: &'static str, number: bool, spare: u8) -> Self {
        Self { title, number, spare, cells: Vec::new() }
    }

    pub(super) fn width(&self) -> usize {
        let cells = self.cells.iter().map(|(text, _)| width(text));
        cells.chain([width(self.title)]).max().unwrap_or(0)
    }
}

const GAP: usize = 2;

/// How many columns of the terminal these take.
pub(super) fn total(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width() + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Leaves out spare columns until the rest fits; the titles of those that had one.
pub(super) fn fit(columns: &mut Vec<Column>, options: &Options) -> Vec<&'static str> {
    let mut dropped = Vec::new();
    while total(columns) > options.width {
        let spare = columns.iter().enumerate().filter(|(_, column)| column.spare > 0);
        let Some((index, _)) = spare.max_by_key(|(_, column)| column.spare) else { break };
        let title = columns.remove(index).title;
        dropped.extend(Some(title).filter(|title| !title.is_empty()));
    }
    dropped
}

/// Says that columns had no room; nothing of none.
pub(super) fn without(dropped: &[&str], options: &Options) -> String {
    if dropped.is_empty() {
        return String::new();
    }
    let what = dropped.join(", ");
    let text = wrap(&format!("no room in {} columns for: {what}", options.width), options.width, 0);
    text.lines().map(|line| Ink::Dim.paint(line, options) + "\n").collect()
}

/// The rows below a line of titles. Lines do not end in spaces.
pub(super) fn render(columns: &[Column], options: &Options) -> String {
    lines(columns, options).into_iter().map(|line| line + "\n").collect()
}

/// The same, a text a line.
pub(super) fn lines(columns: &[Column], options: &Options) -> Vec<String> {
    let widths = widths(columns, options);
    let titles: Vec<(String, Ink)> =
        columns.iter().map(|column| (column.title.to_string(), Ink::Dim)).collect();
    let mut lines = vec![line(columns, &widths, &titles, options)];
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    for row in 0..rows {
        let cell =
            |column: &Column| column.cells.get(row).cloned().unwrap_or((String::new(), Ink::Plain));
        let cells: Vec<_> = columns.iter().map(cell).collect();
        lines.push(line(columns, &widths, &cells, options));
    }
    lines
}

/// The first column (names) gives way where even the rest does not fit, down to a few letters.
fn widths(columns: &[Column], options: &Options) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let over = total(columns).saturating_sub(options.width);
    if let Some(first) = widths.first_mut() {
        *first = first.saturating_sub(over).max((*first).min(6));
    }
    widths
}

fn line(
    columns: &[Column],
    widths: &[usize],
    cells: &[(String, Ink)],
    options: &Options,
) -> String {
    let mut line = String::new();
    let mut pending = 0;
    for ((column, &room), (text, ink)) in columns.iter().zip(widths).zip(cells) {
        let text = cut(text, room, options);
        let padded = if column.number { right(&text, room) } else { left(&text, room) };
        let content = padded.trim_end();
        let start = content.len() - content.trim_start().len();
        if content.trim().is_empty() {
            pending += room + GAP;
            continue;
        }
        line.push_str(&" ".repeat(pending + start));
        line.push_str(&ink.paint(&content[start..], options));
        pending = room - width(content) + GAP;
    }
    line
}

/// The same cells for a document: titles, a rule, rows.
pub(super) fn markdown(columns: &[Column]) -> String {
    let mut text = String::new();
    let mut row = |cells: Vec<String>| {
        text.push_str(&alloc::format!("| {} |\n", cells.join(" | ")));
    };
    row(columns.iter().map(|column| column.title.to_string()).collect());
    let rule = |column: &Column| if column.number { "---:" } else { "---" }.to_string();
    row(columns.iter().map(rule).collect());
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    for index in 0..rows {
        let cell = |column: &Column| {
            column.cells.get(index).map_or_else(String::new, |(text, _)| text.replace('|', "\\|"))
        };
        row(columns.iter().map(cell).collect());
    }
    text
}

/// One column of names, to start with.
pub(super) fn names(
    title: &'static str,
    names: impl Iterator<Item = (String, Ink)>,
) -> Vec<Column> {
    vec![Column { cells: names.collect(), ..Column::new(title, false, 0) }]
}
