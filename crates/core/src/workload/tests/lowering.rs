//! What becomes of a workload.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use expect_test::expect;
use maitred_wire::{Action, Amount, Arrivals, Column, Step, Strategy};

use super::super::{Choices, Expected, StepKind};
use super::{SHIPPED, lowered};

const DRAWN: &str = r#"
task "first" count=3 { wait "1s" }
task "second" count=2000 {
    cpu (exponential)"10ms"
    repeat 2 {
        wait (uniform)"1ms..5ms"
        repeat 3 { block (lognormal)"10ms±4ms" }
    }
}
"#;

fn seed(seed: u64) -> Choices {
    Choices { seed, ..Choices::default() }
}

/// Mean and standard deviation.
fn moments(values: &[u64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| *value as f64).sum::<f64>() / count;
    let squares: f64 =
        values.iter().map(|value| (*value as f64 - mean) * (*value as f64 - mean)).sum();
    (mean, (squares / count).sqrt())
}

#[test]
fn steps_are_numbered_through_and_repeats_come_last() {
    let source = r#"
resource "a"
channel "c" capacity=1
var "v" 0
task "x" {
    repeat 2 { wait "1s"; hold "a" { repeat 3 { send "c" } } }
    update "v" add=-1
}
task "y" { receive "c" }
"#;
    let lowered = lowered(source, &Choices::default());
    let line = |(id, step): (usize, &super::super::StepInfo)| {
        let super::super::StepInfo { kind, label, program, parent, object, .. } = step;
        format!("{id} {kind:?} {label:?} {program} {parent:?} {object:?}\n")
    };
    expect![[r#"
        0 Wait "wait 1s" 0 None None
        1 Acquire "hold a" 0 None Some(0)
        2 Hold "hold a" 0 None Some(0)
        3 Send "send c" 0 Some(2) Some(0)
        4 Update "update v" 0 None None
        5 Receive "receive c" 1 None Some(0)
    "#]]
    .assert_eq(&lowered.steps.iter().enumerate().map(line).collect::<String>());
    let ids = |steps: &[Step]| -> Vec<u32> { steps.iter().map(|step| step.id).collect() };
    let [repeat, update] = &lowered.programs[0].steps[..] else { panic!("two steps") };
    assert_eq!([repeat.id, update.id], [6, 4]);
    let Action::Repeat { steps, count: 2 } = &repeat.action else { panic!("a repeat") };
    assert_eq!(ids(steps), [0, 1]);
    let Action::Hold { steps, resource: 0 } = &steps[1].action else { panic!("a hold") };
    assert_eq!(ids(steps), [7]);
    // Twice (wait, acquire, hold, and three sends), and one update; one receive.
    assert_eq!(lowered.spans_per_task(), [13, 1]);
    assert_eq!(lowered.span_count(), 14);
    assert_eq!(&source[lowered.places[4].clone()], "update");
}

#[test]
fn what_is_drawn_has_its_mean_and_its_deviation() {
    let lowered = lowered(DRAWN, &seed(7));
    let columns = &lowered.column_specs;
    assert_eq!(
        columns[..],
        [
            Column { offset: 0, first_task: 3, per_task: 1 },
            Column { offset: 2_000, first_task: 3, per_task: 2 },
            Column { offset: 6_000, first_task: 3, per_task: 6 },
        ]
    );
    let values = &lowered.columns;
    assert_eq!(values.len(), 18_000);
    let near = |values: &[u64], mean: f64, deviation: f64| {
        let (actual_mean, actual_deviation) = moments(values);
        // Four standard errors; the deviation of a skewed sample is known less well.
        let error = 4.0 * deviation / (values.len() as f64).sqrt();
        assert!((actual_mean - mean).abs() < error, "{actual_mean} for {mean}");
        assert!((actual_deviation / deviation - 1.0).abs() < 0.1, "{actual_deviation}");
    };
    near(&values[..2_000], 10e6, 10e6);
    near(&values[2_000..6_000], 3e6, 4e6 / 12_f64.sqrt());
    near(&values[6_000..], 10e6, 4e6);
    assert!(values[2_000..6_000].iter().all(|ns| (1_000_000..=5_000_000).contains(ns)));
}

#[test]
fn draws_follow_from_the_seed_and_the_step_alone() {
    let one = lowered(DRAWN, &seed(7));
    assert_eq!(one, lowered(DRAWN, &seed(7)));
    let other = lowered(DRAWN, &seed(8));
    assert_ne!(one.columns, other.columns);
    assert_ne!(one.fingerprint, other.fingerprint);
    let more = lowered(&DRAWN.replace("count=2000", "count=2001"), &seed(7));
    assert_eq!(one.columns[..2_000], more.columns[..2_000], "a task more changes no other");
}

#[test]
fn a_speed_divides_every_duration() {
    let source = r#"
task "a" count=100 rate="100/s" { wait "1s"; cpu (exponential)"10ms"; block "3ns" }
task "b" count=2 every="10ms" { repeat 2 { wait "5us" } }
"#;
    let slow = lowered(source, &Choices::default());
    let fast = lowered(source, &Choices { speed: 10.0, ..Choices::default() });
    assert_eq!(fast.programs[0].steps[0].action, Action::Wait(Amount::Ns(100_000_000)));
    assert_eq!(fast.programs[0].steps[2].action, Action::Block(Amount::Ns(0)));
    assert_eq!(fast.groups[1].arrivals, Arrivals::EveryNs(1_000_000));
    assert_eq!(fast.steps[0].asked_ns, Some(100_000_000));
    assert_eq!(fast.steps[1].asked_ns, None, "it is drawn");
    for (fast, slow) in fast.steps.iter().zip(&slow.steps) {
        assert_eq!(fast.label, slow.label, "labels are as in the file");
    }
    for (fast, slow) in fast.columns.iter().zip(&slow.columns) {
        assert!((slow / 10).abs_diff(*fast) <= 1, "{slow} {fast}");
    }
}

#[test]
fn arrivals_by_chance_ascend_at_their_rate() {
    let lowered = lowered("task \"a\" count=10000 rate=\"200/s\"", &seed(3));
    assert_eq!(lowered.groups[0].arrivals, Arrivals::Column(0));
    assert!(lowered.columns.is_sorted());
    let gaps: Vec<u64> = lowered.columns.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (mean, deviation) = moments(&gaps);
    assert!((mean / 5e6 - 1.0).abs() < 0.04, "{mean}");
    assert!((deviation / 5e6 - 1.0).abs() < 0.1, "{deviation}");
}

#[test]
fn equal_work_has_an_equal_fingerprint() {
    let base = r#"task "a" count=5 { wait "1s" }"#;
    let fingerprint = |source: &str| lowered(source, &Choices::default()).fingerprint;
    assert_eq!(fingerprint(base), fingerprint(&format!("title \"x\"\n// comment\n{base}")));
    assert_eq!(fingerprint(base), fingerprint(&base.replace("1s", "1000ms")));
    assert_ne!(fingerprint(base), fingerprint(&base.replace("1s", "2s")));
    assert_ne!(fingerprint(base), fingerprint(&base.replace("count=5", "count=6")));
}

#[test]
fn where_inputs_lie_is_not_what_the_work_is() {
    let fingerprint = |path: &str| {
        let source = format!(r#"task "a" inputs="{path}" {{ call "shop:price" }}"#);
        let inputs = Vec::from([(String::from(path), 3)]);
        lowered(&source, &Choices { inputs, ..Choices::default() }).fingerprint
    };
    assert_eq!(fingerprint("names.txt"), fingerprint("/tmp/one/names.txt"));
    assert_ne!(fingerprint("names.txt"), fingerprint("orders.txt"));
}

#[test]
fn expectations_are_judged() {
    let source = r#"
param "n" 4
var "v" 0
task "a" { update "v" }
expect failures=0
expect var="v" at-least="$n * 2 * -1" at-most=9
"#;
    let expectations = lowered(source, &Choices::default()).expectations;
    let texts: Vec<String> = expectations.iter().map(|expect| format!("{expect}")).collect();
    assert_eq!(texts, ["failures = 0", "v ≥ -8", "v ≤ 9"]);
    assert_eq!(expectations[1].of, Expected::Var("v".into()));
    assert!(expectations[1].holds(-8) && !expectations[1].holds(-9));
    assert!(expectations[2].holds(9) && !expectations[2].holds(10));
}

#[test]
fn what_native_cannot_do_is_said() {
    let source = r#"
server "api"
task "a" count=70000 { call "work.py:f"; http "GET" "$api/"; wait "1s" }
"#;
    let lowered = lowered(source, &Choices::default());
    let needs = |runtime, strategy| {
        let needs = lowered.needs(runtime, strategy);
        super::super::Report::new("w.kdl", source, &needs)
            .pieces()
            .into_iter()
            .map(|(_, text)| text)
            .collect::<String>()
    };
    expect![[r#"
        w.kdl: native/threads would start a thread for each of 70,000 tasks, and 65,536 are the most
           = use native/thread-pool

        w.kdl:3:24: `call` runs a Python function: native cannot do it
          3 | task "a" count=70000 { call "work.py:f"; http "GET" "$api/"; wait "1s" }
            |                        ^^^^
            = use python3/threads

        2 mistakes in w.kdl
    "#]]
    .assert_eq(&needs("native", Strategy::Threads));
    expect![[r#"
        no mistakes in w.kdl
    "#]]
    .assert_eq(&needs("python3", Strategy::Interpreters));
}

#[test]
fn every_shipped_workload_runs_under_native() {
    for (name, source) in SHIPPED {
        let lowered = lowered(source, &Choices::default());
        assert!(lowered.title.is_some() && lowered.about.is_some(), "{name}");
        assert!(lowered.compare.len() > 1, "{name}");
        for model in &lowered.compare {
            assert_eq!(lowered.needs(&model.runtime, model.strategy), [], "{name}");
        }
    }
}

/// The times that the waiters need, by list scheduling: each table thinks from the start (or,
/// one after another, from the end of the last), then takes the waiter who is free first.
#[test]
fn the_waiters_take_as_long_as_the_text_says() {
    let (_, source) = SHIPPED.into_iter().find(|(name, _)| *name == "waiters").unwrap();
    let concurrent = |waiters: &str| {
        let set = [("waiters".into(), waiters.into())].into();
        let lowered = lowered(source, &Choices { set, ..Choices::default() });
        let [think, order] = [0, 3].map(|id| duration(&lowered.programs[0].steps, id));
        let capacity = lowered.resources[0].capacity as usize;
        let mut free = Vec::from_iter((0..capacity).map(|_| 0));
        for _ in 0..lowered.task_count() {
            let waiter = free.iter_mut().min().unwrap();
            *waiter = think.max(*waiter) + order;
        }
        (free.into_iter().max().unwrap(), u64::from(lowered.task_count()) * (think + order))
    };
    let seconds = |waiters| concurrent(waiters).0 / 1_000_000_000;
    assert_eq!(concurrent("1").1 / 1_000_000_000, 25);
    assert_eq!([seconds("1"), seconds("2"), seconds("5")], [9, 7, 5]);
}

/// The fixed duration of the step of this id.
fn duration(steps: &[Step], id: u32) -> u64 {
    let of = |step: &Step| match &step.action {
        Action::Wait(Amount::Ns(ns)) if step.id == id => *ns,
        Action::Hold { steps, .. } | Action::Repeat { steps, .. } => duration(steps, id),
        _ => 0,
    };
    steps.iter().map(of).sum()
}

#[test]
fn kinds_are_as_their_names() {
    let lowered =
        lowered("task \"t\" { yield; crash; allocate \"1B\"; run \"true\" \"\" }", &seed(0));
    let kinds: Vec<StepKind> = lowered.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::Yield, StepKind::Crash, StepKind::Allocate, StepKind::Run]);
}

#[test]
fn servers_have_their_limits() {
    let source = r#"
param "limit" "24MiB"
server "a"
server "b" strategy="processes" workers=2 max-requests=100 max-memory="$limit"
task "t" { http "GET" "$a/" }
"#;
    let servers = lowered(source, &Choices::default()).servers;
    let limits: Vec<_> = servers.iter().map(|one| (one.requests_max, one.memory_max)).collect();
    assert_eq!(limits, [(None, None), (Some(100), Some(24 << 20))]);
}
