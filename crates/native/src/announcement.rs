//! What the runner says about itself.

use std::hint::black_box;

use maitred_wire::trace_file::{Layout, Role};
use maitred_wire::{Offer, PROTOCOL, Ready, Strategy};

use crate::recorder::Recorder;
use crate::sys::{kernel, memory};
use crate::work;

/// What this runner can do.
pub(crate) const SUPPORTED: [Strategy; 7] = [
    Strategy::Sequential,
    Strategy::Threads,
    Strategy::ThreadPool,
    Strategy::Processes,
    Strategy::EventLoop,
    Strategy::AsyncPool,
    Strategy::Hybrid,
];

/// All steps but `call`, which is the user's own Python.
const STEPS: [&str; 16] = [
    "cpu", "wait", "block", "hold", "send", "receive", "read", "write", "update", "http", "run",
    "allocate", "repeat", "yield", "fail", "crash",
];

/// The answer to `plan`.
pub(crate) fn ready(calibration: f64) -> Ready {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Ready {
        protocol: PROTOCOL,
        runtime: "native".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        build: Some(format!("{profile} for {}", std::env::consts::ARCH)),
        gil: None,
        jit: None,
        offers: SUPPORTED.map(Offer::from).to_vec(),
        steps: Some(STEPS.map(str::to_owned).to_vec()),
        warm_up_ns: None,
        keeps: true,
        pid: std::process::id(),
        calibration,
        span_cost_ns: None,
        facts: Vec::new(),
    }
}

/// The answer to `describe`.
pub(crate) fn describe() -> Ready {
    let clock = best_of(|| {
        black_box(kernel::now());
    });
    Ready {
        span_cost_ns: span_cost_ns(),
        facts: vec![("clock reading".into(), format!("{clock:.0} ns"))],
        ..ready(work::calibrate())
    }
}

/// What it costs to record one span of a step, in nanoseconds, its two clock readings included.
/// `None`: there was no memory to try.
pub fn span_cost_ns() -> Option<f64> {
    let layout = Layout { lanes: 1, tasks: 1, spans_per_lane: (ROUNDS * LOOPS) as u32 };
    let recorder = Recorder::over(memory::shared_u64(layout.bytes() / 8).ok()?, layout);
    let lane = recorder.lane(0, Role::Worker);
    let mut step = 0;
    Some(best_of(|| {
        let open = lane.begin(0, step, kernel::now());
        step += 1;
        open.end(kernel::now());
    }))
}

const ROUNDS: usize = 20;
const LOOPS: usize = 2000;

/// Nanoseconds that it takes: the best of a few averages.
fn best_of(mut what: impl FnMut()) -> f64 {
    let mut average = || {
        let start = kernel::now();
        (0..LOOPS).for_each(|_| what());
        (kernel::now() - start) as f64 / LOOPS as f64
    };
    (0..ROUNDS).map(|_| average()).fold(f64::INFINITY, f64::min)
}
