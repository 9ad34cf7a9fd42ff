//! What a page hears of a run while it goes on: the words of the engine's seam, one object each.

use maitred_core::result::Run;
use maitred_core::trace::{StepKind, Trace};
use maitred_engine::contestants::Entry;
use maitred_engine::rounds::Purpose;
use maitred_engine::runtime::Progress;
use serde_json::{Value, json};

/// So few tasks are told one by one.
pub(super) const TOLD: u64 = 64;

pub(super) fn contestants(entries: &[Entry], estimate_ns: Option<u64>) -> Value {
    let contestants = entries.iter().map(|entry| {
        json!({
            "model": entry.model.to_string(),
            "workers": entry.workers,
            "runtime": entry.runtime.name,
            "obstacle": entry.obstacle,
        })
    });
    json!({
        "event": "contestants",
        "contestants": contestants.collect::<Vec<_>>(),
        "estimate_ns": estimate_ns,
    })
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Warmup => "warmup",
        Purpose::Round(_) => "round",
        Purpose::Trace => "trace",
    }
}

pub(super) fn begun(contestant: usize, purpose: Purpose) -> Value {
    json!({ "event": "run-begun", "contestant": contestant, "purpose": name(purpose), "round": purpose.round() })
}

pub(super) fn ended(contestant: usize, purpose: Purpose, run: &Run) -> Value {
    json!({
        "event": "run-ended",
        "contestant": contestant,
        "purpose": name(purpose),
        "run": { "work_ns": run.work_ns, "end": run.end },
    })
}

/// How far a run is. `so_far`: what each task is at, where there are few.
pub(super) fn progress(contestant: usize, at: &Progress<'_>, so_far: Option<&Trace>) -> Value {
    let states: Option<Vec<&str>> =
        so_far.map(|trace| trace.tasks.iter().map(|task| state(trace, task)).collect());
    json!({
        "event": "progress",
        "contestant": contestant,
        "elapsed_ns": crate::shown::nanos(at.elapsed),
        "tasks": { "done": at.finished, "total": at.total },
        "states": states,
    })
}

/// What a task is at, in the names that colours have.
fn state(trace: &Trace, task: &maitred_core::trace::Task) -> &'static str {
    if task.end_ns != 0 {
        return "done";
    }
    let Some(info) = task.step.and_then(|step| trace.step(step)) else { return "idle" };
    match info.kind {
        StepKind::Acquire => "queueing",
        _ if task.start_ns == 0 => "idle",
        _ if info.parent.is_some() || info.kind == StepKind::Hold => "holding",
        StepKind::Wait | StepKind::Http | StepKind::Run => "waiting",
        StepKind::Block => "blocked",
        StepKind::Send | StepKind::Receive => "talking",
        _ => "running",
    }
}
