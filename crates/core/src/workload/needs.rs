//! Which steps a runtime and strategy cannot do: said before a run, with who can.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

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
            needs.extend(self.steps.iter().zip(&self.places).filter_map(|(step, span)| {
                let (message, help) = native_lacks(step.kind, strategy)?;
                let mistake = Diagnostic::mistake(span.clone(), message);
                Some(if help.is_empty() { mistake } else { mistake.help(help) })
            }));
        }
        needs
    }

    fn unfit(&self, runtime: &str, strategy: Strategy) -> Option<(String, String)> {
        if runtime == "native" && strategy == Strategy::Interpreters {
            let message = "native has no `interpreters`";
            return Some((message.into(), "use python3.14/interpreters, or native/threads".into()));
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
        StepKind::Http => Some((
            "`http` needs the HTTP client, which this version does not have yet",
            String::new(),
        )),
        _ => None,
    }
}
