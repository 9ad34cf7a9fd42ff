//! What strategies are like, found by the program on real runs. Whether a figure can be known here
//! and now depends on the machine, and so no figure is expected to be: what is known must be so on
//! every machine. How figures become properties is tested in `core` on figures that were recorded.

use serde_json::Value;

use crate::events::{order, valid_events};
use crate::program::{Place, stderr, stdout};

fn valid(text: &str) -> Value {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/strategies.schema.json")).unwrap();
    let found: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&found).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0], "{found}");
    let mut planted = found.clone();
    planted["runtimes"][0]["strategies"][0]["properties"]["scheduling"] = "fair".into();
    assert!(!validator.is_valid(&planted));
    found
}

#[test]
fn native_strategies_are_what_they_are() {
    let place = Place::new();
    let exports = "--export-json s.json --export-markdown s.md --events events";
    let output = place.run(&format!("strategies --budget 1ms {exports}"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (text, document) = (stdout(&output), place.read("s.md"));
    let found = valid(&place.read("s.json"));
    let strategies = found["runtimes"][0]["strategies"].as_array().unwrap();
    let property = |strategy: &str, name: &str| {
        let row = strategies.iter().find(|row| row["strategy"] == strategy).unwrap();
        row["properties"][name].clone()
    };
    let is = |strategy: &str, name: &str, expected: &str| {
        let found = property(strategy, name);
        let is_unknown = found["unknown"].as_str().is_some_and(|why| !why.is_empty());
        assert!(is_unknown || found["known"] == expected, "{strategy} {name}: {found} in {text}");
    };
    for (strategy, scheduling, blocking) in [
        ("sequential", "one-by-one", "stalls-all"),
        ("threads", "preemptive", "allowed"),
        ("thread-pool", "preemptive", "allowed"),
        ("processes", "preemptive", "allowed"),
        ("event-loop", "cooperative", "stalls-all"),
        ("async-pool", "cooperative", "stalls-its-worker"),
        ("hybrid", "preemptive", "allowed"),
    ] {
        is(strategy, "scheduling", scheduling);
        is(strategy, "blocking", blocking);
        assert!(text.contains(&format!("{strategy} ")), "{text}");
        assert!(document.contains(&format!("| {strategy} | ")), "{document}");
    }
    assert_ne!(property("event-loop", "parallel")["known"], true, "a loop has one thread: {text}");
    // A task of a loop takes less than a thread, and a thread less than a process.
    let fits = ["event-loop", "threads", "processes"];
    let fits = fits.map(|strategy| property(strategy, "fit")["known"].as_u64());
    for pair in fits.iter().flatten().collect::<Vec<_>>().windows(2) {
        assert!(pair[0] > pair[1], "{text}");
    }
    assert!(document.contains("#### native"), "{document}");
    let events = valid_events(&place.read("events"));
    let begun = events.iter().filter(|one| one["event"] == "experiment-begun");
    assert_eq!(begun.count(), 5);
    let names = order(&events);
    assert_eq!(names[names.len() - 2..], ["table-ended", "result"]);
}

#[test]
fn a_runtime_that_is_not_here_is_refused_before_anything_runs() {
    let place = Place::new();
    for (line, words) in [
        ("strategies nativ", "did you mean `native`?"),
        ("strategies native python3.2", "no interpreter `python3.2`"),
        ("strategies --export-json no/where.json", "no/where.json cannot be written"),
    ] {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(stderr(&output).contains(words), "{line}: {output:?}");
        assert_eq!(stdout(&output), "", "{line}");
    }
}

#[test]
fn an_interrupted_table_is_not_shown() {
    let place = Place::new();
    let running = place.start("strategies");
    // Under way: a runner and a task of its own, at least.
    running.wait_for_processes(1);
    running.signal("INT");
    let output = running.end();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(!stdout(&output).contains("native"), "{output:?}");
    assert!(stderr(&output).contains("interrupted"), "{output:?}");
}
