//! Writes SVG: shapes, text that is cut or broken to its room, and the frame around them. All text
//! that comes from outside is escaped here and nowhere else.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

use super::{Look, palette};

/// Width of all pictures.
pub(super) const WIDTH: f64 = 800.0;
/// Left and right of everything.
pub(super) const MARGIN: f64 = 16.0;
/// Size of ordinary text; a line of it takes [`LINE`].
pub(super) const SIZE: f64 = 12.0;
pub(super) const LINE: f64 = 17.0;
/// Size of titles.
pub(super) const TITLE: f64 = 16.0;

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture that is being drawn, from top to bottom.
pub(super) struct Svg<'a> {
    pub(super) look: &'a Look,
    body: String,
    /// Where the next thing goes.
    pub(super) y: f64,
}

impl<'a> Svg<'a> {
    /// With a title and, below it, a line of facts, broken where it must be.
    pub(super) fn new(title: &str, facts: &str, look: &'a Look) -> Self {
        let mut svg = Self { look, body: String::new(), y: 14.0 };
        let room = WIDTH - 2.0 * MARGIN;
        for line in broken(title, TITLE * 1.06, room) {
            svg.y += 20.0;
            svg.text(MARGIN, svg.y - 5.0, "m-t m-h", Anchor::Start, &line);
        }
        svg.paragraph(facts, "m-t m-dim");
        svg
    }

    /// Lines of text over the whole width.
    pub(super) fn paragraph(&mut self, text: &str, class: &str) {
        for line in broken(text, SIZE, WIDTH - 2.0 * MARGIN) {
            self.y += LINE;
            self.text(MARGIN, self.y - 4.0, class, Anchor::Start, &line);
        }
    }

    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y, text) = (number(x), number(y), escaped(text));
        self.put(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{text}</text>"));
    }

    /// `paint`: an attribute.
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, paint: &str) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {paint}/>"
        ));
    }

    pub(super) fn path(&mut self, d: &str, paint: &str) {
        self.put(format_args!("<path d=\"{d}\" {paint}/>"));
    }

    /// A horizontal or vertical line of a class.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let d = format!("M{} {}L{} {}", number(from.0), number(from.1), number(to.0), number(to.1));
        self.path(&d, &format!("class=\"{class}\""));
    }

    /// What follows, up to [`Svg::end_group`], tells `title` when it is pointed at.
    pub(super) fn begin_group(&mut self, title: &str) {
        let title = escaped(title);
        self.put(format_args!("<g><title>{title}</title>"));
    }

    pub(super) fn end_group(&mut self) {
        self.put(format_args!("</g>"));
    }

    /// Samples with words, in as many lines as they take, from `x` on.
    pub(super) fn legend(&mut self, left: f64, entries: &[(String, String)]) {
        let mut x = left;
        self.y += LINE;
        for (paint, words) in entries {
            let room = 24.0 + width(words, SIZE) + 18.0;
            if x > left && x + room - 18.0 > WIDTH - MARGIN {
                x = left;
                self.y += LINE;
            }
            self.rect(x, self.y - 14.0, 18.0, 12.0, paint);
            let words = cut(words, SIZE, WIDTH - MARGIN - x - 24.0);
            self.text(x + 24.0, self.y - 4.0, "m-t m-dim", Anchor::Start, &words);
            x += room;
        }
    }

    fn put(&mut self, arguments: core::fmt::Arguments<'_>) {
        // A string never refuses.
        let _ = self.body.write_fmt(arguments);
        self.body.push('\n');
    }

    /// The whole picture. `title` and `about` are for those who do not see it.
    pub(super) fn finish(self, title: &str, about: &str) -> String {
        let (height, id) = (number(libm::ceil(self.y + 14.0)), &self.look.id);
        let width = number(WIDTH);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n\
             <style>{}</style>\n<defs>{}</defs>\n\
             <rect width=\"{width}\" height=\"{height}\" class=\"m-paper\"/>\n{}</svg>\n",
            escaped(title),
            escaped(about),
            palette::style(self.look.theme),
            palette::patterns(id),
            self.body
        )
    }
}

/// As XML 1.0 (section 2.2) and HTML can hold it: what neither may contain becomes U+FFFD.
pub(in super::super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push('\u{fffd}');
            }
            // Would turn the reading direction of what follows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            _ => safe.push(character),
        }
    }
    safe
}

/// At most two digits behind the point, and none that says nothing.
pub(super) fn number(value: f64) -> String {
    let hundredths = libm::round(value * 100.0) as i64;
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    match rest {
        0 => format!("{sign}{whole}"),
        _ if rest.is_multiple_of(10) => format!("{sign}{whole}.{}", rest / 10),
        _ => format!("{sign}{whole}.{rest:02}"),
    }
}

/// How wide a text is about, in the fonts without serifs that are common; rather too much.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |character: char| match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '`' => 0.29,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | ' ' | '-' | '/' | '·' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' => 0.92,
        'A'..='Z' => 0.68,
        _ if character.width() == Some(0) => 0.0,
        _ if character.width() == Some(2) => 1.05,
        _ => 0.59,
    };
    text.chars().map(of).sum::<f64>() * size
}

/// Cut to its room, with an ellipsis if anything is lost.
pub(super) fn cut(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_string();
    }
    let mut kept = String::new();
    let mut used = width("…", size);
    for character in text.chars() {
        used += width(character.encode_utf8(&mut [0; 4]), size);
        if used > room {
            break;
        }
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    kept + "…"
}

/// Cut to its room in the middle, for names that differ at their ends.
pub(super) fn cut_inside(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_string();
    }
    let letters: Vec<char> = text.chars().collect();
    let of = |letter: &char| width(letter.encode_utf8(&mut [0; 4]), size);
    let (mut head, mut tail) = (0, letters.len());
    let mut used = width("…", size);
    // The end is what tells them apart: it comes first.
    while head < tail {
        let next = if letters.len() - tail <= head { tail - 1 } else { head };
        used += of(&letters[next]);
        if used > room {
            break;
        }
        if next == head { head += 1 } else { tail -= 1 }
    }
    letters[..head].iter().chain(&['…']).chain(&letters[tail..]).collect()
}

/// Broken at blanks into lines that have room; a longer word is cut.
pub(super) fn broken(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = cut(word, size, room);
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(&word, size) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}
