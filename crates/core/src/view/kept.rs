//! Results that are kept, as a list on a terminal: a line each, the last one first.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, cut, to_ascii, width};

/// One of them.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    pub id: u64,
    /// UTC, RFC 3339.
    pub when: &'a str,
    /// `compare`, `run`, …
    pub kind: &'a str,
    /// With blanks between.
    pub tags: String,
    pub subject: &'a str,
    /// `NOTEBOOK#CELL`, if it was found in one.
    pub cell: Option<String>,
    pub answer: &'a str,
}

/// A row each; what was found has the rest of the line.
pub fn list(lines: &[Line<'_>], options: &Options) -> String {
    if lines.is_empty() {
        return "No result of this kind is kept.\n".to_string();
    }
    let mut table = columns::names("", core::iter::empty());
    table[0] = Column::new("id", true, 0);
    let mut add = |title, cell: &dyn Fn(&Line<'_>) -> (String, Ink)| {
        let mut column = Column::new(title, false, 0);
        column.cells = lines.iter().map(cell).collect();
        table.push(column);
    };
    add("when", &|line| (moment(line.when), Ink::Dim));
    add("what", &|line| (line.kind.to_string(), Ink::Plain));
    add("of", &|line| {
        let name = line.cell.as_deref().unwrap_or(line.subject);
        (cut(name, 32, options), Ink::Bold)
    });
    if lines.iter().any(|line| !line.tags.is_empty()) {
        add("tags", &|line| (line.tags.clone(), Ink::Yellow));
    }
    table[0].cells = lines.iter().map(|line| (line.id.to_string(), Ink::Plain)).collect();
    let rest = options.width.saturating_sub(columns::total(&table) + 2);
    if rest >= 16 {
        let mut column = Column::new("found", false, 0);
        column.cells =
            lines.iter().map(|line| (cut(line.answer, rest, options), Ink::Plain)).collect();
        table.push(column);
    }
    let text = columns::render(&table, options);
    if options.ascii { to_ascii(&text) } else { text }
}

/// `2026-01-02T03:04:05Z` as `2026-01-02 03:04`; anything else as it is.
pub(super) fn moment(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..16)) {
        (Some(day), Some(time)) if width(rfc3339) == rfc3339.len() => format!("{day} {time}"),
        _ => rfc3339.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_when_what_and_what_came_of_it() {
        let line = |id, tags: &str, cell: Option<&str>| Line {
            id,
            when: "2026-01-02T03:04:05Z",
            kind: "compare",
            tags: tags.into(),
            subject: "waiters",
            cell: cell.map(Into::into),
            answer: "Use `threads`: 914 ms, 2.78× as fast as sequential execution (2.51 s).",
        };
        let lines = [line(12, "before", None), line(9, "", Some("story#waiters"))];
        expect_test::expect![[r#"
            id  when              what     of             tags    found
            12  2026-01-02 03:04  compare  waiters        before  Use `threads`: 914 ms, …
             9  2026-01-02 03:04  compare  story#waiters          Use `threads`: 914 ms, …
        "#]]
        .assert_eq(&list(&lines, &Options { width: 78, ..Options::default() }));
        let narrow = list(&lines, &Options { width: 40, ..Options::default() });
        assert!(!narrow.contains("found") && narrow.contains("waiters"), "{narrow}");
        assert_eq!(list(&[], &Options::default()), "No result of this kind is kept.\n");
    }
}
