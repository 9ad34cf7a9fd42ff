//! How what a runner did is put to whoever wrote it: in sentences, and in the messages of the protocol.

use std::time::Duration;

use maitred_core::trace::RunEnd;
use maitred_wire::trace_file::TaskOutcome;
use serde::Serialize;

/// How a run ended.
pub(super) fn ending(end: &RunEnd) -> String {
    match end {
        RunEnd::Finished => "it said `done`".to_owned(),
        RunEnd::Deadlock(blocked) => {
            let tasks: Vec<u32> = blocked.iter().map(|one| one.task).collect();
            format!("it said that tasks {} wait for each other", message(&tasks))
        }
        RunEnd::TimeUp { wanted_ns } => {
            format!("it was stopped after {:?}", Duration::from_nanos(*wanted_ns))
        }
        RunEnd::TimedOut { limit_ns } => {
            format!("it was given up after {:?} (--timeout)", Duration::from_nanos(*limit_ns))
        }
        RunEnd::Interrupted => "it was interrupted".to_owned(),
        RunEnd::OutOfMemory { seen_bytes, .. } => {
            format!("it was ended because it took {seen_bytes} bytes of memory")
        }
        RunEnd::Died { how } => how.clone(),
        RunEnd::Refused(error) => format!("it said `error`: {}", message(error)),
    }
}

/// How a task stands in the trace.
pub(super) fn outcome(outcome: Option<TaskOutcome>) -> &'static str {
    match outcome {
        Some(TaskOutcome::Open) => "open",
        Some(TaskOutcome::Done) => "done",
        Some(TaskOutcome::Failed) => "failed",
        None => "missing",
    }
}

/// A part of a message as it travels: JSON.
pub(super) fn message(part: &impl Serialize) -> String {
    serde_json::to_string(part).expect("messages have only string keys")
}

#[cfg(test)]
mod tests {
    use maitred_wire::{Blocked, ErrorCode, RunnerError};

    use super::*;

    #[test]
    fn an_ending_is_a_sentence() {
        let died = RunEnd::Died { how: "exited with code 1 before it said `done`".into() };
        assert_eq!(ending(&died), "exited with code 1 before it said `done`");
        let given_up = RunEnd::TimedOut { limit_ns: 100_000_000 };
        assert_eq!(ending(&given_up), "it was given up after 100ms (--timeout)");
        let blocked = [3, 5].map(|task| Blocked { task, step: 1 }).to_vec();
        assert_eq!(
            ending(&RunEnd::Deadlock(blocked)),
            "it said that tasks [3,5] wait for each other"
        );
        let error = RunnerError { code: ErrorCode::Load, text: "no such file".into(), place: None };
        let said = ending(&RunEnd::Refused(error));
        assert!(
            said.starts_with(r#"it said `error`: {"code":"load","text":"no such file""#),
            "{said}"
        );
    }
}
