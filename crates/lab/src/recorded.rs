//! The recorded runs of a result, with what is drawn of them. They are the heavy part of it: of a result
//! of an earlier time they are read when somebody looks at them, and not because a page is opened.

use std::path::PathBuf;

use maitred_core::recording;
use maitred_core::trace::Trace;
use maitred_core::view::replay::{Replay, replay, switches};
use maitred_store::Store;
use serde::Serialize;

/// Rows of a replay, and up to how many tasks each has one of its own.
const ROWS: usize = 64;
const OWN_ROWS: usize = 24;

/// All of them, in the order of their models.
#[derive(Debug, Default, Serialize)]
pub struct Recorded {
    #[serde(skip)]
    pub traces: Vec<Trace>,
    pub replays: Vec<Replay>,
    /// Of each replay, what the kernel did; `None`: it was not recorded.
    pub switches: Vec<Option<Replay>>,
}

impl Recorded {
    pub(crate) fn of(traces: Vec<Trace>) -> Self {
        Self {
            replays: traces.iter().map(|trace| replay(trace, ROWS, OWN_ROWS)).collect(),
            switches: traces.iter().map(|trace| switches(trace, ROWS)).collect(),
            traces,
        }
    }
}

/// Where those of a result of an earlier time are.
#[derive(Debug)]
pub(crate) struct Shelved {
    pub folder: PathBuf,
    /// The number of the result in the database.
    pub item: u64,
}

impl Shelved {
    /// Those that can be read: old ones leave the database when it is full.
    pub(crate) fn read(&self) -> Recorded {
        let traces = || -> Option<Vec<Trace>> {
            let store = Store::open_to_read(&self.folder).ok()??;
            let trace = |position| -> Option<Trace> {
                let bytes = store.trace(self.item, position).ok()??;
                recording::read(&bytes).map(|recording| recording.trace)
            };
            let rows = store.traces(self.item).ok()?;
            Some(rows.iter().filter_map(|row| trace(row.position)).collect())
        };
        Recorded::of(traces().unwrap_or_default())
    }
}
