//! What is found one after another, by `check` and `strategies`: shown, written and followed while it goes on.

use maitred_engine::{Cancel, Engine, Event, Request};

use crate::cli::FollowArgs;
use crate::error::{Error, exit};
use crate::export::Document;
use crate::follow::Follower;
use crate::terminal::Terminal;

/// What was found until now, and where it goes.
pub(super) struct Shown<T> {
    pub(super) terminal: Terminal,
    /// `None`: nothing has begun.
    pub(super) found: Option<T>,
    follower: Follower,
    cancel: Cancel,
    files: Vec<Document<T>>,
    /// Whether every file could be written.
    written: bool,
    /// Why nothing more is printed.
    failure: Option<Error>,
}

impl<T> Shown<T> {
    /// # Errors
    /// [`Error::usage`] when the events cannot be written.
    pub(super) fn new(
        terminal: &mut Terminal,
        follow: &FollowArgs,
        files: Vec<Document<T>>,
    ) -> Result<Self, Error> {
        Ok(Self {
            follower: Follower::new(terminal, follow, None)?,
            terminal: *terminal,
            found: None,
            cancel: super::cancel()?,
            files,
            written: true,
            failure: None,
        })
    }

    /// Has the engine carry it out; `take` is given each event.
    ///
    /// # Errors
    /// Those of the engine; what was found before has been shown and written.
    pub(super) fn run(
        &mut self,
        request: &Request,
        take: impl Fn(&mut Self, &Event<'_>),
    ) -> Result<(), Error> {
        let (engine, cancel) = (Engine::of_this_program()?, self.cancel.clone());
        engine.run(request, &cancel, &mut |event| {
            self.follower.take(&event);
            take(self, &event);
        })?;
        Ok(())
    }

    /// Prints, and stops all where nobody reads it.
    pub(super) fn print(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = self.terminal.print(text).err();
        }
        if self.failure.is_some() {
            self.cancel.cancel();
        }
    }

    /// Writes what was found until now to the files that are replaced by it.
    pub(super) fn write(&mut self) {
        self.write_to(Document::is_replaced);
    }

    /// Nothing more is found: tells whether a signal ended it, and writes the other files too. `kept`: what is
    /// there all the same.
    pub(super) fn write_last(&mut self, kept: &str) {
        if Cancel::exit_code().is_some() {
            self.terminal.complain(&format!("interrupted; {kept}"));
        }
        self.write_to(|file| !file.is_replaced());
    }

    fn write_to(&mut self, which: impl Fn(&Document<T>) -> bool) {
        let Some(found) = &self.found else { return };
        for file in self.files.iter_mut().filter(|file| which(file)) {
            self.written &= file.update(found, &self.terminal);
        }
    }

    /// The exit code of what went well so far.
    ///
    /// # Errors
    /// Why not all could be printed.
    pub(super) fn end(self) -> Result<u8, Error> {
        self.failure.map_or(Ok(()), Err)?;
        Ok(match Cancel::exit_code() {
            Some(code) => code as u8,
            None if !self.written => exit::NOT_WRITTEN,
            None => exit::OK,
        })
    }
}
