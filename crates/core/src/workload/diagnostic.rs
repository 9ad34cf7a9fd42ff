//! Mistakes that people make in a workload, and how they are shown: place, cause, next step.
//! Plain text in styled pieces: colour, and where to print, is the caller's affair.
//! The main types are [`Diagnostic`] and [`Report`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::limits::MISTAKES_MAX;

/// One thing that is wrong, or (a warning) looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub place: Place,
    pub severity: Severity,
    /// A lowercase sentence: what is wrong.
    pub message: String,
    /// A few words beside the underline.
    pub label: Option<String>,
    /// The next step.
    pub help: Option<String>,
}

/// Where it is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Bytes of the file.
    Source(Range<usize>),
    /// The file as a whole.
    File,
    /// An option of the command line (`--set tables=0`), and the bytes of it that are wrong.
    Option { text: String, span: Range<usize> },
}

/// Whether it forbids the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Mistake,
    Warning,
}

impl Diagnostic {
    /// A mistake at these bytes of the file.
    pub fn mistake(span: Range<usize>, message: impl Into<String>) -> Self {
        let place = Place::Source(span);
        Self {
            place,
            severity: Severity::Mistake,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// A mistake of the file as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { place: Place::File, ..Self::mistake(0..0, message) }
    }

    /// A mistake in an option of the command line.
    pub fn option(text: String, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { place: Place::Option { text, span }, ..Self::mistake(0..0, message) }
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The same with a few words beside the underline.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// The same with a next step.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same with a next step, if there is one.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        Self { help: help.or(self.help), ..self }
    }

    /// Order in which they are shown: the options, then down the file.
    fn position(&self) -> usize {
        match &self.place {
            Place::Source(span) => span.start + 1,
            Place::Option { .. } | Place::File => 0,
        }
    }
}

/// Options first, then down the file; no more than are looked for.
pub(super) fn in_order(mut mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
    mistakes.sort_by_key(Diagnostic::position);
    mistakes.truncate(MISTAKES_MAX);
    mistakes
}

/// What a piece of a report is, for whoever gives it a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `waiters.kdl:7:5: `
    Place,
    Message,
    /// `warning: `
    Warning,
    /// Line number and bar.
    Gutter,
    Source,
    /// The carets and their label.
    Underline,
    Help,
    /// `3 mistakes in waiters.kdl`
    Count,
    /// Line breaks.
    Plain,
}

/// How many mistakes are shown in full; the others are counted.
pub const SHOWN: usize = 20;

/// Columns of a message that are shown.
const MESSAGE_MAX: usize = 240;

/// Columns of a source line that are shown around what is underlined.
const WINDOW: usize = 96;

/// Diagnostics beside the file that they are about; `Display` gives the plain text.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    name: &'a str,
    source: &'a str,
    diagnostics: &'a [Diagnostic],
}

impl<'a> Report<'a> {
    /// `name` is what the file is called, `source` its text.
    pub fn new(name: &'a str, source: &'a str, diagnostics: &'a [Diagnostic]) -> Self {
        Self { name, source, diagnostics }
    }

    /// The text in pieces, in order.
    pub fn pieces(&self) -> Vec<(Style, String)> {
        let mut pieces = Vec::new();
        for diagnostic in self.diagnostics.iter().take(SHOWN) {
            self.one(diagnostic, &mut pieces);
        }
        if let Some(more) = self.diagnostics.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            pieces.push((Style::Plain, format!("… and {more} more\n")));
        }
        pieces.push((Style::Count, self.count()));
        pieces.push((Style::Plain, "\n".into()));
        pieces
    }

    /// `3 mistakes in waiters.kdl`, `1 mistake and 1 warning in …`.
    fn count(&self) -> String {
        let warnings =
            self.diagnostics.iter().filter(|one| one.severity == Severity::Warning).count();
        let mistakes = self.diagnostics.len() - warnings;
        let some = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            MISTAKES_MAX.. => Some(format!("{MISTAKES_MAX} or more {word}s")),
            _ => Some(format!("{count} {word}s")),
        };
        let counts: Vec<String> =
            [some(mistakes, "mistake"), some(warnings, "warning")].into_iter().flatten().collect();
        let counts = if counts.is_empty() { "no mistakes".into() } else { counts.join(" and ") };
        format!("{counts} in {}", self.name)
    }

    fn one(&self, diagnostic: &Diagnostic, pieces: &mut Vec<(Style, String)>) {
        let (place, gutter, line) = match &diagnostic.place {
            Place::File => (self.name.into(), String::new(), None),
            Place::Source(span) => {
                let line = Line::around(self.source, span);
                let place = format!("{}:{}:{}", self.name, line.number, line.column);
                (place, line.number.to_string(), Some(line))
            }
            Place::Option { text, span } => {
                ("command line".into(), "$".into(), Some(Line::around(text, span)))
            }
        };
        let blank = " ".repeat(gutter.len());
        let mut put = |style, text: String| pieces.push((style, text));
        put(Style::Place, format!("{place}: "));
        if diagnostic.severity == Severity::Warning {
            put(Style::Warning, "warning: ".into());
        }
        put(Style::Message, format!("{}\n", cut(&diagnostic.message)));
        if let Some(excerpt) = line.map(|line| line.excerpt()) {
            put(Style::Gutter, format!("  {gutter} | "));
            put(Style::Source, format!("{}\n", excerpt.text));
            put(Style::Gutter, format!("  {blank} | "));
            let label = diagnostic.label.as_ref().map(|text| format!(" {text}"));
            let (indent, carets) = (" ".repeat(excerpt.indent), "^".repeat(excerpt.carets));
            put(Style::Underline, format!("{indent}{carets}{}\n", label.unwrap_or_default()));
        }
        if let Some(help) = &diagnostic.help {
            put(Style::Help, format!("  {blank} = {}\n", cut(help)));
        }
        put(Style::Plain, "\n".into());
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

/// The line on which a span begins.
struct Line<'a> {
    /// From 1.
    number: usize,
    /// In characters, from 1.
    column: usize,
    text: &'a str,
    /// The underlined bytes of `text`.
    start: usize,
    end: usize,
}

/// What is shown of a line: columns, not bytes.
struct Excerpt {
    text: String,
    indent: usize,
    carets: usize,
}

impl<'a> Line<'a> {
    fn around(source: &'a str, span: &Range<usize>) -> Self {
        let at = floor(source, span.start);
        let begin = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let text = source[begin..].split(['\n', '\r']).next().unwrap_or_default();
        let start = (at - begin).min(text.len());
        let end = floor(source, span.end).saturating_sub(begin).clamp(start, text.len());
        Self {
            number: source[..begin].matches('\n').count() + 1,
            column: text[..start].chars().count() + 1,
            text,
            start,
            end,
        }
    }

    /// The line with tabs as four spaces and what cannot be printed as a dot, cut to a window
    /// around the underlined part if it is long.
    fn excerpt(&self) -> Excerpt {
        let (before, marked, after) =
            (&self.text[..self.start], &self.text[self.start..self.end], &self.text[self.end..]);
        let (before, cut_before) = last_columns(before, WINDOW / 2);
        let (marked, cut_marked) = first_columns(marked, WINDOW - columns(&before).min(WINDOW / 2));
        let room = WINDOW.saturating_sub(columns(&before) + columns(&marked));
        let (after, cut_after) =
            if cut_marked { (String::new(), true) } else { first_columns(after, room) };
        let head = if cut_before { "… " } else { "" };
        let tail = if cut_after { " …" } else { "" };
        Excerpt {
            indent: columns(head) + columns(&before),
            carets: columns(&marked).max(1),
            text: format!("{head}{before}{marked}{after}{tail}").trim_end().into(),
        }
    }
}

/// The nearest boundary of a character at or before this byte.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// How a character is shown, and how many columns that takes.
fn shown(c: char) -> (char, usize) {
    match c.width() {
        Some(width) => (c, width),
        None => ('·', 1),
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| shown(c).1).sum()
}

fn printable(text: &str) -> String {
    text.replace('\t', "    ").chars().map(|c| shown(c).0).collect()
}

/// A message that does not repeat a text of a thousand characters.
fn cut(message: &str) -> String {
    let (kept, cut) = first_columns(message, MESSAGE_MAX);
    if cut { format!("{kept} …") } else { kept }
}

/// As much from the beginning as fits, and whether something was left out.
fn first_columns(text: &str, room: usize) -> (String, bool) {
    let mut taken = 0;
    let text = printable(&text[..floor(text, room * 4 + 4)]);
    let fits = |c: &char| {
        taken += shown(*c).1;
        taken <= room
    };
    let kept: String = text.chars().take_while(fits).collect();
    let cut = kept.len() < text.len();
    (kept, cut)
}

/// As much from the end as fits, and whether something was left out.
fn last_columns(text: &str, room: usize) -> (String, bool) {
    let text = printable(text);
    let over = columns(&text).saturating_sub(room);
    let mut skipped = 0;
    let skip = |c: &char| {
        let more = skipped < over;
        skipped += shown(*c).1;
        more
    };
    (text.chars().skip_while(skip).collect(), over > 0)
}
