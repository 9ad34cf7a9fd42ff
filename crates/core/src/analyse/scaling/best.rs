//! The best number of workers, and the smallest that is as good: from rounds that ran side by side
//! where there are some, else from the law. The main type is [`Best`].

use alloc::vec::Vec;

use super::{Law, Speed};
use crate::analyse::compare;
use crate::analyse::stats::{self, Confidence};
use crate::result::Verdict;

/// How many workers to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// The one with the highest throughput.
    pub workers: u32,
    /// The fewest and the most that cannot be told to be worse.
    pub fewest: u32,
    pub most: u32,
    /// The fewest that are told to be as good; `None`: fewer than the best can be told from it, or
    /// nothing can be said.
    pub enough: Option<u32>,
}

/// `effect`: the smallest difference that is worth a word, as a share. `None` of nothing.
pub fn best(speeds: &[Speed], law: Option<&Law>, effect: f64) -> Option<Best> {
    let median = |speed: &Speed| stats::median(&speed.rates).unwrap_or(0.0);
    let top = speeds.iter().max_by(|one, other| median(one).total_cmp(&median(other)))?;
    let against = |speed: &Speed| {
        if speed.workers == top.workers {
            return Verdict::Same;
        }
        let rounds = speed.rates.iter().zip(&top.rates);
        let ratios: Vec<f64> = rounds.map(|(own, best)| best / own).collect();
        match (stats::median_interval(&ratios, Confidence::P95), law) {
            (Some(interval), _) if ratios.len() >= compare::MIN_ROUNDS => {
                compare::verdict(&interval, ratios.len(), effect, Confidence::P95)
            }
            // One figure for each: the law has less noise than any of them.
            (_, Some(law)) => {
                let [own, best] = [speed, top].map(|one| law.curve.at(f64::from(one.workers)));
                if best <= (1.0 + effect) * own { Verdict::Same } else { Verdict::Slower }
            }
            _ => Verdict::Inconclusive,
        }
    };
    let judged: Vec<(u32, Verdict)> =
        speeds.iter().map(|speed| (speed.workers, against(speed))).collect();
    let open = || judged.iter().filter(|(_, verdict)| *verdict != Verdict::Slower);
    let same = judged.iter().filter(|(_, verdict)| *verdict == Verdict::Same);
    Some(Best {
        workers: top.workers,
        fewest: open().map(|(workers, _)| *workers).min()?,
        most: open().map(|(workers, _)| *workers).max()?,
        enough: same.map(|(workers, _)| *workers).min().filter(|&workers| workers < top.workers),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Scaling, fit};
    use super::*;

    /// Throughput by number of workers, in eight rounds that differ by one part in a hundred.
    fn speeds(points: &[(u32, f64)]) -> Vec<Speed> {
        let rates =
            |rate: f64| (0..8).map(|round| rate * (1.0 + 0.01 * f64::from(round % 2))).collect();
        points.iter().map(|&(workers, rate)| Speed { workers, rates: rates(rate) }).collect()
    }

    #[test]
    fn fewer_workers_that_are_as_good_are_enough() {
        let found =
            best(&speeds(&[(1, 10.0), (2, 19.8), (4, 20.0), (8, 19.9)]), None, 0.03).unwrap();
        let expected = Best { workers: 4, fewest: 2, most: 8, enough: Some(2) };
        assert_eq!(found, expected);
    }

    #[test]
    fn where_each_more_gains_the_most_is_the_best() {
        let found = best(&speeds(&[(1, 10.0), (2, 19.0), (4, 36.0)]), None, 0.03).unwrap();
        assert_eq!(found, Best { workers: 4, fewest: 4, most: 4, enough: None });
    }

    #[test]
    fn of_single_figures_the_law_tells() {
        let points = [(1, 10.0), (2, 19.8), (4, 20.4), (8, 20.5), (16, 20.6)];
        let mut once = speeds(&points);
        once.iter_mut().for_each(|speed| speed.rates.truncate(1));
        let unknown = best(&once, None, 0.03).unwrap();
        assert_eq!((unknown.fewest, unknown.most, unknown.enough), (1, 16, None));
        let mut smooth = once.clone();
        let rate = |n: f64| 10.0 * n / (1.0 + 0.5 * (n - 1.0));
        smooth.iter_mut().for_each(|one| one.rates = [rate(f64::from(one.workers))].into());
        let Scaling::Fits(law) = fit(&smooth) else { panic!("no law") };
        let found = best(&smooth, Some(&law), 0.1).unwrap();
        assert_eq!((found.workers, found.fewest), (16, 8), "at 8 workers it is within a tenth");
    }
}
