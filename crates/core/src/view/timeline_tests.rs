//! Timelines of computed schedules.

use alloc::string::String;
use alloc::vec;

use expect_test::{Expect, expect};
use maitred_wire::Strategy;
use maitred_wire::trace_file::TaskOutcome;

use super::timeline::{TimelineOptions, timeline};
use crate::trace::Trace;
use crate::trace::sample::{Do, MS, Sample, tables};

const OPTIONS: TimelineOptions =
    TimelineOptions { width: 80, rows: 10, color: false, ascii: false };

fn check(trace: &Trace, options: &TimelineOptions, expected: Expect) {
    let text = timeline(trace, options);
    for line in text.lines() {
        assert!(line.chars().count() <= options.width, "{line}");
    }
    expected.assert_eq(&text);
}

#[test]
fn the_staircase_of_tables_waiting_for_the_waiter() {
    check(
        &tables(5, 1).run(Strategy::Threads, 5),
        &OPTIONS,
        expect![[r#"
        table 1 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓                               │
        table 2 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░········▓▓▓▓▓▓▓▓                       │
        table 3 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░················▓▓▓▓▓▓▓▓               │
        table 4 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░·······················▓▓▓▓▓▓▓▓▓       │
        table 5 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░·······························▓▓▓▓▓▓▓▓│
                └┬──────────────┬───────────────┬──────────────┬───────────────┬───────┘
                 0              200 ms          400 ms         600 ms          800 ms
          ░ waiting outside   · queueing for waiter   ▓ holding waiter
    "#]],
    );
}

#[test]
fn one_after_another() {
    check(
        &tables(5, 1).run(Strategy::Sequential, 1),
        &OPTIONS,
        expect![[r#"
        worker │░░░░░░░░░░░▓▓▓░░░░░░░░░░░░▓▓░░░░░░░░░░░░▓▓▓░░░░░░░░░░░▓▓▓░░░░░░░░░░░▓▓▓│
               └┬─────────────┬─────────────┬─────────────┬─────────────┬─────────────┬┘
                0             500 ms        1 s           1.5 s         2 s        2.5 s
          ░ waiting outside   ▓ holding waiter
    "#]],
    );
}

#[test]
fn a_loop_shows_its_tasks() {
    check(
        &tables(5, 1).run(Strategy::EventLoop, 1),
        &OPTIONS,
        expect![[r#"
        table 1 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓                               │
        table 2 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░········▓▓▓▓▓▓▓▓                       │
        table 3 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░················▓▓▓▓▓▓▓▓               │
        table 4 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░·······················▓▓▓▓▓▓▓▓▓       │
        table 5 │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░·······························▓▓▓▓▓▓▓▓│
                └┬──────────────┬───────────────┬──────────────┬───────────────┬───────┘
                 0              200 ms          400 ms         600 ms          800 ms
          ░ waiting outside   · queueing for waiter   ▓ holding waiter
    "#]],
    );
}

#[test]
fn letters_for_every_terminal_and_rows_that_do_not_fit() {
    let options = TimelineOptions { rows: 3, ascii: true, width: 60, ..OPTIONS };
    check(
        &tables(100, 10).run(Strategy::Threads, 100),
        &options,
        expect![[r#"
        table 1 |~~~~~~~~~~~~~~HHHH                                |
        table 2 |~~~~~~~~~~~~~~HHHH                                |
        table 3 |~~~~~~~~~~~~~~HHHH                                |
                ++----------------+-----------------+--------------+
                 0                500 ms            1 s
        ... and 97 more lanes
          ~ waiting outside   H holding waiter
    "#]],
    );
}

#[test]
fn computing_blocking_and_a_failure() {
    let sample = Sample {
        name: "job",
        program: vec![Do::Cpu(30), Do::Block(20), Do::Wait(50)],
        count: 4,
        arrivals: vec![],
        resources: vec![],
    };
    let mut trace = sample.run(Strategy::ThreadPool, 2);
    trace.tasks[1].outcome = TaskOutcome::Failed;
    check(
        &trace,
        &OPTIONS,
        expect![[r#"
        worker 1 │██████████▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░░░██████████▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░░│
        worker 2 │██████████▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░░✗██████████▒▒▒▒▒▒▒░░░░░░░░░░░░░░░░░│
                 └┬────────────────┬────────────────┬────────────────┬────────────────┬┘
                  0                50 ms            100 ms           150 ms       200 ms
          █ computing   ░ waiting outside   ▒ in a blocking call   ✗ failed or lost
    "#]],
    );
}

#[test]
fn nothing_started() {
    let mut trace = tables(1, 1).run(Strategy::Threads, 1);
    trace.tasks[0].start_ns = 0;
    check(
        &trace,
        &OPTIONS,
        expect![[r#"
        no task was started
    "#]],
    );
}

#[test]
fn colours_change_nothing_but_the_colour() {
    let trace = tables(5, 1).run(Strategy::Threads, 5);
    let colored = timeline(&trace, &TimelineOptions { color: true, ..OPTIONS });
    let mut plain = String::new();
    let mut inside = false;
    for sign in colored.chars() {
        match sign {
            '\x1b' => inside = true,
            'm' if inside => inside = false,
            _ if !inside => plain.push(sign),
            _ => {}
        }
    }
    assert_eq!(plain, timeline(&trace, &OPTIONS));
    assert!(colored.len() > plain.len());
}

#[test]
fn many_tasks_on_two_workers_stay_a_picture() {
    let mut sample = tables(20_000, 1);
    sample.program = vec![Do::Cpu(1)];
    let text = timeline(&sample.run(Strategy::ThreadPool, 2), &OPTIONS);
    assert!(text.len() < 2_000, "{text}");
    assert!(text.contains("10 s"), "20,000 × {MS} ns on two workers take 10 s: {text}");
}
