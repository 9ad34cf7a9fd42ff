//! Pictures of results made up for it, whole.

use alloc::string::{String, ToString};
use alloc::vec;

use expect_test::{Expect, expect};
use maitred_wire::Strategy::{self, *};
use maitred_wire::trace_file::TaskOutcome;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::{Options, csv, json, markdown, phases, table, timeline};
use crate::analyse::nature::nature;
use crate::analyse::sample::{compared, rounds};
use crate::analyse::{compare, summary};
use crate::result::{Comparison, Conclusion, Run, SCHEMA, Verdict};
use crate::trace::sample::{Do, Sample, tables};
use crate::trace::{Observed, RunEnd, Trace, violations};
use crate::workload::{self, Expected, Relation};

const PLAIN: [(Strategy, Option<u32>); 3] =
    [(Sequential, None), (Threads, None), (EventLoop, None)];

pub(super) fn five_tables() -> Comparison {
    compared(&tables(5, 1), &PLAIN, 6)
}

/// The waiters again, with all that can go wrong.
pub(super) fn troubled() -> Comparison {
    let models = [PLAIN[0], PLAIN[1], PLAIN[2], (ThreadPool, Some(2)), (Processes, Some(4))];
    let mut comparison = compared(&tables(200, 20), &models, 6);
    for run in &mut comparison.contestants[3].runs[4..] {
        run.end = RunEnd::TimedOut { limit_ns: 60_000_000_000 };
    }
    for run in &mut comparison.contestants[4].runs {
        let of = Expected::Var("counter".into());
        let expected = workload::Expect { of, comparison: Relation::Equals, value: 2000 };
        let vars = vec![maitred_wire::VarValue {
            name: "counter".into(),
            value: 500,
            by_process: vec![500, 500, 499, 501],
        }];
        run.expectations = vec![summary::check(&expected, &vars, &run.tasks)];
        run.vars = vars;
    }
    let threads = &mut comparison.contestants[1].runs;
    threads[0].noise.dirty = Some("other processes used 43 % of the processors".into());
    for run in threads {
        run.memory = Observed::Unknown("/proc/PID/smaps_rollup may not be read".into());
    }
    comparison.contestants[2].runs[0].spans_dropped = 1234;
    compare::rank(&mut comparison, None);
    comparison
}

pub(super) fn check(text: &str, width: usize, expected: &Expect) {
    for line in text.lines() {
        assert!(super::paint::width(line) <= width, "wider than {width}: {line}");
        assert_eq!(line.trim_end(), line, "no spaces at the end");
    }
    expected.assert_eq(text);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = table::table(&five_tables(), &Options::default());
    let options = Options { color: true, ..Options::default() };
    let coloured = table::table(&five_tables(), &options);
    let bare = strip(&coloured);
    assert_ne!(coloured, plain);
    assert_eq!(bare, plain);
    let trace = tables(5, 1).run(Threads, 5);
    let coloured = timeline::timeline(&trace, &options);
    assert_ne!(coloured, strip(&coloured));
    assert_eq!(strip(&coloured), timeline::timeline(&trace, &Options::default()));
}

pub(super) fn strip(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, code)) = rest.split_once('\x1b') {
        bare.push_str(before);
        rest = code.split_once('m').expect("an escape ends in m").1;
    }
    bare + rest
}

#[test]
fn an_empty_comparison_is_no_error() {
    let mut comparison = five_tables();
    comparison.contestants.clear();
    comparison.ranking.clear();
    comparison.conclusion = Conclusion::default();
    let text = table::table(&comparison, &Options::default());
    assert!(text.contains("Waiters and tables"));
    assert!(markdown::markdown(&comparison).contains("Waiters and tables"));
    assert_eq!(csv::csv(&comparison).lines().count(), 1);
}

fn lanes(trace: &Trace, options: &Options, expected: &Expect) {
    check(&timeline::timeline(trace, options), options.width, expected);
}

#[test]
fn the_staircase_of_tables() {
    let options = Options::default();
    lanes(
        &tables(5, 1).run(Threads, 5),
        &options,
        &expect![[r#"
        native/threads  5 tasks, 5 lanes, 900 ms of work, 12.5 ms a cell
                ╷0              ╷200 ms         ╷400 ms         ╷600 ms         ╷800 ms
        table 1 ────────────────────────────────▓▓▓▓▓▓▓▓
        table 2 ────────────────────────────────░░░░░░░░▓▓▓▓▓▓▓▓
        table 3 ────────────────────────────────░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓
        table 4 ────────────────────────────────░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓
        table 5 ────────────────────────────────░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓
        ░░ queues for `waiter`   ▓▓ has `waiter`   ── waits
    "#]],
    );
    lanes(
        &tables(5, 1).run(EventLoop, 1),
        &options,
        &expect![[r#"
            native/event-loop  5 tasks, 5 lanes, 900 ms of work, 12.5 ms a cell
                    ╷0              ╷200 ms         ╷400 ms         ╷600 ms         ╷800 ms
            table 1 ────────────────────────────────▓▓▓▓▓▓▓▓
            table 2 ────────────────────────────────░░░░░░░░▓▓▓▓▓▓▓▓
            table 3 ────────────────────────────────░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓
            table 4 ────────────────────────────────░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓
            table 5 ────────────────────────────────░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓
            ░░ queues for `waiter`   ▓▓ has `waiter`   ── waits
            tasks wait at the same time: their waits (3.00 s) add up to more than the 900 ms
            drawn
        "#]],
    );
    lanes(
        &tables(5, 1).run(Sequential, 1),
        &options,
        &expect![[r#"
        native/sequential  5 tasks, 1 lane, 2.50 s of work, 34.2 ms a cell
               ╷0            ╷500 ms        ╷1 s          ╷1.5 s         ╷2 s
        worker ────────────▓▓▓───────────▓▓▓────────────▓▓▓───────────▓▓▓────────────▓▓▓
        ▓▓ has `waiter`   ── waits
    "#]],
    );
    lanes(
        &tables(5, 1).run(ThreadPool, 2),
        &options,
        &expect![[r#"
        native/thread-pool  5 tasks, 2 lanes, 1.50 s of work, 21.1 ms a cell
                 ╷0                     ╷500 ms                 ╷1 s
        worker 1 ───────────────────▓▓▓▓▓───────────────────▓▓▓▓───────────────────▓▓▓▓▓
        worker 2 ───────────────────░░░░░▓▓▓▓───────────────────▓▓▓▓▓
        ░░ queues for `waiter`   ▓▓ has `waiter`   ── waits
    "#]],
    );
}

#[test]
fn a_loop_that_stands_still() {
    let program = vec![Do::Wait(5), Do::Block(30), Do::Cpu(20)];
    let sample = Sample { program, ..tables(4, 1) };
    lanes(
        &sample.run(EventLoop, 1),
        &Options::default(),
        &expect![[r#"
            native/event-loop  4 tasks, 4 lanes, 205 ms of work, 2.85 ms a cell
                    ╷0               ╷50 ms            ╷100 ms          ╷150 ms
            loop     ━━━━━━━━━━━███████━━━━━━━━━━━███████━━━━━━━━━━███████━━━━━━━━━━━███████
            table 1 ──━━━━━━━━━━████████
            table 2 ──╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍━━━━━━━━━━━███████
            table 3 ──╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍━━━━━━━━━━████████
            table 4 ──╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍━━━━━━━━━━━███████
            ██ computes   ━━ blocks its loop   ── waits   ╍╍ overdue: its loop is busy
            tasks wait at the same time: their waits (320 ms) add up to more than the 205 ms
            drawn
        "#]],
    );
}

#[test]
fn a_wait_that_is_over_and_goes_on_is_overdue() {
    // The loop computes for 20 ms while others asked to be woken after 5 ms.
    let program = vec![Do::Wait(5), Do::Cpu(20)];
    let trace = Sample { program, ..tables(3, 1) }.run(EventLoop, 1);
    let text = timeline::timeline(&trace, &Options::default());
    let row = |text: &str, name: &str| {
        let row = text.lines().find(|line| line.starts_with(name)).unwrap();
        row.matches('╍').count()
    };
    let (first, second, third) =
        (row(&text, "table 1"), row(&text, "table 2"), row(&text, "table 3"));
    assert!(first == 0 && second > 10 && third > second + 10, "{text}");
    assert!(text.contains("╍╍ overdue: its loop is busy"), "{text}");
    // On threads nobody is late.
    let text = timeline::timeline(
        &Sample { program: vec![Do::Wait(5), Do::Cpu(20)], ..tables(3, 1) }.run(Threads, 3),
        &Options::default(),
    );
    assert!(!text.contains('╍') && !text.contains("overdue"), "{text}");
}

#[test]
fn a_blocking_call_of_a_hybrid_blocks_no_loop() {
    let program = vec![Do::Wait(5), Do::Block(30)];
    let of = |strategy| {
        let trace = Sample { program: program.clone(), ..tables(3, 1) }.run(strategy, 2);
        timeline::timeline(&trace, &Options::default())
    };
    assert!(of(Hybrid).contains("━━ blocks a thread of the pool"), "{}", of(Hybrid));
    assert!(of(EventLoop).contains("━━ blocks its loop"));
}

#[test]
fn many_lanes_are_bounded() {
    let options = Options { rows: 6, width: 60, ..Options::default() };
    let sample = Sample { arrivals: (0..2000).map(|task| task * 7).collect(), ..tables(2000, 40) };
    lanes(
        &sample.run(EventLoop, 1),
        &options,
        &expect![[r#"
            native/event-loop
            2,000 tasks, 72 lanes, 14.5 s of work, 302 ms a cell
                        ╷0              ╷5 s             ╷10 s
            table 1 +27 ───────────────────────────────────────────────
            table 2 +27 ───────────────────────────────────────────────
            table 3 +27 ───────────────────────────────────────────────
            table 4 +27 ───────────────────────────────────────────────
            table 5 +27 ───────────────────────────────────────────────
            table 6 +27 ───────────────────────────────────────────────
            … and 66 more lanes
            ▓▓ has `waiter`   ── waits
            tasks wait at the same time: their waits (67.2 s) add up to
            more than the 14.5 s drawn
        "#]],
    );
    lanes(
        &tables(10_000, 9).run(Threads, 1),
        &options,
        &expect![[r#"
            native/threads
            10,000 tasks, 10,000 lanes, 112 s of work, 2.15 s a cell
                    ╷0                     ╷50 s                  ╷100 s
            table 1 ─
            table 2 ─
            table 3 ─
            table 4 ─
            table 5 ─
            table 6 ─
            … and 9,994 more lanes
            ▓▓ has `waiter`   ── waits
        "#]],
    );
}

#[test]
fn lost_and_failed_tasks_are_marked() {
    let mut trace = tables(3, 1).run(Processes, 3);
    trace.tasks[1].outcome = TaskOutcome::Failed;
    trace.tasks[2].outcome = TaskOutcome::Open;
    trace.tasks[2].end_ns = 0;
    for span in trace.spans.iter_mut().filter(|span| span.task == 2 && span.step > 1) {
        span.end_ns = 0;
    }
    let options = Options { ascii: true, ..Options::default() };
    lanes(
        &trace,
        &options,
        &expect![[r#"
            native/processes  3 tasks, 3 lanes, 700 ms of work, 9.72 ms a cell
                    |0                  |200 ms              |400 ms             |600 ms
            table 1 -----------------------------------------@@@@@@@@@@@
            table 2 -----------------------------------------..........@@@@@@@@@@X
            table 3 -----------------------------------------....................X
            .. queues for `waiter`   @@ has `waiter`   -- waits   XX failed or lost
        "#]],
    );
    trace.tasks.iter_mut().for_each(|task| task.start_ns = 0);
    trace.done = None;
    lanes(
        &trace,
        &options,
        &expect![[r#"
        native/processes: no task was started, so there is nothing to show
    "#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "what is expected is long")]
fn one_run_by_phases() {
    let trace = tables(5, 1).run(Threads, 5);
    let run = summary::run(&trace, 0, &[]);
    let options = Options { details: true, ..Options::default() };
    let provenance = crate::recording::sample::provenance();
    let brief = |run: &Run| {
        let options = Options::default();
        let (subject, settings) = (&provenance.subject, &provenance.settings);
        [
            phases::lead(subject, &trace.model, trace.workers, run, &options),
            phases::phases(&trace.model, trace.workers, run, &options),
            phases::next(subject, settings, &options),
        ]
        .join("\n")
    };
    check(
        &brief(&run),
        80,
        &expect![[r#"
        Waiters and tables

          `native/threads` did 5 tasks in 900 ms, with 5 workers: 5.56 a second.

        CPU          2.00 ms in the work (1.00 ms user, 1.00 ms system): < 0.01
                     processors in use
        memory       2.49 MiB at most, all processes together (9 samples, 1 process)
        latency      p50 700 ms, p90 900 ms, p99 900 ms, p99.9 900 ms, max 900 ms (from
                     its start)

          Next: maitred compare waiters.kdl --set tables=5 --speed 10x
          more: --details, --help
    "#]],
    );
    check(
        &phases::phases(&trace.model, trace.workers, &run, &options),
        80,
        &expect![[r#"
            native/threads, 5 workers
            finished

            start-up      2.00 ms  ▇
            set-up        1.00 ms  ▇
            work           900 ms  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
            tear-down      500 µs                                                         ▇

            tasks        5 done: 5.56 a second
            CPU          2.00 ms in the work (1.00 ms user, 1.00 ms system): < 0.01
                         processors in use
            memory       2.49 MiB at most, all processes together (9 samples, 1 process)
            switches     20 voluntary, 3 involuntary
            latency      p50 700 ms, p90 900 ms, p99 900 ms, p99.9 900 ms, max 900 ms (from
                         its start)
            queueing     200 ms on average until a `hold` has what it asks for
        "#]],
    );
    let comparison = troubled();
    let processes = &comparison.contestants[4];
    let run = &processes.runs[0];
    check(
        &brief(run),
        80,
        &expect![[r#"
        Waiters and tables

          `native/threads` failed: wrong result: expected counter = 2000, it is 500
          (each process has its own: 500, 500, 499, 501).

        CPU          1.80 ms in the work (1.00 ms user, 800 µs system): < 0.01
                     processors in use
        memory       2.39 MiB at most, all processes together (9 samples, 1 process)
        latency      p50 500 ms, p90 500 ms, p99 500 ms, p99.9 500 ms, max 500 ms (from
                     its start)
        variable     counter = 500 (by process: 500, 500, 499, 501)
        expected     counter = 2000 does not hold: it is 500 (each process has its own:
                     500, 500, 499, 501)

          Next: maitred compare waiters.kdl --set tables=5 --speed 10x
          more: --details, --help
    "#]],
    );
    check(
        &phases::phases(&processes.model, processes.workers, run, &options),
        80,
        &expect![[r#"
            native/processes:4, 4 workers
            wrong result: expected counter = 2000, it is 500 (each process has its own: 500,
            500, 499, 501)

            start-up      2.00 ms  ▇
            set-up        1.00 ms  ▇
            work           25.5 s  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
            tear-down      500 µs                                                         ▇

            tasks        200 done: 7.83 a second
            CPU          1.80 ms in the work (1.00 ms user, 800 µs system): < 0.01
                         processors in use
            memory       2.39 MiB at most, all processes together (9 samples, 1 process)
            switches     800 voluntary, 3 involuntary
            latency      p50 500 ms, p90 500 ms, p99 500 ms, p99.9 500 ms, max 500 ms (from
                         its start)
            queueing     0 ns on average until a `hold` has what it asks for
            variable     counter = 500 (by process: 500, 500, 499, 501)
            expected     counter = 2000 does not hold: it is 500 (each process has its own:
                         500, 500, 499, 501)
        "#]],
    );
}

#[test]
fn markdown_for_a_document() {
    expect![[r#"
        ### Waiters and tables

        `workloads/waiters.kdl`, 200 tasks; AMD EPYC, 2 processors, maitred 0.1.0

        | model | work | ratio | 95 % | verdict | workers | CPU | cores | memory | start-up | voluntary | involuntary |
        | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | `native/event-loop` | 1.44 s | 1.00× |  | fastest | 1 | 1.20 ms | < 0.01 | 2.10 MiB | 3.00 ms | 800 | 3 |
        | `native/threads` | 1.45 s | 1.00× | 0.999–1.001 | same | 200 | 41.0 ms | 0.03 | ? | 3.00 ms | 800 | 3 |
        | `native/sequential` | 103 s | 71.4× | 71.4–71.5 | slower | 1 | 1.20 ms | < 0.01 | 2.10 MiB | 3.00 ms | 800 | 3 |

        ? memory: /proc/PID/smaps_rollup may not be read

        - Use `event-loop`: 1.44 s, 71.4× as fast as sequential execution (103 s).
        - How many tasks were under way at once differs: under `event-loop` all 200, under `processes:4` 4 and `thread-pool:2` 2. For work that waits this decides, and not the model: compare at equal concurrency (`--workers 200`).
        - I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used): concurrency pays, parallelism does not.
        - The 20 of `waiter` are the bottleneck: under `event-loop`, 47 % of all task time is a `table` waiting for one.
        - No model can finish in less than 1.40 s (that long the 20 of `waiter` are held, with what must come before and after); `event-loop` reaches that (1.44 s). One more `waiter` would lower the bound to 1.35 s.
        - `event-loop` is as fast as `threads`, which is simpler, and uses 2.9 % of the processor time (1.20 ms against 41.0 ms) and a tenth of the memory (2.10 MiB against 21.5 MiB).
        - `native/thread-pool:2` is not ranked: timed out after 60.0 s (in 2 of 6 rounds)
        - `native/processes:4` is not ranked: wrong result: expected counter = 2000, it is 500 (each process has its own: 500, 500, 499, 501)
        - Disturbed rounds, left out: `native/threads` 1 of 6. For example: other processes used 43 % of the processors.
        - `native/event-loop`: 1,234 spans had no room in the trace; counts and times of tasks are exact, those of steps are not.
    "#]].assert_eq(&markdown::markdown(&troubled()));
}

#[test]
fn csv_has_a_field_for_every_column() {
    let comparison = troubled();
    let text = csv::csv(&comparison);
    let runs: usize = comparison.contestants.iter().map(|contestant| contestant.runs.len()).sum();
    assert_eq!(text.lines().count(), runs + 1);
    for line in text.lines() {
        // Commas within quotes are no separators; no field here has a quote of its own.
        let outside: String = line.split('"').step_by(2).collect();
        assert_eq!(outside.matches(',').count() + 1, csv::COLUMNS.len(), "{line}");
    }
    assert!(text.contains(r#""wrong result: expected counter = 2000, it is 500 (each process has its own: 500, 500, 499, 501)""#), "{text}");
}

#[test]
fn a_saved_comparison_is_read_again() {
    for comparison in [five_tables(), troubled()] {
        assert!(json::from_json(&json::to_json(&comparison)) == Ok(comparison));
    }
    let mut open = five_tables();
    open.ranking[1].verdict = Verdict::Inconclusive;
    let text = json::to_json(&open);
    assert_eq!(text.matches("inconclusive").count(), 1, "{text}");
    let of_before = text.replace("\"inconclusive\"", "\"cannot-tell\"");
    assert!(json::from_json(&of_before) == Ok(open), "{of_before}");
}

#[test]
fn what_cannot_be_read_says_why() {
    let text = json::to_json(&five_tables());
    let fails = |text: &str, part: &str| {
        let error = json::from_json(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let version = |number: u32| {
        text.replacen(
            &std::format!("\"schema_version\": {SCHEMA}"),
            &std::format!("\"schema_version\": {number}"),
            1,
        )
    };
    fails(&version(99), "use the newer maitred");
    fails(&version(0), "use the older maitred");
    fails("hello", "no result that maitred saved");
    fails("{}", "missing field `schema_version`");
    fails(&text.replace("\"work_ns\"", "\"wrok_ns\""), "damaged or was changed by hand");
    fails(&text[..text.len() / 2], "no result");
}

#[test]
fn rounds_of_a_sample_are_reproducible() {
    let trace = tables(5, 1).run(Threads, 5);
    assert_eq!(rounds(&trace, 4), rounds(&trace, 4));
}

#[test]
fn what_was_lost_is_told_without_being_asked() {
    let trace = tables(6, 2).run(ThreadPool, 2);
    let mut run = summary::run(&trace, 0, &[]);
    run.notes = vec!["lost during the work: the worker at a".into(), "an aside".into()];
    let brief = phases::phases(&trace.model, trace.workers, &run, &Options::default());
    assert!(brief.contains("lost during the work: the worker at a"), "{brief}");
    assert!(!brief.contains("an aside"), "{brief}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// What a killed runner left, or a faulty one wrote, is shown or judged, and crashes nobody.
    #[test]
    fn a_trace_full_of_nonsense_panics_nowhere(
        nonsense in proptest::collection::vec((any::<usize>(), any::<[u64; 2]>(), any::<[u32; 3]>()), 1..40),
        pick in 0_usize..7,
        finished: bool,
    ) {
        let program = vec![Do::Wait(5), Do::Hold(0, vec![Do::Cpu(3), Do::Block(1)])];
        let mut trace = Sample { program, ..tables(6, 2) }.run(Strategy::ALL[pick], 2);
        for (place, [start_ns, end_ns], [task, step, lane]) in nonsense {
            let (spans, tasks) = (trace.spans.len(), trace.tasks.len());
            let span = &mut trace.spans[place % spans];
            (span.start_ns, span.end_ns) = (start_ns, end_ns);
            (span.task, span.step, span.lane) = (task % 8, step % 6, lane % 4);
            let task = &mut trace.tasks[place % tasks];
            (task.start_ns, task.end_ns, task.lane) = (start_ns, end_ns, lane);
        }
        if !finished {
            trace.done = None;
        }
        let run = summary::run(&trace, 0, &[]);
        nature(&trace, 2);
        violations(&trace, Some(2));
        timeline::timeline(&trace, &Options::default());
        phases::phases(&trace.model, 2, &run, &Options::default());
    }
}
