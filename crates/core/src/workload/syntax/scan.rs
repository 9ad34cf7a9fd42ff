//! The scanner: a position in the text, and what may stand between things (blanks, comments,
//! line continuations). Nothing here calls itself, so no text is too deep for it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::super::diagnostic::Diagnostic;
use super::super::limits::MISTAKES_MAX;

/// A position in the text, and the mistakes found so far.
pub(super) struct Scanner<'a> {
    pub(super) source: &'a str,
    pub(super) at: usize,
    pub(super) mistakes: Vec<Diagnostic>,
    /// Something that was opened has no end; said once, for the first.
    pub(super) unclosed: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, at: 0, mistakes: Vec::new(), unclosed: false }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn looking_at(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Steps over this text if it stands here.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let here = self.looking_at(text);
        if here {
            self.at += text.len();
        }
        here
    }

    /// Steps over one character.
    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Steps over characters of a kind.
    pub(super) fn skip(&mut self, kind: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !kind(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// The bytes of the character at the position (of none at the end).
    pub(super) fn here(&self) -> Range<usize> {
        self.at..self.at + self.peek().map_or(0, char::len_utf8)
    }

    /// The character at the position, for a message.
    pub(super) fn found(&self) -> String {
        match self.peek() {
            None => "the end of the file".into(),
            Some(c) if is_newline(c) => "the end of the line".into(),
            Some(c) => format!("`{c}`"),
        }
    }

    /// Keeps a mistake; too many end the reading.
    pub(super) fn mistake(&mut self, mistake: Diagnostic) {
        self.mistakes.push(mistake);
        if self.mistakes.len() >= MISTAKES_MAX {
            self.give_up();
        }
    }

    /// Reads nothing more.
    pub(super) fn give_up(&mut self) {
        self.at = self.source.len();
    }

    /// Steps over blanks, comments in a line and continuations; whether there were any.
    pub(super) fn space(&mut self) -> bool {
        let begin = self.at;
        loop {
            self.skip(is_blank);
            if self.looking_at("/*") {
                self.block_comment();
            } else if self.looking_at("\\") {
                self.continuation();
            } else {
                return self.at > begin;
            }
        }
    }

    /// Steps over blanks, line breaks and all comments.
    pub(super) fn line_space(&mut self) {
        loop {
            self.space();
            if self.looking_at("//") {
                self.skip(|c| !is_newline(c));
            } else if self.skip(is_newline).is_empty() {
                return;
            }
        }
    }

    /// `/* … */`, which may contain others.
    fn block_comment(&mut self) {
        let begin = self.at;
        let mut depth = 0_usize;
        loop {
            if self.eat("/*") {
                depth += 1;
            } else if self.eat("*/") {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            } else if self.bump().is_none() {
                let mistake = Diagnostic::mistake(begin..begin + 2, "this comment has no end");
                self.unclosed = true;
                return self.mistake(mistake.help("end it with */"));
            }
        }
    }

    /// `\` at the end of a line: the next line belongs to it.
    fn continuation(&mut self) {
        let begin = self.at;
        self.bump();
        loop {
            self.skip(is_blank);
            if !self.looking_at("/*") {
                break;
            }
            self.block_comment();
        }
        if self.looking_at("//") {
            self.skip(|c| !is_newline(c));
        }
        match self.peek() {
            None => {}
            Some('\r') => {
                self.bump();
                self.eat("\n");
            }
            Some(c) if is_newline(c) => {
                self.bump();
            }
            Some(_) => {
                let text = "a `\\` outside quotes continues a line and must be the last in it";
                self.mistake(Diagnostic::mistake(begin..begin + 1, text));
            }
        }
    }
}

/// `unicode-space` of the specification.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}')
        || matches!(c, '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// `newline` of the specification.
pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{B}' | '\u{C}' | '\u{2028}' | '\u{2029}')
}

/// `disallowed-literal-code-points` of the specification.
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{E}'..='\u{1F}' | '\u{7F}' | '\u{FEFF}')
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
