//! What changed since a saved result, as a small table on a terminal.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii};
use crate::analyse::change::Change;
use crate::analyse::units::{duration, ratio, significant};
use crate::result::Verdict;

/// A row a model that both results rank; says so where there is none.
pub fn changes(changes: &[Change], before: &str, options: &Options) -> String {
    let title = Ink::Bold.paint(&format!("Since {before}"), options);
    if changes.is_empty() {
        return format!("{title}\nNo model is ranked in both results.\n");
    }
    let names = changes.iter().map(|change| (change.model.to_string(), Ink::Plain));
    let mut table = columns::names("model", names);
    let mut add = |title, number, cell: &dyn Fn(&Change) -> String| {
        let mut column = Column::new(title, number, 0);
        column.cells = changes.iter().map(|change| (cell(change), ink(change))).collect();
        table.push(column);
    };
    add("then", true, &|change| duration(change.before_ns));
    add("now", true, &|change| duration(change.after_ns));
    add("now ÷ then", true, &|change| ratio(change.ratio.median));
    add("99 %", true, &|change| {
        format!("{}–{}", significant(change.ratio.low), significant(change.ratio.high))
    });
    add("", false, &|change| word(change.verdict).into());
    let text = format!("{title}\n{}", columns::render(&table, options));
    if options.ascii { to_ascii(&text) } else { text }
}

/// The same as Markdown.
pub fn markdown(changes: &[Change], before: &str) -> String {
    let mut text = format!("### Since {before}\n\n");
    if changes.is_empty() {
        return text + "No model is ranked in both results.\n";
    }
    text.push_str(
        "| model | then | now | now ÷ then | 99 % | |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
    );
    for change in changes {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {}–{} | {} |\n",
            change.model,
            duration(change.before_ns),
            duration(change.after_ns),
            ratio(change.ratio.median),
            significant(change.ratio.low),
            significant(change.ratio.high),
            word(change.verdict)
        ));
    }
    text
}

/// `102 ms, 1.10× of 92.7 ms (1.08–1.12)`.
pub(super) fn figures(change: &Change) -> String {
    format!(
        "{}, {} of {} ({}–{})",
        duration(change.after_ns),
        ratio(change.ratio.median),
        duration(change.before_ns),
        significant(change.ratio.low),
        significant(change.ratio.high)
    )
}

pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "better",
        Verdict::Slower => "regressed",
        Verdict::Same | Verdict::Reference => "same",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn ink(change: &Change) -> Ink {
    match change.verdict {
        Verdict::Faster => Ink::Green,
        Verdict::Slower => Ink::Vermillion,
        Verdict::Same | Verdict::Reference => Ink::Plain,
        Verdict::Inconclusive => Ink::Orange,
    }
}
