//! Runs a session: makes the crew, lets it begin, watches over it, and sums up.
//!
//! It is the same for all strategies, and sits in a thread of its own, so that a run can be
//! stopped whatever its tasks do. It knows nothing of steps.

use std::io;
use std::os::fd::RawFd;

use maitred_wire::{Blocked, Command, Done, Phases, Reply, RunnerError};

use crate::calls;
use crate::conversation::{Heard, Input};
use crate::descendants;
use crate::ledger;
use crate::limits;
use crate::meter::{Meter, minus, plus};
use crate::rounds::Rounds;
use crate::session::{RunnerSession, refused};
use crate::strategy::{self, Handles};
use crate::sys::{kernel, process};
use crate::watchdog::{LOOK_MS, Watchdog};

pub(crate) use crate::strategy::Crew;

/// At most so many tasks are named in a deadlock.
const NAMED: usize = 20;

/// How a run ended.
#[derive(Debug)]
enum Ending {
    /// Everybody has left.
    Finished,
    /// Everybody waits for somebody.
    Deadlock,
    /// It was stopped, and not everybody left in time.
    Abandoned,
    Refused(RunnerError),
}

/// What to answer, and whether anything is left running.
#[derive(Debug)]
pub(crate) struct Conclusion {
    pub(crate) reply: Reply,
    pub(crate) clean: bool,
}

/// Runs it.
pub(crate) fn run(session: &'static RunnerSession, input: &mut Input) -> Conclusion {
    let mut meter = Meter::start();
    let mut crew = match start(session) {
        Ok(crew) => crew,
        Err(error) => return Conclusion { reply: Reply::Error(error), clean: false },
    };
    let setup = meter.phase_until(session.board.begin());
    let ending = supervise(session, &mut crew, input);
    let deadlock = match ending {
        Ending::Refused(error) => {
            crew.abandon();
            return Conclusion { reply: Reply::Error(error), clean: false };
        }
        Ending::Deadlock => blocked(session, &crew),
        Ending::Finished | Ending::Abandoned => Vec::new(),
    };
    let clean = matches!(ending, Ending::Finished);
    let end = if clean { session.board.end() } else { kernel::now() };
    let work = meter.phase_until(end.max(setup.end_ns));
    let notes = crew.notes(session, &ending);
    if clean {
        crew.join();
    } else {
        crew.abandon();
    }
    let teardown = meter.phase_until(kernel::now());
    let mut phases = Phases { setup, work, teardown };
    crew.move_cpu(&mut phases);
    let mut vars = session.var_values();
    if let Handles::Processes(processes) = &crew.handles {
        processes.add_vars(&mut vars);
    }
    let failures = session.tally.failures();
    let used = Some(ledger::used_since(session.before));
    let answers = session.has_requests().then(|| session.tally.answers());
    let mut done =
        Done { phases, failures, vars, deadlock, answers, notes, used, ..Done::default() };
    done.ignored = session.ignored();
    done.rounds = session.rounds.as_ref().map(Rounds::ended).unwrap_or_default();
    if let Some(calls) = &session.calls {
        calls.judge();
        (done.result_hash, done.results) = calls.results().unzip();
        done.expected = calls.expected();
    }
    Conclusion { reply: Reply::Done(Box::new(done)), clean }
}

fn start(session: &'static RunnerSession) -> Result<Crew, RunnerError> {
    refuse_after_panic(session);
    let mut crew = strategy::start(session)?;
    while !session.board.await_ready(crew.members) {
        crew.tend()?;
        if let Some(error) = session.refusal.get() {
            return Err(error.clone());
        }
    }
    Ok(crew)
}

/// Whoever of the crew panics will never leave, so the run ends there instead of waiting for it.
fn refuse_after_panic(session: &'static RunnerSession) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if calls::note_panic(panic) {
            return;
        }
        print(panic);
        session.refuse(if session.board.has_begun() {
            refused(format!("a mistake in the runner, please report it: {panic}"))
        } else {
            // Only tokio panics so early: when it is refused a thread.
            limits::explain(session, &io::ErrorKind::WouldBlock.into(), None)
        });
    }));
}

/// Watches until the run ends in one way or another.
fn supervise(session: &'static RunnerSession, crew: &mut Crew, input: &mut Input) -> Ending {
    let mut watchdog = session.has_semaphores().then(Watchdog::default);
    let mut deadline = None;
    loop {
        session.board.silence();
        if let Err(error) = crew.tend() {
            return Ending::Refused(error);
        }
        if let Some(error) = session.refusal.get() {
            return Ending::Refused(error.clone());
        }
        if crew.is_finished(session) {
            return Ending::Finished;
        }
        if deadline.is_some_and(|deadline| kernel::now() >= deadline) {
            return Ending::Abandoned;
        }
        let timeout = timeout(watchdog.is_some(), crew, deadline);
        let [heard, rung, child] = kernel::poll([0, session.board.bell(), crew.bell()], timeout);
        if heard && listen(session, input) {
            deadline.get_or_insert(kernel::now().saturating_add(session.plan.limits.grace_ns));
        }
        // Only when nothing else has happened for a while.
        let quiet = !(heard || rung || child);
        if quiet && watchdog.as_mut().is_some_and(|dog| dog.look(session, crew)) {
            let stopped = session.board.is_stopped();
            return if stopped { Ending::Abandoned } else { Ending::Deadlock };
        }
    }
}

fn timeout(watched: bool, crew: &Crew, deadline: Option<u64>) -> Option<u32> {
    let rest = deadline.map(|deadline| deadline.saturating_sub(kernel::now()) / 1_000_000 + 1);
    let rest = rest.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
    let look = watched.then_some(LOOK_MS);
    let orphans = (crew.orphans() > 0).then_some(1);
    [rest, look, orphans].into_iter().flatten().min()
}

/// Hears what is said during the run; whether it was to stop. The end of input ends everything.
fn listen(session: &RunnerSession, input: &mut Input) -> bool {
    match input.hear() {
        Heard::Ended => {
            descendants::end();
            process::leave(0)
        }
        Heard::Commands(commands) => {
            let stop = commands.iter().any(|command| matches!(command, Ok(Command::Stop {})));
            if stop {
                session.board.stop();
            }
            stop
        }
    }
}

/// The tasks that wait for each other.
fn blocked(session: &RunnerSession, crew: &Crew) -> Vec<Blocked> {
    let waiting = session.recorder.under_way().filter(|(task, _)| !crew.lost().contains(task));
    let named = waiting.filter_map(|(task, step)| Some(Blocked { task, step: step? }));
    named.take(NAMED).collect()
}

impl Crew {
    /// Looks after workers that are processes.
    fn tend(&mut self) -> Result<(), RunnerError> {
        match &mut self.handles {
            Handles::Threads(_) => Ok(()),
            Handles::Processes(processes) => processes.tend(),
        }
    }

    fn is_finished(&self, session: &RunnerSession) -> bool {
        match &self.handles {
            Handles::Threads(_) => session.board.left() >= self.members,
            Handles::Processes(processes) => processes.is_finished(),
        }
    }

    /// Readable when a worker process has ended; no descriptor where there are none.
    fn bell(&self) -> RawFd {
        match &self.handles {
            Handles::Threads(_) => -1,
            Handles::Processes(processes) => processes.bell(),
        }
    }

    /// Tasks that ended with their process.
    pub(crate) fn lost(&self) -> &[u32] {
        match &self.handles {
            Handles::Threads(_) => &[],
            Handles::Processes(processes) => processes.lost(),
        }
    }

    fn orphans(&self) -> u64 {
        match &self.handles {
            Handles::Threads(_) => 0,
            Handles::Processes(processes) => processes.orphans(),
        }
    }

    /// How many tasks wait for a semaphore.
    pub(crate) fn waiting(&self) -> u64 {
        self.queues.waiting().saturating_sub(self.orphans())
    }

    fn join(&mut self) {
        if let Handles::Threads(threads) = &mut self.handles {
            // A thread that panicked has said so in the log.
            threads.drain(..).for_each(|thread| drop(thread.join()));
        }
    }

    /// Ends what can be ended. Threads cannot: they end with the process.
    fn abandon(&mut self) {
        if let Handles::Processes(processes) = &mut self.handles {
            processes.kill_all();
        }
    }

    /// What a worker process used before and after its work was counted as work, because a
    /// parent learns what its child used when it has ended.
    fn move_cpu(&self, phases: &mut Phases) {
        let Handles::Processes(processes) = &self.handles else { return };
        let (before, after) = processes.cpu_outside_work();
        let [setup, work, teardown] =
            [&mut phases.setup, &mut phases.work, &mut phases.teardown].map(|phase| &mut phase.cpu);
        *setup = setup.map(|cpu| plus(cpu, before));
        *work = work.map(|cpu| minus(minus(cpu, before), after));
        *teardown = teardown.map(|cpu| plus(cpu, after));
    }

    /// Sentences about what could not be done as asked.
    fn notes(&self, session: &RunnerSession, ending: &Ending) -> Vec<String> {
        let mut notes = Vec::new();
        if matches!(ending, Ending::Abandoned) {
            let open = session.recorder.under_way().count() - self.lost().len();
            notes.push(format!("{open} tasks had not ended when the run was stopped"));
        }
        if !session.records_run_delay() {
            notes.push("of so many threads the time without a processor is not recorded".into());
        }
        match session.tally.reconnects() {
            0 => {}
            count => notes.push(format!(
                "{count} requests were sent again: the server had closed the kept connection"
            )),
        }
        notes
    }
}
