//! What runs requests, and what every part of it that runs one is handed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::Event;
use crate::lock::Lock;
use crate::runtime::{Guard, RunnerCommand};

/// What runs requests. One at a time: two would disturb each other's figures.
#[derive(Clone, Debug)]
pub struct Engine {
    program: PathBuf,
}

/// What every request needs beside itself.
pub(crate) struct Context<'a> {
    pub engine: &'a Engine,
    pub cancel: &'a Cancel,
    pub on_event: &'a mut dyn FnMut(Event<'_>),
}

impl Engine {
    /// One whose runners are this very program, which must be `maitred`.
    ///
    /// # Errors
    /// [`Error::Failed`] when the program cannot find itself.
    pub fn of_this_program() -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(|error| {
            Error::Failed(format!("maitred cannot find its own program: {error}"))
        })?;
        Ok(Self { program })
    }

    /// One whose native runner, guard and test servers are this file: the program `maitred`.
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// The program `maitred`.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// What whoever starts runs holds meanwhile.
#[derive(Debug)]
pub(crate) struct Held {
    /// Kills everything a run has started, should this program be killed.
    _guard: Guard,
    _lock: Lock,
}

impl Context<'_> {
    /// Waits for the end of other runs, and makes sure that nothing of this one is left.
    pub(crate) fn hold(&mut self) -> Result<Held, Error> {
        let lock = Lock::take(self.cancel, self.on_event);
        let guard = RunnerCommand::new(self.engine.program(), ["runner", "guard"]);
        let guard = Guard::start(&guard).map_err(|error| {
            Error::Failed(format!("the guard of the runs cannot be started: {error}"))
        })?;
        Ok(Held { _guard: guard, _lock: lock })
    }
}

/// Now, as results say it: UTC, RFC 3339.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
