//! Colours, widths and line breaks: how text lies on a terminal. Knows nothing of what it says.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use unicode_width::UnicodeWidthStr;

use super::Options;

/// Colours that most people tell apart, whatever their eyes: Okabe & Ito, "Color Universal
/// Design" (2008), as the nearest of the 256 that terminals have. Meaning never rests on color
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Orange,
    SkyBlue,
    Green,
    Yellow,
    Blue,
    Vermillion,
    Purple,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Orange => "38;5;214",
            Self::SkyBlue => "38;5;74",
            Self::Green => "38;5;36",
            Self::Yellow => "38;5;227",
            Self::Blue => "38;5;32",
            Self::Vermillion => "38;5;166",
            Self::Purple => "38;5;175",
        }
    }

    /// The text in this color, where colours are understood.
    pub(super) fn paint(self, text: &str, options: &Options) -> String {
        if options.color && self != Self::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", self.code())
        } else {
            text.to_string()
        }
    }
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Filled up with spaces at the end.
pub(super) fn left(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(spaces))
}

/// Filled up with spaces at the start.
pub(super) fn right(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(spaces))
}

/// Cut to so many columns, with an ellipsis if anything is lost.
pub(super) fn cut(text: &str, columns: usize, options: &Options) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let ellipsis = if options.ascii { "~" } else { "…" };
    let mut kept = String::new();
    for character in text.chars() {
        if width(&kept) + width(character.encode_utf8(&mut [0; 4])) + 1 > columns {
            break;
        }
        kept.push(character);
    }
    kept + ellipsis
}

/// Broken at spaces into lines of at most `columns`; a longer word gets a line to itself.
/// Lines after the first start with `indent` spaces, as the first is thought to.
pub(super) fn wrap(text: &str, columns: usize, indent: usize) -> String {
    let room = columns.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// Text that ASCII can say: what the views use beyond it, by its nearest neighbour.
pub fn to_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '×' => ascii.push('x'),
            'µ' => ascii.push('u'),
            '–' | '─' | '·' => ascii.push('-'),
            '•' => ascii.push('*'),
            '…' => ascii.push_str("..."),
            '÷' => ascii.push('/'),
            '±' => ascii.push_str("+/-"),
            '▇' | '█' => ascii.push('#'),
            '≈' => ascii.push('~'),
            '✓' => ascii.push('+'),
            '✗' => ascii.push('x'),
            _ if character.is_ascii() => ascii.push(character),
            _ => ascii.push('?'),
        }
    }
    ascii
}
