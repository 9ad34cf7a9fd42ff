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
/// And of how many bytes the checksum of a call is.
const BYTES: &str = "MAITRED_BENCH_BYTES";
/// Calls in a round of ours and of the same by hand.
const CALLS: u64 = 10_000;
/// Threads of the pools.
const WORKERS: usize = 2;

/// How long a call takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Some 12 microseconds.
    Short,
    /// No work: what is left is what a call costs.
    Nothing,
}

impl Length {
    fn bytes(self) -> u64 {
        match self {
            Self::Short => 12_000,
            Self::Nothing => 0,
        }
    }
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

/// Those of a round, as long as the environment says.
fn pieces() -> Vec<Piece> {
    let bytes = std::env::var(BYTES).ok().and_then(|bytes| bytes.parse().ok());
    let bytes = bytes.unwrap_or(Length::Short.bytes());
    (0..CALLS).map(|seed| Piece { seed, bytes }).collect()
}

/// One of ours, and its peer.
pub(crate) struct Peer {
    pub(crate) what: &'static str,
    model: &'static str,
    by_hand: fn(&'static [Piece]) -> Duration,
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
    /// Microseconds a call of this length: by hand, and of ours.
    pub(crate) fn measure(&self, length: Length) -> (f64, f64) {
        (figure(&again("hand", length, &[self.model])), self.ours(length))
    }

    fn ours(&self, length: Length) -> f64 {
        let place = tempfile::tempdir().expect("a folder");
        let saved = place.path().join("result.json");
        let called = if self.model.starts_with("tokio") { "awaited" } else { "plain" };
        let words = ["--bench", "checksum", "--runs", "1", "--warmup", "0", "--no-trace"];
        let path = saved.to_str().expect("UTF-8");
        let own = ["--call", called, "--models", self.model, "--save", path];
        again("ours", length, &[&words[..], &own[..]].concat());
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
        let by_hand = figure(&again("hand", Length::Short, &["std/sequential"]));
        (name, by_hand, figure(&again(name, Length::Short, &[])))
    })
}

/// Plays the role that the environment names; `None`: it names none.
pub(crate) fn play() -> Option<ExitCode> {
    let role = std::env::var(ROLE).ok()?;
    let us = match role.as_str() {
        "ours" => {
            let work = Compare::new("checksum").inputs(pieces());
            let work = work.call_named("plain", checksum);
            return Some(
                Bench::from_args().add(work.call_async_named("awaited", checksum_later)).run(),
            );
        }
        "hand" => {
            let model = std::env::args().nth(1)?;
            let peer = ALL.iter().find(|one| one.model == model)?;
            (peer.by_hand)(pieces().leak()).as_secs_f64() * 1e6 / CALLS as f64
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
fn again(role: &str, length: Length, words: &[&str]) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let command = command.args(words).env(ROLE, role).env(BYTES, length.bytes().to_string());
    let output = command.stderr(Stdio::inherit()).output().expect("this program starts");
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
