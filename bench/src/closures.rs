//! Functions of a Rust program as `maitred-closures` runs them, beside the same threads and loops written by
//! hand; and what criterion and divan say of the same function.
//!
//! All of them are this program, started again with a role in its environment.

use std::hint::black_box;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use maitred_closures::{Bench, Compare};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::Value;
use tokio::runtime::Builder;

/// In the environment of a program that is started again: what it is to be.
const ROLE: &str = "MAITRED_BENCH_ROLE";
/// Calls in a round of ours and of the same by hand.
const CALLS: u64 = 10_000;
/// Threads of the pools.
const WORKERS: usize = 2;

/// What is measured: some 12 microseconds of arithmetic.
fn checksum(seed: &u64) -> u64 {
    (0..black_box(12_000)).fold(*seed, |sum, byte| sum.wrapping_mul(31) ^ byte)
}

/// The same by a function that gives way before.
async fn checksum_later(seed: &u64) -> u64 {
    tokio::task::yield_now().await;
    checksum(seed)
}

fn seeds() -> Vec<u64> {
    (0..CALLS).collect()
}

/// One of ours, and its peer.
pub(crate) struct Peer {
    pub(crate) what: &'static str,
    model: &'static str,
    by_hand: fn(&'static [u64]) -> Duration,
}

pub(crate) const ALL: [Peer; 5] = [
    Peer {
        what: "closures, std/sequential, 12 µs a call | a loop",
        model: "std/sequential",
        by_hand: in_a_loop,
    },
    Peer {
        what: "  … std/thread-pool:2 | threads and a counter",
        model: "std/thread-pool:2",
        by_hand: by_threads,
    },
    Peer {
        what: "  … rayon/thread-pool:2 | par_iter",
        model: "rayon/thread-pool:2",
        by_hand: by_rayon,
    },
    Peer {
        what: "  … tokio/event-loop | spawn, current thread",
        model: "tokio/event-loop",
        by_hand: on_a_loop,
    },
    Peer {
        what: "  … tokio/async-pool:2 | spawn, two threads",
        model: "tokio/async-pool:2",
        by_hand: on_loops,
    },
];

impl Peer {
    /// Microseconds a call: by hand, and of ours.
    pub(crate) fn measure(&self) -> (f64, f64) {
        (figure(&again("hand", &[self.model])), self.ours())
    }

    fn ours(&self) -> f64 {
        let place = tempfile::tempdir().expect("a folder");
        let saved = place.path().join("result.json");
        let called = if self.model.starts_with("tokio") { "awaited" } else { "plain" };
        let words = ["--bench", "checksum", "--runs", "1", "--warmup", "0", "--no-trace"];
        let path = saved.to_str().expect("UTF-8");
        let own = ["--call", called, "--models", self.model, "--save", path];
        again("ours", &[&words[..], &own[..]].concat());
        let text = std::fs::read(saved).expect("it was saved");
        let result: Value = serde_json::from_slice(&text).expect("JSON");
        let run = &result["contestants"][0]["runs"][0];
        assert_eq!(run["tasks"]["done"], CALLS, "{run}");
        run["work_ns"].as_f64().expect("a time") / 1e3 / CALLS as f64
    }
}

/// Microseconds a call in a loop by hand, and as criterion and as divan say it: medians.
pub(crate) fn others() -> [(&'static str, f64, f64); 2] {
    ["criterion", "divan"].map(|name| {
        let by_hand = figure(&again("hand", &["std/sequential"]));
        (name, by_hand, figure(&again(name, &[])))
    })
}

/// Plays the role that the environment names; `None`: it names none.
pub(crate) fn play() -> Option<ExitCode> {
    let role = std::env::var(ROLE).ok()?;
    let us = match role.as_str() {
        "ours" => {
            let work = Compare::new("checksum").inputs(seeds());
            let work = work.call_named("plain", checksum);
            return Some(
                Bench::from_args().add(work.call_async_named("awaited", checksum_later)).run(),
            );
        }
        "hand" => {
            let model = std::env::args().nth(1)?;
            let peer = ALL.iter().find(|one| one.model == model)?;
            (peer.by_hand)(seeds().leak()).as_secs_f64() * 1e6 / CALLS as f64
        }
        "criterion" => by_criterion(),
        // It prints a table, in which it stands.
        "divan" => {
            divan::Divan::default().color(false).sample_count(100).run_benches();
            return Some(ExitCode::SUCCESS);
        }
        _ => return None,
    };
    println!("{us} µs");
    Some(ExitCode::SUCCESS)
}

/// What this program says in another role.
fn again(role: &str, words: &[&str]) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let command = command.args(words).env(ROLE, role).stderr(Stdio::inherit());
    let output = command.output().expect("this program starts");
    assert!(output.status.success(), "{role} {words:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The last figure that was printed, or of divan's table the third of the last line: fastest, slowest, median.
fn figure(said: &str) -> f64 {
    let line = said.lines().rfind(|line| line.contains(" µs")).unwrap_or(said);
    let column = line.split('│').nth(if line.contains('│') { 2 } else { 0 }).unwrap_or_default();
    let number = column.trim().trim_end_matches(" µs").parse();
    number.unwrap_or_else(|_| panic!("no figure in microseconds: {said}"))
}

#[divan::bench]
fn by_divan(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| checksum(black_box(&7)));
}

fn by_criterion() -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    criterion::Criterion::default()
        .without_plots()
        .output_directory(place.path())
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .nresamples(10_000)
        .bench_function("checksum", |bencher| bencher.iter(|| checksum(black_box(&7))));
    let text = std::fs::read(place.path().join("checksum/new/estimates.json")).expect("estimates");
    let estimates: Value = serde_json::from_slice(&text).expect("JSON");
    estimates["median"]["point_estimate"].as_f64().expect("a time") / 1e3
}

fn in_a_loop(seeds: &'static [u64]) -> Duration {
    let start = Instant::now();
    for seed in seeds {
        black_box(checksum(black_box(seed)));
    }
    start.elapsed()
}

/// From when all threads are there until the last one is done.
fn by_threads(seeds: &'static [u64]) -> Duration {
    let (ready, next) = (Barrier::new(WORKERS + 1), AtomicUsize::new(0));
    let work = || {
        ready.wait();
        while let Some(seed) = seeds.get(next.fetch_add(1, Relaxed)) {
            black_box(checksum(black_box(seed)));
        }
    };
    let mut start = Instant::now();
    std::thread::scope(|scope| {
        (0..WORKERS).for_each(|_| drop(scope.spawn(work)));
        ready.wait();
        start = Instant::now();
    });
    start.elapsed()
}

fn by_rayon(seeds: &'static [u64]) -> Duration {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("a pool");
    let start = Instant::now();
    pool.install(|| {
        seeds.par_iter().for_each(|seed| {
            black_box(checksum(seed));
        });
    });
    start.elapsed()
}

fn on_a_loop(seeds: &'static [u64]) -> Duration {
    spawn_all(&Builder::new_current_thread().build().expect("a loop"), seeds)
}

fn on_loops(seeds: &'static [u64]) -> Duration {
    spawn_all(&Builder::new_multi_thread().worker_threads(WORKERS).build().expect("loops"), seeds)
}

fn spawn_all(runtime: &tokio::runtime::Runtime, seeds: &'static [u64]) -> Duration {
    let start = Instant::now();
    let root = async {
        let tasks: Vec<_> = seeds.iter().map(|seed| tokio::spawn(checksum_later(seed))).collect();
        for task in tasks {
            black_box(task.await.expect("no task panics"));
        }
    };
    runtime.block_on(async { tokio::spawn(root).await.expect("the root does not panic") });
    start.elapsed()
}
