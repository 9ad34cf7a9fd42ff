//! Claims put to the test by the program, on real runs. No measured number is expected: what is
//! claimed here can be counted.

use serde_json::Value;

use crate::program::{Place, stderr, stdout};

/// The counter under a lock, and tasks of which one kills its process.
const CLAIMS: &str = r#"
title "Counted"
param "tasks" 6
var "guarded" 0
var "alone" 0
task "count" count="$tasks" { repeat 50 { update "guarded" add=1 } }
claim "what is guarded loses nothing" {
    figure "var" var="guarded" of="native/threads" equals="$tasks * 50"
    figure "var" var="guarded" of="native/threads tasks=2" equals=100
}
claim "every task fails" {
    figure "failed" of="native/threads" equals="$tasks"
    figure "done" of="native/threads" at-least=0
}
"#;

/// Whoever goes down with it would otherwise have had an hour more.
const CRASH: &str = r#"
param "time" "20ms"
task "work" count=5 { wait "$time" }
task "crash" { crash }
claim "a crash takes all threads down" { figure "done" of="native/threads time=1h" equals=0 }
claim "a crash spares the other processes" { figure "done" of="native/processes:6" equals=5 }
"#;

fn valid(text: &str) -> Value {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/check.schema.json")).unwrap();
    let check: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&check).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0], "{check}");
    let mut planted = check.clone();
    planted["experiments"][0]["claims"][0]["verdict"] = "maybe".into();
    assert!(!validator.is_valid(&planted));
    check
}

fn verdicts(check: &Value) -> Vec<&str> {
    let experiments = check["experiments"].as_array().unwrap().iter();
    let claims = experiments.flat_map(|experiment| experiment["claims"].as_array().unwrap());
    claims.map(|claim| claim["verdict"].as_str().unwrap()).collect()
}

#[test]
fn claims_hold_or_are_refuted_and_files_say_the_same() {
    let place = Place::new().file("counted.kdl", CLAIMS);
    let output = place.run("check counted.kdl --export-json c.json --export-markdown c.md");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    for line in [
        "counted.kdl · Counted · ",
        "holds: what is guarded loses nothing",
        "var guarded of native/threads tasks=2: 100; predicted: 100",
        "refuted: every task fails",
        "failed of native/threads: 0; predicted: 6",
        "2 claims: 1 holds, 1 is refuted.",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    assert_eq!(verdicts(&valid(&place.read("c.json"))), ["holds", "refuted"]);
    let document = place.read("c.md");
    assert!(document.contains("| counted.kdl | every task fails | refuted |"), "{document}");
    let strict = place.run("check counted.kdl --strict");
    assert_eq!(strict.status.code(), Some(4), "{strict:?}");
}

#[test]
fn a_pipe_gets_what_was_found_once_and_whole() {
    let place = Place::new().file("counted.kdl", CLAIMS).file("crash.kdl", CRASH);
    let output = place.run("check counted.kdl crash.kdl --export-markdown -");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    assert_eq!(text.matches("| counted.kdl | every task fails | refuted |").count(), 1, "{text}");
    assert!(text.contains("| crash.kdl | "), "{text}");
}

#[test]
fn a_claim_may_be_about_what_crashes() {
    let place = Place::new().file("crash.kdl", CRASH);
    let output = place.run("check crash.kdl --strict --export-json c.json");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(verdicts(&valid(&place.read("c.json"))), ["holds", "holds"]);
}

#[test]
fn what_ci_reads_says_the_same() {
    let place = Place::new().file("counted.kdl", CLAIMS);
    let output = place.run("check counted.kdl --export-junit c.xml --annotations");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    let line =
        "::error file=counted.kdl,title=refuted%3A every task fails::failed of native/threads: 0;";
    assert!(text.contains(line), "{text}");
    assert!(!text.contains("title=holds"), "{text}");
    let report = place.read("c.xml");
    assert!(report.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{report}");
}

#[test]
fn the_examples_for_ci_are_tested_and_not_refuted() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ci");
    let place = Place::new();
    let output = place.run(&format!("check {examples} --export-json c.json"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = valid(&place.read("c.json"));
    let verdicts = verdicts(&found);
    assert_eq!(verdicts.len(), 3, "{found}");
    assert!(verdicts.iter().all(|verdict| ["holds", "inconclusive"].contains(verdict)), "{found}");
}

#[test]
fn a_claim_needs_no_file() {
    let place = Place::new().file("own.py", "def work():\n    return 1\n");
    let output = place
        .command(&[
            "claim",
            "own.py:work",
            "failed of threads = 0",
            "done of threads = 3",
            "--count",
            "3",
            "--export-json",
            "c.json",
            "--export-junit",
            "c.xml",
            "--strict",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(verdicts(&valid(&place.read("c.json"))), ["holds", "holds"]);
    assert!(place.read("c.xml").contains("tests=\"2\" failures=\"0\""));
    let output = place
        .command(&["claim", "failed of processes:2 = 0", "--strict", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = place
        .command(&["claim", "failed of sequential = 1", "--annotations", "--", "true"])
        .output()
        .unwrap();
    assert!(
        stdout(&output).contains("::error title=refuted%3A failed of sequential = 1"),
        "{output:?}"
    );
    for (words, why) in [
        (vec!["claim", "own.py:work"], "nothing is claimed"),
        (vec!["claim", "own.py:work", "it is fast"], "the claim `it is fast`"),
    ] {
        let output = place.command(&words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
fn what_is_not_here_is_said() {
    let source = "task \"t\" { wait \"1ms\" }\nclaim \"c\" { figure \"time\" of=\"python3.2/threads\" at-most=\"1s\" }\n";
    let place = Place::new().file("old.kdl", source);
    let text = stdout(&place.run("check old.kdl"));
    assert!(text.contains("cannot be tested here: c"), "{text}");
    assert!(text.contains("no interpreter `python3.2`"), "{text}");
    assert_eq!(place.run("check old.kdl --strict").status.code(), Some(4));
}

#[test]
fn what_makes_no_claim_is_refused_before_anything_runs() {
    let place = Place::new().file("plain.kdl", "task \"t\" { wait \"1ms\" }\n");
    std::fs::create_dir(place.path("empty")).unwrap();
    for (line, words) in [
        ("check plain.kdl", "plain.kdl makes no claim"),
        ("check empty", "no .kdl file in empty makes a claim"),
        ("check amdal", "did you mean `amdahl`?"),
        ("check 99", "there is no claim `99`"),
        ("check missing.kdl", "missing.kdl"),
        ("check 11 --export-json no/where.json", "no/where.json cannot be written"),
    ] {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(stderr(&output).contains(words), "{line}: {output:?}");
        assert_eq!(stdout(&output), "", "{line}");
    }
}

#[test]
fn claims_that_are_built_in_can_be_listed_unpacked_and_changed() {
    let place = Place::new();
    let list = stdout(&place.run("check --list"));
    assert!(list.contains("11-one-thread-under-a-gil · "), "{list}");
    let output = place.run("check --unpack mine");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let unpacked = stdout(&place.run("check --list mine"));
    assert_eq!(unpacked.lines().count(), list.lines().count(), "{unpacked}");
    let again = place.run("check --unpack mine");
    assert_eq!(again.status.code(), Some(2), "nothing is written over: {again:?}");
    let one = stdout(&place.run("check mine/28-one-call-stalls-the-loop.kdl --budget 1s"));
    assert!(one.contains("mine/28-one-call-stalls-the-loop.kdl · "), "{one}");
}

#[test]
fn an_interrupted_check_keeps_what_was_found() {
    let endless = "task \"t\" { run \"sh\" \"-c\" \"echo > begun\"\nwait \"1000s\" }\nclaim \"c\" { figure \"time\" of=\"native/threads\" at-most=\"1s\" }\n";
    let place = Place::new().file("1.kdl", CRASH).file("2.kdl", endless);
    let running = place.start("check 1.kdl 2.kdl --timeout 1h --export-json c.json");
    place.wait_for("begun");
    running.signal("INT");
    let output = running.end();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(stdout(&output).contains("2 claims: 2 hold."), "{output:?}");
    assert!(stderr(&output).contains("interrupted"), "{output:?}");
    assert_eq!(verdicts(&valid(&place.read("c.json"))), ["holds", "holds"]);
}

/// One round each says little of a claim, but enough to see that its work can be run. A machine may
/// look away when the work ends, so that a figure is not known: of such a claim it is not always so.
#[test]
#[ignore = "slow: a sweep"]
fn every_claim_that_is_built_in_can_be_tested() {
    let place = Place::new();
    let mut overlooked = Vec::new();
    for _ in 0..20 {
        let names = overlooked.join(" ");
        let output = place.run(&format!("check {names} --budget 1ms --export-json c.json"));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        overlooked = overlooked_in(&valid(&place.read("c.json")));
        if overlooked.is_empty() {
            return;
        }
    }
    panic!("the figures of these were never known: {overlooked:?}");
}

/// The experiments in which a figure is unknown because the machine was busy: the end of the work was seen
/// too late, or did not come in time. A figure that nobody could have here is none of them, and any other that
/// is unknown is a fault.
fn overlooked_in(check: &Value) -> Vec<String> {
    const MISSING: [&str; 5] = [
        "no interpreter",
        "no `interpreters`",
        "cannot be used",
        "one processor",
        "spread of one round",
    ];
    let mut found = Vec::new();
    for experiment in check["experiments"].as_array().unwrap() {
        let claims = experiment["claims"].as_array().unwrap().iter();
        for evidence in claims.flat_map(|claim| claim["evidence"].as_array().unwrap()) {
            let Some(why) = evidence["found"]["unknown"].as_str() else { continue };
            if ["so short that", "timed out after"].iter().any(|words| why.contains(words)) {
                found.push(experiment["name"].as_str().unwrap().to_owned());
            } else {
                assert!(MISSING.iter().any(|words| why.contains(words)), "{evidence}");
            }
        }
    }
    found.dedup();
    found
}
