//! What is said of the workers of Python: for what their threads wait, what they do not share, what
//! they do beside the work. By counts and order, never by time.

use std::process::Command;

use serde_json::Value;

use crate::needs;
use crate::program::{Place, stdout};
use crate::pythons;

const WORK: &str = r#"
import asyncio, hashlib, os, threading

gate = threading.Lock()
all_there = threading.Barrier(4)
data = b"x" * 4_000_000
local = threading.local()
lazy = None

def burns(n=0):
    return sum(i * i for i in range(600_000))
def locked(n=0):
    for _ in range(6):
        with gate:
            hashlib.sha256(data).digest()
def guarded(n):
    with gate:
        return n
def connect():
    local.here = True
def connected(n):
    return local.here
def makes():
    return [{1, 2}, b"b", 3.0]
def kind(value):
    return type(value).__name__
def threads(n):
    return os.environ.get("OMP_NUM_THREADS", "unset") + os.environ.get("MY_SIZE", "")
def raises(n):
    if n == "3":
        raise ValueError(f"{n} is not wanted")
def right(results):
    return sorted(results) == ["1", "2", "3", "4"]
async def two_loops(n):
    global lazy
    lazy = lazy or asyncio.Lock()
    all_there.wait()
    async with lazy:
        await asyncio.sleep(1)
"#;

fn place() -> Place {
    Place::new().file("work.py", WORK).file("four.txt", "1\n2\n3\n4\n")
}

/// Compares and gives the exit code, what was printed on one line, and what was saved.
fn compare(place: &Place, line: &str) -> (i32, String, Value) {
    let line = format!("compare {line} --warmup 0 --quiet --save saved.json");
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = place.command(&words).output().unwrap();
    let text = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
    // Where the question itself was wrong, nothing is saved.
    let saved = std::fs::read_to_string(place.path("saved.json")).unwrap_or_default();
    let saved = serde_json::from_str(&saved).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.code().unwrap(), text, saved)
}

/// How often the threads of the first contestant were seen to wait for this.
fn looks(saved: &Value, cause: &str) -> u64 {
    let waits = &saved["contestants"][0]["traced"]["scheduling"]["waits"];
    assert!(waits.is_object() && waits["refused"].is_null(), "{saved:#}");
    let by = waits["by"].as_array().unwrap();
    by.iter().find(|one| one["for"] == cause).map_or(0, |one| one["looks"].as_u64().unwrap())
}

#[test]
fn who_waits_for_the_gil_is_told_from_who_waits_for_another_lock() {
    if !needs::have("waits") {
        return;
    }
    let place = place();
    for (function, waited, other) in [("burns", "gil", "lock"), ("locked", "lock", "gil")] {
        let line = format!("work.py:{function} --models python3/thread-pool:4 --count 8 --runs 1");
        // Who looks may himself be kept from a processor while the threads wait.
        let mut seen = (0..10).map(|_| {
            let (code, text, saved) = compare(&place, &line);
            assert_eq!(code, 0, "{text}");
            (looks(&saved, waited), looks(&saved, other))
        });
        let is_told = seen.any(|(waited, other)| waited > other);
        assert!(is_told, "{function}: it is never seen to wait for {waited} more than for {other}");
    }
}

#[test]
fn a_lock_that_processes_do_not_share_keeps_them_from_being_ranked() {
    let line = "work.py:guarded --inputs four.txt --models python3/sequential,python3/processes:2 --runs 3";
    let (code, text, saved) = compare(&place(), line);
    assert_eq!(code, 0, "{text}");
    let why = saved["contestants"][1]["unranked"].as_str().unwrap();
    assert!(why.starts_with("its workers do not share `gate` (threading.Lock)"), "{why}");
    assert!(text.contains("--expect 'FILE.py:CHECK'"), "{text}");
    let (_, text, saved) = compare(&place(), &format!("{line} --expect work.py:right"));
    assert!(saved["contestants"][1]["unranked"].is_null(), "{text}");
}

#[test]
fn a_loop_that_nothing_can_wake_is_found_long_before_the_time_is_up() {
    let line = "work.py:two_loops --inputs four.txt --models python3/thread-pool:4 --runs 1";
    let (_, text, saved) = compare(&place(), line);
    let why = saved["contestants"][0]["unranked"].as_str().unwrap();
    assert!(why.starts_with("deadlock: "), "{text}");
    assert!(text.contains("an event loop that nothing can wake"), "{text}");
}

#[test]
fn an_input_that_raises_under_every_model_is_shown_and_they_are_ranked() {
    let line =
        "work.py:raises --inputs four.txt --models python3/sequential,python3/threads --runs 3";
    let (code, text, saved) = compare(&place(), line);
    assert_eq!((code, saved["ranking"].as_array().unwrap().len()), (0, 2), "{text}");
    assert!(text.contains("1 of 4 calls raised under every model"), "{text}");
    assert!(text.contains("ValueError: 3 is not wanted (work.py:"), "{text}");
    assert!(text.contains("given \"3\""), "{text}");
    assert_eq!(compare(&place(), &format!("{line} --strict")).0, 4, "strict as before");
}

#[test]
fn workers_have_a_set_up_of_their_own() {
    let models = "python3/sequential,python3/threads,python3/thread-pool:2,python3/processes:2";
    let line = format!(
        "work.py:connected --inputs four.txt --models {models} --runs 1 --worker-setup work.py:connect --warmup-calls 1"
    );
    let (code, text, saved) = compare(&place(), &line);
    assert_eq!(code, 0, "{text}");
    for contestant in saved["contestants"].as_array().unwrap() {
        assert_eq!(contestant["runs"][0]["tasks"]["done"], 4, "{text}");
    }
}

#[test]
fn inputs_may_be_made_by_a_function() {
    let line = "work.py:kind --inputs work.py:makes --models python3/sequential,python3/processes:2 --runs 1";
    let (code, text, saved) = compare(&place(), line);
    assert_eq!(code, 0, "{text}");
    for contestant in saved["contestants"].as_array().unwrap() {
        assert_eq!(contestant["runs"][0]["tasks"]["done"], 3, "{text}");
    }
    let (code, text, _) = compare(&place(), "work.py:kind --inputs work.py:nothing");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("the inputs of `work.py:nothing` cannot be made"), "{text}");
}

#[test]
fn the_environment_is_an_axis() {
    let line = "work.py:threads --inputs four.txt --models python3/sequential --runs 1 --env MY_SIZE=1,2 --inner-threads 3,auto";
    let (code, text, saved) = compare(&place(), line);
    assert_eq!(code, 0, "{text}");
    let settings: Vec<&str> = (saved["contestants"].as_array().unwrap().iter())
        .map(|one| one["model"].as_str().unwrap().split_once(' ').map_or("", |(_, rest)| rest))
        .collect();
    assert_eq!(settings.len(), 4, "{settings:?}");
    // What the function returned shows that each had its own.
    assert!(text.contains("`'31'`") && text.contains("`'unset1'`"), "{text}");
}

/// Of 100 that wait 30 ms each, the executor's own threads can have no more than 32 under way.
#[test]
fn the_size_of_a_pool_does_not_decide_unseen() {
    let source = "import time\ndef waits(n):\n    time.sleep(0.03)\n    return n\n";
    let (inputs, place) = ((1..=100).map(|n| format!("{n}\n")), place().file("waits.py", source));
    let place = place.file("many.txt", inputs.collect::<String>());
    let line = "waits.py:waits --inputs many.txt --runs 2 --no-trace";
    let (code, text, saved) = compare(&place, line);
    assert_eq!(code, 0, "{text}");
    let contestants = saved["contestants"].as_array().unwrap();
    let of = |model: &str| {
        let own = |one: &&Value| one["model"].as_str().unwrap().ends_with(model);
        contestants.iter().find(own).unwrap_or_else(|| panic!("no {model} in {text}"))
    };
    assert_eq!(of("/thread-pool")["chosen"]["by"], "library-default");
    assert_eq!(of("/processes")["chosen"]["by"], "library-default");
    let joined = of("/thread-pool:100");
    assert_eq!(joined["chosen"]["by"], "formula");
    assert_eq!(joined["runs"].as_array().unwrap().len(), 2, "as many rounds as the others");
    assert!(text.contains("the standard library's default"), "{text}");
    assert!(text.contains("thread-pool:100: joined after the first round"), "{text}");
    let named = "waits.py:waits --inputs many.txt --runs 1 --no-trace --models python3/sequential,python3/thread-pool";
    let (_, _, saved) = compare(&place, named);
    assert_eq!(saved["contestants"].as_array().unwrap().len(), 2, "who names models gets those");
}

#[test]
fn several_functions_are_compared_each_under_what_suits_it() {
    let source = "import asyncio, time\ndef plain(n):\n    time.sleep(0.01)\n    return n\nasync def awaits(n):\n    await asyncio.sleep(0.01)\n    return n\ndef other(n):\n    return n + 'x'\n";
    let place = place().file("two.py", source);
    let (code, text, saved) =
        compare(&place, "two.py:plain two.py:awaits --inputs four.txt --runs 1 --no-trace");
    assert_eq!(code, 0, "{text}");
    let models: Vec<&str> = (saved["contestants"].as_array().unwrap().iter())
        .map(|one| one["model"].as_str().unwrap().split_once('/').unwrap().1)
        .collect();
    for there in ["event-loop call=awaits", "thread-pool call=plain", "processes call=awaits"] {
        assert!(models.iter().any(|model| model == &there), "no {there} in {models:?}");
    }
    assert!(!models.contains(&"event-loop call=plain"), "{models:?}");
    assert!(!text.contains("Results differ"), "{text}");
    let line = "two.py:plain two.py:other --inputs four.txt --runs 3 --no-trace --models python3/sequential";
    let (_, text, _) = compare(&place, line);
    assert!(text.contains("Results differ"), "{text}");
}

const BENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/python");

#[test]
fn a_round_whose_processor_time_is_unknown_does_not_count_in_the_bench() {
    let code = "import overhead
known = {'user_ns': 10**9, 'system_ns': 10**9}
rounds = iter([None, known, None, None])
ratio = lambda: overhead.ratio(2, lambda: (overhead.cpu_s(next(rounds)),), lambda: (4.0,))[0][2]
print(ratio(), ratio())";
    let output = Command::new("python3").args(["-c", code]).current_dir(BENCH).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0.5 inf\n", "{said}");
}

#[test]
#[ignore = "slow: a sweep"]
fn the_bench_of_the_python_runner_runs() {
    let output = Command::new("python3")
        .current_dir(BENCH)
        .args(["overhead.py", "--tasks", "5", "--rounds", "1", "python3"])
        .env("PATH", pythons::straight())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for strategy in ["sequential", "threads", "thread-pool", "processes", "event-loop", "hybrid"] {
        let line = text.lines().find(|line| line.trim_start().starts_with(strategy));
        let line = line.unwrap_or_else(|| panic!("no {strategy} in {text}"));
        assert_eq!(line.matches(" ÷ ").count(), 2, "work and start, each beside by hand: {line}");
    }
}
