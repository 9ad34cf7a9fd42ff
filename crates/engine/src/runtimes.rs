//! Which runtimes there are, by the names that models use, and how each is started.

use std::path::PathBuf;

use maitred_core::result::SubjectKind;
use maitred_wire::{Model, Ready, Strategy};

use crate::engine::{Engine, OwnRuntime};
use crate::error::Error;
use crate::event::Event;
use crate::measure::calibration;
use crate::runtime::interpreters::{self, Interpreter, Interpreters};
use crate::runtime::languages::Language;
use crate::runtime::{Interrupt, Library, RunnerCommand};

/// Something that executes steps.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// As in `native/threads`.
    pub name: String,
    pub strategies: Vec<Strategy>,
    pub runner: RunnerCommand,
    /// What it said of itself, if it had to be asked.
    pub ready: Option<Ready>,
}

/// Those that were found and may be wanted; the first is the one that a bare strategy means.
#[derive(Debug, Default)]
pub struct Runtimes {
    all: Vec<Runtime>,
    /// Where the runners of interpreters live, as long as they may be started.
    interpreters: Option<Interpreters>,
    /// Other runtimes that cannot be used, with the reason.
    lacking: Vec<(&'static str, String)>,
}

/// Which interpreters are to be asked what they are: asking takes time.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Models or runtimes as they were written, from wherever they come.
    pub names: &'a [String],
    /// Of `--python`.
    pub pythons: &'a [PathBuf],
    pub interrupt: &'a Interrupt,
    pub engine: &'a Engine,
}

impl Wanted<'_> {
    /// Whether this runtime is named.
    fn has(&self, name: &str) -> bool {
        let runtime = |text: &String| text.trim().split('/').next() == Some(name);
        self.names.iter().any(runtime)
    }

    /// Whether one of Python's libraries is named.
    fn has_library(&self) -> bool {
        Library::ALL.into_iter().any(|one| self.has(one.name()))
    }

    /// The names of interpreters among them, short ones first: those mean the first there is.
    fn interpreters(&self) -> Vec<&str> {
        let runtime = |text| str::split_once(text, '/').map_or(text, |(runtime, _)| runtime);
        let names = self.names.iter().map(|text| runtime(text.trim()));
        let mut names: Vec<&str> = names.filter(|name| interpreters::is_name(name)).collect();
        names.sort_by_key(|name| (name.contains('.'), name.ends_with('t')));
        names
    }
}

/// The interpreters that were named, behind the default one: where `python3` is to mean that one
/// and those are further ones.
pub fn further(named: &[PathBuf]) -> Vec<PathBuf> {
    let default = (!named.is_empty()).then(|| PathBuf::from("python3"));
    default.into_iter().chain(named.iter().cloned()).collect()
}

/// What the native runner can do. The interpreters of Python have no equal here.
pub const NATIVE: [Strategy; 7] = [
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
    /// The runtimes for a workload: the native one, and the interpreters that are wanted.
    ///
    /// # Errors
    /// [`Error::Failed`] when there is no place for the runner of Python.
    pub fn of_workload(wanted: &Wanted) -> Result<Self, Error> {
        let mut runtimes = Self { all: vec![native(wanted.engine)], ..Self::default() };
        if !wanted.pythons.is_empty() || !wanted.interpreters().is_empty() || wanted.has_library() {
            runtimes.add_interpreters(wanted, false)?;
        }
        runtimes.add_languages(wanted.interrupt, |name| wanted.has(name));
        runtimes.add_libraries(wanted.pythons, wanted.interrupt, |name| wanted.has(name));
        Ok(runtimes)
    }

    /// The runtimes for a function: the default interpreter and, if there is one, another that
    /// has no lock; and those that are wanted.
    ///
    /// # Errors
    /// [`Error::Failed`] when there is no place for the runner of Python.
    pub fn of_function(wanted: &Wanted) -> Result<Self, Error> {
        let mut runtimes = Self::default();
        runtimes.add_interpreters(wanted, true)?;
        runtimes.all.push(native(wanted.engine));
        let others = Language::ALL.map(Language::name).into_iter().filter(|name| wanted.has(name));
        let why = "it calls no function of Python: use python3";
        runtimes.lacking.extend(others.map(|name| (name, why.to_owned())));
        runtimes.add_libraries(wanted.pythons, wanted.interrupt, |name| wanted.has(name));
        Ok(runtimes)
    }

    /// The runtime for a command: its copies are children of the native runner.
    pub(crate) fn of_command(engine: &Engine) -> Self {
        let native = native(engine);
        let command = Runtime { name: "command".into(), strategies: COMMAND.into(), ..native };
        Self { all: vec![command], ..Self::default() }
    }

    /// The runtimes for functions of the program itself.
    pub(crate) fn of_closures(engine: &Engine) -> Self {
        let runtime = |&(name, strategies): &OwnRuntime| Runtime {
            name: name.into(),
            strategies: strategies.into(),
            runner: engine.part(name),
            ready: None,
        };
        Self { all: engine.libraries().iter().map(runtime).collect(), ..Self::default() }
    }

    /// All that there is.
    ///
    /// # Errors
    /// [`Error::Failed`] when there is no place for the runner of Python.
    pub(crate) fn everything(
        engine: &Engine,
        pythons: &[PathBuf],
        anew: bool,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let mut interpreters = look(pythons)?;
        interpreters.ask_all(!anew, interrupt, |_| true);
        let mut all = vec![native(engine)];
        all.extend(interpreters.found.iter().map(Runtime::of_interpreter));
        let interpreters = Some(interpreters);
        let mut runtimes = Self { all, interpreters, lacking: Vec::new() };
        runtimes.add_languages(interrupt, |_| true);
        runtimes.add_libraries(pythons, interrupt, |_| true);
        Ok(runtimes)
    }

    /// Those with a runner in a language of their own.
    fn add_languages(&mut self, interrupt: &Interrupt, wanted: impl Fn(&str) -> bool) {
        let cache = calibration::cache_folder();
        for language in Language::ALL.into_iter().filter(|one| wanted(one.name())) {
            match language.find(cache.as_deref(), interrupt) {
                Ok(found) => self.add(language.name(), found.runner, found.ready),
                Err(why) => self.lacking.push((language.name(), why)),
            }
        }
    }

    /// Those of Python's libraries.
    fn add_libraries(
        &mut self,
        named: &[PathBuf],
        interrupt: &Interrupt,
        wanted: impl Fn(&str) -> bool,
    ) {
        for library in Library::ALL.into_iter().filter(|one| wanted(one.name())) {
            let Some(interpreters) = self.interpreters.as_mut() else { return };
            match interpreters.library(library, named, interrupt) {
                Ok((runner, ready)) => self.add(library.name(), runner, ready),
                Err(why) => self.lacking.push((library.name(), why)),
            }
        }
    }

    fn add(&mut self, name: &str, runner: RunnerCommand, ready: Ready) {
        let strategies = by_itself(&ready);
        self.all.push(Runtime { name: name.into(), strategies, runner, ready: Some(ready) });
    }

    fn add_interpreters(&mut self, wanted: &Wanted, defaults: bool) -> Result<(), Error> {
        let mut interpreters = look(wanted.pythons)?;
        interpreters.ask_first(wanted.pythons.len(), wanted.interrupt);
        if defaults {
            interpreters.find("python3", wanted.interrupt);
            // To ask all of them takes time: only those of whose files the name promises that there
            // is no lock. Whether there is one, they say themselves.
            let may_have_none = |name: &str| name.ends_with('t');
            if wanted.names.is_empty() {
                interpreters.ask_all(true, wanted.interrupt, may_have_none);
            }
        }
        for name in wanted.interpreters() {
            interpreters.find(name, wanted.interrupt);
        }
        self.all.extend(interpreters.found.iter().map(Runtime::of_interpreter));
        self.interpreters = Some(interpreters);
        Ok(())
    }

    /// Whether several tasks can compute at one time under this model, by what its runtime says of itself.
    pub(crate) fn is_parallel(&self, model: &Model) -> bool {
        let ready = self.all.iter().find(|one| one.name == model.runtime);
        let ready = ready.and_then(|one| one.ready.as_ref());
        let properties = ready.and_then(|one| one.properties(model.strategy)).unwrap_or_default();
        properties.is_parallel(model.strategy, ready.and_then(|one| one.gil))
    }

    /// The runtime of this name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name and the list.
    pub fn find(&self, name: &str) -> Result<&Runtime, Error> {
        let meant = |runtime: &&Runtime| interpreters::answers(&runtime.name, name);
        self.all.iter().find(meant).ok_or_else(|| {
            if let Some((_, why)) = self.lacking.iter().find(|(lacking, _)| *lacking == name) {
                return Error::Usage(format!("the runtime `{name}` cannot be used: {why}"));
            }
            if interpreters::is_name(name) {
                return Error::Usage(self.not_found(name));
            }
            let names = || self.all.iter().map(|runtime| runtime.name.as_str());
            let hint = maitred_core::workload::nearest(name, names())
                .map_or_else(|| ";".to_owned(), |near| format!(", did you mean `{near}`?"));
            let known: Vec<_> = names().collect();
            let known = known.join(", ");
            Error::Usage(format!(
                "unknown runtime `{name}`{hint} there is {known}, and what `maitred runtimes` lists"
            ))
        })
    }

    /// Why an interpreter of this name is not there.
    fn not_found(&self, name: &str) -> String {
        let refusals =
            self.unusable().iter().map(|one| format!("{} {}", one.path.display(), one.why));
        let refusals: Vec<_> = refusals.collect();
        let why =
            if refusals.is_empty() { String::new() } else { format!(" ({})", refusals.join("; ")) };
        format!(
            "no interpreter `{name}` that can be used was found{why}; `maitred runtimes` lists \
             those there are, and `--python PATH` names another"
        )
    }

    /// Files that are called like an interpreter and cannot be used.
    pub fn unusable(&self) -> &[interpreters::Unusable] {
        self.interpreters.as_ref().map_or(&[], |known| &known.unusable)
    }

    /// Says which interpreters were asked what they are and take no part.
    pub(crate) fn tell_left_out(&self, on_event: &mut dyn FnMut(Event<'_>)) {
        for interpreters::Unusable { path, why } in self.unusable() {
            on_event(Event::LeftOut { program: &path.to_string_lossy(), why });
        }
    }

    /// Other runtimes that cannot be used, by name with the reason.
    pub fn lacking(&self) -> &[(&'static str, String)] {
        &self.lacking
    }

    /// All of them, in the order in which they are shown.
    pub fn all(&self) -> &[Runtime] {
        &self.all
    }

    /// The one that a bare strategy means.
    pub fn default_runtime(&self) -> &Runtime {
        &self.all[0]
    }

    /// Every strategy of every runtime.
    pub fn all_models(&self) -> Vec<Model> {
        let models = |runtime: &Runtime| {
            let name = runtime.name.clone();
            runtime.strategies.clone().into_iter().map(move |one| Model::new(&name, one))
        };
        self.all.iter().flat_map(models).collect()
    }
}

impl Runtime {
    fn of_interpreter(interpreter: &Interpreter) -> Self {
        Self {
            name: interpreter.name.clone(),
            strategies: by_itself(&interpreter.ready),
            runner: interpreter.runner.clone(),
            ready: Some(interpreter.ready.clone()),
        }
    }

    /// Whether it has this strategy.
    pub(crate) fn offers(&self, strategy: Strategy) -> bool {
        let announced = self.ready.as_ref().map(Ready::strategies).unwrap_or_default();
        self.strategies.contains(&strategy) || announced.contains(&strategy)
    }

    /// What stands for one that is not there.
    pub fn missing(name: &str) -> Self {
        let runner = RunnerCommand::new(name, std::iter::empty::<&str>());
        Self { name: name.into(), strategies: Vec::new(), runner, ready: None }
    }
}

/// What a runtime can do with nothing but the work: not what needs an object of the user's.
fn by_itself(ready: &Ready) -> Vec<Strategy> {
    ready.strategies().into_iter().filter(|one| *one != Strategy::Executor).collect()
}

fn native(engine: &Engine) -> Runtime {
    let runner = engine.part("native");
    Runtime { name: "native".into(), strategies: NATIVE.into(), runner, ready: None }
}

fn look(pythons: &[PathBuf]) -> Result<Interpreters, Error> {
    Interpreters::look(pythons).map_err(|error| {
        Error::Failed(format!(
            "the Python runner cannot be written to the folder for temporary files: {error}"
        ))
    })
}

/// The strategy that the native runner is told: for a command, what waits for so many copies at
/// a time is a pool of threads that do nothing else.
pub fn told_strategy(model: &Model, kind: SubjectKind) -> Strategy {
    match (model.runtime.as_str(), model.strategy) {
        ("command", Strategy::Processes) => Strategy::ThreadPool,
        // A thread for each connection, which it keeps, and not one for each request.
        (_, Strategy::Threads) if kind == SubjectKind::Url => Strategy::ThreadPool,
        (_, strategy) => strategy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A runtime that says so of its lock.
    fn runtime(name: &str, gil: Option<bool>) -> Runtime {
        let text = r#"{"protocol": 2, "runtime": "cpython", "version": "3.14.0", "pid": 1,
            "calibration": 1.0, "strategies": ["threads", "processes"]}"#;
        let ready: Ready = serde_json::from_str(text).unwrap();
        Runtime { ready: Some(Ready { gil, ..ready }), ..Runtime::missing(name) }
    }

    #[test]
    fn whether_there_is_a_lock_says_the_runtime_and_not_its_name() {
        let all = vec![
            runtime("python3.13", Some(true)),
            runtime("python3.14t", Some(true)),
            runtime("python3.14.0t-2", Some(false)),
            Runtime::missing("native"),
        ];
        let runtimes = Runtimes { all, ..Runtimes::default() };
        let is_parallel = |model: &str| runtimes.is_parallel(&model.parse().unwrap());
        assert!(!is_parallel("python3.13/threads") && is_parallel("python3.13/processes"));
        assert!(!is_parallel("python3.14t/threads"), "a module may have switched it on");
        assert!(is_parallel("python3.14.0t-2/threads"));
        assert!(is_parallel("native/threads") && !is_parallel("native/event-loop"));
    }
}
