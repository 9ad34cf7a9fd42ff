//! A law of scaling on a terminal: throughput by number of workers, measured and fitted, how many
//! workers to use, and what more would bring. The main function is [`fit`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Serialize;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use crate::analyse::advice::law;
use crate::analyse::scaling::{Best, Estimate, Kind, Law, Scaling, Speed, best};
use crate::analyse::stats;
use crate::analyse::units::{percent, plural, ratio, significant};

/// The longest bar.
const BAR: usize = 30;

/// What is shown and saved of figures by number of workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// How many workers to use; `None`: there are no figures.
    pub best: Option<Workers>,
    /// The law; `None`: see `why`.
    pub law: Option<Fitted>,
    /// Why no law is told, a lowercase sentence.
    pub why: Option<String>,
    pub points: Vec<Measured>,
}

/// How many workers to use; see [`Best`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Workers {
    pub workers: u32,
    pub fewest: u32,
    pub most: u32,
    pub enough: Option<u32>,
}

/// The figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// A law and its coefficients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitted {
    /// `amdahl` or `universal`.
    pub name: &'static str,
    /// σ, the serial share under Amdahl's law.
    pub contention: Figure,
    /// κ.
    pub coherency: Figure,
    /// Throughput of one worker.
    pub one: Figure,
    /// Root of the mean square of errors, as a share of the mean throughput.
    pub residual: f64,
    /// With how many workers throughput is highest; `None`: not seen to fall.
    pub peak: Option<Figure>,
    /// What twice the most workers that were tried would bring, times as much: an extrapolation.
    pub doubling: Figure,
}

/// Throughput with so many workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    pub workers: u32,
    /// The median of the rounds.
    pub rate: f64,
    pub rounds: usize,
    pub fitted: Option<f64>,
}

impl Fit {
    /// Of these speeds; `effect`: the smallest difference that is worth a word, as a share.
    pub fn of(speeds: &[Speed], scaling: &Scaling, effect: f64) -> Self {
        let law = match scaling {
            Scaling::Fits(law) => Some(law),
            Scaling::TooFew(_) | Scaling::NeitherFits(_) => None,
        };
        let point = |speed: &Speed| Measured {
            workers: speed.workers,
            rate: stats::median(&speed.rates).unwrap_or(0.0),
            rounds: speed.rates.len(),
            fitted: law.map(|law| law.curve.at(f64::from(speed.workers))),
        };
        let of = |Best { workers, fewest, most, enough }| Workers { workers, fewest, most, enough };
        Self {
            best: best(speeds, law, effect).map(of),
            law: law.map(fitted),
            why: law::why_not(scaling, "these figures"),
            points: speeds.iter().map(point).collect(),
        }
    }
}

fn figure(found: Estimate) -> Figure {
    Figure { value: found.value, low: found.low, high: found.high }
}

fn fitted(law: &Law) -> Fitted {
    let most = f64::from(law.ratios.last().map_or(1, |&(workers, _)| workers));
    Fitted {
        name: match law.kind {
            Kind::Amdahl => "amdahl",
            Kind::Universal => "universal",
        },
        contention: figure(law.contention()),
        coherency: figure(law.coherency()),
        one: figure(law.estimate(|curve| curve.one)),
        residual: law.residual,
        peak: law.peak().map(figure),
        doubling: figure(law.estimate(|curve| curve.at(2.0 * most) / curve.at(most))),
    }
}

/// As text that ends in a line break: the answer, the law, the table.
pub fn fit(speeds: &[Speed], scaling: &Scaling, effect: f64, options: &Options) -> String {
    let shown = Fit::of(speeds, scaling, effect);
    let mut text = String::new();
    let mut say = |sentence: &str, ink: Ink| {
        let lines = wrap(sentence, options.width.saturating_sub(2), 0);
        text.extend(lines.lines().map(|line| format!("  {}\n", ink.paint(line, options))));
    };
    if let Some(found) = shown.best {
        say(&answer(&found), Ink::Bold);
    }
    match (scaling, &shown.law) {
        (Scaling::Fits(found), Some(fitted)) => {
            say(&format!("It {}.", law::describe(found, found.peak())), Ink::Plain);
            say(&doubling(found, fitted), Ink::Plain);
        }
        _ => say(&shown.why.clone().unwrap_or_default(), Ink::Plain),
    }
    text.push('\n');
    text.push_str(&columns::render(&table(&shown), options));
    if options.ascii { to_ascii(&text) } else { text }
}

fn answer(found: &Workers) -> String {
    let range = match found.fewest == found.most {
        true => String::new(),
        false => format!(" ({} to {} cannot be told from it)", found.fewest, found.most),
    };
    match found.enough {
        Some(enough) => format!(
            "Use {}: as good as {}, where throughput is highest{range}.",
            plural(enough.into(), "worker"),
            found.workers
        ),
        None => {
            format!("Use {}: throughput is highest{range}.", plural(found.workers.into(), "worker"))
        }
    }
}

fn doubling(law: &Law, found: &Fitted) -> String {
    let most = law.ratios.last().map_or(1, |&(workers, _)| workers);
    format!(
        "Extrapolated: {} workers would bring {} of what {most} do ({} to {}).",
        2 * most,
        ratio(found.doubling.value),
        ratio(found.doubling.low),
        ratio(found.doubling.high)
    )
}

fn table(shown: &Fit) -> Vec<Column> {
    let most = shown.points.iter().map(|point| point.rate).fold(0.0, f64::max);
    let column = |title, number, cell: &dyn Fn(&Measured) -> String| {
        let cells = shown.points.iter().map(|point| (cell(point), Ink::Plain)).collect();
        Column { cells, ..Column::new(title, number, 0) }
    };
    let mut columns = Vec::from([
        column("workers", true, &|point| point.workers.to_string()),
        column("throughput", true, &|point| significant(point.rate)),
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
    use crate::analyse::scaling;

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
        let text = fit(&spec, &scaling::fit(&spec), 0.03, &Options::default());
        for part in [
            "Use 72 workers: throughput is highest (72 to 144 cannot be told from it).",
            "the Universal Scalability Law with contention 2.8 % (",
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
        let text = fit(&few, &scaling::fit(&few), 0.03, &Options::default());
        expect![[r#"
              Use 2 workers: throughput is highest (1 to 2 cannot be told from it).
              No law of scaling is fitted: 2 numbers of workers were tried, and it takes 4.

            workers  throughput
                  1        10.0  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                  2        19.0  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
        "#]]
        .assert_eq(&text);
        let shown = Fit::of(&few, &scaling::fit(&few), 0.03);
        assert!(shown.law.is_none() && shown.why.is_some());
    }
}
