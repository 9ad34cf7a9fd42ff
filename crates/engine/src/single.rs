//! One piece of work under one model, once.

use maitred_core::recording::Provenance;
use maitred_core::result::Settings;

use crate::compare::enter;
use crate::contestants::{self, Entry, Wish};
use crate::engine::{Context, now};
use crate::error::Error;
use crate::event::{Event, Finding};
use crate::job::Job;
use crate::measure::machine;
use crate::outcome::{Outcome, Ran};
use crate::recording::TraceFile;
use crate::request::{Run, Work};
use crate::rounds::Purpose;
use crate::runtimes::Runtimes;
use crate::subject;
use crate::trial::{Trial, progress};

/// A single run may record so many spans: a picture needs no more.
const SPANS: u64 = 4_000_000;

/// Runs the model once.
///
/// # Errors
/// See [`Error`]. How the run ended, well or not, is no error.
pub(crate) fn run(request: &Run, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let given = &request.work;
    let job = subject::prepare(&request.subject, given)?;
    let wanted = &request.recording;
    let mut file =
        wanted.path.as_ref().map(|path| TraceFile::open(path, wanted.limit_bytes)).transpose()?;
    let named: Vec<String> = request.model.iter().cloned().collect();
    let runtimes = job.runtimes(&named, &given.python.interpreters, context)?;
    let entry = choose(request, &job, &runtimes)?;
    let provenance = provenance(&job, given);
    announce(&provenance, &job, &entry, context);
    runtimes.tell_left_out(context.on_event);
    let _held = context.hold()?;
    let mut trial = Trial::new(&job, given, context.engine, context.cancel, SPANS);
    trial.scheduling = wanted.scheduling;
    let planned = trial.planned(&entry);
    let on_event = &mut *context.on_event;
    let (contestant, purpose) = (0, Purpose::Single);
    on_event(Event::RunBegun { contestant, model: &entry.model, purpose, left_ns: None });
    trial.prepare(&entry)?;
    let trace = trial.execute(&entry, purpose, &mut |at| {
        if let Some(file) = &mut file {
            file.checkpoint(&provenance, &planned, || Trial::so_far(&planned, &at));
        }
        on_event(progress(contestant, &at, &planned.steps));
    })?;
    trial.clean_up(std::slice::from_ref(&entry))?;
    let run = trial.condense(&trace, 0);
    on_event(Event::RunEnded { contestant, purpose, run: &run, trace: &trace, log: &trace.log });
    let saved = file.map(|file| file.finish(&provenance, &trace, &run));
    let ran = Ran { provenance, trace, run, saved };
    on_event(Event::Result(Finding::Run(&ran)));
    Ok(Outcome::Ran(Box::new(ran)))
}

/// Says what is about to be done, and by whom.
fn announce(provenance: &Provenance, job: &Job, entry: &Entry, context: &mut Context<'_>) {
    (context.on_event)(Event::Started {
        program_version: &provenance.program_version,
        started: &provenance.started,
        heading: &provenance.heading,
        machine: &provenance.machine,
        subject: Some(&provenance.subject),
        settings: Some(&provenance.settings),
    });
    job.warn(context.on_event);
    enter(std::slice::from_ref(entry), None, context.on_event);
}

/// Where the trace comes from.
fn provenance(job: &Job, given: &Work) -> Provenance {
    Provenance {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: now(),
        heading: job.heading(),
        subject: job.facts(),
        machine: machine::describe(),
        settings: Settings {
            seed: given.seed,
            speed: given.speed,
            parameters: job.parameters(),
            warmup_rounds: 0,
            budget_ns: None,
            timeout_ns: Some(given.timeout_ns),
            memory_limit_bytes: given.memory_limit_bytes,
            minimum_effect: 0.0,
            given: Some(given.set.iter().map(|(name, _)| name.clone()).collect()),
        },
    }
}

/// The model that was named, else the first that the workload compares, else threads.
fn choose(request: &Run, job: &Job, runtimes: &Runtimes) -> Result<Entry, Error> {
    let first = || job.work.compare.first().map(ToString::to_string);
    let default = || match job.executors.is_empty() {
        true => runtimes.all_models()[1].to_string(),
        false => "python3/executor".to_owned(),
    };
    let name = request.model.clone().or_else(first).unwrap_or_else(default);
    let workers = request.workers.as_ref().map(std::slice::from_ref);
    let wish = Wish {
        models: std::slice::from_ref(&name),
        workers,
        executors: false,
        cluster: request.work.python.cluster.as_deref(),
    };
    let mut entries = contestants::choose(&wish, job, runtimes)?;
    if entries.len() != 1 {
        return Err(Error::Usage(format!(
            "`{name}` are {} models; name one, as in {}",
            entries.len(),
            entries[0].model
        )));
    }
    Ok(entries.remove(0))
}
