//! Comparisons made up for it, whole as a terminal shows them.

use std::string::{String, ToString as _};
use std::vec::Vec;

use expect_test::expect;
use maitred_wire::Strategy::*;

use super::super::Options;
use super::super::tests::{check, five_tables, troubled};
use super::table;
use crate::analyse::compare;
use crate::analyse::sample::compared;
use crate::result::{Comparison, Verdict};
use crate::trace::sample::tables;

fn details(width: usize) -> Options {
    Options { width, details: true, ..Options::default() }
}

#[test]
fn the_answer_is_read_in_five_seconds() {
    let options = Options::default();
    check(
        &table(&five_tables(), &options),
        80,
        &expect![[r#"
        Waiters and tables
        Five tables read and then order, and there is one waiter.

          Use `threads`: 927 ms, 2.78× as fast as sequential execution (2.57 s).
          I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used):
          concurrency pays, parallelism does not.
          The one `waiter` is the bottleneck: under `event-loop`, 29 % of all task time
          is a `table` waiting for it.
          No model can finish in less than 900 ms (that long `waiter` is held, one task
          at a time, with what must come before and after); `event-loop` reaches that
          (926 ms). One more `waiter` would lower the bound to 650 ms.

                         time             vs best      CPU    memory
          event-loop  0.926 s  ▇▇▇              =  1.20 ms  2.10 MiB
          threads     0.927 s  ▇▇▇              =  2.00 ms  2.49 MiB
          sequential   2.57 s  ▇▇▇▇▇▇▇▇▇    2.78×  1.20 ms  2.10 MiB

          6 rounds in 8.20 s, speed 10×, 95 % intervals within 1.2 %, noise unknown.
          Next: maitred run workloads/waiters.kdl --model event-loop --speed 10x
          more: --details, --help
    "#]],
    );
    check(
        &table(&troubled(), &options),
        80,
        &expect![[r#"
        Waiters and tables
        Five tables read and then order, and there is one waiter.

          Use `event-loop`: 1.44 s, 71.4× as fast as sequential execution (103 s).
          How many tasks were under way at once differs: under `event-loop` all 200,
          under `processes:4` 4 and `thread-pool:2` 2. For work that waits this decides,
          and not the model: compare at equal concurrency (`--workers 200`).
          I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used):
          concurrency pays, parallelism does not.
          The 20 of `waiter` are the bottleneck: under `event-loop`, 47 % of all task
          time is a `table` waiting for one.
          No model can finish in less than 1.40 s (that long the 20 of `waiter` are
          held, with what must come before and after); `event-loop` reaches that (1.44
          s). One more `waiter` would lower the bound to 1.35 s.

                           time             vs best      CPU    memory
          event-loop     1.44 s  ▇                =  1.20 ms  2.10 MiB
          threads        1.45 s  ▇                =  41.0 ms         ?
          sequential      103 s  ▇▇▇▇▇▇▇▇▇    71.4×  1.20 ms  2.10 MiB
          thread-pool:2  failed: timed out after 60.0 s (in 2 of 6 rounds)
          processes:4    failed: wrong result: expected counter = 2000, it is 500 (each
                         process has its own: 500, 500, 499, 501)
          ? memory: /proc/PID/smaps_rollup may not be read

          5 to 6 rounds in 8.20 s, speed 10×, 95 % intervals within 1.9 %, 1 of 30 runs
          disturbed and left out.
          Next: maitred run workloads/waiters.kdl --model event-loop --speed 10x
          more: --details, --help
    "#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "what is expected is long")]
fn everything_else_stands_behind_details() {
    check(
        &table(&five_tables(), &details(80)),
        80,
        &expect![[r#"
        Waiters and tables
        Five tables read and then order, and there is one waiter. Try two.

          Use `threads`: 927 ms, 2.78× as fast as sequential execution (2.57 s).
          I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used):
          concurrency pays, parallelism does not.
          The one `waiter` is the bottleneck: under `event-loop`, 29 % of all task time
          is a `table` waiting for it.
          No model can finish in less than 900 ms (that long `waiter` is held, one task
          at a time, with what must come before and after); `event-loop` reaches that
          (926 ms). One more `waiter` would lower the bound to 650 ms.

                         time             vs best      CPU    memory
          event-loop  0.926 s  ▇▇▇              =  1.20 ms  2.10 MiB
          threads     0.927 s  ▇▇▇              =  2.00 ms  2.49 MiB
          sequential   2.57 s  ▇▇▇▇▇▇▇▇▇    2.78×  1.20 ms  2.10 MiB

          6 rounds in 8.20 s, speed 10×, 95 % intervals within 1.2 %, noise unknown.
          Next: maitred run workloads/waiters.kdl --model event-loop --speed 10x

        workloads/waiters.kdl · 5 tasks · tables = 5 · speed 10× · seed 1
        AMD EPYC · 2 processors · 24.0 GiB · Linux 6.18.5 · kvm

        Also
        • `threads` is as fast as `event-loop`, and no cost differs by an amount that
          matters: of equals the simplest is taken, in the order threads, event-loop.

        How fast (median of 6 rounds)
        model                work      ±                 × fastest     interval  verdict
        native/event-loop  926 ms  1.2 %  ▇▇▇▇▇              1.00×               fastest
        native/threads     927 ms  1.2 %  ▇▇▇▇▇              1.00×  0.999–1.001  same
        native/sequential  2.57 s  1.2 %  ▇▇▇▇▇▇▇▇▇▇▇▇▇      2.78×    2.78–2.78  slower

        At what cost
        model              workers      CPU   cores    memory  start-up
        native/event-loop        1  1.20 ms  < 0.01  2.10 MiB   3.00 ms
        native/threads           5  2.00 ms  < 0.01  2.49 MiB   3.00 ms
        native/sequential        1  1.20 ms  < 0.01  2.10 MiB   3.00 ms
        CPU: processor time of the work; memory: the most that all processes took
        together; start-up: of the process and its workers

        Context switches
        model              voluntary  involuntary
        native/event-loop         20            3
        native/threads            20            3
        native/sequential         20            3
        voluntary: a thread had to wait and gave its processor up; involuntary: the
        scheduler took its processor away
    "#]],
    );
    check(
        &table(&troubled(), &details(80)),
        80,
        &expect![[r#"
            Waiters and tables
            Five tables read and then order, and there is one waiter. Try two.

              Use `event-loop`: 1.44 s, 71.4× as fast as sequential execution (103 s).
              How many tasks were under way at once differs: under `event-loop` all 200,
              under `processes:4` 4 and `thread-pool:2` 2. For work that waits this decides,
              and not the model: compare at equal concurrency (`--workers 200`).
              I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used):
              concurrency pays, parallelism does not.
              The 20 of `waiter` are the bottleneck: under `event-loop`, 47 % of all task
              time is a `table` waiting for one.
              No model can finish in less than 1.40 s (that long the 20 of `waiter` are
              held, with what must come before and after); `event-loop` reaches that (1.44
              s). One more `waiter` would lower the bound to 1.35 s.

                               time             vs best      CPU    memory
              event-loop     1.44 s  ▇                =  1.20 ms  2.10 MiB
              threads        1.45 s  ▇                =  41.0 ms         ?
              sequential      103 s  ▇▇▇▇▇▇▇▇▇    71.4×  1.20 ms  2.10 MiB
              thread-pool:2  failed: timed out after 60.0 s (in 2 of 6 rounds)
              processes:4    failed: wrong result: expected counter = 2000, it is 500 (each
                             process has its own: 500, 500, 499, 501)
              ? memory: /proc/PID/smaps_rollup may not be read

              5 to 6 rounds in 8.20 s, speed 10×, 95 % intervals within 1.9 %, 1 of 30 runs
              disturbed and left out.
              Next: maitred run workloads/waiters.kdl --model event-loop --speed 10x

            workloads/waiters.kdl · 200 tasks · tables = 5 · speed 10× · seed 1
            AMD EPYC · 2 processors · 24.0 GiB · Linux 6.18.5 · kvm

            Also
            • `event-loop` is as fast as `threads`, which is simpler, and uses 2.9 % of the
              processor time (1.20 ms against 41.0 ms) and a tenth of the memory (2.10 MiB
              against 21.5 MiB).

            How fast (median of 6 rounds)
            model                work      ±                 × fastest     interval  verdict
            native/event-loop  1.44 s  1.2 %  ▇                  1.00×               fastest
            native/threads     1.45 s  1.9 %  ▇                  1.00×  0.999–1.001  same
            native/sequential   103 s  1.2 %  ▇▇▇▇▇▇▇▇▇▇▇▇▇      71.4×    71.4–71.5  slower

            At what cost
            model              workers      CPU   cores    memory  start-up
            native/event-loop        1  1.20 ms  < 0.01  2.10 MiB   3.00 ms
            native/threads         200  41.0 ms    0.03         ?   3.00 ms
            native/sequential        1  1.20 ms  < 0.01  2.10 MiB   3.00 ms
            CPU: processor time of the work; memory: the most that all processes took
            together; start-up: of the process and its workers
            ? memory: /proc/PID/smaps_rollup may not be read

            Context switches
            model              voluntary  involuntary
            native/event-loop        800            3
            native/threads           800            3
            native/sequential        800            3
            voluntary: a thread had to wait and gave its processor up; involuntary: the
            scheduler took its processor away

            Latency of a task (from its start; done: from the start of the work)
            model                 p50     p90     p99     max  done p50  done p99  tasks/s
            native/event-loop  900 ms  1.30 s  1.40 s  1.40 s    900 ms    1.40 s      139
            native/threads     900 ms  1.30 s  1.40 s  1.40 s    900 ms    1.40 s      138
            native/sequential  500 ms  500 ms  500 ms  500 ms    50.0 s    99.0 s     1.94
            no room in 80 columns for: p99.9

            Not ranked
            native/thread-pool:2  timed out after 60.0 s (in 2 of 6 rounds)
            native/processes:4    wrong result: expected counter = 2000, it is 500 (each
                                  process has its own: 500, 500, 499, 501)

            Notes
            • Disturbed rounds, left out: `native/threads` 1 of 6. For example: other
              processes used 43 % of the processors.
            • `native/event-loop`: 1,234 spans had no room in the trace; counts and times of
              tasks are exact, those of steps are not.
        "#]],
    );
}

#[test]
fn ratios_that_do_not_follow_from_the_times_are_explained() {
    let note = "ratios are of pairs";
    let mut comparison = five_tables();
    let shown = |comparison: &Comparison| table(comparison, &Options::default());
    assert!(!shown(&comparison).contains(note), "2.57 s is 2.78 times 0.926 s");
    // The fastest by its ratio, though a later one has the shorter time.
    comparison.ranking.iter_mut().for_each(|rank| match rank.verdict {
        Verdict::Reference => {}
        _ => (rank.verdict, rank.ratio) = (Verdict::Slower, 2.78),
    });
    let rank = comparison.ranking.last().unwrap().contestant as usize;
    comparison.contestants[rank].summary.as_mut().unwrap().work_ns = 900_000_000;
    assert!(shown(&comparison).contains(note), "{}", shown(&comparison));
}

#[test]
fn a_wide_terminal_shows_more() {
    check(
        &table(&five_tables(), &details(120)),
        120,
        &expect![[r#"
            Waiters and tables
            Five tables read and then order, and there is one waiter. Try two.

              Use `threads`: 927 ms, 2.78× as fast as sequential execution (2.57 s).
              I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used): concurrency pays, parallelism does not.
              The one `waiter` is the bottleneck: under `event-loop`, 29 % of all task time is a `table` waiting for it.
              No model can finish in less than 900 ms (that long `waiter` is held, one task at a time, with what must come before
              and after); `event-loop` reaches that (926 ms). One more `waiter` would lower the bound to 650 ms.

                             time                  vs best      CPU    memory
              event-loop  0.926 s  ▇▇▇▇▇                 =  1.20 ms  2.10 MiB
              threads     0.927 s  ▇▇▇▇▇                 =  2.00 ms  2.49 MiB  simplest of 2 equals
              sequential   2.57 s  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇    2.78×  1.20 ms  2.10 MiB

              6 rounds in 8.20 s, speed 10×, 95 % intervals within 1.2 %, noise unknown.
              Next: maitred run workloads/waiters.kdl --model event-loop --speed 10x

            workloads/waiters.kdl · 5 tasks · tables = 5 · speed 10× · seed 1
            AMD EPYC · 2 processors · 24.0 GiB · Linux 6.18.5 · kvm

            Also
            • `threads` is as fast as `event-loop`, and no cost differs by an amount that matters: of equals the simplest is taken,
              in the order threads, event-loop.

            How fast (median of 6 rounds)
            model                work      ±                                            × fastest     interval  verdict
            native/event-loop  926 ms  1.2 %  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇                                1.00×               fastest
            native/threads     927 ms  1.2 %  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇                                1.00×  0.999–1.001  same
            native/sequential  2.57 s  1.2 %  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇      2.78×    2.78–2.78  slower

            At what cost
            model              workers      CPU   cores    memory  start-up
            native/event-loop        1  1.20 ms  < 0.01  2.10 MiB   3.00 ms
            native/threads           5  2.00 ms  < 0.01  2.49 MiB   3.00 ms
            native/sequential        1  1.20 ms  < 0.01  2.10 MiB   3.00 ms
            CPU: processor time of the work; memory: the most that all processes took together; start-up: of the process and its
            workers

            Context switches
            model              voluntary  involuntary
            native/event-loop         20            3
            native/threads            20            3
            native/sequential         20            3
            voluntary: a thread had to wait and gave its processor up; involuntary: the scheduler took its processor away
        "#]],
    );
}

#[test]
fn a_narrow_terminal_without_unicode_says_what_it_had_no_room_for() {
    let options = Options { ascii: true, ..details(44) };
    let text = table(&five_tables(), &options);
    assert!(text.is_ascii());
    check(
        &text,
        44,
        &expect![[r#"
            Waiters and tables
            Five tables read and then order, and there
            is one waiter. Try two.

              Use `threads`: 927 ms, 2.78x as fast as
              sequential execution (2.57 s).
              I/O-bound (100 % of task time waiting, <
              0.01 of 2 processors used): concurrency
              pays, parallelism does not.
              The one `waiter` is the bottleneck: under
              `event-loop`, 29 % of all task time is a
              `table` waiting for it.
              No model can finish in less than 900 ms
              (that long `waiter` is held, one task at a
              time, with what must come before and
              after); `event-loop` reaches that (926
              ms). One more `waiter` would lower the
              bound to 650 ms.

                             time         vs best
              event-loop  0.926 s  ##           =
              threads     0.927 s  ##           =
              sequential   2.57 s  #####    2.78x
              no room in 44 columns for: memory, CPU

              6 rounds in 8.20 s, speed 10x, 95 %
              intervals within 1.2 %, noise unknown.
              Next: maitred run workloads/waiters.kdl \
                    --model event-loop --speed 10x

            workloads/waiters.kdl - 5 tasks - tables = 5
            - speed 10x - seed 1
            AMD EPYC - 2 processors - 24.0 GiB - Linux
            6.18.5 - kvm

            Also
            * `threads` is as fast as `event-loop`, and
              no cost differs by an amount that matters:
              of equals the simplest is taken, in the
              order threads, event-loop.

            How fast (median of 6 rounds)
            model               work  x fastest  verdict
            native/event-lo~  926 ms      1.00x  fastest
            native/threads    927 ms      1.00x  same
            native/sequenti~  2.57 s      2.78x  slower
            no room in 44 columns for: +/-, interval

            At what cost
            model                  CPU   cores    memory
            native/event-loop  1.20 ms  < 0.01  2.10 MiB
            native/threads     2.00 ms  < 0.01  2.49 MiB
            native/sequential  1.20 ms  < 0.01  2.10 MiB
            CPU: processor time of the work; memory: the
            most that all processes took together
            no room in 44 columns for: start-up, workers

            Context switches
            model              voluntary  involuntary
            native/event-loop         20            3
            native/threads            20            3
            native/sequential         20            3
            voluntary: a thread had to wait and gave its
            processor up; involuntary: the scheduler
            took its processor away
        "#]],
    );
}

/// Threads of two runtimes, of which one failed besides, and one that cannot be told apart.
fn two_runtimes() -> Comparison {
    let models = [(Threads, None), (EventLoop, None), (Sequential, None), (ThreadPool, Some(2))];
    let mut comparison = compared(&tables(5, 1), &models, 6);
    for one in &mut comparison.contestants[1..3] {
        one.model.runtime = "python3.13".into();
    }
    for run in &mut comparison.contestants[3].runs {
        run.end = crate::trace::RunEnd::TimedOut { limit_ns: 60_000_000_000 };
    }
    compare::rank(&mut comparison, None);
    comparison
}

#[test]
fn rows_are_grouped_by_runtime_where_there_are_several() {
    check(
        &table(&two_runtimes(), &Options::default()),
        80,
        &expect![[r#"
        Waiters and tables
        Five tables read and then order, and there is one waiter.

          Use `threads`: 927 ms, 2.78× as fast as sequential execution (2.57 s).
          How many tasks were under way at once differs: under `event-loop` all 5, under
          `thread-pool:2` 2. For work that waits this decides, and not the model:
          compare at equal concurrency (`--workers 5`).
          I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used):
          concurrency pays, parallelism does not.
          The one `waiter` is the bottleneck: under `event-loop`, 29 % of all task time
          is a `table` waiting for it.
          No model can finish in less than 900 ms (that long `waiter` is held, one task
          at a time, with what must come before and after); `event-loop` reaches that
          (926 ms). One more `waiter` would lower the bound to 650 ms.

                              time             vs best      CPU    memory
          python3.13
            event-loop     0.926 s  ▇▇▇              =  1.20 ms  2.10 MiB
            sequential      2.57 s  ▇▇▇▇▇▇▇▇▇    2.78×  1.20 ms  2.10 MiB
          native
            threads        0.927 s  ▇▇▇              =  2.00 ms  2.49 MiB
            thread-pool:2  failed: timed out after 60.0 s

          6 rounds in 8.20 s, speed 10×, 95 % intervals within 1.2 %, noise unknown.
          Next: maitred run workloads/waiters.kdl --model python3.13/event-loop \
                --speed 10x                                      more: --details, --help
    "#]],
    );
}

#[test]
fn what_cannot_be_told_is_a_question_with_its_reason_below() {
    let mut comparison = five_tables();
    let rank = &mut comparison.ranking[1];
    (rank.verdict, rank.low, rank.high) = (Verdict::Inconclusive, 0.97, 1.08);
    let text = table(&comparison, &Options::default());
    let row = text.lines().find(|line| line.trim_start().starts_with("threads")).unwrap();
    assert!(row.contains("  ?  ") && !row.contains('×'), "{row}");
    assert!(text.contains("? inconclusive: threads 0.970–1.080×"), "{text}");
    assert!(text.contains("Next: maitred compare workloads/waiters.kdl --speed 10x --budget 180s"));
    // And the opposite: where all is told there is no question.
    assert!(!table(&five_tables(), &Options::default()).contains('?'));
}

#[test]
fn nothing_is_suggested_that_cannot_be_typed() {
    let mut sent = five_tables();
    sent.subject.name = "maitred_sent:fetch".into();
    assert!(!table(&sent, &Options::default()).contains("Next:"));
    sent.subject.name = "/tmp/maitred-x/maitred_sent.kdl".into();
    assert!(!table(&sent, &Options::default()).contains("Next:"));
    sent.subject.name = "shop:fetch".into();
    assert!(table(&sent, &Options::default()).contains("Next:"));
    sent.settings.parameters =
        Vec::from([("inputs".into(), "/tmp/maitred-x/maitred_sent.jsonl".into())]);
    assert!(!table(&sent, &Options::default()).contains("Next:"));
}

#[test]
fn a_baseline_is_not_called_the_best() {
    let mut comparison = five_tables();
    let baseline = comparison.contestants[0].model.clone();
    compare::rank(&mut comparison, Some(&baseline));
    let text = table(&comparison, &Options::default());
    assert!(text.contains("vs baseline") && text.contains("  baseline  "), "{text}");
    assert!(text.contains("0.36×"), "{text}");
}

#[test]
fn the_next_command_is_the_one_that_tells_most() {
    let next = |comparison: &Comparison| -> String {
        let text = table(comparison, &Options::default());
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix("Next: "));
        line.unwrap_or_default().split("  ").next().unwrap_or_default().to_string()
    };
    let mut comparison = five_tables();
    assert_eq!(
        next(&comparison),
        "maitred run workloads/waiters.kdl --model event-loop --speed 10x",
        "no parameter is the number of waiters"
    );
    comparison.settings.parameters.push(("waiters".into(), "1".into()));
    let short = comparison.conclusion.bottleneck.as_mut().unwrap();
    assert_eq!((short.resource.as_str(), &short.parameter), ("waiter", &None));
    short.parameter = Some("waiters".into());
    comparison.settings.given = Some(Vec::from(["tables".to_string()]));
    assert_eq!(
        next(&comparison),
        "maitred compare workloads/waiters.kdl --set tables=5 --set waiters=2 \\"
    );
    for one in &mut comparison.contestants {
        one.runs.iter_mut().for_each(|run| run.tasks.failed = 1);
    }
    for one in &mut comparison.contestants {
        one.unranked = Some("it failed".into());
    }
    comparison.ranking.clear();
    assert!(next(&comparison).starts_with("maitred run workloads/waiters.kdl --model sequential"));
}

#[test]
fn colour_adds_nothing_but_colour() {
    for details in [false, true] {
        let plain = Options { details, ..Options::default() };
        let coloured = table(&troubled(), &Options { color: true, ..plain });
        assert!(coloured.contains('\x1b'));
        assert_eq!(super::super::tests::strip(&coloured), table(&troubled(), &plain));
    }
}
