//! Programs, compiled once: the tree of steps becomes a flat list of operations, so that running
//! a task is a loop over a slice, and a task that waits is two numbers.
//!
//! The two numbers are the position in the list and the *round*: how many rounds of the
//! surrounding `repeat`s have gone by, as one number of mixed radix. On entering a `repeat` of
//! `n` it is multiplied by `n`, each round adds one, on leaving it is divided by `n`. So it needs
//! no stack of counters, and it is exactly the index `k` by which `maitred_wire::Column` finds
//! the duration drawn for this execution of a step.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use maitred_wire::{Action, Amount, Column, ErrorCode, Plan, RunnerError, Step};

use crate::calls::Functions;
use crate::child::Child;
use crate::http::{Request, Trust};
use crate::sys::{kernel, memory};

/// One operation. `step` is the id under which its span is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Cpu {
        step: u32,
        amount: Duration,
    },
    Wait {
        step: u32,
        amount: Duration,
    },
    Block {
        step: u32,
        amount: Duration,
    },
    /// Wait for a unit of the semaphore.
    Take {
        step: u32,
        semaphore: u32,
    },
    /// The unit just taken is held from here …
    Hold {
        step: u32,
        semaphore: u32,
    },
    /// … to here.
    GiveBack,
    /// The unit just taken is used up; one of this other semaphore comes into being.
    Post {
        semaphore: u32,
    },
    Read {
        step: u32,
        var: u32,
    },
    Write {
        step: u32,
        var: u32,
        add: i64,
    },
    Update {
        step: u32,
        var: u32,
        add: i64,
    },
    Run {
        step: u32,
        child: &'static Child,
    },
    Http {
        step: u32,
        request: &'static Request,
    },
    /// A function of the program's own.
    Call {
        step: u32,
        function: u32,
    },
    Allocate {
        step: u32,
        bytes: u64,
    },
    Yield {
        step: u32,
    },
    Fail {
        step: u32,
        why: &'static str,
    },
    Crash {
        step: u32,
    },
    /// Enter a `repeat`.
    Repeat {
        count: u64,
    },
    /// End of a round: go back to `start` or leave.
    Again {
        count: u64,
        start: u32,
    },
}

/// A duration in nanoseconds, or where to look it up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Duration {
    Ns(u64),
    Drawn(Drawn),
}

/// A column of drawn durations, cut to its part of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    values: &'static [AtomicU64],
    first_task: u32,
    per_task: u32,
}

impl Drawn {
    /// Value `k` of this task.
    pub(crate) fn value(&self, task: u32, k: u64) -> u64 {
        let row = u64::from(task - self.first_task) * u64::from(self.per_task);
        self.values[(row + k) as usize].load(Relaxed)
    }
}

impl Duration {
    /// In nanoseconds, for this task in this round.
    #[inline]
    pub(crate) fn ns(&self, task: u32, round: u64) -> u64 {
        match self {
            Self::Ns(ns) => *ns,
            Self::Drawn(drawn) => drawn.value(task, round),
        }
    }
}

/// What one kind of task does.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) ops: Box<[Op]>,
    /// How many units one task can hold or wait for at a time.
    pub(crate) depth: usize,
}

/// The drawn durations of a plan.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    values: &'static [AtomicU64],
    columns: Vec<Column>,
}

impl Draws {
    /// Maps the side file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn open(plan: &Plan) -> Result<Self, RunnerError> {
        let Some(columns) = &plan.columns else { return Ok(Self::default()) };
        let values = File::open(&columns.path)
            .and_then(|file| memory::map_file_to_read(&file))
            .map_err(|error| {
                let text = format!("cannot read the drawn durations in {}: {error}", columns.path);
                RunnerError { code: ErrorCode::Refused, text, place: None }
            })?;
        Ok(Self { values, columns: columns.columns.clone() })
    }

    /// The column with this index, if it has `per_task` values for each task of one group.
    pub(crate) fn column(
        &self,
        index: u32,
        first_task: u32,
        tasks: u32,
        per_task: u64,
    ) -> Option<Drawn> {
        let column = self.columns.get(index as usize)?;
        let count = usize::try_from(u64::from(tasks).checked_mul(per_task)?).ok()?;
        let start = usize::try_from(column.offset).ok()?;
        let values = self.values.get(start..start.checked_add(count)?)?;
        let fits = column.first_task == first_task && u64::from(column.per_task) == per_task;
        fits.then_some(Drawn { values, first_task, per_task: column.per_task })
    }
}

/// Compiles every program of a plan.
///
/// # Errors
/// When a step needs what this runner does not have, or names what the plan does not have.
pub(crate) fn compile(
    plan: &Plan,
    draws: &Draws,
    functions: Option<&'static dyn Functions>,
) -> Result<Vec<Program>, RunnerError> {
    (0..plan.programs.len()).map(|index| compile_one(plan, draws, functions, index)).collect()
}

fn compile_one(
    plan: &Plan,
    draws: &Draws,
    functions: Option<&'static dyn Functions>,
    index: usize,
) -> Result<Program, RunnerError> {
    let mut groups = plan.groups.iter().filter(|group| group.program as usize == index);
    let tasks = match (groups.next(), groups.next()) {
        (Some(only), None) => Some((only.first, only.count)),
        _ => None,
    };
    let mut compiler =
        Compiler { plan, draws, functions, tasks, rounds: 1, held: 0, depth: 0, ops: Vec::new() };
    compiler.steps(&plan.programs[index].steps).map_err(|(code, text)| {
        let place = Some(format!("task {}", plan.programs[index].name));
        RunnerError { code, text, place }
    })?;
    Ok(Program { ops: compiler.ops.into(), depth: compiler.depth })
}

struct Compiler<'a> {
    plan: &'a Plan,
    draws: &'a Draws,
    functions: Option<&'static dyn Functions>,
    /// The first task that runs this program and their number; `None`: they are several groups,
    /// or none, so a column cannot fit.
    tasks: Option<(u32, u32)>,
    /// How often the step at hand is executed in one task.
    rounds: u64,
    held: usize,
    depth: usize,
    ops: Vec<Op>,
}

type Compiled = Result<(), (ErrorCode, String)>;

fn wrong(text: String) -> (ErrorCode, String) {
    (ErrorCode::Protocol, text)
}

fn unmapped(error: &io::Error) -> (ErrorCode, String) {
    (ErrorCode::Refused, format!("cannot map memory to share with workers: {error}"))
}

impl Compiler<'_> {
    fn steps(&mut self, steps: &[Step]) -> Compiled {
        steps.iter().try_for_each(|step| self.step(step.id, &step.action))
    }

    fn step(&mut self, step: u32, action: &Action) -> Compiled {
        let op = match action {
            Action::Cpu(amount) => Op::Cpu { step, amount: self.duration(*amount)? },
            Action::Wait(amount) => Op::Wait { step, amount: self.duration(*amount)? },
            Action::Block(amount) => Op::Block { step, amount: self.duration(*amount)? },
            Action::Hold { resource, steps } => return self.hold(step, *resource, steps),
            Action::Send { channel } => return self.pass(step, *channel, false),
            Action::Receive { channel } => return self.pass(step, *channel, true),
            Action::Read { var } => Op::Read { step, var: self.var(*var)? },
            Action::Write { var, add } => Op::Write { step, var: self.var(*var)?, add: *add },
            Action::Update { var, add } => Op::Update { step, var: self.var(*var)?, add: *add },
            Action::Run { program, args } => {
                let child = Child::new(program, args, &self.plan.options);
                Op::Run { step, child: child.map_err(|error| unmapped(&error))? }
            }
            Action::Allocate { bytes } => Op::Allocate { step, bytes: *bytes },
            Action::Repeat { count, steps } => return self.repeat(*count, steps),
            Action::Yield => Op::Yield { step },
            Action::Fail { why } => Op::Fail { step, why: String::leak(why.clone()) },
            Action::Crash => Op::Crash { step },
            Action::Http { .. } => {
                let timeout = self.plan.options.get("http-timeout-ns").map(String::as_str);
                let option = |name| self.plan.options.get(name).map(String::as_str);
                let trust = match (option("tls-insecure"), option("tls-authority")) {
                    (Some(_), _) => Trust::Anybody,
                    (None, Some(path)) => Trust::Authority(path.to_owned()),
                    (None, None) => Trust::System,
                };
                let request = Request::new(action, timeout, trust).map_err(wrong)?;
                kernel::raise_open_files();
                Op::Http { step, request }
            }
            Action::Call { function } => {
                let functions = self.functions.ok_or_else(|| unsupported("call"))?;
                let unknown = || wrong(format!("this program has no function `{function}`"));
                let named = function.strip_prefix("closure:").and_then(|name| functions.find(name));
                Op::Call { step, function: named.ok_or_else(unknown)? }
            }
        };
        self.ops.push(op);
        Ok(())
    }

    fn hold(&mut self, step: u32, resource: u32, steps: &[Step]) -> Compiled {
        if resource as usize >= self.plan.resources.len() {
            return Err(wrong(format!(
                "step {step} holds resource {resource}, which is not there"
            )));
        }
        self.take(step, resource);
        self.ops.push(Op::Hold { step: step + 1, semaphore: resource });
        self.held += 1;
        self.steps(steps)?;
        self.held -= 1;
        self.ops.push(Op::GiveBack);
        Ok(())
    }

    /// A channel is two semaphores, after those of the resources: free slots and items. To send
    /// is to use up a free slot and make an item; to receive is the reverse.
    fn pass(&mut self, step: u32, channel: u32, receive: bool) -> Compiled {
        if channel as usize >= self.plan.channels.len() {
            return Err(wrong(format!("step {step} uses channel {channel}, which is not there")));
        }
        let free = self.plan.resources.len() as u32 + 2 * channel;
        let (used_up, made) = if receive { (free + 1, free) } else { (free, free + 1) };
        self.take(step, used_up);
        self.ops.push(Op::Post { semaphore: made });
        Ok(())
    }

    fn take(&mut self, step: u32, semaphore: u32) {
        self.depth = self.depth.max(self.held + 1);
        self.ops.push(Op::Take { step, semaphore });
    }

    fn repeat(&mut self, count: u64, steps: &[Step]) -> Compiled {
        if count == 0 {
            return Ok(());
        }
        let around = self.rounds;
        self.rounds = around
            .checked_mul(count)
            .ok_or_else(|| wrong(format!("nested repeats of {around} × {count} are too many")))?;
        self.ops.push(Op::Repeat { count });
        let start = self.ops.len() as u32;
        self.steps(steps)?;
        self.ops.push(Op::Again { count, start });
        self.rounds = around;
        Ok(())
    }

    fn var(&self, var: u32) -> Result<u32, (ErrorCode, String)> {
        let known = (var as usize) < self.plan.vars.len();
        known.then_some(var).ok_or_else(|| wrong(format!("variable {var} is not there")))
    }

    fn duration(&self, amount: Amount) -> Result<Duration, (ErrorCode, String)> {
        match amount {
            Amount::Ns(ns) => Ok(Duration::Ns(ns)),
            Amount::Column(index) => self
                .tasks
                .and_then(|(first, count)| self.draws.column(index, first, count, self.rounds))
                .map(Duration::Drawn)
                .ok_or_else(|| {
                    wrong(format!("column {index} does not hold the values of this step"))
                }),
        }
    }
}

fn unsupported(step: &str) -> (ErrorCode, String) {
    let text = format!("the native runner has no step `{step}`: choose a runtime that has it");
    (ErrorCode::Unsupported, text)
}
