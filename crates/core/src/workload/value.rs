//! What a single value can be: a text for people, a duration fixed or drawn.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::quantity::{DISTRIBUTIONS, Distribution, Nanos, nearest};
use super::shape::list;
use super::syntax::{Data, Value};

/// A duration: fixed, or drawn each time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Timing {
    Fixed(Nanos),
    Drawn(Distribution),
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ns) => ns.fmt(f),
            Self::Drawn(distribution) => distribution.fmt(f),
        }
    }
}

/// A value as text: what `${name}` becomes.
pub(super) fn show(value: &Value) -> String {
    let text = match &value.data {
        Data::Text(text) => text.clone(),
        Data::Integer(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(yes) => format!("#{yes}"),
        Data::Null => "#null".into(),
    };
    match &value.annotation {
        Some(annotation) => format!("({}){text}", annotation.text),
        None => text,
    }
}

/// A duration with its distribution, if it has one; or what is wrong, in a few words.
pub(super) fn timing(value: &Value) -> Result<Timing, String> {
    let Data::Text(text) = &value.data else {
        let Data::Integer(number) = value.data else {
            return Err("expected a duration, as in \"4s\" or \"150us\"".into());
        };
        return Err(format!("a duration has a unit: write \"{number}s\" or \"{number}ms\""));
    };
    let Some(annotation) = &value.annotation else {
        return Nanos::parse(text).map(Timing::Fixed);
    };
    let name = annotation.text.as_str();
    let unknown = || match nearest(name, DISTRIBUTIONS) {
        Some(near) => format!("unknown distribution `{name}`, did you mean `{near}`?"),
        None => format!("unknown distribution `{name}`: there are {}", list(&DISTRIBUTIONS)),
    };
    Distribution::parse(name, text).ok_or_else(unknown)?.map(Timing::Drawn)
}
