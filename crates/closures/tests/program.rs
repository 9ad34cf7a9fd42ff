//! A bench as users write one, and what comes of it. The program that is tested is this very file,
//! started with `PROGRAM` in its environment; without it, it is the test.
#![expect(clippy::unwrap_used, reason = "it is a test, with a harness of its own")]

use std::io::Write as _;
use std::process::{Command, ExitCode, Output};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use maitred_closures::{Bench, Compare};
use serde_json::Value;

const PROGRAM: &str = "MAITRED_TEST_PROGRAM";

fn main() -> ExitCode {
    if std::env::var_os(PROGRAM).is_some() {
        return program();
    }
    // As libtest has it: those that are left out otherwise, and there are none.
    if std::env::args().any(|word| word == "--ignored") {
        return ExitCode::SUCCESS;
    }
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| asked.is_empty() || asked.iter().any(|part| name.contains(part));
    for (name, case) in CASES.iter().filter(|(name, _)| chosen(name)) {
        case();
        let _ = writeln!(std::io::stdout(), "test {name} ... ok");
    }
    ExitCode::SUCCESS
}

/// Lets nobody through before so many have come.
struct Meeting {
    come: Mutex<u32>,
    bell: Condvar,
}

static MEETING: Meeting = Meeting { come: Mutex::new(0), bell: Condvar::new() };

impl Meeting {
    fn meet(&self, wanted: u32) {
        let mut come = self.come.lock().unwrap();
        *come += 1;
        self.bell.notify_all();
        drop(self.bell.wait_while(come, |come| *come < wanted).unwrap());
    }
}

fn sum(n: &u64) -> u64 {
    (0..*n).fold(n % 7, |sum, one| sum.wrapping_mul(31) ^ one)
}

/// A sum of which rayon does the halves.
fn halves(n: &u64) -> u64 {
    let (left, right) = rayon::join(|| sum(&(n / 2)), || sum(&(n - n / 2)));
    left ^ right
}

async fn sum_later(n: &u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    sum(n)
}

fn program() -> ExitCode {
    let numbers = || (1..=12).map(|n| n * 1000);
    let odd = |n: &u64| (n / 1000) % 2 == 1;
    Bench::from_args()
        .add(Compare::new("sums").inputs(numbers()).call(sum).same())
        .add(
            Compare::new("both")
                .inputs(numbers())
                .call_named("plain", sum)
                .call_async_named("awaited", sum_later)
                .same(),
        )
        .add(
            Compare::new("differ")
                .inputs(numbers())
                .call_named("right", sum)
                .call_named("wrong", move |n| sum(n) + u64::from(odd(n)))
                .pool(2)
                .same(),
        )
        .add(
            Compare::new("checked")
                .inputs(numbers())
                .call(move |n| sum(n) + u64::from(odd(n)))
                .check(|n, result| *result == sum(n))
                .pool(2)
                .processes(),
        )
        .add(
            Compare::new("panics")
                .inputs(0..4_u64)
                .call_named("plain", |n| assert!(*n != 2, "no page {n}"))
                .call_async_named("awaited", |n| async move { assert!(*n != 2, "no page {n}") })
                .sequential()
                .threads()
                .pool(2)
                .processes()
                .rayon()
                .event_loop()
                .tokio()
                .hybrid(),
        )
        .add(
            Compare::new("meeting")
                .inputs([(); 4])
                .call(|()| MEETING.meet(4))
                .pool(4)
                .threads()
                .model("rayon/thread-pool:4"),
        )
        .add(Compare::new("nested").inputs(numbers()).call(halves).same().rayon().pool(2))
        .run()
}

const CASES: [(&str, fn()); 8] = [
    ("it_says_the_names", it_says_the_names),
    ("without_bench_everything_runs_once", without_bench_everything_runs_once),
    ("what_suits_takes_part_and_returns_the_same", what_suits_takes_part_and_returns_the_same),
    ("two_functions_take_what_suits_each", two_functions_take_what_suits_each),
    ("different_results_are_told", different_results_are_told),
    ("a_panic_is_a_failure_with_its_message", a_panic_is_a_failure_with_its_message),
    ("tasks_of_a_pool_are_under_way_at_once", tasks_of_a_pool_are_under_way_at_once),
    ("a_run_is_drawn_and_saved", a_run_is_drawn_and_saved),
];

/// The program with these words, which waits for no other `maitred` of the machine.
fn started(words: &str) -> Output {
    let place = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let words = words.split_whitespace();
    let mut command = Command::new(own);
    command.args(words).env(PROGRAM, "yes").env("XDG_RUNTIME_DIR", place.path());
    command.env("COLUMNS", "200").output().unwrap()
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}

/// The saved comparison of this name, after a round of each model, and what was printed.
fn compared(name: &str) -> (Value, String) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("result.json");
    let words = format!("--bench {name} --runs 1 --warmup 0 --no-trace --save {}", path.display());
    let said = text(&started(&words));
    let saved = std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {said}"));
    (serde_json::from_slice(&saved).unwrap(), said)
}

const ALL_THE_SAME: &str =
    "All models returned the same, as far as they were compared: 12 results by hash.";

/// What is concluded of what was returned.
fn results_of(result: &Value) -> Vec<&str> {
    let parts = ["warnings", "reasons", "details"].map(|part| &result["conclusion"][part]);
    let sentences = parts.iter().filter_map(|part| part.as_array()).flatten();
    let texts = sentences.filter_map(|sentence| sentence["text"].as_str());
    texts.filter(|text| text.contains("returned") || text.starts_with("Results")).collect()
}

fn contestants(result: &Value) -> Vec<(String, &Value)> {
    let all = result["contestants"].as_array().unwrap();
    all.iter().map(|one| (one["model"].as_str().unwrap().to_owned(), &one["runs"][0])).collect()
}

fn it_says_the_names() {
    let said = text(&started("--bench --list s"));
    let names = ["sums", "panics", "nested"];
    assert_eq!(said, names.map(|name| format!("{name}: benchmark\n")).concat());
    let refused = started("--bench --loud");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("unknown option `--loud`"));
}

fn without_bench_everything_runs_once() {
    let well = started("sums");
    assert_eq!((text(&well).as_str(), well.status.code()), ("sums: ok\n", Some(0)));
    let ill = started("panics");
    assert_eq!(ill.status.code(), Some(1), "{}", text(&ill));
    assert!(text(&ill).contains("no page 2"), "{}", text(&ill));
}

fn what_suits_takes_part_and_returns_the_same() {
    let (result, said) = compared("sums");
    assert_eq!(result["subject"]["kind"], "closure");
    let all = contestants(&result);
    // With a number of its own one may have joined for what the first round showed.
    let models = all.iter().map(|(model, _)| model.as_str()).filter(|model| !model.contains(':'));
    let models: Vec<&str> = models.collect();
    let wanted = ["std/sequential", "std/thread-pool", "std/processes", "rayon/thread-pool"];
    assert_eq!(models, wanted);
    for (model, run) in &all {
        assert_eq!(run["tasks"]["done"], 12, "{model}: {said}");
        assert_eq!(run["result_hash"], all[0].1["result_hash"], "{model}");
        assert!(run["result_hash"].is_string(), "{model}");
    }
    assert_eq!(results_of(&result), [ALL_THE_SAME], "{said}");
    assert!(said.contains("cargo bench -- sums"), "{said}");
}

fn two_functions_take_what_suits_each() {
    let (result, said) = compared("both");
    let models: Vec<String> = contestants(&result).into_iter().map(|(model, _)| model).collect();
    let has = |model: &str| models.iter().any(|one| one == model);
    assert!(has("tokio/event-loop call=awaited") && has("std/processes call=plain"), "{models:?}");
    assert!(
        !has("tokio/event-loop call=plain") && !has("std/processes call=awaited"),
        "{models:?}"
    );
    assert_eq!(results_of(&result), [ALL_THE_SAME], "{said}");
}

fn different_results_are_told() {
    let (result, said) = compared("differ");
    let hashes: Vec<&Value> =
        contestants(&result).into_iter().map(|(_, run)| &run["result_hash"]).collect();
    assert_ne!(hashes[0], hashes[1]);
    let told = results_of(&result).concat();
    assert!(told.starts_with("Results differ: ") && !told.contains("the same"), "{said}");
    let which = "6 of 12 tasks differ: task 1; task 3; task 5; and 3 more.";
    assert!(told.ends_with(which), "{told}");
    let (result, said) = compared("checked");
    assert_eq!(result["ranking"].as_array().map(Vec::len), Some(0), "{said}");
    let wrong = "expected a right result for each input, it is wrong for 6 of 12, first for task 0";
    assert!(said.contains(wrong), "{said}");
}

fn a_panic_is_a_failure_with_its_message() {
    let (result, said) = compared("panics");
    let all = contestants(&result);
    assert_eq!(all.len(), 16, "eight models of each function");
    for (model, run) in all {
        let tasks = (&run["tasks"]["done"], &run["tasks"]["failed"]);
        assert_eq!(tasks, (&3.into(), &1.into()), "{model}: {said}");
        let failure = &run["failures"][0];
        assert_eq!(failure["kind"], "panic", "{model}");
        let told = failure["text"].as_str().unwrap();
        assert!(told.starts_with("no page 2, at ") && told.contains("program.rs"), "{told}");
    }
}

fn tasks_of_a_pool_are_under_way_at_once() {
    // With fewer at once nobody would come back.
    let (result, said) = compared("meeting");
    for (model, run) in contestants(&result) {
        assert_eq!(run["tasks"]["done"], 4, "{model}: {said}");
    }
    // Who waits for halves that rayon does is given other tasks meanwhile: no lane has two at once.
    let (result, said) = compared("nested");
    let all = contestants(&result);
    assert_eq!(all[0].1["result_hash"], all[1].1["result_hash"], "{said}");
    assert_eq!(all[0].1["tasks"]["done"], 12, "{said}");
}

fn a_run_is_drawn_and_saved() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run.trace");
    let words =
        format!("--bench sums --run --model rayon/thread-pool:2 --save-trace {}", path.display());
    let ran = started(&words);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    assert!(text(&ran).contains("rayon/thread-pool:2"), "{}", text(&ran));
    assert!(path.metadata().unwrap().len() > 0);
    let page = place.path().join("page.html");
    let words = format!("--bench sums --runs 1 --warmup 0 --no-trace --report {}", page.display());
    started(&words);
    assert!(std::fs::read_to_string(&page).unwrap().contains("rayon/thread-pool"));
}
