//! What the command line sets, right and wrong.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use expect_test::{Expect, expect};
use maitred_wire::{Action, Amount};

use super::super::{Choices, input_files, parse};
use super::{lowered, report};

const SOURCE: &str = r#"
title "${tables} tables"
param "tables" 5 min=1 max=100
param "waiters" 2
param "think" "4s" max="100s"
param "room" "10MiB"
param "ratio" 0.5 min=0.25
param "who" "me"
resource "waiter" capacity="$waiters"
task "table" count="$tables" {
    wait "$think"
    hold "waiter" { hold "waiter" { wait "${ratio}s" } }
    allocate "$room"
    fail "$who"
}
"#;

fn set(pairs: &[(&str, &str)]) -> Choices {
    let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    Choices { set: pairs.iter().map(own).collect(), ..Choices::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(pairs: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&report(SOURCE, &set(pairs)));
}

#[test]
fn values_take_the_place_of_defaults() {
    let settings =
        set(&[("tables", "7"), ("tables", "8"), ("think", "1m30s"), ("ratio", "2"), ("who", "$x")]);
    let lowered = lowered(SOURCE, &settings);
    assert_eq!(lowered.title.as_deref(), Some("8 tables"));
    assert_eq!(lowered.task_count(), 8);
    assert_eq!(lowered.programs[0].steps[0].action, Action::Wait(Amount::Ns(90_000_000_000)));
    let labels: Vec<&str> = lowered.steps.iter().map(|step| step.label.as_str()).collect();
    let expected = ["wait 1m30s", "hold waiter", "hold waiter", "hold waiter", "hold waiter"];
    assert_eq!(labels[..5], expected);
    assert_eq!(labels[5..], ["wait 2s", "allocate 10MiB", "fail $x"]);
    let parameters: Vec<String> =
        lowered.parameters.iter().map(|(name, value)| [name, "=", value].concat()).collect();
    expect!["tables=8 waiters=2 think=1m30s room=10MiB ratio=2 who=$x"]
        .assert_eq(&parameters.join(" "));
}

#[test]
fn a_duration_can_be_set_to_a_drawn_one() {
    let lowered = lowered(SOURCE, &set(&[("think", "(exponential)1s")]));
    assert_eq!(lowered.programs[0].steps[0].action, Action::Wait(Amount::Column(0)));
    assert_eq!(lowered.columns.len(), 5);
}

#[test]
fn mistakes_in_settings() {
    check(
        &[("table", "7"), ("nothing", "7")],
        expect![[r#"
        command line: unknown parameter `table`
          $ | --set table=7
            |       ^^^^^
            = did you mean `tables`?

        command line: unknown parameter `nothing`
          $ | --set nothing=7
            |       ^^^^^^^
            = there are `tables`, `waiters`, `think`, `room`, `ratio` and `who`

        2 mistakes in w.kdl
    "#]],
    );
    check(
        &[("tables", "many"), ("think", "4"), ("room", "4s"), ("ratio", "NaN")],
        expect![[r#"
        command line: `tables` must be a whole number
          $ | --set tables=many
            |              ^^^^
            = as its default is: 5

        command line: `think` must be a duration
          $ | --set think=4
            |             ^
            = as its default is: 4s

        command line: `room` must be a size
          $ | --set room=4s
            |            ^^
            = as its default is: 10MiB

        command line: `ratio` must be a number
          $ | --set ratio=NaN
            |             ^^^
            = as its default is: 0.5

        4 mistakes in w.kdl
    "#]],
    );
    check(
        &[("tables", "0"), ("think", "101s"), ("ratio", "0.1")],
        expect![[r#"
            command line: `tables` is at least 1
              $ | --set tables=0
                |              ^

            command line: `think` is at most 100s
              $ | --set think=101s
                |             ^^^^

            command line: `ratio` is at least 0.25
              $ | --set ratio=0.1
                |             ^^^

            3 mistakes in w.kdl
        "#]],
    );
    check(
        &[("tables", "")],
        expect![[r#"
        command line: `tables` must be a whole number
          $ | --set tables=
            |              ^
            = as its default is: 5

        1 mistake in w.kdl
    "#]],
    );
}

#[test]
fn mistakes_that_settings_bring_out() {
    check(
        &[("waiters", "1")],
        expect![[r#"
        w.kdl:12:21: this waits for ever: the task already holds the only unit of `waiter`
          12 |     hold "waiter" { hold "waiter" { wait "${ratio}s" } }
             |                     ^^^^
             = omit the inner `hold`, or raise the capacity

        1 mistake in w.kdl
    "#]],
    );
    check(
        &[("waiters", "0")],
        expect![[r#"
        w.kdl:9:28: a capacity is at least 1 (`$waiters` is 0)
          9 | resource "waiter" capacity="$waiters"
            |                            ^^^^^^^^^^

        1 mistake in w.kdl
    "#]],
    );
}

#[test]
fn the_speed_is_above_nothing() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-7] {
        let text = report(SOURCE, &Choices { speed, ..Choices::default() });
        assert!(text.contains("a speed lies between"), "{text}");
    }
}

#[test]
fn input_files_make_a_task_a_line() {
    let source = r#"
param "file" "urls"
server "api" strategy="thread-pool" workers=2 delay="1ms"
task "a" inputs="${file}.txt" { http "GET" "$api/x" }
task "b" count=2 { http "GET" "${api}/y" }
"#;
    let workload = parse(source).unwrap();
    assert_eq!(input_files(&workload, &[]), ["urls.txt"]);
    let unread = report(source, &Choices::default());
    assert!(unread.contains("`urls.txt` was not read"), "{unread}");

    let inputs = [("urls.txt".to_string(), 3)].into();
    let mut plan = lowered(source, &Choices { inputs, ..Choices::default() }).plan(
        maitred_wire::Strategy::Threads,
        5,
        None,
        "trace".into(),
        "columns".into(),
    );
    assert_eq!(plan.task_count(), 5);
    assert_eq!(plan.groups[1].first, 3);
    assert_eq!(plan.columns, None);
    super::super::address(&mut plan, &[("api".into(), "http://127.0.0.1:1".into())]);
    let url = |program: usize| match &plan.programs[program].steps[0].action {
        Action::Http { url, .. } => url.clone(),
        _ => String::new(),
    };
    assert_eq!([url(0), url(1)], ["http://127.0.0.1:1/x", "http://127.0.0.1:1/y"]);
}
