//! The piece of work: a workload file or a command line, read and lowered to the same value.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maitred_core::recording::MAGIC;
use maitred_core::result::{Subject as SubjectFacts, SubjectKind};
use maitred_core::view::units;
use maitred_core::workload::{self, Diagnostic, Lowered, Report, Settings};

use maitred_wire::{Action, Model, Step};

use crate::cli::{HttpArgs, SubjectArgs};
use crate::error::Error;
use crate::function;
use crate::inputs::InputsFile;
use crate::runtime::Interrupt;
use crate::runtimes::{Runtimes, Wanted};
use crate::terminal::Terminal;
use crate::url;

/// What is to be done, ready to be planned for any model.
#[derive(Debug)]
pub(crate) struct Subject {
    /// As it was named.
    pub name: String,
    pub kind: SubjectKind,
    /// Where the workload lies, if not here.
    pub folder: Option<PathBuf>,
    /// How many requests are under way at once, where they are the whole of the work.
    pub connections: Option<u32>,
    pub request_timeout: Option<Duration>,
    /// For how long requests are sent, where that is given and not their number.
    pub duration: Option<Duration>,
    /// The text of the workload, to point into it.
    pub source: String,
    pub work: Lowered,
    /// The work under each combination of swept values, which are its name; empty: no sweep.
    pub variants: Vec<(String, Lowered)>,
    /// The inputs in the form that runners read, as long as they may be read.
    pub inputs: Vec<InputsFile>,
    /// Options of the command line that made the work of an address or a function what it is, as
    /// they are typed. Headers and bodies are not among them: they may be secret.
    asked: Vec<(String, String)>,
    warnings: Vec<Diagnostic>,
}

impl Subject {
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
        let own = |(setting, _): &&(String, Lowered)| Some(setting) == model.setting.as_ref();
        self.variants.iter().find(own).map_or(&self.work, |(_, work)| work)
    }

    /// Makes a variant for each combination of the values that are swept: those of `asked`, else
    /// those that the workload names and nobody `--set`.
    ///
    /// # Errors
    /// [`Error::Workload`] when a value is refused, [`Error::Usage`] for too many combinations.
    pub(crate) fn sweep(
        &mut self,
        asked: &[(String, String)],
        args: &SubjectArgs,
    ) -> Result<(), Error> {
        let split = |(name, values): &(String, String)| {
            (name.clone(), values.split(',').map(|value| value.trim().to_owned()).collect())
        };
        let sweeps: Vec<(String, Vec<String>)> = match asked {
            [] => {
                let set = |name: &String| args.set.iter().any(|(other, _)| other == name);
                self.work.sweeps.iter().filter(|(name, _)| !set(name)).cloned().collect()
            }
            asked => asked.iter().map(split).collect(),
        };
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
        if sweeps.is_empty() {
            return Ok(());
        }
        combinations.iter().try_for_each(|combination| self.vary(combination, args))
    }

    /// Makes the variant of these values.
    fn vary(&mut self, values: &[(String, String)], args: &SubjectArgs) -> Result<(), Error> {
        let words: Vec<String> =
            values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let set = [&args.set[..], values].concat();
        let folder = self.folder.clone();
        let (source, name) = (self.source.clone(), self.name.clone());
        let variant = lower(source, name, self.kind, folder.as_deref(), args, &set)?;
        self.variants.push((words.join(" "), variant.work));
        Ok(())
    }

    /// Makes a variant for each setting of the models that its claims are about.
    ///
    /// # Errors
    /// [`Error::Workload`] when a value is refused.
    pub(crate) fn vary_as_claimed(&mut self, args: &SubjectArgs) -> Result<(), Error> {
        for model in self.work.claimed.clone() {
            let Some(setting) = model.setting else { continue };
            if self.variants.iter().any(|(known, _)| *known == setting) {
                continue;
            }
            let value = |word: &str| {
                word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            };
            let values: Vec<_> = setting.split(' ').filter_map(value).collect();
            self.vary(&values, args)?;
        }
        Ok(())
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
        interrupt: &Interrupt,
    ) -> Result<Runtimes, Error> {
        let implied: Vec<String> = self.work.compare.iter().map(ToString::to_string).collect();
        let names = if models.is_empty() { &implied } else { models };
        let wanted = Wanted { names, pythons, interrupt };
        match self.kind {
            SubjectKind::Command => Runtimes::of_command(),
            SubjectKind::Function => Runtimes::of_function(&wanted),
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
    pub(crate) fn warn(&self, terminal: &Terminal) {
        if !self.warnings.is_empty() {
            terminal.say(&terminal.report(&Report::new(&self.name, &self.source, &self.warnings)));
        }
    }
}

/// More than this nobody would look at.
const COMBINATIONS_MAX: usize = 200;

/// So much of an input is shown.
const SHOWN_CHARS: usize = 60;

/// What every saved result has, and no workload.
const RESULT: &[u8] = b"\"schema_version\":";

/// No workload that a person wrote is longer.
const MAX_SOURCE_BYTES: u64 = 1 << 20;

/// What was named: an address, a workload file or a function.
///
/// # Errors
/// Those of [`from_url`], [`from_file`] and [`from_function`].
pub(crate) fn open(path: &Path, http: &HttpArgs, args: &SubjectArgs) -> Result<Subject, Error> {
    if let Some(text) = path.to_str().filter(|text| url::is_url(text)) {
        return from_url(text, http, args);
    }
    if let Some(error) = url::without_scheme(path) {
        return Err(error);
    }
    url::refuse_options(http, &path.display().to_string())?;
    match path.to_str() {
        Some(text) if function::is_function(text) => from_function(text, args),
        Some(text) if text.ends_with(".py") && path.is_file() => Err(function::unnamed(path)),
        _ => from_file(path, args),
    }
}

/// Reads a workload file and lowers it.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read, [`Error::Workload`] with every mistake in it.
pub(crate) fn from_file(path: &Path, args: &SubjectArgs) -> Result<Subject, Error> {
    let source = read(path)?;
    let name = path.display().to_string();
    lower(source, name, SubjectKind::Workload, path.parent(), args, &args.set)
}

/// Lowers a workload whose text is at hand; `folder`: where the functions lie that it calls.
///
/// # Errors
/// [`Error::Workload`] with every mistake in it.
pub(crate) fn from_text(
    name: &str,
    source: &str,
    folder: &Path,
    args: &SubjectArgs,
) -> Result<Subject, Error> {
    let (source, name) = (source.to_owned(), name.to_owned());
    lower(source, name, SubjectKind::Workload, Some(folder), args, &args.set)
}

/// Makes the workload of a command: so many copies of it.
///
/// # Errors
/// [`Error::Usage`] when the command cannot be found.
pub(crate) fn from_command(
    words: &[String],
    http: &HttpArgs,
    args: &SubjectArgs,
) -> Result<Subject, Error> {
    let name = words.join(" ");
    url::refuse_options(http, &name)?;
    find_program(&words[0])?;
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let source = format!(
        "title {}\ntask \"copy\" count={} {{\n    run {}\n}}\n",
        quote(&name),
        args.count.unwrap_or(DEFAULT_COUNT),
        quoted.join(" ")
    );
    lower(source, name, SubjectKind::Command, None, args, &args.set)
}

/// Makes the workload of a function: a call for each input, or so many.
///
/// # Errors
/// [`Error::Usage`] when there is no such file.
pub(crate) fn from_function(name: &str, args: &SubjectArgs) -> Result<Subject, Error> {
    function::check(name)?;
    let tasks = match (&args.python.inputs, args.count) {
        (Some(_), Some(_)) => {
            return Err(Error::Usage(
                "`--inputs` makes one task a line, so `--count` cannot be given".into(),
            ));
        }
        (Some(path), None) => format!("inputs={}", quote(&path.display().to_string())),
        (None, count) => format!("count={}", count.unwrap_or(DEFAULT_COUNT)),
    };
    let (quoted, task) = (quote(name), quote(function::bare(name)));
    let source = format!("title {quoted}\ntask {task} {tasks} {{\n    call {quoted}\n}}\n");
    let mut subject = lower(source, name.to_owned(), SubjectKind::Function, None, args, &args.set)?;
    subject.asked = function::asked(&args.python);
    Ok(subject)
}

/// Makes the workload of an address: so many requests.
///
/// # Errors
/// [`Error::Usage`] when it is none that can be asked.
fn from_url(name: &str, http: &HttpArgs, args: &SubjectArgs) -> Result<Subject, Error> {
    if args.count.is_some() {
        return Err(Error::Usage("the number of requests is given by -n, not by --count".into()));
    }
    let source = url::source(name, http, quote)?;
    let mut subject = lower(source, name.to_owned(), SubjectKind::Url, None, args, &args.set)?;
    subject.connections = Some(url::connections(http));
    subject.asked = url::asked(http);
    subject.duration = url::duration(http, args.timeout.0)?;
    url::reach(name)?;
    url::complete(&mut subject.work, http);
    subject.request_timeout = http.request_timeout.map(|period| period.0);
    Ok(subject)
}

/// Whoever names no number gets this many copies of a command or calls of a function.
const DEFAULT_COUNT: u32 = 10;

fn lower(
    source: String,
    name: String,
    kind: SubjectKind,
    folder: Option<&Path>,
    args: &SubjectArgs,
    set: &[(String, String)],
) -> Result<Subject, Error> {
    let mistakes =
        |mistakes| Error::Workload { name: name.clone(), text: source.clone(), mistakes };
    let parsed = workload::parse(&source).map_err(mistakes)?;
    let mut settings =
        Settings { seed: args.seed, speed: args.speed.0, set: set.to_vec(), inputs: Vec::new() };
    let mut inputs = Vec::new();
    for path in workload::input_files(&parsed, set) {
        let file = InputsFile::read(&path, &folder.unwrap_or(Path::new("")).join(&path))?;
        settings.inputs.push((path, file.tasks()));
        inputs.push(file);
    }
    let mut work = workload::lower(&parsed, &settings).map_err(mistakes)?;
    for named in work.groups.iter_mut().filter_map(|group| group.inputs.as_mut()) {
        let file = inputs.iter().find(|file| file.name() == named);
        *named = file.expect("every file was read above").path();
    }
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        let steps = work.programs.iter_mut().flat_map(|program| &mut program.steps);
        steps.for_each(|step| place_functions(step, folder));
    }
    let folder = folder.map(Path::to_owned);
    Ok(Subject {
        connections: None,
        request_timeout: None,
        duration: None,
        folder,
        name,
        kind,
        source,
        work,
        variants: Vec::new(),
        inputs,
        asked: Vec::new(),
        warnings: parsed.warnings,
    })
}

fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |error| Error::unreadable(path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if facts.is_dir() {
        return Err(Error::unreadable(path, &std::io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.starts_with(b"{") && bytes.windows(RESULT.len()).any(|part| part == RESULT) {
        return Err(Error::Usage(format!(
            "{0} is a saved result, and no work to be done: `maitred show {0}` shows it",
            path.display()
        )));
    }
    if bytes.len() as u64 > MAX_SOURCE_BYTES && !bytes.starts_with(&MAGIC) {
        return Err(Error::Usage(format!(
            "{} is larger than 1 MiB, which no workload is; check that it is the right file",
            path.display()
        )));
    }
    if bytes.starts_with(&MAGIC) {
        return Err(Error::Usage(format!(
            "{0} is a trace of a run, and no work to be done: `maitred show {0}` shows it",
            path.display()
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        // Without a slash it would be looked for in the PATH.
        let program =
            if path.components().count() > 1 { path.into() } else { Path::new(".").join(path) };
        Error::Usage(format!(
            "{} is not text (byte {place} is not UTF-8); a workload is a KDL file, and a program \
             is named behind `--`: maitred compare -- {}",
            path.display(),
            program.display()
        ))
    })
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

/// A word as a KDL string.
fn quote(word: &str) -> String {
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // `$` begins a parameter in the language; here it is the user's own.
            '$' => quoted.push_str("$$"),
            // Control characters, other ends of lines and marks of direction may not stand in KDL.
            other if !(other.is_alphanumeric() || other == ' ' || other.is_ascii_graphic()) => {
                quoted.push_str(&format!("\\u{{{:x}}}", other as u32));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether the shell would find the program: a wrong name must not start anything.
fn find_program(name: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let runnable = |path: &Path| {
        path.metadata()
            .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    };
    let found = if name.contains('/') {
        runnable(Path::new(name))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| runnable(&folder.join(name)))
    };
    if found {
        return Ok(());
    }
    let hint = if name.contains(' ') {
        "; write the words apart, without quotes around them all, or run a shell: -- sh -c '…'"
    } else if Path::new(name).is_dir() {
        "; it is a directory"
    } else if Path::new(name).exists() {
        "; it is not executable"
    } else {
        "; check its name and the PATH"
    };
    Err(Error::Usage(format!("there is no program `{name}` to run{hint}")))
}
