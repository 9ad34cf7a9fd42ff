//! `maitred check`: claims about concurrency, tested on this machine. Each file is one experiment:
//! its work is run under the models that its claims are about, round by round, until every claim
//! has a verdict or the time is spent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use maitred_core::analyse::claim;
use maitred_core::result::{Check, Experiment, Finding, SCHEMA, Truth};
use maitred_core::view;
use tempfile::TempDir;

use crate::cli::CheckArgs;
use crate::command::compare;
use crate::error::{Error, exit};
use crate::export::documents;
use crate::progress::ProgressLine;
use crate::terminal::Terminal;
use maitred_engine::bench::Bench;
use maitred_engine::claims::{self, BuiltIn};
use maitred_engine::contestants;
use maitred_engine::job::Job;
use maitred_engine::measure::machine;
use maitred_engine::request::{Subject, Work};
use maitred_engine::rounds::Purpose;
use maitred_engine::rounds::Rules;
use maitred_engine::runtime::Interrupt;
use maitred_engine::runtimes;
use maitred_engine::subject;

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
    let work = args.work();
    let functions = functions()?;
    let mut jobs = jobs(&args.claims, functions.path(), &work)?;
    if args.list {
        terminal.print(&view::claims::list(
            &jobs.iter().map(said).collect::<Vec<_>>(),
            &compare::options(terminal),
        ))?;
        return Ok(exit::OK);
    }
    for job in &mut jobs {
        job.vary_as_claimed(&work)?;
    }
    let mut files = documents([
        (&args.export_json, view::json::check_to_json as fn(&Check) -> String),
        (&args.export_markdown, view::claims::markdown),
    ])?;
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))?;
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
    for (done, job) in jobs.iter().enumerate() {
        let place = format!("{} of {}", done + 1, jobs.len());
        let shown = (ProgressLine::new(terminal, args.quiet), place);
        let experiment = experiment(job, &work, args, &interrupt, shown)?;
        if interrupt.is_raised() {
            terminal.complain("interrupted; what was found until then is kept and shown");
            break;
        }
        terminal.print(&view::claims::experiment(&experiment, &compare::options(terminal)))?;
        check.experiments.push(experiment);
        for file in files.iter_mut().filter(|file| file.is_replaced()) {
            written &= file.update(&check, terminal);
        }
    }
    for file in files.iter_mut().filter(|file| !file.is_replaced()) {
        written &= file.update(&check, terminal);
    }
    terminal.print(&view::claims::summary(&check, &compare::options(terminal)))?;
    Ok(exit_code(&check, args.strict, written))
}

/// Runs one experiment and judges its claims.
fn experiment(
    job: &Job,
    work: &Work,
    args: &CheckArgs,
    interrupt: &Interrupt,
    (mut progress, place): (ProgressLine, String),
) -> Result<Experiment, Error> {
    let (claims, claimed) = (&job.work.claims, &job.work.claimed);
    let names: Vec<String> = claimed.iter().map(ToString::to_string).collect();
    let runtimes = job.runtimes(&names, &work.python.interpreters, interrupt)?;
    let enter = |model: &maitred_wire::Model| contestants::enter(model.clone(), job, &runtimes);
    let mut figures = claims.iter().flat_map(|claim| &claim.figures);
    let rules = Rules {
        warmup: 1,
        rounds: None,
        least: 1,
        budget: args.budget.0,
        seed: args.seed,
        baseline: None,
        trace: figures.any(|figure| figure.quantity.is_recorded()),
    };
    let entries = claimed.iter().map(enter).collect();
    let mut on_run = |purpose: Purpose, model: &maitred_wire::Model| {
        progress.show(|| format!("{place} · {} · {} · {model}", job.name, purpose.name()));
    };
    let comparison = Bench::new(job, entries, work, rules, interrupt, &mut on_run)
        .run(|comparison| claim::decided(claims, claimed, comparison));
    progress.clear();
    let comparison = comparison?;
    let runs = comparison.contestants.iter().map(|one| one.runs.len());
    let judge = |one| claim::judge(one, claimed, &comparison);
    Ok(Experiment {
        rounds: runs.max().unwrap_or(0) as u32,
        claims: claims.iter().map(judge).collect(),
        ..said(job)
    })
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
fn said(job: &Job) -> Experiment {
    let finding = |claim: &maitred_core::workload::Claim| Finding {
        says: claim.says.clone(),
        verdict: Truth::CannotBeTested,
        evidence: Vec::new(),
    };
    Experiment {
        name: job.name.clone(),
        title: job.work.title.clone(),
        rounds: 0,
        claims: job.work.claims.iter().map(finding).collect(),
    }
}

/// A folder with the functions that built-in claims call, as long as it is held.
fn functions() -> Result<TempDir, Error> {
    let folder = tempfile::Builder::new().prefix("maitred-claims-").tempdir();
    folder
        .and_then(|folder| claims::put_functions(folder.path()).map(|()| folder))
        .map_err(|error| Error::failed(format!("there is no place for the functions: {error}")))
}

/// The files that were asked for, in order; without any, those that are built in.
fn jobs(names: &[String], functions: &Path, work: &Work) -> Result<Vec<Job>, Error> {
    let prepare = |subject: &Subject| Ok::<_, Error>(subject::prepare(subject, work)?);
    let built_in = |one: &BuiltIn| {
        prepare(&Subject::WorkloadText {
            name: one.name.to_owned(),
            text: one.text.to_owned(),
            folder: Some(functions.to_owned()),
        })
    };
    if names.is_empty() {
        return claims::ALL.iter().map(built_in).collect();
    }
    let mut jobs = Vec::new();
    for name in names {
        let path = Path::new(name);
        if path.is_dir() {
            let mut found = Vec::new();
            for file in folder(path)? {
                let job = prepare(&Subject::Workload { path: file })?;
                found.extend((!job.work.claims.is_empty()).then_some(job));
            }
            if found.is_empty() {
                return Err(Error::usage(format!(
                    "no .kdl file in {} makes a claim; `maitred check --unpack FOLDER` writes some that do",
                    path.display()
                )));
            }
            jobs.extend(found);
        } else if path.extension().is_some_and(|end| end == "kdl") || name.contains('/') {
            let job = prepare(&Subject::Workload { path: path.to_owned() })?;
            if job.work.claims.is_empty() {
                return Err(Error::usage(format!(
                    "{name} makes no claim; add one, as in: claim \"…\" {{ figure \"cores\" \
                     of=\"native/threads\" at-most=1.1 }}"
                )));
            }
            jobs.push(job);
        } else {
            for one in BuiltIn::find(name)? {
                jobs.push(built_in(&one)?);
            }
        }
    }
    Ok(jobs)
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
