//! Requests as JSON: they have the form that `docs/request.schema.json` describes, and its defaults.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

use std::sync::LazyLock;

use maitred_engine::Request;
use maitred_engine::request::*;
use serde_json::{Value, json};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../docs/request.schema.json")).unwrap()
});

fn is_valid(request: &Value) -> bool {
    jsonschema::draft202012::meta::validate(&SCHEMA).expect("the schema itself is one");
    jsonschema::validator_for(&SCHEMA).unwrap().is_valid(request)
}

/// One of each kind, with everything set that can be.
#[expect(clippy::too_many_lines, reason = "one story of events, told in order")]
fn all() -> Vec<Request> {
    let text = |text: &str| Some(text.to_owned());
    let python = Python {
        interpreters: vec!["python3".into()],
        args: text("[1]"),
        setup: text("a.py:f"),
        worker_setup: text("a.py:up"),
        worker_teardown: text("a.py:down"),
        warmup_calls: Some(2),
        chunk: Some(5),
        expect: text("a.py:check"),
        spread: true,
        concurrency: Some(3),
        start_method: Some(StartMethod::Spawn),
        event_loop: Some(EventLoop::Uvloop),
        cluster: text("tcp://10.0.0.1:8786"),
        executors: vec![("mine".into(), "pools.py:make".into())],
        discard_results: true,
    };
    let work = Work {
        set: vec![("tables".into(), "3".into())],
        memory_limit_bytes: Some(1 << 30),
        recalibrate: true,
        env: vec![("OMP_NUM_THREADS".into(), vec!["1".into(), "2".into()])],
        python,
        ..Work::default()
    };
    let http = Http {
        duration_ns: Some(1),
        rate_per_second: Some(0.5),
        headers: vec![("a".into(), "b".into())],
        body: text("x"),
        method: text("PUT"),
        timeout_ns: Some(2),
        follow: true,
        unix: Some("s".into()),
        ..Http::default()
    };
    let subjects = [
        Subject::Workload { path: "w.kdl".into() },
        Subject::WorkloadText { name: "w".into(), text: "t".into(), folder: Some("f".into()) },
        Subject::Command {
            words: Vec::new(),
            named: vec![NamedCommand { name: "a".into(), words: vec!["true".into()] }],
            around: Around {
                prepare: text("sync"),
                cleanup: text("rm x"),
                input: Some("in".into()),
                ignore_failure: Some(IgnoreFailure::Codes(vec![1, 137])),
            },
            count: 3,
        },
        Subject::Url { address: "http://h/".into(), http },
        Subject::Function {
            name: "a.py:f".into(),
            also: vec!["a.py:g".into()],
            calls: Calls::Inputs("i.csv".into()),
            folder: Some("f".into()),
        },
        Subject::Function {
            name: "a.py:f".into(),
            also: Vec::new(),
            calls: Calls::Made("a.py:make".into()),
            folder: None,
        },
    ];
    let compare = |subject: Subject| {
        Request::Compare(Compare {
            work: work.clone(),
            models: vec!["threads".into()],
            workers: vec![1, 2],
            sweep: vec![("n".into(), "1,2".into())],
            no_sweep: vec!["m".into()],
            baseline: text("native/threads"),
            rounds: Rounds { exactly: Some(3), ..Rounds::default() },
            ..Compare::of(subject)
        })
    };
    let mut all: Vec<Request> = subjects.iter().cloned().map(compare).collect();
    all.push(Request::Run(Run {
        work: work.clone(),
        model: text("threads"),
        workers: Some(2),
        recording: Recording { path: Some("t.trace".into()), ..Recording::default() },
        ..Run::of(subjects[0].clone())
    }));
    all.push(Request::Scale(Scale {
        work: work.clone(),
        models: vec!["thread-pool".into()],
        workers: vec![1, 2],
        most: Some(8),
        ..Scale::of(subjects[0].clone())
    }));
    let claims = Claims::Text { name: "c".into(), text: "t".into(), folder: None };
    all.push(Request::Check(Check {
        claims: vec![
            Claims::Named("02".into()),
            claims,
            Claims::About {
                subject: Box::new(subjects[0].clone()),
                work: Box::new(work.clone()),
                says: vec!["failed of threads = 0".into()],
            },
        ],
        ..Check::default()
    }));
    all.push(Request::Strategies(Strategies::default()));
    all
}

#[test]
fn every_request_is_valid_and_read_as_it_was_written() {
    for request in all() {
        let written = serde_json::to_value(&request).unwrap();
        assert!(is_valid(&written), "{written}");
        assert_eq!(serde_json::from_value::<Request>(written).unwrap(), request);
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let read = |value: Value| -> Request {
        assert!(is_valid(&value), "{value}");
        serde_json::from_value(value).unwrap()
    };
    let subject = json!({ "kind": "command", "words": ["true"] });
    let command = Subject::Command {
        words: vec!["true".into()],
        named: Vec::new(),
        around: Around::default(),
        count: COUNT,
    };
    let compare = read(json!({ "do": "compare", "subject": subject }));
    assert_eq!(compare, Request::Compare(Compare::of(command.clone())));
    let scale = read(json!({ "do": "scale", "subject": subject }));
    assert_eq!(scale, Request::Scale(Scale::of(command.clone())));
    let run = read(json!({ "do": "run", "subject": subject }));
    assert_eq!(run, Request::Run(Run::of(command)));
    assert_eq!(read(json!({ "do": "check" })), Request::Check(Check::default()));
    assert_eq!(read(json!({ "do": "strategies" })), Request::Strategies(Strategies::default()));
}

#[test]
fn the_schema_names_the_defaults_that_hold() {
    let written = |value: Result<Value, serde_json::Error>| value.unwrap();
    let defaults = [
        ("Work", written(serde_json::to_value(Work::default()))),
        ("Rounds", written(serde_json::to_value(Rounds::default()))),
        ("Recording", written(serde_json::to_value(Recording::default()))),
        ("Python", written(serde_json::to_value(Python::default()))),
        ("Http", written(serde_json::to_value(Http::default()))),
        ("Check", written(serde_json::to_value(Check::default()))),
        ("Strategies", written(serde_json::to_value(Strategies::default()))),
    ];
    let mut compared = 0;
    for (name, value) in defaults {
        let properties = SCHEMA["$defs"][name]["properties"].as_object().unwrap();
        for (property, described) in properties {
            if let Some(default) = described.get("default") {
                assert_eq!(&value[property], default, "{name}.{property}");
                compared += 1;
            }
        }
    }
    assert!(compared > 15, "the schema names {compared} defaults");
}

#[test]
fn what_means_nothing_is_refused_by_the_schema_and_by_us() {
    let subject = json!({ "kind": "command", "words": ["true"] });
    for wrong in [
        json!({ "do": "compare" }),
        json!({ "do": "compare", "subject": subject, "model": "threads" }),
        json!({ "do": "run", "subject": { "kind": "command", "path": "x" } }),
        json!({ "do": "check", "work": {} }),
        json!({ "do": "compare", "subject": subject, "work": { "sed": 3 } }),
        json!({ "do": "walk", "subject": subject }),
    ] {
        assert!(!is_valid(&wrong), "{wrong}");
        assert!(serde_json::from_value::<Request>(wrong.clone()).is_err(), "{wrong}");
    }
}
