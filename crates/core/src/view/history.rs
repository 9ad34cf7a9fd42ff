//! Equal work, measured again and again: how long each model took over time, on a terminal. A change
//! of the machine stands between two lines, for across it nothing is compared.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::kept::moment;
use super::paint::{Ink, to_ascii};
use crate::analyse::units::{duration, ratio};

/// One result.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Point {
    pub id: u64,
    /// UTC, RFC 3339.
    pub when: String,
    /// The id of the machine, and the machine in words.
    pub machine: String,
    pub place: String,
    /// Of `maitred`.
    pub version: String,
    pub times: Vec<Time>,
}

/// How long the work took under one model, nanoseconds; the bounds of its 95 % interval, if known.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Time {
    pub model: String,
    pub workers: u32,
    pub ns: u64,
    pub low_ns: Option<u64>,
    pub high_ns: Option<u64>,
}

/// Models in the order in which they were met, the ones of the last result first.
pub(super) fn models(points: &[Point]) -> Vec<&str> {
    let mut models: Vec<&str> = Vec::new();
    for time in points.iter().rev().flat_map(|point| &point.times) {
        if !models.contains(&time.model.as_str()) {
            models.push(&time.model);
        }
    }
    models
}

/// A block a model, a line a result.
pub fn table(points: &[Point], subject: &str, options: &Options) -> String {
    let title =
        format!("{subject}: {}", crate::analyse::units::plural(points.len() as u64, "result"));
    let mut text = Ink::Bold.paint(&title, options) + "\n";
    for model in models(points) {
        let of = |point: &'_ Point| point.times.iter().find(|time| time.model == model).cloned();
        let found: Vec<(&Point, Time)> =
            points.iter().filter_map(|point| Some((point, of(point)?))).collect();
        text.push_str(&format!("\n{}\n", Ink::Bold.paint(model, options)));
        text.push_str(&block(&found, options));
    }
    if options.ascii { to_ascii(&text) } else { text }
}

fn block(found: &[(&Point, Time)], options: &Options) -> String {
    let mut table = columns::names("", core::iter::empty());
    table[0] = Column::new("id", true, 0);
    table[0].cells = found.iter().map(|(point, _)| (point.id.to_string(), Ink::Plain)).collect();
    let mut add = |title, number, spare, cell: &dyn Fn(usize) -> String| {
        let mut column = Column::new(title, number, spare);
        column.cells = (0..found.len()).map(|row| (cell(row), Ink::Plain)).collect();
        table.push(column);
    };
    add("when", false, 2, &|row| moment(&found[row].0.when));
    add("time", true, 0, &|row| duration(found[row].1.ns));
    add("95 %", false, 1, &|row| match (found[row].1.low_ns, found[row].1.high_ns) {
        (Some(low), Some(high)) => format!("{}–{}", duration(low), duration(high)),
        _ => String::new(),
    });
    add("÷ before", true, 0, &|row| match row.checked_sub(1).map(|before| &found[before]) {
        Some((point, time)) if point.machine == found[row].0.machine => {
            ratio(found[row].1.ns as f64 / time.ns.max(1) as f64)
        }
        _ => String::new(),
    });
    columns::fit(&mut table, options);
    let mut lines = columns::lines(&table, options).into_iter();
    let mut text: String = lines.next().map(|titles| titles + "\n").unwrap_or_default();
    let mut machine = None;
    for (line, (point, _)) in lines.zip(found) {
        if machine.is_some_and(|known| known != &point.machine) {
            let change = format!("-- another machine: {}", point.place);
            text.push_str(&(Ink::Dim.paint(&change, options) + "\n"));
        }
        machine = Some(&point.machine);
        text.push_str(&(line + "\n"));
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// So many results, each a little slower, the last two on another machine.
    pub(in crate::view) fn points(number: u64) -> Vec<Point> {
        let time = |model: &str, ns: u64| Time {
            model: model.into(),
            workers: 5,
            ns,
            low_ns: Some(ns - ns / 50),
            high_ns: Some(ns + ns / 50),
        };
        let point = |nth: u64| Point {
            id: nth + 1,
            when: format!("2026-01-{:02}T03:04:05Z", nth + 2),
            machine: if nth + 2 < number { "a" } else { "b" }.into(),
            place: if nth + 2 < number { "Old, 2 cores" } else { "New, 8 cores" }.into(),
            version: "0.1.0".into(),
            times: Vec::from([
                time("native/threads", 900_000_000 + nth * 30_000_000),
                time("native/sequential", 2_500_000_000),
            ]),
        };
        (0..number).map(point).collect()
    }

    #[test]
    fn each_model_has_its_line_through_time_and_nothing_is_compared_across_machines() {
        expect_test::expect![[r#"
            waiters: 4 results

            native/threads
            id  when                time  95 %           ÷ before
             1  2026-01-02 03:04  900 ms  882 ms–918 ms
             2  2026-01-03 03:04  930 ms  911 ms–949 ms     1.03×
            -- another machine: New, 8 cores
             3  2026-01-04 03:04  960 ms  941 ms–979 ms
             4  2026-01-05 03:04  990 ms  970 ms–1.01 s     1.03×

            native/sequential
            id  when                time  95 %           ÷ before
             1  2026-01-02 03:04  2.50 s  2.45 s–2.55 s
             2  2026-01-03 03:04  2.50 s  2.45 s–2.55 s     1.00×
            -- another machine: New, 8 cores
             3  2026-01-04 03:04  2.50 s  2.45 s–2.55 s
             4  2026-01-05 03:04  2.50 s  2.45 s–2.55 s     1.00×
        "#]]
        .assert_eq(&table(&points(4), "waiters", &Options::default()));
    }
}
