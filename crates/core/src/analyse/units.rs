//! How figures are written, everywhere the same: three significant digits, one space, the unit.
//! Text only; decides nothing about what is shown.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::result::{Found, Processors};
use crate::trace::Observed;
use crate::workload::Unit;

const UNITS: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const BINARY: [(f64, &str); 5] = [
    (1.0, "B"),
    (1024.0, "KiB"),
    (1_048_576.0, "MiB"),
    (1_073_741_824.0, "GiB"),
    (1_099_511_627_776.0, "TiB"),
];

/// Nanoseconds as `412 µs`, `23.4 ms`, `9.00 s`, and from ten minutes on `12 min 05 s`.
pub fn duration(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    if seconds >= 599.5 {
        let whole = libm::round(seconds) as u64;
        return match whole / 3600 {
            0 => format!("{} min {:02} s", whole / 60, whole % 60),
            hours => format!("{hours} h {:02} min", whole % 3600 / 60),
        };
    }
    if ns < 1000 {
        return format!("{ns} ns");
    }
    scaled(ns as f64, &UNITS)
}

/// Nanoseconds of one column, in one unit where they then keep three digits: `0.901 s`, `2.50 s`.
/// What is not known is `?`.
pub fn durations(figures: &[Observed<u64>]) -> Vec<String> {
    let known = || figures.iter().filter_map(Observed::known).copied().filter(|&ns| ns > 0);
    let (least, most) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    let fits = |(size, _): &&(f64, &str)| most as f64 / size >= 0.9995;
    let (size, unit) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
    let together = least as f64 / size >= 0.0995 && *size > 1.0 && most < 599_500_000_000;
    let show = |figure: &Observed<u64>| match figure.known() {
        None => "?".to_string(),
        Some(&ns) if !together || ns == 0 => duration(ns),
        Some(&ns) => match ns as f64 / size {
            value if value < 0.9995 => format!("{value:.3} {unit}"),
            value => format!("{} {unit}", significant(value)),
        },
    };
    figures.iter().map(show).collect()
}

/// `5.63 MiB`; bytes below 1 KiB exactly.
pub fn bytes(bytes: u64) -> String {
    if bytes < 1024 { format!("{bytes} B") } else { scaled(bytes as f64, &BINARY) }
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage: `96 %`, `4.3 %`, `< 0.1 %`, `0 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".into(),
        _ if percent.abs() < 0.05 => "< 0.1 %".into(),
        _ if percent.abs() < 9.95 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// `2.78×`, `27.8×`, `1,234×`.
pub fn ratio(ratio: f64) -> String {
    format!("{}×", significant(ratio))
}

/// `2.76–2.80`; near 1, where thousandths matter, `0.998–1.004`.
pub fn interval(low: f64, high: f64) -> String {
    let near = low > 0.9 && high < 1.1;
    if near {
        format!("{low:.3}–{high:.3}")
    } else {
        format!("{}–{}", significant(low), significant(high))
    }
}

/// How many processors were in use: `0.04`, `1.97`, `12.3`.
pub fn cores(cores: f64) -> String {
    match cores {
        0.0 => "0".into(),
        _ if cores < 0.005 => "< 0.01".into(),
        _ => significant(cores),
    }
}

/// `2 processors`, or `2 processors, of which a quota allows 1.5`.
pub fn processors(machine: Processors) -> String {
    let all = plural(machine.count.into(), "processor");
    match limit(machine) {
        None => all,
        Some(allowed) => format!("{all}, of which a quota allows {allowed}"),
    }
}

/// `2`, or `1.5` where a quota allows that of them.
pub fn usable(machine: Processors) -> String {
    limit(machine).unwrap_or_else(|| machine.count.to_string())
}

/// What a quota allows, if that is not all; with at most two decimals, and none that say nothing.
fn limit(machine: Processors) -> Option<String> {
    let allowed = machine.quota?.processors();
    let text = format!("{allowed:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    (allowed < f64::from(machine.count)).then(|| text.into())
}

/// Three significant digits, never in exponents; large numbers whole, with separators.
pub fn significant(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "?".into(),
        _ if value.abs() < 9.995 => format!("{value:.2}"),
        _ if value.abs() < 99.95 => format!("{value:.1}"),
        _ => count(libm::round(value.abs()) as u64),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 round`, `3 rounds`; large numbers with separators.
pub fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    // 0.9995 of the next unit is written as that unit: 999.6 µs is 1.00 ms, never "1000 µs".
    let fits = |(size, _): &&(f64, &str)| value / size >= 0.9995;
    let (size, unit) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{} {unit}", significant(value / size))
}

/// A figure that a claim is about, in its unit.
pub fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Duration => duration(value as u64),
        Unit::Size => bytes(value as u64),
        Unit::Number if value != 0.0 && value.abs() < 0.095 => format!("{value:.4}"),
        Unit::Number => significant(value),
        Unit::Count if value >= 0.0 && value == libm::trunc(value) => count(value as u64),
        Unit::Count => format!("{value}"),
    }
}

/// The median of a figure and its interval, in its unit.
pub fn found(found: &Found) -> String {
    let Found { median, low, high, unit, ref disturbed, .. } = *found;
    let show = |one| value(one, unit);
    let figure = match low == high {
        true => show(median),
        false => format!("{} ({}–{})", show(median), show(low), show(high)),
    };
    match disturbed {
        Some(_) => format!("{figure}, disturbed"),
        None => figure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Quota;
    use proptest::prelude::*;

    #[test]
    fn one_and_a_half_processors_are_said_as_one_and_a_half() {
        let two_with = |cpu_ns| {
            let quota = Some(Quota { cpu_ns, period_ns: 100_000 });
            Processors { count: 2, quota }
        };
        assert_eq!(processors(two_with(150_000)), "2 processors, of which a quota allows 1.5");
        assert_eq!([50_000, 100_000, 400_000].map(|ns| usable(two_with(ns))), ["0.5", "1", "2"]);
        assert_eq!(processors(1.into()), "1 processor");
    }

    #[test]
    fn durations_have_three_digits() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (412_000, "412 µs"),
            (999_600, "1.00 ms"),
            (23_400_000, "23.4 ms"),
            (99_960_000, "100 ms"),
            (9_000_000_000, "9.00 s"),
            (125_000_000_000, "125 s"),
            (725_000_000_000, "12 min 05 s"),
            (7_260_000_000_000, "2 h 01 min"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn other_figures() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(5_900_000), "5.63 MiB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.000_1), "< 0.1 %");
        assert_eq!(percent(0.043), "4.3 %");
        assert_eq!(percent(0.96), "96 %");
        assert_eq!(ratio(2.777), "2.78×");
        assert_eq!(ratio(1234.4), "1,234×");
        assert_eq!(cores(0.041), "0.04");
        assert_eq!(cores(0.0004), "< 0.01");
        assert_eq!(interval(2.761, 12.34), "2.76–12.3");
        assert_eq!(interval(0.998, 1.0041), "0.998–1.004");
        assert_eq!(plural(1, "round"), "1 round");
        assert_eq!(plural(0, "round"), "0 rounds");
    }

    #[test]
    fn a_column_has_one_unit_where_no_digit_is_lost_by_it() {
        let of = |figures: &[u64]| {
            durations(&figures.iter().map(|ns| Observed::Known(*ns)).collect::<Vec<_>>())
        };
        assert_eq!(of(&[901_000_000, 2_500_000_000]), ["0.901 s", "2.50 s"]);
        assert_eq!(of(&[901_000, 2_500_000_000]), ["901 µs", "2.50 s"]);
        assert_eq!(of(&[99_960_000, 100_000_000]), ["100 ms", "100 ms"]);
        assert_eq!(of(&[0, 1_500_000]), ["0 ns", "1.50 ms"]);
        assert_eq!(of(&[700_000_000_000, 60_000_000_000]), ["11 min 40 s", "60.0 s"]);
        assert_eq!(durations(&[Observed::Unknown("why".into())]), ["?"]);
    }

    proptest! {
        #[test]
        fn a_duration_says_what_it_was_given(ns in 1_u64..599_000_000_000) {
            let text = duration(ns);
            let (number, unit) = text.split_once(' ').unwrap();
            let (size, _) = UNITS.iter().find(|(_, name)| *name == unit).unwrap();
            let back = number.replace(',', "").parse::<f64>().unwrap() * size;
            prop_assert!((back / ns as f64 - 1.0).abs() < 0.006, "{ns} was written {text}");
            prop_assert!(number.chars().filter(char::is_ascii_digit).count() <= 3);
        }
    }
}
