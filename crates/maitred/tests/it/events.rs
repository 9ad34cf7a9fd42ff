//! `--events`: what happens, line by line, for other programs.

use std::sync::LazyLock;

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::program::{PATIENCE, Place, eventually, stderr, stdout};

static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(|| {
    let schemas = [
        ("result", include_str!("../../../../docs/result.schema.json")),
        ("check", include_str!("../../../../docs/check.schema.json")),
        ("strategies", include_str!("../../../../docs/strategies.schema.json")),
    ];
    let mut registry = Registry::new();
    for (name, text) in schemas {
        let schema: Value = serde_json::from_str(text).unwrap();
        registry =
            registry.add(format!("https://maitred.invalid/{name}.schema.json"), schema).unwrap();
    }
    registry.prepare().unwrap()
});

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../../docs/event.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::options().with_registry(&REGISTRY).build(&schema).unwrap()
});

/// The events, each of which must be as `docs/event.schema.json` says.
pub(crate) fn valid_events(text: &str) -> Vec<Value> {
    let valid = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let errors: Vec<String> =
            VALIDATOR.iter_errors(&event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{line}");
        event
    };
    text.lines().map(valid).collect()
}

/// The names of events, each once where several of a kind follow each other.
pub(crate) fn order(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|one| one["event"].as_str().unwrap()).collect();
    names.dedup();
    names
}

#[test]
fn a_fault_in_an_event_is_seen() {
    let fails =
        |event: Value| std::panic::catch_unwind(|| valid_events(&event.to_string())).is_err();
    assert!(!fails(json!({ "event": "warning", "text": "careful" })));
    assert!(fails(json!({ "event": "warning" })));
    assert!(fails(json!({ "event": "else", "text": "careful" })));
    assert!(fails(json!({ "event": "result", "comparison": { "schema_version": 1 } })));
    assert!(fails(json!({ "event": "result" })));
}

#[test]
fn a_comparison_is_told_from_its_start_to_its_result() {
    let place = Place::new().file("work.kdl", "task \"t\" count=3 { wait \"5ms\" }");
    let output = place.run(
        "compare work.kdl --models sequential,threads --runs 2 --events events --export-json r.json",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events = valid_events(&place.read("events"));
    let names = order(&events);
    assert_eq!(names[..3], ["started", "contestants", "run-begun"]);
    assert_eq!(names.last(), Some(&"result"));
    let saved: Value = serde_json::from_str(&place.read("r.json")).unwrap();
    assert_eq!(events.last().unwrap()["comparison"], saved);
    let of = |name: &'static str| events.iter().filter(move |one| one["event"] == name);
    let turn =
        |one: &Value| (one["contestant"].clone(), one["purpose"].clone(), one["round"].clone());
    assert!(of("run-begun").map(turn).eq(of("run-ended").map(turn)), "each that begins ends");
    let warmups = of("run-begun").filter(|one| one["purpose"] == "warmup").count();
    let traced = of("run-begun").filter(|one| one["purpose"] == "trace").count();
    assert_eq!((warmups, traced), (2, 2));
    let told: Vec<&Value> = of("run-ended").filter(|one| one["purpose"] == "round").collect();
    let kept = saved["contestants"].as_array().unwrap();
    for one in kept.iter().flat_map(|one| one["runs"].as_array().unwrap()) {
        assert!(told.iter().any(|event| event["run"] == *one), "a run that nobody was told of");
    }
}

#[test]
fn progress_says_in_what_tasks_are() {
    let place = Place::new().file("work.kdl", "task \"t\" count=4 { wait \"1h\" }");
    let running = place.start("run work.kdl --model threads --no-scheduling --events events");
    let waiting = json!([{ "kind": "wait", "tasks": 4 }]);
    let progress = || -> Vec<Value> {
        let text = std::fs::read_to_string(place.path("events")).unwrap_or_default();
        // The last line may be under way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        valid_events(whole).into_iter().filter(|one| one["event"] == "progress").collect()
    };
    let is_told = || progress().iter().any(|one| one["tasks"]["open"]["in_step"] == waiting);
    assert!(eventually(PATIENCE, is_told), "{:?}", progress());
    running.signal("INT");
    assert_eq!(running.end().status.code(), Some(130));
    let elapsed: Vec<u64> =
        progress().iter().map(|one| one["elapsed_ns"].as_u64().unwrap()).collect();
    assert!(elapsed.is_sorted_by(|a, b| a < b), "{elapsed:?}");
}

#[test]
fn events_on_standard_output_stand_there_alone() {
    let place = Place::new().file("work.kdl", "task \"t\" count=4 { wait \"1ms\" }");
    let output = place.run("run work.kdl --model threads --no-scheduling --events -");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events = valid_events(&stdout(&output));
    assert!(stderr(&output).contains("native/threads"), "the picture is for people: {output:?}");
    assert_eq!(events.last().unwrap()["run"]["run"]["end"], "finished");
}

#[test]
fn claims_are_told_experiment_by_experiment() {
    let claim = "task \"t\" count=2 { wait \"1ms\" }\nclaim \"one at a time\" {\n  figure \"cores\" \
                 of=\"native/sequential\" at-most=1.5\n}\n";
    let place = Place::new().file("claim.kdl", claim);
    place.run("check claim.kdl --budget 1s --events events");
    let events = valid_events(&place.read("events"));
    let names = order(&events);
    assert_eq!(names[..3], ["started", "experiment-begun", "contestants"]);
    assert_eq!(names[names.len() - 2..], ["experiment-ended", "result"]);
}

#[test]
fn events_that_cannot_be_written_are_refused_before_anything_runs() {
    let place = Place::new().file("work.kdl", "task \"t\" { wait \"1ms\" }");
    let output = place.run("compare work.kdl --events no/such/folder --save kept.json");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("no/such/folder cannot be written"), "{output:?}");
    assert!(!place.path("kept.json").exists());
}

#[test]
fn a_second_run_waits_for_the_first_and_says_so() {
    let place = Place::new()
        .file("long.kdl", "task \"t\" { wait \"600s\" }")
        .file("short.kdl", "task \"t\" { wait \"1ms\" }");
    let says = |file: &str, what: &str| {
        let said = || place.path(file).exists() && place.read(file).contains(what);
        assert!(eventually(PATIENCE, said), "{file} never says {what}");
    };
    let first = place.start("run long.kdl --model threads --no-scheduling --events first");
    says("first", "run-begun");
    let second = place.start("run short.kdl --model threads --no-scheduling --events second");
    says("second", "waiting");
    let holder = first.pid();
    first.signal("INT");
    assert_eq!(first.end().status.code(), Some(130));
    let output = second.end();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let events = valid_events(&place.read("second"));
    let kinds = order(&events);
    assert_eq!(kinds[..4], ["started", "contestants", "waiting", "run-begun"], "{kinds:?}");
    assert_eq!(events[2]["holder"], json!(holder));
    let sentence = format!("another run of maitred goes on (process {holder})");
    assert_eq!(stderr(&output).matches(&sentence).count(), 1, "{output:?}");
}
