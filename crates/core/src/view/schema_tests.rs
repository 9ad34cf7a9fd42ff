//! The saved form and its description agree: comparisons of every kind are valid, and what is
//! wrong is not.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::sync::LazyLock;

use maitred_wire::{Blocked, Cpu, ErrorCode, Failure, Model, RunnerError, Strategy, VarValue};
use proptest::prelude::*;
use proptest::strategy::Strategy as Strategy_;
use serde_json::{Value, json};

use super::json::{from_json, to_json};
use crate::result::*;
use crate::trace::{
    Noise, Observed, PeakMemory, RunEnd, ServerUse, Source, StepKind, Usage, WaitCause,
};

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../../docs/result.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema).expect("the schema itself is one");
    jsonschema::draft202012::new(&schema).unwrap()
});

fn observed<T: core::fmt::Debug + Clone>(
    value: impl Strategy_<Value = T>,
) -> impl Strategy_<Value = Observed<T>> {
    prop_oneof![
        value.prop_map(Observed::Known),
        Just(Observed::Unknown("this machine does not say".into())),
    ]
}

fn text() -> impl Strategy_<Value = String> {
    "[a-zé\"\\\\ ]{0,12}"
}

fn end() -> impl Strategy_<Value = RunEnd> {
    let code = prop_oneof![
        Just(ErrorCode::Protocol),
        Just(ErrorCode::Unsupported),
        Just(ErrorCode::Refused),
        Just(ErrorCode::Load),
    ];
    let error = (code, text(), proptest::option::of(text()));
    prop_oneof![
        Just(RunEnd::Finished),
        Just(RunEnd::Interrupted),
        any::<u32>().prop_map(|task| RunEnd::Deadlock(vec![Blocked { task, step: 1 }])),
        any::<u64>().prop_map(|limit_ns| RunEnd::TimedOut { limit_ns }),
        any::<u64>().prop_map(|wanted_ns| RunEnd::TimeUp { wanted_ns }),
        any::<(u64, u64)>()
            .prop_map(|(limit_bytes, seen_bytes)| RunEnd::OutOfMemory { limit_bytes, seen_bytes }),
        text().prop_map(|how| RunEnd::Died { how }),
        error.prop_map(|(code, text, place)| RunEnd::Refused(RunnerError { code, text, place })),
    ]
}

fn kind() -> impl Strategy_<Value = StepKind> {
    use StepKind as K;
    proptest::sample::select(vec![
        K::Cpu,
        K::Wait,
        K::Block,
        K::Acquire,
        K::Hold,
        K::Send,
        K::Receive,
        K::Read,
        K::Write,
        K::Update,
        K::Http,
        K::Call,
        K::Run,
        K::Allocate,
        K::Yield,
        K::Fail,
        K::Crash,
    ])
}

fn latency() -> impl Strategy_<Value = Latency> {
    any::<(bool, u64)>().prop_map(|(from_arrival, ns)| Latency {
        from_arrival,
        min_ns: 0,
        p50_ns: ns,
        p90_ns: ns,
        p99_ns: ns,
        p999_ns: Some(ns),
        max_ns: u64::MAX,
    })
}

fn usage() -> impl Strategy_<Value = Usage> {
    any::<[u64; 5]>().prop_map(|[user_ns, system_ns, voluntary, involuntary, major_faults]| Usage {
        user_ns,
        system_ns,
        voluntary,
        involuntary,
        major_faults,
    })
}

fn noise() -> impl Strategy_<Value = Noise> {
    let share = || proptest::option::of(0.0_f64..1.0);
    (share(), share(), share(), proptest::option::of(text())).prop_map(
        |(pressure, others, steal, dirty)| Noise {
            throttled: dirty.as_ref().map(|_| crate::trace::Throttled { periods: 3, ns: 70 }),
            pressure,
            others,
            steal,
            dirty,
        },
    )
}

fn shares(ns: u64, kind: StepKind) -> Shares {
    let split =
        Split { running_ns: ns, runnable_ns: 0, throttled_ns: 1, blocked_ns: 1, unknown_ns: ns };
    let maybe = || (ns > 9).then_some(ns);
    Shares {
        source: if ns > 9 { Source::Switches } else { Source::Samples { every_ns: ns } },
        gil: (ns > 9).then_some(true),
        total: split,
        steps: vec![StepSplit { kind, split }],
        running_threads: vec![0.25, 0.75],
        wakeup_ns: maybe(),
        wakeup_unread: 3,
        lock: maybe().map(|ns| LockWait { of_ns: ns, at_most_ns: ns, without_wakeup_ns: Some(7) }),
        waits: maybe().map(|looks| WaitShares {
            by: vec![WaitCount { cause: WaitCause::Gil, looks }],
            refused: (looks > 99).then(|| "a sentence".into()),
        }),
        threads: vec![ThreadFigures {
            pid: 1,
            tid: 2,
            name: "python3".into(),
            running_ns: ns,
            runnable_ns: ns,
            wakeup_ns: maybe(),
            voluntary: maybe(),
            involuntary: maybe(),
            migrations: maybe(),
        }],
        threads_left_out: 2,
        records: ns,
        lost: 0,
        coverage: (ns > 9).then_some(0.5),
        reader_cpu_ns: maybe(),
        missing: vec!["a sentence".into()],
    }
}

prop_compose! {
    fn run()(
        end in end(),
        cpu in observed(any::<(u64, u64)>()),
        usage in observed(usage()),
        memory in observed(any::<(u64, u32, u32)>()),
        latency in observed(latency()),
        kind in kind(),
        noise in noise(),
        figures in any::<(u32, u64, u64, i64, bool)>(),
        text in text(),
        maybe in proptest::option::of(text()),
        step in any::<Option<u32>>(),
    ) -> Run {
        let (round, ns, number, value, holds) = figures;
        Run {
            round,
            end,
            startup_ns: ns,
            setup_ns: 0,
            work_ns: ns,
            harness: holds.then_some(HarnessCost { ns: number, uncertain_ns: ns }),
            teardown_ns: number,
            work_cpu: cpu.map(|(user_ns, system_ns)| Cpu { user_ns, system_ns }),
            usage,
            memory: memory.map(|(bytes, samples, processes)| {
                PeakMemory { bytes, samples, processes }
            }),
            tasks: TaskCounts { done: number, failed: 1, lost: 2, not_run: 3 },
            failures: vec![Failure { kind: "fail".into(), text: text.clone(), count: 1, task: round, step }],
            latency,
            completed: maybe.is_some().then_some(Latency { from_arrival: false, min_ns: 0, p50_ns: ns, p90_ns: ns, p99_ns: ns, p999_ns: None, max_ns: ns }),
            requests: maybe.is_some().then_some(Latency { from_arrival: false, min_ns: 0, p50_ns: ns, p90_ns: ns, p99_ns: ns, p999_ns: None, max_ns: ns }),
            servers: vec![ServerUse { name: text.clone(), architecture: "threads".into(), cpu_ns: Observed::Known(ns), grown_bytes: Observed::Unknown(text.clone()), died: maybe.clone() }],
            answers: maybe.is_some().then(|| vec![(200, number)]),
            ignored: maybe.is_some().then_some(number),
            steps: vec![StepTotal { kind, spans: number, total_ns: ns, longest_ns: Some(ns) }],
            vars: vec![VarValue { name: text.clone(), value, by_process: vec![value, -1] }],
            expectations: vec![Expectation { text: text.clone(), actual: text.clone(), holds }],
            unshared: maybe.iter().map(|text| ("name".into(), text.clone())).collect(),
            result_hash: maybe,
            results_not_compared: number,
            noise,
            spans_dropped: number,
            scheduling: holds.then(|| shares(ns, kind)),
            notes: vec![text],
        }
    }
}

prop_compose! {
    fn summary()(
        rounds in any::<u32>(),
        ns in any::<u64>(),
        number in observed(any::<u64>()),
        cores in observed(0.0_f64..64.0),
        latency in observed(latency()),
        throughput in 0.0_f64..1e12,
    ) -> Summary {
        Summary {
            rounds,
            work_ns: ns,
            work_min_ns: ns,
            work_low_ns: ns,
            work_high_ns: ns,
            startup_ns: ns,
            setup_ns: ns,
            cpu_ns: number.clone(),
            cores_used: cores,
            memory_bytes: number.clone(),
            voluntary: number.clone(),
            involuntary: number,
            throughput,
            latency,
        }
    }
}

prop_compose! {
    fn contestant()(
        strategy in proptest::sample::select(Strategy::ALL.to_vec()),
        workers in proptest::option::of(1_u32..=65_536),
        runs in proptest::collection::vec(run(), 0..3),
        summary in proptest::option::of(summary()),
        unranked in proptest::option::of(text()),
        traced in proptest::option::of(run()),
        chosen in proptest::option::of(chosen()),
        site in site(),
    ) -> Contestant {
        Contestant {
            model: Model { workers, ..Model::new("python3.14t", strategy) },
            workers: workers.unwrap_or(1),
            site,
            chosen,
            runtime: "cpython 3.14.0".into(),
            runs,
            summary,
            unranked,
            dropped: workers,
            traced,
        }
    }
}

fn chosen() -> impl Strategy_<Value = Chosen> {
    prop_oneof![
        Just(Chosen::LibraryDefault),
        Just(Chosen::EqualConcurrency),
        (0.0..1e6).prop_map(|it| Chosen::Formula { waiting_per_computing: it }),
        (0.0..1e3).prop_map(|it| Chosen::OneInnerThread { cores_used: it }),
    ]
}

fn site() -> impl Strategy_<Value = Site> {
    prop_oneof![
        Just(Site::Here),
        machine().prop_map(Site::Remote),
        machine().prop_map(Site::Simulated),
    ]
}

fn machine() -> impl Strategy_<Value = Machine> {
    (text(), proptest::option::of(text()), any::<u64>(), any::<Option<u64>>()).prop_map(
        |(text, maybe, number, limit)| Machine {
            id: text.clone(),
            cpu: text.clone(),
            cores: 2,
            quota: limit.map(|cpu_ns| Quota { cpu_ns, period_ns: number }),
            memory_bytes: number,
            kernel: text.clone(),
            architecture: text,
            virtualization: maybe,
        },
    )
}

fn rank() -> impl Strategy_<Value = Rank> {
    use Verdict as V;
    let verdict = proptest::sample::select(vec![
        V::Reference,
        V::Faster,
        V::Slower,
        V::Same,
        V::Inconclusive,
    ]);
    (any::<u32>(), 0.0_f64..1e6, verdict).prop_map(|(contestant, ratio, verdict)| Rank {
        contestant,
        ratio,
        low: ratio,
        high: ratio,
        verdict,
    })
}

prop_compose! {
    fn comparison()(
        contestants in proptest::collection::vec(contestant(), 0..3),
        ranking in proptest::collection::vec(rank(), 0..3),
        kind in proptest::sample::select(vec![
            SubjectKind::Workload, SubjectKind::Command, SubjectKind::Function, SubjectKind::Url,
        ]),
        stopped in proptest::sample::select(vec![
            Stopped::Running, Stopped::Decided, Stopped::Rounds, Stopped::Budget,
            Stopped::Interrupted, Stopped::NoneRan,
        ]),
        text in text(),
        maybe in proptest::option::of(text()),
        limit in any::<Option<u64>>(),
        number in any::<u64>(),
        speed in 0.001_f64..1000.0,
        machine in machine(),
    ) -> Comparison {
        Comparison {
            schema_version: SCHEMA,
            program_version: "0.1.0".into(),
            subject: SubjectFacts {
                name: text.clone(),
                kind,
                title: maybe.clone(),
                about: maybe.clone(),
                tasks: number,
                fingerprint: text.clone(),
            },
            machine,
            settings: Settings {
                seed: number,
                speed,
                parameters: vec![(text.clone(), text.clone())],
                warmup_rounds: 1,
                budget_ns: limit,
                timeout_ns: limit,
                memory_limit_bytes: limit,
                minimum_effect: 0.03,
                given: maybe.clone().map(|given| vec![given]),
            },
            started: "2026-11-23T01:02:03Z".into(),
            ranking: of_these(ranking, contestants.len()),
            conclusion: conclusion(&text, !contestants.is_empty()),
            contestants,
            stopped,
            elapsed_ns: limit,
            scaling: limit.map(|_| vec![sweep(&text, speed)]),
        }
    }
}

/// How a model scales, with everything that can be known of it.
fn sweep(text: &str, speed: f64) -> Sweep {
    let figure = Figure { value: speed, low: 0.5 * speed, high: 2.0 * speed };
    let by = LawName::Amdahl;
    Sweep {
        model: Model::new("native", Strategy::ThreadPool),
        fit: Fit {
            best: Some(Workers { workers: 4, fewest: 2, most: 8, enough: Some(2) }),
            law: Some(Fitted {
                name: LawName::Universal,
                contention: figure,
                coherency: figure,
                one: figure,
                residual: speed,
                most: 8,
                peak: Some(figure),
                doubling: figure,
            }),
            why: Some(text.into()),
            points: vec![Measured { workers: 1, rate: speed, rounds: 3, fitted: Some(speed) }],
        },
        serial: Some(Serial { workers: 2, speedup: figure, share: figure }),
        doubling: Some(Doubling { processors: 4, brings: figure, by }),
        memory: Some(figure),
    }
}

/// The ranks, each of a contestant that there is.
fn of_these(mut ranking: Vec<Rank>, contestants: usize) -> Vec<Rank> {
    ranking.truncate(contestants);
    for rank in &mut ranking {
        rank.contestant %= contestants as u32;
    }
    ranking
}

/// With a sentence in every part; whoever is recommended is one of the contestants.
fn conclusion(text: &str, has_contestants: bool) -> Conclusion {
    let bottleneck = Bottleneck { resource: text.into(), parameter: Some(text.into()) };
    let said = Conclusion::of(Rule::ALL.map(|rule| rule.says(text)));
    let recommended = has_contestants.then_some(Recommended { contestant: 0, equals: 2 });
    Conclusion { bottleneck: Some(bottleneck), recommended, ..said }
}

/// Every object and every field of a value, as paths.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.into());
            for (name, field) in fields {
                paths(field, &std::format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &std::format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// What results that were saved by earlier versions do not have.
const OPTIONAL: [&str; 24] = [
    "p999_ns",
    "requests",
    "completed",
    "servers",
    "scheduling",
    "traced",
    "longest_ns",
    "about",
    "given",
    "elapsed_ns",
    "harness",
    "unshared",
    "waits",
    "scaling",
    "quota",
    "throttled",
    "throttled_ns",
    "dropped",
    "site",
    "chosen",
    "answers",
    "ignored",
    "bottleneck",
    "recommended",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_comparison_is_valid_and_survives_being_saved(comparison in comparison()) {
        let text = to_json(&comparison);
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = VALIDATOR
            .iter_errors(&value)
            .map(|error| std::format!("{}: {error}", error.instance_path()))
            .collect();
        prop_assert_eq!(errors, Vec::<String>::new());
        prop_assert!(from_json(&text) == Ok(comparison));
    }

    #[test]
    fn no_object_may_have_a_field_more_or_less(comparison in comparison(), pick in any::<prop::sample::Index>()) {
        let value = serde_json::to_value(&comparison).unwrap();
        let mut objects = Vec::new();
        paths(&value, "", &mut objects);
        let path = &objects[pick.index(objects.len())];
        let mut more = value.clone();
        let object = more.pointer_mut(path).unwrap().as_object_mut().unwrap();
        object.insert("planted".into(), json!(1));
        prop_assert!(!VALIDATOR.is_valid(&more), "a field more in {path}");
        let names = value.pointer(path).unwrap().as_object().unwrap().keys();
        let names: Vec<String> =
            names.filter(|name| !OPTIONAL.contains(&name.as_str())).cloned().collect();
        let mut less = value.clone();
        less.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(&names[pick.index(names.len())]);
        prop_assert!(!VALIDATOR.is_valid(&less), "a field less in {path}");
    }
}

#[test]
fn planted_wrong_values_are_rejected() {
    let comparison = crate::analyse::sample::compared(
        &crate::trace::sample::tables(5, 1),
        &[(Strategy::Sequential, None), (Strategy::Threads, None)],
        3,
    );
    let value = serde_json::to_value(&comparison).unwrap();
    assert!(VALIDATOR.is_valid(&value));
    let wrong = [
        ("/schema_version", json!(2)),
        ("/stopped", json!("tired")),
        ("/started", json!("yesterday")),
        ("/settings/speed", json!(0)),
        ("/settings/parameters/0", json!(["tables"])),
        ("/contestants/0/model", json!("native/fibers")),
        ("/contestants/0/runs/0/work_ns", json!(-1)),
        ("/contestants/0/runs/0/work_ns", json!(1.5)),
        ("/contestants/0/runs/0/work_cpu", json!(0)),
        ("/contestants/0/runs/0/work_cpu", json!({"unknown": null})),
        ("/contestants/0/runs/0/end", json!("timed-out")),
        ("/contestants/0/runs/0/steps/0/kind", json!("sleep")),
        ("/contestants/0/summary/throughput", json!(null)),
        ("/ranking/0/verdict", json!("better")),
        ("/ranking/0/low", json!(null)),
        ("/conclusion", json!("use it")),
        ("/conclusion/answer", json!("use it")),
        ("/conclusion/answer/rule", json!("Not Kebab")),
        ("/conclusion/reasons", json!(null)),
    ];
    for (path, planted) in wrong {
        let mut changed = value.clone();
        *changed.pointer_mut(path).unwrap() = planted.clone();
        assert!(!VALIDATOR.is_valid(&changed), "{planted} at {path}");
    }
}
