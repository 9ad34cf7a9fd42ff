//! A law of scaling on a terminal: throughput by number of workers, measured and fitted, how many
//! workers to use, and what more would bring. The main function is [`fit`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use crate::analyse::advice::law;
use crate::analyse::units::{percent, significant};
use crate::result::{Fit, Measured};

/// The longest bar.
const BAR: usize = 30;

/// As text that ends in a line break: the answer, the law, the table.
pub fn fit(found: &Fit, options: &Options) -> String {
    let mut text = String::new();
    let mut say = |sentence: &str, ink: Ink| {
        let lines = wrap(sentence, options.width.saturating_sub(2), 0);
        text.extend(lines.lines().map(|line| format!("  {}\n", ink.paint(line, options))));
    };
    if let Some(best) = &found.best {
        say(&format!("{}.", law::how_many(best, None)), Ink::Bold);
    }
    if let Some(fitted) = &found.law {
        say(&format!("It {}.", law::describe(fitted)), Ink::Plain);
        say(&format!("{}.", law::doubling(fitted)), Ink::Plain);
    }
    if let Some(why) = &found.why {
        say(why, Ink::Plain);
    }
    text.push('\n');
    text.push_str(&columns::render(&table(found, "throughput"), options));
    if options.ascii { to_ascii(&text) } else { text }
}

/// Throughput by number of workers, measured and fitted.
pub(super) fn table(shown: &Fit, rate: &'static str) -> Vec<Column> {
    let most = shown.points.iter().map(|point| point.rate).fold(0.0, f64::max);
    let column = |title, number, cell: &dyn Fn(&Measured) -> String| {
        let cells = shown.points.iter().map(|point| (cell(point), Ink::Plain)).collect();
        Column { cells, ..Column::new(title, number, 0) }
    };
    let mut columns = Vec::from([
        column("workers", true, &|point| point.workers.to_string()),
        column(rate, true, &|point| significant(point.rate)),
        column("", false, &|point| {
            let length = libm::round(point.rate / most.max(f64::MIN_POSITIVE) * BAR as f64);
            "▇".repeat(length as usize)
        }),
    ]);
    if shown.law.is_some() {
        columns.push(column("fitted", true, &|point| {
            point.fitted.map_or_else(String::new, significant)
        }));
        columns.push(column("off by", true, &|point| {
            let off = point.fitted.map(|fitted| point.rate / fitted - 1.0);
            off.map_or_else(String::new, percent)
        }));
    }
    columns
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::analyse::scaling::{self, Speed};

    fn of(points: &[(u32, f64)]) -> Vec<Speed> {
        let speed = |&(workers, rate): &(u32, f64)| Speed { workers, rates: Vec::from([rate]) };
        points.iter().map(speed).collect()
    }

    #[test]
    fn a_law_is_told_with_what_follows_from_it() {
        let spec = of(&[
            (1, 64.9),
            (18, 995.9),
            (36, 1652.4),
            (72, 1853.2),
            (108, 1828.9),
            (144, 1775.0),
            (216, 1702.2),
        ]);
        let found = law::fit(&spec, &scaling::fit(&spec), 0.03, "these figures");
        let text = fit(&found, &Options::default());
        for part in [
            "Use 72 workers: throughput is highest (72 to 144 cannot be told from it).",
            "the Universal Scalability Law with contention 2.8 % (",
            "and crosstalk 0.0104 % (",
            "Extrapolated: 432 workers",
            "216       1,702",
            "fitted",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }

    #[test]
    fn without_a_law_the_reason_stands_in_its_place() {
        let few = of(&[(1, 10.0), (2, 19.0)]);
        let found = law::fit(&few, &scaling::fit(&few), 0.03, "these figures");
        let text = fit(&found, &Options::default());
        expect![[r#"
              Inconclusive: throughput is highest with 2 workers, but 1 to 2 cannot be told
              from it.
              No law of scaling is fitted: 2 numbers of workers were tried, and it takes 4.

            workers  throughput
                  1        10.0  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                  2        19.0  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
        "#]]
        .assert_eq(&text);
        assert!(found.law.is_none() && found.why.is_some());
    }
}
