//! What goes on while the lab is open: which notebooks there are, what each cell found last, and
//! the one run that may go on at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maitred_core::result::{Check, Comparison};
use maitred_core::trace::Trace;
use maitred_engine::Cancel;
use serde::{Deserialize, Serialize};

use crate::here::Here;
use crate::shelf::{Book, Shelf};
use crate::shown::Shown;

/// What a page asks to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The name of the notebook.
    pub book: String,
    /// The id of the cell.
    pub cell: String,
    /// As it stands in the page, edited or not.
    pub source: String,
    /// Parameters that were turned.
    pub set: Vec<(String, String)>,
    /// Empty: those that the source names.
    pub models: Vec<String>,
    pub speed: f64,
    /// The text of what is started that is not ours, as it was shown and agreed to.
    #[serde(default, skip_serializing)]
    pub agreed: Option<String>,
}

/// What a cell found, with all that can be drawn of it.
#[derive(Debug)]
pub struct Kept {
    pub shown: Shown,
    pub comparison: Option<Comparison>,
    pub check: Option<Check>,
    /// One for each of the replays.
    pub traces: Vec<Trace>,
}

/// So many results keep their traces in memory; older ones leave first.
const KEPT: usize = 60;

/// Everything that the page asks about.
#[derive(Debug)]
pub struct Session {
    pub shelf: Shelf,
    here: Mutex<Here>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By notebook and cell: the number of its last result.
    last: BTreeMap<(String, String), u64>,
    results: VecDeque<(u64, Arc<Kept>)>,
    next: u64,
    running: Option<Cancel>,
    /// What a reader agreed to, word for word.
    agreed: BTreeSet<String>,
}

impl Session {
    pub fn new(shelf: Shelf, here: Here) -> Self {
        Self { shelf, here: Mutex::new(here), state: Mutex::default() }
    }

    /// What this machine is and has, as far as it is known.
    pub fn here(&self) -> Here {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Learns which runtimes there are: to ask them takes seconds, for which no page should wait.
    pub fn learn(&self, here: Here) {
        *self.here.lock().unwrap_or_else(PoisonError::into_inner) = here;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in another request leaves nothing half done in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The notebook of this name.
    ///
    /// # Errors
    /// A lowercase sentence: there is none.
    pub fn book(&self, name: &str) -> Result<&Book, String> {
        self.shelf.find(name).ok_or_else(|| format!("there is no notebook `{name}` here"))
    }

    /// Takes the place of the one run: the number that its result will have, and how it is
    /// cancelled.
    ///
    /// # Errors
    /// A lowercase sentence: somebody has the place.
    pub fn begin(&self) -> Result<(u64, Cancel), String> {
        let mut state = self.state();
        if state.running.is_some() {
            return Err(
                "another cell is running here; a machine measures one thing at a time".to_owned()
            );
        }
        let cancel = Cancel::new().map_err(|error| format!("a run cannot be prepared: {error}"))?;
        state.running = Some(cancel.clone());
        state.next += 1;
        Ok((state.next, cancel))
    }

    /// Gives the place back, with what was found.
    pub fn end(&self, book: &str, cell: &str, kept: Option<Kept>) -> Option<Arc<Kept>> {
        let mut state = self.state();
        state.running = None;
        let kept = Arc::new(kept?);
        let id = kept.shown.id;
        state.last.insert((book.to_owned(), cell.to_owned()), id);
        state.results.push_back((id, Arc::clone(&kept)));
        if state.results.len() > KEPT {
            state.results.pop_front();
        }
        Some(kept)
    }

    /// Asks the run that goes on to stop.
    pub fn cancel(&self) {
        if let Some(cancel) = &self.state().running {
            cancel.cancel();
        }
    }

    /// The last result of a cell.
    pub fn last(&self, book: &str, cell: &str) -> Option<Arc<Kept>> {
        let id = *self.state().last.get(&(book.to_owned(), cell.to_owned()))?;
        self.result(id)
    }

    /// The result of this number.
    pub fn result(&self, id: u64) -> Option<Arc<Kept>> {
        let state = self.state();
        state.results.iter().find(|(known, _)| *known == id).map(|(_, kept)| Arc::clone(kept))
    }

    /// Remembers that a reader agreed to this text.
    pub fn agree(&self, text: &str) {
        self.state().agreed.insert(text.to_owned());
    }

    pub fn is_agreed(&self, text: &str) -> bool {
        self.state().agreed.contains(text)
    }
}
