//! A cell at work: what it asks of the engine, what is told while it goes on, and what is kept.

mod ask;

use std::time::{Instant, SystemTime};

use maitred_core::result::{Check, Comparison, Sentence};
use maitred_core::trace::Trace;
use maitred_core::view::replay::replay;
use maitred_engine::{Cancel, Engine};
use serde_json::{Value, json};

pub(crate) use ask::{Ready, asked, prepare};

use crate::session::{Kept, Session, Wish};
use crate::shown::{self, Shown};

/// Rows of a replay, and up to how many tasks each has one of its own.
const ROWS: usize = 64;
const OWN_ROWS: usize = 24;

/// What a cell has found, before it is shown.
#[derive(Debug, Default)]
struct Found {
    comparison: Option<Comparison>,
    check: Option<Check>,
    traces: Vec<Trace>,
    /// Claims that are about the cell as it is written, where its parameters were turned.
    untested: Vec<String>,
}

/// Holds the place of the one run, also when something falls over in it.
struct Turn<'a> {
    session: &'a Session,
    wish: &'a Wish,
    kept: Option<Kept>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.session.end(&self.wish.book, &self.wish.cell, self.kept.take());
    }
}

/// Runs a cell in the place that `Session::begin` gave; `send` hears a line of JSON for everything
/// that happens, the last of which is `kept` or `failed`.
pub(crate) fn cell(
    session: &Session,
    wish: &Wish,
    ready: &Ready,
    id: u64,
    cancel: &Cancel,
    send: &dyn Fn(String),
) {
    let mut turn = Turn { session, wish, kept: None };
    let began = Instant::now();
    let when = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let found = Engine::of_this_program()
        .map_err(|error| error.to_string())
        .and_then(|engine| ready.run(&engine, wish, cancel, &mut |line| send(line)));
    let before = session.last(&wish.book, &wish.cell);
    let last = match found {
        Err(text) => json!({ "event": "failed", "text": text, "cancelled": cancel.is_cancelled() }),
        Ok(found) if found.comparison.is_none() && found.check.is_none() => {
            json!({ "event": "failed", "text": "", "cancelled": cancel.is_cancelled() })
        }
        Ok(found) => {
            let before = before.as_ref().and_then(|kept| kept.comparison.as_ref());
            let mut shown = show(&found, before, wish, id);
            shown.when = when;
            shown.took_ns = shown::nanos(began.elapsed());
            shown.cancelled |= cancel.is_cancelled();
            let event = json!({ "event": "kept", "result": &shown });
            let Found { comparison, check, traces, .. } = found;
            turn.kept = Some(Kept { shown, comparison, check, traces });
            event
        }
    };
    // Whoever hears of the result must find it.
    drop(turn);
    send(last.to_string());
}

/// Why a run came to nothing, if this line says so.
pub(crate) fn failure(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    (event["event"] == "failed").then(|| event["text"].as_str().unwrap_or_default().to_owned())
}

fn show(found: &Found, before: Option<&Comparison>, wish: &Wish, id: u64) -> Shown {
    let untested = || found.untested.iter().map(|says| shown::Claim::untested(says)).collect();
    let claims = found.check.as_ref().map_or_else(untested, shown::claims);
    let comparison = found.comparison.as_ref();
    let conclusion = comparison.map(|it| it.conclusion.clone()).unwrap_or_default();
    let texts = |sentences: Vec<Sentence>| sentences.into_iter().map(|one| one.text);
    let answer = conclusion.answer.map_or_else(|| shown::verdict(&claims), |answer| answer.text);
    let why = texts(conclusion.warnings).chain(texts(conclusion.reasons)).collect();
    let mut notes: Vec<String> = texts(conclusion.details).collect();
    notes.extend(comparison.map(shown::notes).unwrap_or_default());
    let rounds = found.check.iter().flat_map(|check| &check.experiments).map(|it| it.rounds);
    let how = match comparison {
        Some(comparison) => shown::how(comparison),
        None => format!(
            "tested in {}",
            maitred_core::view::units::plural(u64::from(rounds.max().unwrap_or(0)), "round")
        ),
    };
    Shown {
        id,
        when: String::new(),
        how,
        took_ns: 0,
        wish: sorted(wish),
        cancelled: comparison.is_some_and(shown::is_cancelled),
        answer,
        why,
        rows: comparison.map(shown::rows).unwrap_or_default(),
        claims,
        replays: found.traces.iter().map(|trace| replay(trace, ROWS, OWN_ROWS)).collect(),
        charts: comparison.map(shown::charts).unwrap_or_default(),
        changes: match (before, comparison) {
            (Some(before), Some(after)) => shown::changes(before, after),
            _ => Vec::new(),
        },
        notes,
    }
}

/// The wish as a page compares it with its own: in an order that does not hang on clicks.
fn sorted(wish: &Wish) -> Value {
    let mut wish = wish.clone();
    wish.set.sort();
    wish.models.sort();
    json!(wish)
}
