//! A law of scaling in words, or why none is told: the same for a sweep that was measured and for
//! figures that the user has.

use alloc::format;
use alloc::string::String;

use super::Case;
use crate::analyse::compare::MIN_ROUNDS;
use crate::analyse::scaling::{AMDAHL_POINTS, Best, Estimate, Kind, Law, Scaling, Speed, best};
use crate::analyse::stats;
use crate::analyse::units::{percent, plural, ratio};
use crate::result::{Figure, Fit, Fitted, LawName, Measured, Workers};

/// A limit beyond so many times what was tried is none that anybody meets.
const FAR: f64 = 10.0;

/// What follows from these speeds; `effect`: the smallest difference that is worth a word, as a
/// share; `of`: what they are called in a sentence.
pub fn fit(speeds: &[Speed], scaling: &Scaling, effect: f64, of: &str) -> Fit {
    let law = match scaling {
        Scaling::Fits(law) => Some(law),
        Scaling::TooFew(_) | Scaling::NeitherFits(_) => None,
    };
    let fitted = law.map(fitted);
    let within = |workers: &u32| fitted.as_ref().is_some_and(|law| *workers <= law.most);
    let point = |speed: &Speed| Measured {
        workers: speed.workers,
        rate: stats::median(&speed.rates).unwrap_or(0.0),
        rounds: speed.rates.len() as u32,
        fitted: law
            .filter(|_| within(&speed.workers))
            .map(|law| law.curve.at(f64::from(speed.workers))),
    };
    let told = |Best { workers, fewest, most, enough }| Workers { workers, fewest, most, enough };
    Fit {
        best: best(speeds, law, effect).map(told),
        points: speeds.iter().map(point).collect(),
        why: why_not(scaling, of),
        law: fitted,
    }
}

/// The figure and its bounds.
pub(super) fn figure(found: Estimate) -> Figure {
    Figure { value: found.value, low: found.low, high: found.high }
}

/// What is kept of a law.
pub(super) fn fitted(law: &Law) -> Fitted {
    let most = law.ratios.last().map_or(1, |&(workers, _)| workers);
    let times = f64::from(most);
    Fitted {
        name: match law.kind {
            Kind::Amdahl => LawName::Amdahl,
            Kind::Universal => LawName::Universal,
        },
        contention: figure(law.contention()),
        coherency: figure(law.coherency()),
        one: figure(law.estimate(|curve| curve.one)),
        residual: law.residual,
        most,
        peak: law.peak().filter(|peak| peak.high.is_finite()).map(figure),
        doubling: figure(law.estimate(|curve| curve.at(2.0 * times) / curve.at(times))),
    }
}

/// Why no law is told of this; `None`: one is.
pub fn why_not(scaling: &Scaling, of: &str) -> Option<String> {
    match scaling {
        Scaling::Fits(_) => None,
        Scaling::TooFew(found) => Some(format!(
            "No law of scaling is fitted: {found} numbers of workers were tried, and it takes {AMDAHL_POINTS}."
        )),
        Scaling::NeitherFits(residual) => Some(format!(
            "Neither Amdahl's law nor the Universal Scalability Law describes {of}: the nearer one misses by {}.",
            percent(*residual)
        )),
    }
}

/// `Use 4 workers: as good as 8, where throughput is highest (4 to 16 cannot be told from it)`. Where
/// fewer may be as good and nobody knows, nothing is recommended. `of`: the model, where there are several.
pub fn how_many(found: &Workers, of: Option<&str>) -> String {
    let most = plural(found.workers.into(), "worker");
    if found.enough.is_none() && found.fewest < found.workers {
        let of = of.map_or_else(String::new, |name| format!(" of `{name}`"));
        return format!(
            "Inconclusive: throughput is highest with {most}{of}, but {} to {} cannot be told from it",
            found.fewest, found.most
        );
    }
    let who = of.map_or_else(String::new, |name| format!("`{name}` with "));
    let range = match found.fewest == found.most {
        true => String::new(),
        false => format!(" ({} to {} cannot be told from it)", found.fewest, found.most),
    };
    match found.enough {
        Some(enough) => format!(
            "Use {who}{}: as good as {}, where throughput is highest{range}",
            plural(enough.into(), "worker"),
            found.workers
        ),
        None => format!("Use {who}{most}: throughput is highest{range}"),
    }
}

/// `1.9 × (1.8 to 2.0)`, of times.
pub(super) fn times(found: &Figure) -> String {
    format!("{} ({} to {})", ratio(found.value), ratio(found.low), ratio(found.high))
}

/// `5.1 % (4.8 % to 5.4 %)`, of shares.
pub(super) fn share(found: &Figure) -> String {
    format!("{} ({} to {})", percent(found.value), percent(found.low), percent(found.high))
}

/// A share to three digits, however small it is: crosstalk counts by pairs of workers.
pub fn fine(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = 2 - libm::floor(libm::log10(percent.abs().max(1e-9))) as i32;
    let places = if percent == 0.0 { 0 } else { digits.clamp(0, 9) as usize };
    format!("{percent:.places$} %")
}

/// `follows Amdahl's law with a serial share of 5.1 % (4.8 % to 5.4 %), …`
pub fn describe(law: &Fitted) -> String {
    let misses = percent(law.residual);
    if law.name == LawName::Universal {
        let peak = law.peak.map_or_else(String::new, |peak| {
            format!(
                "; throughput peaks at {} workers ({} to {})",
                libm::round(peak.value),
                libm::floor(peak.low),
                libm::ceil(peak.high)
            )
        });
        return format!(
            "follows the Universal Scalability Law with contention {} and crosstalk {} ({} to {}), missed by {misses}{peak}",
            share(&law.contention),
            fine(law.coherency.value),
            fine(law.coherency.low),
            fine(law.coherency.high)
        );
    }
    // The most that any number of workers brings.
    let Figure { value, low, high } = law.contention;
    let limit = Figure { value: 1.0 / value, low: 1.0 / high, high: 1.0 / low };
    let limit = match limit {
        limit if limit.low > FAR * f64::from(law.most) => {
            "no limit is seen near what was tried".into()
        }
        limit if limit.high.is_finite() => {
            format!("no number of workers makes it more than {} as fast as one", times(&limit))
        }
        limit => format!("if there is a limit, it is above {} of one worker", ratio(limit.low)),
    };
    format!(
        "follows Amdahl's law with a serial share of {}, missed by {misses}: {limit}",
        share(&law.contention)
    )
}

/// What twice as many workers would bring, marked as what it is.
pub fn doubling(law: &Fitted) -> String {
    format!(
        "Extrapolated: {} workers would bring {} of what {} do",
        2 * law.most,
        times(&law.doubling),
        law.most
    )
}

/// Why no law is fitted to computing on few processors.
pub(super) fn beyond(case: &Case<'_>, within: usize) -> String {
    format!(
        "No law of scaling is fitted: beyond the {} processors of this machine computing cannot gain, and {within} of the numbers of workers are within them; it takes {AMDAHL_POINTS}.",
        case.cores()
    )
}

/// Fewer than three undisturbed rounds, in words.
pub(super) fn disturbed(name: &str) -> String {
    format!(
        "No law of scaling is fitted to `{name}`: fewer than {MIN_ROUNDS} rounds were undisturbed under all numbers of workers."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_workers_is_recommended_where_it_is_told_from_fewer() {
        let found = |fewest, most, enough| Workers { workers: 91, fewest, most, enough };
        let told = |found: &Workers| how_many(found, None);
        let nobody = told(&found(1, 128, None));
        assert!(nobody.starts_with("Inconclusive") && nobody.contains("1 to 128"), "{nobody}");
        assert!(told(&found(91, 128, None)).starts_with("Use 91 workers: throughput is highest ("));
        assert!(told(&found(1, 128, Some(2))).starts_with("Use 2 workers: as good as 91"));
        let named = how_many(&found(1, 128, Some(2)), Some("threads"));
        assert!(named.starts_with("Use `threads` with 2 workers"), "{named}");
    }
}
