//! Sweeps: every value of a parameter is work of its own, compared with the others.

use crate::form;
use crate::program::{Place, stderr, stdout};

const WORK: &str = r#"
param "tasks" 2 min=1
param "wait" "1ms"
task "t" count="$tasks" { wait "$wait" }
sweep "tasks" 1 3
compare "native/threads"
"#;
const QUICK: &str = "--runs 1 --warmup 0 --no-trace --export-json r.json";

/// The models of the result, with the number of tasks that each did.
fn contestants(place: &Place) -> Vec<(String, u64)> {
    let result = form::valid_json(&place.read("r.json"));
    let all = result["contestants"].as_array().unwrap().iter();
    let done = |one: &serde_json::Value| one["runs"][0]["tasks"]["done"].as_u64().unwrap();
    all.map(|one| (one["model"].as_str().unwrap().to_owned(), done(one))).collect()
}

#[test]
fn the_sweep_of_a_workload_is_run_by_compare() {
    let place = Place::new().file("w.kdl", WORK);
    let output = place.run(&format!("compare w.kdl {QUICK}"));
    assert!(output.status.success(), "{output:?}");
    let expected =
        [("native/threads tasks=1".to_owned(), 1), ("native/threads tasks=3".to_owned(), 3)];
    assert_eq!(contestants(&place), expected);
    assert!(stdout(&output).contains("tasks = 1, 3"), "{output:?}");
    // How many tasks the work has by default says nothing of what was done.
    assert!(stdout(&output).contains("\n1 to 3 tasks ·"), "{output:?}");
    assert!(!stdout(&output).contains("Use `"), "{output:?}");
    let markdown = place.run(&format!("compare w.kdl {QUICK} --export-markdown r.md"));
    assert!(markdown.status.success() && place.read("r.md").contains(", 1 to 3 tasks;"));
}

#[test]
fn sweeps_of_the_command_line_make_every_combination() {
    let place = Place::new().file("w.kdl", WORK);
    let line = format!("compare w.kdl {QUICK} --sweep tasks=2,4 --sweep wait=1ms,2ms");
    assert!(place.run(&line).status.success());
    let names: Vec<String> = contestants(&place).into_iter().map(|(name, _)| name).collect();
    let expected = ["tasks=2 wait=1ms", "tasks=2 wait=2ms", "tasks=4 wait=1ms", "tasks=4 wait=2ms"];
    assert_eq!(names, expected.map(|setting| format!("native/threads {setting}")));
}

/// The file's other sweeps stay: only that of the parameter named is replaced or omitted.
#[test]
fn a_sweep_of_the_command_line_replaces_that_of_its_parameter() {
    let work = WORK.replace("compare", "sweep \"wait\" \"1ms\" \"2ms\"\ncompare");
    let place = Place::new().file("w.kdl", &work);
    let names = |options: &str| {
        let output = place.run(&format!("compare w.kdl {QUICK} {options}"));
        assert!(output.status.success(), "{output:?}");
        let all = contestants(&place).into_iter();
        all.map(|(name, _)| name.replace("native/threads ", "")).collect::<Vec<_>>().join(", ")
    };
    let replaced = "tasks=1 wait=3ms, tasks=1 wait=4ms, tasks=3 wait=3ms, tasks=3 wait=4ms";
    assert_eq!(names("--sweep wait=3ms,4ms"), replaced);
    assert_eq!(names("--sweep tasks=4 --no-sweep wait"), "tasks=4");
    let output = place.run("compare w.kdl --no-sweep weight");
    let said = "--no-sweep weight: the workload does not sweep `weight`; it sweeps tasks, wait";
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(said), "{output:?}");
}

#[test]
fn what_is_set_is_not_swept_and_run_takes_the_default() {
    let place = Place::new().file("w.kdl", WORK);
    assert!(place.run(&format!("compare w.kdl {QUICK} --set tasks=5")).status.success());
    assert_eq!(contestants(&place), [("native/threads".to_owned(), 5)]);
    let output = place.run("run w.kdl");
    assert!(stdout(&output).contains("2 done"), "{output:?}");
}

#[test]
fn wrong_sweeps_are_refused_with_the_place() {
    let place = Place::new()
        .file("w.kdl", WORK)
        .file("unknown.kdl", "param \"tasks\" 1\ntask \"t\"\nsweep \"task\" 1 2\n")
        .file(
            "unused.kdl",
            "param \"j\" 1\ntask \"t\" { wait \"1ms\"; }\nsweep \"j\" 1 2\ncompare \"native/threads\"\n",
        )
        .file("wrong.kdl", "param \"n\" 1 min=1\ntask \"t\" count=\"$n\"\nsweep \"n\" 1 0\n");
    for (line, said) in [
        ("compare unknown.kdl", "did you mean `tasks`?"),
        ("compare unused.kdl", "nothing in the work depends on it"),
        ("compare wrong.kdl", "`n` is at least 1"),
        ("compare w.kdl --sweep taks=1,2", "unknown parameter `taks`"),
        ("compare w.kdl --sweep tasks=1,,2", "tasks"),
        ("compare w.kdl --sweep tasks", "NAME=VALUE"),
    ] {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(stderr(&output).contains(said), "{line}: {output:?}");
    }
    let many = (1..=201).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let output = place.run(&format!("compare w.kdl --sweep tasks={many}"));
    assert!(stderr(&output).contains("200 at most"), "{output:?}");
}
