//! Parameters: what kind of value each takes, its bounds, and what the command line sets.
//! The main type is [`Params`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::ast::{Param, Workload};
use super::diagnostic::Diagnostic;
use super::quantity::{Nanos, nearest, parse_size};
use super::shape::list;
use super::syntax::{Data, Name, Value};
use super::value::{show, timing};

/// What a parameter is, which follows from its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Number,
    Duration,
    Size,
    Text,
}

impl Kind {
    fn of(value: &Value) -> Option<Self> {
        Some(match &value.data {
            Data::Integer(_) => Self::Integer,
            Data::Float(number) if number.is_finite() => Self::Number,
            Data::Text(_) if timing(value).is_ok() => Self::Duration,
            Data::Text(text) if parse_size(text).is_ok() => Self::Size,
            Data::Text(_) => Self::Text,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Duration => "a duration",
            Self::Size => "a size",
            Self::Text => "a text",
        }
    }

    /// A value for comparison with `min` and `max`; `None`: such values have no order.
    fn rank(self, value: &Value) -> Option<f64> {
        match (self, &value.data) {
            (Self::Integer | Self::Number, Data::Integer(number)) => Some(*number as f64),
            (Self::Number, Data::Float(number)) => Some(*number),
            (Self::Duration, Data::Text(text)) => Nanos::parse(text).ok().map(|ns| ns.0 as f64),
            (Self::Size, Data::Text(text)) => parse_size(text).ok().map(|bytes| bytes as f64),
            _ => None,
        }
    }

    /// Reads a value from the command line.
    fn read(self, text: &str) -> Option<Value> {
        let mut value = Value { data: Data::Text(text.into()), annotation: None, span: 0..0 };
        match self {
            Self::Integer => value.data = Data::Integer(text.replace('_', "").parse().ok()?),
            Self::Number => {
                let number: f64 = text.parse().ok()?;
                value.data = Data::Float(Some(number).filter(|number| number.is_finite())?);
            }
            Self::Duration => {
                if let Some((name, rest)) =
                    text.strip_prefix('(').and_then(|text| text.split_once(')'))
                {
                    let name = Name { text: name.into(), span: 0..0 };
                    value =
                        Value { data: Data::Text(rest.into()), annotation: Some(name), span: 0..0 };
                }
                timing(&value).ok()?;
            }
            Self::Size => drop(parse_size(text).ok()?),
            Self::Text => {}
        }
        Some(value)
    }
}

/// What each parameter stands for, and which servers there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    values: Vec<(String, Value)>,
    servers: Vec<String>,
}

impl Params {
    /// The defaults, replaced by what was set on the command line.
    pub(super) fn resolve(
        workload: &Workload,
        set: &[(String, String)],
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut params = Self {
            values: Vec::new(),
            servers: workload.servers.iter().map(|server| server.name.text.clone()).collect(),
        };
        for param in &workload.params {
            check_param(param, mistakes);
            params.values.push((param.name.text.clone(), param.default.clone()));
        }
        for (name, text) in set {
            match set_param(workload, name, text) {
                Ok(value) => {
                    let place = params.values.iter_mut().find(|(other, _)| other == name);
                    place.expect("set_param found it").1 = value;
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        params
    }

    /// Names and values for people.
    pub(super) fn shown(&self) -> Vec<(String, String)> {
        self.values.iter().map(|(name, value)| (name.clone(), show(value))).collect()
    }

    /// What a parameter stands for.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Whether `$name` stands for the address of a server.
    pub(super) fn is_server(&self, name: &str) -> bool {
        self.servers.iter().any(|server| server == name)
    }

    /// All that `$` can stand before.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let servers = self.servers.iter().map(String::as_str);
        self.values.iter().map(|(name, _)| name.as_str()).chain(servers)
    }

    /// The mistake of naming a parameter that is not there.
    pub(super) fn unknown(&self, name: &str, span: &Range<usize>) -> Diagnostic {
        let mistake = Diagnostic::mistake(span.clone(), format!("unknown parameter `{name}`"));
        mistake.help(match nearest(name, self.names()) {
            Some(near) => format!("did you mean `${near}`?"),
            None => format!("declare it at the top: param \"{name}\" 1"),
        })
    }
}

/// Whether default, `min` and `max` go together.
fn check_param(param: &Param, mistakes: &mut Vec<Diagnostic>) {
    let Some(kind) = Kind::of(&param.default) else {
        let message = "a parameter is a number, a duration, a size or a text";
        let help = "as in: param \"think\" \"4s\"";
        return mistakes.push(Diagnostic::mistake(param.default.span.clone(), message).help(help));
    };
    let known = mistakes.len();
    let mut bound = |value: &Option<Value>, name: &str| -> Option<f64> {
        let value = value.as_ref()?;
        let rank = kind.rank(value).filter(|_| value.annotation.is_none());
        if rank.is_none() {
            let message = match kind {
                Kind::Text => format!("`{name}` means nothing for a text"),
                _ => format!("`{name}` must be {}, as the default is", kind.name()),
            };
            mistakes.push(Diagnostic::mistake(value.span.clone(), message));
        }
        rank
    };
    let (min, max) = (bound(&param.min, "min"), bound(&param.max, "max"));
    if let (Some(value), Some(low), Some(high)) = (&param.max, min, max)
        && low > high
    {
        let message = "`max` is less than `min`";
        mistakes.push(Diagnostic::mistake(value.span.clone(), message));
    }
    if param.default.annotation.is_some() && kind != Kind::Duration {
        let mistake = timing(&param.default).err().unwrap_or_default();
        mistakes.push(Diagnostic::mistake(param.default.span.clone(), mistake));
    } else if mistakes.len() == known
        && let Some(message) = outside(param, kind, &param.default)
    {
        mistakes.push(Diagnostic::mistake(param.default.span.clone(), message));
    }
}

/// Why a value is not between `min` and `max`.
fn outside(param: &Param, kind: Kind, value: &Value) -> Option<String> {
    let rank = kind.rank(value)?;
    let name = &param.name.text;
    let bound = |value: &Option<Value>| Some((kind.rank(value.as_ref()?)?, show(value.as_ref()?)));
    match (bound(&param.min), bound(&param.max)) {
        (Some((min, text)), _) if rank < min => Some(format!("`{name}` is at least {text}")),
        (_, Some((max, text))) if rank > max => Some(format!("`{name}` is at most {text}")),
        _ => None,
    }
}

/// The value that `--set` gives to a parameter.
fn set_param(workload: &Workload, name: &str, text: &str) -> Result<Value, Diagnostic> {
    let option = format!("--set {name}={text}");
    let at = "--set ".len();
    let name_span = at..at + name.len();
    let value_span = name_span.end + 1..option.len();
    let Some(param) = workload.params.iter().find(|param| param.name.text == name) else {
        let names: Vec<&str> = workload.params.iter().map(|one| one.name.text.as_str()).collect();
        let help = match (nearest(name, names.iter().copied()), names.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "this workload has no parameters".into(),
            (None, false) => format!("there are {}", list(&names)),
        };
        let message = format!("unknown parameter `{name}`");
        return Err(Diagnostic::option(option, name_span, message).help(help));
    };
    let Some(kind) = Kind::of(&param.default) else {
        return Ok(param.default.clone());
    };
    let Some(value) = kind.read(text) else {
        let message = format!("`{name}` must be {}", kind.name());
        let help = format!("as its default is: {}", show(&param.default));
        return Err(Diagnostic::option(option, value_span, message).help(help));
    };
    match outside(param, kind, &value) {
        Some(message) => Err(Diagnostic::option(option, value_span, message)),
        None => Ok(value),
    }
}
