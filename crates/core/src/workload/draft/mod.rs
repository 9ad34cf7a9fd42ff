//! From a [`Workload`] and its parameters to programs: names looked up, values read, steps
//! numbered, and how often each is executed. Every mistake is kept; with one, the draft is worth
//! nothing. The main type is [`Draft`].

mod claim;
mod crowd;
mod model;
mod object;
mod server;
mod steps;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use maitred_wire as wire;

use self::model::model;
pub use self::server::{ARCHITECTURES, Server};
use super::ast::{Measurand, Workload};
use super::claim::Claim;
use super::diagnostic::Diagnostic;
use super::expectation::{Expect, Expected};
use super::fill::Values;
use super::limits::{DRAWS_MAX, MISTAKES_MAX, MODELS_MAX, STEPS_MAX, TASKS_MAX};
use super::param::Params;
use super::quantity::{Distribution, Nanos, grouped, nearest};
use super::step::StepInfo;
use super::syntax::Value;
use super::value::show;

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
    /// Parameters and the values that they take one after another, as texts.
    pub(super) sweeps: Vec<(String, Vec<String>)>,
    pub(super) claims: Vec<Claim>,
    /// The models that the claims are about, each once.
    pub(super) claimed: Vec<wire::Model>,
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
    drafter.sweeps();
    drafter.claims();
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

    fn expectations(&mut self) {
        let workload = self.workload;
        for expectation in &workload.expectations {
            if !self.goes_on() {
                return;
            }
            let of = match &expectation.subject {
                Measurand::Counted(counted) => Some(Expected::Counted(*counted)),
                Measurand::Var(value) => self
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

    fn sweeps(&mut self) {
        let workload = self.workload;
        for sweep in &workload.sweeps {
            let Some(name) = self.values.text(&sweep.param, "a parameter") else { continue };
            let is_param = workload.params.iter().any(|param| param.name.text == name);
            if self.draft.sweeps.iter().any(|(other, _)| *other == name) {
                self.mistake(&sweep.param.span, format!("`{name}` is swept twice"), None);
            } else if is_param {
                let values = sweep.values.iter().map(show).collect();
                self.draft.sweeps.push((name, values));
            } else {
                let names = workload.params.iter().map(|param| param.name.text.as_str());
                let help = match nearest(&name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare it at the top: param \"{name}\" 1"),
                };
                self.mistake(&sweep.param.span, format!("unknown parameter `{name}`"), Some(help));
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
