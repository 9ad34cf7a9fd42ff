//! Every runtime under every strategy does the same plan: the same conversation, the same steps of
//! the same tasks, and a trace that keeps the laws. A program of its own: who runs a runner takes
//! all its children for the run's.

#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

#[path = "it/pythons.rs"]
mod pythons;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use maitred_core::trace::{
    Executor, Group, Observed, Origin, Outcome, RunEnd, Trace, TraceFile, violations,
};
use maitred_core::workload::{Lowered, Settings, lower, parse};
use maitred_engine::runtime::{
    Execution, Interrupt, Measured, PythonRunner, RunnerCommand, STARTUP_LIMIT, describe, execute,
};
use maitred_wire::trace_file::{Layout, TaskOutcome};
use maitred_wire::{Limits, Model, Plan, Strategy};

/// Every step that every runtime knows, with and without others inside; tasks that fail; more
/// tasks than workers. The belt has room for all: else those that fill it could keep those that
/// empty it from a worker.
const WORK: &str = r#"
resource "door" capacity=2
channel "belt" capacity=6
var "sum" 0
task "maker" count=6 {
    cpu "200us"
    wait "1ms"
    repeat 2 {
        hold "door" { block "300us"; update "sum" add=1 }
        yield
    }
    send "belt"
    run "true"
}
task "taker" count=6 every="500us" {
    receive "belt"
    read "sum"
    write "sum" add=1
    allocate "100kB"
    wait (uniform)"100us..900us"
}
task "loser" count=3 {
    wait "1ms"
    fail "as planned"
}
"#;
const TASKS: u32 = 15;

/// A task with a step, and how often it did it.
type Done = BTreeMap<(u32, u32), u32>;

fn work() -> Lowered {
    let parsed = parse(WORK).unwrap();
    lower(&parsed, &Settings::default()).unwrap()
}

fn workers(strategy: Strategy) -> u32 {
    match strategy {
        Strategy::Sequential | Strategy::EventLoop => 1,
        Strategy::Threads => TASKS,
        _ => 3,
    }
}

fn run(
    runner: &RunnerCommand,
    strategy: Strategy,
    work: &Lowered,
    interrupt: &Interrupt,
) -> Measured {
    let workers = workers(strategy);
    let layout = Layout { lanes: workers + 1, tasks: TASKS, spans_per_lane: 500 };
    let execution = Execution {
        runner,
        layout,
        columns: &work.columns,
        startup_limit: STARTUP_LIMIT,
        timeout: Some(Duration::from_secs(60)),
        memory_limit: None,
        duration: None,
        grace: Duration::from_millis(300),
        interrupt,
        scheduling: false,
    };
    let plan = |trace: &str, columns: Option<&str>| Plan {
        limits: Limits { grace_ns: 300_000_000 },
        ..work.plan(strategy, workers, None, trace.into(), columns.unwrap_or_default().into())
    };
    execute(&execution, plan, &mut |_| {}).unwrap()
}

fn trace(measured: Measured, runtime: &str, strategy: Strategy, work: &Lowered) -> Trace {
    let file = TraceFile::read(measured.trace.bytes()).unwrap();
    let group = |group: &maitred_wire::TaskGroup| Group {
        name: work.programs[group.program as usize].name.clone(),
        first: group.first,
        count: group.count,
        arrivals_ns: Vec::new(),
    };
    let ready = measured.ready.expect("it was ready");
    Trace {
        origin: Origin::Measured(Executor {
            gil: ready.gil,
            properties: ready.properties(strategy).unwrap_or_default(),
            ..Executor::new(&ready.runtime, &ready.version)
        }),
        model: Model::new(runtime, strategy),
        workers: workers(strategy),
        steps: work.steps.clone(),
        groups: work.groups.iter().map(group).collect(),
        resources: work.resources.clone(),
        channels: work.channels.iter().map(|channel| channel.name.clone()).collect(),
        lanes: file.lanes(),
        tasks: file.tasks().collect(),
        spans: file.sorted_spans(),
        startup: measured.startup,
        done: measured.done.map(Outcome::from),
        end: measured.end,
        usage: measured.usage,
        memory: measured.memory,
        noise: measured.noise,
        servers: Vec::new(),
        scheduling: Observed::Unknown("it was not recorded in this run".to_owned()),
        log: measured.log,
    }
}

/// What must not depend on who did it.
fn done(trace: &Trace) -> (Done, Vec<TaskOutcome>) {
    let mut done = Done::new();
    for span in &trace.spans {
        *done.entry((span.task, span.step)).or_default() += 1;
    }
    (done, trace.tasks.iter().map(|task| task.outcome).collect())
}

fn check(
    name: &str,
    runner: &RunnerCommand,
    interrupt: &Interrupt,
    expected: &(Done, Vec<TaskOutcome>),
) {
    let ready = describe(runner, STARTUP_LIMIT, interrupt).unwrap();
    assert!(ready.calibration > 0.0 && ready.span_cost_ns.is_some_and(|cost| cost > 0.0), "{name}");
    let strategies: BTreeSet<Strategy> = ready.strategies().into_iter().collect();
    assert!(strategies.contains(&Strategy::Threads), "{name} {strategies:?}");
    let mut knows_cpu = false;
    for strategy in strategies {
        let work = work();
        let trace = trace(run(runner, strategy, &work, interrupt), name, strategy, &work);
        let model = format!("{}: {}", trace.model, trace.log);
        assert_eq!(trace.end, RunEnd::Finished, "{model}");
        assert_eq!(violations(&trace, None), Vec::<String>::new(), "{model}");
        assert_eq!(&done(&trace), expected, "{model}");
        let end = trace.done.as_ref().unwrap();
        let failures: Vec<_> = end
            .failures
            .iter()
            .map(|one| (one.kind.as_str(), one.text.as_str(), one.count))
            .collect();
        assert_eq!(failures, [("fail", "as planned", 3)], "{model}");
        let var = &end.vars[0];
        let shared = var.by_process.is_empty();
        assert_eq!(
            shared,
            strategy != Strategy::Processes && strategy != Strategy::Interpreters,
            "{model}"
        );
        assert!(!shared || var.value >= 12, "{model}: updates are never lost, {var:?}");
        assert!(end.phases.work.wall_ns() > 0, "{model}");
        // Of work so short it is not always known, on a machine where others work.
        knows_cpu |= end.phases.work.cpu.is_some();
    }
    assert!(knows_cpu, "{name}");
}

#[test]
fn every_runtime_and_strategy_does_the_same() {
    let pythons = pythons::found();
    let interrupt = Interrupt::manual().unwrap();
    let native = RunnerCommand::new(env!("CARGO_BIN_EXE_maitred"), ["runner", "native"]);
    let work = work();
    let reference = trace(
        run(&native, Strategy::Sequential, &work, &interrupt),
        "native",
        Strategy::Sequential,
        &work,
    );
    let expected = done(&reference);
    let failed = expected.1.iter().filter(|outcome| **outcome == TaskOutcome::Failed).count();
    assert_eq!(failed, 3, "the reference itself: {:?}", reference.end);
    check("native", &native, &interrupt, &expected);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/maitred");
    let python = PythonRunner::unpack(Some(&cache)).unwrap();
    for (name, file) in pythons {
        check(name, &python.on(file), &interrupt, &expected);
    }
}
