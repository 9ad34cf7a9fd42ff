//! Bad input, as a new user would try it: one error with place and next step, exit code 2, and
//! nothing is started.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::{Expect, expect};

use crate::program::Place;

fn check(source: &str, line: &str, expected: Expect) {
    let place = Place::new().file("work.kdl", source);
    expected.assert_eq(&place.transcript(line));
}

fn refused(line: &str, expected: Expect) {
    check("task \"t\" count=2 { wait \"1ms\" }\n", line, expected);
}

#[test]
fn an_empty_file() {
    check("", "compare work.kdl", expect![]);
}

#[test]
fn a_binary_file() {
    let place = Place::new().file("work.kdl", [0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0]);
    expect![].assert_eq(&place.transcript("compare work.kdl"));
}

#[test]
fn a_file_of_100_mb() {
    let place = Place::new();
    let file = std::fs::File::create(place.path("work.kdl")).unwrap();
    file.set_len(100 << 20).unwrap();
    expect![].assert_eq(&place.transcript("compare work.kdl"));
}

#[test]
fn an_unknown_step_and_a_misspelt_one() {
    check(
        "task \"t\" count=2 {\n    wiat \"1ms\"\n    dance \"1ms\"\n}\n",
        "compare work.kdl",
        expect![],
    );
}

#[test]
fn a_negative_duration() {
    check("task \"t\" count=2 { wait \"-1ms\" }\n", "compare work.kdl", expect![]);
}

#[test]
fn an_unknown_parameter() {
    check(
        "param \"tables\" 5\ntask \"t\" count=\"$nope\" { wait \"1ms\" }\n",
        "compare work.kdl",
        expect![],
    );
}

#[test]
fn a_recursive_hold() {
    check(
        "resource \"waiter\" capacity=1\ntask \"t\" count=2 {\n    hold \"waiter\" {\n        hold \"waiter\" { wait \"1ms\" }\n    }\n}\n",
        "compare work.kdl",
        expect![],
    );
}

#[test]
fn a_capacity_of_nothing() {
    check(
        "resource \"waiter\" capacity=0\ntask \"t\" count=2 { hold \"waiter\" { wait \"1ms\" } }\n",
        "compare work.kdl",
        expect![],
    );
}

#[test]
fn an_unknown_model() {
    refused("compare work.kdl --models native/thraeds", expect![]);
    refused("compare work.kdl --models nativ/threads", expect![]);
    refused("compare work.kdl --models pizza", expect![]);
    refused("compare work.kdl --models native/thread-pool:0", expect![]);
    refused("run work.kdl --model native/thraeds", expect![]);
}

#[test]
fn a_baseline_that_does_not_take_part() {
    refused("compare work.kdl --models threads --baseline native/event-loop", expect![]);
}

#[test]
fn numbers_of_workers() {
    refused("compare work.kdl --workers 0", expect![]);
    refused("compare work.kdl --workers 8..1", expect![]);
    refused("run work.kdl --workers 0", expect![]);
}

#[test]
fn options() {
    refused("compare work.kdl --speed fast", expect![]);
    refused("compare work.kdl --budget 10", expect![]);
    refused("compare work.kdl --memory-limit 12", expect![]);
    refused("compare work.kdl --set tables", expect![]);
    refused("compare work.kdl --set tables=5", expect![]);
    refused("compare work.kdl --modles threads", expect![]);
    refused("compare", expect![]);
    refused("conpare work.kdl", expect![]);
}

#[test]
fn no_file_a_directory_no_permission() {
    refused("compare nope.kdl", expect![]);
    refused("compare .", expect![]);
    let place = Place::new().file("work.kdl", "task \"t\" count=2 { wait \"1ms\" }\n");
    let mode = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(place.path("work.kdl"), mode).unwrap();
    if is_root() {
        println!("root may read everything: the file without permission was not tried");
        return;
    }
    expect![].assert_eq(&place.transcript("compare work.kdl"));
}

#[test]
fn no_such_program() {
    refused("compare -- no-such-program --flag", expect![]);
}

#[test]
fn an_export_that_cannot_be_written() {
    refused("compare work.kdl --export-json no/such/folder.json", expect![]);
    refused("compare work.kdl --export-csv /proc/result.csv", expect![]);
}

#[test]
fn a_saved_result_of_another_kind() {
    let place = Place::new().file("old.json", "{\"schema_version\": 99}");
    expect![].assert_eq(&place.transcript("compare old.json"));
    let place = Place::new().file("old.json", "[1, 2");
    expect![].assert_eq(&place.transcript("compare old.json"));
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
