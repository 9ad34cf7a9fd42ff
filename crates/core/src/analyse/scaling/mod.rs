//! What a sweep over numbers of workers says: how much of the work is serial, how much workers get
//! in each other's way, where more of them stop paying. Fits what was measured, says how sure each
//! figure is, and refuses to speak of what was not measured, or fits no law. The main entrance is
//! [`fit`].
//!
//! **Intervals.** Rounds that ran side by side are drawn again together (Efron & Tibshirani 1993,
//! ch. 6), the curve is fitted to each draw, and the interval is the wider of percentiles and of
//! Student's t on the spread of the draws, for percentiles of few rounds are too narrow. Of a
//! single round per number of workers the residuals are drawn again instead (ch. 9.5).

mod best;
mod curve;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

pub use self::best::{Best, best};
pub use self::curve::Curve;
use self::curve::Point;
use super::stats::{self, Confidence};

/// Fewest numbers of workers for a law of two coefficients.
pub const AMDAHL_POINTS: usize = 4;
/// Fewest for the three of the Universal Scalability Law (Gunther advises six).
pub const USL_POINTS: usize = 6;
/// A curve that misses by more than this describes nothing.
const GOOD_FIT: f64 = 0.1;
/// Draws of the bootstrap.
const DRAWS: usize = 400;
/// Always the same, so that the same data give the same intervals.
const SEED: u64 = 0x7363_616c_696e_6721;

/// How fast it went with so many workers, in any unit that is the same for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    pub workers: u32,
    /// Round by round; those of one place ran side by side. All above zero.
    pub rates: Vec<f64>,
}

/// A figure and the bounds of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What came of fitting.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    Fits(Law),
    /// Fewer than [`AMDAHL_POINTS`] different numbers of workers: this many.
    TooFew(usize),
    /// Neither law comes nearer than this share.
    NeitherFits(f64),
}

/// Which law it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Amdahl's: crosstalk was not seen, or cannot be from so few numbers of workers.
    Amdahl,
    /// The Universal Scalability Law: crosstalk is above zero.
    Universal,
}

/// A law with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    pub kind: Kind,
    pub curve: Curve,
    /// Root of the mean square of errors, as a share of the mean throughput.
    pub residual: f64,
    /// By number of workers: measured ÷ fitted.
    pub ratios: Vec<(u32, f64)>,
    draws: Vec<Curve>,
    /// Independent rounds (or points) beyond the first.
    freedom: usize,
}

/// Fits a law to these speeds. Workers that stand twice count once, the first time.
pub fn fit(speeds: &[Speed]) -> Scaling {
    let mut speeds: Vec<&Speed> = speeds
        .iter()
        .filter(|one| one.workers > 0 && one.rates.iter().any(|rate| *rate > 0.0))
        .collect();
    speeds.sort_by_key(|one| one.workers);
    speeds.dedup_by_key(|one| one.workers);
    if speeds.len() < AMDAHL_POINTS {
        return Scaling::TooFew(speeds.len());
    }
    let points = middle(&speeds, None);
    let enough = speeds.len() >= USL_POINTS;
    let universal = enough.then(|| Law::new(&speeds, &points, Kind::Universal)).flatten();
    let universal = universal.filter(|law| law.coherency().low > 0.0);
    let Some(law) = universal.or_else(|| Law::new(&speeds, &points, Kind::Amdahl)) else {
        return Scaling::NeitherFits(f64::INFINITY);
    };
    if law.residual > GOOD_FIT { Scaling::NeitherFits(law.residual) } else { Scaling::Fits(law) }
}

impl Law {
    fn new(speeds: &[&Speed], points: &[Point], kind: Kind) -> Option<Self> {
        let coherency = kind == Kind::Universal;
        let curve = Curve::fit(points, coherency)?;
        let rounds = speeds.iter().map(|one| one.rates.len()).min().unwrap_or(0);
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let draw = |_| {
            let drawn = match rounds {
                0 | 1 => with_residuals(&curve, points, coherency, &mut random),
                _ => {
                    let pick: Vec<usize> =
                        (0..rounds).map(|_| stats::below(&mut random, rounds)).collect();
                    middle(speeds, Some(&pick))
                }
            };
            Curve::fit(&drawn, coherency)
        };
        let draws: Vec<Curve> = (0..DRAWS).filter_map(draw).collect();
        let ratio = |(speed, &(n, rate)): (&&Speed, &Point)| (speed.workers, rate / curve.at(n));
        Some(Self {
            kind,
            curve,
            residual: curve.residual(points),
            ratios: speeds.iter().zip(points).map(ratio).collect(),
            draws,
            freedom: if rounds > 1 { rounds - 1 } else { points.len() - 2 },
        })
    }

    /// Any figure that follows from a curve, with its interval.
    pub fn estimate(&self, figure: impl Fn(&Curve) -> f64) -> Estimate {
        let value = figure(&self.curve);
        let mut drawn: Vec<f64> = self.draws.iter().map(&figure).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let at = |share| stats::quantile(&drawn, share).unwrap_or(value);
        let (low, high) = (at(0.025), at(0.975));
        let spread = stats::deviation(&drawn).unwrap_or(0.0);
        let freedom = self.freedom.max(1) as f64;
        let half =
            Confidence::P95.student(self.freedom) * spread * libm::sqrt((freedom + 1.0) / freedom);
        let half = if half.is_finite() { half } else { 0.0 };
        Estimate { value, low: low.min(value - half), high: high.max(value + half) }
    }

    /// σ, the serial share under Amdahl's law: 0 to 1.
    pub fn contention(&self) -> Estimate {
        self.estimate(|curve| curve.contention).at_least(0.0)
    }

    /// κ, crosstalk; zero under Amdahl's law.
    pub fn coherency(&self) -> Estimate {
        let found = self.estimate(|curve| curve.coherency);
        Estimate { low: found.low.max(0.0), ..found }
    }

    /// How many times as fast as one worker so many are.
    pub fn speedup(&self, workers: f64) -> Estimate {
        self.estimate(|curve| curve.at(workers) / curve.one).at_least(0.0)
    }

    /// With how many workers throughput is highest; `None` where it is not seen to fall again
    /// within twice as many as were tried.
    pub fn peak(&self) -> Option<Estimate> {
        let most = f64::from(self.ratios.last()?.0);
        let found = self.estimate(Curve::peak).at_least(1.0);
        (self.kind == Kind::Universal && found.value <= 2.0 * most).then_some(found)
    }
}

impl Estimate {
    fn at_least(self, least: f64) -> Self {
        Self { low: self.low.max(least), high: self.high.max(least), ..self }
    }
}

/// The median by number of workers, over these rounds or over all.
fn middle(speeds: &[&Speed], rounds: Option<&[usize]>) -> Vec<Point> {
    let point = |speed: &&Speed| {
        let rates: Vec<f64> = match rounds {
            None => speed.rates.clone(),
            Some(rounds) => rounds.iter().map(|&round| speed.rates[round]).collect(),
        };
        (f64::from(speed.workers), stats::median(&rates).unwrap_or(f64::NAN))
    };
    speeds.iter().map(point).collect()
}

/// The curve, each point off by what some other one was, stretched by what fitting took away.
fn with_residuals(
    curve: &Curve,
    points: &[Point],
    coherency: bool,
    random: &mut ChaCha8Rng,
) -> Vec<Point> {
    let (count, fitted) = (points.len() as f64, if coherency { 3.0 } else { 2.0 });
    let stretch = libm::sqrt(count / (count - fitted).max(1.0));
    let residual = |&(n, rate): &Point| (rate - curve.at(n)) * stretch;
    let residuals: Vec<f64> = points.iter().map(residual).collect();
    let moved = |&(n, _): &Point| {
        let off = residuals[stats::below(random, residuals.len())];
        (n, (curve.at(n) + off).max(curve.at(n) / 100.0))
    };
    points.iter().map(moved).collect()
}
