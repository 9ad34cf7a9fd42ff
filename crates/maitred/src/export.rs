//! Files that a result is written to: opened before the first run, so that a wrong path costs
//! nothing, and rewritten after each round, so that what was measured survives everything.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use maitred_core::result::Comparison;

use crate::error::Error;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    Markdown,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Export {
    format: Format,
    path: PathBuf,
    /// A special file (a pipe, a terminal) cannot be replaced: it is written once, at the end.
    special: Option<File>,
    /// The last failure, told once.
    failure: Option<String>,
}

impl Export {
    /// Checks that the file can be written.
    ///
    /// # Errors
    /// [`Error::Usage`] when it cannot.
    pub(crate) fn open(format: Format, path: &Path) -> Result<Self, Error> {
        let refuse = |error: &dyn std::fmt::Display| {
            Error::Usage(format!(
                "{} cannot be written: {error}; name a file in a folder where you may write",
                path.display()
            ))
        };
        let existed = path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| refuse(&error))?;
        let regular = file.metadata().is_ok_and(|facts| facts.is_file());
        if regular {
            // The folder must take a second file beside it, by which it is replaced whole.
            let draft = draft_path(path);
            File::create(&draft).map_err(|error| refuse(&error))?;
            let _ = fs::remove_file(draft);
            if !existed {
                let _ = fs::remove_file(path);
            }
        }
        let special = (!regular).then_some(file);
        Ok(Self { format, path: path.to_owned(), special, failure: None })
    }

    /// Writes the result as it stands. A failure is kept and returned once; the run goes on.
    pub(crate) fn update(&mut self, result: &Comparison) -> Option<String> {
        if self.special.is_some() || result.contestants.iter().all(|one| one.runs.is_empty()) {
            return None;
        }
        let text = self.render(result);
        let outcome = replace(&self.path, &text);
        self.note(outcome)
    }

    /// Writes the final result.
    ///
    /// # Errors
    /// [`Error::NotWritten`] with the file's name.
    pub(crate) fn finish(&mut self, result: &Comparison) -> Result<(), Error> {
        let text = self.render(result);
        let outcome = match &mut self.special {
            Some(file) => file.write_all(text.as_bytes()),
            None => replace(&self.path, &text),
        };
        outcome.map_err(|error| Error::NotWritten(self.sentence(&error)))
    }

    fn render(&self, result: &Comparison) -> String {
        use maitred_core::view;
        match self.format {
            Format::Json => view::json::to_json(result),
            Format::Csv => view::csv::csv(result),
            Format::Markdown => view::markdown::markdown(result),
        }
    }

    fn note(&mut self, outcome: std::io::Result<()>) -> Option<String> {
        let told = self.failure.is_some();
        self.failure = outcome.err().map(|error| self.sentence(&error));
        if told { None } else { self.failure.clone() }
    }

    fn sentence(&self, error: &std::io::Error) -> String {
        format!(
            "{} cannot be written: {error}; what was written before is kept",
            self.path.display()
        )
    }
}

/// Replaces a file whole: it never holds half a result, not even when the disk is full.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = draft_path(path);
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_data()
    });
    written.and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.draft", std::process::id()));
    path.with_file_name(name)
}
