//! Results are kept once they are shown. What cannot be kept is said in one sentence, and hurts
//! neither the result nor the exit code.

use std::fs;
use std::path::PathBuf;

use maitred_core::result::{Comparison, Machine, SubjectFacts as Facts};
use maitred_core::trace::Trace;
use maitred_core::view::json;
use maitred_engine::request::Subject;
use maitred_lab::Keeping;
use maitred_store::{Filter, Item, Kept, Part, Selector, Store};

use crate::cli::{KeepArgs, StoreArgs};
use crate::error::Error;
use crate::terminal::Terminal;

impl StoreArgs {
    /// The folder that was named, else that of the user.
    ///
    /// # Errors
    /// [`Error::usage`] where the user has none.
    pub(crate) fn folder(&self) -> Result<PathBuf, Error> {
        self.store.clone().or_else(maitred_store::folder).ok_or_else(|| {
            Error::usage("nobody says where results are kept: neither XDG_DATA_HOME nor HOME is set; name a folder with --store")
        })
    }

    /// What is kept there, to be read.
    ///
    /// # Errors
    /// [`Error::usage`] where nothing is kept or it cannot be read.
    pub(crate) fn read(&self) -> Result<Store, Error> {
        let folder = self.folder()?;
        let store = Store::open_to_read(&folder)?;
        store.ok_or_else(|| {
            Error::usage(format!(
                "no result is kept in {}; whatever is measured from now on is",
                folder.display()
            ))
        })
    }

    /// What is kept there, to be changed.
    ///
    /// # Errors
    /// [`Error::usage`] where nothing is kept or it cannot be written.
    pub(crate) fn write(&self) -> Result<Store, Error> {
        self.read()?;
        Store::open(&self.folder()?).map_err(Error::from)
    }
}

impl KeepArgs {
    /// The folder to keep in; `None`: nothing is kept, for so it is wanted, or this is part of what
    /// another `maitred` measures.
    pub(crate) fn folder(&self) -> Option<Result<PathBuf, Error>> {
        let wanted = !self.no_keep && !maitred_engine::is_within_a_run();
        wanted.then(|| self.place.folder())
    }

    /// Where cells of notebooks are kept; `None`: nowhere.
    pub(crate) fn keeping(&self) -> Option<Keeping> {
        let folder = self.folder()?.ok()?;
        Some(Keeping { folder, traces_bytes: self.kept_traces.0 })
    }

    /// Keeps what was measured. `make` is not called where nothing is kept.
    pub(crate) fn keep(&self, terminal: &Terminal, make: impl FnOnce() -> Item) {
        let Some(folder) = self.folder() else { return };
        let kept = folder.map_err(|error| error.to_string()).and_then(|folder| {
            let mut store = Store::open(&folder).map_err(|error| error.to_string())?;
            store.keep(&make(), self.kept_traces.0).map_err(|error| error.to_string())
        });
        if let Err(why) = kept {
            terminal.complain(&format!("this result is not kept: {why}"));
        }
    }
}

/// Of a comparison, with what was recorded of each model and the text of the work.
pub(crate) fn of_comparison(comparison: &Comparison, traces: &[Trace], work: &Subject) -> Item {
    let from = Item::provenance(comparison);
    let runs = |trace: &Trace| {
        let contestants = comparison.contestants.iter();
        contestants.filter(|one| one.model == trace.model).find_map(|one| one.traced.as_ref())
    };
    let item = Item::of_comparison(comparison).with(Part::Workload, &text(work));
    traces.iter().fold(item, |item, trace| item.with_trace(&from, trace, runs(trace)))
}

/// The text of a workload, or of the file in which a function stands; empty: there is none.
pub(crate) fn text(work: &Subject) -> Vec<u8> {
    match work {
        Subject::WorkloadText { text, .. } => text.clone().into_bytes(),
        Subject::Workload { path } => fs::read(path).unwrap_or_default(),
        Subject::Function { name, .. } => {
            let file = name.split_once(".py:").map(|(file, _)| format!("{file}.py"));
            file.and_then(|file| fs::read(file).ok()).unwrap_or_default()
        }
        Subject::Command { .. } | Subject::Url { .. } | Subject::Closures { .. } => Vec::new(),
    }
}

/// The comparison that is named; of `last`, the last one of this work on this machine.
///
/// # Errors
/// [`Error::usage`] where there is none.
pub(crate) fn comparison(
    store: &Store,
    named: &Selector,
    of: Option<(&Machine, &Facts)>,
) -> Result<Comparison, Error> {
    let found = match (named, of) {
        (Selector::Last, Some((machine, subject))) => last(store, machine, subject)?,
        _ => store.find(named, &Filter::default())?,
    };
    let text = store.part(found.id, Part::Comparison)?.ok_or_else(|| {
        Error::usage(format!(
            "result {} is of `maitred {}`, which compares nothing; `maitred runs` says what each is",
            found.id,
            found.kind.name()
        ))
    })?;
    json::from_json(&String::from_utf8_lossy(&text))
        .map_err(|error| Error::usage(format!("result {}: {error}", found.id)))
}

fn last(store: &Store, machine: &Machine, subject: &Facts) -> Result<Kept, Error> {
    let filter = Filter {
        fingerprint: Some(subject.fingerprint.clone()),
        machine: Some(machine.id.clone()),
        ..Filter::default()
    };
    for kept in store.list(&filter)? {
        if store.part(kept.id, Part::Comparison)?.is_some() {
            return Ok(kept);
        }
    }
    Err(Error::usage(format!(
        "--against last: no comparison of {} is kept that was made on this machine with the same parameters; \
         compare it once without --against",
        subject.name
    )))
}
