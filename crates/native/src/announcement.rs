//! What the runner says about itself.

use std::hint::black_box;

use maitred_wire::trace_file::{Layout, Role};
use maitred_wire::{Offer, PROTOCOL, Ready};

use crate::library::Own;
use crate::recorder::Recorder;
use crate::sys::{kernel, memory};
use crate::work;

/// All steps but `call`, which only a program with functions of its own can do.
const STEPS: [&str; 16] = [
    "cpu", "wait", "block", "hold", "send", "receive", "read", "write", "update", "http", "run",
    "allocate", "repeat", "yield", "fail", "crash",
];

/// The answer to `plan`.
pub(crate) fn ready(own: Own, calibration: f64) -> Ready {
    let call = own.functions.map(|_| "call");
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Ready {
        protocol: PROTOCOL,
        runtime: own.library.name().into(),
        version: env!("CARGO_PKG_VERSION").into(),
        build: Some(format!("{profile} for {}", std::env::consts::ARCH)),
        gil: None,
        jit: None,
        offers: own.library.strategies().iter().copied().map(Offer::from).collect(),
        steps: Some(STEPS.iter().copied().chain(call).map(str::to_owned).collect()),
        warm_up_ns: None,
        keeps: true,
        rounds: true,
        pid: std::process::id(),
        calibration,
        span_cost_ns: None,
        facts: Vec::new(),
    }
}

/// The answer to `describe`.
pub(crate) fn describe(own: Own) -> Ready {
    let clock = best_of(|| {
        black_box(kernel::now());
    });
    Ready {
        span_cost_ns: span_cost_ns(),
        facts: vec![("clock reading".into(), format!("{clock:.0} ns"))],
        ..ready(own, work::calibrate())
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
