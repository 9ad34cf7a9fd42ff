//! Texts in quotes: plain, over several lines (`"""`), and raw (`#"…"#`).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::diagnostic::Diagnostic;
use super::scan::{Scanner, is_blank, is_newline};

impl Scanner<'_> {
    /// Whether a text in quotes begins here.
    pub(super) fn at_quote(&self) -> bool {
        self.rest().trim_start_matches('#').starts_with('"')
    }

    /// A text in quotes; a mistake inside it is kept, and the text goes on.
    pub(super) fn quoted(&mut self) -> String {
        let begin = self.at;
        let hashes = self.skip(|c| c == '#');
        if self.eat("\"\"\"") {
            return self.several_lines(begin, hashes);
        }
        self.eat("\"");
        let body = self.at;
        let end = format!("\"{hashes}");
        loop {
            let text = &self.source[body..self.at];
            if self.eat(&end) {
                return if hashes.is_empty() { self.unescape(text, body) } else { text.into() };
            }
            match self.peek() {
                Some('\\') if hashes.is_empty() => self.skip_escape(),
                Some(c) if !is_newline(c) => self.at += c.len_utf8(),
                _ => {
                    let mistake = Diagnostic::mistake(begin..self.at, "this text has no end");
                    self.mistake(mistake.help(format!("close it with {end}")));
                    return text.into();
                }
            }
        }
    }

    /// Steps over `\` and what it escapes, a line break and the blanks around it included.
    fn skip_escape(&mut self) {
        self.bump();
        let blank = |c| is_blank(c) || is_newline(c);
        if self.skip(blank).is_empty() {
            self.bump();
        }
    }

    /// The rest of `"""`: every line loses what stands before the closing quotes.
    fn several_lines(&mut self, begin: usize, hashes: &str) -> String {
        let body = self.at;
        let end = format!("\"\"\"{hashes}");
        while !self.looking_at(&end) {
            match self.peek() {
                Some('\\') if hashes.is_empty() => self.skip_escape(),
                Some(c) => self.at += c.len_utf8(),
                None => {
                    self.unclosed = true;
                    let mistake = Diagnostic::mistake(begin..body, "this text has no end");
                    self.mistake(mistake.help(format!("close it with {end}")));
                    return String::new();
                }
            }
        }
        let raw = &self.source[body..self.at];
        self.eat(&end);
        match dedent(raw, hashes.is_empty()) {
            Ok(text) if hashes.is_empty() => self.unescape(&text, body),
            Ok(text) => text,
            Err(message) => {
                self.mistake(Diagnostic::mistake(begin..self.at, message));
                String::new()
            }
        }
    }

    /// Replaces escapes. `at` is where the text begins in the file, for the mistakes.
    fn unescape(&mut self, text: &str, at: usize) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some(slash) = rest.find('\\') {
            plain.push_str(&rest[..slash]);
            let escape = &rest[slash + 1..];
            match unescape_one(escape) {
                Some((c, length)) => {
                    plain.extend(c);
                    rest = &escape[length..];
                }
                None => {
                    let c = escape.chars().next().unwrap_or(' ');
                    let begin = (at + text.len() - escape.len() - 1).min(self.at - 1);
                    let message = format!("`\\{c}` is not an escape");
                    let help =
                        r#"escapes are \n \r \t \\ \" \b \f \s and \u{1F600}; a plain \ is \\"#;
                    self.mistake(
                        Diagnostic::mistake(begin..begin + 1 + c.len_utf8(), message).help(help),
                    );
                    rest = &escape[c.len_utf8().min(escape.len())..];
                }
            }
        }
        plain.push_str(rest);
        plain
    }
}

/// What the text after a `\` stands for, and its length; blanks and line breaks for nothing.
fn unescape_one(escape: &str) -> Option<(Option<char>, usize)> {
    let c = match escape.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{C}',
        's' => ' ',
        c @ ('\\' | '"') => c,
        'u' => {
            let digits = escape.strip_prefix("u{")?.split('}').next()?;
            let valid = (1..=6).contains(&digits.len()) && escape.len() > digits.len() + 2;
            let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
            return (valid && !digits.starts_with('+')).then_some((Some(c), digits.len() + 3));
        }
        c if is_blank(c) || is_newline(c) => {
            let kept = escape.trim_start_matches(|c| is_blank(c) || is_newline(c));
            return Some((None, escape.len() - kept.len()));
        }
        _ => return None,
    };
    Some((Some(c), 1))
}

/// Takes the indentation of the last line away from all lines, and that line with it.
fn dedent(raw: &str, escapes: bool) -> Result<String, &'static str> {
    let joined = if escapes { join_escaped_lines(raw) } else { raw.into() };
    let joined = joined.replace("\r\n", "\n").replace(is_newline, "\n");
    let Some(body) = joined.strip_prefix('\n') else {
        return Err("a text in triple quotes begins on the line after them");
    };
    let (lines, indent) = match body.rsplit_once('\n') {
        Some((lines, indent)) => (Some(lines), indent),
        None => (None, body),
    };
    if !indent.chars().all(is_blank) {
        return Err("the closing triple quotes must stand on a line of their own");
    }
    let dedent_line = |line: &str| {
        if line.chars().all(is_blank) {
            Some(String::new())
        } else {
            Some(line.strip_prefix(indent)?.into())
        }
    };
    let lines: Option<Vec<String>> =
        lines.map_or(Some(Vec::new()), |lines| lines.split('\n').map(dedent_line).collect());
    lines
        .map(|lines| lines.join("\n"))
        .ok_or("every line of this text must be indented as its closing quotes are")
}

/// Takes away each `\` that is followed by blanks or line breaks, with these.
fn join_escaped_lines(raw: &str) -> String {
    let mut joined = String::new();
    let mut rest = raw;
    while let Some(slash) = rest.find('\\') {
        joined.push_str(&rest[..slash]);
        let escape = &rest[slash + 1..];
        match unescape_one(escape) {
            Some((None, length)) => rest = &escape[length..],
            _ => {
                let kept = 1 + escape.chars().next().map_or(0, char::len_utf8);
                joined.push_str(&rest[slash..slash + kept]);
                rest = &rest[slash + kept..];
            }
        }
    }
    joined.push_str(rest);
    joined
}
