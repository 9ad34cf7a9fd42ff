//! What the signs mean: only those that are there.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::super::Options;
use super::super::paint::width;
use super::super::state::State;
use super::rows::Row;
use crate::trace::Trace;

/// The states that the rows have time in, in words.
pub(super) fn legend(trace: &Trace, rows: &[Row], options: &Options) -> String {
    let entries: Vec<_> = seen(rows).map(|state| (state, words(trace, state))).collect();
    lay_out(&entries, options)
}

/// The same of the lines that say what threads did.
pub(super) fn of_threads(trace: &Trace, rows: &[Row], options: &Options) -> String {
    let word = |(state, words)| match state {
        State::Running => (state, format!("CPU: {words}")),
        _ => (state, String::from(words)),
    };
    let seen = |(state, _): &(State, &str)| rows.iter().any(|row| row.time.total(*state) > 0);
    let entries: Vec<_> = words_of_threads(trace).into_iter().filter(seen).map(word).collect();
    lay_out(&entries, options)
}

/// What the kernel can have seen of a thread in this trace.
pub(in crate::view) fn words_of_threads(trace: &Trace) -> [(State, &'static str); 5] {
    let gil = trace.origin.gil();
    [
        (State::Running, "running"),
        (State::Runnable, "runnable, in the run queue"),
        (State::HeldUp, "blocked in computing: by the GIL, inferred"),
        (State::Blocked, if gil == Some(true) { "blocked otherwise" } else { "blocked" }),
        (State::Unrecorded, "not recorded"),
    ]
}

fn seen(rows: &[Row]) -> impl Iterator<Item = State> {
    let seen = |state: &State| {
        let failed = *state == State::Failed && rows.iter().any(|row| !row.failures.is_empty());
        *state != State::Idle && (failed || rows.iter().any(|row| row.time.total(*state) > 0))
    };
    State::ALL.into_iter().filter(seen)
}

/// Signs and their words, in as few lines as they need.
fn lay_out(entries: &[(State, String)], options: &Options) -> String {
    let mut text = String::new();
    let mut used = 0;
    for (state, words) in entries {
        let glyph = state.glyph(options.ascii).repeat(2);
        let room = 3 + width(words);
        if used > 0 {
            let fits = used + 3 + room <= options.width;
            text.push_str(if fits { "   " } else { "\n" });
            used = if fits { used + 3 } else { 0 };
        }
        text.push_str(&format!("{} {words}", state.ink().paint(&glyph, options)));
        used += room;
    }
    if used > 0 {
        text.push('\n');
    }
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
        State::Blocked if trace.model.strategy == Strategy::Hybrid => {
            "blocks a thread of the pool".into()
        }
        State::Blocked if trace.model.strategy.interleaves() => "blocks its loop".into(),
        State::Blocked => "waits, blocking".into(),
        State::Waiting => "waits".into(),
        State::Overdue if trace.model.strategy.interleaves() => "overdue: its loop is busy".into(),
        State::Overdue => "overdue: asked to wait no longer".into(),
        State::Talking => "waits at a channel".into(),
        State::Idle => String::new(),
        State::Failed => "failed or lost".into(),
        State::Runnable | State::HeldUp | State::Unrecorded => "not known".into(),
        State::InClient => "in the client".into(),
        State::InScheduler => "in the scheduler".into(),
        State::OnWire => "on the wire".into(),
        State::InQueue => "in the worker's queue".into(),
    }
}
