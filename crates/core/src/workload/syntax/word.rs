//! Words without quotes: names, numbers and `#keywords`.

use alloc::format;
use alloc::string::String;

use super::super::diagnostic::Diagnostic;
use super::Data;
use super::scan::{Scanner, is_blank, is_newline};

/// `identifier-char` of the specification.
fn is_word(c: char) -> bool {
    !is_blank(c) && !is_newline(c) && !r##"\/(){};[]"#="##.contains(c)
}

impl Scanner<'_> {
    /// A name, a number or a keyword; `None`, with a mistake, if there is no value here.
    pub(super) fn word(&mut self) -> Option<Data> {
        let begin = self.at;
        let hash = self.eat("#");
        let word = self.skip(is_word);
        let wrong = |message: String| Diagnostic::mistake(begin..begin + word.len(), message);
        if hash {
            let data = keyword(word);
            if data.is_none() {
                let span = begin..self.at;
                let text = format!("`#{word}` is not a value");
                let help = "values with # are #true, #false, #null, #inf, #-inf and #nan";
                self.mistake(Diagnostic::mistake(span, text).help(help));
            }
            return data;
        }
        if word.is_empty() {
            let text = format!("expected a value, found {}", self.found());
            self.mistake(Diagnostic::mistake(self.here(), text));
            return None;
        }
        if matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan") {
            self.mistake(wrong(format!("write #{word} for the value, or \"{word}\" for the text")));
            return None;
        }
        if !looks_like_number(word) {
            return Some(Data::Text(word.into()));
        }
        let number = number(word);
        if number.is_none() {
            let help = format!("put it into quotes: \"{word}\"");
            self.mistake(wrong(format!("`{word}` is not a number")).help(help));
        }
        number
    }
}

fn keyword(word: &str) -> Option<Data> {
    Some(match word {
        "true" => Data::Bool(true),
        "false" => Data::Bool(false),
        "null" => Data::Null,
        "inf" => Data::Float(f64::INFINITY),
        "-inf" => Data::Float(f64::NEG_INFINITY),
        "nan" => Data::Float(f64::NAN),
        _ => return None,
    })
}

/// Whether a word begins as a number does: a digit after an optional sign and an optional point.
fn looks_like_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit())
}

fn number(word: &str) -> Option<Data> {
    let (sign, unsigned) = match word.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let radixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    for (prefix, radix) in radixes {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let digits = digits_only(digits, radix)?;
            return i128::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(Data::Integer);
        }
    }
    let digits = decimal(unsigned)?;
    if digits.contains(['.', 'e', 'E']) {
        return format!("{sign}{digits}").parse().ok().map(Data::Float);
    }
    format!("{sign}{digits}").parse().ok().map(Data::Integer)
}

/// `integer ('.' integer)? exponent?` without its underscores.
fn decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut plain = match mantissa.split_once('.') {
        Some((whole, part)) => format!("{}.{}", digits_only(whole, 10)?, digits_only(part, 10)?),
        None => digits_only(mantissa, 10)?,
    };
    if let Some(exponent) = exponent {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let sign = if exponent.starts_with('-') { "-" } else { "" };
        plain.push_str(&format!("e{sign}{}", digits_only(unsigned, 10)?));
    }
    Some(plain)
}

/// Digits without the underscores between them.
fn digits_only(text: &str, radix: u32) -> Option<String> {
    let valid = text.starts_with(|c: char| c.is_digit(radix))
        && text.chars().all(|c| c == '_' || c.is_digit(radix));
    valid.then(|| text.chars().filter(|c| *c != '_').collect())
}
