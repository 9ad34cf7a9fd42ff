//! What the signs of a picture mean, in words: those that appear in it.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::row::Row;
use crate::trace::{Origin, Trace};
use crate::view::Options;
use crate::view::paint::{Ink, width};
use crate::view::state::State;

/// The states that the rows have time in, in words.
pub(super) fn legend(trace: &Trace, rows: &[Row], options: &Options) -> String {
    let seen = |state: State| {
        let timed = rows.iter().any(|row| row.time.iter().any(|cell| cell[state as usize] > 0));
        let failed = state == State::Failed && rows.iter().any(|row| !row.failures.is_empty());
        timed || failed
    };
    let shown = State::ALL.into_iter().filter(|&state| state != State::Idle && seen(state));
    let entries = shown.map(|state| {
        let glyph = state.glyph(options.ascii).repeat(2);
        (glyph, state.ink(), words(trace, state))
    });
    entries_of(entries, options)
}

/// Signs and their meanings beside each other, as many in a line as there is room for.
pub(super) fn entries_of(
    entries: impl Iterator<Item = (String, Ink, String)>,
    options: &Options,
) -> String {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (glyph, ink, words) in entries {
        let room = width(&glyph) + 1 + width(&words);
        let entry = format!("{} {words}", ink.paint(&glyph, options));
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
        State::Ready => "computes, but has no processor".into(),
        State::HeldUp if gil(trace) => "computes, but is held up (the GIL, or the like)".into(),
        State::HeldUp => "computes, but is held up".into(),
        State::Failed => "failed or lost".into(),
    }
}

fn gil(trace: &Trace) -> bool {
    matches!(trace.origin, Origin::Measured { gil: Some(true), .. })
}
