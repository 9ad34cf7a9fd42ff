//! Which steps a runtime and strategy cannot do: said before a run, with who can.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::{Action, HttpUrl, Step, Strategy, UrlError};

use super::diagnostic::Diagnostic;
use super::limits::WORKERS_MAX;
use super::lower::Lowered;
use super::quantity::grouped;
use super::step::StepKind;

impl Lowered {
    /// Why this runtime and strategy cannot do the work; empty: nothing speaks against it. What
    /// another runtime than `native` can do, it announces itself.
    pub fn needs(&self, runtime: &str, strategy: Strategy) -> Vec<Diagnostic> {
        let mut needs = Vec::new();
        if let Some((message, help)) = self.unfit(runtime, strategy) {
            needs.push(Diagnostic::whole(message).help(help));
        }
        if runtime == "native" {
            for (id, why) in self.unfit_urls() {
                let place = self.places[id as usize].clone();
                needs.push(Diagnostic::mistake(place, format!("native cannot ask this: {why}")));
            }
            needs.extend(self.steps.iter().zip(&self.places).filter_map(|(step, span)| {
                let (message, help) = native_lacks(step.kind, strategy)?;
                let mistake = Diagnostic::mistake(span.clone(), message);
                Some(if help.is_empty() { mistake } else { mistake.help(help) })
            }));
        }
        needs
    }

    /// Steps whose address the native client cannot ask, and why.
    fn unfit_urls(&self) -> Vec<(u32, UrlError)> {
        let mut unfit = Vec::new();
        for program in &self.programs {
            unfit_urls(&program.steps, &mut unfit);
        }
        unfit
    }

    fn unfit(&self, runtime: &str, strategy: Strategy) -> Option<(String, String)> {
        if runtime == "native" && strategy == Strategy::Interpreters {
            let message = "native has no `interpreters`";
            return Some((message.into(), "use python3.14/interpreters, or native/threads".into()));
        }
        if runtime == "native" && strategy == Strategy::Executor {
            let message = "native has no `executor`: it is an object of Python";
            return Some((message.into(), "use python3/executor, and name who makes it".into()));
        }
        let tasks = self.task_count();
        (strategy == Strategy::Threads && tasks > WORKERS_MAX).then(|| {
            let message = format!(
                "{runtime}/threads would start a thread for each of {} tasks, and {} are the most",
                grouped(tasks),
                grouped(WORKERS_MAX)
            );
            (message, format!("use {runtime}/thread-pool"))
        })
    }
}

fn unfit_urls(steps: &[Step], unfit: &mut Vec<(u32, UrlError)>) {
    for step in steps {
        match &step.action {
            Action::Hold { steps, .. } | Action::Repeat { steps, .. } => unfit_urls(steps, unfit),
            // The address of a server of our own is not known yet, and is a good one.
            Action::Http { url, .. } if !url.starts_with("${") => {
                unfit.extend(HttpUrl::parse(url).err().map(|why| (step.id, why)));
            }
            _ => {}
        }
    }
}

fn native_lacks(kind: StepKind, strategy: Strategy) -> Option<(&'static str, String)> {
    match kind {
        StepKind::Call => Some((
            "`call` runs a Python function: native cannot do it",
            // The loops of Python run on one thread.
            match strategy {
                Strategy::AsyncPool => "use python3/event-loop".into(),
                _ => format!("use python3/{strategy}"),
            },
        )),
        _ => None,
    }
}
