//! What runs requests, and what every part of it that runs one is handed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use maitred_wire::Strategy;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::Event;
use crate::lock::Lock;
use crate::runtime::{Guard, RunnerCommand};

/// What runs requests. One at a time: two would disturb each other's figures.
#[derive(Clone, Debug)]
pub struct Engine {
    program: PathBuf,
    /// What it is told before it is told which part of itself to be.
    words: Vec<OsString>,
    /// Where it is the program whose functions are compared.
    libraries: Vec<OwnRuntime>,
}

/// A runtime that is part of a program with functions of its own: its name, and what it can do.
pub type OwnRuntime = (&'static str, &'static [Strategy]);

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
        Ok(Self::with_program(program))
    }

    /// One whose native runner, guard and test servers are this file: the program `maitred`.
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), words: Vec::new(), libraries: Vec::new() }
    }

    /// One for the functions of this very program, which is started again with these words before
    /// `runner NAME`, where the name is that of one of its libraries or `guard`.
    ///
    /// # Errors
    /// [`Error::Failed`] when the program cannot find itself.
    pub fn of_functions(words: Vec<OsString>, libraries: Vec<OwnRuntime>) -> Result<Self, Error> {
        Ok(Self { words, libraries, ..Self::of_this_program()? })
    }

    /// How a part of the program is started.
    pub(crate) fn part(&self, name: &str) -> RunnerCommand {
        let own = ["runner", name].map(OsString::from);
        RunnerCommand::new(&self.program, self.words.iter().cloned().chain(own))
    }

    /// The runtimes of a program with functions of its own.
    pub(crate) fn libraries(&self) -> &[OwnRuntime] {
        &self.libraries
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
        let guard = Guard::start(&self.engine.part("guard")).map_err(|error| {
            Error::Failed(format!("the guard of the runs cannot be started: {error}"))
        })?;
        Ok(Held { _guard: guard, _lock: lock })
    }
}

/// Now, as results say it: UTC, RFC 3339.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
