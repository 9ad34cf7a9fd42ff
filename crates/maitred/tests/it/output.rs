//! Where results go: full disks, closed pipes, files that vanish. Nothing measured is lost, and
//! each trouble is one line.

use std::fs;

use crate::form;
use crate::needs::{SmallDisk, have};
use crate::program::{PATIENCE, Place, eventually, stderr, stdout};

const WORK: &str = "task \"t\" count=2 { wait \"1ms\" }\n";
const COMPARE: &str = "compare work.kdl --warmup 0 --no-trace --runs 2 --models threads,event-loop";

fn place() -> Place {
    Place::new().file("work.kdl", WORK)
}

#[test]
fn a_full_disk_costs_the_file_and_not_the_result() {
    let output = place().run(&format!("{COMPARE} --export-json /dev/full"));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(stdout(&output).contains("How fast"), "{output:?}");
    let errors = stderr(&output);
    assert!(errors.contains("/dev/full") && errors.contains("No space left"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn a_disk_that_fills_up_keeps_the_last_whole_result() {
    let place = place();
    let folder = place.path("disk");
    if !have("mount") {
        return;
    }
    let _disk = SmallDisk::mount(&folder, 64 << 10).expect("it can be mounted");
    // Each round adds a run to the file, and a second file of its size is needed to replace it.
    let output = place
        .run("compare work.kdl --warmup 0 --no-trace --runs 60 --models threads --export-json disk/r.json");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(stdout(&output).contains("How fast"), "{output:?}");
    let errors = stderr(&output);
    assert!(errors.contains("disk/r.json cannot be written: No space left"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "told once: {errors}");
    let saved = form::valid_json(&place.read("disk/r.json"));
    let rounds = saved["contestants"][0]["runs"].as_array().unwrap().len();
    assert!(rounds > 1, "{rounds}");
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, 1, "no draft is left");
}

#[test]
fn an_export_that_cannot_be_written_is_refused_before_anything_runs() {
    let place = Place::new().file("work.kdl", "task \"t\" { run \"touch\" \"started\" }\n");
    for path in ["/proc/r.json", "no/such/r.json", "."] {
        let output = place.run(&format!("compare work.kdl --runs 1 --export-json {path}"));
        assert_eq!(output.status.code(), Some(2), "{path}: {output:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "{path}: {output:?}");
    }
    assert!(!place.path("started").exists());
    let output = place.run("compare work.kdl --runs 1 --warmup 0 --export-json r.json");
    assert!(output.status.success() && place.path("started").exists(), "{output:?}");
}

#[test]
fn an_existing_export_is_kept_when_the_run_is_refused() {
    let place = place().file("r.json", "precious");
    let output = place.run("compare work.kdl --export-json r.json --models nonsense");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(place.read("r.json"), "precious");
}

/// Work that is done at once, but for the second time only when there is a file `go`: between two rounds
/// something can be done to what was written after the first.
fn work_in_two_steps() -> Place {
    let line = "if test -e once; then until test -e go; do sleep 0.01; done; fi; : > once";
    Place::new().file("work.kdl", format!("task \"t\" {{ run \"sh\" \"-c\" \"{line}\" }}\n"))
}

#[test]
fn exports_that_are_removed_during_the_run_come_back() {
    let place = work_in_two_steps();
    let running = place.start(
        "compare work.kdl --warmup 0 --no-trace --runs 2 --models threads --export-json out.json \
         --export-csv out.csv",
    );
    place.wait_for("out.csv");
    fs::remove_file(place.path("out.json")).unwrap();
    fs::write(place.path("go"), "").unwrap();
    let output = running.end();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    form::valid_json(&place.read("out.json"));
}

#[test]
fn a_folder_that_is_removed_during_the_run_costs_one_line() {
    let place = work_in_two_steps();
    fs::create_dir(place.path("out")).unwrap();
    let running = place.start(
        "compare work.kdl --warmup 0 --no-trace --runs 2 --models threads --export-json out/r.json",
    );
    place.wait_for("out/r.json");
    // It may be writing just now.
    let removed = || fs::remove_dir_all(place.path("out")).is_ok();
    assert!(eventually(PATIENCE, removed));
    fs::write(place.path("go"), "").unwrap();
    let output = running.end();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(stderr(&output).lines().count(), 1, "{output:?}");
    assert!(stdout(&output).contains("How fast"), "{output:?}");
}

#[test]
fn who_closes_the_pipe_has_heard_enough() {
    let place = place();
    let line =
        format!("$M {COMPARE} --export-json r.json 2>errors | head -1; echo ${{PIPESTATUS[0]}}");
    let output = place.shell(&line);
    assert_eq!(stdout(&output), "work.kdl\n0\n");
    assert_eq!(place.read("errors"), "");
    assert_eq!(form::valid_json(&place.read("r.json"))["stopped"], "rounds");
    for line in ["", "man", "completions bash", "--help", "compare --help"] {
        let output = place.shell(&format!("$M {line} 2>errors | true; echo ${{PIPESTATUS[0]}}"));
        assert_eq!(stdout(&output), "0\n", "{line}");
        assert_eq!(place.read("errors"), "", "{line}");
    }
    let run = "$M run work.kdl --model threads 2>errors | true; echo ${PIPESTATUS[0]}";
    assert_eq!(stdout(&place.shell(run)), "0\n");
    assert_eq!(place.read("errors"), "");
}

#[test]
fn a_pipe_is_closed_before_anything_is_said() {
    // `head` reads a line and leaves; `true` is gone before the run is over.
    let place = place();
    let line = format!("$M {COMPARE} --export-csv r.csv 2>&1 | true; echo ${{PIPESTATUS[0]}}");
    assert_eq!(stdout(&place.shell(&line)), "0\n");
    form::valid_csv(&place.read("r.csv"));
}

#[test]
fn an_output_that_cannot_be_written_is_one_line() {
    let place = place();
    for line in [COMPARE, "run work.kdl --model threads", "", "man", "completions zsh"] {
        let output = place.shell(&format!("$M {line} >/dev/full"));
        assert_eq!(output.status.code(), Some(3), "{line}: {output:?}");
        let errors = stderr(&output);
        assert!(errors.contains("standard output") && errors.contains("No space"), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{line}: {errors}");
    }
    let output = place.shell(&format!("$M {COMPARE} >&- 2>errors"));
    assert!(output.status.code().is_some_and(|code| code != 70 && code != 101), "{output:?}");
}

#[test]
fn standard_error_may_be_closed() {
    let place = place();
    for closed in ["2>/dev/full", "2>&-"] {
        let output = place.shell(&format!("$M {COMPARE} {closed}"));
        assert_eq!(output.status.code(), Some(0), "{closed}: {output:?}");
        assert!(stdout(&output).contains("How fast"), "{closed}: {output:?}");
        let output = place.shell(&format!("$M compare nope.kdl {closed}"));
        assert_eq!(output.status.code(), Some(2), "{closed}: {output:?}");
    }
}

#[test]
fn an_export_to_a_pipe_is_written_once_and_whole() {
    let place = place();
    let line = format!("$M {COMPARE} --export-json /dev/stderr 2>r.json >table");
    assert_eq!(place.shell(&line).status.code(), Some(0));
    form::valid_json(&place.read("r.json"));
    let line = format!("$M {COMPARE} --export-csv /dev/stdout | cat > both");
    assert_eq!(place.shell(&line).status.code(), Some(0));
    assert!(place.read("both").contains("How fast"));
}

#[test]
fn a_file_without_permission_is_refused() {
    if !have("ordinary-user") {
        return;
    }
    let output = place().run("compare work.kdl --export-json /r.json");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn a_result_that_goes_to_standard_output_stands_there_alone() {
    let place = Place::new().file("work.kdl", "task \"t\" { wait \"1ms\" }");
    let output = place.run("compare work.kdl --models threads --runs 1 --warmup 0 --save -");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    form::valid_json(&stdout(&output));
    assert!(stderr(&output).contains("How fast"), "{output:?}");
    assert!(!place.path("-").exists());
}

#[test]
fn help_that_cannot_be_written_is_told() {
    let place = Place::new();
    let output = place.shell("$M --help > /dev/full");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let output = place.shell("$M compare --help | true; echo ${PIPESTATUS[0]}");
    assert_eq!(stdout(&output), "0\n");
}
