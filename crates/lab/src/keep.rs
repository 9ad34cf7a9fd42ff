//! Results of cells outlive the program: each goes into the database of the user once it is told, and
//! is read from there when somebody asks for the last one of a cell that was not run since.

use std::sync::Arc;

use maitred_core::recording::Provenance;
use maitred_core::view::history::Point;
use maitred_store::{CellPlace, Error, Filter, Item, Part, Selector, Store};
use serde_json::{Value, json};

use crate::found::{Around, Found};
use crate::recorded::Shelved;
use crate::session::{Kept, Session};

/// Keeps a result, where results are kept.
///
/// # Errors
/// A lowercase sentence: why it is not kept.
pub(crate) fn keep(session: &Session, kept: &Kept) -> Result<(), String> {
    let Some(keeping) = &session.keeping else { return Ok(()) };
    let item = item(session, kept)?;
    let mut store = Store::open(&keeping.folder).map_err(|error| said(&error))?;
    store.keep(&item, keeping.traces_bytes).map_err(|error| said(&error))?;
    Ok(())
}

fn said(error: &Error) -> String {
    format!("this result is not kept: {error}")
}

fn item(session: &Session, kept: &Kept) -> Result<Item, String> {
    let Kept { found, around, .. } = kept;
    let place = place(session, &around.wish.book, &around.wish.cell)?;
    let item = match (&found.comparison, &found.check) {
        (Some(comparison), _) => Item::of_comparison(comparison),
        (None, Some(check)) => Item::of_check(check),
        (None, None) => return Err("there is nothing to keep".to_owned()),
    };
    let from = found.comparison.as_ref().map(Item::provenance);
    let item = match (&found.comparison, &found.check) {
        (Some(_), Some(check)) => item.with_check(check),
        _ => item,
    };
    let around = json!({ "around": around, "untested": found.untested }).to_string();
    let item = item
        .in_cell(place)
        .with(Part::Workload, kept.around.wish.source.as_bytes())
        .with(Part::Cell, around.as_bytes());
    let with_trace = |item: Item, from: &Provenance| {
        let traces = &kept.recorded().traces;
        traces.iter().fold(item, |item, trace| item.with_trace(from, trace, None))
    };
    Ok(match &from {
        Some(from) => with_trace(item, from),
        None => item,
    })
}

/// A cell as the database knows it, whatever its notebook is called here.
fn place(session: &Session, book: &str, cell: &str) -> Result<CellPlace, String> {
    Ok(CellPlace { book: session.book(book)?.identity(), cell: cell.to_owned() })
}

/// The last result of a cell, of this program or of one before it.
pub fn last(session: &Session, book: &str, cell: &str) -> Option<Arc<Kept>> {
    session.last(book, cell).or_else(|| Before::of(session).last(book, cell))
}

/// What programs before this one kept.
pub(crate) struct Before<'a> {
    session: &'a Session,
    /// `None`: nothing. What cannot be read is not there; the next result says what is wrong when it is kept.
    store: Option<Store>,
}

impl<'a> Before<'a> {
    pub(crate) fn of(session: &'a Session) -> Self {
        let keeping = session.keeping.as_ref();
        let store = keeping.and_then(|keeping| Store::open_to_read(&keeping.folder).ok()?);
        Self { session, store }
    }

    /// The last result of a cell, which from now on is one of this program too.
    pub(crate) fn last(&self, book: &str, cell: &str) -> Option<Arc<Kept>> {
        let (store, keeping) = (self.store.as_ref()?, self.session.keeping.as_ref()?);
        let (around, found, item) = recall(store, place(self.session, book, cell).ok()?)?;
        let runs = store.traces(item).ok()?.len();
        let shelved = Shelved { folder: keeping.folder.clone(), item };
        let kept = |id| Kept::recalled(found, around, id, (shelved, runs));
        Some(self.session.recall(book, cell, kept))
    }
}

fn recall(store: &Store, place: CellPlace) -> Option<(Around, Found, u64)> {
    let filter = Filter { cell: Some(place), ..Filter::default() };
    let id = store.find(&Selector::Last, &filter).ok()?.id;
    let part = |part| store.part(id, part).ok().flatten();
    let mut beside: Value = serde_json::from_slice(&part(Part::Cell)?).ok()?;
    let around = serde_json::from_value(beside["around"].take()).ok()?;
    let found = Found {
        comparison: part(Part::Comparison).and_then(|text| serde_json::from_slice(&text).ok()),
        check: part(Part::Check).and_then(|text| serde_json::from_slice(&text).ok()),
        traces: Vec::new(),
        untested: serde_json::from_value(beside["untested"].take()).ok()?,
    };
    (!found.is_nothing()).then_some((around, found, id))
}

/// All results of the work that a cell was last run on, the first one first.
///
/// # Errors
/// A lowercase sentence: why there are none.
pub(crate) fn history(session: &Session, book: &str, cell: &str) -> Result<Vec<Point>, String> {
    let keeping = session.keeping.as_ref().ok_or("results are not kept here: --no-keep")?;
    let last = last(session, book, cell).ok_or("nothing was run yet")?;
    let comparison = last.found.comparison.as_ref();
    let work =
        &comparison.ok_or("this cell tests claims, which have no time of their own")?.subject;
    let store = Store::open_to_read(&keeping.folder).map_err(|error| error.to_string())?;
    let points = store.map(|store| store.history(&work.fingerprint)).transpose();
    Ok(points.map_err(|error| error.to_string())?.unwrap_or_default())
}
