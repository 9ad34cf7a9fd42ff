//! Amounts as they are typed on the command line, each with one clear sentence for a wrong one.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use maitred_core::workload::{parse_duration, parse_size};

/// A length of time: `90s`, `1m30s`, `250ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl Period {
    /// So many nanoseconds.
    pub fn of_nanos(nanoseconds: u64) -> Self {
        Self(Duration::from_nanos(nanoseconds))
    }

    /// In nanoseconds; one that is too long for them (584 years) becomes the longest.
    pub fn nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// As it is typed.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos();
        let units = [("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)];
        match units.into_iter().find(|(_, unit)| nanos.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", nanos / unit),
            None => write!(f, "{nanos}ns"),
        }
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_duration(text) {
            Ok(0) => Err("it must be longer than nothing".to_owned()),
            Ok(nanoseconds) => Ok(Self(Duration::from_nanos(nanoseconds))),
            Err(_) => Err("write a time with its unit, as in 30s, 250ms or 1m30s".to_owned()),
        }
    }
}

/// A time that may be nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Duration);

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_duration(text) {
            Ok(nanoseconds) => Ok(Self(Duration::from_nanos(nanoseconds))),
            Err(_) if text == "0" => Ok(Self(Duration::ZERO)),
            Err(_) => Err("write a time with its unit, as in 1s or 250ms".to_owned()),
        }
    }
}

/// So many in a time: `200/s`, or a bare number for a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Above 0.
    pub per_second: f64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            _ => return Err("write a number for a time, as in 200/s, 5/ms or 30/m".to_owned()),
        };
        let number: Option<f64> = number.parse().ok();
        let rate = number.map(|number| number / seconds).filter(|rate| rate.is_finite());
        match rate {
            Some(per_second) if (1e-3..=1e6).contains(&per_second) => Ok(Self { per_second }),
            Some(_) => Err("a rate lies between 0.001/s and 1000000/s".to_owned()),
            None => Err("write a number for a time, as in 200/s, 5/ms or 30/m".to_owned()),
        }
    }
}

/// An amount of memory: `512MiB`, `2GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize(pub u64);

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_size(text) {
            Ok(bytes) if bytes >= 1 << 20 => Ok(Self(bytes)),
            Ok(_) => Err("a runner needs at least 1MiB".to_owned()),
            Err(_) => Err("write a size with its unit, as in 512MiB or 2GB".to_owned()),
        }
    }
}

/// The size of a file: `256MiB`, `1GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSize(pub u64);

impl fmt::Display for FileSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1 << 20) => write!(f, "{}MiB", bytes >> 20),
            bytes => write!(f, "{bytes}B"),
        }
    }
}

impl FromStr for FileSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_size(text) {
            Ok(bytes) if bytes >= 1 << 20 => Ok(Self(bytes)),
            Ok(_) => Err("a trace needs at least 1MiB".to_owned()),
            Err(_) => Err("write a size with its unit, as in 256MiB or 1GB".to_owned()),
        }
    }
}

/// By how much every duration is divided: `10x`, `0.5x`, `10`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(pub f64);

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x", self.0)
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix(['x', 'X', '×']).unwrap_or(text);
        match number.parse::<f64>() {
            Ok(factor) if (1e-6..=1e6).contains(&factor) => Ok(Self(factor)),
            _ => Err("write a factor from 0.000001x to 1000000x, as in 10x".to_owned()),
        }
    }
}

/// A share: `3%`, `0.03`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect(pub f64);

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

impl FromStr for Effect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().map(|value| value / 100.0),
            None => text.parse::<f64>(),
        };
        match share {
            Ok(share) if (0.0..1.0).contains(&share) => Ok(Self(share)),
            _ => Err("write a share from 0% to 99%, as in 3%".to_owned()),
        }
    }
}

/// Numbers of workers: `4`, `1,2,4`, `1..8`; ascending, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCounts(pub Vec<u32>);

impl FromStr for WorkerCounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut counts = Vec::new();
        for part in text.split(',') {
            match part.split_once("..") {
                None => counts.push(count(part)?),
                Some((from, to)) => {
                    let (from, to) = (count(from)?, count(to.trim_start_matches('='))?);
                    if from > to {
                        return Err(format!("{from}..{to} runs backwards; write {to}..{from}"));
                    }
                    if to - from >= 64 {
                        return Err(format!("{from}..{to} are more than 64 numbers of workers"));
                    }
                    counts.extend(from..=to);
                }
            }
        }
        counts.sort_unstable();
        counts.dedup();
        Ok(Self(counts))
    }
}

fn count(text: &str) -> Result<u32, String> {
    text.trim().parse().ok().filter(|count| (1..=65_536).contains(count)).ok_or_else(|| {
        "write numbers of workers from 1 to 65536, as in 4, 1,2,4 or 1..8".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read() {
        assert_eq!("1m30s".parse(), Ok(Period(Duration::from_secs(90))));
        assert_eq!("2MiB".parse(), Ok(MemorySize(2 << 20)));
        assert_eq!("10x".parse(), Ok(Speed(10.0)));
        assert_eq!("0.5".parse(), Ok(Speed(0.5)));
        assert_eq!("3%".parse(), Ok(Effect(0.03)));
        assert_eq!("4,1..3,2".parse(), Ok(WorkerCounts(vec![1, 2, 3, 4])));
    }

    #[test]
    fn defaults_are_shown_as_they_are_typed() {
        for (nanos, typed) in
            [(300_000_000_000, "5m"), (15_000_000_000, "15s"), (250_000_000, "250ms")]
        {
            let period = Period::of_nanos(nanos);
            assert_eq!(period.to_string(), typed);
            assert_eq!(typed.parse(), Ok(period));
        }
        assert_eq!(FileSize(256 << 20).to_string(), "256MiB");
        assert_eq!(Effect(0.03).to_string(), "3%");
        assert_eq!(Speed(1.0).to_string().parse(), Ok(Speed(1.0)));
    }

    #[test]
    fn wrong_amounts_are_refused() {
        for text in ["", "0s", "-1s", "5", "5 parsecs"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        for text in ["", "0", "1kB", "12"] {
            assert!(text.parse::<MemorySize>().is_err(), "{text}");
        }
        for text in ["", "0x", "-1x", "nan", "inf", "1e9x"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
        for text in ["", "0", "8..1", "1..100", "1,,2", "65537", "x"] {
            assert!(text.parse::<WorkerCounts>().is_err(), "{text}");
        }
        for text in ["", "100%", "-3%", "nan"] {
            assert!(text.parse::<Effect>().is_err(), "{text}");
        }
    }
}
