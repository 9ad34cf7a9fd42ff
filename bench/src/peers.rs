//! The same work written by hand, as somebody would who wants just that.

use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::usage::{self, Measured};

/// Threads of the pools.
const WORKERS: usize = 2;

/// Runs a peer in a process of its own.
pub(crate) fn run(name: &str, tasks: u32) -> Measured {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["peer", name, &tasks.to_string()])
        .output()
        .expect("this program starts");
    let said = usage::last_json(&output.stdout);
    Measured::new(said["ns"].as_u64().expect("the peer says it"), &said["memory"])
}

/// The role of a measured process.
pub(crate) fn be_peer(name: &str, tasks: &str) -> ExitCode {
    let Ok(tasks) = tasks.parse() else { return ExitCode::from(2) };
    let took = match name {
        "sleep-1ms" => sleep_on_loop(tasks, Duration::from_millis(1)),
        "sleep-200ms" => sleep_on_loop(tasks, Duration::from_millis(200)),
        "rayon-scope" => rayon_scope(tasks),
        "std-threads" => std_threads(tasks),
        "yield-in-pool" => yield_in_pool(tasks),
        _ => return ExitCode::from(2),
    };
    println!("{}", json!({"ns": took.as_nanos() as u64, "memory": usage::own_memory()}));
    ExitCode::SUCCESS
}

fn sleep_on_loop(tasks: u32, time: Duration) -> Duration {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a loop");
    spawn_all(&runtime, tasks, move || async move {
        for _ in 0..3 {
            tokio::time::sleep(time).await;
        }
    })
}

fn yield_in_pool(tasks: u32) -> Duration {
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).build().expect("a pool");
    spawn_all(&runtime, tasks, tokio::task::yield_now)
}

/// Spawns all tasks from within the runtime and awaits them one by one.
fn spawn_all<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    tasks: u32,
    task: impl Fn() -> F + Send + 'static,
) -> Duration {
    let start = Instant::now();
    let root = async move {
        let handles: Vec<_> = (0..tasks).map(|_| tokio::spawn(task())).collect();
        for handle in handles {
            handle.await.expect("no task panics");
        }
    };
    runtime.block_on(async { tokio::spawn(root).await.expect("the root does not panic") });
    start.elapsed()
}

fn rayon_scope(tasks: u32) -> Duration {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("a pool");
    let start = Instant::now();
    pool.scope(|scope| {
        for _ in 0..tasks {
            scope.spawn(|_| {
                black_box(());
            });
        }
    });
    start.elapsed()
}

fn std_threads(tasks: u32) -> Duration {
    let start = Instant::now();
    let wait = || std::thread::sleep(Duration::from_millis(10));
    let threads: Vec<_> = (0..tasks).map(|_| std::thread::spawn(wait)).collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    start.elapsed()
}

/// Nanoseconds of two readings of the monotonic clock: the best of a few averages.
pub(crate) fn two_clock_readings_ns() -> f64 {
    const LOOPS: u32 = 2000;
    let average = |_| {
        let start = Instant::now();
        for _ in 0..LOOPS {
            black_box(Instant::now());
            black_box(Instant::now());
        }
        start.elapsed().as_nanos() as f64 / f64::from(LOOPS)
    };
    (0..20).map(average).fold(f64::INFINITY, f64::min)
}
