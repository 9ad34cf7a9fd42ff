//! What a sweep over numbers of workers says: how much of the work is serial, how much workers
//! get in each other's way, where more of them stop paying. Fits what was measured, and refuses
//! to speak of what was not. The main entrance is [`fit`].
//!
//! Amdahl 1967: `T(n) = T₁ (s + (1 − s)/n)`, serial share s. Gunther's Universal Scalability Law
//! (Guerrilla Capacity Planning, 2007, ch. 4): `n T(n) = T₁ (1 + σ (n − 1) + κ n (n − 1))`,
//! contention σ and coherency κ; throughput peaks at n = √((1 − σ)/κ). Both are linear in their
//! coefficients, so they are fitted by least squares of relative errors, none below zero.

use alloc::vec::Vec;

/// Fewest worker counts for Amdahl's two coefficients.
const AMDAHL_POINTS: usize = 3;
/// Fewest for the three of the USL (Gunther advises six).
const USL_POINTS: usize = 6;

/// The median work time with so many workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub workers: u32,
    pub work_ns: u64,
}

/// The curves that fit best.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    pub amdahl: Amdahl,
    /// With at least six worker counts.
    pub usl: Option<Usl>,
    /// Worker counts beyond the processors that were left out, since computing cannot gain there.
    pub beyond_cores: Vec<u32>,
}

/// Amdahl's law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amdahl {
    /// Time with one worker, by the fit.
    pub one_ns: f64,
    /// Share of it that more workers do not shorten, 0 to 1.
    pub serial: f64,
    /// Root of the mean square of relative errors.
    pub residual: f64,
}

/// The Universal Scalability Law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    pub one_ns: f64,
    /// σ: what workers lose by queueing for something that they share.
    pub contention: f64,
    /// κ: what each pair of workers loses by keeping the other informed.
    pub coherency: f64,
    pub residual: f64,
    /// Where throughput is highest; `None`: not within ten times what was measured.
    pub peak: Option<f64>,
}

/// Fits the curves, where the sweep allows it: at least three worker counts, and of work that
/// computes (`computes`) only those up to `cores`. `None`: it does not.
pub fn fit(points: &[Point], cores: u32, computes: bool) -> Option<Scaling> {
    let mut points: Vec<Point> =
        points.iter().copied().filter(|point| point.workers > 0 && point.work_ns > 0).collect();
    points.sort_by_key(|point| point.workers);
    points.dedup_by_key(|point| point.workers);
    let reach = if computes { cores } else { u32::MAX };
    let beyond = points.iter().map(|point| point.workers).filter(|&workers| workers > reach);
    let beyond_cores: Vec<u32> = beyond.collect();
    points.retain(|point| point.workers <= reach);
    if points.len() < AMDAHL_POINTS {
        return None;
    }
    let amdahl = amdahl(&points)?;
    let usl = if points.len() < USL_POINTS { None } else { usl(&points) };
    Some(Scaling { amdahl, usl, beyond_cores })
}

fn amdahl(points: &[Point]) -> Option<Amdahl> {
    let rows = rows(points, |workers, ns| ([1.0, 1.0 / workers, 0.0], ns));
    let ([fixed, shared, _], residual) = least_squares(&rows, 0)?;
    Some(Amdahl { one_ns: fixed + shared, serial: fixed / (fixed + shared), residual })
}

fn usl(points: &[Point]) -> Option<Usl> {
    let row = |n: f64, ns: f64| ([1.0, n - 1.0, n * (n - 1.0)], n * ns);
    let ([one_ns, sigma, kappa], residual) = least_squares(&rows(points, row), 1)?;
    let (contention, coherency) = (sigma / one_ns, kappa / one_ns);
    let measured = points.last().map_or(1.0, |point| f64::from(point.workers));
    let peak = libm::sqrt((1.0 - contention).max(0.0) / coherency);
    let peak = (peak <= 10.0 * measured).then_some(peak.max(1.0));
    Some(Usl { one_ns, contention, coherency, residual, peak })
}

/// A row of a linear system: coefficients and the value, both divided by the value, so that
/// errors count by their share.
type Row = [f64; 3];

fn rows(points: &[Point], row: impl Fn(f64, f64) -> (Row, f64)) -> Vec<Row> {
    let relative = |point: &Point| {
        let (coefficients, value) = row(f64::from(point.workers), point.work_ns as f64);
        coefficients.map(|coefficient| coefficient / value)
    };
    points.iter().map(relative).collect()
}

/// The non-negative x that brings every row · x nearest to 1, and the root mean square of what
/// is left. Tries every set of coefficients that may be other than zero: there are eight.
/// `always`: a set of those that must be among them, one bit each.
fn least_squares(rows: &[Row], always: u8) -> Option<(Row, f64)> {
    let sets = (1_u8..8).filter(|set| set & always == always);
    sets.filter_map(|set| {
        let solution = solve(rows, set)?;
        let feasible = solution.iter().all(|value| *value >= 0.0 && value.is_finite());
        let error = |row: &Row| {
            let fitted: f64 = row.iter().zip(solution).map(|(a, x)| a * x).sum();
            (fitted - 1.0) * (fitted - 1.0)
        };
        let mean = rows.iter().map(error).sum::<f64>() / rows.len() as f64;
        feasible.then_some((solution, libm::sqrt(mean)))
    })
    .min_by(|one, other| one.1.total_cmp(&other.1))
}

/// Solves the normal equations for the coefficients in `set`, by Gauss elimination with
/// pivoting; the others are zero. `None` where they do not determine it.
fn solve(rows: &[Row], set: u8) -> Option<Row> {
    let wanted: Vec<usize> = (0..3).filter(|index| set & (1 << index) != 0).collect();
    let size = wanted.len();
    // Columns differ by orders of magnitude (nanoseconds squared); scaled, pivots compare.
    let scale = |column: usize| libm::sqrt(rows.iter().map(|row| row[column] * row[column]).sum());
    let scales: Vec<f64> = wanted.iter().map(|&column| scale(column)).collect();
    if scales.contains(&0.0) {
        return None;
    }
    let cell = |row: &Row, index: usize| row[wanted[index]] / scales[index];
    let mut system = [[0.0; 4]; 3];
    for (i, line) in system.iter_mut().enumerate().take(size) {
        for (j, sum) in line.iter_mut().enumerate().take(size) {
            *sum = rows.iter().map(|row| cell(row, i) * cell(row, j)).sum();
        }
        line[3] = rows.iter().map(|row| cell(row, i)).sum();
    }
    for pivot in 0..size {
        let best = (pivot..size)
            .max_by(|&i, &j| system[i][pivot].abs().total_cmp(&system[j][pivot].abs()))?;
        system.swap(pivot, best);
        if system[pivot][pivot].abs() < 1e-12 {
            return None;
        }
        for line in (0..size).filter(|&line| line != pivot) {
            let factor = system[line][pivot] / system[pivot][pivot];
            let upper = system[pivot];
            for (value, upper) in system[line].iter_mut().zip(upper) {
                *value -= factor * upper;
            }
        }
    }
    let mut solution = [0.0; 3];
    for (index, &column) in wanted.iter().enumerate() {
        solution[column] = system[index][3] / system[index][index] / scales[index];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sweep(workers: &[u32], time: impl Fn(f64) -> f64) -> Vec<Point> {
        let point =
            |&workers: &u32| Point { workers, work_ns: (time(f64::from(workers)) * 1e9) as u64 };
        workers.iter().map(point).collect()
    }

    fn near(value: f64, truth: f64) -> bool {
        (value - truth).abs() < 1e-3
    }

    #[test]
    fn too_few_worker_counts_say_nothing() {
        let perfect = |n: f64| 8.0 / n;
        assert_eq!(fit(&sweep(&[1, 2], perfect), 8, false), None);
        assert_eq!(fit(&sweep(&[1, 2, 2], perfect), 8, false), None, "two different ones");
        assert_eq!(fit(&[], 8, false), None);
    }

    #[test]
    fn computing_is_not_judged_beyond_the_processors() {
        let points = sweep(&[1, 2, 3, 4, 8, 16], |n| 8.0 / n.min(4.0));
        let scaling = fit(&points, 4, true).unwrap();
        assert_eq!(scaling.beyond_cores, [8, 16]);
        assert!(near(scaling.amdahl.serial, 0.0), "{scaling:?}");
        assert_eq!(fit(&points, 2, true), None, "two points are left");
    }

    #[test]
    fn a_peak_is_found_where_throughput_turns() {
        let usl = |n: f64| (1.0 + 0.05 * (n - 1.0) + 0.01 * n * (n - 1.0)) / n;
        let scaling = fit(&sweep(&[1, 2, 4, 8, 12, 16], usl), 2, false).unwrap();
        let peak = scaling.usl.unwrap().peak.unwrap();
        assert!((peak - 9.747).abs() < 0.01, "√(0.95 ÷ 0.01) = 9.747, not {peak}");
    }

    proptest! {
        #[test]
        fn the_coefficients_of_a_curve_are_found_again(
            one in 0.01_f64..100.0, serial in 0.0_f64..1.0,
            sigma in 0.0_f64..0.5, kappa in 0.0_f64..0.1,
        ) {
            let counts = [1, 2, 3, 4, 6, 8, 16];
            let amdahl = sweep(&counts, |n| one * (serial + (1.0 - serial) / n));
            let found = fit(&amdahl, 1, false).unwrap().amdahl;
            prop_assert!(near(found.serial, serial) && found.residual < 1e-3, "{found:?}");
            let usl = sweep(&counts, |n| {
                one * (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0)) / n
            });
            let found = fit(&usl, 1, false).unwrap().usl.unwrap();
            prop_assert!(near(found.contention, sigma) && near(found.coherency, kappa), "{found:?}");
        }
    }
}
