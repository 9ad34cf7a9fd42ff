//! Values with the parameters put in: `"$tables"` for a whole value, `"${tables}"` inside text,
//! and what a value must be to serve as a count, a duration, a text. The main type is
//! [`Values`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

use super::diagnostic::Diagnostic;
use super::param::Params;
use super::quantity::{DISTRIBUTIONS, Nanos, grouped, nearest, parse_rate, parse_size};
use super::shape::is_name;
use super::syntax::{Data, Name, Value};
use super::value::{Timing, show, timing};

/// Reads values; keeps the mistakes.
pub(super) struct Values<'a> {
    pub(super) params: &'a Params,
    pub(super) mistakes: &'a mut Vec<Diagnostic>,
}

impl Values<'_> {
    fn wrong<T>(&mut self, value: &Value, message: impl Into<String>, help: &str) -> Option<T> {
        let mut message = message.into();
        if let Some((name, set)) =
            self.whole(value).and_then(|name| Some((name, self.params.get(name)?)))
        {
            message = format!("{message} (`${name}` is {})", show(set));
        }
        let mistake = Diagnostic::mistake(value.span.clone(), message);
        self.mistakes.push(if help.is_empty() { mistake } else { mistake.help(help) });
        None
    }

    /// The name in `"$name"`.
    fn whole<'v>(&self, value: &'v Value) -> Option<&'v str> {
        match &value.data {
            Data::Text(text) => text.strip_prefix('$').filter(|name| is_name(name)),
            _ => None,
        }
    }

    /// The value with parameters put in; `None` with a mistake where one is unknown.
    fn filled<'v>(&mut self, value: &'v Value) -> Option<Cow<'v, Value>> {
        let Data::Text(text) = &value.data else { return Some(Cow::Borrowed(value)) };
        if let Some(name) = self.whole(value) {
            let Some(set) = self.params.get(name) else {
                self.mistakes.push(self.params.unknown(name, &value.span));
                return None;
            };
            let mut set = set.clone();
            set.span = value.span.clone();
            if value.annotation.is_some() {
                set.annotation.clone_from(&value.annotation);
            }
            return Some(Cow::Owned(set));
        }
        if !text.contains('$') {
            return Some(Cow::Borrowed(value));
        }
        let text = self.interpolated(text, &value.span)?;
        Some(Cow::Owned(Value { data: Data::Text(text), ..value.clone() }))
    }

    /// `${name}` replaced, `$$` for one `$`; `${server}` stays until its address is known.
    fn interpolated(&mut self, text: &str, span: &Range<usize>) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                filled.push('$');
                rest = after;
            } else if let Some((name, after)) =
                rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
            {
                match self.params.get(name) {
                    Some(value) => filled.push_str(&show(value)),
                    None if self.params.is_server(name) => {
                        filled.push_str(&format!("${{{name}}}"));
                    }
                    None => {
                        self.mistakes.push(self.params.unknown(name, span));
                        return None;
                    }
                }
                rest = after;
            } else {
                filled.push('$');
            }
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn plain<'v>(&mut self, value: &'v Value) -> Option<Cow<'v, Value>> {
        let filled = self.filled(value)?;
        match &value.annotation {
            None => Some(filled),
            Some(annotation) => {
                let message = format!("`({})` means nothing here", annotation.text);
                let help = "only durations of `cpu`, `wait` and `block` are drawn";
                self.mistakes
                    .push(Diagnostic::mistake(annotation.span.clone(), message).help(help));
                None
            }
        }
    }

    /// A text of at least one character.
    pub(super) fn text(&mut self, value: &Value, what: &str) -> Option<String> {
        let text = self.any_text(value, what)?;
        if text.trim().is_empty() {
            return self.wrong(value, format!("{what} is empty"), "");
        }
        Some(text)
    }

    /// A text, which may be empty.
    pub(super) fn any_text(&mut self, value: &Value, what: &str) -> Option<String> {
        let filled = self.plain(value)?;
        match &filled.data {
            Data::Null | Data::Bool(_) => self.wrong(value, format!("{what} must be a text"), ""),
            _ => Some(show(&filled)),
        }
    }

    /// An argument of a command. `$name` within a longer text stays as it is, for a shell has
    /// variables of its own; of a parameter it is a mistake, and no sweep would change anything.
    pub(super) fn argument(&mut self, value: &Value) -> Option<String> {
        if let (Data::Text(text), None) = (&value.data, self.whole(value))
            && let Some(name) = self.bare_parameter(text)
        {
            return self.wrong(
                value,
                format!("`${name}` stays as it is within a text, and a shell takes it for its own"),
                &format!(
                    "write `${{{name}}}` for the parameter, `$${name}` for the shell's variable"
                ),
            );
        }
        self.any_text(value, "an argument")
    }

    /// The first `$name` that is a parameter; not `$$name`.
    fn bare_parameter<'v>(&self, text: &'v str) -> Option<&'v str> {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('$') {
            if let Some(after) = after.strip_prefix('$') {
                rest = after;
                continue;
            }
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
            let mut name = &after[..end];
            // A shell ends a name before a hyphen.
            loop {
                if !name.is_empty() && self.params.get(name).is_some() {
                    return Some(name);
                }
                match name.rsplit_once('-') {
                    Some((shorter, _)) => name = shorter,
                    None => break,
                }
            }
            rest = &after[end..];
        }
        None
    }

    /// A whole number, or a product of them: `"$tables * 3"`.
    pub(super) fn integer(
        &mut self,
        value: &Value,
        what: &str,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let number = match &value.data {
            Data::Text(text) if text.contains('*') && value.annotation.is_none() => {
                self.product(text, value, what)?
            }
            _ => self.factor(value, what, false)?,
        };
        if number < i128::from(*range.start()) {
            return self.wrong(
                value,
                format!("{what} is at least {}", grouped(*range.start())),
                "",
            );
        }
        if number > i128::from(*range.end()) {
            return self.wrong(value, format!("{what} is at most {}", grouped(*range.end())), "");
        }
        i64::try_from(number).ok()
    }

    fn product(&mut self, text: &str, value: &Value, what: &str) -> Option<i128> {
        let mut product = Some(1_i128);
        for factor in text.split('*') {
            let data = Data::Text(factor.trim().into());
            let factor = self.factor(&Value { data, ..value.clone() }, what, true)?;
            product = product.and_then(|product| product.checked_mul(factor));
        }
        // Beyond what any range allows, so that the range is what the mistake names.
        Some(product.unwrap_or(i128::MAX))
    }

    /// A number; one in quotes counts if a parameter or a product made it a text.
    fn factor(&mut self, value: &Value, what: &str, quoted: bool) -> Option<i128> {
        let filled = self.plain(value)?;
        match &filled.data {
            Data::Integer(number) => Some(*number),
            Data::Text(text) if quoted || value.data != filled.data => match text.trim().parse() {
                Ok(number) => Some(number),
                Err(_) => self.not_whole(value, what),
            },
            _ => self.not_whole(value, what),
        }
    }

    /// A number, whole or not; or a product of whole ones.
    pub(super) fn number(&mut self, value: &Value, what: &str) -> Option<f64> {
        if matches!(&value.data, Data::Text(text) if text.contains('*')) {
            return self.integer(value, what, i64::MIN..=i64::MAX).map(|number| number as f64);
        }
        let filled = self.plain(value)?;
        match filled.data {
            Data::Integer(number) => Some(number as f64),
            Data::Float(number) => Some(number),
            _ => self.wrong(value, format!("{what} must be a number"), "as in 1.1"),
        }
    }

    fn not_whole<T>(&mut self, value: &Value, what: &str) -> Option<T> {
        self.wrong(
            value,
            format!("{what} must be a whole number"),
            "as in 5, or \"$name\" for a parameter",
        )
    }

    /// A duration that is the same each time.
    pub(super) fn duration(&mut self, value: &Value) -> Option<Nanos> {
        let filled = self.plain(value)?;
        match timing(&filled) {
            Ok(Timing::Fixed(ns)) => Some(ns),
            Ok(Timing::Drawn(_)) => self.wrong(value, "this duration cannot be drawn", ""),
            Err(message) => self.wrong(value, message, ""),
        }
    }

    /// A duration, perhaps drawn.
    pub(super) fn timing(&mut self, value: &Value) -> Option<Timing> {
        let filled = self.filled(value)?;
        let unknown = |name: &&Name| !DISTRIBUTIONS.contains(&name.text.as_str());
        match (timing(&filled), value.annotation.as_ref().filter(unknown)) {
            (Ok(timing), _) => Some(timing),
            (Err(message), None) => self.wrong(value, message, ""),
            (Err(message), Some(name)) => {
                self.mistakes.push(Diagnostic::mistake(name.span.clone(), message));
                None
            }
        }
    }

    /// A rate as the mean time between two, in nanoseconds.
    pub(super) fn rate(&mut self, value: &Value) -> Option<f64> {
        let filled = self.plain(value)?;
        match parse_rate(&show(&filled)) {
            Ok(gap) => Some(gap),
            Err(message) => self.wrong(value, message, ""),
        }
    }

    /// A size in bytes.
    pub(super) fn size(&mut self, value: &Value) -> Option<u64> {
        let filled = self.plain(value)?;
        let size = match &filled.data {
            Data::Text(text) => parse_size(text),
            Data::Integer(number) => Err(format!("a size has a unit: write \"{number}MiB\"")),
            _ => Err("expected a size, as in \"10MiB\"".into()),
        };
        match size {
            Ok(bytes) => Some(bytes),
            Err(message) => self.wrong(value, message, ""),
        }
    }

    /// A URL; `$server` before its path becomes `${server}`.
    pub(super) fn url(&mut self, value: &Value) -> Option<String> {
        let Data::Text(text) = &value.data else {
            return self.wrong(value, "expected a URL", "as in \"http://localhost:8000/\"");
        };
        let name_end = text.find(['/', '?']).unwrap_or(text.len());
        let url = match text[..name_end].strip_prefix('$') {
            Some(name) if self.params.is_server(name) => {
                let path = Value { data: Data::Text(text[name_end..].into()), ..value.clone() };
                format!("${{{name}}}{}", show(self.plain(&path)?.as_ref()))
            }
            Some(name) if is_name(name) && self.params.get(name).is_none() => {
                return self.unknown_server(name, value);
            }
            Some(name) if is_name(name) => {
                let braced = format!("${{{name}}}{}", &text[name_end..]);
                self.interpolated(&braced, &value.span)?
            }
            _ => show(self.plain(value)?.as_ref()),
        };
        let known = ["http://", "https://", "${"].into_iter().any(|begin| url.starts_with(begin));
        if known && !url.contains(char::is_whitespace) {
            return Some(url);
        }
        self.wrong(
            value,
            "this is not a URL",
            "as in \"http://localhost:8000/\" or \"$api/\" for a server",
        )
    }

    fn unknown_server<T>(&mut self, name: &str, value: &Value) -> Option<T> {
        let help = match nearest(name, self.params.names()) {
            Some(near) => format!("did you mean `${near}`?"),
            None => format!("declare it at the top: server \"{name}\" strategy=\"threads\""),
        };
        self.wrong(value, format!("unknown server `{name}`"), &help)
    }
}
