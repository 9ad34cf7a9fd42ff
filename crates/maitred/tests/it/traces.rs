//! Saved traces, as users meet them: written whatever becomes of the run, shown as the run was,
//! read up to a cut, and refused where they are something else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::exports::read;
use crate::needs::have;
use crate::program::{PATIENCE, Place, eventually, shipped, stderr, stdout};

const RUN: &str = "run work.kdl --model threads --speed 100x --width 80";

fn place() -> Place {
    Place::new().file("work.kdl", shipped("waiters.kdl"))
}

/// What is shown, without the line that says where the trace comes from.
fn shown(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("recorded "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_trace_is_shown_as_the_run_was() {
    let place = place();
    for options in ["", "--ascii --lanes 3"] {
        let run = place.run(&format!("{RUN} {options} --trace run.trace"));
        assert!(run.status.success(), "{run:?}");
        let again = place.run(&format!("show run.trace --width 80 {options}"));
        assert!(again.status.success(), "{again:?}");
        assert_eq!(shown(&stdout(&again)), stdout(&run));
        assert_eq!(stdout(&again).lines().filter(|it| it.starts_with("recorded ")).count(), 1);
    }
}

#[test]
fn whatever_becomes_of_the_run_its_trace_is_written() {
    let place = place()
        .file("crash.kdl", "task \"t\" count=3 { wait \"5ms\"\ncrash }\n")
        .file("lock.kdl", "channel \"c\" capacity=1\ntask \"t\" count=2 { receive \"c\" }\n")
        .file("slow.kdl", "task \"t\" count=2 { wait \"1ms\"\nwait \"1h\" }\n");
    for (line, words) in [
        ("crash.kdl --model threads", "died: "),
        ("lock.kdl --model threads", "deadlock: "),
        ("slow.kdl --model threads --timeout 2s", "timed out"),
    ] {
        let run = place.run(&format!("run {line} --width 80 --trace run.trace"));
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        let again = place.run("show run.trace --width 80");
        assert_eq!(again.status.code(), Some(0), "{again:?}");
        assert_eq!(shown(&stdout(&again)), stdout(&run), "{line}");
        assert!(stdout(&again).contains(words), "{again:?}");
    }
}

#[test]
fn a_runner_that_is_killed_leaves_its_spans() {
    let work = "task \"t\" { run \"touch\" \"begun\"\nwait \"1ms\"\nwait \"1h\" }\n";
    let place = Place::new().file("slow.kdl", work);
    let running = place.start("run slow.kdl --model threads --width 80 --trace run.trace");
    assert!(eventually(PATIENCE, || place.path("begun").exists()));
    let runner = running.processes().into_iter().find(|line| line.contains("runner\0native"));
    let line = runner.expect("the runner is there");
    let pid = line.trim_start_matches("/proc/").split(' ').next().unwrap().to_owned();
    assert!(place.shell(&format!("kill -KILL {pid}")).status.success());
    let output = running.end();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let recording = read(&fs::read(place.path("run.trace")).unwrap());
    // The step in which the file was made began before it was there.
    assert!(!recording.trace.spans.is_empty(), "{recording:?}");
    assert!(stdout(&place.run("show run.trace")).contains("SIGKILL"));
}

/// Ctrl-C stops the run, not the writing.
#[test]
fn an_interrupted_run_is_written() {
    let place = place().file("slow.kdl", "task \"t\" count=2 { wait \"1h\" }\n");
    let running = place.start("run slow.kdl --model threads --width 80 --trace run.trace");
    place.wait_for("run.trace");
    running.signal("INT");
    let output = running.end();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(shown(&stdout(&place.run("show run.trace --width 80"))), stdout(&output));
}

/// Everything that was recorded up to about a second before is in the file, though neither
/// maitred nor its runner could say a word.
#[test]
fn when_maitred_itself_is_killed_in_the_run_what_was_recorded_is_there() {
    let work =
        "task \"quick\" count=20 { wait \"1ms\"\nwait \"2ms\" }\ntask \"slow\" { wait \"1h\" }\n";
    let place = Place::new().file("work.kdl", work);
    let running = place.start("run work.kdl --model threads --trace run.trace");
    let path = place.path("run.trace");
    let text = || stdout(&place.run("show run.trace --width 80"));
    let begun = || fs::metadata(&path).is_ok_and(|facts| facts.len() > 100);
    assert!(eventually(PATIENCE, begun));
    // At first what is to be run, then what was recorded.
    assert!(text().contains("work.kdl"));
    assert!(eventually(PATIENCE, || text().contains("quick 20")));
    running.kill();
    let text = text();
    assert!(text.contains("the file was cut short at byte"), "{text}");
    assert!(text.contains("died: the record ends before the run does; 20 of 21"), "{text}");
    let slow = text.lines().find(|line| line.starts_with("slow "));
    assert!(slow.is_some_and(|line| line.contains("───────")), "it is drawn: {text}");
    // And what the kernel did with their threads, where that can be recorded.
    let place = place.file("short.kdl", "task \"short\" { cpu \"1ms\" }");
    if !stdout(&place.run("run short.kdl --model threads --quiet"))
        .contains("sampled, not recorded")
    {
        let cores = place.run("show run.trace --by core --width 80");
        assert!(stdout(&cores).contains("\nCPU 0"), "{cores:?}");
    }
}

/// Cut anywhere, as by a full disk or a crash: every beginning is shown, or refused in one
/// sentence that says why.
#[test]
fn every_beginning_of_a_trace_is_shown_up_to_the_cut() {
    let place = place();
    assert!(place.run(&format!("{RUN} --trace run.trace")).status.success());
    let bytes = fs::read(place.path("run.trace")).unwrap();
    let mut shown_ones = 0;
    for part in 0..40 {
        let kept = bytes.len() * part / 40;
        fs::write(place.path("cut.trace"), &bytes[..kept]).unwrap();
        let output = place.run("show cut.trace --export-chrome cut.json");
        let text = stdout(&output);
        match output.status.code() {
            Some(0) => {
                shown_ones += 1;
                assert!(text.contains("the file was cut short at byte"), "{text}");
                serde_json::from_str::<serde_json::Value>(&place.read("cut.json")).unwrap();
            }
            Some(2) if kept == 0 => assert!(stderr(&output).contains("is empty"), "{output:?}"),
            Some(2) => assert!(stderr(&output).contains("was cut short"), "{output:?}"),
            _ => panic!("{output:?}"),
        }
    }
    // The last chunk alone, and many before it, are missing.
    assert!(shown_ones > 1, "{shown_ones} of 40");
    fs::write(place.path("cut.trace"), &bytes[..bytes.len() - 1]).unwrap();
    let output = place.run("show cut.trace");
    assert!(stdout(&output).contains("the file was cut short at byte"), "{output:?}");
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(place.path("cut.trace"), damaged).unwrap();
    let output = place.run("show cut.trace");
    assert!(stdout(&output).contains("the file is damaged behind byte"), "{output:?}");
}

#[test]
fn what_is_no_trace_is_refused_with_a_reason() {
    let place = place().file("empty", "").file("text.trace", "hello\n").file("r.json", "{}");
    assert!(place.run(&format!("{RUN} --trace run.trace")).status.success());
    let bytes = fs::read(place.path("run.trace")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(place.path(name), bytes).unwrap();
    let mut other = bytes.clone();
    other[8] = 9;
    write("version.trace", &other);
    // A length of four gigabytes, then of nearly what is allowed, in a file of three kilobytes.
    let mut huge = bytes.clone();
    huge[13..17].copy_from_slice(&u32::MAX.to_le_bytes());
    write("huge.trace", &huge);
    huge[13..17].copy_from_slice(&(64_u32 << 20).to_le_bytes());
    write("large.trace", &huge);
    fs::create_dir(place.path("folder")).unwrap();
    for (name, words) in [
        ("empty", "this file is empty"),
        ("text.trace", "this is no trace and no result that maitred saved"),
        ("work.kdl", "this is no trace and no result that maitred saved"),
        ("r.json", "this is no result that maitred saved"),
        ("version.trace", "this trace has version 9, and this maitred reads 2"),
        ("huge.trace", "this trace is damaged"),
        ("large.trace", "cut short before it says anything"),
        ("folder", "is a directory"),
        ("missing.trace", "there is no such file"),
        ("/dev/null", "this file is empty"),
    ] {
        let output = place.run(&format!("show {name}"));
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
        assert!(stderr(&output).contains(words), "{name}: {output:?}");
        assert_eq!(stdout(&output), "", "{name}");
    }
    for command in ["run", "compare"] {
        let output = place.run(&format!("{command} run.trace"));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains("`maitred show run.trace` shows it"), "{output:?}");
    }
}

#[test]
fn a_result_is_shown_as_compare_shows_it() {
    let place = place();
    let compare = "compare work.kdl --warmup 0 --runs 1 --models threads --speed 100x";
    assert!(place.run(&format!("{compare} --save r.json")).status.success());
    let output = place.run("show r.json");
    assert_eq!(stdout(&output), stdout(&place.run("compare r.json")));
    fs::copy(place.path("r.json"), place.path("r")).unwrap();
    assert_eq!(stdout(&place.run("show r")), stdout(&output), "whatever it is called");
    let output = place.run("show r.json --export-perfetto p");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("is a result, which has none"), "{output:?}");
    assert!(!place.path("p").exists());
}

#[test]
fn a_path_that_cannot_be_written_costs_no_run() {
    let place = place().file("touch.kdl", "task \"t\" { run \"touch\" \"started\" }\n");
    assert!(place.run(&format!("{RUN} --trace run.trace")).status.success());
    fs::create_dir(place.path("folder")).unwrap();
    fs::create_dir(place.path("shut")).unwrap();
    fs::set_permissions(place.path("shut"), fs::Permissions::from_mode(0o500)).unwrap();
    let mut lines = vec![
        ("--trace no/such/folder/f", "No such file"),
        ("--trace folder", "Is a directory"),
        ("--export-perfetto no/such/f", "No such file"),
        ("--export-chrome folder", "Is a directory"),
        ("--trace touch.kdl", "is there already and is no trace"),
        ("--export-chrome touch.kdl", "is named twice"),
        ("--trace x --export-chrome x", "is named twice"),
        ("--trace x --trace-limit 3", "write a size with its unit"),
        ("--trace-limit 1GB", "--trace"),
    ];
    if have("ordinary-user") {
        lines.push(("--trace shut/f", "Permission denied"));
    }
    for (options, words) in lines {
        let output = place.run(&format!("run touch.kdl --model threads {options}"));
        assert_eq!(output.status.code(), Some(2), "{options}: {output:?}");
        assert!(stderr(&output).contains(words), "{options}: {output:?}");
        assert!(!place.path("started").exists(), "{options}");
        assert!(!place.path("x").exists(), "{options}: an empty file is left");
    }
    assert!(place.read("touch.kdl").contains("started"), "it was not overwritten");
    let output = place.run("show run.trace --export-chrome run.trace");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(place.run("show run.trace").status.success(), "it was not overwritten");
}

/// A run that cannot begin leaves the trace of the one before alone.
#[test]
fn an_older_trace_stays_until_a_run_begins() {
    let place = place();
    assert!(place.run(&format!("{RUN} --trace run.trace")).status.success());
    let before = fs::read(place.path("run.trace")).unwrap();
    let output = place.run("run work.kdl --model native/nonsense --trace run.trace");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(fs::read(place.path("run.trace")).unwrap(), before);
    let output = place.run("run work.kdl --model native/nonsense --trace new.trace");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!place.path("new.trace").exists(), "nothing is left of it");
}

#[test]
fn a_full_disk_is_told_and_what_was_measured_is_shown() {
    let place = place();
    for option in ["--trace", "--export-perfetto", "--export-chrome"] {
        let output = place.run(&format!("{RUN} {option} /dev/full"));
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(stderr(&output).contains("/dev/full cannot be written: No space"), "{output:?}");
        assert!(stdout(&output).contains("5 done"), "{output:?}");
    }
}

#[test]
fn a_trace_goes_through_a_pipe() {
    let place = place();
    let line = format!(
        "mkfifo pipe; \"$M\" {RUN} --trace pipe >run.txt & \"$M\" show pipe --width 80; wait"
    );
    let output = place.shell(&line);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(shown(&stdout(&output)), place.read("run.txt"));
}

#[test]
fn what_has_no_room_is_said_when_it_is_written_and_when_it_is_read() {
    let place = place()
        .file("many.kdl", "task \"t\" count=60000 { cpu \"1ns\"\ncpu \"1ns\"\ncpu \"1ns\" }\n");
    let line = "run many.kdl --model thread-pool:2 --trace run.trace --trace-limit 1MiB";
    let output = place.run(line);
    assert!(output.status.success(), "{output:?}");
    let words = "spans had no room in the 1.00 MiB of the trace; --trace-limit gives more";
    assert!(stderr(&output).contains(words), "{output:?}");
    let size = fs::metadata(place.path("run.trace")).unwrap().len();
    assert!(size <= 1 << 20, "{size} bytes");
    let shown = stdout(&place.run("show run.trace --width 200"));
    assert!(shown.contains(words), "{shown}");
}
