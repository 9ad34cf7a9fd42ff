//! Rates and distributions as people write them: `200/s`, `10ms±4ms`. Durations and sizes are
//! those of [`maitred_wire::Nanos`], which the test server reads too.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

pub use maitred_wire::{Nanos, parse_size};

use super::limits::DURATION_MAX_NS;

/// Reads `200/s`, `5/ms`; the mean time between two, in nanoseconds.
///
/// # Errors
/// A few words that say what is wrong.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let shape = || String::from("a rate is a number, a slash and a unit of time, as in \"200/s\"");
    let (number, unit) = text.split_once('/').ok_or_else(shape)?;
    let size = maitred_wire::duration_unit(unit.trim()).ok_or_else(shape)?;
    let number: f64 = number.trim().parse().map_err(|_| shape())?;
    let gap = size as f64 / number;
    if number > 0.0 && gap <= DURATION_MAX_NS as f64 && number.is_finite() {
        return Ok(gap);
    }
    Err("a rate is more than nothing".into())
}

/// A duration that is drawn for every execution of a step, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distribution {
    /// Memoryless, with this mean.
    Exponential { mean: u64 },
    /// Every value between the two is as likely as any other.
    Uniform { low: u64, high: u64 },
    /// The logarithm is normal; mean and standard deviation of the durations themselves.
    Lognormal { mean: u64, deviation: u64 },
}

/// The names of the distributions.
pub(super) const DISTRIBUTIONS: [&str; 3] = ["exponential", "uniform", "lognormal"];

impl Distribution {
    /// Reads the text behind `(exponential)`, `(uniform)` or `(lognormal)`; `None`: no
    /// distribution has this name.
    ///
    /// # Errors
    /// A few words that say what is wrong.
    pub(super) fn parse(name: &str, text: &str) -> Option<Result<Self, String>> {
        Some(match name {
            "exponential" => positive(text, "mean").map(|mean| Self::Exponential { mean }),
            "uniform" => Self::parse_uniform(text),
            "lognormal" => Self::parse_lognormal(text),
            _ => return None,
        })
    }

    fn parse_uniform(text: &str) -> Result<Self, String> {
        let shape = "a uniform duration is written low..high, as in \"1ms..5ms\"";
        let (low, high) = text.split_once("..").ok_or(shape)?;
        let (low, high) = (Nanos::parse(low)?.0, Nanos::parse(high)?.0);
        if low > high {
            return Err(format!("{} is more than {}", Nanos(low), Nanos(high)));
        }
        Ok(Self::Uniform { low, high })
    }

    fn parse_lognormal(text: &str) -> Result<Self, String> {
        let shape = "a lognormal duration is written mean±deviation, as in \"10ms±4ms\"";
        let (mean, deviation) =
            text.split_once('±').or_else(|| text.split_once("+-")).ok_or(shape)?;
        let (mean, deviation) = (positive(mean, "mean")?, Nanos::parse(deviation)?.0);
        Ok(Self::Lognormal { mean, deviation })
    }
}

fn positive(text: &str, what: &str) -> Result<u64, String> {
    let ns = Nanos::parse(text)?.0;
    if ns == 0 { Err(format!("the {what} must be longer than 0")) } else { Ok(ns) }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exponential { mean } => write!(f, "(exponential){}", Nanos(mean)),
            Self::Uniform { low, high } => write!(f, "(uniform){}..{}", Nanos(low), Nanos(high)),
            Self::Lognormal { mean, deviation } => {
                write!(f, "(lognormal){}±{}", Nanos(mean), Nanos(deviation))
            }
        }
    }
}

/// A number with its thousands apart: `10,000,000`.
pub(super) fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The longest name that is compared with others, in bytes.
const NAME_MAX: usize = 64;

/// The nearest of the known names, if one is near enough to be meant, whatever its case.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer texts are no names, and the comparison takes time in proportion to both.
    if name.len() > NAME_MAX {
        return None;
    }
    let name = name.to_lowercase();
    let room = (name.chars().count() / 3).max(1);
    let near: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|other| other.len() <= NAME_MAX)
        .map(|other| (strsim::osa_distance(&name, &other.to_lowercase()), other))
        .filter(|(distance, _)| *distance <= room)
        .collect();
    near.into_iter().min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}
