//! Durations and sizes as people write them: `1m30s`, `10MiB`. Integer arithmetic, so that no digit
//! is lost. One grammar for the language, the command line and the test server's addresses. The main
//! type is [`Nanos`].

use std::fmt;

/// The longest duration, in nanoseconds: 365 days.
pub const DURATION_MAX_NS: u64 = 365 * 24 * 3_600 * 1_000_000_000;

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
            let Some(size) = duration_unit(unit) else {
                return Err(unknown_unit(unit, "ns, us, ms, s, m, h and d"));
            };
            if size >= last {
                return Err(format!("`{unit}` cannot follow there: long units come first"));
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

    /// Reads what [`Nanos::parse`] reads, and a bare number as seconds, as servers for tests have it.
    ///
    /// # Errors
    /// A few words that say what is wrong.
    pub fn parse_or_seconds(text: &str) -> Result<Self, String> {
        let is_bare = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if is_bare { Self::parse(&format!("{text}s")) } else { Self::parse(text) }
    }

    /// The same work so many times as fast; rounded to a nanosecond.
    #[must_use]
    pub fn faster(self, speed: f64) -> Self {
        if speed == 1.0 { self } else { Self((self.0 as f64 / speed).round() as u64) }
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

/// Reads what [`parse_size`] reads, and a bare number as bytes.
///
/// # Errors
/// A few words that say what is wrong.
pub fn parse_size_or_bytes(text: &str) -> Result<u64, String> {
    let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_bare { parse_size(&format!("{text}B")) } else { parse_size(text) }
}

/// The nanoseconds of a unit of time, if there is one of that name.
pub fn duration_unit(name: &str) -> Option<u64> {
    DURATION_UNITS.into_iter().find(|(known, _)| *known == name).map(|(_, ns)| ns)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_seconds_or_bytes() {
        for (text, ms) in [("1", 1_000), ("1.5", 1_500), ("0", 0), ("250ms", 250), ("1m", 60_000)] {
            assert_eq!(Nanos::parse_or_seconds(text), Ok(Nanos(ms * 1_000_000)), "{text}");
        }
        for (text, bytes) in [("7", 7), ("100kB", 100_000), ("1MiB", 1 << 20)] {
            assert_eq!(parse_size_or_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", ".", "-1", "1e3", "1 x", "inf", "nan"] {
            assert!(Nanos::parse_or_seconds(text).is_err(), "{text}");
            assert!(parse_size_or_bytes(text).is_err(), "{text}");
        }
    }
}
