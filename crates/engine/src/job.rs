//! The piece of work, ready to be planned for any model: what every subject becomes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use maitred_core::result::{SubjectFacts, SubjectKind};
use maitred_core::view::units;
use maitred_core::workload::ast::{Action as Doing, Data, Step as Written, Task, Value};
use maitred_core::workload::ast::{Name, Workload};
use maitred_core::workload::{self, Choices, Diagnostic, Lowered, Place, Report};
use maitred_wire::{Action, Model, Step, Strategy, Substance};

use crate::engine::Context;
use crate::error::Error;
use crate::event::Event;
use crate::inputs::InputsFile;
use crate::request::{Around, Work};
use crate::runtimes::{Runtimes, Wanted};
use crate::subject::executors::{self, Own};

/// How many requests are under way at once, or at most, where they arrive at a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections {
    pub threads: u32,
    /// Of workers that live apart, each of which takes memory whether it is needed or not.
    pub processes: u32,
}

impl Connections {
    pub(crate) fn of(self, strategy: Strategy) -> u32 {
        match strategy.facts().substance {
            Substance::Thread => self.threads,
            Substance::Process | Substance::Interpreter => self.processes,
        }
    }
}

/// What is to be done, ready to be planned for any model.
#[derive(Debug)]
pub(crate) struct Job {
    /// As it was named.
    pub name: String,
    pub kind: SubjectKind,
    /// Where the workload lies, if not here.
    pub folder: Option<PathBuf>,
    /// How many requests are under way at once, where they are the whole of the work.
    pub connections: Option<Connections>,
    pub request_timeout: Option<Duration>,
    /// Over https: anybody is trusted.
    pub tls_insecure: bool,
    /// Over https: these authorities are trusted, and not those of the machine.
    pub tls_authority: Option<PathBuf>,
    /// For how long requests are sent, where that is given and not their number.
    pub duration: Option<Duration>,
    /// The text of the workload, to point into it; empty where it was never text.
    pub source: String,
    /// As it was written, to be lowered again with other values.
    written: Workload,
    pub work: Lowered,
    /// The work under each combination of swept values, which are its name; empty: no sweep.
    pub variants: Vec<(String, Lowered)>,
    /// The inputs in the form that runners read, as long as they may be read.
    pub inputs: Vec<InputsFile>,
    /// The function of Python that makes the inputs, where one does.
    pub(crate) maker: Option<String>,
    /// Of several functions: which strategies, by the word of a setting, are left aside unless named.
    pub(crate) unsuited: Vec<(String, Strategy)>,
    /// Options of the command line that made the work of an address or a function what it is, as
    /// they are typed. Headers and bodies are not among them: they may be secret.
    pub(crate) asked: Vec<(String, String)>,
    /// Several pieces of work beside each other, each with the setting that names it; empty: one.
    pub(crate) alternatives: Vec<(String, Workload)>,
    /// What stands around the runs of a command.
    pub(crate) around: Around,
    /// Executors of the user's own, each a contestant.
    pub(crate) executors: Vec<Own>,
}

impl Job {
    /// What it is called, in one line.
    pub(crate) fn heading(&self) -> String {
        let noun = if self.kind == SubjectKind::Url { "request" } else { "task" };
        let tasks = match self.duration {
            Some(time) => format!("{noun}s for {}", units::duration(time.as_nanos() as u64)),
            None => units::plural(u64::from(self.work.task_count()), noun),
        };
        match &self.work.title {
            Some(title) if *title != self.name => format!("{title} ({}, {tasks})", self.name),
            _ => format!("{} ({tasks})", self.name),
        }
    }

    /// Parameters and their values, all of them where a parameter is swept; of an address or a
    /// function, the options that were given.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let all = |(name, value): &(String, String)| {
            let mut values: Vec<&str> = Vec::new();
            let variants = self.variants.iter().flat_map(|(_, work)| &work.parameters);
            for (_, swept) in variants.filter(|(other, _)| other == name) {
                if !values.contains(&swept.as_str()) {
                    values.push(swept);
                }
            }
            let value = if values.is_empty() { value.clone() } else { values.join(", ") };
            (name.clone(), value)
        };
        self.work.parameters.iter().map(all).chain(self.asked.iter().cloned()).collect()
    }

    /// Equal work, equal hash: that of the only work, or of all variants.
    fn fingerprint(&self) -> String {
        let own = |work: &Lowered| u64::from_str_radix(&work.fingerprint, 16).unwrap_or(0);
        let all = self.variants.iter().map(|(_, work)| own(work));
        match all.reduce(|sum, next| sum.rotate_left(7) ^ next) {
            Some(sum) => format!("{sum:016x}"),
            None => self.work.fingerprint.clone(),
        }
    }

    /// The work as this model is to do it.
    pub(crate) fn work_of(&self, model: &Model) -> &Lowered {
        let asked = executors::rest(model);
        let own = |(setting, _): &&(String, Lowered)| Some(setting) == asked.as_ref();
        self.variants.iter().find(own).map_or(&self.work, |(_, work)| work)
    }

    /// Makes a variant for each combination of the values that are swept: those that the workload names
    /// and nobody `--set` or dropped, and those that are `asked`, which take the place of the workload's for the same
    /// parameter.
    ///
    /// # Errors
    /// [`Error::Workload`] when a value is refused, [`Error::Usage`] for too many combinations and
    /// for dropping a sweep that there is not.
    pub(crate) fn sweep(
        &mut self,
        asked: &[(String, String)],
        dropped: &[String],
        given: &Work,
    ) -> Result<(), Error> {
        let sweeps = self.sweeps(asked, dropped, given)?;
        let mut combinations: Vec<Vec<(String, String)>> = vec![Vec::new()];
        for (name, values) in &sweeps {
            let with = |so_far: &Vec<(String, String)>| {
                let so_far = so_far.clone();
                values
                    .iter()
                    .map(move |value| [&so_far[..], &[(name.clone(), value.clone())]].concat())
                    .collect::<Vec<_>>()
            };
            combinations = combinations.iter().flat_map(with).collect();
            if combinations.len() > COMBINATIONS_MAX {
                return Err(Error::Usage(format!(
                    "a sweep over {} combinations is too much ({COMBINATIONS_MAX} at most); name \
                     fewer values",
                    combinations.len()
                )));
            }
        }
        if sweeps.is_empty() && self.alternatives.is_empty() {
            return Ok(());
        }
        let mut kinds: Vec<_> = self
            .alternatives
            .iter()
            .map(|(name, work)| (Some(name.clone()), work.clone()))
            .collect();
        if kinds.is_empty() {
            kinds.push((None, self.written.clone()));
        }
        for (name, written) in &kinds {
            for combination in &combinations {
                self.vary(name.as_deref(), written, combination, given)?;
            }
        }
        let swept = combinations.iter().cycle().take(self.variants.len()).cloned();
        let named = kinds.iter().flat_map(|(name, _)| vec![name; combinations.len()]);
        let with_name = |(name, combination): (&Option<String>, Vec<_>)| match name {
            None => combination,
            Some(name) => [&combination[..], &[("".to_owned(), name.clone())]].concat(),
        };
        let all: Vec<_> = named.zip(swept).map(with_name).collect();
        match sweeps.iter().find(|(name, values)| self.is_unused(name, values, &all)) {
            None => Ok(()),
            Some((name, _)) if self.kind == SubjectKind::Command => Err(Error::Usage(format!(
                "`{name}` is swept, but no word of a command has {{{name}}} in it: every value is \
                 the same work"
            ))),
            Some((name, _)) => Err(Error::Usage(format!(
                "`{name}` is swept, but nothing in the work depends on it: every value is the same \
                 work; write \"${name}\" where it belongs, and ${{{name}}} within a longer text"
            ))),
        }
    }

    /// Whether the work is the same under every value of this parameter.
    fn is_unused(
        &self,
        name: &str,
        values: &[String],
        combinations: &[Vec<(String, String)>],
    ) -> bool {
        let rest = |combination: &[(String, String)]| -> Vec<(String, String)> {
            combination.iter().filter(|(other, _)| other != name).cloned().collect()
        };
        let all = || combinations.iter().zip(&self.variants);
        let same = |combination: &[(String, String)], work: &Lowered| {
            let others = all().filter(|(other, _)| rest(other) == rest(combination));
            others.into_iter().all(|(_, (_, other))| other.fingerprint == work.fingerprint)
        };
        values.len() > 1 && all().all(|(combination, (_, work))| same(combination, work))
    }

    fn sweeps(
        &self,
        asked: &[(String, String)],
        dropped: &[String],
        given: &Work,
    ) -> Result<Vec<(String, Vec<String>)>, Error> {
        let own = &self.work.sweeps;
        if let Some(name) = dropped.iter().find(|name| own.iter().all(|(own, _)| own != *name)) {
            let names: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
            let there_is = match &names[..] {
                [] => "it has no sweep".to_owned(),
                names => format!("it sweeps {}", names.join(", ")),
            };
            return Err(Error::Usage(format!(
                "--no-sweep {name}: the workload does not sweep `{name}`; {there_is}"
            )));
        }
        let split = |(name, values): &(String, String)| {
            (name.clone(), values.split(',').map(|value| value.trim().to_owned()).collect())
        };
        let set = |name: &String| given.set.iter().any(|(other, _)| other == name);
        let mut sweeps: Vec<(String, Vec<String>)> =
            own.iter().filter(|(name, _)| !dropped.contains(name) && !set(name)).cloned().collect();
        for (name, values) in asked.iter().map(split) {
            match sweeps.iter_mut().find(|(own, _)| *own == name) {
                Some(own) => own.1 = values,
                None => sweeps.push((name, values)),
            }
        }
        Ok(sweeps)
    }

    /// Makes the variant of these values, of the piece of work of this name.
    fn vary(
        &mut self,
        alternative: Option<&str>,
        written: &Workload,
        values: &[(String, String)],
        given: &Work,
    ) -> Result<(), Error> {
        let values_in_words = values.iter().map(|(name, value)| format!("{name}={value}"));
        let words: Vec<String> =
            alternative.map(str::to_owned).into_iter().chain(values_in_words).collect();
        let set = [&given.set[..], values].concat();
        let draft = Draft {
            name: self.name.clone(),
            kind: self.kind,
            source: self.source.clone(),
            folder: self.folder.clone(),
            written: written.clone(),
        };
        self.variants.push((words.join(" "), draft.lower(given, &set)?.work));
        Ok(())
    }

    /// Makes a variant for each setting of the models that its claims are about.
    ///
    /// # Errors
    /// [`Error::Workload`] when a value is refused.
    pub(crate) fn vary_as_claimed(&mut self, given: &Work) -> Result<(), Error> {
        for model in self.work.claimed.clone() {
            let Some(setting) = model.setting else { continue };
            if self.variants.iter().any(|(known, _)| *known == setting) {
                continue;
            }
            let value = |word: &str| {
                word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            };
            let values: Vec<_> = setting.split(' ').filter_map(value).collect();
            let written = self.written.clone();
            self.vary(None, &written, &values, given)?;
        }
        Ok(())
    }

    /// Makes a variant of each, or of the only one, for every combination of values of the environment.
    ///
    /// # Errors
    /// [`Error::Usage`] for too many combinations.
    pub(crate) fn vary_environment(&mut self, axes: &[(String, Vec<String>)]) -> Result<(), Error> {
        for (name, values) in axes {
            let before = match self.variants.is_empty() {
                true => vec![(String::new(), self.work.clone())],
                false => std::mem::take(&mut self.variants),
            };
            if before.len() * values.len() > COMBINATIONS_MAX {
                return Err(Error::Usage(format!(
                    "`--env {name}` makes more than {COMBINATIONS_MAX} combinations; name fewer values"
                )));
            }
            self.variants = (before.iter())
                .flat_map(|(setting, work)| {
                    let with = move |value: &String| {
                        (format!("{setting} {name}={value}").trim().to_owned(), work.clone())
                    };
                    values.iter().map(with)
                })
                .collect();
        }
        Ok(())
    }

    /// The parameter that says how many there are of this resource.
    pub(crate) fn capacity_parameter(&self, resource: &str) -> Option<String> {
        self.written.capacity_parameter(resource).map(str::to_owned)
    }

    /// What is kept of it beside what was measured.
    pub(crate) fn facts(&self) -> SubjectFacts {
        SubjectFacts {
            name: self.name.clone(),
            kind: self.kind,
            title: self.work.title.clone(),
            about: self.work.about.clone(),
            tasks: u64::from(self.work.task_count()),
            fingerprint: self.fingerprint(),
        }
    }

    /// The runtimes that can be asked to do it, given the models that were named.
    ///
    /// # Errors
    /// [`Error::Failed`] when the program cannot find itself.
    pub(crate) fn runtimes(
        &self,
        models: &[String],
        pythons: &[PathBuf],
        context: &Context<'_>,
    ) -> Result<Runtimes, Error> {
        let implied: Vec<String> = self.work.compare.iter().map(ToString::to_string).collect();
        let mut names = if models.is_empty() { implied } else { models.to_vec() };
        // Of a function they run where it does; elsewhere nobody else may have named Python.
        if !self.executors.is_empty() && self.kind != SubjectKind::Function {
            names.push("python3/executor".to_owned());
        }
        let names = &names;
        let (engine, interrupt) = (context.engine, context.cancel.interrupt());
        let wanted = Wanted { names, pythons, interrupt, engine };
        match self.kind {
            SubjectKind::Command => Ok(Runtimes::of_command(engine)),
            SubjectKind::Function => Runtimes::of_function(&wanted),
            SubjectKind::Closure => Ok(Runtimes::of_closures(engine)),
            _ => Runtimes::of_workload(&wanted),
        }
    }

    /// The input of a task, as it is shown: JSON, shortened.
    pub(crate) fn input(&self, task: u32) -> Option<String> {
        let group = self.work.groups.iter().find(|group| task < group.first + group.count)?;
        let named = group.inputs.as_deref()?;
        let file = self.inputs.iter().find(|file| file.path() == named)?;
        let line = file.line((task - group.first) as usize)?;
        let shown: String = line.chars().take(SHOWN_CHARS).collect();
        Some(if shown.len() < line.len() { format!("{shown}…") } else { shown })
    }

    /// Says what looks wrong in the workload, though it forbids nothing.
    pub(crate) fn warn(&self, on_event: &mut dyn FnMut(Event<'_>)) {
        if !self.written.warnings.is_empty() {
            let report = Report::new(&self.name, &self.source, &self.written.warnings);
            on_event(Event::Warning { report: &report });
        }
    }
}

/// More than this nobody would look at.
const COMBINATIONS_MAX: usize = 200;

/// So much of an input is shown.
const SHOWN_CHARS: usize = 60;

/// A piece of work as it was written, in a file or in the mind of a subject.
#[derive(Debug)]
pub(crate) struct Draft {
    pub name: String,
    pub kind: SubjectKind,
    /// Empty where there is no text.
    pub source: String,
    /// Where its functions and inputs lie, if not here.
    pub folder: Option<PathBuf>,
    pub written: Workload,
}

impl Draft {
    /// So many tasks of one step.
    pub(crate) fn of_one_step(name: &str, kind: SubjectKind, task: Task) -> Self {
        let written =
            Workload { title: Some(text(name)), tasks: vec![task], ..Workload::default() };
        Self { name: name.to_owned(), kind, source: String::new(), folder: None, written }
    }

    /// Puts in the parameters and draws what is random.
    ///
    /// # Errors
    /// [`Error::Workload`] with every mistake in it, [`Error::Usage`] for inputs that cannot be read.
    pub(crate) fn lower(self, given: &Work, set: &[(String, String)]) -> Result<Job, Error> {
        let mistakes = |mistakes| self.wrong(mistakes);
        let folder = self.folder.as_deref().filter(|folder| !folder.as_os_str().is_empty());
        let mut settings =
            Choices { seed: given.seed, speed: given.speed, set: set.to_vec(), inputs: Vec::new() };
        let mut inputs = Vec::new();
        for path in workload::input_files(&self.written, set) {
            let file = InputsFile::read(&path, &folder.unwrap_or(Path::new("")).join(&path))?;
            settings.inputs.push((path, file.tasks()));
            inputs.push(file);
        }
        let mut work = workload::lower(&self.written, &settings).map_err(mistakes)?;
        for named in work.groups.iter_mut().filter_map(|group| group.inputs.as_mut()) {
            let file = inputs.iter().find(|file| file.name() == named);
            *named = file.expect("every file was read above").path();
        }
        if let Some(folder) = folder {
            let steps = work.programs.iter_mut().flat_map(|program| &mut program.steps);
            steps.for_each(|step| place_functions(step, folder));
        }
        Ok(Job {
            connections: None,
            request_timeout: None,
            tls_insecure: false,
            tls_authority: None,
            duration: None,
            folder: folder.map(Path::to_owned),
            name: self.name,
            kind: self.kind,
            source: self.source,
            written: self.written,
            work,
            variants: Vec::new(),
            inputs,
            maker: None,
            unsuited: Vec::new(),
            asked: Vec::new(),
            alternatives: Vec::new(),
            around: Around::default(),
            executors: Vec::new(),
        })
    }

    /// Where there is no text, there is no place in it either.
    fn wrong(&self, mut mistakes: Vec<Diagnostic>) -> Error {
        for mistake in mistakes.iter_mut().filter(|_| self.source.is_empty()) {
            if matches!(mistake.place, Place::Source(_)) {
                mistake.place = Place::File;
            }
        }
        Error::Workload { name: self.name.clone(), text: self.source.clone(), mistakes }
    }
}

/// A task of one step, so many times.
pub(crate) fn task(name: &str, count: u32, action: Doing) -> Task {
    Task {
        name: Name { text: name.to_owned(), span: 0..0 },
        count: Some(value(Data::Integer(count.into()))),
        rate: None,
        every: None,
        inputs: None,
        steps: vec![Written { span: 0..0, action }],
    }
}

/// A text of the user's in a workload: `$` begins a parameter there, here it is the user's own.
pub(crate) fn text(text: &str) -> Value {
    value(Data::Text(text.replace('$', "$$")))
}

/// What stands in no file.
pub(crate) fn value(data: Data) -> Value {
    Value { data, annotation: None, span: 0..0 }
}

/// A file of a function is meant from the folder of the workload, as a file of inputs is.
fn place_functions(step: &mut Step, folder: &Path) {
    match &mut step.action {
        Action::Call { function } if function.contains(".py:") => {
            *function = folder.join(&*function).display().to_string();
        }
        Action::Hold { steps, .. } | Action::Repeat { steps, .. } => {
            steps.iter_mut().for_each(|step| place_functions(step, folder));
        }
        _ => {}
    }
}
