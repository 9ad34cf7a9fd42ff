//! A cell at work: what it asks of the engine, what is told while it goes on, and what is kept.

mod ask;
mod live;
mod rounds;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use maitred_core::result::{Check, Comparison, Sentence};
use maitred_core::trace::Trace;
use maitred_core::view::replay::replay;
use maitred_engine::runtime::Interrupt;
use serde_json::{Value, json};

pub(crate) use ask::{Ready, asked, prepare};

use crate::session::{Kept, Session, Wish};
use crate::shown::{self, Shown};

/// A wish that a run should end; clones are the same wish.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Interrupt>);

impl Cancel {
    /// One that nobody has wished yet.
    ///
    /// # Errors
    /// A lowercase sentence: the system has no descriptor left.
    pub fn new() -> Result<Self, String> {
        let interrupt = Interrupt::manual()
            .map_err(|error| format!("a run cannot be prepared: {error}; close something else"))?;
        Ok(Self(Arc::new(interrupt)))
    }

    /// Asks the run to stop; what was measured until then is kept.
    pub fn cancel(&self) {
        self.0.raise();
    }

    pub(crate) fn is_wished(&self) -> bool {
        self.0.is_raised()
    }

    fn interrupt(&self) -> &Interrupt {
        &self.0
    }
}

/// Rows of a replay, and up to how many tasks each has one of its own.
const ROWS: usize = 64;
const OWN_ROWS: usize = 24;

/// What a cell has found, before it is shown.
#[derive(Debug, Default)]
struct Found {
    comparison: Option<Comparison>,
    check: Option<Check>,
    traces: Vec<Trace>,
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
    let found = ready.run(wish, cancel, &|event: Value| send(event.to_string()));
    let before = session.last(&wish.book, &wish.cell);
    let last = match found {
        Err(text) => json!({ "event": "failed", "text": text, "cancelled": cancel.is_wished() }),
        Ok(found) if found.comparison.is_none() && found.check.is_none() => {
            json!({ "event": "failed", "text": "", "cancelled": cancel.is_wished() })
        }
        Ok(found) => {
            let before = before.as_ref().and_then(|kept| kept.comparison.as_ref());
            let mut shown = show(&found, before, wish, id);
            shown.when = when;
            shown.took_ns = shown::nanos(began.elapsed());
            shown.cancelled |= cancel.is_wished();
            let event = json!({ "event": "kept", "result": &shown });
            let Found { comparison, check, traces } = found;
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
    let claims = found.check.as_ref().map(shown::claims).unwrap_or_default();
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
