//! Saved results: shown again, held beside others, refused where they do not compare.

use std::path::Path;

use serde_json::Value;

use crate::form;
use crate::program::{Place, STRATEGIES, shipped, stderr, stdout};

const WORK: &str = "task \"t\" count=2 { wait \"2ms\" }\n";
const COMPARE: &str = "compare work.kdl --warmup 0 --runs 2 --models threads,event-loop";

/// A folder with two results of the same work.
fn place() -> Place {
    let place = Place::new().file("work.kdl", WORK);
    for name in ["old.json", "new.json"] {
        let output = place.run(&format!("{COMPARE} --save {name}"));
        assert!(output.status.success(), "{output:?}");
    }
    place
}

/// Writes a result again with a change.
fn edit(place: &Place, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&place.read(from)).unwrap();
    change(&mut value);
    std::fs::write(place.path(to), value.to_string()).unwrap();
}

#[test]
fn a_saved_result_is_shown_as_it_was() {
    let place = Place::new().file("work.kdl", WORK);
    let first = stdout(&place.run(&format!("{COMPARE} --save r.json")));
    assert_eq!(stdout(&place.run("compare r.json")), first);
}

#[test]
fn what_chooses_what_is_run_is_refused_beside_a_saved_result() {
    let place = place();
    for option in ["--models threads", "--workers 2", "--runs 3", "--set a=1", "--count 4"] {
        let output = place.run(&format!("compare old.json {option}"));
        assert_eq!(output.status.code(), Some(2), "{option}: {output:?}");
        assert!(stderr(&output).contains("is a saved result, which is only shown"), "{output:?}");
    }
}

#[test]
fn a_saved_result_can_be_exported() {
    let place = place();
    let line =
        "compare old.json --export-csv r.csv --export-markdown r.md --export-json again.json";
    assert!(place.run(line).status.success());
    form::valid_csv(&place.read("r.csv"));
    form::valid_markdown(&place.read("r.md"));
    assert_eq!(
        form::valid_json(&place.read("again.json")),
        form::valid_json(&place.read("old.json"))
    );
}

#[test]
fn two_results_are_held_beside_each_other() {
    let place = place();
    let output = place.run("compare old.json new.json");
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    let (_, changes) = text.split_once("\nSince ").unwrap();
    for model in ["native/threads", "native/event-loop"] {
        assert!(changes.contains(model), "{changes}");
    }
    let output = place.run(&format!("{COMPARE} --against old.json"));
    assert!(output.status.success() && stdout(&output).contains("\nSince "), "{output:?}");
}

#[test]
fn a_change_is_seen_and_its_direction_is_right() {
    let place = Place::new().file("work.kdl", WORK);
    let line =
        "compare work.kdl --warmup 0 --runs 8 --models threads --no-trace --save measured.json";
    assert!(place.run(line).status.success());
    // What was measured says nothing of a change: times that a quiet machine could have measured.
    for (name, factor) in [("old.json", 1), ("new.json", 3)] {
        edit(&place, "measured.json", name, |value| {
            let runs = value["contestants"][0]["runs"].as_array_mut().unwrap();
            for (number, run) in runs.iter_mut().enumerate() {
                run["work_ns"] = (factor * (40_000_000 + 50_000 * number as u64)).into();
                run["noise"]["dirty"] = Value::Null;
            }
        });
    }
    let line = "compare old.json new.json --fail-on-regression --annotations --export-junit c.xml";
    let output = place.run(&format!("{line} --export-changes c.md"));
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(stdout(&output).contains("::error file=work.kdl,title=regressed"), "{output:?}");
    assert!(
        place.read("c.xml").contains("failures=\"1\"") && place.read("c.md").contains("regressed")
    );
    let better = place.run("compare new.json old.json --fail-on-regression");
    assert_eq!(better.status.code(), Some(0), "{better:?}");
    let alone = place.run("compare new.json --fail-on-regression");
    assert!(stderr(&alone).contains("name one by --against"), "{alone:?}");
    let text = stdout(&place.run("compare old.json new.json"));
    assert!(text.split("\nSince ").nth(1).unwrap().contains("regressed"), "{text}");
    let text = stdout(&place.run("compare new.json old.json"));
    assert!(text.split("\nSince ").nth(1).unwrap().contains("better"), "{text}");
}

#[test]
fn results_that_do_not_compare_are_refused_until_it_is_allowed() {
    let place = place();
    edit(&place, "new.json", "machine.json", |value| value["machine"]["id"] = "other".into());
    edit(&place, "new.json", "work.json", |value| value["subject"]["fingerprint"] = "other".into());
    for (name, why) in [("machine.json", "different machines"), ("work.json", "different work")] {
        let line = format!("compare old.json {name}");
        let output = place.run(&line);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert_eq!(stdout(&output), "");
        let errors = stderr(&output);
        assert!(errors.contains(why) && errors.contains("--across-machines"), "{errors}");
        let output = place.run(&format!("{line} --across-machines"));
        assert!(output.status.success() && stdout(&output).contains("\nSince "), "{output:?}");
    }
}

#[test]
fn a_result_that_does_not_compare_is_refused_before_the_run() {
    let place = place().file("other.kdl", "task \"t\" { run \"touch\" \"started\" }\n");
    let line = "compare other.kdl --warmup 0 --runs 1 --models threads --against old.json";
    let output = place.run(line);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("different work"), "{output:?}");
    assert!(!place.path("started").exists());
    assert!(place.run(&format!("{line} --across-machines")).status.success());
    assert!(place.path("started").exists());
}

#[test]
fn results_and_work_are_not_mixed() {
    let place = place();
    for line in
        ["compare old.json work.kdl", "compare work.kdl old.json", "compare old.json -- true"]
    {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "{line}: {output:?}");
    }
}

#[test]
fn every_kind_of_subject_is_saved_in_a_valid_form() {
    let place = Place::new()
        .file("waiters.kdl", shipped("waiters.kdl"))
        .file("race.kdl", shipped("counter-race.kdl"))
        .file("crash.kdl", shipped("crash.kdl"))
        .file("fails.kdl", "task \"t\" { fail \"a \\\"reason\\\", with | and\\nmore\" }\n")
        .file("rate.kdl", shipped("open-loop.kdl"))
        .file("lock.kdl", "channel \"c\" capacity=1\ntask \"t\" count=2 { receive \"c\" }\n")
        .file("slow.kdl", "task \"t\" { wait \"1h\" }\n");
    let all = STRATEGIES.join(",");
    for subject in [
        &format!("waiters.kdl --speed 100x --models {all}"),
        &format!("crash.kdl --models {all}"),
        &format!("fails.kdl --models {all}"),
        "race.kdl --set times=100",
        "rate.kdl --set requests=10 --models threads:1,event-loop",
        "rate.kdl --set requests=10 --models threads,thread-pool,processes --workers 2,3",
        "lock.kdl --models threads,processes",
        "slow.kdl --models threads,processes --timeout 100ms",
        "--count 2 -- sh -c true",
        "--count 2 -- false",
    ] {
        let exports = "--export-json r.json --export-csv r.csv --export-markdown r.md";
        let output = place.run(&format!("compare {exports} --warmup 0 --runs 1 {subject}"));
        assert!(output.status.code() <= Some(1), "{subject}: {output:?}");
        let saved = form::valid_json(&place.read("r.json"));
        let records = form::valid_csv(&place.read("r.csv"));
        let runs = saved["contestants"].as_array().unwrap().iter();
        let runs: usize = runs.map(|one| one["runs"].as_array().unwrap().len()).sum();
        assert_eq!(records.len(), 1 + runs, "{subject}: a line a run");
        if output.status.success() {
            form::valid_markdown(&place.read("r.md"));
        }
        let again = place.run("compare r.json");
        assert_eq!(stdout(&again), stdout(&output), "{subject}: it is shown again as it was");
    }
}

/// Files that the first versions wrote.
#[test]
fn what_was_saved_long_ago_still_opens() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saved");
    for (file, figure) in [
        ("result.json", "33.3 ms"),
        ("failed.json", "4 of 4 tasks failed"),
        ("run.trace", "1.58 s"),
    ] {
        let place = Place::new();
        let path = kept.join(file);
        let path = path.to_str().unwrap();
        let output = place.run(&format!("show {path}"));
        assert!(output.status.success() && stdout(&output).contains(figure), "{output:?}");
        let output = place.run(&format!("report {path} --output page.html"));
        assert!(output.status.success() && place.read("page.html").contains(figure), "{output:?}");
    }
}
