//! A law of scaling in words, or why none is told: the same for a sweep that was measured and for
//! figures that the user has.

use alloc::format;
use alloc::string::String;

use crate::analyse::scaling::{AMDAHL_POINTS, Estimate, Kind, Law, Scaling};
use crate::analyse::units::{percent, ratio};

/// A limit beyond so many times what was tried is none that anybody meets.
const FAR: f64 = 10.0;

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

/// `follows Amdahl's law with a serial share of 5.1 % (4.8 % to 5.4 %), …`; `peak`: if it may be
/// told.
pub fn describe(law: &Law, peak: Option<Estimate>) -> String {
    let share = |found: Estimate| {
        format!("{} ({} to {})", percent(found.value), percent(found.low), percent(found.high))
    };
    let serial = law.contention();
    let misses = percent(law.residual);
    if law.kind == Kind::Universal {
        let peak = peak.map_or_else(String::new, |peak| {
            format!(
                "; throughput peaks at {} workers ({} to {})",
                libm::round(peak.value),
                libm::floor(peak.low),
                libm::ceil(peak.high)
            )
        });
        return format!(
            "follows the Universal Scalability Law with contention {} and crosstalk {}, missed by {misses}{peak}",
            share(serial),
            share(law.coherency())
        );
    }
    let tried = law.ratios.last().map_or(1, |&(workers, _)| workers);
    let limit = match law.limit() {
        limit if limit.low > FAR * f64::from(tried) => {
            "no limit is seen near what was tried".into()
        }
        limit if limit.high.is_finite() => format!(
            "no number of workers makes it more than {} as fast as one ({} to {})",
            ratio(limit.value),
            ratio(limit.low),
            ratio(limit.high)
        ),
        limit => format!("if there is a limit, it is above {} of one worker", ratio(limit.low)),
    };
    format!(
        "follows Amdahl's law with a serial share of {}, missed by {misses}: {limit}",
        share(serial)
    )
}
