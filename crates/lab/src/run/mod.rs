//! A cell at work: what it asks of the engine, what is told while it goes on, and what is kept.

mod ask;
mod pace;
mod told;

use std::time::{Instant, SystemTime};

use maitred_engine::{Cancel, Engine};
use serde_json::{Value, json};

pub(crate) use ask::{Ready, asked, prepare};

use crate::found::{Around, Found};
use crate::keep;
use crate::session::{Kept, Session};
use crate::shown;
use crate::wish::Wish;

/// Holds the place in the line, also when something falls over in the run.
struct Turn<'a> {
    session: &'a Session,
    id: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.session.leave(self.id);
    }
}

/// Runs a cell once its place, which `Session::begin` gave, is the first in the line; `send` hears a line
/// of JSON for everything that happens, the last of which is `kept` or `failed`.
pub(crate) fn cell(
    session: &Session,
    wish: &Wish,
    ready: &Ready,
    id: u64,
    cancel: &Cancel,
    send: &dyn Fn(String),
) {
    // Until what was found is kept: that takes processor time, which the next run is not to miss.
    let _turn = Turn { session, id };
    session.wait(id, cancel, &|before| {
        send(json!({ "event": "in-line", "run": id, "before": before }).to_string());
    });
    let began = Instant::now();
    let when = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let found = match cancel.is_cancelled() {
        true => Ok(Found::default()),
        false => Engine::of_this_program()
            .map_err(|error| error.to_string())
            .and_then(|engine| ready.run(&engine, wish, cancel, &mut |line| send(line))),
    };
    let before = keep::last(session, &wish.book, &wish.cell);
    let last = match found {
        Err(text) => json!({ "event": "failed", "text": text, "cancelled": cancel.is_cancelled() }),
        Ok(found) if found.is_nothing() => {
            json!({ "event": "failed", "text": "", "cancelled": cancel.is_cancelled() })
        }
        Ok(found) => {
            let before = before.as_ref().and_then(|kept| kept.found.comparison.as_ref());
            let around = Around {
                wish: wish.clone(),
                when,
                took_ns: shown::nanos(began.elapsed()),
                cancelled: cancel.is_cancelled(),
                changes: found.changes(before),
            };
            // Whoever hears of the result must find it.
            let kept = session.put(&wish.book, &wish.cell, Kept::fresh(found, around, id));
            json!({ "event": "kept", "result": kept.facts() })
        }
    };
    send(last.to_string());
    if let Some(kept) = session.result(id)
        && let Err(why) = keep::keep(session, &kept)
    {
        session.complain(&why);
        send(json!({ "event": "not-kept", "text": why }).to_string());
    }
}

/// Why a run came to nothing, if this line says so.
pub(crate) fn failure(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    (event["event"] == "failed").then(|| event["text"].as_str().unwrap_or_default().to_owned())
}
