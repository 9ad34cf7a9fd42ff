//! Which runtimes there are, by the names that models use, and how each is started.

use std::path::PathBuf;

use maitred_wire::{Model, Strategy};

use crate::error::Error;
use crate::runtime::{Guard, RunnerCommand};
use crate::spelling;

/// Something that executes steps.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// As in `native/threads`.
    pub name: String,
    pub strategies: Vec<Strategy>,
    pub runner: RunnerCommand,
}

/// Those that were found.
#[derive(Clone, Debug)]
pub(crate) struct Runtimes(Vec<Runtime>);

/// What the native runner can do. The interpreters of Python have no equal here.
const NATIVE: [Strategy; 7] = [
    Strategy::Sequential,
    Strategy::Threads,
    Strategy::ThreadPool,
    Strategy::Processes,
    Strategy::EventLoop,
    Strategy::AsyncPool,
    Strategy::Hybrid,
];

/// What can be done with a command: one copy after another, or so many at a time.
const COMMAND: [Strategy; 2] = [Strategy::Sequential, Strategy::Processes];

impl Runtimes {
    /// The runtimes for a workload.
    ///
    /// # Errors
    /// [`Error::Failed`] when the program cannot find itself.
    pub(crate) fn of_workload() -> Result<Self, Error> {
        let runner = RunnerCommand::new(own_program()?, ["runner", "native"]);
        Ok(Self(vec![Runtime { name: "native".into(), strategies: NATIVE.into(), runner }]))
    }

    /// The runtime for a command: its copies are children of the native runner.
    ///
    /// # Errors
    /// [`Error::Failed`] when the program cannot find itself.
    pub(crate) fn of_command() -> Result<Self, Error> {
        let runner = RunnerCommand::new(own_program()?, ["runner", "native"]);
        Ok(Self(vec![Runtime { name: "command".into(), strategies: COMMAND.into(), runner }]))
    }

    /// The runtime of this name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name and the list.
    pub(crate) fn find(&self, name: &str) -> Result<&Runtime, Error> {
        self.0.iter().find(|runtime| runtime.name == name).ok_or_else(|| {
            let names = || self.0.iter().map(|runtime| runtime.name.as_str());
            let hint = spelling::nearest(name, names())
                .map_or_else(|| ";".to_owned(), |near| format!(", did you mean `{near}`?"));
            let known: Vec<_> = names().collect();
            Error::Usage(format!("unknown runtime `{name}`{hint} there is {}", known.join(", ")))
        })
    }

    /// All of them, in the order in which they are shown.
    pub(crate) fn all(&self) -> &[Runtime] {
        &self.0
    }

    /// The one that a bare strategy means.
    pub(crate) fn default_runtime(&self) -> &Runtime {
        &self.0[0]
    }

    /// Every strategy of every runtime.
    pub(crate) fn all_models(&self) -> Vec<Model> {
        let models = |runtime: &Runtime| {
            let name = runtime.name.clone();
            runtime.strategies.clone().into_iter().map(move |one| Model::new(&name, one))
        };
        self.0.iter().flat_map(models).collect()
    }
}

/// The strategy that the native runner is told: for a command, what waits for so many copies at
/// a time is a pool of threads that do nothing else.
pub(crate) fn told_strategy(model: &Model) -> Strategy {
    match (model.runtime.as_str(), model.strategy) {
        ("command", Strategy::Processes) => Strategy::ThreadPool,
        (_, strategy) => strategy,
    }
}

/// Starts what kills everything a run has started, should this program be killed. Dropped, it
/// is dismissed.
///
/// # Errors
/// [`Error::Failed`] when it cannot be started.
pub(crate) fn guard() -> Result<Guard, Error> {
    Guard::start(&RunnerCommand::new(own_program()?, ["runner", "guard"]))
        .map_err(|error| Error::Failed(format!("the guard of the runs cannot be started: {error}")))
}

fn own_program() -> Result<PathBuf, Error> {
    std::env::current_exe()
        .map_err(|error| Error::Failed(format!("maitred cannot find its own program: {error}")))
}
