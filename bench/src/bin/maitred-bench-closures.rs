//! What `maitred-bench` measures of functions of a Rust program: a program of a user's, with
//! `maitred-closures` or by hand, as its environment says. It is one of its own, for all of the engine is in
//! it, which the other rows are not to carry.
#![expect(clippy::print_stdout, reason = "its figure is what is asked for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use maitred_closures::{Bench, Compare};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::Value;
use tokio::runtime::Builder;

/// Threads of the pools.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let role = std::env::var("MAITRED_BENCH_ROLE").unwrap_or_default();
    let us = match role.as_str() {
        "ours" => {
            let work = Compare::new("checksum").inputs(pieces());
            let work = work.call_named("plain", checksum);
            return Bench::from_args().add(work.call_async_named("awaited", checksum_later)).run();
        }
        "hand" => {
            let model = std::env::args().nth(1).unwrap_or_default();
            let pieces: &[Piece] = pieces().leak();
            let took = match model.as_str() {
                "std/sequential" => in_a_loop(pieces),
                "std/thread-pool:2" => by_threads(pieces),
                "rayon/thread-pool:2" => by_rayon(pieces),
                "tokio/event-loop" => on_a_loop(pieces),
                "tokio/async-pool:2" => on_loops(pieces),
                _ => return ExitCode::from(2),
            };
            took.as_secs_f64() * 1e6 / pieces.len() as f64
        }
        "criterion" => by_criterion(),
        // It prints a table, in which it stands.
        "divan" => {
            divan::Divan::default().color(false).sample_count(100).run_benches();
            return ExitCode::SUCCESS;
        }
        _ => return ExitCode::from(2),
    };
    println!("{us} µs");
    ExitCode::SUCCESS
}

/// What a call is given.
struct Piece {
    seed: u64,
    bytes: u64,
}

/// What is measured. The same instructions for all: merged into each of their loops they would not be, and
/// differ in time by as much as is measured here.
#[inline(never)]
fn checksum(piece: &Piece) -> u64 {
    (0..piece.bytes).fold(piece.seed, |sum, byte| sum.wrapping_mul(31) ^ byte)
}

/// The same by a function that gives way before.
async fn checksum_later(piece: &Piece) -> u64 {
    tokio::task::yield_now().await;
    checksum(piece)
}

/// Those of a round, as many and as long as the environment says.
fn pieces() -> Vec<Piece> {
    let said = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let bytes = said("MAITRED_BENCH_BYTES").unwrap_or(PIECE.bytes);
    let calls = said("MAITRED_BENCH_CALLS").unwrap_or(1);
    (0..calls).map(|seed| Piece { seed, bytes }).collect()
}

/// What criterion and divan call it with.
static PIECE: Piece = Piece { seed: 7, bytes: 12_000 };

#[divan::bench]
fn by_divan(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| checksum(black_box(&PIECE)));
}

fn by_criterion() -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    criterion::Criterion::default()
        .without_plots()
        .output_directory(place.path())
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .nresamples(10_000)
        .bench_function("checksum", |bencher| bencher.iter(|| checksum(black_box(&PIECE))));
    let text = std::fs::read(place.path().join("checksum/new/estimates.json")).expect("estimates");
    let estimates: Value = serde_json::from_slice(&text).expect("JSON");
    estimates["median"]["point_estimate"].as_f64().expect("a time") / 1e3
}

fn in_a_loop(pieces: &'static [Piece]) -> Duration {
    let start = Instant::now();
    for piece in pieces {
        black_box(checksum(black_box(piece)));
    }
    start.elapsed()
}

/// From when all threads are there and are let go until the last one is done. The clock is read before they
/// are: who has let two go on two processors may get no turn for some milliseconds.
fn by_threads(pieces: &'static [Piece]) -> Duration {
    let (ready, next) = (Barrier::new(WORKERS + 1), AtomicUsize::new(0));
    let work = || {
        ready.wait();
        ready.wait();
        while let Some(piece) = pieces.get(next.fetch_add(1, Relaxed)) {
            black_box(checksum(black_box(piece)));
        }
    };
    let mut start = Instant::now();
    std::thread::scope(|scope| {
        (0..WORKERS).for_each(|_| drop(scope.spawn(work)));
        ready.wait();
        start = Instant::now();
        ready.wait();
    });
    start.elapsed()
}

fn by_rayon(pieces: &'static [Piece]) -> Duration {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("a pool");
    let start = Instant::now();
    pool.install(|| {
        pieces.par_iter().for_each(|piece| {
            black_box(checksum(piece));
        });
    });
    start.elapsed()
}

/// With timers and sockets, as `#[tokio::main]` has them.
fn on_a_loop(pieces: &'static [Piece]) -> Duration {
    spawn_all(&Builder::new_current_thread().enable_all().build().expect("a loop"), pieces)
}

fn on_loops(pieces: &'static [Piece]) -> Duration {
    let loops = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    spawn_all(&loops.expect("loops"), pieces)
}

fn spawn_all(runtime: &tokio::runtime::Runtime, pieces: &'static [Piece]) -> Duration {
    let start = Instant::now();
    let root = async {
        let tasks: Vec<_> =
            pieces.iter().map(|piece| tokio::spawn(checksum_later(piece))).collect();
        for task in tasks {
            black_box(task.await.expect("no task panics"));
        }
    };
    runtime.block_on(async { tokio::spawn(root).await.expect("the root does not panic") });
    start.elapsed()
}
