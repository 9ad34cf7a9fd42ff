//! What is measured, against what, and the bar. The main type is [`Row`].

use std::fmt;

use maitred_core::analyse::stats;
use serde_json::{Value, json};

use crate::closures::{self, Length};
use crate::command::Pair;
use crate::ours::{self, Work};
use crate::peers;
use crate::scheduling::{self, Traced};
use crate::traces;
use crate::usage::Measured;

/// How often peer and ours take turns; odd, so that there is a median.
const ROUNDS: usize = 7;

/// Something to measure.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) measure: fn() -> Vec<Row>,
}

/// One line of the table.
pub(crate) struct Row {
    what: String,
    peer: f64,
    ours: f64,
    unit: &'static str,
    ratio: f64,
    bar: f64,
}

impl Row {
    /// Whether the bar is kept.
    pub(crate) fn holds(&self) -> bool {
        self.ratio <= self.bar
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = format!("{:.1} {}", self.peer, self.unit);
        let ours = format!("{:.1} {}", self.ours, self.unit);
        let (ratio, bar) = (self.ratio, self.bar);
        write!(f, "{:<58} {peer:>10} {ours:>10} {ratio:>7.2} {bar:>6.2}", self.what)?;
        if self.holds() { Ok(()) } else { write!(f, "  MISSED") }
    }
}

/// In the order in which they are shown.
pub(crate) fn all() -> Vec<Case> {
    vec![
        Case { name: "span", measure: span },
        Case { name: "arithmetic", measure: arithmetic },
        Case { name: "event-loop", measure: event_loop },
        Case { name: "thread-pool", measure: thread_pool },
        Case { name: "threads", measure: threads },
        Case { name: "async-pool", measure: async_pool },
        Case { name: "flat", measure: flat },
        Case { name: "trace", measure: trace },
        Case { name: "closures", measure: of_closures },
        Case { name: "command", measure: command },
        Case { name: "scheduling", measure: recorder },
    ]
}

fn span() -> Vec<Row> {
    let pairs = (0..ROUNDS).map(|_| {
        let peer = peers::two_clock_readings_ns();
        (peer, maitred_native::span_cost_ns().unwrap_or(f64::INFINITY))
    });
    vec![row("recording a span | two clock readings", "ns", 2.0, pairs.collect())]
}

/// Work that only waits takes as long as a sum says. That it takes no less is tested; that it takes
/// hardly more needs a machine that does nothing else.
fn arithmetic() -> Vec<Row> {
    const THINK_NS: u64 = 160_000_000;
    const ORDER_NS: u64 = 40_000_000;
    const CALL_NS: u64 = 100_000_000;
    let order = json!([{"id": 3, "action": {"wait": {"ns": ORDER_NS}}}]);
    let tables = json!([
        {"id": 0, "action": {"wait": {"ns": THINK_NS}}},
        {"id": 1, "action": {"hold": {"resource": 0, "steps": order}}},
    ]);
    let call = json!([{"id": 0, "action": {"block": {"ns": CALL_NS}}}]);
    let beside = |expected_ns: u64, work: Work| {
        let pair = |_| (expected_ns as f64 / 1e6, ours::run(&work).ns as f64 / 1e6);
        (0..ROUNDS).map(pair).collect()
    };
    let waiter = |strategy, workers| {
        let steps = tables.clone();
        beside(THINK_NS + 5 * ORDER_NS, Work { strategy, workers, steps, tasks: 5, units: 1 })
    };
    let calls = |strategy, workers, expected_ns| {
        beside(expected_ns, Work { strategy, workers, steps: call.clone(), tasks: 2, units: 0 })
    };
    vec![
        row("threads, five tables and one waiter | the sum", "ms", 1.02, waiter("threads", 5)),
        row("  … event-loop", "ms", 1.02, waiter("event-loop", 1)),
        row("threads, two calls that block | one", "ms", 1.05, calls("threads", 2, CALL_NS)),
        row("  … event-loop | both", "ms", 1.05, calls("event-loop", 1, 2 * CALL_NS)),
    ]
}

fn event_loop() -> Vec<Row> {
    let (brief, long) = (three_waits(1_000_000), three_waits(200_000_000));
    let pairs = alternate("sleep-1ms", &brief);
    // All tasks wait at the same time: with waits of 1 ms many have ended before others begin.
    let waiting = alternate("sleep-200ms", &long);
    let (peer_idle, ours_idle) = (peers::run("sleep-1ms", 1), ours::run(&brief.with_tasks(1)));
    let a_task = |all: &Measured, idle: &Measured| {
        all.private_bytes.saturating_sub(idle.private_bytes) as f64 / f64::from(long.tasks)
    };
    let memory =
        waiting.iter().map(|(peer, ours)| (a_task(peer, &peer_idle), a_task(ours, &ours_idle)));
    vec![
        row("event-loop, 100,000 × 3 waits of 1 ms | tokio by hand", "ms", 1.3, times(&pairs)),
        row("  … private memory a task that waits (200 ms)", "B", 2.0, memory.collect()),
    ]
}

fn three_waits(ns: u64) -> Work {
    let wait = |id: u32| json!({"id": id, "action": {"wait": {"ns": ns}}});
    let steps = json!([wait(0), wait(1), wait(2)]);
    Work { strategy: "event-loop", workers: 1, steps, tasks: 100_000, units: 0 }
}

fn thread_pool() -> Vec<Row> {
    let work = nothing("thread-pool", 6, 1_000_000);
    let pairs = alternate("rayon-scope", &work);
    vec![row("thread-pool, 1,000,000 × nothing | rayon::scope", "ms", 2.0, times(&pairs))]
}

fn threads() -> Vec<Row> {
    let steps = json!([{"id": 0, "action": {"wait": {"ns": 10_000_000}}}]);
    let work = Work { strategy: "threads", workers: 5000, steps, tasks: 5000, units: 0 };
    let pairs = alternate("std-threads", &work);
    vec![row("threads, 5,000 × wait of 10 ms | std::thread by hand", "ms", 1.1, times(&pairs))]
}

fn async_pool() -> Vec<Row> {
    let steps = json!([{"id": 0, "action": "yield"}]);
    let work = Work { strategy: "async-pool", workers: 2, steps, tasks: 1_000_000, units: 0 };
    let pairs = alternate("yield-in-pool", &work);
    vec![row("async-pool, 1,000,000 × yield | tokio::spawn by hand", "ms", 1.5, times(&pairs))]
}

/// Ten million slices: fewer rounds, since the peer takes its time.
fn trace() -> Vec<Row> {
    let files = traces::Files::write();
    let drawn: Vec<_> = (0..3).map(|_| files.draw()).collect();
    let mib = |measured: &Measured| measured.all_bytes as f64 / f64::from(1 << 20);
    let memory = drawn.iter().map(|(peer, ours)| (mib(peer), mib(ours)));
    let pictures: Vec<_> = (0..3).map(|_| files.draw_svg()).collect();
    let picture_memory = pictures.iter().map(|(peer, ours)| (mib(peer), mib(ours)));
    let a_slice = |name: &str| files.bytes(name) as f64 / f64::from(traces::SLICES);
    vec![
        row("reading and drawing 10,000,000 slices | Chrome's JSON", "ms", 0.25, times(&drawn)),
        row("  … memory at most", "MiB", 2.0, memory.collect()),
        row("  … the whole picture as SVG", "ms", 0.25, times(&pictures)),
        row("  … its memory at most", "MiB", 2.0, picture_memory.collect()),
        row("  … the file, a slice", "B", 0.1, vec![(a_slice("chrome"), a_slice("trace"))]),
    ]
}

/// The peer is ourselves with fewer tasks.
fn flat() -> Vec<Row> {
    const FEW: u32 = 10_000;
    const MANY: u32 = 10_000_000;
    /// Of a task of 10,000: so many rounds, since one is over in 3 ms.
    const REPEATS: usize = 9;
    let few = nothing("event-loop", 1, FEW);
    let many = few.with_tasks(MANY);
    let a_task = |ns: u64, tasks: u32| ns as f64 / f64::from(tasks);
    let idle = ours::run(&few.with_tasks(1));
    let (mut cost, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let small: Vec<f64> = (0..REPEATS).map(|_| a_task(ours::run(&few).ns, FEW)).collect();
        let large = ours::run(&many);
        cost.push((median(&small), a_task(large.ns, MANY)));
        let bytes = large.all_bytes.saturating_sub(idle.all_bytes);
        memory.push((100.0, bytes as f64 / f64::from(MANY)));
    }
    vec![
        row("event-loop, nothing, cost a task: 10,000,000 | 10,000", "ns", 1.5, cost),
        row("  … memory a finished task, trace included | 100 bytes", "B", 1.0, memory),
    ]
}

/// What a call of no work costs is there to be seen, since so much is the difference at any length; and
/// criterion and divan are there to be compared with: whoever of them is slower has missed nothing.
fn of_closures() -> Vec<Row> {
    if let Err(why) = closures::find() {
        println!("functions of a Rust program: not measured; {why}");
        return Vec::new();
    }
    let mut rows = Vec::new();
    for one in &closures::ALL {
        let pairs = |length| (0..ROUNDS).map(move |_| one.measure(length));
        rows.push(row(one.what, "µs", 1.05, pairs(Length::Short).collect()));
        let in_ns = |(peer, ours)| (peer * 1e3, ours * 1e3);
        let idle = pairs(Length::Nothing).map(in_ns).collect();
        rows.push(row("    … of no work", "ns", f64::INFINITY, idle));
    }
    for (name, by_hand, theirs) in closures::others() {
        let what = format!("  … as {name} says it | a loop");
        rows.push(row(&what, "µs", f64::INFINITY, vec![(by_hand, theirs)]));
    }
    rows
}

/// No row where a program is missing; that is said instead.
fn command() -> Vec<Row> {
    match Pair::find() {
        Ok(pair) => {
            let (wall, median) =
                (0..ROUNDS).map(|_| pair.measure()).map(|one| (one.wall, one.median)).unzip();
            vec![
                row("compare -- true, 100 rounds, a round | hyperfine -N", "ms", 1.2, wall),
                row("  … its median", "ms", 1.2, median),
            ]
        }
        Err(why) => {
            println!("compare -- true, 100 runs: not measured; {why}");
            Vec::new()
        }
    }
}

/// The recorder of switches beside the kernel's own figures; what cannot be had here is said.
fn recorder() -> Vec<Row> {
    let traced = match Traced::find() {
        Ok(traced) => traced,
        Err(why) => {
            println!("recording the scheduler: not measured; {why}");
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for part in [accuracy, at_once, slowdown] {
        match part(&traced) {
            Ok(more) => rows.extend(more),
            Err(why) => println!("recording the scheduler, with Python: not measured; {why}"),
        }
    }
    rows.extend(accounts(&traced));
    rows
}

/// Whichever of the two is larger ÷ the other.
fn apart(what: &str, unit: &'static str, bar: f64, pairs: Vec<(f64, f64)>) -> Row {
    let ratios: Vec<f64> = pairs.iter().map(|(a, b)| (a / b).max(b / a)).collect();
    let ratio = median(&ratios);
    Row { ratio, ..row(what, unit, bar, pairs) }
}

fn accuracy(traced: &Traced) -> Result<Vec<Row>, String> {
    let all: Vec<_> = (0..3).map(|_| traced.accuracy()).collect::<Result<_, _>>()?;
    let ms = |(kernel, ours): (f64, f64)| (kernel / 1e6, ours / 1e6);
    Ok(vec![
        apart(
            "recorded slices | schedstat, 4 Python threads",
            "ms",
            1.02,
            all.iter().map(|one| ms(one.ran)).collect(),
        ),
        apart(
            "  … waiting for a processor | run_delay",
            "ms",
            1.05,
            all.iter().map(|one| ms(one.waited)).collect(),
        ),
    ])
}

fn at_once(traced: &Traced) -> Result<Vec<Row>, String> {
    let (mut locked, mut free) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        locked.push((1.0, traced.at_once("python3/threads")?));
        // The faster one is to be ours: a ratio above 1 is what is missing.
        let python = traced.runnable("python3.13t/threads");
        free.extend(python.ok().zip(traced.runnable("native/threads").ok()));
    }
    let mut rows = vec![row("  … average running threads of 4, GIL | 1", "", 1.1, locked)];
    if free.is_empty() {
        println!("threads without a GIL: not measured; python3.13t is missing");
    } else {
        rows.push(row("  … share of time not blocked: native | python3.13t", "", 1.15, free));
    }
    Ok(rows)
}

/// The bar is the noise: how far two runs that are not recorded differ in nine of ten pairs.
fn slowdown(traced: &Traced) -> Result<Vec<Row>, String> {
    let (mut pairs, mut noise) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let bare = traced.ordinary(false)?;
        pairs.push((bare, traced.ordinary(true)?));
        noise.push((traced.ordinary(false)? / bare - 1.0).abs());
    }
    noise.sort_by(f64::total_cmp);
    let bar = 1.0 + noise[noise.len() * 9 / 10];
    Ok(vec![row("an ordinary Python run, recorded | not; bar: the noise", "ms", bar, pairs)])
}

fn accounts(traced: &Traced) -> Vec<Row> {
    let (mut rate, mut lost, mut reader, mut equation) = (vec![], vec![], vec![], vec![]);
    for _ in 0..3 {
        let (switches, recording) = traced.ping_pong();
        let seen = scheduling::scheduling(&recording);
        rate.push((switches / 1e3, 150.0));
        lost.push((seen.records as f64, seen.lost as f64));
        reader.push((100.0, seen.reader_cpu_ns.unwrap_or(0) as f64 / seen.records as f64));
        equation.push(scheduling::equation(&recording));
    }
    let forks = traced.forks();
    // The runner, four loads and 300 processes of each.
    let processes = vec![(1.0 + 4.0 * 301.0, scheduling::ended(&forks) as f64)];
    // The kernel detaches the recorder from a process that ends before it is done with it.
    let (expected, seen) = scheduling::equation(&forks);
    let exits = scheduling::scheduling(&forks).kinds.exits as f64;
    let behind_the_end = vec![(2.0, (expected - seen) / 2.0 / exits)];
    vec![
        row("2 ping-pongs, 1,000 switches a second: 150 | there were", "", 1.0, rate),
        row("  … records lost | delivered", "", 0.0, lost),
        row("  … reading a record | 100 ns", "ns", 1.0, reader),
        apart("  … records + lost | 2 × switches + the rest", "", 1.001, equation),
        apart("1,205 short processes: seen to end | there were", "", 1.0, processes),
        row("  … switches behind its end, a process | 2", "", 1.0, behind_the_end),
    ]
}

fn nothing(strategy: &'static str, workers: u32, tasks: u32) -> Work {
    Work { strategy, workers, steps: Value::Array(Vec::new()), tasks, units: 0 }
}

fn alternate(peer: &str, work: &Work) -> Vec<(Measured, Measured)> {
    (0..ROUNDS).map(|_| (peers::run(peer, work.tasks), ours::run(work))).collect()
}

fn times(pairs: &[(Measured, Measured)]) -> Vec<(f64, f64)> {
    pairs.iter().map(|(peer, ours)| (peer.ns as f64 / 1e6, ours.ns as f64 / 1e6)).collect()
}

/// Medians of both, and the median of the ratios of the pairs.
fn row(what: &str, unit: &'static str, bar: f64, pairs: Vec<(f64, f64)>) -> Row {
    let ratios: Vec<f64> = pairs.iter().map(|(peer, ours)| ours / peer).collect();
    let (peers, ours): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let [peer, ours, ratio] = [&peers, &ours, &ratios].map(|values| median(values));
    Row { what: what.into(), peer, ours, unit, ratio, bar }
}

/// As everywhere; NaN, which passes no bar, of nothing.
fn median(values: &[f64]) -> f64 {
    stats::median(values).unwrap_or(f64::NAN)
}
