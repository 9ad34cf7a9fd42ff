//! Curves whose coefficients are known, with noise and without; and figures that others published.

use alloc::vec::Vec;
use std::format;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::*;

/// So many workers, the rate of each once.
fn once(points: &[(u32, f64)]) -> Vec<Speed> {
    let speed = |&(workers, rate): &(u32, f64)| Speed { workers, rates: Vec::from([rate]) };
    points.iter().map(speed).collect()
}

fn exact(workers: &[u32], curve: Curve) -> Vec<Speed> {
    let point = |&workers: &u32| (workers, curve.at(f64::from(workers)));
    once(&workers.iter().map(point).collect::<Vec<_>>())
}

fn law(speeds: &[Speed]) -> Law {
    match fit(speeds) {
        Scaling::Fits(law) => law,
        other => panic!("no law: {other:?}"),
    }
}

/// A normal deviate, by twelve uniform ones.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.next_u32() as f64 / f64::from(u32::MAX)).sum::<f64>() - 6.0
}

/// Rounds in which all are stretched alike by 2 %, each by 1.5 % more, and now and then one by a
/// tenth.
fn noisy(workers: &[u32], curve: Curve, rounds: usize, random: &mut ChaCha8Rng) -> Vec<Speed> {
    let together: Vec<f64> = (0..rounds).map(|_| 1.0 + 0.02 * normal(random)).collect();
    let mut rate = |workers: u32, together: f64| {
        let hit = if random.next_u32().is_multiple_of(20) { 0.9 } else { 1.0 };
        curve.at(f64::from(workers)) * together * (1.0 + 0.015 * normal(random)) * hit
    };
    workers
        .iter()
        .map(|&workers| Speed {
            workers,
            rates: together.iter().map(|&together| rate(workers, together)).collect(),
        })
        .collect()
}

#[test]
fn too_few_numbers_of_workers_say_nothing() {
    let curve = Curve { one: 8.0, ..Curve::default() };
    assert_eq!(fit(&exact(&[1, 2, 3], curve)), Scaling::TooFew(3));
    assert_eq!(fit(&exact(&[1, 2, 3, 3], curve)), Scaling::TooFew(3), "three different ones");
    assert_eq!(fit(&[]), Scaling::TooFew(0));
    assert!(matches!(fit(&exact(&[1, 2, 3, 4], curve)), Scaling::Fits(_)));
}

#[test]
fn what_follows_no_law_is_said_to() {
    let zigzag = [(1, 10.0), (2, 4.0), (3, 30.0), (4, 6.0), (6, 55.0), (8, 9.0)];
    assert!(matches!(fit(&once(&zigzag)), Scaling::NeitherFits(residual) if residual > 0.1));
}

#[test]
fn coefficients_without_noise_are_found_again() {
    for (contention, coherency) in [(0.0, 0.0), (0.2, 0.0), (0.05, 0.01), (0.0, 0.003), (1.0, 0.0)]
    {
        let curve = Curve { one: 3.5, contention, coherency };
        let found = law(&exact(&[1, 2, 3, 4, 6, 8, 16], curve));
        let near = |one: f64, other: f64| (one - other).abs() < 1e-6;
        let close =
            near(found.curve.contention, contention) && near(found.curve.coherency, coherency);
        assert!(close && found.residual < 1e-6, "{curve:?} {:?}", found.curve);
    }
}

#[test]
fn a_peak_is_told_where_throughput_falls_again_and_only_there() {
    let turning = Curve { one: 1.0, contention: 0.05, coherency: 0.01 };
    let found = law(&exact(&[1, 2, 4, 8, 12, 16], turning));
    let peak = found.peak().unwrap();
    assert!((peak.value - 9.747).abs() < 0.01, "√(0.95 ÷ 0.01) = 9.747, not {peak:?}");
    let growing = Curve { coherency: 0.0, ..turning };
    let found = law(&exact(&[1, 2, 4, 8, 12, 16], growing));
    assert_eq!((found.kind, found.peak()), (Kind::Amdahl, None));
    let serial = found.contention();
    assert!((serial.value - 0.05).abs() < 1e-5, "at most 20 times as fast: {serial:?}");
}

/// Twenty runs of a sweep for each serial share: the truth lies in the interval of 18 or more.
#[test]
#[ignore = "slow: a sweep"]
fn planted_serial_shares_lie_within_their_intervals() {
    for serial in [0.0, 0.05, 0.2, 0.5] {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let curve = Curve { one: 40.0, contention: serial, coherency: 0.0 };
        let mut covered = 0;
        let mut widest: f64 = 0.0;
        for _ in 0..20 {
            let found = fit(&noisy(&[1, 2, 3, 4, 6, 8], curve, 6, &mut random));
            let Scaling::Fits(law) = found else { continue };
            let share = law.contention();
            covered += u32::from(share.low <= serial && serial <= share.high);
            widest = widest.max(share.high - share.low);
        }
        assert!(covered >= 18, "{covered} of 20 for {serial}");
        assert!(widest < 0.25, "an interval of {widest} for {serial} says nothing");
    }
}

#[test]
fn the_interval_is_missed_by_what_was_not_planted() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let curve = Curve { one: 40.0, contention: 0.2, coherency: 0.0 };
    let share = law(&noisy(&[1, 2, 3, 4, 6, 8], curve, 8, &mut random)).contention();
    assert!(share.low > 0.05 && share.high < 0.5, "{share:?}");
}

/// The two data sets of Gunther's "Guerrilla Capacity Planning" (2007) that come with R's package
/// `usl`; coefficients by scipy's
/// `optimize.least_squares` with bounds at zero, from twelve starting points.
#[test]
fn published_figures_give_the_published_law() {
    let sets = [
        (
            // SPEC SDM91: scripts an hour by load.
            &[
                (1, 64.9),
                (18, 995.9),
                (36, 1652.4),
                (72, 1853.2),
                (108, 1828.9),
                (144, 1775.0),
                (216, 1702.2),
            ][..],
            [89.995_139_632, 0.027_728_392_683, 0.000_104_365_732],
        ),
        (
            // A ray tracer on an SGI Origin 2000: rays a second by processors.
            &[
                (1, 20.0),
                (4, 78.0),
                (8, 130.0),
                (12, 170.0),
                (16, 190.0),
                (20, 200.0),
                (24, 210.0),
                (28, 230.0),
                (32, 260.0),
                (48, 280.0),
                (64, 310.0),
            ][..],
            [21.848_842_901, 0.057_770_780_897, 0.0],
        ),
    ];
    for (points, [one, contention, coherency]) in sets {
        let points: Vec<Point> = points.iter().map(|&(n, x)| (f64::from(n), x)).collect();
        let found = Curve::fit(&points, true).unwrap();
        for (found, expected) in
            [(found.one, one), (found.contention, contention), (found.coherency, coherency)]
        {
            let digits = format!("{found:.2e}") == format!("{expected:.2e}");
            assert!(digits, "{found} is not {expected} to three digits");
        }
    }
}
