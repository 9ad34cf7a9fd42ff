//! What changed since an older result: told, written for CI, and what the shell is told of it.

use maitred_core::analyse::change::{self, Change};
use maitred_core::result::{Comparison, Verdict};
use maitred_core::view::{changes, ci};

use crate::cli::ChangeArgs;
use crate::error::{Error, exit};
use crate::export::{Document, documents};
use crate::terminal::Terminal;

/// What changed, and of what.
#[derive(Debug)]
struct Changed {
    subject: String,
    before: String,
    changes: Vec<Change>,
}

/// Where it is told.
#[derive(Debug)]
pub(crate) struct Telling<'a> {
    args: &'a ChangeArgs,
    files: Vec<Document<Changed>>,
    /// What follows for the shell.
    code: u8,
}

impl<'a> Telling<'a> {
    /// Opens the files that were asked for; `has_older`: whether there is a result to compare with.
    ///
    /// # Errors
    /// [`Error::usage`] when one cannot be written, or nothing is compared.
    pub(crate) fn open(args: &'a ChangeArgs, has_older: bool) -> Result<Self, Error> {
        if let Some(option) = args.given().filter(|_| !has_older) {
            return Err(Error::usage(format!(
                "{option} is about changes since an older result; name one by --against, or name two \
                 saved results"
            )));
        }
        let junit = |changed: &Changed| ci::changes_junit(&changed.changes, &changed.subject);
        let markdown = |changed: &Changed| changes::markdown(&changed.changes, &changed.before);
        let files = documents([
            (&args.export_changes, markdown as fn(&Changed) -> String),
            (&args.export_junit, junit),
        ])?;
        Ok(Self { args, files, code: exit::OK })
    }

    /// Says what changed, as text, and writes it. For results that compare.
    pub(crate) fn tell(
        &mut self,
        new: &Comparison,
        old: &Comparison,
        terminal: &Terminal,
    ) -> String {
        let changed = Changed {
            subject: new.subject.name.clone(),
            before: old.started.clone(),
            changes: change::changes(old, new),
        };
        let regressed = changed.changes.iter().any(|one| one.verdict == Verdict::Slower);
        if regressed && self.args.fail_on_regression {
            self.code = exit::NOT_STRICT;
        }
        for file in &mut self.files {
            if !file.update(&changed, terminal) {
                self.code = exit::NOT_WRITTEN;
            }
        }
        let Changed { changes: all, before, subject } = &changed;
        let fastest = change::fastest(old, new);
        let text = changes::changes(all, fastest.as_ref(), before, &terminal.options());
        let annotations = match self.args.annotations {
            true => ci::change_annotations(all, subject),
            false => String::new(),
        };
        format!("\n{text}{annotations}")
    }

    /// The exit code, where nothing else has one.
    pub(crate) fn code(&self, other: u8) -> u8 {
        if other == exit::OK { self.code } else { other }
    }
}

/// What changed, as text. For results that compare.
pub(crate) fn text(new: &Comparison, old: &Comparison, terminal: &Terminal) -> String {
    let (all, fastest) = (change::changes(old, new), change::fastest(old, new));
    changes::changes(&all, fastest.as_ref(), &old.started, &terminal.options())
}
