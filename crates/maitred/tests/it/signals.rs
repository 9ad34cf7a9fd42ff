//! However the program is ended: soon, with what was measured, and with no process left.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::form;
use crate::program::{Place, Running, STRATEGIES, stderr, stdout};

/// Tasks without an end, of which the first says that it is under way.
const ENDLESS: &str = "task \"first\" { run \"sh\" \"-c\" \"echo > begun\"\nwait \"1h\" }\n\
                       task \"nap\" count=3 { repeat 1000000 { wait \"20ms\" } }\n";

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

#[test]
fn an_interrupted_run_is_shown_under_every_strategy() {
    for strategy in STRATEGIES {
        let place = Place::new().file("work.kdl", ENDLESS);
        let running = place.start(&format!("run work.kdl --model native/{strategy}"));
        let running = running.wait_for(&place, "begun");
        running.signal("INT");
        let output = running.end();
        assert_eq!(code(&output), 130, "{strategy}: {output:?}");
        let text = stdout(&output);
        assert!(text.contains("interrupted") && text.contains("first"), "{strategy}: {text}");
        assert!(text.contains("0 done"), "{strategy}: {text}");
        assert_eq!(stderr(&output), "", "{strategy}");
    }
}

#[test]
fn an_interrupted_command_is_shown() {
    for strategy in ["sequential", "processes"] {
        let place = Place::new();
        let line = format!("run --count 3 --model command/{strategy} -- sh -c");
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.push("sleep 1000 & wait");
        let running = place.start_words(&words);
        running.wait_for_processes(if strategy == "processes" { 7 } else { 3 });
        running.signal("TERM");
        let output = running.end();
        assert_eq!(code(&output), 143, "{output:?}");
        assert!(stdout(&output).contains("interrupted"), "{output:?}");
    }
}

/// Starts a comparison of one model with exports and waits until its first round has ended.
fn compared(place: &Place, model: &str, work: &str) -> Running {
    let running = place.start(&format!(
        "compare {work} --warmup 0 --runs 100000 --models {model} \
         --export-json r.json --export-csv r.csv --export-markdown r.md"
    ));
    running.wait_for(place, "r.md")
}

#[test]
fn an_interrupted_comparison_keeps_its_rounds_under_every_strategy() {
    for strategy in STRATEGIES {
        let place = Place::new().file("work.kdl", "task \"nap\" count=4 { wait \"50ms\" }\n");
        let running = compared(&place, &format!("native/{strategy}"), "work.kdl");
        running.signal("INT");
        let output = running.end();
        assert_eq!(code(&output), 130, "{output:?}");
        assert!(stdout(&output).contains("How fast"), "{output:?}");
        assert!(stderr(&output).contains("interrupted"), "{output:?}");
        let saved: Value = form::valid_json(&place.read("r.json"));
        assert_eq!(saved["stopped"], "interrupted");
        assert!(!saved["contestants"][0]["summary"].is_null(), "{saved}");
        form::valid_csv(&place.read("r.csv"));
        form::valid_markdown(&place.read("r.md"));
    }
}

#[test]
fn a_comparison_is_interrupted_in_its_first_round() {
    let place = Place::new().file("work.kdl", ENDLESS);
    let running = place.start("compare work.kdl --warmup 0 --models threads --export-json r.json");
    let running = running.wait_for(&place, "begun");
    running.signal("TERM");
    let output = running.end();
    assert_eq!(code(&output), 143, "{output:?}");
    let saved = form::valid_json(&place.read("r.json"));
    assert_eq!(saved["stopped"], "interrupted");
}

#[test]
fn the_second_signal_kills_at_once() {
    let place = Place::new();
    // It does not listen to anybody, so the first signal waits for it a while.
    let stubborn = "trap '' INT TERM; while :; do sleep 1000; done";
    // On a busy machine the second may come when the first has done its work.
    let killed = (0..20).any(|_| {
        let running = place.start_words(&["run", "--count", "2", "--", "sh", "-c", stubborn]);
        running.wait_for_processes(3);
        running.signal("INT");
        // Two that are pending at the same time are one.
        std::thread::sleep(Duration::from_millis(30));
        running.signal("INT");
        let output = running.die();
        assert_eq!(code(&output), 130, "{output:?}");
        output.stdout.is_empty()
    });
    assert!(killed, "the second signal changed nothing: what was measured was shown");
}

#[test]
fn a_killed_maitred_leaves_nothing() {
    let place = Place::new().file("work.kdl", ENDLESS);
    for strategy in STRATEGIES {
        let running = place.start(&format!("compare work.kdl --models native/{strategy}"));
        running.wait_for_processes(if strategy == "processes" { 5 } else { 1 });
        running.kill();
    }
}

#[test]
fn a_killed_maitred_leaves_no_grandchildren() {
    with_grandchildren(Running::kill);
}

#[test]
fn nor_does_one_that_is_killed_together_with_its_runner() {
    with_grandchildren(Running::kill_with_runner);
}

fn with_grandchildren(kill: fn(Running)) {
    let steps = "run \"sh\" \"-c\" \"(sleep 1000 & sleep 1000) & setsid sleep 1000 & wait\"";
    let place = Place::new().file("work.kdl", format!("task \"t\" count=2 {{ {steps} }}\n"));
    for strategy in ["threads", "processes", "event-loop"] {
        let running = place.start(&format!("run work.kdl --model native/{strategy}"));
        // The runner, and of each task a shell and three sleepers, at least.
        running.wait_for_processes(9);
        kill(running);
    }
}
