//! One task as a machine that says what it needs next. The main type is [`Task`].
//!
//! The machine knows the program, the registers, what is held and what to record. It does not
//! know how to wait: it hands out an [`Effect`], and how that is met (by a thread that sleeps, by
//! a task that gives way, by a pool) is all that tells the strategies apart. So every strategy
//! does the same work by the same code.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use maitred_wire::trace_file::TaskOutcome;

use crate::calls::{self, Functions};
use crate::child::Child;
use crate::failure::{Failed, Kind};
use crate::http::Request;
use crate::program::{Op, Program};
use crate::recorder::{Lane, Open};
use crate::session::{Assignment, RunnerSession};
use crate::sys::memory::Pages;
use crate::sys::{kernel, process};
use crate::work;

/// What a task needs before it can go on: an effect that its strategy brings about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// Something done that cannot be awaited; say what came of it by [`Task::settle`].
    Heavy(Job),
    /// That it is this moment (CLOCK_MONOTONIC nanoseconds).
    Wait(u64),
    /// The answer to this request; say what came of it by [`Task::settle`].
    Http(&'static Request),
    /// That this call, which is awaited, has ended; say what came of it by [`Task::settle`].
    Call(Call),
    /// A unit of this semaphore.
    Take(u32),
    /// That a unit that it holds goes back to this semaphore.
    GiveBack(u32),
    /// That the unit taken last is used up, and this semaphore gets one.
    Post(u32),
    /// That others get a turn.
    Yield,
    /// Nothing: it has ended.
    End,
}

/// What stands still while it is done, on a loop too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    /// So many units of work.
    Compute(u64),
    /// Nanoseconds.
    Block(u64),
    Run(&'static Child),
    /// Bytes.
    Allocate(u64),
    Call(Call),
}

/// A call of one of the program's own functions for a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) functions: &'static dyn Functions,
    pub(crate) function: u32,
    pub(crate) task: u32,
}

/// What came of a [`Job`].
pub(crate) type Settled = Result<Option<Pages>, Failed>;

impl Job {
    /// Does it on this thread.
    pub(crate) fn perform(self) -> Settled {
        match self {
            Self::Compute(units) => work::compute(units),
            Self::Block(ns) => kernel::sleep_until(kernel::now() + ns),
            Self::Run(child) => child.run()?,
            Self::Allocate(bytes) => return allocate(bytes).map(Some),
            Self::Call(Call { functions, function, task }) => {
                calls::call(functions, function, task)?;
            }
        }
        Ok(None)
    }
}

/// Takes and touches memory.
fn allocate(bytes: u64) -> Result<Pages, Failed> {
    Pages::take(bytes).map_err(|error| {
        Failed::new(Kind::Memory, format!("cannot allocate {bytes} bytes: {error}"))
    })
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Task {
    session: &'static RunnerSession,
    program: &'static Program,
    number: u32,
    /// On which it began.
    lane: u32,
    /// At which it is or was at last.
    step: u32,
    /// Position in the program.
    at: u32,
    /// See [`crate::program`].
    round: u64,
    register: i64,
    /// The last reading of the clock: the end of one step and the start of the next.
    now: u64,
    open: Open,
    state: State,
    held: Vec<Held>,
    memory: Vec<Pages>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fresh,
    /// Between two steps: the clock was just read.
    Between,
    /// An effect is under way, which takes time.
    Busy,
    /// As `Between`, after a failure: what is held goes back, and that is all.
    Failed,
    /// As `Busy`, with a failure as its result.
    Failing,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    semaphore: u32,
    span: Open,
}

impl Task {
    #[inline]
    pub(crate) fn new(session: &'static RunnerSession, assignment: Assignment) -> Self {
        Self {
            session,
            program: assignment.program,
            number: assignment.number,
            lane: 0,
            step: 0,
            at: 0,
            round: 0,
            register: 0,
            now: 0,
            open: Open::NONE,
            state: State::Fresh,
            held: Vec::new(),
            memory: Vec::new(),
        }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The step that it is or was at last; 0 before the first.
    pub(crate) fn step(&self) -> u32 {
        self.step
    }

    /// Goes on until something is needed. The last effect, if there was one, has taken place.
    #[inline]
    pub(crate) fn advance(&mut self, lane: &Lane) -> Effect {
        self.arrive(lane);
        while self.state == State::Between {
            let Some(&op) = self.program.ops.get(self.at as usize) else {
                return self.end(lane, TaskOutcome::Done);
            };
            self.at += 1;
            if let Some(effect) = self.execute(op, lane) {
                return effect;
            }
        }
        match self.held.pop() {
            Some(held) => self.give_back(held),
            None => self.end(lane, TaskOutcome::Failed),
        }
    }

    /// Reads the clock, unless nothing has happened that takes time.
    #[inline]
    fn arrive(&mut self, lane: &Lane) {
        match self.state {
            State::Fresh => {
                self.now = kernel::now();
                self.lane = lane.index();
                self.session.recorder.task(self.number).start(lane, self.now);
                self.state = State::Between;
            }
            State::Busy => self.close(State::Between),
            State::Failing => self.close(State::Failed),
            State::Between | State::Failed => {}
        }
    }

    /// Ends the step under way.
    fn close(&mut self, then: State) {
        self.now = kernel::now();
        self.open.end(self.now);
        self.open = Open::NONE;
        self.state = then;
    }

    fn end(&mut self, lane: &Lane, outcome: TaskOutcome) -> Effect {
        self.memory.clear();
        self.session.recorder.task(self.number).end(lane, self.now, outcome);
        Effect::End
    }

    /// When the last step ended.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// What came of the job.
    pub(crate) fn settle(&mut self, settled: Settled) {
        match settled {
            Ok(pages) => self.memory.extend(pages),
            Err(failed) => {
                self.session.tally.count(&failed, self.number, Some(self.step()));
                self.state = State::Failing;
            }
        }
    }

    #[inline]
    fn execute(&mut self, op: Op, lane: &Lane) -> Option<Effect> {
        match op {
            Op::Cpu { step, amount } => {
                let ns = amount.ns(self.number, self.round);
                let units = (ns as f64 * 1e-9 * self.session.calibration) as u64;
                return Some(self.heavy(lane, step, Job::Compute(units)));
            }
            Op::Block { step, amount } => {
                let ns = amount.ns(self.number, self.round);
                return Some(self.heavy(lane, step, Job::Block(ns)));
            }
            Op::Run { step, child } => return Some(self.heavy(lane, step, Job::Run(child))),
            Op::Allocate { step, bytes } => {
                return Some(self.heavy(lane, step, Job::Allocate(bytes)));
            }
            Op::Wait { step, amount } => {
                self.begin(lane, step);
                let ns = amount.ns(self.number, self.round);
                return Some(Effect::Wait(self.now.saturating_add(ns)));
            }
            Op::Http { step, request } => {
                self.begin(lane, step);
                return Some(Effect::Http(request));
            }
            Op::Call { step, function } => return Some(self.call(lane, step, function)),
            Op::Take { step, semaphore } => {
                self.begin(lane, step);
                return Some(Effect::Take(semaphore));
            }
            Op::Yield { step } => {
                self.begin(lane, step);
                return Some(Effect::Yield);
            }
            Op::Hold { step, semaphore } => {
                let span = lane.begin(self.number, step, self.now);
                self.held.push(Held { semaphore, span });
            }
            Op::GiveBack => {
                let held = self.held.pop().expect("the compiler pairs Hold and GiveBack");
                return Some(self.give_back(held));
            }
            Op::Post { semaphore } => return Some(Effect::Post(semaphore)),
            Op::Repeat { count } => self.round *= count,
            Op::Again { count, .. } if (self.round + 1).is_multiple_of(count) => {
                self.round /= count;
            }
            Op::Again { start, .. } => {
                self.round += 1;
                self.at = start;
            }
            Op::Read { .. } | Op::Write { .. } | Op::Update { .. } => self.touch(op, lane),
            Op::Fail { step, why } => {
                self.begin(lane, step);
                let failed = Failed::new(Kind::Fail, why.into());
                self.session.tally.count(&failed, self.number, Some(step));
                self.close(State::Failed);
            }
            Op::Crash { step } => {
                self.begin(lane, step);
                process::crash();
            }
        }
        None
    }

    /// Begins a step.
    #[inline]
    fn begin(&mut self, lane: &Lane, step: u32) {
        self.note(step);
        self.open = lane.begin(self.number, step, self.now);
    }

    /// Writes down at which step it is.
    #[inline]
    fn note(&mut self, step: u32) {
        self.step = step;
        self.session.recorder.task(self.number).at_step(self.lane, step);
        self.state = State::Busy;
    }

    /// Begins a step that a pool may do: then the pool records it, from when it really begins.
    #[inline]
    fn heavy(&mut self, lane: &Lane, step: u32, job: Job) -> Effect {
        if self.session.hands_over() {
            self.note(step);
        } else {
            self.begin(lane, step);
        }
        Effect::Heavy(job)
    }

    /// Calls a function: a plain one keeps its thread, one that is awaited gives way.
    #[inline]
    fn call(&mut self, lane: &Lane, step: u32, function: u32) -> Effect {
        let calls = self.session.calls.as_ref();
        let functions = calls.expect("a call is compiled where there are functions").functions;
        let call = Call { functions, function, task: self.number };
        if functions.is_awaited(function) {
            self.begin(lane, step);
            Effect::Call(call)
        } else {
            self.heavy(lane, step, Job::Call(call))
        }
    }

    fn give_back(&mut self, held: Held) -> Effect {
        held.span.end(self.now);
        Effect::GiveBack(held.semaphore)
    }

    /// A step on a variable. To read and to write are two steps on purpose: between them another
    /// task can write, and its update is lost.
    fn touch(&mut self, op: Op, lane: &Lane) {
        let vars = &self.session.vars;
        match op {
            Op::Read { step, var } => {
                self.begin(lane, step);
                self.register = vars[var as usize].load(Relaxed);
            }
            Op::Write { step, var, add } => {
                self.begin(lane, step);
                vars[var as usize].store(self.register.wrapping_add(add), Relaxed);
            }
            Op::Update { step, var, add } => {
                self.begin(lane, step);
                let before = vars[var as usize].fetch_add(add, AcqRel);
                self.register = before.wrapping_add(add);
            }
            _ => {}
        }
        self.close(State::Between);
    }
}
