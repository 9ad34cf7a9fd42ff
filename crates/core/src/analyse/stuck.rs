//! Of a run that did not come to an end: which task was at which step, in words. Names what the
//! trace shows; guesses no cause.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::{interpreted, units};
use crate::trace::{RunEnd, StepKind, Task, Trace};

/// So many tasks are named at each step; the others are counted.
const NAMED: usize = 3;

/// How sentences begin that say where the user's own code was.
const PLACE: &str = "its code was at ";
/// And the one that says what forking does to locks.
const FORKED: &str = "if its workers are forked while a thread holds a lock";

/// Of the notes of a run that did not come to an end, those that say where it was and what may be
/// done, as the rest of a sentence; empty: nobody knows.
pub(super) fn told(notes: &[String]) -> String {
    let places = notes.iter().filter_map(|note| note.strip_prefix(PLACE));
    let places: Vec<String> = places.map(String::from).collect();
    let places = match places.is_empty() {
        true => String::new(),
        false => format!("; {PLACE}{}", units::list(&places)),
    };
    let forked = notes.iter().find(|note| note.starts_with(FORKED));
    places + &forked.map_or_else(String::new, |note| format!("; {note}"))
}

/// `table 1 and table 3 wait for ever at "hold waiter", queueing`: one sentence for each step at
/// which tasks were, the first ones first.
pub(super) fn sentences(head: &Trace, tasks: impl Iterator<Item = Task>) -> Vec<String> {
    let open = tasks.enumerate().filter(|(_, task)| task.start_ns > 0 && task.end_ns == 0);
    let open = open.filter_map(|(number, task)| Some((number as u32, task.step?)));
    let (at, verbs): (Vec<(u32, u32)>, _) = match &head.end {
        RunEnd::Deadlock(blocked) => {
            let at = blocked.iter().map(|one| (one.task, one.step)).collect();
            (at, ["waits for ever at", "wait for ever at"])
        }
        RunEnd::TimedOut { .. } | RunEnd::OutOfMemory { .. } => {
            (open.collect(), ["was at", "were at"])
        }
        RunEnd::Died { .. } => {
            let crashed = |step| head.step(step).is_some_and(|info| info.kind == StepKind::Crash);
            let at: Vec<_> = open.collect();
            let guilty: Vec<_> = at.iter().copied().filter(|&(_, step)| crashed(step)).collect();
            match guilty.is_empty() {
                true => (at, ["was at", "were at"]),
                false => (guilty, ["killed its process by", "killed their process by"]),
            }
        }
        // A pool that lost a worker ends by itself; where the worker was it may have said.
        RunEnd::Finished if lost_a_worker(head) => (Vec::new(), ["", ""]),
        _ => return Vec::new(),
    };
    let mut by_step: Vec<(u32, Vec<u32>)> = Vec::new();
    for (task, step) in at {
        match by_step.iter_mut().find(|(known, _)| *known == step) {
            Some((_, tasks)) => tasks.push(task),
            None => by_step.push((step, [task].into())),
        }
    }
    let places = interpreted::places(&head.log).into_iter().take(NAMED);
    let tasks = by_step.iter().map(|(step, tasks)| sentence(head, *step, tasks, verbs));
    let places = places.map(|place| format!("{PLACE}{place}"));
    tasks.chain(places).chain(forked(head)).collect()
}

/// What a process inherits by fork includes locks that threads held which it does not have
/// (fork(2), docs.python.org: multiprocessing, "Contexts and start methods").
fn forked(head: &Trace) -> Option<String> {
    let timed_out = matches!(head.end, RunEnd::TimedOut { .. });
    let calls = head.steps.iter().any(|step| step.kind == StepKind::Call);
    (timed_out && calls && head.model.strategy == Strategy::Processes).then(|| {
        format!(
            "{FORKED}, that lock is never free in them: `--start-method spawn` starts them afresh"
        )
    })
}

fn lost_a_worker(head: &Trace) -> bool {
    let failures = head.done.iter().flat_map(|done| &done.failures);
    failures.into_iter().any(|failure| failure.kind == "BrokenProcessPool")
}

fn sentence(head: &Trace, step: u32, tasks: &[u32], [one, many]: [&str; 2]) -> String {
    let mut who: Vec<String> =
        tasks.iter().take(NAMED).map(|&task| format!("`{}`", head.task_name(task))).collect();
    if tasks.len() > NAMED {
        who.push(format!("{} more", units::count((tasks.len() - NAMED) as u64)));
    }
    let verb = if tasks.len() == 1 { one } else { many };
    format!("{} {verb} {}", units::list(&who), place(head, step))
}

fn place(head: &Trace, step: u32) -> String {
    let label = head.step_name(step);
    match head.step(step).map(|info| info.kind) {
        Some(StepKind::Acquire) => format!("`{label}`, queueing"),
        _ => format!("`{label}`"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use maitred_wire::Failure;

    use super::*;
    use crate::trace::sample::tables;

    #[test]
    fn a_worker_that_a_pool_lost_may_have_said_where_it_was() {
        let mut trace = tables(4, 1).run(Strategy::Processes, 2);
        trace.log = "Current thread 0x7f (most recent call first):\n  File \"/home/me/work.py\", line 30 in f\n".into();
        let said = |trace: &Trace| sentences(trace, trace.tasks.iter().copied());
        assert_eq!(said(&trace), Vec::<String>::new(), "nothing went wrong");
        let lost = Failure {
            kind: "BrokenProcessPool".into(),
            text: "killed".into(),
            count: 1,
            task: 0,
            step: None,
        };
        trace.done.as_mut().unwrap().failures.push(lost);
        assert_eq!(said(&trace), ["its code was at work.py:30 in f"]);
    }

    /// What is said of a call under this strategy whose run ended so.
    fn said(strategy: Strategy, end: RunEnd) -> String {
        let mut trace = tables(2, 1).run(strategy, 2);
        trace.steps[0].kind = StepKind::Call;
        trace.end = end;
        sentences(&trace, trace.tasks.iter().copied()).join("\n")
    }

    #[test]
    fn a_hang_of_processes_may_come_from_how_they_were_started() {
        let timed_out = || RunEnd::TimedOut { limit_ns: 1 };
        assert!(said(Strategy::Processes, timed_out()).contains("`--start-method spawn`"));
        assert!(!said(Strategy::Threads, timed_out()).contains("--start-method"));
        assert!(!said(Strategy::Processes, RunEnd::Finished).contains("--start-method"));
    }

    #[test]
    fn where_a_run_hung_is_told_with_how_it_ended() {
        let notes = |all: &[&str]| all.iter().map(|note| String::from(*note)).collect::<Vec<_>>();
        let hung = notes(&["its code was at a.py:4 in f", "its code was at a.py:9 in <module>"]);
        assert_eq!(told(&hung), "; its code was at a.py:4 in f and a.py:9 in <module>");
        assert_eq!(told(&notes(&["a process that outlived the runner was killed"])), "");
    }
}
