//! `cpu` work: a fixed number of units, each one link of a chain of integer operations.
//!
//! Every link needs the one before, so neither the compiler nor a wide processor can shorten the
//! chain, and it touches no memory, so that it takes the same time on every core and loses
//! nothing when the cache is shared.

use std::hint::black_box;

use crate::sys::kernel;

const MULTIPLIER: u64 = 0xBF58_476D_1CE4_E5B9;

/// Computes so many units.
#[inline(never)]
pub(crate) fn compute(units: u64) {
    let mut value = black_box(1_u64);
    for _ in 0..units {
        value = (value ^ (value >> 29)).wrapping_mul(MULTIPLIER);
    }
    black_box(value);
}

/// Units a second on this machine: the best of a dozen short runs, since everything that disturbs
/// a run makes it slower.
pub(crate) fn calibrate() -> f64 {
    const RUN_NS: f64 = 5e6;
    const RUNS: u32 = 12;
    let mut units = 100_000;
    let mut best = 0.0_f64;
    for _ in 0..RUNS {
        let start = kernel::now();
        compute(units);
        let took = (kernel::now() - start).max(1) as f64;
        best = best.max(units as f64 / took);
        units = (best * RUN_NS) as u64;
    }
    best * 1e9
}
