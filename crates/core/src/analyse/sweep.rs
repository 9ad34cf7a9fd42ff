//! Contestants that differ only in how many workers they have: how fast each was, round by round,
//! what the speed-up says of the serial share, and what more of them take of memory. Fits no law
//! ([`super::scaling`] does) and says nothing ([`super::advice`] does).

use alloc::vec::Vec;

use maitred_wire::Model;

use super::compare::{self, MIN_ROUNDS};
use super::scaling::Speed;
use super::stats::{self, Confidence};
use crate::result::{Comparison, Figure, Run, Serial};

/// Of these contestants those with workers that differ in nothing else, two at least: the model
/// without a number of workers, and who they are, fewest workers first.
pub fn groups(
    comparison: &Comparison,
    among: impl IntoIterator<Item = usize>,
) -> Vec<(Model, Vec<usize>)> {
    let workers = |index: usize| comparison.contestants[index].workers;
    let mut groups: Vec<(Model, Vec<usize>)> = Vec::new();
    for index in among {
        let model = &comparison.contestants[index].model;
        if !model.strategy.has_workers() {
            continue;
        }
        let model = Model { workers: None, ..model.clone() };
        match groups.iter_mut().find(|(known, _)| *known == model) {
            Some((_, members)) => members.push(index),
            None => groups.push((model, Vec::from([index]))),
        }
    }
    for (_, members) in &mut groups {
        members.sort_by_key(|&index| workers(index));
        members.dedup_by_key(|index| workers(*index));
    }
    groups.retain(|(_, members)| members.len() > 1);
    groups
}

/// Who is ranked, in the order in which they were named.
pub fn ranked(comparison: &Comparison) -> impl Iterator<Item = usize> {
    let all = comparison.contestants.iter().enumerate();
    all.filter(|(_, one)| one.unranked.is_none() && one.summary.is_some()).map(|(index, _)| index)
}

/// Tasks per second by round, of the rounds that each of these ended; `None`: fewer than
/// [`MIN_ROUNDS`] were undisturbed under all of them.
pub fn clean_speeds(comparison: &Comparison, members: &[usize]) -> Option<Vec<Speed>> {
    let speeds = speeds(comparison, members, |run| run.noise.dirty.is_none());
    let enough = speeds.iter().all(|speed| speed.rates.len() >= MIN_ROUNDS);
    (enough && !speeds.is_empty()).then_some(speeds)
}

/// The same, of all rounds if too few were undisturbed.
pub fn any_speeds(comparison: &Comparison, members: &[usize]) -> Vec<Speed> {
    clean_speeds(comparison, members).unwrap_or_else(|| speeds(comparison, members, |_| true))
}

fn speeds(comparison: &Comparison, members: &[usize], counts: impl Fn(&Run) -> bool) -> Vec<Speed> {
    let rate = |index: usize, round: u32| {
        let run = comparison.contestants[index].runs.iter().find(|run| run.round == round)?;
        let good = counts(run) && compare::disqualifies(run).is_none() && run.tasks.done > 0;
        good.then(|| run.tasks.done as f64 * 1e9 / run.work_ns.max(1) as f64)
    };
    let Some(&first) = members.first() else { return Vec::new() };
    let all = |round: &u32| members.iter().all(|&index| rate(index, *round).is_some());
    let runs = &comparison.contestants[first].runs;
    let rounds: Vec<u32> = runs.iter().map(|run| run.round).filter(all).collect();
    let speed = |&index: &usize| Speed {
        workers: comparison.contestants[index].workers,
        rates: rounds.iter().filter_map(|&round| rate(index, round)).collect(),
    };
    members.iter().map(speed).collect()
}

/// How full the turns are in which equal tasks are done by so many workers, one each at a time: 1
/// where they divide evenly, else less, for in the last turn some workers have nothing to do.
pub fn evenness(tasks: u64, workers: u32) -> f64 {
    let workers = u64::from(workers.max(1)).min(tasks.max(1));
    tasks.max(1) as f64 / (workers * tasks.max(1).div_ceil(workers)) as f64
}

/// What the speed-up of as many workers as there are `processors` over one worker says of the
/// serial share, where both are among `speeds`.
pub fn serial(speeds: &[Speed], processors: u32) -> Option<Serial> {
    let of = |workers: u32| speeds.iter().find(|speed| speed.workers == workers);
    let (one, all) = (of(1)?, of(processors).filter(|_| processors > 1)?);
    let ratios: Vec<f64> = one.rates.iter().zip(&all.rates).map(|(one, all)| all / one).collect();
    let speedup = stats::median_interval(&ratios, Confidence::P95)?;
    if ratios.len() < MIN_ROUNDS {
        return None;
    }
    let workers = f64::from(processors);
    let share =
        |speedup: f64| ((1.0 / speedup - 1.0 / workers) / (1.0 - 1.0 / workers)).clamp(0.0, 1.0);
    Some(Serial {
        workers: processors,
        speedup: Figure { value: speedup.median, low: speedup.low, high: speedup.high },
        share: Figure {
            value: share(speedup.median),
            low: share(speedup.high),
            high: share(speedup.low),
        },
    })
}

/// By how many bytes each more worker raises the peak of memory: the slope of least squares over
/// numbers of workers in each round, the mean of these and Student's interval around it.
pub fn memory(comparison: &Comparison, members: &[usize]) -> Option<Figure> {
    let first = &comparison.contestants[*members.first()?];
    let slopes: Vec<f64> =
        first.runs.iter().filter_map(|run| slope(comparison, members, run.round)).collect();
    if slopes.len() < MIN_ROUNDS {
        return None;
    }
    let count = slopes.len() as f64;
    let mean = slopes.iter().sum::<f64>() / count;
    let error = stats::deviation(&slopes)? / libm::sqrt(count);
    let half = Confidence::P95.student(slopes.len() - 1) * error;
    Some(Figure { value: mean, low: mean - half, high: mean + half })
}

fn slope(comparison: &Comparison, members: &[usize], round: u32) -> Option<f64> {
    let point = |&index: &usize| {
        let one = &comparison.contestants[index];
        let run = one.runs.iter().find(|run| run.round == round)?;
        Some((f64::from(one.workers), run.memory.known()?.bytes as f64))
    };
    let points: Vec<(f64, f64)> = members.iter().map(point).collect::<Option<_>>()?;
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let square: f64 = points.iter().map(|point| (point.0 - x) * (point.0 - x)).sum();
    (square > 0.0).then(|| both / square)
}

#[cfg(test)]
mod tests {
    use maitred_wire::Strategy::ThreadPool;

    use super::*;
    use crate::analyse::sample;
    use crate::trace::sample::tables;
    use crate::trace::{Observed, PeakMemory};

    fn speed(workers: u32, rates: &[f64]) -> Speed {
        Speed { workers, rates: rates.into() }
    }

    #[test]
    fn equal_tasks_fill_their_turns_where_they_divide() {
        for (tasks, workers, even) in
            [(24, 8, 1.0), (10, 4, 10.0 / 12.0), (10, 20, 1.0), (7, 1, 1.0)]
        {
            assert!((evenness(tasks, workers) - even).abs() < 1e-12, "{tasks} by {workers}");
        }
    }

    #[test]
    fn the_serial_share_is_what_amdahl_would_need() {
        // With a fifth serial, 4 workers are 1 / (0.2 + 0.8 / 4) = 2.5 times as fast.
        let speeds = [speed(1, &[10.0; 8]), speed(2, &[16.0; 8]), speed(4, &[25.0; 8])];
        let found = serial(&speeds, 4).unwrap();
        assert!((found.share.value - 0.2).abs() < 1e-9, "{found:?}");
        assert!((found.share.high - found.share.low).abs() < 1e-9, "{found:?}");
        assert!(serial(&speeds, 8).is_none() && serial(&speeds[1..], 4).is_none());
        let once: Vec<Speed> =
            speeds.iter().map(|one| speed(one.workers, &one.rates[..1])).collect();
        assert!(serial(&once, 4).is_none(), "one round tells nothing");
    }

    #[test]
    fn each_worker_costs_what_the_slope_says() {
        let models = [1, 2, 4].map(|workers| (ThreadPool, Some(workers)));
        let mut comparison = sample::compared(&tables(5, 1), &models, 4);
        for one in &mut comparison.contestants {
            for run in &mut one.runs {
                let bytes = 7_000 + 1_000 * u64::from(one.workers) + u64::from(run.round % 2);
                run.memory = Observed::Known(PeakMemory { bytes, ..*run.memory.known().unwrap() });
            }
        }
        let all: Vec<usize> = ranked(&comparison).collect();
        let groups = groups(&comparison, all);
        assert_eq!(groups.len(), 1, "{groups:?}");
        let found = memory(&comparison, &groups[0].1).unwrap();
        assert!((found.value - 1_000.0).abs() < 1.0, "{found:?}");
        comparison.contestants[0].runs[0].memory = Observed::Unknown("no PSS".into());
        assert!(memory(&comparison, &groups[0].1).is_some(), "three rounds are left");
        comparison.contestants[0].runs.truncate(3);
        assert!(memory(&comparison, &groups[0].1).is_none());
    }
}
