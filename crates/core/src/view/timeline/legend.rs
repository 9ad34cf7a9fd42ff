//! What the signs mean: only those that are there.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::super::Options;
use super::super::paint::width;
use super::super::state::State;
use super::rows::Row;
use crate::trace::Trace;

/// The states that the rows have time in, in words.
pub(super) fn legend(trace: &Trace, rows: &[Row], options: &Options) -> String {
    let seen = |state: State| {
        let timed = rows.iter().any(|row| row.time.iter().any(|cell| cell[state as usize] > 0));
        let failed = state == State::Failed && rows.iter().any(|row| !row.failures.is_empty());
        timed || failed
    };
    let words = |state| words(trace, state);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for state in State::ALL.into_iter().filter(|&state| state != State::Idle && seen(state)) {
        let glyph = state.glyph(options.ascii).repeat(2);
        let entry = format!("{} {}", state.ink().paint(&glyph, options), words(state));
        let room = 3 + width(&words(state));
        if used > 0 && used + 3 + room > options.width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if used > 0 { "   " } else { "" });
            line.push_str(&entry);
        }
        used += room + 3;
    }
    let text: String =
        lines.into_iter().filter(|line| !line.is_empty()).map(|line| line + "\n").collect();
    text
}

/// What a state means in this trace.
pub(in crate::view) fn words(trace: &Trace, state: State) -> String {
    let resource = match &trace.resources[..] {
        [one] => format!("`{}`", one.name),
        _ => "a resource".into(),
    };
    match state {
        State::Queueing => format!("queues for {resource}"),
        State::Holding => format!("has {resource}"),
        State::Running => "computes".into(),
        State::Blocked if trace.model.strategy.interleaves() => "blocks its loop".into(),
        State::Blocked => "waits, blocking".into(),
        State::Waiting => "waits".into(),
        State::Talking => "waits at a channel".into(),
        State::Idle => String::new(),
        State::Failed => "failed or lost".into(),
    }
}
