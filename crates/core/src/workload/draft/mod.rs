//! From a [`Workload`] and its parameters to programs: names looked up, values read, steps
//! numbered, and how often each is executed. Every mistake is kept; with one, the draft is worth
//! nothing. The main type is [`Draft`].

mod crowd;
mod model;
mod steps;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use maitred_wire as wire;

use self::model::{model, strategy_help};
use super::ast::{self, Comparison, Counted, Object, Subject, Workload};
use super::diagnostic::Diagnostic;
use super::fill::Values;
use super::limits::{
    CAPACITY_MAX, DRAWS_MAX, MISTAKES_MAX, MODELS_MAX, STEPS_MAX, TASKS_MAX, WORKERS_MAX,
};
use super::param::Params;
use super::quantity::{Distribution, Nanos, grouped, nearest};
use super::step::StepInfo;
use super::syntax::Value;

/// A workload with its parameters put in, before anything is drawn.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) title: Option<String>,
    pub(super) about: Option<String>,
    pub(super) programs: Vec<wire::Program>,
    /// One for each program.
    pub(super) crowds: Vec<Crowd>,
    pub(super) resources: Vec<wire::Resource>,
    pub(super) vars: Vec<wire::Var>,
    pub(super) channels: Vec<wire::Channel>,
    pub(super) servers: Vec<Server>,
    /// By step id.
    pub(super) steps: Vec<StepInfo>,
    /// Where each stands in the file, by step id.
    pub(super) spans: Vec<Range<usize>>,
    /// Column `k` is draw `k`; the columns of arrivals follow.
    pub(super) draws: Vec<Draw>,
    pub(super) expectations: Vec<Expect>,
    pub(super) compare: Vec<wire::Model>,
}

/// The tasks of one program.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Of the task's name.
    pub(super) span: Range<usize>,
    pub(super) count: u32,
    pub(super) arrivals: Arrivals,
    pub(super) inputs: Option<String>,
    /// Spans that one task records.
    pub(super) spans: u64,
    /// Steps that one task executes, the rounds of its `repeat`s counted too.
    pub(super) executed: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Arrivals {
    AtOnce,
    Every(Nanos),
    /// Mean nanoseconds between two.
    Poisson(f64),
}

/// A step whose duration is drawn.
#[derive(Debug)]
pub(super) struct Draw {
    pub(super) distribution: Distribution,
    pub(super) program: u32,
    pub(super) step: u32,
    /// Executions in one task.
    pub(super) per_task: u32,
}

/// A test server to start for the length of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    pub strategy: wire::Strategy,
    pub workers: Option<u32>,
    /// How long it takes over a request, in nanoseconds.
    pub delay_ns: u64,
}

/// What must hold after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub of: Expected,
    pub comparison: Comparison,
    pub value: i64,
}

/// What a number is expected of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The variable of this name.
    Var(String),
    Counted(Counted),
}

impl Expect {
    /// Whether the expectation is met.
    pub fn holds(&self, actual: i64) -> bool {
        self.comparison.holds(actual, self.value)
    }
}

impl core::fmt::Display for Expect {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let of = match &self.of {
            Expected::Var(name) => name,
            Expected::Counted(counted) => counted.name(),
        };
        write!(f, "{of} {} {}", self.comparison.sign(), self.value)
    }
}

/// Builds the draft. `inputs` gives the number of lines of each input file; `None`: the files
/// have not been read, and such a task counts as one.
pub(super) fn draft(
    workload: &Workload,
    params: &Params,
    inputs: Option<&[(String, u64)]>,
    mistakes: &mut Vec<Diagnostic>,
) -> Draft {
    let values = Values { params, mistakes };
    let mut drafter =
        Drafter { workload, values, inputs, draft: Draft::default(), place: Place::default() };
    drafter.texts();
    drafter.objects();
    for task in &workload.tasks {
        if drafter.goes_on() {
            drafter.task(task);
        }
    }
    drafter.totals();
    drafter.expectations();
    drafter.models();
    drafter.draft.number_repeats();
    drafter.draft
}

struct Drafter<'a> {
    workload: &'a Workload,
    values: Values<'a>,
    inputs: Option<&'a [(String, u64)]>,
    draft: Draft,
    place: Place,
}

/// Where in a task the drafter is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    program: u32,
    /// The `Hold` step around it.
    parent: Option<u32>,
    /// How often a task comes here.
    times: u64,
}

impl Drafter<'_> {
    fn mistake(&mut self, span: &Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.values.mistakes.push(Diagnostic::mistake(span.clone(), message).maybe_help(help));
    }

    /// Whether there are few enough mistakes to look for more.
    fn goes_on(&self) -> bool {
        self.values.mistakes.len() < MISTAKES_MAX
    }

    fn texts(&mut self) {
        let mut text = |value: &Option<Value>, what| self.values.text(value.as_ref()?, what);
        self.draft.title = text(&self.workload.title, "the title");
        self.draft.about = text(&self.workload.about, "the text");
    }

    fn objects(&mut self) {
        let workload = self.workload;
        for resource in &workload.resources {
            let capacity = self.capacity(resource);
            self.draft
                .resources
                .push(wire::Resource { name: resource.name.text.clone(), capacity });
        }
        for channel in &workload.channels {
            let capacity = self.capacity(channel);
            self.draft.channels.push(wire::Channel { name: channel.name.text.clone(), capacity });
        }
        for var in &workload.vars {
            let number = var.number.as_ref();
            let initial = number
                .and_then(|value| self.values.integer(value, "a variable", i64::MIN..=i64::MAX));
            self.draft.vars.push(wire::Var {
                name: var.name.text.clone(),
                initial: initial.unwrap_or_default(),
            });
        }
        for server in &workload.servers {
            self.server(server);
        }
    }

    /// A capacity: 1 where it is not given; where it is wrong, one in which no `hold` gets stuck.
    fn capacity(&mut self, object: &Object) -> u32 {
        let Some(value) = &object.number else { return 1 };
        let capacity = self.values.integer(value, "a capacity", 1..=CAPACITY_MAX as i64);
        capacity.map_or(u32::MAX, |capacity| capacity as u32)
    }

    fn server(&mut self, server: &ast::Server) {
        let strategy = match &server.strategy {
            None => Some(wire::Strategy::Threads),
            Some(value) => self.values.text(value, "a strategy").and_then(|text| {
                let strategy = text.parse().ok();
                if strategy.is_none() {
                    self.mistake(
                        &value.span,
                        format!("unknown strategy `{text}`"),
                        Some(strategy_help(&text)),
                    );
                }
                strategy
            }),
        };
        let workers = server.workers.as_ref().and_then(|value| {
            let most = i64::from(WORKERS_MAX);
            self.values.integer(value, "`workers`", 1..=most).map(|workers| workers as u32)
        });
        let delay = server.delay.as_ref().and_then(|value| self.values.duration(value));
        self.draft.servers.push(Server {
            name: server.name.text.clone(),
            strategy: strategy.unwrap_or(wire::Strategy::Threads),
            workers,
            delay_ns: delay.map_or(0, |delay| delay.0),
        });
    }

    /// Limits on all tasks together.
    fn totals(&mut self) {
        let crowds = &self.draft.crowds;
        let Some(last) = crowds.last().map(|crowd| crowd.span.clone()) else {
            if self.values.mistakes.is_empty() {
                let help = "as in: task \"table\" count=5 { wait \"4s\" }";
                let mistake = Diagnostic::whole("the workload has no tasks");
                self.values.mistakes.push(mistake.help(help));
            }
            return;
        };
        let tasks: u64 = crowds.iter().map(|crowd| u64::from(crowd.count)).sum();
        let steps = crowds.iter().fold(0_u64, |sum, crowd| {
            sum.saturating_add(u64::from(crowd.count).saturating_mul(crowd.executed))
        });
        if tasks > TASKS_MAX {
            let message = format!(
                "there are {} tasks in all, and at most {}",
                grouped(tasks),
                grouped(TASKS_MAX)
            );
            self.mistake(&last, message, None);
        } else if steps > STEPS_MAX {
            let message =
                format!("all tasks together execute more than {} steps", grouped(STEPS_MAX));
            self.mistake(&last, message, Some("make fewer tasks, or repeat less".into()));
        }
        let draws = self.draft.draws.iter().fold(0_u64, |sum, draw| {
            let count = u64::from(self.draft.crowds[draw.program as usize].count);
            sum.saturating_add(count.saturating_mul(draw.per_task.into()))
        });
        if draws > DRAWS_MAX {
            let message = format!(
                "{} random durations would be drawn, and at most {}",
                grouped(draws),
                grouped(DRAWS_MAX)
            );
            let help = "make fewer tasks, repeat less, or use a fixed duration";
            self.mistake(&last, message, Some(help.into()));
        }
    }

    /// A resource, variable or channel by its name: its index, and the name as declared.
    fn object<'o>(
        &mut self,
        value: &Value,
        what: &str,
        known: &'o [Object],
    ) -> Option<(u32, &'o str)> {
        let name = self.values.text(value, &format!("the {what}"))?;
        if let Some(index) = known.iter().position(|object| object.name.text == name) {
            return Some((index as u32, &known[index].name.text));
        }
        let names: Vec<&str> = known.iter().map(|object| object.name.text.as_str()).collect();
        let help = match nearest(&name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let declared = match what {
                    "resource" => format!("resource \"{name}\" capacity=1"),
                    "channel" => format!("channel \"{name}\" capacity=10"),
                    _ => format!("var \"{name}\" 0"),
                };
                format!("declare it at the top: {declared}")
            }
        };
        self.mistake(&value.span, format!("unknown {what} `{name}`"), Some(help));
        None
    }

    fn expectations(&mut self) {
        let workload = self.workload;
        for expectation in &workload.expectations {
            if !self.goes_on() {
                return;
            }
            let of = match &expectation.subject {
                Subject::Counted(counted) => Some(Expected::Counted(*counted)),
                Subject::Var(value) => self
                    .object(value, "variable", &workload.vars)
                    .map(|(_, name)| Expected::Var(name.into())),
            };
            let range = match of {
                Some(Expected::Counted(_)) => 0..=TASKS_MAX as i64,
                _ => i64::MIN..=i64::MAX,
            };
            let value = self.values.integer(&expectation.value, "what is expected", range);
            if let (Some(of), Some(value)) = (of, value) {
                let comparison = expectation.comparison;
                self.draft.expectations.push(Expect { of, comparison, value });
            }
        }
    }

    fn models(&mut self) {
        let workload = self.workload;
        if let Some(first) = workload.compare.get(MODELS_MAX) {
            let message = format!("`compare` names at most {MODELS_MAX} models");
            return self.mistake(&first.span, message, None);
        }
        for value in &workload.compare {
            let Some(text) = self.values.text(value, "a model") else { continue };
            match model(&text) {
                Ok(model) if self.draft.compare.contains(&model) => {
                    self.mistake(&value.span, format!("`{text}` is named twice"), None);
                }
                Ok(model) => self.draft.compare.push(model),
                Err((message, help)) => self.mistake(&value.span, message, help),
            }
        }
    }
}

impl Draft {
    /// A `repeat` records no span: its id follows those that do.
    fn number_repeats(&mut self) {
        fn visit(steps: &mut [wire::Step], next: &mut u32) {
            for step in steps {
                match &mut step.action {
                    wire::Action::Repeat { steps, .. } => {
                        step.id = *next;
                        *next += 1;
                        visit(steps, next);
                    }
                    wire::Action::Hold { steps, .. } => visit(steps, next),
                    _ => {}
                }
            }
        }
        let mut next = self.steps.len() as u32;
        for program in &mut self.programs {
            visit(&mut program.steps, &mut next);
        }
    }
}
