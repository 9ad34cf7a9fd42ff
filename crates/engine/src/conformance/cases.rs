//! The cases: what a runner is given to do, and what is judged of it.

use std::time::Duration;

use maitred_core::trace::RunEnd;
use maitred_core::workload::{Choices, Lowered, lower, parse};
use maitred_wire::trace_file::{Layout, TaskOutcome};
use maitred_wire::{Limits, Plan, Ready, Strategy, Substance};

use super::http;
use super::judge::{arrived_and_ended, end_is_told, laws, trace};
use super::run::{Run, everything, everything_but_outcomes};
use super::server::Server;
use super::{Fault, Paragraph};
use crate::runtime::{Execution, Interrupt, Measured, RunnerCommand, STARTUP_LIMIT, execute};

/// Workers, where their number can be chosen.
const WORKERS: u32 = 3;
/// No case takes longer, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Something to do, and what has to come of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    work: &'static str,
    /// After which it is told to stop, and what it may take then.
    stop: Option<(Duration, Duration)>,
    /// Which strategies it makes sense for.
    only: fn(Strategy) -> bool,
    judge: Judge,
}

/// Who says what is wrong.
#[derive(Clone, Copy)]
enum Judge {
    Alone(fn(&Run<'_>) -> Vec<Fault>),
    /// With a server that the work asks, and how long it waits for an answer, nanoseconds as text.
    Served(fn(&Run<'_>, &Server) -> Vec<Fault>, &'static str),
}

use Judge::{Alone, Served};

/// A request that is answered at all may take as long as a machine is busy.
const LONG: &str = "60000000000";

fn any(_: Strategy) -> bool {
    true
}

fn several(strategy: Strategy) -> bool {
    strategy != Strategy::Sequential
}

pub(super) const ALL: &[Case] = &[
    Case { name: "every step", work: MIX, stop: None, only: any, judge: Alone(everything) },
    Case { name: "durations", work: COLUMNS, stop: None, only: any, judge: Alone(everything) },
    Case { name: "arrivals", work: ARRIVALS, stop: None, only: any, judge: Alone(everything) },
    Case { name: "failures", work: FAILURES, stop: None, only: any, judge: Alone(failures) },
    Case { name: "deadlock", work: DEADLOCK, stop: None, only: several, judge: Alone(deadlock) },
    Case { name: "crash", work: CRASH, stop: None, only: any, judge: Alone(crash) },
    Case {
        name: "stop",
        work: MANY,
        stop: Some((Duration::from_millis(400), Duration::from_secs(5))),
        only: |strategy| !strategy.interleaves() && strategy != Strategy::Threads,
        judge: Alone(stopped),
    },
    Case {
        name: "grace",
        work: FOREVER,
        stop: Some((Duration::from_millis(600), Duration::from_millis(200))),
        only: any,
        judge: Alone(given_up),
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

const FOREVER: &str = r#"
task "long" count=3 { wait "1h" }
"#;

impl Case {
    /// Whether a runner that can do these steps under this strategy is to be asked.
    pub(super) fn applies(&self, strategy: Strategy, ready: &Ready) -> bool {
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
        interrupt: &Interrupt,
    ) -> Vec<Fault> {
        let served = match self.judge {
            Alone(_) => None,
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
        let (stop_after, grace) = self.stop.unwrap_or((PATIENCE, Duration::from_secs(1)));
        let execution = Execution {
            runner,
            layout: Layout { lanes, tasks, spans_per_lane: 1000 },
            columns: &work.columns,
            startup_limit: STARTUP_LIMIT,
            timeout: Some(stop_after),
            memory_limit: None,
            duration: None,
            grace,
            interrupt,
            keep: None,
            scheduling: false,
        };
        let grace_ns = grace.as_nanos() as u64;
        let timeout = served.as_ref().map(|(_, ns)| ("http-timeout-ns".into(), (*ns).into()));
        let plan = |trace: &str, columns: Option<&str>| Plan {
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
        let run = Run { work: &work, trace: &trace, ready, strategy, workers };
        match (self.judge, &served) {
            (Alone(judge), _) => judge(&run),
            (Served(judge, _), Some((server, _))) => judge(&run, server),
            (Served(..), None) => Vec::new(),
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
        let text = format!("three commands with exit code 1 are told as {:?}", done.failures);
        faults.push(Fault::new(Paragraph::Failures, text));
    }
    faults
}

fn deadlock(run: &Run<'_>) -> Vec<Fault> {
    let RunEnd::Deadlock(blocked) = &run.trace.end else {
        let text = format!("tasks that wait for ever end as {:?}", run.trace.end);
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

/// A worker process takes its task along, any other crash the runner; a language in which a crash
/// takes less says so by a failure.
fn crash(run: &Run<'_>) -> Vec<Fault> {
    let is_process = run.strategy.facts().substance == Substance::Process;
    let Some(done) = &run.trace.done else {
        let by_signal = matches!(&run.trace.end, RunEnd::Died { how } if how.contains("SIGKILL"));
        return match by_signal && !is_process {
            true => Vec::new(),
            false => {
                vec![Fault::new(Paragraph::WorkerDies, format!("it ended: {:?}", run.trace.end))]
            }
        };
    };
    // A pool that breaks with its worker says so in its own words.
    let told = done.failures.iter().any(|one| one.count > 0);
    let mut faults = laws(run.trace);
    if !told || run.trace.tasks[0].outcome == TaskOutcome::Done {
        let text = format!("a task that crashed is told as {:?}", done.failures);
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
    let mut faults = end_is_told(run.trace, run.ready);
    faults.extend(laws(run.trace));
    let (begun, ended) = arrived_and_ended(run.trace);
    if begun != ended {
        let text = format!("{begun} tasks began and {ended} ended, though there was time for all");
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    // 400 ms of tasks of 100 ms each, twice over for a machine that is slow to tell it.
    let most = run.workers as usize * 40;
    if begun > most {
        let text = format!("it went on with new tasks: {begun} began on {} lanes", run.workers);
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    faults
}

fn given_up(run: &Run<'_>) -> Vec<Fault> {
    let (_, ended) = arrived_and_ended(run.trace);
    let mut faults = Vec::new();
    if run.trace.done.is_none() {
        let text = format!("it did not say `done` after the grace: {:?}", run.trace.end);
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    if ended > 0 {
        let text = format!("{ended} tasks of an hour ended, and should be left open");
        faults.push(Fault::new(Paragraph::Stop, text));
    }
    faults
}
