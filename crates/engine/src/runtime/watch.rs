//! Follows one run: what is expected when, how long it may take, and what is measured meanwhile.
//! One thread, one poll: replies, the log, the end of the process, the interrupt and all clocks.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use maitred_core::trace::{Noise, Observed, RunEnd, Usage};
use maitred_kernel::{procfs, signal};
use maitred_wire::{Command, Done, Failure, Phase, Ready, Reply};

use super::death;
use super::execution::{Execution, Measured, Progress};
use super::kept::Kept;
use super::processes::Ended;
use super::startup::StartLimit;
use crate::measure::clock::{nanos, now_ns};
use crate::measure::memory::{Ceiling, Sampler};
use crate::measure::noise::{Killings, Snapshot};
use crate::measure::recorder::{GilPlace, SwitchRecorder};
use crate::measure::sys;
use crate::measure::trace_map::{ColumnsFile, TraceMap};

/// Between two reports of progress.
const PROGRESS_REST: Duration = Duration::from_millis(100);
/// What a runner may take to end what is under way when a person waits for it.
const INTERRUPT_GRACE: Duration = Duration::from_millis(300);
/// What a runner may take beyond its grace to give up what has not ended and to say so, and one that
/// was never ready to write where it is. Killed at once, it could tell nothing of how far it came.
const WORD_LIMIT: Duration = Duration::from_millis(300);
/// What it may take to write where it is before it is killed for its memory, which grows meanwhile.
const PLACE_LIMIT: Duration = Duration::from_millis(20);
/// What a runner may take to exit after the end of its input, or after it closed its output: a
/// process that dies closes its files first.
pub(super) const EXIT_LIMIT: Duration = Duration::from_secs(2);

/// Where in the conversation we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The plan was sent; `ready` is next.
    Starting,
    /// `go` was sent; `done` is next.
    Running,
    /// `stop` was sent; `done` is next.
    Stopping,
    /// Nothing is expected but the end of the process.
    Closing,
}

/// Why a run ended, before it is known how its process did.
#[derive(Debug)]
enum Ending {
    Known(RunEnd),
    /// The runner broke the rules of the conversation; what it did, as a sentence's end.
    Broke(String),
    /// Its process ended before it said `done`.
    Gone,
}

/// One run under way.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    execution: &'a Execution<'a>,
    runner: Kept,
    trace: TraceMap,
    columns: Option<ColumnsFile>,
    recorder: Option<SwitchRecorder>,
    sampler: Sampler,
    ceiling: Option<Ceiling>,
    stage: Stage,
    start: StartLimit,
    /// Of the stage.
    limit_ns: u64,
    progress_ns: u64,
    interrupted: bool,
    killed: bool,
    ready: Option<(Ready, u64)>,
    at_go: Option<AtGo>,
    worked: Option<Snapshot>,
    done: Option<Done>,
    ending: Option<Ending>,
    /// It is kept for the next run, and so nobody waits for its end.
    rests: bool,
}

/// The state of things just before the work.
#[derive(Debug)]
struct AtGo {
    ns: u64,
    machine: Snapshot,
    runner_cpu_ns: Option<u64>,
}

impl<'a> Watch<'a> {
    /// Follows a runner to which the plan was just sent.
    pub(super) fn new(
        execution: &'a Execution<'a>,
        runner: Kept,
        trace: TraceMap,
        columns: Option<ColumnsFile>,
        mut recorder: Option<SwitchRecorder>,
    ) -> Self {
        if let Some(recorder) = &mut recorder {
            recorder.follow(runner.processes.tree().clone());
        }
        let pace = execution.keep.and_then(|model| runner.paces.get(model)).copied();
        let pace = pace.unwrap_or_default();
        let start = StartLimit::new(runner.started_ns, execution.startup_limit);
        Self {
            limit_ns: start.next_ns(),
            start,
            execution,
            runner,
            trace,
            columns,
            recorder,
            sampler: Sampler::at(pace),
            ceiling: execution.memory_limit.map(Ceiling::new),
            stage: Stage::Starting,
            progress_ns: u64::MAX,
            interrupted: false,
            killed: false,
            ready: None,
            at_go: None,
            worked: None,
            done: None,
            ending: None,
            rests: false,
        }
    }

    /// Goes on until the runner's process has ended or must be killed.
    pub(super) fn follow(&mut self, on_progress: &mut dyn FnMut(Progress)) -> io::Result<()> {
        while !self.runner.dialogue.exited && !self.killed && !self.rests {
            let interrupt = (!self.interrupted).then(|| self.execution.interrupt.as_fd());
            self.runner.dialogue.wait(interrupt, self.next_ns())?;
            while let Some(reply) = self.runner.dialogue.next_reply() {
                self.take(reply);
            }
            self.look_for_silence();
            self.look_at_interrupt();
            self.look_at_tasks();
            self.look_at_memory();
            self.look_at_limit();
            self.report(on_progress);
        }
        Ok(())
    }

    /// Ends whatever is left, unless the runner is kept, and puts the parts together.
    pub(super) fn finish(mut self) -> (Measured, Option<Kept>) {
        let startup = self.startup();
        let log = self.runner.dialogue.log();
        let killings = self.runner.killings.clone();
        if let (true, Some(go)) = (self.rests, &mut self.at_go) {
            // What it used before is not in what it used since the plan.
            go.runner_cpu_ns = Some(0);
        }
        if let (true, Some(model)) = (self.rests, self.execution.keep) {
            self.runner.paces.insert(model.clone(), self.sampler.pace());
            self.runner.rounds = self.ready.as_ref().is_some_and(|(ready, _)| ready.rounds);
        }
        let (ended, kept) = match self.rests {
            true => (self.used(), Some(self.runner)),
            false => (self.runner.processes.end(), None),
        };
        // A runner that is kept had ended all it did when it said so.
        let now = self.worked.filter(|_| kept.is_some()).unwrap_or_else(Snapshot::take);
        let noise = noise(self.at_go.as_ref(), self.worked, now, &ended);
        let ran_out = || Killings::count().since(&killings);
        let end = end(self.ending, &ended, self.killed, self.ready.is_some(), ran_out);
        if let Some(done) = &mut self.done {
            explain(&mut done.failures, ran_out);
            done.notes.extend(notes(&ended, self.killed));
        }
        let (ready, _) = self.ready.unzip();
        let measured = Measured {
            trace: self.trace,
            startup,
            ready,
            done: self.done,
            end,
            usage: ended.usage,
            memory: self.sampler.result(),
            noise,
            scheduling: self.recorder.map_or_else(
                || Observed::Unknown("it was not recorded in this run".to_owned()),
                |recorder| Observed::Known(recorder.finish()),
            ),
            log,
        };
        (measured, kept)
    }

    /// What a runner used that goes on, by its own word.
    fn used(&self) -> Ended {
        let used = self.done.as_ref().and_then(|done| done.used);
        let usage = used.map_or_else(
            || Observed::Unknown("the runner did not say what it used".to_owned()),
            |used| {
                Observed::Known(Usage {
                    user_ns: used.user_ns,
                    system_ns: used.system_ns,
                    voluntary: used.voluntary,
                    involuntary: used.involuntary,
                    major_faults: used.major_faults,
                })
            },
        );
        Ended { status: None, usage, killed: 0 }
    }

    /// Whether the runner can be kept: it can go on, it is alone, and nothing went wrong that an end
    /// would clear up.
    fn may_rest(&self, done: &Done) -> bool {
        let keeps = self.ready.as_ref().is_some_and(|(ready, _)| ready.keeps);
        let well = done.used.is_some() && done.deadlock.is_empty() && done.failures.is_empty();
        let own = self.execution.keep.is_some() && self.stage == Stage::Running;
        own && keeps && well && !self.interrupted && self.runner.processes.is_runner_alone()
    }

    /// From spawn to `ready`, or to now while it has not come.
    fn startup(&self) -> Phase {
        let ready_ns = self.ready.as_ref().map(|(_, at_ns)| *at_ns);
        let end_ns = ready_ns.unwrap_or_else(now_ns);
        Phase { start_ns: self.runner.started_ns, end_ns, cpu: None }
    }

    fn next_ns(&self) -> u64 {
        let measuring = matches!(self.stage, Stage::Running | Stage::Stopping);
        let sample_ns = if measuring { self.sampler.next_ns() } else { u64::MAX };
        let ceiling_ns = self.ceiling.as_ref().map_or(u64::MAX, Ceiling::next_ns);
        self.limit_ns.min(self.progress_ns).min(sample_ns).min(ceiling_ns)
    }

    fn take(&mut self, reply: Result<Reply, String>) {
        match (self.stage, reply) {
            (Stage::Closing, _) => {}
            (Stage::Starting, Ok(Reply::Ready(ready))) => self.go(ready),
            (Stage::Running | Stage::Stopping, Ok(Reply::Done(done))) => self.take_done(*done),
            (_, Ok(Reply::Error(error))) => self.close(Ending::Known(RunEnd::Refused(error))),
            (Stage::Starting, Ok(Reply::Done(_))) => self.break_off("said `done` before `go`"),
            (_, Ok(Reply::Ready(_))) => self.break_off("said `ready` twice"),
            (_, Err(what)) => self.break_off(&what),
        }
    }

    fn go(&mut self, ready: Ready) {
        if let Some(recorder) = &mut self.recorder {
            let place = ready.facts.iter().find(|(name, _)| name == "interpreter state");
            recorder.know(place.and_then(|(_, place)| GilPlace::parse(ready.pid, place)));
        }
        let ready_ns = now_ns();
        if let Some(what) = death::other_protocol(&ready) {
            return self.break_off(&what);
        }
        self.ready = Some((ready, ready_ns));
        match self.execution.keep {
            Some(_) => self.sampler.hold_off(),
            None => self.sample(),
        }
        let runner_cpu_ns = sys::process_cpu_ns(self.runner.processes.tree().runner());
        let machine = Snapshot::take();
        let ns = now_ns();
        self.runner.dialogue.say(&Command::Go {});
        self.at_go = Some(AtGo { ns, machine, runner_cpu_ns });
        self.progress_ns = ns + nanos(PROGRESS_REST);
        let limit = self.execution.duration.or(self.execution.timeout);
        self.enter(Stage::Running, limit.unwrap_or(Duration::MAX));
    }

    fn take_done(&mut self, done: Done) {
        let end = match done.deadlock.as_slice() {
            [] => self.time_up().unwrap_or(RunEnd::Finished),
            blocked => RunEnd::Deadlock(blocked.to_vec()),
        };
        self.worked = Some(Snapshot::take());
        // The runner and all it made are still there: it ends only with its input.
        if self.execution.keep.is_none() || self.sampler.is_due() {
            self.sample();
        }
        self.look_at_threads();
        self.rests = self.may_rest(&done);
        self.done = Some(done);
        match self.rests {
            true => self.end_with(Ending::Known(end)),
            false => self.close(Ending::Known(end)),
        }
    }

    /// The good end of work that was to go on for so long; `None`: it was not.
    fn time_up(&self) -> Option<RunEnd> {
        let wanted_ns = nanos(self.execution.duration?);
        Some(RunEnd::TimeUp { wanted_ns })
    }

    /// Keeps the first reason only: what follows on it is its consequence.
    fn end_with(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    fn close(&mut self, ending: Ending) {
        self.end_with(ending);
        self.runner.dialogue.close_input();
        self.enter(Stage::Closing, EXIT_LIMIT);
    }

    fn break_off(&mut self, what: &str) {
        self.end_with(Ending::Broke(what.into()));
        self.sample();
        self.look_at_threads();
        self.killed = true;
        self.stage = Stage::Closing;
    }

    fn stop(&mut self, end: RunEnd, grace: Duration) {
        self.sample();
        self.look_at_threads();
        if self.stage == Stage::Running {
            self.runner.dialogue.say(&Command::Stop {});
        }
        self.end_with(Ending::Known(end));
        self.enter(Stage::Stopping, grace + WORD_LIMIT);
    }

    fn enter(&mut self, stage: Stage, limit: Duration) {
        self.stage = stage;
        self.limit_ns = now_ns().saturating_add(nanos(limit));
    }

    fn look_for_silence(&mut self) {
        if self.runner.dialogue.exited {
            self.end_with(Ending::Gone);
        } else if self.runner.dialogue.is_silent() && self.stage != Stage::Closing {
            let what = "closed its standard output before it said `done`, and went on running";
            self.end_with(Ending::Broke(what.into()));
            self.enter(Stage::Closing, EXIT_LIMIT);
        }
    }

    fn look_at_interrupt(&mut self) {
        if self.interrupted || !self.execution.interrupt.is_raised() {
            return;
        }
        self.interrupted = true;
        match self.stage {
            Stage::Starting => {
                self.end_with(Ending::Known(RunEnd::Interrupted));
                self.killed = true;
            }
            Stage::Running => {
                self.stop(RunEnd::Interrupted, self.execution.grace.min(INTERRUPT_GRACE));
            }
            Stage::Stopping | Stage::Closing => {
                self.limit_ns = self.limit_ns.min(now_ns() + nanos(INTERRUPT_GRACE));
            }
        }
    }

    fn look_at_tasks(&mut self) {
        let is_enough = |tasks| self.trace.tasks_ended() >= tasks;
        if self.stage == Stage::Running && self.execution.stop_at.is_some_and(is_enough) {
            self.stop(RunEnd::Interrupted, self.execution.grace);
        }
    }

    fn look_at_memory(&mut self) {
        let now = now_ns();
        if matches!(self.stage, Stage::Running | Stage::Stopping) && now >= self.sampler.next_ns() {
            self.sample();
        }
        let instrument = self.instrument_bytes();
        let Some(ceiling) = self.ceiling.as_mut().filter(|ceiling| now >= ceiling.next_ns()) else {
            return;
        };
        let seen = ceiling.exceeded(self.runner.processes.tree(), &mut self.sampler, instrument);
        if let (Some(seen_bytes), Some(limit_bytes)) = (seen, self.execution.memory_limit) {
            self.end_with(Ending::Known(RunEnd::OutOfMemory { limit_bytes, seen_bytes }));
            self.ceiling = None;
            match self.ask_where() {
                true => self.enter(Stage::Closing, PLACE_LIMIT),
                false => self.killed = true,
            }
        }
    }

    fn look_at_limit(&mut self) {
        let now = now_ns();
        if self.killed || now < self.limit_ns {
            return;
        }
        let tree = self.runner.processes.tree();
        match self.stage {
            Stage::Starting
                if !self.start.is_over(now, || procfs::longest_queued_ns(&tree.members())) =>
            {
                self.limit_ns = self.start.next_ns();
            }
            Stage::Starting => {
                let is_told = self.ask_where();
                self.break_off(&format!("did not say `ready` {}", self.start.words()));
                if is_told {
                    self.killed = false;
                    self.enter(Stage::Closing, WORD_LIMIT);
                }
            }
            Stage::Running if self.execution.duration.is_some() => {
                if let Some(end) = self.time_up() {
                    self.stop(end, self.execution.grace);
                }
            }
            Stage::Running => {
                let limit_ns = nanos(self.execution.timeout.unwrap_or(Duration::MAX));
                self.ask_where();
                self.stop(RunEnd::TimedOut { limit_ns }, self.execution.grace);
            }
            Stage::Stopping => {
                self.sample();
                self.look_at_threads();
                self.killed = true;
            }
            Stage::Closing => self.killed = true,
        }
    }

    /// Has every process that knows how to say where it is write that to the log: those that
    /// catch SIGUSR1, which would end any other. Whether there is one.
    fn ask_where(&self) -> bool {
        let mut members = self.runner.processes.tree().members();
        members.retain(|&pid| procfs::catches(pid, libc::SIGUSR1));
        for &pid in &members {
            signal(pid, libc::SIGUSR1);
        }
        !members.is_empty()
    }

    fn report(&mut self, on_progress: &mut dyn FnMut(Progress)) {
        let now = now_ns();
        let Some(go) = self.at_go.as_ref().filter(|_| now >= self.progress_ns) else { return };
        self.progress_ns = now + nanos(PROGRESS_REST);
        on_progress(Progress {
            finished: self.trace.tasks_ended(),
            total: u64::from(self.execution.layout.tasks),
            elapsed: Duration::from_nanos(now - go.ns),
            startup: self.startup(),
            trace: &self.trace,
            recorder: self.recorder.as_ref(),
        });
    }

    fn sample(&mut self) {
        let instrument = self.instrument_bytes();
        let tree = self.runner.processes.tree();
        self.sampler.sample(|| tree.members(), instrument);
    }

    /// What the kernel counted so far for all threads, before some of them may end.
    fn look_at_threads(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.look();
        }
    }

    fn instrument_bytes(&self) -> u64 {
        let columns = self.columns.as_ref().map_or(0, ColumnsFile::resident_bytes);
        self.trace.resident_bytes() + columns
    }
}

/// The CPU time of the tree since `go` is all it used but what the runner, then without children,
/// had used by then.
fn noise(at_go: Option<&AtGo>, worked: Option<Snapshot>, now: Snapshot, ended: &Ended) -> Noise {
    let Some(go) = at_go else { return Noise::default() };
    let used = ended.usage.known().map(|usage| usage.user_ns + usage.system_ns);
    let tree_cpu_ns = used.zip(go.runner_cpu_ns).map(|(all, start)| all.saturating_sub(start));
    go.machine.noise(&worked.unwrap_or(now), &now, tree_cpu_ns)
}

fn end(
    ending: Option<Ending>,
    ended: &Ended,
    killed: bool,
    was_ready: bool,
    ran_out: impl FnOnce() -> Option<String>,
) -> RunEnd {
    let status = ended.status.map_or_else(|| "ended in an unknown way".into(), death::describe);
    let how = match ending {
        Some(Ending::Known(end)) => return end,
        // Not killed: it closed its output because it was dying.
        Some(Ending::Broke(what)) if killed => what,
        _ if was_ready => format!("{status} before it said `done`"),
        _ => format!("{status} before it was ready"),
    };
    let ran_out = if !killed && status.contains("SIGKILL") { ran_out() } else { None };
    RunEnd::Died { how: how + &ran_out.map_or_else(String::new, |why| format!(": {why}")) }
}

/// Adds to what was killed by SIGKILL in a run why the kernel did that, if it was for want of memory.
fn explain(failures: &mut [Failure], ran_out: impl FnOnce() -> Option<String>) {
    let mut killed: Vec<_> =
        failures.iter_mut().filter(|failure| failure.text.contains("SIGKILL")).collect();
    let why = if killed.is_empty() { None } else { ran_out() };
    for (failure, why) in killed.iter_mut().zip(why.iter().cycle()) {
        failure.text.push_str(&format!(": {why}"));
    }
}

fn notes(ended: &Ended, killed: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if killed {
        notes.push(format!(
            "the runner had to be killed: {EXIT_LIMIT:?} after its last word it had not ended"
        ));
    }
    match ended.killed {
        0 => {}
        1 => notes.push("a process that outlived the runner was killed".into()),
        count => notes.push(format!("{count} processes that outlived the runner were killed")),
    }
    notes
}
