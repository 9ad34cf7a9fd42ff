use alloc::string::String;
use alloc::vec;

use expect_test::{Expect, expect};
use maitred_wire::Strategy::{self, *};

use crate::analyse::sample::compared;
use crate::trace::sample::{Do, Sample, tables};

fn check(sample: &Sample, models: &[(Strategy, Option<u32>)], rounds: u32, expected: &Expect) {
    let text: String = compared(sample, models, rounds)
        .conclusion
        .iter()
        .map(|line| line.clone() + "\n")
        .collect();
    expected.assert_eq(&text);
}

const PLAIN: [(Strategy, Option<u32>); 3] =
    [(Sequential, None), (Threads, None), (EventLoop, None)];

#[test]
fn five_tables_and_one_waiter() {
    check(
        &tables(5, 1),
        &PLAIN,
        3,
        &expect![[r#"
        Mostly waiting (100 % of task time, 0.00 of 2 processors used): concurrency pays, parallelism does not.
        The one `waiter` is the bottleneck: under `native/event-loop`, 29 % of all task time is a `table` waiting for it.
        No model can finish in less than 900 ms (that long `waiter` is held, one task at a time, with what must come before and after); `native/event-loop` reaches that (918 ms). One more `waiter` would lower the bound to 650 ms.
        `native/event-loop` (918 ms) is as fast as `native/threads` and not costlier: use it.
        One after another (`native/sequential`) it takes 2.78× as long (2.55 s).
    "#]],
    );
}

#[test]
fn one_round_gives_no_verdict() {
    check(
        &tables(5, 1),
        &PLAIN,
        1,
        &expect![[r#"
        Mostly waiting (100 % of task time, 0.00 of 2 processors used): concurrency pays, parallelism does not.
        The one `waiter` is the bottleneck: under `native/event-loop`, 29 % of all task time is a `table` waiting for it.
        No model can finish in less than 900 ms (that long `waiter` is held, one task at a time, with what must come before and after); `native/event-loop` reaches that (918 ms). One more `waiter` would lower the bound to 650 ms.
        Of 1 round no verdict can be given: `native/event-loop` took 918 ms, `native/threads` 1.00× as long and `native/sequential` 2.78× as long. Run at least 3 rounds (`--runs 3`).
    "#]],
    );
}

#[test]
fn work_that_only_waits() {
    let sample = Sample { program: vec![Do::Wait(50)], ..tables(1000, 1) };
    check(
        &sample,
        &PLAIN,
        4,
        &expect![[r#"
            Mostly waiting (100 % of task time, 0.02 of 2 processors used): concurrency pays, parallelism does not.
            No model can finish in less than 50.0 ms (so long the longest task, `table 1000`, takes by itself); `native/event-loop` reaches that (51.5 ms).
            `native/event-loop` (51.5 ms) is as fast as `native/threads` and not costlier: use it.
            One after another (`native/sequential`) it takes 1,000× as long (51.5 s).
        "#]],
    );
}

#[test]
fn work_that_computes() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(100, 1) };
    let models =
        [(Sequential, None), (ThreadPool, Some(1)), (ThreadPool, Some(2)), (EventLoop, None)];
    check(
        &sample,
        &models,
        8,
        &expect![[r#"
            Mostly computing (100 % of task time, 1.95 of 2 processors used): only parallelism pays, and this machine has 2 processors.
            No model can finish in less than 500 ms (that much is to be computed on each of the 2 processors); `native/thread-pool:2` reaches that (515 ms).
            `native/thread-pool:2` is the fastest (515 ms): the next, `native/sequential`, takes 2.00× as long. Use it.
            `native/thread-pool` gains up to 2 workers (of 1, 2); this machine has 2 processors, and more workers than those cannot compute faster.
        "#]],
    );
}

#[test]
fn a_call_that_blocks_a_loop() {
    let sample = Sample { program: vec![Do::Wait(5), Do::Block(50)], ..tables(10, 1) };
    check(
        &sample,
        &PLAIN,
        5,
        &expect![[r#"
            Mostly waiting (100 % of task time, 0.05 of 2 processors used), 91 % in calls that block: only threads or processes can overlap those, a loop cannot.
            No model can finish in less than 55.0 ms (so long the longest task, `table 10`, takes by itself); `native/threads` reaches that (57.1 ms).
            `native/threads` is the fastest (57.1 ms): the next, `native/event-loop`, takes 9.18× as long. Use it.
            One after another (`native/sequential`) it takes 10.0× as long (571 ms).
            `native/event-loop` stands still while a task does `block 50ms`: for 99 % of its time, up to 50.0 ms at once with 9 other tasks waiting. Await it, or hand it to a pool (`hybrid`).
        "#]],
    );
}

#[test]
fn a_sweep_over_workers() {
    let sample = Sample { program: vec![Do::Wait(90), Do::Cpu(10)], ..tables(64, 1) };
    let models = [1, 2, 4, 8, 16, 32].map(|workers| (ThreadPool, Some(workers)));
    check(
        &sample,
        &models,
        8,
        &expect![[r#"
            Mostly waiting (90 % of task time, 3.15 of 2 processors used): concurrency pays, parallelism does not.
            `native/thread-pool:32` is the fastest (206 ms): the next, `native/thread-pool:16`, takes 2.00× as long. Use it.
            `native/thread-pool` still gains at 32 workers, the most that were tried (1, 2, 4, 8, 16, 32): try more.
            `native/thread-pool` scales by Gunther's law with contention 0 % and coherency 0 % (residual < 0.1 %): no limit can be seen near what was tried.
        "#]],
    );
}

#[test]
fn a_pool_that_is_too_small() {
    let sample = Sample { program: vec![Do::Wait(90), Do::Cpu(10)], ..tables(64, 1) };
    check(
        &sample,
        &[(Sequential, None), (ThreadPool, None)],
        5,
        &expect![[r#"
        Mostly waiting (90 % of task time, 0.56 of 2 processors used): concurrency pays, parallelism does not.
        No model can finish in less than 320 ms (that much is to be computed on each of the 2 processors); `native/thread-pool` takes 3.57× of that (1.14 s).
        `native/thread-pool` is the fastest (1.14 s): the next, `native/sequential`, takes 5.82× as long. Use it.
        A pool for this wants 20 workers (processors × (1 + waiting ÷ computing), waiting ÷ computing = 9.00); `native/thread-pool` had 6. Try `--workers`.
    "#]],
    );
}
