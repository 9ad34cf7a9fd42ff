//! The cases: what a runner is given to do, and what is judged of it.

use std::time::Duration;

use maitred_core::trace::{RunEnd, Task};
use maitred_core::workload::{Choices, Lowered, lower, parse};
use maitred_wire::trace_file::{Layout, TaskOutcome};
use maitred_wire::{Limits, Plan, Ready, Round, Strategy, Substance};

use super::http;
use super::judge::{arrived_and_ended, end_is_told, laws, trace};
use super::run::{Run, died, everything, everything_but_outcomes};
use super::server::Server;
use super::words::{ending, message};
use super::{Fault, Paragraph};
use crate::runtime::{Execution, Interrupt, Measured, RunnerCommand, STARTUP_LIMIT, execute};

/// Workers, where their number can be chosen.
const WORKERS: u32 = 3;

/// Something to do, and what has to come of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    work: &'static str,
    stop: Option<Stop>,
    /// Which strategies it makes sense for.
    only: fn(Strategy) -> bool,
    judge: Judge,
}

/// When a run is told to stop: by what has happened, for one runner is at work after a millisecond and
/// another after seconds.
#[derive(Clone, Copy)]
struct Stop {
    /// So many tasks have ended.
    at: u64,
    /// What those under way may take then; `None`: as long as the case.
    grace: Option<Duration>,
}

/// Who says what is wrong.
#[derive(Clone, Copy)]
enum Judge {
    Alone(fn(&Run<'_>) -> Vec<Fault>),
    /// With a server that the work asks, and how long it waits for an answer, nanoseconds as text.
    Served(fn(&Run<'_>, &Server) -> Vec<Fault>, &'static str),
    /// In so many rounds of one plan, of a runner that does them.
    InRounds(fn(&Run<'_>, &[Round]) -> Vec<Fault>, u32),
}

use Judge::{Alone, InRounds, Served};

/// A request that is answered at all may take as long as a machine is busy.
const LONG: &str = "600000000000";

fn any(_: Strategy) -> bool {
    true
}

fn several(strategy: Strategy) -> bool {
    strategy != Strategy::Sequential
}

pub(super) const ALL: &[Case] = &[
    Case { name: "every step", work: MIX, stop: None, only: any, judge: Alone(everything) },
    Case { name: "hold", work: HOLD, stop: None, only: any, judge: Alone(everything) },
    Case { name: "updates", work: UPDATES, stop: None, only: any, judge: Alone(updates) },
    Case { name: "durations", work: COLUMNS, stop: None, only: any, judge: Alone(everything) },
    Case { name: "arrivals", work: ARRIVALS, stop: None, only: any, judge: Alone(everything) },
    Case { name: "failures", work: FAILURES, stop: None, only: any, judge: Alone(failures) },
    Case { name: "deadlock", work: DEADLOCK, stop: None, only: several, judge: Alone(deadlock) },
    Case { name: "crash", work: CRASH, stop: None, only: any, judge: Alone(crash) },
    Case {
        name: "stop",
        work: MANY,
        stop: Some(Stop { at: 1, grace: None }),
        only: |strategy| !strategy.interleaves() && strategy != Strategy::Threads,
        judge: Alone(stopped),
    },
    Case {
        name: "grace",
        work: FOREVER,
        stop: Some(Stop { at: SHORT as u64, grace: Some(Duration::from_millis(200)) }),
        only: any,
        judge: Alone(given_up),
    },
    Case {
        name: "rounds",
        work: ROUNDS,
        stop: None,
        only: |strategy| strategy == Strategy::Sequential,
        judge: InRounds(rounds, ROUNDS_ASKED),
    },
    Case { name: "http", work: http::ASK, stop: None, only: any, judge: Served(http::asked, LONG) },
    Case {
        name: "http failures",
        work: http::FAIL,
        stop: None,
        only: any,
        judge: Served(http::failed, LONG),
    },
    Case {
        name: "http timeout",
        work: http::SILENT,
        stop: None,
        only: any,
        judge: Served(http::timed_out, "1000000000"),
    },
];

const MIX: &str = r#"
resource "door" capacity=2
channel "belt" capacity=6
var "sum" 0
task "maker" count=6 {
    cpu "200us"
    wait "1ms"
    repeat 2 {
        hold "door" { block "300us"; update "sum" add=1 }
        yield
    }
    send "belt"
    run "true"
}
task "taker" count=6 every="500us" {
    receive "belt"
    read "sum"
    write "sum" add=1
    allocate "100kB"
    wait (uniform)"100us..900us"
}
task "loser" count=3 {
    wait "1ms"
    fail "as planned"
}
"#;

const HOLD: &str = r#"
resource "table" capacity=2
resource "waiter" capacity=1
task "guest" count=6 {
    hold "table" { wait "1ms"; hold "waiter" { block "2ms" } }
}
"#;

/// Where [`UPDATES`] begins, and what is added to it in all.
const BEGUN: i64 = 5;
const ADDED: i64 = 6 * 5 * 3;
const UPDATES: &str = r#"
var "sum" 5
task "adder" count=6 { repeat 5 { update "sum" add=3; yield } }
"#;

const COLUMNS: &str = r#"
task "drawn" count=8 {
    repeat 3 { wait (uniform)"1ms..9ms"; block (uniform)"100us..900us" }
}
"#;

const ARRIVALS: &str = r#"
task "guest" count=6 every="15ms" { wait "1ms" }
task "waiter" count=2 { wait "2ms" }
"#;

const FAILURES: &str = r#"
task "gone" count=3 { run "false" }
task "lost" count=2 { wait "1ms"; fail "no table" }
task "fine" count=4 { wait "1ms" }
"#;

const DEADLOCK: &str = r#"
channel "never" capacity=1
task "waiting" count=2 { receive "never" }
"#;

const CRASH: &str = r#"
task "bomb" count=1 { wait "5ms"; crash }
task "fine" count=8 { wait "5ms" }
"#;

const MANY: &str = r#"
task "many" count=200 { wait "100ms" }
"#;

/// The tasks of [`FOREVER`] that end.
const SHORT: usize = 3;
const FOREVER: &str = r#"
task "short" count=3 { wait "1ms" }
task "long" count=3 { wait "1h" }
"#;

/// Of two commands each.
const ROUNDS_ASKED: u32 = 3;
const ROUNDS: &str = r#"
task "command" count=6 { run "true" }
"#;

impl Case {
    /// Whether a runner that can do these steps under this strategy is to be asked.
    pub(super) fn applies(&self, strategy: Strategy, ready: &Ready) -> bool {
        if matches!(self.judge, InRounds(..)) && !ready.rounds {
            return false;
        }
        let Some(steps) = &ready.steps else { return (self.only)(strategy) };
        let able = |step: &maitred_core::trace::StepInfo| {
            let name = step.kind.name();
            let name = name.split(',').next().unwrap_or(name);
            steps.iter().any(|known| known == name)
        };
        (self.only)(strategy) && lowered(self.work).steps.iter().all(able)
    }

    pub(super) fn run(
        &self,
        runner: &RunnerCommand,
        strategy: Strategy,
        ready: &Ready,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Vec<Fault> {
        let served = match self.judge {
            Alone(_) | InRounds(..) => None,
            Served(_, timeout_ns) => match Server::start() {
                Ok(server) => Some((server, timeout_ns)),
                Err(error) => {
                    let text = format!("there is no server to ask: {error}");
                    return vec![Fault::new(Paragraph::Http, text)];
                }
            },
        };
        let port = served.as_ref().map(|(server, _)| server.port.to_string());
        let work = lowered(&self.work.replace(http::PORT, port.as_deref().unwrap_or_default()));
        let tasks = work.task_count();
        let workers = strategy.facts().workers(tasks, WORKERS);
        let lanes = strategy.facts().lane_count(tasks, workers);
        let grace = self.stop.map_or(Duration::from_secs(1), |stop| stop.grace.unwrap_or(limit));
        let execution = Execution {
            runner,
            layout: Layout { lanes, tasks, spans_per_lane: 1000 },
            columns: &work.columns,
            startup_limit: STARTUP_LIMIT,
            timeout: Some(limit),
            memory_limit: None,
            duration: None,
            stop_at: self.stop.map(|stop| stop.at),
            grace: limit,
            interrupt,
            keep: None,
            scheduling: false,
        };
        let grace_ns = grace.as_nanos() as u64;
        let timeout = served.as_ref().map(|(_, ns)| ("http-timeout-ns".into(), (*ns).into()));
        let rounds = if let InRounds(_, rounds) = self.judge { rounds } else { 1 };
        let plan = |trace: &str, columns: Option<&str>| Plan {
            rounds,
            limits: Limits { grace_ns },
            options: timeout.into_iter().collect(),
            ..work.plan(strategy, workers, None, trace.into(), columns.unwrap_or_default().into())
        };
        let measured: Measured = match execute(&execution, plan, &mut |_| {}) {
            Ok(measured) => measured,
            Err(error) => return vec![Fault::new(Paragraph::Conversation, error.to_string())],
        };
        let Some(trace) = trace(&measured, ready, strategy, workers, &work) else {
            return vec![Fault::new(Paragraph::Lane, "the header of the trace file was changed")];
        };
        let run = Run { work: &work, trace: &trace, ready, strategy };
        match (self.judge, &served) {
            (Alone(judge), _) => judge(&run),
            (Served(judge, _), Some((server, _))) => judge(&run, server),
            (Served(..), None) => Vec::new(),
            (InRounds(judge, _), _) => {
                let done = measured.done.as_ref();
                judge(&run, done.map_or(&[], |done| done.rounds.as_slice()))
            }
        }
    }
}

fn lowered(text: &str) -> Lowered {
    let parsed = parse(text).expect("a case is a workload");
    lower(&parsed, &Choices::default()).expect("a case needs no setting")
}

fn failures(run: &Run<'_>) -> Vec<Fault> {
    let mut faults = everything_but_outcomes(run);
    let Some(done) = &run.trace.done else { return faults };
    let told = |kind: &str| done.failures.iter().find(|one| one.kind == kind);
    if !told("fail").is_some_and(|one| one.count == 2 && one.text == "no table") {
        let text = "two tasks that `fail` are not told as `fail`, 2 times, with their words";
        faults.push(Fault::new(Paragraph::Failures, text));
    }
    let commands: u32 =
        ["exit", "run"].iter().filter_map(|kind| told(kind)).map(|one| one.count).sum();
    if commands != 3 {
        let text =
            format!("three commands with exit code 1 are told as {}", message(&done.failures));
        faults.push(Fault::new(Paragraph::Failures, text));
    }
    faults
}

/// None is lost, in one variable for all or in those of each process together.
fn updates(run: &Run<'_>) -> Vec<Fault> {
    let mut faults = everything(run);
    let mut told = run.trace.done.iter().flat_map(|done| &done.vars);
    let added = |var: &maitred_wire::VarValue| match var.by_process.as_slice() {
        [] => var.value - BEGUN,
        each => each.iter().map(|value| value - BEGUN).sum(),
    };
    if let Some(wrong) = told.find(|var| added(var) != ADDED) {
        let all = added(wrong);
        let text = format!("{ADDED} is added by `update` in all, and {all} is told: {wrong:?}");
        faults.push(Fault::new(Paragraph::Done, text));
    }
    faults
}

fn deadlock(run: &Run<'_>) -> Vec<Fault> {
    let RunEnd::Deadlock(blocked) = &run.trace.end else {
        let text = format!("tasks that wait for ever end so: {}", ending(&run.trace.end));
        return vec![Fault::new(Paragraph::Deadlock, text)];
    };
    let mut tasks: Vec<u32> = blocked.iter().map(|one| one.task).collect();
    tasks.sort_unstable();
    if tasks != [0, 1] {
        let text = format!("tasks 0 and 1 wait for ever, and it names {tasks:?}");
        return vec![Fault::new(Paragraph::Deadlock, text)];
    }
    Vec::new()
}

/// Each ends with its last task, and before the first one of the next.
fn rounds(run: &Run<'_>, ended: &[Round]) -> Vec<Fault> {
    let mut faults = everything(run);
    let tasks = run.trace.tasks.chunks(run.trace.tasks.len() / ROUNDS_ASKED as usize);
    let next = tasks.clone().skip(1).map(|tasks| tasks[0].start_ns).chain([u64::MAX]);
    let fits = |((tasks, round), next_ns): ((&[Task], &Round), u64)| {
        tasks.iter().all(|task| task.end_ns <= round.end_ns) && round.end_ns <= next_ns
    };
    if ended.len() != ROUNDS_ASKED as usize || !tasks.zip(ended).zip(next).all(fits) {
        let text = format!(
            "{ROUNDS_ASKED} rounds of two tasks were asked for, and it says that they ended so: {}",
            message(&ended)
        );
        faults.push(Fault::new(Paragraph::Rounds, text));
    }
    faults
}

/// A worker process takes its task along, any other crash the runner; a language in which a crash
/// takes less says so by a failure.
fn crash(run: &Run<'_>) -> Vec<Fault> {
    if let RunEnd::TimedOut { .. } = run.trace.end {
        return vec![Fault { paragraph: Paragraph::WorkerDies, ..died(run) }];
    }
    let is_process = run.strategy.facts().substance == Substance::Process;
    let Some(done) = &run.trace.done else {
        let by_signal = matches!(&run.trace.end, RunEnd::Died { how } if how.contains("SIGKILL"));
        return match by_signal && !is_process {
            true => Vec::new(),
            false => {
                let text = format!("a crash ended it so: {}", ending(&run.trace.end));
                vec![Fault::new(Paragraph::WorkerDies, text)]
            }
        };
    };
    // A pool that breaks with its worker says so in its own words.
    let told = done.failures.iter().any(|one| one.count > 0);
    let mut faults = laws(run.trace);
    if !told || run.trace.tasks[0].outcome == TaskOutcome::Done {
        let text = format!("a task that crashed is told as {}", message(&done.failures));
        faults.push(Fault::new(Paragraph::WorkerDies, text));
    }
    let others = run.trace.tasks[1..].iter().filter(|one| one.outcome == TaskOutcome::Done);
    let breaks = done.failures.iter().any(|one| one.kind == "BrokenProcessPool");
    if is_process && !breaks && others.count() != 8 {
        let text = "a worker that died was not replaced: other tasks were left undone";
        faults.push(Fault::new(Paragraph::WorkerDies, text));
    }
    faults
}

fn stopped(run: &Run<'_>) -> Vec<Fault> {
    if let RunEnd::TimedOut { .. } = run.trace.end {
        return vec![died(run)];
    }
    let mut faults = end_is_told(run.trace, run.ready);
    faults.extend(laws(run.trace));
    let (begun, ended) = arrived_and_ended(run.trace);
    if begun != ended {
        let text = format!("{begun} tasks began and {ended} ended, though there was time for all");
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    if begun == run.trace.tasks.len() {
        faults.push(Fault::new(Paragraph::Stop, "it went on with new tasks until none was left"));
    }
    faults
}

fn given_up(run: &Run<'_>) -> Vec<Fault> {
    let (_, ended) = arrived_and_ended(run.trace);
    let mut faults = Vec::new();
    if run.trace.done.is_none() {
        let text = format!("it did not say `done` after the grace: {}", ending(&run.trace.end));
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    if ended > SHORT {
        let text = format!("{} tasks of an hour ended, and should be left open", ended - SHORT);
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    faults
}
