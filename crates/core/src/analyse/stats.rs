//! Medians, quantiles and what can be said of them from few rounds. Knows nothing of models.
//!
//! **The interval of a median.** Two kinds of evidence are combined, the wider bound winning:
//!
//! - *Order* (the sign test): the true median lies between the k-th smallest and k-th largest of
//!   n independent values with a probability that is plain binomial arithmetic, whatever the
//!   distribution (David & Nagaraja, Order Statistics, §7.1).
//! - *Percentile bootstrap* (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).
//!   Alone it is too narrow when values are few.
//!
//! Below [`enough`] values (6 for 95 %, 8 for 99 %) even smallest-to-largest covers the median
//! less often than promised: no distribution-free interval exists. There the interval is
//! Student's t on logarithms, together with the whole range of values: sound where times scatter
//! by a factor and roughly symmetrically, which cannot be checked with so few. So whoever judges
//! by it has to demand a margin besides; see [`super::compare`].

use alloc::vec::Vec;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Resamples of a bootstrap: the end points of a 99 % interval then still rest on ten of them.
const RESAMPLES: usize = 2000;
/// Always the same, so that the same data give the same interval on every machine and day.
const SEED: u64 = 0x6d61_6974_7265_6421;

/// Of so many values a bootstrap of their median is about as wide as it says.
const PLENTY: usize = 20;

/// How often an interval made this way covers the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    P95,
    P99,
}

/// A median and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Confidence {
    /// How often it does not.
    pub fn alpha(self) -> f64 {
        match self {
            Self::P95 => 0.05,
            Self::P99 => 0.01,
        }
    }

    /// Two-sided quantile of Student's t with 1 to 9 degrees of freedom (any table of t); with
    /// more, that of 9, which is a little wide.
    pub(super) fn student(self, freedom: usize) -> f64 {
        let table = match self {
            Self::P95 => [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262],
            Self::P99 => [63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250],
        };
        table[freedom.clamp(1, 9) - 1]
    }
}

/// How many values an interval needs that holds whatever their distribution: the least n with
/// 2 · 2⁻ⁿ ≤ alpha.
pub fn enough(confidence: Confidence) -> usize {
    match confidence {
        Confidence::P95 => 6,
        Confidence::P99 => 8,
    }
}

/// The middle value, or the mean of the two in the middle; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    (!values.is_empty()).then(|| middle(&mut values))
}

/// The standard deviation of a sample; `None` of fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| libm::sqrt(squares / (count - 1.0)))
}

/// The median of whole numbers, rounded down; `None` of nothing.
pub fn median_u64(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    let (upper, lower) = (values.len() / 2, values.len().checked_sub(1)? / 2);
    Some(values[lower].midpoint(values[upper]))
}

/// The value at a quantile (0 to 1) of sorted values, between two of them by straight line
/// (type 7 of Hyndman & Fan 1996); `None` of nothing.
pub fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let place = at.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let below = libm::floor(place);
    let (low, high) = (sorted[below as usize], sorted[libm::ceil(place) as usize]);
    Some(low + (high - low) * (place - below))
}

/// Exact percentiles by nearest rank (the least value that so many in a thousand do not exceed), by
/// selection and without sorting; one for each of `per_mille`, which ascend. `None` of nothing.
pub fn percentiles<const N: usize>(values: &mut [u64], per_mille: [u32; N]) -> Option<[u64; N]> {
    let count = values.len();
    let last = count.checked_sub(1)?;
    let mut from = 0;
    Some(per_mille.map(|share| {
        let rank = (count as u128 * u128::from(share)).div_ceil(1000) as usize;
        let place = rank.saturating_sub(1).min(last).max(from);
        let (_, found, _) = values[from..].select_nth_unstable(place - from);
        let found = *found;
        from = place;
        found
    }))
}

/// The median of positive values and its interval; `None` of nothing. Of one value the interval
/// is that value, of two it is their range: they say nothing of the next.
pub fn median_interval(values: &[f64], confidence: Confidence) -> Option<Interval> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len();
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let median = middle(&mut sorted);
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = match count {
        1 | 2 => (first, last),
        _ if count < enough(confidence) => student(&sorted, confidence),
        _ => {
            let skip = order_skip(count, confidence.alpha());
            let bootstrap = bootstrap(&sorted, confidence.alpha());
            (sorted[skip].min(bootstrap.0), sorted[count - 1 - skip].max(bootstrap.1))
        }
    };
    Some(Interval { low, median, high })
}

/// The ratio of two medians whose values are no pairs, and its interval: by bootstrap of both (Efron &
/// Tibshirani 1993, ch. 8.3) where there are twenty or more of each, else from the ends of their own
/// intervals, which is wider (Bonferroni). `None` of nothing.
pub fn ratio_interval(values: &[f64], over: &[f64], confidence: Confidence) -> Option<Interval> {
    if values.len().min(over.len()) < PLENTY {
        let one = median_interval(values, confidence)?;
        let other = median_interval(over, confidence)?;
        let median = one.median / other.median;
        return Some(Interval { low: one.low / other.high, median, high: one.high / other.low });
    }
    let median = median(values)? / median(over)?;
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut one, mut other) = (values.to_vec(), over.to_vec());
    let mut draw = || {
        one.fill_with(|| values[below(&mut random, values.len())]);
        other.fill_with(|| over[below(&mut random, over.len())]);
        middle(&mut one) / middle(&mut other)
    };
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let bound = |at| quantile(&ratios, at).unwrap_or(f64::NAN);
    let alpha = confidence.alpha();
    Some(Interval { low: bound(alpha / 2.0), median, high: bound(1.0 - alpha / 2.0) })
}

/// Student's interval on logarithms, and at least the range of the values.
fn student(sorted: &[f64], confidence: Confidence) -> (f64, f64) {
    let logs: Vec<f64> = sorted.iter().map(|value| libm::log(value.max(1e-9))).collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let squares: f64 = logs.iter().map(|log| (log - mean) * (log - mean)).sum();
    let error = libm::sqrt(squares / (count - 1.0) / count);
    let half = confidence.student(logs.len() - 1) * error;
    let low = libm::exp(mean - half).min(sorted[0]);
    let high = libm::exp(mean + half).max(sorted[sorted.len() - 1]);
    (low, high)
}

/// How many values may be left out at either end so that the rest still covers the median with
/// the promised probability: the largest k with P(Binomial(n, ½) ≤ k) ≤ alpha ÷ 2. Beyond 1,000
/// values by the normal approximation.
fn order_skip(count: usize, alpha: f64) -> usize {
    let n = count as f64;
    if count > 1000 {
        let z = if alpha < 0.02 { 2.576 } else { 1.960 };
        return libm::floor(n / 2.0 - z * libm::sqrt(n) / 2.0) as usize - 1;
    }
    let mut term = libm::exp2(-n);
    let mut tail = term;
    let mut skip = 0;
    while tail + term * (n - skip as f64) / (skip as f64 + 1.0) <= alpha / 2.0 {
        term *= (n - skip as f64) / (skip as f64 + 1.0);
        tail += term;
        skip += 1;
    }
    skip
}

/// Of sorted values. A resample is how often each was drawn: its median is found by counting, and
/// nothing has to be sorted again.
fn bootstrap(sorted: &[f64], alpha: f64) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = alloc::vec![0_u32; sorted.len()];
    let mut medians = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        drawn.fill(0);
        for _ in 0..sorted.len() {
            drawn[below(&mut random, sorted.len())] += 1;
        }
        medians.push(middle_of_drawn(sorted, &drawn));
    }
    medians.sort_unstable_by(f64::total_cmp);
    let bound = |at| quantile(&medians, at).unwrap_or(f64::NAN);
    (bound(alpha / 2.0), bound(1.0 - alpha / 2.0))
}

/// The median of a resample that has each of these sorted values so often, and as many as there are.
pub(super) fn middle_of_drawn(sorted: &[f64], drawn: &[u32]) -> f64 {
    let half = sorted.len() / 2;
    let mut places = sorted.iter().zip(drawn).scan(0, |until, (value, times)| {
        *until += *times as usize;
        Some((*value, *until))
    });
    let mut at = |place: usize| places.find(|(_, until)| *until > place);
    match at(if sorted.len().is_multiple_of(2) { half - 1 } else { half }) {
        Some((lower, until)) if until <= half => {
            let upper = at(half).map_or(lower, |(value, _)| value);
            lower + (upper - lower) / 2.0
        }
        Some((value, _)) => value,
        None => f64::NAN,
    }
}

/// An index below `count`, by multiplication; the bias is below `count` ÷ 2⁶⁴.
pub(super) fn below(random: &mut ChaCha8Rng, count: usize) -> usize {
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

/// The median of values that may be reordered; there is at least one.
fn middle(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let (lower, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    if lower.len() > values.len() - 1 - half {
        // An even number: the other middle value is the largest of the lower half.
        let lower = values[..half].iter().copied().fold(f64::MIN, f64::max);
        return lower + (upper - lower) / 2.0;
    }
    upper
}
