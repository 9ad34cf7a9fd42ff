//! Claims about concurrency, tested on this machine. Each file is one experiment: its work is run
//! under the models that its claims are about, round by round, until every claim has a verdict or
//! the time is spent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maitred_core::analyse::claim;
use maitred_core::result::{self, Again, Experiment, Finding, SCHEMA, Truth};
use maitred_core::workload::Claim;
use tempfile::TempDir;

use crate::bench::Bench;
use crate::claims::{self, BuiltIn};
use crate::contestants;
use crate::engine::{Context, now};
use crate::error::Error;
use crate::event::{self, Event};
use crate::job::Job;
use crate::measure::machine;
use crate::outcome::Outcome;
use crate::patience::Patience;
use crate::request::{Check, Claims, Python, Subject, Work};
use crate::rounds::Rules;
use crate::runtimes;
use crate::subject::{self, claimed};

/// Tests the claims.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(request: &Check, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let given = work(request);
    let functions = functions()?;
    let mut jobs = jobs(&request.claims, functions.path(), &given)?;
    for Tested { job, work } in &mut jobs {
        job.vary_as_claimed(work)?;
    }
    let _held = context.hold()?;
    let mut check = result::Check {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine::describe(),
        started: now(),
        experiments: Vec::new(),
    };
    (context.on_event)(Event::Started {
        program_version: &check.program_version,
        started: &check.started,
        heading: "claims about concurrency",
        machine: &check.machine,
        subject: None,
        settings: None,
    });
    let mut failure = None;
    for (done, Tested { job, work }) in jobs.iter().enumerate() {
        begin(job, done, jobs.len(), context);
        match experiment(job, work, request, context) {
            Ok(_) if context.cancel.is_cancelled() => break,
            Ok(experiment) => {
                (context.on_event)(Event::ExperimentEnded { experiment: &experiment });
                check.experiments.push(experiment);
            }
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if failure.is_none() && !context.cancel.is_cancelled() {
        failure = repeat(&jobs, &mut check.experiments, request, context).err();
    }
    (context.on_event)(Event::Result(event::Finding::Check(&check)));
    failure.map_or(Ok(Outcome::Checked(check)), Err)
}

fn begin(job: &Job, done: usize, of: usize, context: &mut Context<'_>) {
    (context.on_event)(Event::ExperimentBegun {
        number: done + 1,
        of,
        name: &job.name,
        about: job.work.title.as_deref().unwrap_or_default(),
    });
}

/// Does again what is inconclusive because others used the processors, as soon as they do not: it is
/// waited for that as long as an experiment may take.
fn repeat(
    jobs: &[Tested],
    experiments: &mut [Experiment],
    request: &Check,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let mut patience = Patience::of(Duration::from_nanos(request.budget_ns));
    let is_worth_it = patience.is_left();
    for (index, (Tested { job, work }, found)) in jobs.iter().zip(experiments).enumerate() {
        if !is_worth_it || !claim::wants_quiet(found) {
            continue;
        }
        let first = found.clone();
        begin(job, index, jobs.len(), context);
        let kept = match patience.wait(context.cancel) {
            true => claim::better(first, experiment(job, work, request, context)?),
            false => Experiment { again: Some(Again::NeverQuiet), ..first },
        };
        if context.cancel.is_cancelled() {
            return Ok(());
        }
        *found = kept;
        (context.on_event)(Event::ExperimentEnded { experiment: found });
    }
    Ok(())
}

/// What each file says, untested.
///
/// # Errors
/// [`Error::Usage`] for what is not there, [`Error::Workload`] with every mistake in a file.
pub fn list(request: &Check) -> Result<Vec<Experiment>, Error> {
    let functions = functions()?;
    let jobs = jobs(&request.claims, functions.path(), &work(request))?;
    Ok(jobs.iter().map(|one| said(&one.job)).collect())
}

/// As every experiment is run.
fn work(request: &Check) -> Work {
    let interpreters = runtimes::further(&request.interpreters);
    Work {
        seed: request.seed,
        timeout_ns: request.timeout_ns,
        recalibrate: request.recalibrate,
        python: Python { interpreters, ..Python::default() },
        ..Work::default()
    }
}

/// Runs one experiment and judges its claims.
fn experiment(
    job: &Job,
    given: &Work,
    request: &Check,
    context: &mut Context<'_>,
) -> Result<Experiment, Error> {
    let (claims, claimed) = (&job.work.claims, &job.work.claimed);
    let names: Vec<String> = claimed.iter().map(ToString::to_string).collect();
    let runtimes = job.runtimes(&names, &given.python.interpreters, context)?;
    runtimes.tell_left_out(context.on_event);
    let enter = |model: &maitred_wire::Model| contestants::enter(model.clone(), job, &runtimes);
    let mut figures = claims.iter().flat_map(|claim| &claim.figures);
    let rules = Rules {
        warmup: 1,
        rounds: None,
        settled: 1,
        least: 1,
        budget: Duration::from_nanos(request.budget_ns),
        seed: request.seed,
        baseline: None,
        drop: false,
        trace: figures.any(|figure| figure.quantity.is_recorded()),
    };
    let entries = claimed.iter().map(enter).collect();
    let comparison = Bench::new(job, entries, given, rules, context)
        .run(|comparison| claim::decided(claims, claimed, comparison))?;
    let runs = comparison.contestants.iter().map(|one| one.runs.len());
    let judge = |one| claim::judge(one, claimed, &comparison);
    Ok(Experiment {
        rounds: runs.max().unwrap_or(0) as u32,
        claims: claims.iter().map(judge).collect(),
        ..said(job)
    })
}

/// What is said in a file: its name, its title, its claims.
fn said(job: &Job) -> Experiment {
    let finding = |claim: &Claim| Finding {
        says: claim.says.clone(),
        verdict: Truth::CannotBeTested,
        evidence: Vec::new(),
    };
    Experiment {
        name: job.name.clone(),
        title: job.work.title.clone(),
        rounds: 0,
        again: None,
        claims: job.work.claims.iter().map(finding).collect(),
    }
}

/// A folder with the functions that built-in claims call, as long as it is held.
fn functions() -> Result<TempDir, Error> {
    let folder = tempfile::Builder::new().prefix("maitred-claims-").tempdir();
    folder
        .and_then(|folder| claims::put_functions(folder.path()).map(|()| folder))
        .map_err(|error| Error::Failed(format!("there is no place for the functions: {error}")))
}

/// A piece of work with claims, and how it is run.
struct Tested {
    job: Job,
    work: Work,
}

/// What was asked for, in order; without anything, all that is built in.
fn jobs(wanted: &[Claims], functions: &Path, given: &Work) -> Result<Vec<Tested>, Error> {
    let as_given = |job| Tested { job, work: given.clone() };
    let built_in = |one: &BuiltIn| {
        let (name, text) = (one.name.to_owned(), one.text.to_owned());
        let folder = Some(functions.to_owned());
        subject::prepare(&Subject::WorkloadText { name, text, folder }, given)
    };
    if wanted.is_empty() {
        return claims::ALL.iter().map(|one| built_in(one).map(as_given)).collect();
    }
    let mut jobs = Vec::new();
    for one in wanted {
        match one {
            Claims::Text { name, text, folder } => {
                let (name, text, folder) = (name.clone(), text.clone(), folder.clone());
                let text = Subject::WorkloadText { name, text, folder };
                jobs.push(as_given(with_claims(subject::prepare(&text, given)?)?));
            }
            Claims::About { subject, work, says } => {
                let mut job = subject::prepare(subject, work)?;
                claimed::put(&mut job, says)?;
                jobs.push(Tested { job, work: (**work).clone() });
            }
            Claims::Named(name) => {
                let path = Path::new(name);
                if path.is_dir() {
                    jobs.extend(of_folder(path, given)?.into_iter().map(as_given));
                } else if path.extension().is_some_and(|end| end == "kdl") || name.contains('/') {
                    let path = path.to_owned();
                    let job = subject::prepare(&Subject::Workload { path }, given)?;
                    jobs.push(as_given(with_claims(job)?));
                } else {
                    for one in BuiltIn::find(name)? {
                        jobs.push(as_given(built_in(&one)?));
                    }
                }
            }
        }
    }
    Ok(jobs)
}

/// The file, if it makes a claim.
fn with_claims(job: Job) -> Result<Job, Error> {
    match job.work.claims.is_empty() {
        false => Ok(job),
        true => Err(Error::Usage(format!(
            "{} makes no claim; add one, as in: claim \"…\" {{ figure \"cores\" \
             of=\"native/threads\" at-most=1.1 }}",
            job.name
        ))),
    }
}

/// The workloads in a folder that make claims, by name.
fn of_folder(path: &Path, given: &Work) -> Result<Vec<Job>, Error> {
    let unreadable = |error| Error::unreadable(path, &error);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "kdl"));
    files.sort();
    let mut jobs = Vec::new();
    for path in files {
        let job = subject::prepare(&Subject::Workload { path }, given)?;
        jobs.extend((!job.work.claims.is_empty()).then_some(job));
    }
    if jobs.is_empty() {
        return Err(Error::Usage(format!(
            "no .kdl file in {} makes a claim; `maitred check --unpack FOLDER` writes some that do",
            path.display()
        )));
    }
    Ok(jobs)
}
