//! What strategies are like, found by the program on real runs. No measured number is expected:
//! what is looked at here is so on every machine.

use std::time::Duration;

use serde_json::Value;

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
    let output = place.run("strategies --export-json s.json --export-markdown s.md");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (text, document) = (stdout(&output), place.read("s.md"));
    let found = valid(&place.read("s.json"));
    let strategies = found["runtimes"][0]["strategies"].as_array().unwrap();
    let property = |strategy: &str, name: &str| {
        let row = strategies.iter().find(|row| row["strategy"] == strategy).unwrap();
        row["properties"][name].clone()
    };
    let known = |value: &str| serde_json::json!({ "known": value });
    for (strategy, scheduling, blocking) in [
        ("sequential", "one-by-one", "stalls-all"),
        ("threads", "preemptive", "allowed"),
        ("thread-pool", "preemptive", "allowed"),
        ("processes", "preemptive", "allowed"),
        ("event-loop", "cooperative", "stalls-all"),
        ("async-pool", "cooperative", "stalls-its-worker"),
        ("hybrid", "preemptive", "allowed"),
    ] {
        assert_eq!(property(strategy, "scheduling"), known(scheduling), "{strategy}: {text}");
        assert_eq!(property(strategy, "blocking"), known(blocking), "{strategy}: {text}");
        assert!(text.contains(&format!("{strategy} ")), "{text}");
        assert!(document.contains(&format!("| {strategy} | ")), "{document}");
    }
    assert_ne!(property("event-loop", "parallel")["known"], true, "a loop has one thread: {text}");
    let fit = |strategy: &str| property(strategy, "fit")["known"].as_u64().unwrap();
    assert!(fit("event-loop") > fit("threads"), "{text}");
    assert!(fit("threads") > fit("processes"), "{text}");
    assert!(text.contains("sequential   one by one"), "{text}");
    assert!(document.contains("#### native"), "{document}");
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
    let running = Place::new().start("strategies");
    std::thread::sleep(Duration::from_millis(700));
    running.signal("INT");
    let output = running.end_within(Duration::from_secs(5));
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(!stdout(&output).contains("native"), "{output:?}");
    assert!(stderr(&output).contains("interrupted"), "{output:?}");
}
