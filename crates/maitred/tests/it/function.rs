//! The user's own function as the subject, and everything that it can do wrong: each a result
//! with the user's own line, none a stack trace of ours.

use crate::needs::have;
use crate::program::Place;
use crate::{pythons, runtimes};

const WORK: &str = r#"
import asyncio, multiprocessing, os, signal, sys, time

def length(text):
    return len(text)
def sleeps(n):
    time.sleep(0.01)
    return n
async def awaits(n):
    await asyncio.sleep(0.01)
    return n
def add(a, b=0, c=0):
    print("added", a, b, c)
    return a + b + c
seen = 0
def where(n):
    return multiprocessing.parent_process() is None
def prepared(n):
    return seen + 1000
def prepare():
    global seen
    seen = 41
def raises(n):
    if int(n) % 3 == 0:
        raise ValueError(f"{n} is not wanted")
def leaves(n):
    sys.exit(3)
def segfault(n):
    import ctypes
    ctypes.string_at(0)
def suicide(n):
    os.kill(os.getpid(), signal.SIGKILL)
def lambdas(n):
    return lambda: n
def hangs(n):
    while int(n) == 3:
        pass
def recurses(n):
    return recurses(n)
def grows(n):
    kept = []
    while True:
        kept.append(b"x" * 10_000_000)
def asks(n):
    return input("name? ")
value = 3
"#;

fn place() -> Place {
    let lines: String = (1..=6).map(|n| format!("{n}\n")).collect();
    Place::new().file("work.py", WORK).file("six.txt", lines)
}

/// By the default interpreter alone: one without a GIL takes seconds to start beside other tests.
fn run(place: &Place, line: &str) -> (i32, String) {
    run_with(place, pythons::straight(), line)
}

/// The same where other interpreters are found as well.
fn run_with(place: &Place, path: &str, line: &str) -> (i32, String) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = place.command(&words).env("PATH", path).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// Compares once under these strategies of the default interpreter; without line breaks, since
/// those depend on the widths of names.
fn compare(place: &Place, function: &str, strategies: &str, more: &str) -> (i32, String) {
    let models: Vec<_> = strategies.split(' ').map(|one| format!("python3/{one}")).collect();
    let line = format!(
        "compare {function} --models {} --runs 1 --warmup 0 --quiet {more}",
        models.join(",")
    );
    let (code, text) = run(place, &line);
    (code, text.split_whitespace().collect::<Vec<_>>().join(" "))
}

const ALL: &str = "sequential threads thread-pool processes event-loop hybrid";

/// Whatever happens, the traceback is not ours.
fn wrong(function: &str, strategies: &str, more: &str, expected: &[&str]) {
    let (code, text) = compare(&place(), function, strategies, &format!("--inputs six.txt {more}"));
    assert_eq!(code, 1, "{text}");
    for expected in expected {
        assert!(text.contains(expected), "no {expected:?} in {text}");
    }
    for ours in ["Traceback", "panicked", "/maitred_"] {
        assert!(!text.contains(ours), "{ours} in {text}");
    }
}

const SLEEPS: &str = "compare work.py:sleeps --inputs six.txt --runs 1 --warmup 0 --quiet";

#[test]
fn a_function_is_compared_under_models_that_suit_it() {
    let (code, text) = run(&place(), SLEEPS);
    assert_eq!(code, 0, "{text}");
    for strategy in ["sequential", "thread-pool", "processes"] {
        let is_row = |line: &str| {
            line.split_whitespace().next().is_some_and(|name| name.ends_with(strategy))
        };
        assert!(text.lines().any(is_row), "no row of {strategy} in {text}");
    }
    assert!(!text.contains("/event-loop"), "a plain function stops a loop: {text}");
    let (_, text) = compare(&place(), "work.py:sleeps", "event-loop", "--inputs six.txt");
    assert!(text.contains("`call work.py:sleeps` does not give way"), "{text}");
}

/// At its start it yields its processor some two thousand times. Where others take it each time, it is given
/// up after a while, and asked again by the next comparison.
#[test]
#[ignore = "slow: another runtime"]
fn a_function_is_compared_without_a_gil_too() {
    if !runtimes::has("python3.13t") {
        return;
    }
    let place = place();
    let mut said = (0..20).map(|_| run_with(&place, &pythons::path(), SLEEPS));
    assert!(said.any(|(_, text)| text.contains("  python3.13t\n")));
}

/// Of an array the shortened text shows neither the middle nor that two undefined numbers are alike.
#[test]
fn arrays_are_compared_by_value() {
    if !have("numpy") {
        return;
    }
    let arrays = r"
import multiprocessing
import numpy

def elsewhere(n):
    array = numpy.zeros(10_000)
    array[5000] = multiprocessing.parent_process() is None
    return array

def undefined(n):
    return numpy.full(10_000, numpy.nan)
";
    let place = place().file("arrays.py", arrays);
    let python = pythons::with_libraries().display().to_string();
    let compared = |function: &str| {
        let line = format!(
            "compare arrays.py:{function} --inputs six.txt --python {python} \
             --models sequential,thread-pool,processes --runs 2 --warmup 0 --quiet --no-trace"
        );
        let (_, text) = run(&place, &line);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // On a busy machine the time that a run has for it may not suffice for all results, but not every time.
    let is_told = |function: &str, is_it: &dyn Fn(&str) -> bool| {
        let mut said = String::new();
        let is_told = (0..10).any(|_| {
            said = compared(function);
            is_it(&said)
        });
        assert!(is_told, "it is never told, at last in {said}");
    };
    is_told("elsewhere", &|text| {
        text.contains("Results differ: `processes` returned other values")
            && text.contains("[5000] = ")
            && text.contains("processes failed: returned other results")
    });
    is_told("undefined", &|text| {
        assert!(!text.contains("Results differ"), "{text}");
        text.contains("6 results by numpy")
    });
}

#[test]
fn a_module_that_hangs_while_it_is_imported_is_told_by_its_line() {
    let place = place().file("stuck.py", "import time\ndef work():\n    pass\ntime.sleep(3600)\n");
    let expected = ["did not say `ready`", "its code was at stuck.py:"];
    is_told_in_time(|| compare(&place, "stuck.py:work", "sequential", "--timeout 1s"), &expected);
}

#[test]
fn who_failed_for_the_same_reason_has_it_said_once() {
    let (code, text) = compare(&place(), "work.py:missing", "sequential threads", "--count 2");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("sequential and threads failed: "), "{text}");
    assert_eq!(text.matches("failed: ").count(), 1, "{text}");
}

#[test]
fn an_async_function_gives_way() {
    let (code, text) = compare(&place(), "work.py:awaits", ALL, "--inputs six.txt");
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("does not give way") && !text.contains("Not ranked"), "{text}");
}

#[test]
fn inputs_are_lines_json_values_or_rows() {
    let place =
        place().file("rows.csv", "1,2\n\"3\",x\n").file("values.jsonl", "[1, 2]\n\"abc\"\n");
    for (line, expected) in [
        ("work.py:length --inputs six.txt", "6 done:"),
        ("work.py:length --inputs values.jsonl", "2 done:"),
        ("work.py:add --inputs rows.csv --show-output", "added 1 2 0"),
        ("work.py:add --inputs rows.csv --show-output", "1 done, 1 failed"),
        ("work.py:add --count 3 --args [1,2,3] --show-output", "added 1 2 3"),
        ("work:length --inputs six.txt", "6 done:"),
        ("work.py:prepared --count 2 --args [1] --setup work.py:prepare", "2 done:"),
    ] {
        let (_, text) = run(&place, &format!("run {line} --model python3/sequential"));
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn prints_are_shown_only_if_wanted_and_disturb_nothing() {
    let (code, text) =
        run(&place(), "run work.py:add --count 2 --args [1,2,3] --model python3/processes");
    assert!(code == 0 && !text.contains("added"), "{text}");
    let (_, text) =
        compare(&place(), "work.py:add", "processes threads", "--args [1,2,3] --show-output");
    assert!(text.contains("python") && text.contains("added 1 2 3"), "{text}");
}

#[test]
fn different_results_are_a_finding() {
    let (code, text) =
        compare(&place(), "work.py:where", "sequential threads processes", "--inputs six.txt");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Results differ: `processes` returned"), "{text}");
    // It is over too soon for anything to be said of threads of its own.
    assert!(!text.contains("several threads itself"), "{text}");
    // The inputs that differ, with what was returned for them.
    assert!(text.contains("6 of 6 tasks differ: for \"1\" `"), "{text}");
    assert!(text.contains("and 3 more."), "{text}");
    let (_, text) = compare(&place(), "work.py:length", ALL, "--inputs six.txt");
    assert!(!text.contains("Results differ"), "{text}");
}

#[test]
fn an_exception() {
    let (code, text) = compare(&place(), "work.py:raises", ALL, "--inputs six.txt");
    assert_eq!(code, 0, "{text}");
    let expected = "2 of 6 calls raised under every model, and are in the times: ValueError: 3 is not wanted (work.py:";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("in raises), given \"3\""), "{text}");
    assert!(!text.contains("Traceback"), "{text}");
}

#[test]
fn an_exit() {
    wrong("work.py:leaves", ALL, "", &["6 of 6 tasks failed: called sys.exit(3) (work.py:"]);
}

#[test]
fn a_segmentation_fault() {
    let expected = ["killed by signal 11 (SIGSEGV)", "its code was at work.py:", "in segfault"];
    wrong("work.py:segfault", "sequential thread-pool event-loop", "", &expected);
    let expected = ["BrokenProcessPool", "was killed by SIGSEGV during task", "given"];
    wrong("work.py:segfault", "processes:2", "", &expected);
}

#[test]
fn a_killed_worker() {
    wrong("work.py:suicide", "processes:2", "", &["BrokenProcessPool", "was killed by SIGKILL"]);
    wrong("work.py:suicide", "threads", "", &["killed by signal 9 (SIGKILL)"]);
}

#[test]
fn what_cannot_be_pickled() {
    let expected = ["6 of 6 tasks failed", "cannot be handed to another process", "lambda"];
    wrong("work.py:lambdas", "processes", "", &expected);
}

#[test]
fn what_cannot_be_imported() {
    wrong("work.py:nothing", "sequential processes", "", &["has no attribute 'nothing'"]);
    wrong("work.py:value", "sequential", "", &["is not a function but int"]);
    wrong("no_such_module:f", "sequential", "", &["No module named 'no_such_module'"]);
    let place = place().file("broken.py", "def f(:\n").file("needs.py", "import no_such_thing\n");
    for (function, expected) in [
        ("broken.py:f", "SyntaxError"),
        ("needs.py:f", "ModuleNotFoundError: No module named 'no_such_thing' (needs.py:1"),
    ] {
        let (code, text) = compare(&place, function, "threads", "");
        assert!(code == 1 && text.contains(expected), "{text}");
    }
}

#[test]
fn a_module_that_starts_processes_when_it_is_imported() {
    let source = "import multiprocessing\n\nmultiprocessing.Process(target=print).start()\ndef f():\n    return 1\n";
    let place = Place::new().file("starts.py", source);
    let (code, text) =
        compare(&place, "starts.py:f", "sequential processes:2", "--start-method spawn");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("it starts processes when it is imported"), "{text}");
    assert!(text.contains("put that under `if __name__ == \"__main__\":`"), "{text}");
}

#[test]
fn an_endless_loop() {
    let strategies = "sequential thread-pool processes:2 event-loop";
    let expected = [
        "timed out after 1",
        "`hangs 3` was at",
        "`hangs 3` was given \"3\"",
        "its code was at work.py:",
        "in hangs",
    ];
    let more = "--inputs six.txt --timeout 1s";
    is_told_in_time(|| compare(&place(), "work.py:hangs", strategies, more), &expected);
}

/// Where the code was that is ended, it says only if it gets a processor in the moment before it is killed:
/// on a busy machine not every time.
fn is_told_in_time(run: impl Fn() -> (i32, String), expected: &[&str]) {
    let mut said = String::new();
    let is_told = (0..10).any(|_| {
        let (code, text) = run();
        assert_eq!(code, 1, "{text}");
        said = text;
        expected.iter().all(|expected| said.contains(expected))
    });
    assert!(is_told, "{expected:?} are never told all, at last in {said}");
}

#[test]
fn endless_recursion() {
    wrong("work.py:recurses", ALL, "", &["6 of 6 tasks failed: RecursionError", "work.py:"]);
}

#[test]
fn too_much_memory() {
    let expected = [
        "out of memory: took",
        "of 300 MiB allowed",
        "was at `call work.py:grows`",
        // The line that allocates, or that of its loop.
        "its code was at work.py:",
        "in grows",
    ];
    let (strategies, more) = ("sequential processes:2", "--inputs six.txt --memory-limit 300MiB");
    is_told_in_time(|| compare(&place(), "work.py:grows", strategies, more), &expected);
}

#[test]
fn a_question_to_a_terminal() {
    wrong("work.py:asks", ALL, "", &["6 of 6 tasks failed: EOFError"]);
}

#[test]
fn a_wrong_name_is_refused_before_anything_is_started() {
    let place = place();
    for (line, expected) in [
        ("compare nothing.py:f", "nothing.py: there is no such file"),
        (
            "compare work.py",
            "work.py is a file of Python; name a function in it, as in work.py:NAME: work.py:length",
        ),
        ("compare work.py:length --inputs no.txt", "no.txt: there is no such file"),
        ("compare work.py:length --inputs six.txt --count 3", "`--count` cannot be given"),
        ("compare work.py:length --args 3", "write a list, as in '[3]'"),
        ("compare work.py:length --models native/threads", "native cannot do it"),
    ] {
        let (code, text) = run(&place, line);
        assert_eq!(code, 2, "{line}: {text}");
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn a_loop_that_is_not_installed_is_a_result() {
    let (code, text) =
        compare(&place(), "work.py:awaits", "event-loop", "--inputs six.txt --loop uvloop");
    let installed = code == 0;
    assert!(installed || text.contains("uvloop is not installed for"), "{text}");
}

#[test]
#[ignore = "slow: another runtime"]
fn tasks_travel_to_dask_in_parcels_where_that_is_asked_for() {
    if !have("dask") {
        return;
    }
    let python = pythons::with_libraries().display().to_string();
    let place = Place::new()
        .file("job.py", "def work(x):\n    return x + 1\n")
        .file("in.jsonl", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
    let line = format!(
        "compare job.py:work --inputs in.jsonl --models dask/processes:2 --python {python} --chunk 5 \
         --runs 1 --warmup 0 --quiet --no-trace --details"
    );
    let (_, text) = run(&place, &line);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&text).contains("The 10 tasks went in 2 parcels."), "{text}");
}
