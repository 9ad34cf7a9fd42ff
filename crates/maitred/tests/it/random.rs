//! Random workloads through the whole program, under every strategy. The laws of conservation are
//! asserted by the program itself in debug builds (`trial.rs`): a broken one ends it with 70.

use std::fmt::Write;

use proptest::prelude::*;

use crate::form;
use crate::program::{Place, STRATEGIES, stderr};

/// Steps as KDL. Resources are taken in ascending order only, so that no circle can wait.
fn steps(above: usize, depth: u32) -> BoxedStrategy<String> {
    let us = 0..400_u32;
    let simple = prop_oneof![
        4 => us.clone().prop_map(|us| format!("wait \"{us}us\"")),
        2 => (1..200_u32).prop_map(|us| format!("wait (exponential)\"{us}us\"")),
        2 => us.clone().prop_map(|us| format!("block \"{us}us\"")),
        3 => us.prop_map(|us| format!("cpu \"{us}us\"")),
        2 => Just("yield".to_owned()),
        1 => (1..60_u32).prop_map(|kib| format!("allocate \"{kib}KiB\"")),
        1 => Just("read \"v\"; write \"v\" add=1".to_owned()),
        1 => Just("update \"v\" add=3".to_owned()),
        1 => Just("send \"wide\"".to_owned()),
        1 => Just("fail \"by chance\"".to_owned()),
    ];
    if depth == 0 {
        return simple.boxed();
    }
    let block = move |above| {
        prop::collection::vec(steps(above, depth - 1), 1..4).prop_map(|steps| steps.join("; "))
    };
    let again =
        (1..4_u32, block(above)).prop_map(|(times, inner)| format!("repeat {times} {{ {inner} }}"));
    if above >= 2 {
        return prop_oneof![4 => simple, 1 => again].boxed();
    }
    let held = (above..2).prop_flat_map(move |resource| {
        block(resource + 1).prop_map(move |inner| format!("hold \"r{resource}\" {{ {inner} }}"))
    });
    prop_oneof![4 => simple, 1 => again, 2 => held].boxed()
}

fn arrivals() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just(" every=\"200us\""), 1 => Just(" rate=\"5000/s\"")]
}

/// A workload of a few kinds of task, with as many receivers as senders where there are any.
fn workload() -> impl Strategy<Value = String> {
    let kind = (1..10_u32, arrivals(), prop::collection::vec(steps(0, 2), 1..5));
    let pairs = prop::option::of((1..4_u32, 1..5_u32, 1..3_u32));
    (prop::array::uniform2(1..4_u32), prop::collection::vec(kind, 1..4), pairs).prop_map(
        |(capacities, kinds, pairs)| {
            // Nobody receives from the wide channel: it holds all that can be sent.
            let mut text = "var \"v\" 0\nchannel \"wide\" capacity=100000\n".to_owned();
            for (number, capacity) in capacities.iter().enumerate() {
                writeln!(text, "resource \"r{number}\" capacity={capacity}").unwrap();
            }
            for (number, (count, arrivals, steps)) in kinds.iter().enumerate() {
                let steps = steps.join("\n    ");
                writeln!(text, "task \"t{number}\" count={count}{arrivals} {{\n    {steps}\n}}")
                    .unwrap();
            }
            if let Some((tasks, items, capacity)) = pairs {
                // Room for everything: also one task after another comes to an end.
                let capacity = tasks * items + capacity;
                let again = |step| format!("count={tasks} {{ repeat {items} {{ {step} \"c\" }} }}");
                writeln!(text, "channel \"c\" capacity={capacity}").unwrap();
                writeln!(text, "task \"from\" {}", again("send")).unwrap();
                writeln!(text, "task \"to\" {}", again("receive")).unwrap();
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn all_strategies_do_the_same_work(text in workload()) {
        let place = Place::new().file("work.kdl", &text);
        let models = STRATEGIES.join(",");
        let output = place.run(&format!(
            "compare work.kdl --models {models} --warmup 0 --runs 1 --no-trace --timeout 1h --export-json r.json"
        ));
        // Where a task fails by chance, no model is ranked.
        prop_assert!(matches!(output.status.code(), Some(0 | 1)), "{text}\n{output:?}");
        let saved = form::valid_json(&place.read("r.json"));
        let contestants = saved["contestants"].as_array().unwrap();
        let first = &contestants[0]["runs"][0];
        for one in contestants {
            let run = &one["runs"][0];
            prop_assert_eq!(&run["end"], "finished", "{}\n{}", text, one);
            prop_assert_eq!(&run["tasks"], &first["tasks"], "{}\n{}", text, one);
            prop_assert_eq!(&run["spans_dropped"], 0, "{}\n{}", text, one);
            let spans = |run: &serde_json::Value| {
                let steps = run["steps"].as_array().unwrap();
                let mut all: Vec<String> =
                    steps.iter().map(|step| format!("{} {}", step["kind"], step["spans"])).collect();
                all.sort();
                all
            };
            prop_assert_eq!(spans(run), spans(first), "{}\n{}", text, one);
        }
    }
}

/// The kernel's record of real runs keeps the laws too: `run` asserts them in debug builds.
const RECORDED: [&str; 5] = ["threads", "thread-pool:3", "processes:2", "event-loop", "hybrid:2"];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4,
        max_shrink_iters: 8,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn what_the_kernel_recorded_is_lawful_under_all_strategies(text in workload()) {
        let place = Place::new().file("work.kdl", &text);
        let native = STRATEGIES.iter().map(|strategy| format!("native/{strategy}"));
        let python = RECORDED.iter().map(|strategy| format!("python3/{strategy}"));
        for model in native.chain(python) {
            let output = place.run(&format!("run work.kdl --model {model} --timeout 1h --by task"));
            // A task may fail by chance, and Python have no step that the work needs.
            let refused = model.starts_with("python3") && stderr(&output).contains("cannot run");
            prop_assert!(
                refused || matches!(output.status.code(), Some(0 | 1)),
                "{model}\n{text}\n{output:?}"
            );
        }
    }
}
