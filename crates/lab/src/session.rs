//! What goes on while the lab is open: which notebooks there are, what each cell found last, and
//! the line of runs, of which one goes on at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use maitred_engine::Cancel;
use serde_json::{Value, json};

use crate::controls::on_page;
use crate::found::{Around, Found};
use crate::here::Here;
use crate::limits;
use crate::recorded::{Recorded, Shelved};
use crate::shelf::{Book, Shelf};
use crate::shown::{self, Shown};

/// What a cell found, with all that can be drawn of it.
#[derive(Debug)]
pub struct Kept {
    pub shown: Shown,
    pub found: Found,
    pub(crate) around: Around,
    recorded: OnceLock<Recorded>,
    /// Where recorded runs are that were not read yet.
    shelved: Option<Shelved>,
}

impl Kept {
    /// What a run of a cell has found just now.
    pub(crate) fn fresh(mut found: Found, around: Around, id: u64) -> Self {
        let recorded = Recorded::of(std::mem::take(&mut found.traces));
        let shown = found.show(&around, id, recorded.traces.len());
        Self { shown, found, around, recorded: OnceLock::from(recorded), shelved: None }
    }

    /// What was found at an earlier time, beside so many runs that were recorded.
    pub(crate) fn recalled(
        found: Found,
        around: Around,
        id: u64,
        (shelved, runs): (Shelved, usize),
    ) -> Self {
        let shown = found.show(&around, id, runs);
        Self { shown, found, around, recorded: OnceLock::new(), shelved: Some(shelved) }
    }

    /// The runs that were recorded. To read them may take a while.
    pub fn recorded(&self) -> &Recorded {
        self.recorded.get_or_init(|| self.shelved.as_ref().map(Shelved::read).unwrap_or_default())
    }

    /// What a page is told: with what is drawn of the runs, if that is at hand.
    pub(crate) fn facts(&self) -> Value {
        let mut facts = json!(on_page(&self.shown));
        if let Some(recorded) = self.recorded.get() {
            facts["replays"] = json!(recorded.replays);
            facts["switches"] = json!(recorded.switches);
        }
        facts
    }
}

/// Where results are kept beyond the end of the program.
#[derive(Clone, Debug)]
pub struct Keeping {
    pub folder: PathBuf,
    /// What traces may take there together, bytes.
    pub traces_bytes: u64,
}

/// So many results are held in memory; then older ones leave, but none that is the last of its cell.
const KEPT: usize = 60;

/// So many runs are in line at most: each has a thread that waits.
const LINE: usize = 32;

/// Everything that the page asks about.
#[derive(Debug)]
pub struct Session {
    pub shelf: Shelf,
    /// `None`: results live as long as this program.
    pub keeping: Option<Keeping>,
    /// Of the time that a cell may begin rounds in, it gets this share.
    pub share: f64,
    /// What one run of one model may take, nanoseconds.
    pub timeout_ns: u64,
    here: Mutex<Here>,
    state: Mutex<State>,
    /// A run has ended, or is to be cancelled.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By notebook and cell: the number of its last result.
    last: BTreeMap<(String, String), u64>,
    results: VecDeque<(u64, Arc<Kept>)>,
    next: u64,
    /// Runs that were asked for and have not ended: the first one goes on, the others wait for it.
    line: VecDeque<(u64, Cancel)>,
    /// What a reader agreed to, word for word.
    agreed: BTreeSet<String>,
    /// Why a result was not kept, the last time.
    unkept: Option<String>,
}

impl State {
    fn put(&mut self, book: &str, cell: &str, kept: Kept) -> Arc<Kept> {
        let (id, kept) = (kept.shown.id, Arc::new(kept));
        self.last.insert((book.to_owned(), cell.to_owned()), id);
        self.results.push_back((id, Arc::clone(&kept)));
        if self.results.len() > KEPT {
            let lasts: BTreeSet<u64> = self.last.values().copied().collect();
            let oldest = self.results.iter().position(|(id, _)| !lasts.contains(id));
            oldest.map(|oldest| self.results.remove(oldest));
        }
        kept
    }
}

impl Session {
    pub fn new(shelf: Shelf, here: Here, keeping: Option<Keeping>) -> Self {
        Self {
            shelf,
            keeping,
            share: 1.0,
            timeout_ns: shown::nanos(limits::RUN),
            here: Mutex::new(here),
            state: Mutex::default(),
            moved: Condvar::new(),
        }
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

    /// Takes a place in the line of runs: the number that its result will have, and how it is
    /// cancelled.
    ///
    /// # Errors
    /// A lowercase sentence: the line is too long.
    pub fn begin(&self) -> Result<(u64, Cancel), String> {
        let cancel = Cancel::new().map_err(|error| format!("a run cannot be prepared: {error}"))?;
        let mut state = self.state();
        if state.line.len() >= LINE {
            return Err(format!("{LINE} runs wait here already; cancel one of them, or wait"));
        }
        state.next += 1;
        let id = state.next;
        state.line.push_back((id, cancel.clone()));
        Ok((id, cancel))
    }

    /// Waits until no other run is before this one, or until it is cancelled. `tell` hears how many
    /// are before it, each time that this is another number.
    pub(crate) fn wait(&self, id: u64, cancel: &Cancel, tell: &dyn Fn(usize)) {
        let mut state = self.state();
        let mut told = None;
        while !cancel.is_cancelled() {
            let before = state.line.iter().take_while(|(other, _)| *other != id).count();
            if told.replace(before) != Some(before) {
                tell(before);
            }
            if before == 0 {
                break;
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives the place back.
    pub(crate) fn leave(&self, id: u64) {
        self.state().line.retain(|(other, _)| *other != id);
        self.moved.notify_all();
    }

    /// Takes what was found for the last result of its cell.
    pub(crate) fn put(&self, book: &str, cell: &str, kept: Kept) -> Arc<Kept> {
        self.state().put(book, cell, kept)
    }

    /// Takes a result of an earlier time for the last one of its cell; `make` is given its number.
    pub fn recall(&self, book: &str, cell: &str, make: impl FnOnce(u64) -> Kept) -> Arc<Kept> {
        let id = {
            let mut state = self.state();
            state.next += 1;
            state.next
        };
        self.put(book, cell, make(id))
    }

    /// Remembers why a result was not kept.
    pub fn complain(&self, why: &str) {
        self.state().unkept = Some(why.to_owned());
    }

    /// Why a result was not kept, the last time.
    pub fn unkept(&self) -> Option<String> {
        self.state().unkept.clone()
    }

    /// Asks this run to stop, whether it goes on or waits.
    pub fn cancel(&self, id: u64) {
        let state = self.state();
        state.line.iter().filter(|(one, _)| *one == id).for_each(|(_, cancel)| cancel.cancel());
        self.moved.notify_all();
    }

    /// Asks all runs to stop.
    pub fn stop(&self) {
        self.state().line.iter().for_each(|(_, cancel)| cancel.cancel());
        self.moved.notify_all();
    }

    /// The last result of a cell that this program knows.
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
