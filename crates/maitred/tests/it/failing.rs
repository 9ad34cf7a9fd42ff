//! Models that fail: shown with the reason, never ranked, and no trouble to the others.

use serde_json::Value;

use crate::form;
use crate::program::{Place, STRATEGIES, shipped, stderr, stdout};

/// The contestant of a saved result with this strategy, and its place among them.
fn find<'a>(saved: &'a Value, strategy: &str) -> (usize, &'a Value) {
    let model = format!("native/{strategy}");
    let mut all = saved["contestants"].as_array().unwrap().iter().enumerate();
    all.find(|(_, one)| one["model"] == model.as_str()).unwrap()
}

fn contestant<'a>(saved: &'a Value, strategy: &str) -> &'a Value {
    find(saved, strategy).1
}

/// Whether a contestant has a place in the ranking.
fn is_ranked(saved: &Value, strategy: &str) -> bool {
    let index = find(saved, strategy).0;
    saved["ranking"].as_array().unwrap().iter().any(|rank| rank["contestant"] == index)
}

/// Compares all models once; exit code, table and saved result.
fn compare(place: &Place, options: &str) -> (i32, String, Value) {
    let line = format!(
        "compare work.kdl --runs 1 --warmup 0 --no-trace --export-json r.json --export-csv r.csv {options}"
    );
    let output = place.run(&line);
    form::valid_csv(&place.read("r.csv"));
    let text = stdout(&output) + &stderr(&output);
    (output.status.code().unwrap(), text, form::valid_json(&place.read("r.json")))
}

#[test]
fn a_crash_costs_the_model_whose_process_it_kills() {
    let place = Place::new().file("work.kdl", shipped("crash.kdl"));
    let (code, text, saved) = compare(&place, "");
    for strategy in ["sequential", "threads", "thread-pool", "event-loop"] {
        let reason = contestant(&saved, strategy)["unranked"].as_str().unwrap();
        assert!(reason.contains("SIGKILL"), "{strategy}: {reason}");
        assert!(!is_ranked(&saved, strategy), "{strategy}");
    }
    let tasks = &contestant(&saved, "processes")["runs"][0]["tasks"];
    assert_eq!(tasks["done"], 100, "the other tasks ended: {tasks}");
    assert_eq!(tasks["lost"], 1, "{tasks}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("`bomb` killed its process by `crash`"), "{text}");
    assert_eq!(code, 0, "{text}");
    assert!(is_ranked(&saved, "processes"), "{text}");
}

#[test]
fn a_model_that_fails_changes_the_exit_code_only_when_asked_or_when_all_do() {
    let some =
        "task \"t\" count=2 { wait \"1ms\" }\ntask \"bomb\" { crash }\nexpect tasks-done=2\n";
    let place = Place::new().file("work.kdl", some);
    let (code, text, _) = compare(&place, "--models threads,processes");
    assert_eq!(code, 0, "{text}");
    let (code, text, _) = compare(&place, "--models threads,processes --strict");
    assert_eq!(code, 4, "{text}");
    let (code, text, saved) = compare(&place, "--models threads,event-loop");
    assert_eq!((code, saved["stopped"].as_str()), (1, Some("none-ran")), "{text}");
    let output = place.run("run work.kdl --model threads");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("native/threads: died"), "{output:?}");
}

#[test]
fn failed_tasks_are_counted_with_what_they_said() {
    let work = "task \"t\" count=3 { fail \"no table free\" }\ntask \"u\" { wait \"1ms\" }\n";
    let place = Place::new().file("work.kdl", work);
    let (code, text, saved) = compare(&place, "");
    assert_eq!(code, 1, "{text}");
    for strategy in STRATEGIES {
        let reason = contestant(&saved, strategy)["unranked"].as_str().unwrap();
        assert!(reason.contains("3 of 4 tasks failed: no table free"), "{strategy}: {reason}");
    }
}

#[test]
fn who_takes_more_memory_than_allowed_is_stopped() {
    // At the same time for as long as it takes to be seen; one after another they fit.
    let work = "param \"time\" \"1h\"\n\
                task \"eater\" count=2 { allocate \"40MiB\"; wait \"$time\" }\n";
    let place = Place::new().file("work.kdl", work);
    let (code, text, _) =
        compare(&place, "--memory-limit 70MiB --models sequential --set time=10ms");
    assert_eq!(code, 0, "{text}");
    let others: Vec<_> = STRATEGIES.into_iter().filter(|name| *name != "sequential").collect();
    let line = format!("--memory-limit 70MiB --timeout 1h --models {}", others.join(","));
    let (code, text, saved) = compare(&place, &line);
    assert_eq!(code, 1, "{text}");
    for strategy in others {
        let reason = contestant(&saved, strategy)["unranked"].as_str().unwrap();
        assert!(reason.starts_with("out of memory: took"), "{strategy}: {reason}");
        assert!(reason.ends_with("of 70.0 MiB allowed"), "{strategy}: {reason}");
    }
}

#[test]
fn a_hang_is_ended_and_named_and_the_others_go_on() {
    let hang = "task \"quick\" { wait \"1ms\" }\ntask \"slow\" count=2 { wait \"1h\" }\n";
    let place = Place::new().file("work.kdl", hang);
    let (code, text, saved) = compare(&place, "--timeout 4s");
    assert_eq!(code, 1, "{text}");
    for strategy in STRATEGIES {
        let one = contestant(&saved, strategy);
        assert_eq!(one["unranked"], "timed out after 4.00 s", "{strategy}");
        let notes = one["runs"][0]["notes"].to_string();
        let named = match strategy {
            "sequential" => "`slow 1` was at `wait 1h`",
            _ => "`slow 1` and `slow 2` were at `wait 1h`",
        };
        assert!(notes.contains(named), "{strategy}: {notes}");
        assert_eq!(one["runs"][0]["tasks"]["done"], 1, "{strategy}");
    }
    let output = place.run("run work.kdl --timeout 2s --model native/processes");
    assert_eq!(output.status.code(), Some(1));
    let (text, errors) = (stdout(&output), stderr(&output));
    assert!(text.contains("were at `wait 1h`"), "{text}");
    assert_eq!(errors, "maitred: native/processes: timed out after 2.00 s\n");
}

#[test]
fn a_deadlock_is_found_and_named_under_every_strategy() {
    let work = "channel \"orders\" capacity=1\ntask \"cook\" count=2 { receive \"orders\" }\n";
    let place = Place::new().file("work.kdl", work);
    let (code, text, saved) = compare(&place, "--timeout 10m");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("nobody sends into `orders`"), "it is said before the run: {text}");
    for strategy in STRATEGIES {
        let one = contestant(&saved, strategy);
        let reason = one["unranked"].as_str().unwrap();
        assert!(reason.starts_with("deadlock: "), "{strategy}: {reason}");
        let notes = one["runs"][0]["notes"].to_string();
        let named = match strategy {
            "sequential" => "`cook 1` waits for ever at `receive orders`",
            _ => "`cook 1` and `cook 2` wait for ever at `receive orders`",
        };
        assert!(notes.contains(named), "{strategy}: {notes}");
    }
}

#[test]
fn after_a_deadlock_the_other_models_are_measured() {
    let place = Place::new().file("work.kdl", shipped("producer-consumer.kdl"));
    let (code, text, saved) =
        compare(&place, "--models sequential,threads --speed 10x --timeout 10m");
    assert_eq!(code, 0, "{text}");
    assert!(!is_ranked(&saved, "sequential") && is_ranked(&saved, "threads"), "{text}");
    let reason = &contestant(&saved, "sequential")["unranked"];
    assert_eq!(reason, "deadlock: 1 task waits for ever");
}
