//! Tasks: how many, arriving when.

use alloc::format;

use maitred_wire as wire;

use super::super::ast::Task;
use super::super::limits::{DURATION_MAX_NS, STEPS_PER_TASK_MAX, TASKS_MAX};
use super::super::quantity::grouped;
use super::super::syntax::Value;
use super::{Arrivals, Crowd, Drafter, Place};

impl Drafter<'_> {
    pub(super) fn task(&mut self, task: &Task) {
        let program = self.draft.programs.len() as u32;
        self.place = Place { program, parent: None, times: 1 };
        let crowd = self.crowd(task);
        self.draft.crowds.push(crowd);
        let steps = self.steps(&task.steps);
        self.draft.programs.push(wire::Program { name: task.name.text.clone(), steps });
        if self.draft.crowds[program as usize].executed > STEPS_PER_TASK_MAX {
            let most = grouped(STEPS_PER_TASK_MAX);
            let message = format!("one `{}` executes more than {most} steps", task.name.text);
            self.mistake(&task.name.span, message, Some("repeat less, or make more tasks".into()));
        }
    }

    fn crowd(&mut self, task: &Task) -> Crowd {
        let inputs = task.inputs.as_ref().and_then(|value| self.values.text(value, "`inputs`"));
        let count = match (&task.count, &task.inputs) {
            (Some(count), Some(_)) => {
                let message = "`inputs` makes one task a line, so `count` cannot be given";
                self.mistake(&count.span, message, None);
                1
            }
            (Some(count), None) => {
                let range = 1..=TASKS_MAX as i64;
                self.values.integer(count, "`count`", range).unwrap_or(1) as u32
            }
            (None, Some(value)) => inputs.as_ref().map_or(1, |path| self.lines(path, value)),
            (None, None) => 1,
        };
        let arrivals = self.arrivals(task, count);
        Crowd { span: task.name.span.clone(), count, arrivals, inputs, spans: 0, executed: 0 }
    }

    /// How many tasks an input file makes.
    fn lines(&mut self, path: &str, value: &Value) -> u32 {
        let Some(inputs) = self.inputs else { return 1 };
        let lines = inputs.iter().find(|(name, _)| name == path).map(|(_, lines)| *lines);
        match lines {
            Some(lines @ 1..=TASKS_MAX) => return lines as u32,
            Some(0) => self.mistake(&value.span, format!("`{path}` has no lines"), None),
            Some(_) => {
                let message = format!("`{path}` has more than {} lines", grouped(TASKS_MAX));
                self.mistake(&value.span, message, None);
            }
            None => self.mistake(&value.span, format!("`{path}` was not read"), None),
        }
        1
    }

    fn arrivals(&mut self, task: &Task, count: u32) -> Arrivals {
        let (arrivals, value, last) = match (&task.rate, &task.every) {
            (None, None) => return Arrivals::AtOnce,
            (Some(_), Some(every)) => {
                let message = "`rate` and `every` exclude each other";
                self.mistake(&every.span, message, None);
                return Arrivals::AtOnce;
            }
            (Some(rate), None) => {
                let Some(gap) = self.values.rate(rate) else { return Arrivals::AtOnce };
                (Arrivals::Poisson(gap), rate, gap * f64::from(count))
            }
            (None, Some(every)) => {
                let Some(gap) = self.values.duration(every) else { return Arrivals::AtOnce };
                if gap.0 == 0 {
                    let help = "leave it out, and all tasks arrive at once";
                    self.mistake(&every.span, "`every` is longer than 0", Some(help.into()));
                }
                (Arrivals::Every(gap), every, gap.0 as f64 * f64::from(count))
            }
        };
        if last > DURATION_MAX_NS as f64 {
            self.mistake(&value.span, "the last task would arrive after more than 365 days", None);
        }
        arrivals
    }
}
