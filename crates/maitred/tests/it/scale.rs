//! Very many tasks, threads and processes: run, or refused before the run with the limit named.

use std::fs;
use std::process::Command;

use crate::form;
use crate::needs::{have, too_many_threads};
use crate::program::{Place, stderr, stdout};

/// One round without a warm-up; the counts of its tasks.
fn done(work: &str, options: &str) -> Result<u64, String> {
    let place = Place::new().file("work.kdl", work);
    let line = format!(
        "compare work.kdl --warmup 0 --runs 1 --no-trace --timeout 1h --export-json r.json {options}"
    );
    let output = place.run(&line);
    if output.status.code() == Some(2) {
        assert_eq!(stdout(&output), "", "nothing was started");
        return Err(stderr(&output));
    }
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let saved = form::valid_json(&place.read("r.json"));
    Ok(saved["contestants"][0]["runs"][0]["tasks"]["done"].as_u64().unwrap())
}

/// That it was done, or that a machine too small for it said so.
fn all_done_or_refused(outcome: Result<u64, String>, tasks: u64) {
    match outcome {
        Ok(done) => assert_eq!(done, tasks),
        Err(refusal) => {
            assert!(refusal.contains("limited to") || refusal.contains("available"), "{refusal}");
        }
    }
}

#[test]
fn ten_thousand_threads() {
    let work = "task \"t\" count=10000 { wait \"20ms\" }\n";
    all_done_or_refused(done(work, "--models threads"), 10_000);
}

#[test]
fn five_hundred_processes() {
    let work = "task \"t\" count=500 { wait \"20ms\" }\n";
    all_done_or_refused(done(work, "--models processes:500"), 500);
}

#[test]
fn a_hundred_thousand_tasks_under_every_pool() {
    for model in ["sequential", "thread-pool", "event-loop", "async-pool", "hybrid"] {
        // Not `yield`, which on a busy machine hands the processor to all others, each time.
        let work = "var \"v\" 0\ntask \"t\" count=100000 { update \"v\" add=1 }\n";
        all_done_or_refused(done(work, &format!("--models {model}")), 100_000);
    }
}

#[test]
fn more_than_the_language_allows_is_a_mistake_in_the_workload() {
    let refusal = done("task \"t\" count=10000001 { yield }\n", "--models event-loop").unwrap_err();
    assert!(refusal.contains("work.kdl:1:") && refusal.contains("10,000,000"), "{refusal}");
}

#[test]
fn more_threads_than_a_model_may_have_are_refused() {
    let work = "task \"t\" count=3000000 { wait \"1ms\" }\n";
    let refusal = done(work, "--models threads").unwrap_err();
    assert_eq!(
        refusal,
        "maitred: native/threads cannot run: native/threads would start a thread for each of \
         3,000,000 tasks, and 65,536 are the most; use native/thread-pool\n"
    );
}

#[test]
fn threads_beyond_the_limits_are_refused_with_the_limit() {
    if !have("thread-limit") {
        return;
    }
    let threads = too_many_threads().expect("there is such a number");
    let work = format!("task \"t\" count={threads} {{ wait \"1ms\" }}\n");
    let refusal = done(&work, "--models threads").unwrap_err();
    assert!(refusal.contains(&format!("cannot run: {threads} threads")), "{refusal}");
    assert!(refusal.contains("limited to") && refusal.contains("raise it with"), "{refusal}");
    assert_eq!(refusal.lines().count(), 1, "{refusal}");
}

#[test]
fn a_model_beyond_the_limits_is_shown_beside_those_within() {
    if !have("thread-limit") {
        return;
    }
    let threads = too_many_threads().expect("there is such a number");
    let place = Place::new().file(
        "work.kdl",
        format!(
            "task \"t\" count={threads} {{ yield }}\n\
             compare \"native/threads\" \"native/event-loop\"\n"
        ),
    );
    let output = place.run("compare work.kdl --warmup 0 --runs 1 --no-trace --export-json r.json");
    assert!(output.status.success(), "{output:?}");
    let saved = form::valid_json(&place.read("r.json"));
    let unranked = saved["contestants"][0]["unranked"].as_str().unwrap();
    assert!(unranked.contains("limited to"), "{unranked}");
    assert_eq!(saved["contestants"][0]["runs"].as_array().unwrap().len(), 0);
    assert!(stdout(&output).contains(&format!("{threads} threads")), "{output:?}");
}

#[test]
fn few_open_files_are_named() {
    let place = Place::new().file("work.kdl", "task \"t\" count=500 { wait \"1ms\" }\n");
    let output =
        place.shell("ulimit -Hn 200; ulimit -n 200; $M compare work.kdl --models processes:500");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("open files of a process is limited to 200"), "{output:?}");
    let line = "ulimit -n 100; $M compare work.kdl --runs 1 --models processes:4,threads:4";
    let output = place.shell(line);
    assert!(output.status.success(), "within the limit: {output:?}");
}

#[test]
fn few_processes_of_a_user_are_named() {
    let place = Place::new().file("work.kdl", "task \"t\" count=500 { wait \"1ms\" }\n");
    if !have("root") {
        let output = place.shell("ulimit -u 50; $M compare work.kdl --models threads");
        assert_ne!(output.status.code(), Some(70), "{output:?}");
        assert!(!output.status.success(), "{output:?}");
        return;
    }
    if !have("setpriv") {
        return;
    }
    // The superuser is not held to this limit; so as nobody, from where nobody may read.
    let program = place.path("maitred");
    fs::copy(env!("CARGO_BIN_EXE_maitred"), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(place.path("."), open).unwrap();
    let line = "ulimit -u 50; ./maitred compare work.kdl --models threads";
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", line])
        .current_dir(place.path("."))
        .env("XDG_CACHE_HOME", place.path("cache"))
        .env("MAITRED_NO_KEEP", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let errors = stderr(&output);
    assert!(errors.contains("the number of threads of this user is limited to 50"), "{errors}");
    assert!(errors.contains("ulimit -u"), "{errors}");
}

#[test]
fn memory_that_is_not_there_is_named() {
    let place = Place::new().file("work.kdl", "task \"t\" count=4 { allocate \"900GiB\" }\n");
    let output =
        place.run("compare work.kdl --models threads --warmup 0 --runs 1 --no-trace --timeout 20s");
    assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
    let text = stdout(&output) + &stderr(&output);
    assert!(text.contains("memory"), "{text}");
}
