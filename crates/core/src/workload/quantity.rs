//! Durations, sizes, rates and distributions as people write them: `1m30s`, `10MiB`, `200/s`,
//! `10ms±4ms`. Integer arithmetic, so that no digit is lost. The main type is [`Nanos`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::limits::DURATION_MAX_NS;

/// A duration in nanoseconds; `Display` writes it as [`Nanos::parse`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);

/// Longest first. `m` is a minute.
const DURATION_UNITS: [(&str, u64); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

impl Nanos {
    /// Reads `150us`, `1.5s`, `1m30s`. Parts go from long to short; what is finer than a
    /// nanosecond is rounded.
    ///
    /// # Errors
    /// A few words that say what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().starts_with('-') {
            return Err("a duration cannot be negative; omit the minus".into());
        }
        let mut rest = text.trim();
        let mut sum = 0_u128;
        let mut last = u64::MAX;
        while !rest.is_empty() || last == u64::MAX {
            let (number, unit, after) = split_part(rest)?;
            let Some((name, size)) = DURATION_UNITS.into_iter().find(|(name, _)| *name == unit)
            else {
                return Err(unknown_unit(unit, "ns, us, ms, s, m, h and d"));
            };
            if size >= last {
                return Err(format!("`{name}` cannot follow there: long units come first"));
            }
            sum += scaled(number, size)?;
            last = size;
            rest = after.trim_start();
        }
        match u64::try_from(sum) {
            Ok(ns) if ns <= DURATION_MAX_NS => Ok(Self(ns)),
            _ => Err(format!("a duration is at most {}", Self(DURATION_MAX_NS))),
        }
    }

    /// The same work so many times as fast; rounded to a nanosecond.
    #[must_use]
    pub fn faster(self, speed: f64) -> Self {
        if speed == 1.0 { self } else { Self(libm::round(self.0 as f64 / speed) as u64) }
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ns = self.0;
        let mut text = String::new();
        if ns >= 60_000_000_000 {
            for (unit, size) in &DURATION_UNITS[..3] {
                if ns >= *size {
                    text.push_str(&format!("{}{unit}", ns / size));
                    ns %= size;
                }
            }
        }
        if ns > 0 || text.is_empty() {
            let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
            let (unit, size) = match text.as_str() {
                "" => units.into_iter().find(|(_, size)| ns >= *size).unwrap_or(("s", 1)),
                _ => units[0],
            };
            text.push_str(&fraction(ns, size));
            text.push_str(unit);
        }
        f.pad(&text)
    }
}

/// `ns ÷ size` with as many decimals as it takes.
fn fraction(ns: u64, size: u64) -> String {
    let width = size.ilog10() as usize;
    let decimals = format!("{:0width$}", ns % size);
    let decimals = decimals.trim_end_matches('0');
    let whole = ns / size;
    if decimals.is_empty() { whole.to_string() } else { format!("{whole}.{decimals}") }
}

/// Reads `10MiB`, `1kB`; bytes.
///
/// # Errors
/// A few words that say what is wrong.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit, after) = split_part(text.trim())?;
    let known = "B, kB, MB, GB, TB, KiB, MiB, GiB and TiB";
    let unit_size = SIZE_UNITS.into_iter().find(|(name, _)| *name == unit);
    let Some((_, size)) = unit_size.filter(|_| after.is_empty()) else {
        return Err(unknown_unit(&text.trim()[number.len()..], known));
    };
    u64::try_from(scaled(number, size)?).map_err(|_| "this size is too large".into())
}

/// Reads `200/s`, `5/ms`; the mean time between two, in nanoseconds.
///
/// # Errors
/// A few words that say what is wrong.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let shape = || String::from("a rate is a number, a slash and a unit of time, as in \"200/s\"");
    let (number, unit) = text.split_once('/').ok_or_else(shape)?;
    let size = DURATION_UNITS.into_iter().find(|(name, _)| *name == unit.trim());
    let (_, size) = size.ok_or_else(shape)?;
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

/// A number, the unit behind it, and what follows.
fn split_part(text: &str) -> Result<(&str, &str, &str), String> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
    let number_end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    if number.is_empty() {
        return Err("expected a number and a unit".into());
    }
    let rest = rest.trim_start();
    let unit_end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(unit_end);
    Ok((number, unit, after))
}

fn unknown_unit(unit: &str, known: &str) -> String {
    match unit {
        "" => format!("the unit is missing; units are {known}"),
        _ => format!("`{unit}` is not a unit; units are {known}"),
    }
}

/// A decimal number × a unit, rounded.
fn scaled(number: &str, unit: u64) -> Result<u128, String> {
    let wrong = || format!("`{number}` is not a number");
    let digits: String = number.chars().filter(|c| *c != '_').collect();
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
    if whole.is_empty() || part.contains('.') || (digits.contains('.') && part.is_empty()) {
        return Err(wrong());
    }
    // Finer than a unit of 10^13 ns could show is not looked at.
    let part = &part[..part.len().min(15)];
    let power = 10_u128.pow(part.len() as u32);
    let too_large = || format!("`{number}` is too large");
    let mantissa: u128 = format!("{whole}{part}").parse().map_err(|_| too_large())?;
    let product = mantissa.checked_mul(u128::from(unit)).ok_or_else(too_large)?;
    if product / power > u128::from(u64::MAX) {
        return Err(too_large());
    }
    Ok((product + power / 2) / power)
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

/// The nearest of the known names, if one is near enough to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
