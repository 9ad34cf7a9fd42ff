//! What runners said that they are, remembered in the user's cache: asking takes as long as a start.

use std::fs;
use std::path::{Path, PathBuf};

use maitred_wire::Ready;
use serde::{Deserialize, Serialize};

use crate::measure::machine::stable_hash;

/// What is remembered. `who` changes when the runner does.
#[derive(Serialize, Deserialize)]
struct Said {
    who: String,
    ready: Ready,
}

/// What it said before; `None`: it was not asked yet, or there is no cache.
pub(super) fn recall(cache: Option<&Path>, who: &str) -> Option<Ready> {
    let said: Said = serde_json::from_slice(&fs::read(note(cache?, who)).ok()?).ok()?;
    (said.who == who).then_some(said.ready)
}

/// Keeps what it said.
pub(super) fn remember(cache: Option<&Path>, who: &str, ready: &Ready) {
    let Some(note) = cache.map(|cache| note(cache, who)) else { return };
    let said = Said { who: who.to_owned(), ready: ready.clone() };
    let keep = || {
        fs::create_dir_all(note.parent()?).ok()?;
        let draft = note.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&draft, serde_json::to_vec_pretty(&said).ok()?).ok()?;
        fs::rename(&draft, &note).ok()
    };
    // A cache that cannot be written costs time and is no failure.
    let _ = keep();
}

fn note(cache: &Path, who: &str) -> PathBuf {
    cache.join(format!("interpreter/{:016x}.json", stable_hash(who)))
}
