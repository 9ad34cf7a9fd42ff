//! Parameters as a reader turns them: those with an order are a row of stops, at which a slider
//! halts; all others are a field of text.

use std::iter;

use maitred_core::workload::ast::{Data, Param, Value, Workload};
use maitred_core::workload::{parse_duration, parse_size};
use serde::Serialize;

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Knob {
    pub name: String,
    /// As `--set` takes it.
    pub value: String,
    /// In order, the value among them; empty: any text.
    pub stops: Vec<String>,
}

/// So many stops a slider may have: more than a hand can tell apart.
const STOPS: u64 = 100;

/// From so many times the lowest on, each power of ten has as much room as the others.
const WIDE: i128 = 1000;
const DIGITS: [i128; 6] = [1, 2, 3, 4, 5, 7];

/// One for each parameter, in the order of the workload.
pub(crate) fn knobs(workload: &Workload) -> Vec<Knob> {
    workload.params.iter().map(knob).collect()
}

fn knob(param: &Param) -> Knob {
    let name = param.name.text.clone();
    let Value { data, annotation, .. } = &param.default;
    match data {
        Data::Integer(number) => {
            let bound = |value: &Option<Value>| match value.as_ref().map(|value| &value.data) {
                Some(Data::Integer(bound)) => Some(*bound),
                _ => None,
            };
            let low = bound(&param.min).unwrap_or_else(|| 0.min(*number));
            let high =
                bound(&param.max).unwrap_or_else(|| (*number).saturating_mul(4).max(low + 10));
            let stops = stops(low, high, *number).iter().map(ToString::to_string).collect();
            Knob { name, value: number.to_string(), stops }
        }
        Data::Float(number) => Knob { name, value: number.to_string(), stops: Vec::new() },
        Data::Text(text) if annotation.is_none() && parse_size(text).is_err() => {
            let stops = parse_duration(text).map_or_else(
                |_| Vec::new(),
                |ns| {
                    let bound =
                        |value: &Option<Value>| match value.as_ref().map(|value| &value.data) {
                            Some(Data::Text(text)) => parse_duration(text).ok(),
                            _ => None,
                        };
                    let low = bound(&param.min).unwrap_or(0);
                    let high = bound(&param.max).unwrap_or(ns.max(1_000_000).saturating_mul(5) / 2);
                    let stops = stops(low.into(), high.into(), ns.into());
                    // The default as it was written, so that the slider stands on it.
                    let shown = |&stop: &i128| {
                        if stop == i128::from(ns) { text.clone() } else { duration(stop as u64) }
                    };
                    stops.iter().map(shown).collect()
                },
            );
            Knob { name, value: text.clone(), stops }
        }
        Data::Text(text) => {
            let drawn =
                annotation.as_ref().map_or_else(String::new, |one| format!("({})", one.text));
            Knob { name, value: format!("{drawn}{text}"), stops: Vec::new() }
        }
        Data::Bool(_) | Data::Null => Knob { name, value: String::new(), stops: Vec::new() },
    }
}

/// Round numbers from the lowest to the highest, both of them and the default included.
fn stops(low: i128, high: i128, default: i128) -> Vec<i128> {
    let mut stops: Vec<i128> = vec![low, default, high];
    if low >= 1 && high / low >= WIDE {
        let sizes = iter::successors(Some(1_i128), |size| size.checked_mul(10));
        let sizes = sizes.take_while(|size| *size < high);
        stops.extend(sizes.flat_map(|size| DIGITS.map(|digit| digit * size)));
    } else {
        let step = round_up((high - low).max(1) as u64 / STOPS + 1);
        let first = low.div_euclid(step) * step;
        let next = |stop: &i128| stop.checked_add(step);
        stops.extend(iter::successors(Some(first), next).take_while(|stop| *stop < high));
    }
    stops.retain(|stop| (low..=high).contains(stop));
    stops.sort_unstable();
    stops.dedup();
    stops
}

/// The next of 1, 2, 5, 10, 20, …
fn round_up(number: u64) -> i128 {
    let mut size = 1_i128;
    loop {
        for digit in [1, 2, 5] {
            if digit * size >= i128::from(number) {
                return digit * size;
            }
        }
        size *= 10;
    }
}

/// As the language writes it, with three decimals at most and nothing lost where they suffice.
fn duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    if ns == 0 {
        return "0s".to_owned();
    }
    let fits = |(size, _): &&(u64, &str)| ns >= *size && (ns * 1000).is_multiple_of(*size);
    let (size, unit) = UNITS.iter().find(fits).unwrap_or(&UNITS[3]);
    format!("{}{unit}", ns as f64 / *size as f64)
}

#[cfg(test)]
mod tests {
    use maitred_core::workload::parse;

    use super::*;

    fn of(param: &str) -> Knob {
        let workload = parse(&format!("{param}\ntask \"t\" {{ wait \"1s\" }}")).unwrap();
        knobs(&workload).remove(0)
    }

    #[test]
    fn whole_numbers_stop_at_each_or_at_round_ones() {
        assert_eq!(of("param \"n\" 3 min=1 max=5").stops, ["1", "2", "3", "4", "5"]);
        let many = of("param \"n\" 10000 min=1 max=1000000");
        assert_eq!(many.stops[4..9], ["5", "7", "10", "20", "30"]);
        assert_eq!(many.stops.last().unwrap(), "1000000");
        assert_eq!(of("param \"n\" 7").stops.last().unwrap(), "28");
        assert!(of("param \"n\" -3 max=3").stops.contains(&"-3".to_owned()));
    }

    #[test]
    fn durations_keep_their_unit_and_the_default_as_it_was_written() {
        let think = of("param \"t\" \"4s\" max=\"10s\"");
        assert_eq!(think.stops[..3], ["0s", "200ms", "400ms"]);
        assert!(think.stops.contains(&"4s".to_owned()) && think.stops.contains(&"1.2s".to_owned()));
        let odd = of("param \"t\" \"1m30s\"");
        assert!(odd.stops.contains(&"1m30s".to_owned()), "{:?}", odd.stops);
    }

    #[test]
    fn what_has_no_order_is_a_field() {
        assert_eq!(of("param \"a\" \"event-loop\"").stops, Vec::<String>::new());
        assert_eq!(of("param \"t\" (exponential)\"4s\"").value, "(exponential)4s");
        assert_eq!(of("param \"t\" \"10MiB\"").stops, Vec::<String>::new());
    }

    #[test]
    fn every_stop_is_what_the_language_takes() {
        for param in [
            "param \"t\" \"3us\"",
            "param \"t\" \"0s\"",
            "param \"t\" \"7ms\" min=\"3ms\" max=\"2s\"",
        ] {
            for stop in of(param).stops {
                assert!(parse_duration(&stop).is_ok(), "{param}: {stop}");
            }
        }
    }
}
