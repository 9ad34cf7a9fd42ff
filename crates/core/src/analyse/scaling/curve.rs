//! The curve of the Universal Scalability Law and the least squares that fit it: throughput with n
//! workers is `λ n / (1 + σ (n − 1) + κ n (n − 1))` (Gunther, Guerrilla Capacity Planning, 2007,
//! ch. 4); with κ = 0 it is Amdahl's law of 1967, and σ the serial share. Knows no rounds and no
//! intervals. The main function is [`Curve::fit`].

/// Steps of the solver; a dozen are usual.
const STEPS: u32 = 200;
/// No step is smaller than this share.
const PRECISION: f64 = 1e-13;

/// Coefficients, none below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Curve {
    /// λ: throughput of one worker.
    pub one: f64,
    /// σ: what workers lose by queueing for something that they share.
    pub contention: f64,
    /// κ: what each pair of workers loses by keeping the other informed.
    pub coherency: f64,
}

/// So much throughput with so many workers.
pub(super) type Point = (f64, f64);

/// Which of σ and κ may be other than zero.
type Free = [bool; 2];

impl Curve {
    /// Throughput with so many workers, in the unit of what was fitted.
    pub fn at(&self, workers: f64) -> f64 {
        self.one * workers / self.loss(workers)
    }

    /// With how many workers throughput is highest; infinite where it never falls.
    pub fn peak(&self) -> f64 {
        libm::sqrt((1.0 - self.contention).max(0.0) / self.coherency).max(1.0)
    }

    /// How far it is from the points: root of the mean square of errors, as a share of the mean.
    pub(super) fn residual(&self, points: &[Point]) -> f64 {
        let count = points.len().max(1) as f64;
        let mean = points.iter().map(|&(_, rate)| rate).sum::<f64>() / count;
        libm::sqrt(self.squares(points) / count) / mean
    }

    /// The curve for which the sum of squares of what throughput differs is least; `None` where
    /// the points do not determine one. `coherency`: whether κ may be other than zero.
    ///
    /// Least squares with bounds at zero: an optimum lies inside, or on the bound of one or both
    /// coefficients, so each of these is solved without bounds and the best feasible one taken.
    pub(super) fn fit(points: &[Point], coherency: bool) -> Option<Self> {
        let sets: &[Free] = match coherency {
            true => &[[true, true], [true, false], [false, true], [false, false]],
            false => &[[true, false], [false, false]],
        };
        let start = start(points)?;
        let solved = sets.iter().filter_map(|&free| solve(points, start, free));
        let feasible = solved.filter(|it| it.contention >= 0.0 && it.coherency >= 0.0);
        feasible.min_by(|one, other| one.squares(points).total_cmp(&other.squares(points)))
    }

    fn loss(&self, n: f64) -> f64 {
        1.0 + self.contention * (n - 1.0) + self.coherency * n * (n - 1.0)
    }

    fn squares(&self, points: &[Point]) -> f64 {
        points.iter().map(|&(n, rate)| (rate - self.at(n)) * (rate - self.at(n))).sum()
    }

    fn moved(&self, by: [f64; 3]) -> Self {
        Self {
            one: self.one + by[0],
            contention: self.contention + by[1],
            coherency: self.coherency + by[2],
        }
    }

    /// Whether it says something of every point.
    fn is_sound(&self, points: &[Point]) -> bool {
        self.one > 0.0 && points.iter().all(|&(n, _)| self.loss(n) > 0.0)
    }
}

/// `n / rate` is linear in the coefficients, so that least squares of relative errors give a first
/// curve in one step.
fn start(points: &[Point]) -> Option<Curve> {
    let mut system = [[0.0; 4]; 3];
    for &(n, rate) in points {
        let weight = rate / n;
        let row = [1.0, n - 1.0, n * (n - 1.0)].map(|value| value * weight);
        add(&mut system, row, 1.0);
    }
    let rough = points.first().map(|&(n, rate)| [n / rate, 0.0, 0.0])?;
    let [one, sigma, kappa] = gauss(system, [true; 3]).filter(|x| x[0] > 0.0).unwrap_or(rough);
    Some(Curve {
        one: 1.0 / one,
        contention: (sigma / one).max(0.0),
        coherency: (kappa / one).max(0.0),
    })
}

/// Levenberg's damped least squares (1944) with Marquardt's scaling (1963, SIAM J. Appl. Math. 11).
fn solve(points: &[Point], start: Curve, free: Free) -> Option<Curve> {
    let free = [true, free[0], free[1]];
    let mut curve = Curve {
        contention: if free[1] { start.contention } else { 0.0 },
        coherency: if free[2] { start.coherency } else { 0.0 },
        ..start
    };
    let (mut damping, mut squares) = (1e-3, curve.squares(points));
    for _ in 0..STEPS {
        let mut system = [[0.0; 4]; 3];
        for &(n, rate) in points {
            let loss = curve.loss(n);
            let slope = -curve.one * n * (n - 1.0) / (loss * loss);
            add(&mut system, [n / loss, slope, slope * n], rate - curve.at(n));
        }
        for (index, line) in system.iter_mut().enumerate() {
            line[index] *= 1.0 + damping;
        }
        let step = gauss(system, free)?;
        let next = curve.moved(step);
        let better = if next.is_sound(points) { next.squares(points) } else { f64::INFINITY };
        if better > squares {
            damping *= 10.0;
            if damping > 1e15 {
                break;
            }
            continue;
        }
        let is_end = squares - better <= PRECISION * squares && step[0].abs() <= 1e-7 * next.one;
        (curve, squares, damping) = (next, better, (damping / 10.0).max(1e-15));
        if is_end {
            break;
        }
    }
    curve.is_sound(points).then_some(curve)
}

/// One more equation for normal equations whose last column is the right side.
fn add(system: &mut [[f64; 4]; 3], row: [f64; 3], value: f64) {
    for (line, left) in system.iter_mut().zip(row) {
        for (sum, right) in line.iter_mut().zip(row) {
            *sum += left * right;
        }
        line[3] += left * value;
    }
}

/// Gauss elimination with pivoting of the lines and columns that are free; the others are zero.
/// `None` where they do not determine a solution.
fn gauss(mut system: [[f64; 4]; 3], free: [bool; 3]) -> Option<[f64; 3]> {
    // Columns differ by orders of magnitude; scaled to a diagonal of ones, pivots compare.
    let scale = [0, 1, 2].map(|index| libm::sqrt(system[index][index]));
    for (line, &own) in system.iter_mut().zip(&scale) {
        for (cell, other) in line.iter_mut().zip(scale.iter().chain([&1.0])) {
            *cell /= own * other;
        }
    }
    for index in (0..3).filter(|&index| !free[index]) {
        system[index] = [0.0; 4];
        system.iter_mut().for_each(|line| line[index] = 0.0);
        system[index][index] = 1.0;
    }
    for pivot in 0..3 {
        let size = |line: usize| system[line][pivot].abs();
        let best = (pivot..3).max_by(|&one, &other| size(one).total_cmp(&size(other)))?;
        system.swap(pivot, best);
        if system[pivot][pivot].is_nan() || system[pivot][pivot].abs() < 1e-13 {
            return None;
        }
        let upper = system[pivot];
        for line in (0..3).filter(|&line| line != pivot) {
            let factor = system[line][pivot] / upper[pivot];
            for (value, upper) in system[line].iter_mut().zip(upper) {
                *value -= factor * upper;
            }
        }
    }
    Some([0, 1, 2].map(|index| match free[index] {
        true => system[index][3] / system[index][index] / scale[index],
        false => 0.0,
    }))
}
