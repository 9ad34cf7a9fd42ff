//! `maitred check`: claims about concurrency, tested on this machine. Each file is one experiment:
//! its work is run under the models that its claims are about, round by round, until every claim
//! has a verdict or the time is spent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use maitred_core::analyse::claim;
use maitred_core::result::{
    Check, Comparison, Experiment, Finding, Run, SCHEMA, Settings, Stopped, Truth,
};
use maitred_core::trace::RunEnd;
use maitred_core::view;
use tempfile::TempDir;

use crate::amount::Speed;
use crate::claims::{self, BuiltIn};
use crate::cli::{CheckArgs, PythonArgs, SubjectArgs};
use crate::command::compare;
use crate::contestants::{self, Entry};
use crate::error::{Error, exit};
use crate::export::Page;
use crate::measure::machine;
use crate::progress::ProgressLine;
use crate::rounds::{self, Purpose, Rules, World};
use crate::runtime::Interrupt;
use crate::runtimes;
use crate::subject::{self, Subject};
use crate::terminal::Terminal;
use crate::trial::Trial;

/// Tests the claims; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was found before is shown and written all the same.
pub(crate) fn run(args: &CheckArgs, terminal: &Terminal) -> Result<u8, Error> {
    if let Some(folder) = &args.unpack {
        let (files, folder) = (claims::unpack(folder)?, folder.display());
        let files = view::units::plural(files as u64, "experiment");
        terminal.print(&format!("{files} written; `maitred check {folder}` tests them\n"))?;
        return Ok(exit::OK);
    }
    let work = SubjectArgs {
        set: Vec::new(),
        seed: args.seed,
        speed: Speed(1.0),
        count: None,
        timeout: args.timeout,
        memory_limit: None,
        recalibrate: args.recalibrate,
        python: PythonArgs { pythons: args.pythons.clone(), ..PythonArgs::default() },
    };
    let functions = functions()?;
    let mut subjects = subjects(&args.claims, functions.path(), &work)?;
    if args.list {
        terminal.print(&view::claims::list(
            &subjects.iter().map(said).collect::<Vec<_>>(),
            &compare::options(terminal),
        ))?;
        return Ok(exit::OK);
    }
    for subject in &mut subjects {
        subject.vary_as_claimed(&work)?;
    }
    let files = [(&args.export_json, Format::Json), (&args.export_markdown, Format::Markdown)];
    let mut files = files
        .into_iter()
        .filter_map(|(path, format)| path.as_deref().map(|path| File::open(path, format)))
        .collect::<Result<Vec<File>, Error>>()?;
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::Failed(format!("signals cannot be caught: {error}")))?;
    let _guard = runtimes::guard()?;
    let mut check = Check {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine::describe(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        experiments: Vec::new(),
    };
    terminal.print(&view::claims::heading(&check.machine, &compare::options(terminal)))?;
    let mut written = true;
    for (done, subject) in subjects.iter().enumerate() {
        let place = format!("{} of {}", done + 1, subjects.len());
        let experiment = Bench::new(subject, &work, args, &interrupt, terminal, place)?.run()?;
        if interrupt.is_raised() {
            terminal.complain("interrupted; what was found until then is kept and shown");
            break;
        }
        terminal.print(&view::claims::experiment(&experiment, &compare::options(terminal)))?;
        check.experiments.push(experiment);
        for file in files.iter_mut().filter(|file| file.page.is_replaced()) {
            written &= file.update(&check, terminal);
        }
    }
    for file in files.iter_mut().filter(|file| !file.page.is_replaced()) {
        written &= file.update(&check, terminal);
    }
    terminal.print(&view::claims::summary(&check, &compare::options(terminal)))?;
    Ok(exit_code(&check, args.strict, written))
}

fn exit_code(check: &Check, strict: bool, written: bool) -> u8 {
    let mut findings = check.experiments.iter().flat_map(|experiment| &experiment.claims);
    match Interrupt::exit_code() {
        Some(code) => code as u8,
        None if !written => exit::NOT_WRITTEN,
        None if strict && findings.any(|found| found.verdict != Truth::Holds) => exit::NOT_STRICT,
        None => exit::OK,
    }
}

/// What is said in a file: its name, its title, its claims.
fn said(subject: &Subject) -> Experiment {
    let finding = |claim: &maitred_core::workload::Claim| Finding {
        says: claim.says.clone(),
        verdict: Truth::CannotBeTested,
        evidence: Vec::new(),
    };
    Experiment {
        name: subject.name.clone(),
        title: subject.work.title.clone(),
        rounds: 0,
        claims: subject.work.claims.iter().map(finding).collect(),
    }
}

/// A folder with the functions that built-in claims call, as long as it is held.
fn functions() -> Result<TempDir, Error> {
    let folder = tempfile::Builder::new().prefix("maitred-claims-").tempdir();
    folder
        .and_then(|folder| claims::put_functions(folder.path()).map(|()| folder))
        .map_err(|error| Error::Failed(format!("there is no place for the functions: {error}")))
}

/// The files that were asked for, in order; without any, those that are built in.
fn subjects(names: &[String], functions: &Path, work: &SubjectArgs) -> Result<Vec<Subject>, Error> {
    let built_in = |one: &BuiltIn| subject::from_text(one.name, one.text, functions, work);
    if names.is_empty() {
        return claims::ALL.iter().map(built_in).collect();
    }
    let mut subjects = Vec::new();
    for name in names {
        let path = Path::new(name);
        if path.is_dir() {
            let mut found = Vec::new();
            for file in folder(path)? {
                let subject = subject::from_file(&file, work)?;
                found.extend((!subject.work.claims.is_empty()).then_some(subject));
            }
            if found.is_empty() {
                return Err(Error::Usage(format!(
                    "no .kdl file in {} makes a claim; `maitred check --unpack FOLDER` writes some that do",
                    path.display()
                )));
            }
            subjects.extend(found);
        } else if path.extension().is_some_and(|end| end == "kdl") || name.contains('/') {
            let subject = subject::from_file(path, work)?;
            if subject.work.claims.is_empty() {
                return Err(Error::Usage(format!(
                    "{name} makes no claim; add one, as in: claim \"…\" {{ figure \"cores\" \
                     of=\"native/threads\" at-most=1.1 }}"
                )));
            }
            subjects.push(subject);
        } else {
            for one in BuiltIn::find(name)? {
                subjects.push(built_in(&one)?);
            }
        }
    }
    Ok(subjects)
}

/// The workloads in a folder, by name.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |error| Error::unreadable(path, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "kdl"));
    files.sort();
    Ok(files)
}

/// Where what was found is written.
#[derive(Debug)]
struct File {
    page: Page,
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Markdown,
}

impl File {
    fn open(path: &Path, format: Format) -> Result<Self, Error> {
        Ok(Self { page: Page::open(path)?, path: path.to_owned(), format })
    }

    /// Writes what was found until now; whether it could.
    fn update(&mut self, check: &Check, terminal: &Terminal) -> bool {
        let text = match self.format {
            Format::Json => view::json::check_to_json(check),
            Format::Markdown => view::claims::markdown(check),
        };
        let outcome = self.page.put(text.as_bytes());
        if let Err(error) = &outcome {
            terminal.complain(&format!("{} cannot be written: {error}", self.path.display()));
        }
        outcome.is_ok()
    }
}

/// One experiment: the world of its rounds.
struct Bench<'a> {
    subject: &'a Subject,
    entries: Vec<Entry>,
    trial: Trial<'a>,
    rules: Rules,
    timeout: Duration,
    progress: ProgressLine,
    interrupt: &'a Interrupt,
    started: Instant,
    /// Which experiment of how many it is.
    place: String,
}

impl<'a> Bench<'a> {
    fn new(
        subject: &'a Subject,
        work: &'a SubjectArgs,
        args: &CheckArgs,
        interrupt: &'a Interrupt,
        terminal: &Terminal,
        place: String,
    ) -> Result<Self, Error> {
        let claimed = &subject.work.claimed;
        let names: Vec<String> = claimed.iter().map(ToString::to_string).collect();
        let runtimes = subject.runtimes(&names, &work.python.pythons, interrupt)?;
        let enter =
            |model: &maitred_wire::Model| contestants::enter(model.clone(), subject, &runtimes);
        let figures = subject.work.claims.iter().flat_map(|claim| &claim.figures);
        let rules = Rules {
            warmup: 1,
            rounds: None,
            budget: args.budget.0,
            seed: args.seed,
            baseline: None,
            trace: figures.into_iter().any(|figure| figure.quantity.is_recorded()),
        };
        Ok(Self {
            subject,
            entries: claimed.iter().map(enter).collect(),
            trial: Trial::new(subject, work, interrupt, contestants::SPANS),
            rules,
            timeout: args.timeout.0,
            progress: ProgressLine::new(terminal, args.quiet),
            interrupt,
            started: Instant::now(),
            place,
        })
    }

    fn run(mut self) -> Result<Experiment, Error> {
        let mut comparison = self.begin();
        let rules = self.rules.clone();
        let outcome = rounds::run(&mut comparison, &rules, &mut self);
        self.progress.clear();
        outcome?;
        let work = &self.subject.work;
        let runs = comparison.contestants.iter().map(|one| one.runs.len());
        let judge = |one| claim::judge(one, &work.claimed, &comparison);
        Ok(Experiment {
            rounds: runs.max().unwrap_or(0) as u32,
            claims: work.claims.iter().map(judge).collect(),
            ..said(self.subject)
        })
    }

    fn begin(&self) -> Comparison {
        Comparison {
            schema_version: SCHEMA,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            subject: self.subject.facts(),
            machine: machine::describe(),
            settings: Settings {
                seed: self.rules.seed,
                speed: 1.0,
                parameters: self.subject.parameters(),
                warmup_rounds: self.rules.warmup,
                budget_ns: Some(self.rules.budget.as_nanos() as u64),
                timeout_ns: Some(self.timeout.as_nanos() as u64),
                memory_limit_bytes: None,
                minimum_effect: 0.03,
            },
            started: String::new(),
            contestants: self.entries.iter().map(Entry::contestant).collect(),
            ranking: Vec::new(),
            conclusion: Vec::new(),
            stopped: Stopped::Running,
        }
    }
}

impl World for Bench<'_> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        let entry = &self.entries[contestant];
        self.trial.scheduling = purpose == Purpose::Trace;
        let (progress, place, name) = (&mut self.progress, &self.place, &self.subject.name);
        let trace = self.trial.execute(entry, purpose.limit(self.timeout), &mut |_| {
            progress.show(|| format!("{place} · {name} · {} · {}", purpose.name(), entry.model));
        })?;
        Ok(self.trial.condense(&trace, purpose.round()))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn round_done(&mut self, _: &Comparison) -> Result<(), Error> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    fn decided(&self, comparison: &Comparison, _: &Rules) -> bool {
        let work = &self.subject.work;
        claim::decided(&work.claims, &work.claimed, comparison)
    }

    /// A claim may be about what fails.
    fn is_good(&self, run: &Run) -> bool {
        matches!(run.end, RunEnd::Finished | RunEnd::Died { .. })
    }
}
