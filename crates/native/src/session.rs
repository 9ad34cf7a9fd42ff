//! A plan made ready to run: compiled, mapped and checked. The main type is [`RunnerSession`].
//!
//! A runner executes one plan and ends, or a few hundred small ones, so a session lives as long as the
//! process, and whoever works on it has a `&'static` to it instead of a count of references.

use std::fmt::Display;
use std::sync::OnceLock;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

use maitred_wire::trace_file::Role;
use maitred_wire::{ErrorCode, PROTOCOL, Plan, RunnerError, Strategy, Used, VarValue};

use crate::board::Board;
use crate::calls::Calls;
use crate::failure::Tally;
use crate::ledger;
use crate::library::{Library, Own};
use crate::program::{self, Draws, Op, Program};
use crate::queue::Queue;
use crate::recorder::{Lane, Recorder};
use crate::reserve::Reserve;
use crate::rounds::Rounds;
use crate::work;

/// See the module.
#[derive(Debug)]
pub(crate) struct RunnerSession {
    pub(crate) plan: Plan,
    pub(crate) programs: Vec<Program>,
    pub(crate) queue: Queue,
    /// `None`: there is one.
    pub(crate) rounds: Option<Rounds>,
    pub(crate) recorder: Recorder,
    pub(crate) board: Board,
    /// Of a pool that grows as it is needed.
    pub(crate) reserve: Option<Reserve>,
    pub(crate) tally: Tally,
    pub(crate) library: Library,
    /// Of a program that has functions of its own.
    pub(crate) calls: Option<Calls>,
    /// Ordinary memory of this process: forked workers get a copy.
    pub(crate) vars: Box<[AtomicI64]>,
    /// What this process had used when the plan came.
    pub(crate) before: Used,
    /// Units of `cpu` work in a second.
    pub(crate) calibration: f64,
    /// Why the run cannot go on, said by one of the crew.
    pub(crate) refusal: OnceLock<RunnerError>,
}

/// A task that was taken from the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment {
    pub(crate) number: u32,
    pub(crate) program: &'static Program,
    /// CLOCK_MONOTONIC nanoseconds; 0: at the start.
    pub(crate) due: u64,
}

impl RunnerSession {
    /// Prepares a plan.
    ///
    /// # Errors
    /// When it asks for what this runner cannot do, contradicts itself, or its files cannot be
    /// mapped.
    pub(crate) fn prepare(plan: Plan, own: Own) -> Result<&'static Self, RunnerError> {
        let before = ledger::used();
        check(&plan, own)?;
        let draws = Draws::open(&plan)?;
        let programs = program::compile(&plan, &draws, own.functions)?;
        let recorder = Recorder::open(&plan.trace_path)
            .map_err(|error| refused(format!("cannot map {}: {error}", plan.trace_path)))?;
        let memory = |error| refused(format!("cannot map memory to share with workers: {error}"));
        let board = Board::new().map_err(memory)?;
        let queue = Queue::new(&plan, &draws, board.next())?;
        // Where requests are the whole of the work; elsewhere a pool is as large as it is.
        let grows = plan.is_open_loop() && plan.options.contains_key("concurrency");
        let is_pool = plan.strategy.facts().is_one_task_a_lane();
        let reserve = (grows && is_pool).then(|| Reserve::new(plan.workers));
        let calls = own.functions.map(|functions| Calls::new(functions, queue.total()));
        let session = Self {
            rounds: Rounds::of(&plan)?,
            calls: calls.transpose().map_err(memory)?,
            tally: Tally::new().map_err(memory)?,
            vars: plan.vars.iter().map(|var| AtomicI64::new(var.initial)).collect(),
            calibration: plan.calibration.unwrap_or_else(work::calibrate),
            refusal: OnceLock::new(),
            before,
            programs,
            queue,
            recorder,
            board,
            reserve: reserve.transpose().map_err(memory)?,
            library: own.library,
            plan,
        };
        session.check_trace()?;
        Ok(Box::leak(Box::new(session)))
    }

    /// Whether a loop hands what would make it stand still to a pool.
    #[inline]
    pub(crate) fn hands_over(&self) -> bool {
        self.plan.strategy == Strategy::Hybrid
    }

    /// How many tasks a loop may have under way at most; `None`: all.
    pub(crate) fn concurrency(&self) -> Option<u32> {
        let limit: u32 = self.plan.options.get("concurrency")?.parse().ok()?;
        (limit > 0).then(|| limit.min(self.queue.total()).max(1))
    }

    /// Whether lanes record their run-queue wait. That is read from
    /// a file in `/proc`, which takes about a fifth of the time of making and ending a thread.
    pub(crate) fn records_run_delay(&self) -> bool {
        const FEW_THREADS: u32 = 1000;
        self.plan.strategy != Strategy::Threads || self.queue.total() <= FEW_THREADS
    }

    /// How many lanes there will be.
    fn lanes(&self) -> u32 {
        self.plan.strategy.facts().lane_count(self.queue.total(), self.plan.workers)
    }

    fn check_trace(&self) -> Result<(), RunnerError> {
        let (lanes, tasks) = (self.lanes() as usize, self.queue.total() as usize);
        let has = &self.recorder;
        if has.lane_count() >= lanes && has.task_count() >= tasks {
            return Ok(());
        }
        let (room, space) = (has.lane_count(), has.task_count());
        Err(protocol(format!(
            "the trace file has room for {room} lanes and {space} tasks, but {} needs {lanes} lanes and {tasks} tasks",
            self.plan.strategy
        )))
    }

    /// Lets the calling thread be this lane of a pool, and sleeps until its work begins; `None`: it was
    /// in reserve, and was not needed.
    pub(crate) fn enter(&'static self, lane: u32, role: Role) -> Option<Lane> {
        let Some(reserve) = &self.reserve else {
            let entered = self.recorder.lane(lane, role);
            self.board.await_start();
            return Some(entered);
        };
        self.board.await_start();
        reserve.await_call(lane).then(|| self.recorder.lane(lane, role))
    }

    /// Takes the next task; `None`: there is none, or none may start any more.
    #[inline]
    pub(crate) fn take(&'static self) -> Option<Assignment> {
        if self.board.is_stopped() {
            return None;
        }
        let entry = self.queue.take()?;
        let due = if entry.arrival == 0 { 0 } else { self.board.start() + entry.arrival };
        let program = &self.programs[entry.program as usize];
        Some(Assignment { number: entry.number, program, due })
    }

    /// Takes the next task and sleeps until it arrives.
    #[inline]
    pub(crate) fn take_when_due(&'static self) -> Option<Assignment> {
        let arrives = |task: &Assignment| task.due == 0 || self.board.sleep_until(task.due);
        let Some(reserve) = &self.reserve else { return self.take().filter(arrives) };
        let Some(task) = self.take() else {
            reserve.dismiss();
            return None;
        };
        reserve.while_waiting(|| arrives(&task)).then_some(task)
    }

    /// How many units each semaphore starts with: a resource its capacity; a channel its free
    /// slots and, in the next semaphore, no items.
    pub(crate) fn semaphore_units(&self) -> Vec<u32> {
        let resources = self.plan.resources.iter().map(|resource| resource.capacity);
        let channels = self.plan.channels.iter().flat_map(|channel| [channel.capacity, 0]);
        resources.chain(channels).collect()
    }

    /// Whether a step asks a server.
    pub(crate) fn has_requests(&self) -> bool {
        let is_one = |op: &Op| matches!(op, Op::Http { .. });
        self.programs.iter().any(|program| program.ops.iter().any(is_one))
    }

    /// How often a command failed in a way that was to be ignored; `None`: none was to be.
    pub(crate) fn ignored(&self) -> Option<u64> {
        let ops = self.programs.iter().flat_map(|program| &program.ops);
        let passed = ops.filter_map(|op| match op {
            Op::Run { child, .. } => child.passed(),
            _ => None,
        });
        passed.reduce(|sum, count| sum + count)
    }

    /// Whether tasks can wait for each other.
    pub(crate) fn has_semaphores(&self) -> bool {
        !(self.plan.resources.is_empty() && self.plan.channels.is_empty())
    }

    /// How many units a task can hold or wait for at a time.
    pub(crate) fn depth(&self) -> usize {
        self.programs.iter().map(|program| program.depth).max().unwrap_or(0)
    }

    /// The variables, as this process sees them.
    pub(crate) fn var_values(&self) -> Vec<VarValue> {
        let values = self.plan.vars.iter().zip(&self.vars);
        values
            .map(|(var, value)| VarValue {
                name: var.name.clone(),
                value: value.load(Relaxed),
                by_process: Vec::new(),
            })
            .collect()
    }

    /// Ends the run because the machine refuses something.
    pub(crate) fn refuse(&self, error: RunnerError) {
        // Only the first reason counts.
        drop(self.refusal.set(error));
        self.board.stop();
        self.board.ring();
    }
}

fn check(plan: &Plan, own: Own) -> Result<(), RunnerError> {
    if plan.protocol != PROTOCOL {
        return Err(protocol(format!(
            "the plan is of protocol {}, this runner speaks {PROTOCOL}: use a runner of the same version",
            plan.protocol
        )));
    }
    if !own.library.strategies().contains(&plan.strategy) {
        let text = format!("{} has no strategy `{}`", own.library.name(), plan.strategy);
        return Err(RunnerError { code: ErrorCode::Unsupported, text, place: None });
    }
    if plan.workers == 0 {
        return Err(protocol("the plan has no workers: at least one is needed".into()));
    }
    Ok(())
}

fn protocol(text: String) -> RunnerError {
    RunnerError { code: ErrorCode::Protocol, text, place: None }
}

/// The machine refuses something.
pub(crate) fn refused(text: impl Display) -> RunnerError {
    RunnerError { code: ErrorCode::Refused, text: text.to_string(), place: None }
}
