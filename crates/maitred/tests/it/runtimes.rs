//! Interpreters: found, named by what they are, listed with what they cannot do; and refused with
//! a reason.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::events::valid_events;
use crate::needs::have;
use crate::program::{Place, shortened};
use crate::pythons;

const WAITERS: &str = "task \"t\" count=4 { wait \"5ms\"; cpu \"1ms\" }\n";

fn output(place: &Place, path: &str, line: &str) -> (i32, String) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output =
        place.command(&words).env("PATH", path).env_remove("VIRTUAL_ENV").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// Whether this interpreter is here; `needs` says so if not.
pub(crate) fn has(name: &str) -> bool {
    pythons::found().iter().any(|(known, _)| *known == name)
}

/// A program that is called like an interpreter.
fn plant(place: &Place, name: &str, script: &str) {
    let file = place.path("bin").join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn bin(place: &Place) -> String {
    place.path("bin").display().to_string()
}

/// What runs the tests, and its file behind all scripts and links.
fn python() -> String {
    let (_, file) = &pythons::found()[0];
    let asked =
        std::process::Command::new(file).args(["-c", "import sys; print(sys.executable)"]).output();
    String::from_utf8(asked.unwrap().stdout).unwrap().trim().to_owned()
}

/// `python3.11`, as the program names it.
fn name() -> String {
    let script = "import sys; print('%s%d.%d%s' % (('python' if sys.implementation.name == 'cpython' else 'pypy'), *sys.version_info[:2], '' if getattr(sys, '_is_gil_enabled', lambda: True)() else 't'))";
    let asked = std::process::Command::new(python()).args(["-c", script]).output().unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}

/// What is listed of an interpreter.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.find(&format!("\n{name}\n")).unwrap_or_else(|| panic!("no {name}: {text}"));
    text[start + 1..].split("\n\n").next().unwrap()
}

#[test]
fn the_default_interpreter_is_listed_with_what_it_can_do() {
    let place = Place::new();
    fs::create_dir(place.path("bin")).unwrap();
    symlink(python(), place.path("bin").join("python3")).unwrap();
    let (code, text) = output(&place, &bin(&place), "runtimes");
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("native\n"), "{text}");
    assert!(section(&text, &name()).contains("GIL         o"), "{text}");
}

#[test]
#[ignore = "slow: another runtime"]
fn every_interpreter_is_listed_with_what_it_can_do() {
    let place = Place::new();
    // One that had no processor for so long that it was given up is asked again.
    let is_whole = |text: &str| !text.contains("did not say what it is within");
    let mut said = (0..20).map(|_| output(&place, &pythons::path(), "runtimes"));
    let (code, text) = said.find(|(_, text)| is_whole(text)).expect("all answer in the end");
    assert_eq!(code, 0, "{text}");
    if has("python3.13t") {
        let listed = section(&text, "python3.13t");
        assert!(listed.contains("GIL         off"), "{text}");
        assert!(listed.contains("interpreters: interpreters need CPython 3.14"), "{text}");
    }
    if has("python3.14") {
        assert!(section(&text, "python3.14").contains("hybrid, interpreters"), "{text}");
    }
    if has("pypy3") {
        assert!(text.contains("JIT         on"), "{text}");
    }
}

#[test]
fn links_to_one_interpreter_are_one() {
    let place = Place::new();
    let python = python();
    fs::create_dir(place.path("bin")).unwrap();
    for name in ["python3", "python", "python3.99"] {
        symlink(&python, place.path("bin").join(name)).unwrap();
    }
    // As a version manager has one for each version.
    plant(&place, "python3.98", &format!("#!/bin/sh\nexec {python} \"$@\"\n"));
    let (code, text) = output(&place, &bin(&place), "runtimes");
    assert_eq!((code, text.matches("  GIL").count()), (0, 1), "{text}");
    for name in ["python3.99\n", "python3.98\n"] {
        assert!(!text.contains(name), "named by what it is: {text}");
    }
}

#[test]
fn an_interpreter_outside_of_the_path_can_be_named() {
    let place = Place::new().file("work.kdl", WAITERS);
    let folder = place.path("empty").display().to_string();
    let line = format!("run work.kdl --python {} --model {}/threads", python(), name());
    let (code, text) = output(&place, &folder, &line);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("4 done:"), "{text}");
}

#[test]
fn a_virtual_environment_is_the_first() {
    let place = Place::new().file("where.py", "import sys\ndef prefix():\n    print(sys.prefix)\n");
    let home = place.path("venv");
    if !have("venv") {
        return;
    }
    let words = ["-m", "venv", "--without-pip", "--symlinks"];
    let made = std::process::Command::new(python()).args(words).arg(&home).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let words = "run where.py:prefix --count 1 --model python3/sequential --show-output";
    let mut command = place.command(&words.split(' ').collect::<Vec<_>>());
    let output = command.env("PATH", pythons::path()).env("VIRTUAL_ENV", &home).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let home = fs::canonicalize(home).unwrap().display().to_string();
    assert!(text.contains(&home), "{text}");
}

#[test]
fn an_interpreter_that_cannot_be_used_is_said_to_be_left_out() {
    let place = Place::new().file("f.py", "def f():\n    pass\n");
    fs::create_dir(place.path("bin")).unwrap();
    symlink(python(), place.path("bin").join("python3")).unwrap();
    let compare = "compare f.py:f --count 1 --runs 1 --warmup 0 --no-trace --quiet --no-keep";
    let compare = format!("{compare} --events events.jsonl");
    let lines = [compare.as_str(), "run f.py:f --count 1 --model python3/sequential"];
    let said = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let output = place.command(&words).env("PATH", bin(&place)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for line in lines {
        assert!(!said(line).contains("left out"), "{line}");
    }
    assert!(!place.read("events.jsonl").contains("left-out"));
    plant(&place, "python3.99t", "#!/bin/sh\necho no such library >&2\nexit 3\n");
    let compared = said(lines[0]);
    let told: Vec<_> = compared.lines().filter(|line| line.contains("left out")).collect();
    assert_eq!(told.len(), 1, "{compared}");
    for part in ["python3.99t is left out", "exited with code 3", "no such library"] {
        assert!(told[0].contains(part), "{part}: {compared}");
    }
    let events = valid_events(&place.read("events.jsonl"));
    let one = events.iter().find(|event| event["event"] == "left-out").expect("it is an event");
    assert!(one["program"].as_str().unwrap().ends_with("python3.99t"), "{one}");
    assert!(one["why"].as_str().unwrap().contains("exited with code 3"), "{one}");
    // A run of the first there is asks no other.
    assert!(!said(lines[1]).contains("left out"));
}

#[test]
fn without_an_interpreter_a_python_model_is_refused_with_the_next_step() {
    let place = Place::new().file("work.kdl", WAITERS);
    fs::create_dir(place.path("bin")).unwrap();
    for line in
        ["compare work.kdl --models python3/threads", "run work.kdl --model python3.14t/threads"]
    {
        let (code, text) = output(&place, &bin(&place), line);
        assert_eq!(code, 2, "{text}");
        assert!(
            text.contains("that can be used was found") && text.contains("--python PATH"),
            "{text}"
        );
    }
    let (code, text) = output(&place, &bin(&place), "runtimes");
    assert_eq!(code, 0);
    assert!(text.contains("no Python was found on PATH"), "{text}");
}

#[test]
fn a_model_that_only_the_workload_names_is_shown_with_its_reason() {
    let source = format!("{WAITERS}compare \"native/threads\" \"python3/threads\"\n");
    let place = Place::new().file("work.kdl", source);
    fs::create_dir(place.path("bin")).unwrap();
    let (code, text) = output(&place, &bin(&place), "compare work.kdl --runs 1 --quiet");
    assert_eq!(code, 0, "{text}");
    let unranked = text.split("Not ranked").nth(1).unwrap_or_default();
    assert!(unranked.contains("python3/threads"), "{text}");
}

/// The real interpreter, pretending to be older: it answers as one of that age would.
fn old(version: &str) -> String {
    format!(
        "#!/bin/sh\nexec {} -c \"import sys\nsys.version_info = ({}, 'final', 0)\nsys.version = '{version} (planted)'\n$2\" \"$3\"\n",
        python(),
        version.replace('.', ", ")
    )
}

#[test]
fn one_that_is_too_old_says_so() {
    let place = Place::new().file("work.kdl", WAITERS);
    plant(&place, "python3.8", &old("3.8.10"));
    let why = "Python 3.8.10 is too old: 3.9 or later is needed";
    let (code, text) = output(&place, &bin(&place), "runtimes");
    assert_eq!(code, 0);
    assert!(text.contains("cannot be used\n") && text.contains(why), "{text}");
    let (code, text) = output(&place, &bin(&place), "compare work.kdl --models python3.8/threads");
    assert_eq!(code, 2);
    assert!(text.contains(why), "{text}");
}

#[test]
fn one_that_is_broken_is_listed_and_harms_no_other() {
    let place = Place::new().file("work.kdl", WAITERS);
    plant(&place, "python3", "#!/bin/sh\necho 'no such version is installed' >&2\nexit 127\n");
    symlink(python(), place.path("bin").join("python3.99")).unwrap();
    plant(&place, "python3.12", "#!/no/such/program\n");
    let path = format!("{}:/usr/bin:/bin", bin(&place));
    let (code, text) = output(&place, &path, "run work.kdl --model python3/threads");
    assert_eq!(code, 0, "{text}");
    let (_, text) = output(&place, &bin(&place), "runtimes");
    assert!(text.contains("exited with code 127") && text.contains("no such version"), "{text}");
    assert!(text.contains("python3.12: it cannot be started"), "{text}");
    assert!(text.contains(&format!("\n{}\n", name())), "{text}");
}

#[test]
fn shipped_workloads_run_on_the_default_interpreter() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads");
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|end| end != "kdl") {
            continue;
        }
        let place = Place::new();
        let line = format!(
            "compare {} --models python3/thread-pool:4,python3/event-loop,native/threads --speed 100x --runs 1 --warmup 0 --no-trace --quiet {}",
            file.display(),
            shortened(file.file_name().unwrap().to_str().unwrap())
        );
        let (code, text) = output(&place, &pythons::path(), &line);
        assert!(code <= 1, "{} ended with {code}: {text}", file.display());
        assert!(!text.contains("cannot run this") && !text.contains("Traceback"), "{text}");
    }
}

#[test]
fn what_was_kept_of_an_interpreter_is_asked_anew_when_its_file_changes() {
    let place = Place::new().file("work.kdl", WAITERS);
    fs::create_dir(place.path("bin")).unwrap();
    symlink(python(), place.path("bin").join("python3")).unwrap();
    let line = "run work.kdl --model python3/sequential";
    let (code, text) = output(&place, &bin(&place), line);
    assert_eq!(code, 0, "{text}");
    fs::remove_file(place.path("bin").join("python3")).unwrap();
    plant(&place, "python3", "#!/bin/sh\nexit 3\n");
    let (code, text) = output(&place, &bin(&place), line);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("exited with code 3"), "{text}");
}
