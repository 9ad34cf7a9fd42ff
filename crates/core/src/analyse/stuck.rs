//! Of a run that did not come to an end: which task was at which step, in words. Names what the
//! trace shows; guesses no cause.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{interpreted, units};
use crate::trace::{RunEnd, StepKind, Task, Trace};

/// So many tasks are named; the others are counted.
const NAMED: usize = 3;

/// `table 3 waits at hold waiter`, one sentence for each task that is named.
pub(super) fn sentences(head: &Trace, tasks: impl Iterator<Item = Task>) -> Vec<String> {
    let at: Vec<(u32, u32)> = match &head.end {
        RunEnd::Deadlock(blocked) => blocked.iter().map(|one| (one.task, one.step)).collect(),
        RunEnd::TimedOut { .. } | RunEnd::OutOfMemory { .. } | RunEnd::Died { .. } => {
            let open = tasks.enumerate().filter(|(_, task)| task.start_ns > 0 && task.end_ns == 0);
            open.filter_map(|(number, task)| Some((number as u32, task.step?))).collect()
        }
        _ => return Vec::new(),
    };
    let verb = if matches!(head.end, RunEnd::Deadlock(_)) { "waits for ever at" } else { "was at" };
    let mut sentences: Vec<String> = at
        .iter()
        .take(NAMED)
        .map(|&(task, step)| format!("{} {verb} {}", head.task_name(task), place(head, step)))
        .collect();
    if at.len() > NAMED {
        sentences.push(format!("and {} more", units::plural((at.len() - NAMED) as u64, "task")));
    }
    let places = interpreted::places(&head.log);
    sentences.extend(places.iter().take(NAMED).map(|place| format!("its code was at {place}")));
    sentences
}

fn place(head: &Trace, step: u32) -> String {
    let label = head.step_name(step);
    match head.step(step).map(|info| info.kind) {
        Some(StepKind::Acquire) => format!("`{label}`, queueing"),
        _ => format!("`{label}`"),
    }
}
