//! A notebook as the page reads it: sections with prose, cells with all that is known of them, and
//! the last result of each.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::keep;
use crate::limits;
use crate::look::{Look, look};
use crate::notebook::{Cell, Kind, Notebook, Part, View};
use crate::session::{Kept, Session};

/// Everything that a page shows of a notebook.
///
/// # Errors
/// A lowercase sentence: there is no such notebook, or it cannot be read.
pub(crate) fn book(session: &Session, name: &str) -> Result<Value, String> {
    let book = session.book(name)?;
    let notebook = book.read()?;
    let (here, before) = (session.here(), keep::Before::of(session));
    let books = session
        .shelf
        .books()
        .iter()
        .filter_map(|one| Some(json!({ "name": one.name, "title": one.read().ok()?.title })));
    let mistakes = notebook.mistakes.iter();
    let mistakes = mistakes.map(|one| json!({ "line": one.line, "message": one.message }));
    let sections = notebook.sections.iter().map(|section| {
        let parts = section.parts.iter().map(|part| match part {
            Part::Prose(html) => json!({ "kind": "prose", "html": html }),
            Part::Note(html) => json!({ "kind": "note", "html": html }),
            Part::Cell(cell) => {
                let last = session.last(&book.name, &cell.id);
                let last = last.or_else(|| before.last(&book.name, &cell.id));
                json!({ "kind": "cell", "cell": cell_of(session, &notebook, cell, last.as_deref()) })
            }
        });
        json!({ "id": section.id, "heading": section.heading, "parts": parts.collect::<Vec<_>>() })
    });
    Ok(json!({
        "name": book.name,
        "title": notebook.title,
        "saves": book.saves(),
        "machine": here.machine,
        "missing": here.missing,
        "complete": here.complete,
        "books": books.collect::<Vec<_>>(),
        "mistakes": mistakes.collect::<Vec<_>>(),
        "sections": sections.collect::<Vec<_>>(),
    }))
}

fn cell_of(session: &Session, notebook: &Notebook, cell: &Cell, last: Option<&Kept>) -> Value {
    // What was run last is shown again with what it was run with.
    let wish = last.map(|kept| &kept.shown.wish);
    let of_wish = |name: &str| wish.and_then(|wish| wish.get(name)).cloned();
    let source = of_wish("source").and_then(|it| it.as_str().map(str::to_owned));
    let source = source.unwrap_or_else(|| cell.source.clone());
    let mut seen = look(cell, &source, &notebook.servers_above(&cell.id), &[]);
    seen.asks = seen.asks.filter(|asks| !session.is_agreed(&asks.text));
    let models = of_wish("models").unwrap_or_else(|| json!(chosen(cell, &seen)));
    let mut facts = json!({
        "id": cell.id,
        "kind": cell.kind.name(),
        "original": cell.source,
        "source": source,
        "set": of_wish("set").unwrap_or_else(|| json!([])),
        "models": models,
        "speed": of_wish("speed").unwrap_or_else(|| json!(cell.directives.speed.unwrap_or(1.0))),
        "budget_ns": budget_ns(cell),
        "rounds": cell.directives.rounds,
        "view": match cell.directives.view {
            View::Replay => "replay",
            View::Table => "table",
            View::Timeline => "timeline",
        },
        "result": last.map(Kept::facts),
    });
    merge(&mut facts, &looked(session, cell, &seen));
    facts
}

/// What is known of a source, with the models that it could have.
pub(crate) fn looked(session: &Session, cell: &Cell, seen: &Look) -> Value {
    let fits = |model: &&String| match cell.kind {
        Kind::Python => model.starts_with("python") || model.starts_with("pypy"),
        _ => true,
    };
    let mut offered: Vec<String> = seen.first.clone();
    offered.extend(cell.directives.models.iter().cloned());
    offered.extend(session.here().models.iter().filter(fits).cloned());
    let mut known = BTreeSet::new();
    offered.retain(|model| known.insert(model.clone()));
    let title = seen.title.clone().unwrap_or_else(|| format!("Cell {}", cell.id));
    let mut facts = serde_json::to_value(seen).unwrap_or_else(|_| json!({}));
    merge(&mut facts, &json!({ "title": title, "offered": offered }));
    facts
}

/// The models that are chosen at first.
fn chosen(cell: &Cell, seen: &Look) -> Vec<String> {
    if cell.directives.models.is_empty() {
        seen.first.clone()
    } else {
        cell.directives.models.clone()
    }
}

/// In which rounds of a cell are begun, nanoseconds.
pub(crate) fn budget_ns(cell: &Cell) -> u64 {
    let most = crate::shown::nanos(limits::BUDGET_MAX);
    cell.directives.budget_ns.unwrap_or_else(|| crate::shown::nanos(limits::BUDGET)).min(most)
}

fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}
