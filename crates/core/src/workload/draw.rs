//! Random durations and arrivals: columns of nanoseconds, from the seed, the task and the step
//! alone, so that every strategy and every runtime does the same work.

use alloc::vec::Vec;

use maitred_wire::Column;
use rand::RngExt;
use rand::distr::Distribution as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Exp1, LogNormal};

use super::limits::DURATION_MAX_NS;
use super::quantity::Distribution;

/// Stands for the arrivals of a task where otherwise a step id stands.
pub(super) const ARRIVALS: u32 = u32::MAX;

/// Columns one after another.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) values: Vec<u64>,
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// Adds `count` × `per_task` durations of a step, each divided by `speed`.
    pub(super) fn draw(
        &mut self,
        random: &mut ChaCha8Rng,
        distribution: Distribution,
        speed: f64,
        (first_task, count, per_task): (u32, u32, u32),
    ) {
        let offset = self.values.len() as u64;
        self.columns.push(Column { offset, first_task, per_task });
        let sampler = Sampler::new(distribution);
        let total = u64::from(count) * u64::from(per_task);
        self.values.extend((0..total).map(|_| round(sampler.sample(random) / speed)));
    }

    /// Adds the arrivals of a Poisson process: exponential gaps (mean in nanoseconds) added up.
    pub(super) fn arrive(
        &mut self,
        random: &mut ChaCha8Rng,
        gap_ns: f64,
        first_task: u32,
        count: u32,
    ) -> u32 {
        let index = self.columns.len() as u32;
        let offset = self.values.len() as u64;
        self.columns.push(Column { offset, first_task, per_task: 1 });
        let mut now = 0.0;
        self.values.extend((0..count).map(|_| {
            let gap: f64 = random.sample(Exp1);
            now += gap * gap_ns;
            round(now)
        }));
        index
    }
}

/// The generator of one step of one program: a stream of its own.
pub(super) fn generator(seed: u64, program: u32, step: u32) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..12].copy_from_slice(&program.to_le_bytes());
    key[12..16].copy_from_slice(&step.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A distribution with its parameters worked out.
enum Sampler {
    Exponential { mean: f64 },
    Uniform { low: f64, width: f64 },
    Lognormal(LogNormal<f64>),
}

impl Sampler {
    fn new(distribution: Distribution) -> Self {
        match distribution {
            Distribution::Exponential { mean } => Self::Exponential { mean: mean as f64 },
            Distribution::Uniform { low, high } => {
                Self::Uniform { low: low as f64, width: (high - low) as f64 }
            }
            Distribution::Lognormal { mean, deviation } => {
                let variation = deviation as f64 / mean as f64;
                let normal = LogNormal::from_mean_cv(mean as f64, variation);
                Self::Lognormal(normal.expect("the mean is above 0 and the deviation is not below"))
            }
        }
    }

    /// Nanoseconds.
    fn sample(&self, random: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Exponential { mean } => mean * random.sample::<f64, _>(Exp1),
            Self::Uniform { low, width } => low + width * random.random::<f64>(),
            Self::Lognormal(normal) => normal.sample(random),
        }
    }
}

fn round(ns: f64) -> u64 {
    (libm::round(ns) as u64).min(DURATION_MAX_NS)
}
