//! Colours of a terminal: the Okabe–Ito palette (Okabe and Ito, Color Universal Design, 2008),
//! which people with any kind of colour vision can tell apart, as 24-bit ANSI sequences.

use alloc::format;
use alloc::string::String;

/// A colour of the palette; the same state has the same colour in every picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Orange,
    SkyBlue,
    Green,
    Yellow,
    Blue,
    Vermillion,
    Purple,
    Gray,
}

impl Color {
    /// Red, green, blue.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::Orange => [230, 159, 0],
            Self::SkyBlue => [86, 180, 233],
            Self::Green => [0, 158, 115],
            Self::Yellow => [240, 228, 66],
            Self::Blue => [0, 114, 178],
            Self::Vermillion => [213, 94, 0],
            Self::Purple => [204, 121, 167],
            Self::Gray => [140, 140, 140],
        }
    }
}

/// How many columns of a terminal a text takes.
pub fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// A line put together sign by sign, with as few colour changes as it needs.
#[derive(Debug)]
pub struct Line {
    text: String,
    colored: bool,
    current: Option<Color>,
}

impl Line {
    /// An empty line; without colours if not `colored`.
    pub fn new(colored: bool) -> Self {
        Self { text: String::new(), colored, current: None }
    }

    /// Adds a sign.
    pub fn push(&mut self, sign: char, color: Option<Color>) {
        if self.colored && color != self.current {
            match color {
                Some(color) => {
                    let [red, green, blue] = color.rgb();
                    self.text.push_str(&format!("\x1b[38;2;{red};{green};{blue}m"));
                }
                None => self.text.push_str("\x1b[0m"),
            }
            self.current = color;
        }
        self.text.push(sign);
    }

    /// The line, back in the terminal's own colour.
    pub fn finish(mut self) -> String {
        if self.current.is_some() {
            self.text.push_str("\x1b[0m");
        }
        self.text
    }
}
