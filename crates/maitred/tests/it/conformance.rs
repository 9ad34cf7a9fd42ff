//! Every runtime under every strategy keeps to `runtimes/PROTOCOL.md`: our own runners are checked by
//! `maitred runner check`, and it finds faults that are planted in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use maitred_engine::runtime::languages::Language;
use maitred_engine::runtime::{
    Interrupt, Library, PythonRunner, RunnerCommand, STARTUP_LIMIT, describe,
};
use maitred_wire::Strategy;

use crate::program::{Place, stdout};
use crate::pythons;

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/maitred")
}

/// What a case may take that is to pass, however busy the machine.
const PATIENCE: &str = "1h";

/// What `maitred runner check` says of a runner, about these strategies and cases or about all.
fn check(
    runner: &RunnerCommand,
    strategies: &[Strategy],
    cases: &[&str],
    timeout: Option<&str>,
) -> Output {
    let strategies = strategies.iter().flat_map(|one| ["--strategy", one.name()]);
    let scope = strategies.chain(cases.iter().flat_map(|case| ["--case", case]));
    let scope = scope.chain(timeout.into_iter().flat_map(|limit| ["--timeout", limit]));
    let words: Vec<&str> = ["runner", "check"].into_iter().chain(scope).collect();
    let place = Place::new();
    let mut command = place.command(&words);
    command.arg(&runner.program).args(&runner.args);
    command.envs(runner.env.iter().map(|(name, value)| (name, value)));
    command.output().unwrap()
}

/// It is right in everything, and there were at least so many strategies to look at.
fn keeps_to_the_page(name: &str, runner: &RunnerCommand, only: &[Strategy], strategies: usize) {
    let output = check(runner, only, &[], Some(PATIENCE));
    assert!(output.status.success(), "{name}: {output:#?}");
    let whole = stdout(&output).lines().filter(|line| line.ends_with(" durations")).count();
    assert!(whole >= strategies, "{name}: {output:#?}");
}

/// The runner of a language; `None`, and loudly, where the language is not here.
fn runner(language: Language) -> Option<RunnerCommand> {
    match language.runner(Some(&cache())) {
        Ok(runner) => Some(runner),
        Err(why) => {
            complain(language.name(), &why);
            None
        }
    }
}

/// What is missing fails elsewhere, unless it may be (`it/needs.rs`).
#[expect(clippy::print_stderr, reason = "what a test could not look at must be seen")]
fn complain(name: &str, why: &str) {
    eprintln!("not checked: {name}: {why}");
}

#[test]
fn the_native_runner_keeps_to_the_page_under_a_pool_of_threads() {
    let native = RunnerCommand::new(env!("CARGO_BIN_EXE_maitred"), ["runner", "native"]);
    keeps_to_the_page("native", &native, &[Strategy::ThreadPool], 1);
}

#[test]
#[ignore = "slow: a sweep"]
fn the_native_runner_keeps_to_the_page() {
    let native = RunnerCommand::new(env!("CARGO_BIN_EXE_maitred"), ["runner", "native"]);
    keeps_to_the_page("native", &native, &[], 7);
}

#[test]
fn the_python_runner_keeps_to_the_page_under_a_pool_of_threads() {
    let python = PythonRunner::unpack(Some(&cache())).unwrap();
    let (name, file) = &pythons::found()[0];
    keeps_to_the_page(name, &python.on(file), &[Strategy::ThreadPool], 1);
}

/// The first interpreter in all strategies; the others where they could differ.
#[test]
#[ignore = "slow: another runtime"]
fn the_python_runner_keeps_to_the_page() {
    let python = PythonRunner::unpack(Some(&cache())).unwrap();
    let mut others = pythons::found().iter();
    let (name, file) = others.next().unwrap();
    keeps_to_the_page(name, &python.on(file), &[], 6);
    for (name, file) in others {
        keeps_to_the_page(name, &python.on(file), &[Strategy::ThreadPool, Strategy::EventLoop], 2);
    }
}

#[test]
#[ignore = "slow: another runtime"]
fn dask_keeps_to_the_page() {
    library_keeps_to_the_page(Library::Dask, 2);
}

#[test]
#[ignore = "slow: another runtime"]
fn ray_keeps_to_the_page() {
    library_keeps_to_the_page(Library::Ray, 1);
}

#[test]
#[ignore = "slow: another runtime"]
fn joblib_keeps_to_the_page() {
    library_keeps_to_the_page(Library::Joblib, 1);
}

fn library_keeps_to_the_page(library: Library, strategies: usize) {
    let python = PythonRunner::unpack(Some(&cache())).unwrap();
    let runner = python.library_on(library, &pythons::with_libraries());
    match describe(&runner, STARTUP_LIMIT, &Interrupt::manual().unwrap()) {
        Ok(_) => keeps_to_the_page(library.name(), &runner, &[], strategies),
        Err(why) => complain(library.name(), &why.to_string()),
    }
}

#[test]
#[ignore = "slow: another runtime"]
fn the_runner_in_node_keeps_to_the_page() {
    if let Some(runner) = runner(Language::Node) {
        keeps_to_the_page("node", &runner, &[], 5);
    }
}

#[test]
#[ignore = "slow: another runtime"]
fn the_runner_in_node_keeps_to_the_page_in_bun() {
    if let Some(runner) = runner(Language::Bun) {
        keeps_to_the_page("bun", &runner, &[], 5);
    }
}

#[test]
#[ignore = "slow: another runtime"]
fn the_runner_in_go_keeps_to_the_page() {
    if let Some(runner) = runner(Language::Go) {
        keeps_to_the_page("go", &runner, &[], 4);
    }
}

#[test]
#[ignore = "slow: another runtime"]
fn the_runner_in_java_keeps_to_the_page() {
    if let Some(runner) = runner(Language::Java) {
        keeps_to_the_page("java", &runner, &[], 4);
    }
}

#[test]
#[ignore = "slow: another runtime"]
fn the_runner_in_erlang_keeps_to_the_page() {
    if let Some(runner) = runner(Language::Erlang) {
        keeps_to_the_page("erlang", &runner, &[], 2);
    }
}

/// A fault: what the text of a runner says, what it says then, and the case that has to find it.
type Planted = (&'static str, &'static str, &'static str);

const IN_NODE: [Planted; 6] = [
    ("agent: agents.get(scheme)", "agent: false", "http"),
    ("if (code === \"ECONNREFUSED\") return \"refused\";", "", "http failures"),
    ("this.words[this.record + 3] = ++this.ended;", "++this.ended;", "every step"),
    (
        "for (let left = ns; left >= 0; left = until - clock()) {",
        "for (let left = ns / 2; left >= 0; left = -1) {",
        "durations",
    ),
    ("return this.order ? this.order[index][0] : 0;", "return 0;", "arrivals"),
    ("const how = signal ?", "return;\n    const how = signal ?", "crash"),
];

/// By module.
const IN_PYTHON: [(&str, Planted); 3] = [
    (
        "trace_file",
        (
            "self.flying -= 1\n        self.ended = ended = self.ended + 1",
            "self.flying -= 1\n        ended = self.ended",
            "every step",
        ),
    ),
    (
        "steps",
        (
            "raise StepFailed(\"fail\", value[\"why\"])",
            "raise StepFailed(\"oops\", value[\"why\"])",
            "failures",
        ),
    ),
    ("work", ("self.halt.wait(max(0, begun + due - clock()) / 1e9)", "pass", "arrivals")),
];

const IN_ERLANG: [Planted; 3] = [
    ("ended = Ended + 1", "ended = Ended", "every step"),
    ("whole_ms(Ns) -> (Ns + 999999) div 1000000.", "whole_ms(Ns) -> Ns div 2000000.", "durations"),
    ("lost(W, Number), bury(", "bury(", "crash"),
];

/// A process that dies of what no step of its task says, as of a limit that Erlang was started with.
const UNSEEN_IN_ERLANG: Planted = (
    "receive after whole_ms(amount(W, Number, Id, Amount)) -> ok end;",
    "exit(self(), kill), receive never -> {W, Number, Id, Amount} end;",
    "durations",
);

/// A copy of a runner's text with a fault in it.
fn spoil(text: &str, (right, wrong, _): Planted, file: &Path) {
    let spoilt = text.replace(right, wrong);
    assert_ne!(spoilt, text, "there is no `{right}` to spoil");
    fs::write(file, spoilt).unwrap();
}

fn finds(name: &str, runner: &RunnerCommand, strategy: Strategy, (_, wrong, case): Planted) {
    // Who starts every task at once is right where the machine is so busy that all are due by then.
    let found = (0..20).any(|_| {
        let output = check(runner, &[strategy], &[case], None);
        let is_told = |line: &str| line.starts_with("wrong") && line.ends_with(case);
        output.status.code() == Some(4) && stdout(&output).lines().any(is_told)
    });
    assert!(found, "{name}: `{wrong}` was not found");
}

#[test]
fn a_planted_fault_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (module, fault) = IN_PYTHON[0];
    finds_in_python(folder.path(), module, fault);
}

#[test]
#[ignore = "slow: another runtime"]
fn planted_faults_are_found() {
    let folder = tempfile::tempdir().unwrap();
    if runner(Language::Node).is_some() {
        let text = include_str!("../../../../runtimes/node/runner.cjs");
        for fault in IN_NODE {
            let file = folder.path().join("runner.cjs");
            spoil(text, fault, &file);
            let strategy =
                if fault.2 == "crash" { Strategy::Processes } else { Strategy::ThreadPool };
            finds("node", &RunnerCommand::new("node", [&file]), strategy, fault);
        }
    }
    for (module, fault) in IN_PYTHON {
        // Each in a folder of its own: what was compiled of one is not the other.
        finds_in_python(&folder.path().join(module), module, fault);
    }
}

fn finds_in_python(folder: &Path, module: &str, fault: Planted) {
    let runner = spoilt_python(folder, module, fault);
    finds("python", &runner, Strategy::ThreadPool, fault);
}

fn spoilt_python(folder: &Path, module: &str, fault: Planted) -> RunnerCommand {
    let python = PythonRunner::unpack(Some(folder)).unwrap();
    let runner = python.on(Path::new("python3"));
    let modules = Path::new(runner.args.last().unwrap());
    let file = modules.join(format!("maitred_{module}.py"));
    spoil(&fs::read_to_string(&file).unwrap(), fault, &file);
    runner
}

#[test]
fn a_runner_that_never_ends_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let fault =
        ("next(parts)\n        self.ended", "threading.Event().wait()\n        self.ended", "");
    let runner = spoilt_python(folder.path(), "runner", fault);
    let output = check(&runner, &[Strategy::ThreadPool], &["durations"], Some("100ms"));
    let said = stdout(&output);
    assert!(
        said.contains("it did not say `done`: it was given up after 100ms (--timeout)"),
        "{output:#?}"
    );
    assert_eq!(output.status.code(), Some(4), "{output:#?}");
}

#[test]
#[ignore = "slow: another runtime"]
fn planted_faults_of_compiled_runners_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let succeeds = |command: &mut Command| assert!(command.status().unwrap().success());
    if runner(Language::Go).is_some() {
        let (go, text) =
            (Language::Go.tool().unwrap(), include_str!("../../../../runtimes/go/runner.go"));
        let fault = ("t.now = clock()\n\tif span != nil", "if span != nil", "every step");
        spoil(text, fault, &folder.path().join("runner.go"));
        let mut build = Command::new(go);
        build.args(["build", "-o", "spoilt", "runner.go"]).env("GO111MODULE", "off");
        succeeds(build.current_dir(folder.path()));
        let spoilt: [&str; 0] = [];
        let runner = RunnerCommand::new(folder.path().join("spoilt"), spoilt);
        finds("go", &runner, Strategy::ThreadPool, fault);
    }
    if let Some(runner) = runner(Language::Erlang) {
        let text = include_str!("../../../../runtimes/erlang/maitred_runner.erl");
        let compiler = Language::Erlang.tool().unwrap().with_file_name("erlc");
        let mut spoilt = runner;
        *spoilt.args.last_mut().unwrap() = folder.path().into();
        for fault in IN_ERLANG.into_iter().chain([UNSEEN_IN_ERLANG]) {
            spoil(text, fault, &folder.path().join("maitred_runner.erl"));
            let mut compile = Command::new(&compiler);
            succeeds(compile.arg("maitred_runner.erl").current_dir(folder.path()));
            finds("erlang", &spoilt, Strategy::AsyncPool, fault);
        }
        // Such tasks are missed all the same, and nobody waits for them.
        let told = stdout(&check(&spoilt, &[Strategy::AsyncPool], &[UNSEEN_IN_ERLANG.2], None));
        assert!(
            told.contains("is open in the trace") && !told.contains("did not say `done`"),
            "{told}"
        );
    }
    if let Some(runner) = runner(Language::Java) {
        let text = include_str!("../../../../runtimes/java/Runner.java");
        let fault = ("if (there) trace.put(record + 12, ++ended);", "", "every step");
        spoil(text, fault, &folder.path().join("Runner.java"));
        let mut compile = Command::new(Language::Java.tool().unwrap().with_file_name("javac"));
        // What it may see of the JDK comes behind the shell's script and Java itself.
        compile.args(&runner.args[3..7]).args(["-d", ".", "Runner.java"]);
        if runner.args.iter().any(|word| word == "--enable-preview") {
            compile.args(["--enable-preview", "-source", "21"]);
        }
        succeeds(compile.current_dir(folder.path()));
        let mut spoilt = runner.clone();
        // The class path comes before the class.
        let at = spoilt.args.len() - 2;
        spoilt.args[at] = folder.path().into();
        finds("java", &spoilt, Strategy::ThreadPool, fault);
    }
}
