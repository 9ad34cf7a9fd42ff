//! A notebook with what was found: as one page that needs no server and replays from a file, and as a
//! notebook of Jupyter.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};

use crate::describe;
use crate::ipynb;
use crate::server::bundle;
use crate::session::Session;

/// More of them would make the page too heavy to be sent to somebody.
const SWITCHES_MAX: usize = 50_000;

/// The page of this notebook with the last result of each cell.
///
/// # Errors
/// A lowercase sentence: there is no such notebook, or it cannot be read.
pub fn html(session: &Session, name: &str) -> Result<String, String> {
    let mut facts = describe::book(session, name)?;
    facts["books"] = json!([]);
    facts["missing"] = json!([]);
    let sections = facts["sections"].as_array_mut().into_iter().flatten();
    let parts = sections.filter_map(|section| section["parts"].as_array_mut()).flatten();
    for cell in parts.filter_map(|part| part.get_mut("cell")) {
        let Some(id) = cell["result"]["id"].as_u64() else { continue };
        let Some(kept) = session.result(id) else { continue };
        let recorded = kept.recorded();
        cell["result"] = kept.facts();
        let replays = cell["result"]["replays"].as_array_mut().into_iter().flatten();
        for (facts, replay) in replays.zip(&recorded.replays) {
            facts["columns"] = Value::String(BASE64.encode(replay.columns.bytes()));
        }
        let switches = cell["result"]["switches"].as_array_mut().into_iter().flatten();
        for (facts, switches) in switches.zip(&recorded.switches) {
            match switches {
                Some(replay) if replay.columns.starts.len() <= SWITCHES_MAX => {
                    facts["columns"] = Value::String(BASE64.encode(replay.columns.bytes()));
                }
                _ => *facts = Value::Null,
            }
        }
    }
    let title = facts["title"].as_str().unwrap_or(name).to_owned();
    Ok(bundle(&title, &facts.to_string()))
}

/// The same for Jupyter, whatever each cell found last as its output.
///
/// # Errors
/// Those of [`html`].
pub fn jupyter(session: &Session, name: &str) -> Result<String, String> {
    let book = session.book(name)?;
    let found = |cell: &str| Some(session.last(&book.name, cell)?.shown.text());
    Ok(ipynb::write(&*book.read()?, &found))
}
