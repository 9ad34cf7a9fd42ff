//! `maitred run`: one piece of work under one model, and what each worker did.

use std::time::SystemTime;

use maitred_core::recording::Provenance;
use maitred_core::result::{Run, Settings};
use maitred_core::trace::{RunEnd, Trace};
use maitred_core::view::timeline::{By, Lens, Refusal, Window};
use maitred_core::view::{self, units};

use crate::cli::{Lanes, PictureArgs, RunArgs};
use crate::error::{Error, exit};
use crate::progress::ProgressLine;
use crate::recording::{Outputs, Records, Wanted};
use crate::terminal::Terminal;
use maitred_engine::contestants::{self, Entry, Wish};
use maitred_engine::job::Job;
use maitred_engine::measure::machine;
use maitred_engine::request::Work;
use maitred_engine::runtime::Interrupt;
use maitred_engine::runtimes::{self, Runtimes};
use maitred_engine::subject;
use maitred_engine::trial::Trial;

/// A single run may record so many spans: a picture needs no more.
const SPANS: u64 = 4_000_000;

/// So many lines of the log are shown of a run that went wrong.
const LAST_WORDS: usize = 40;

/// Runs the model once and draws it; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(args: &RunArgs, terminal: &Terminal) -> Result<u8, Error> {
    let lens = lens(&args.picture)?;
    if args.no_scheduling && lens.by == By::Core {
        return Err(Error::usage(
            "--by core shows who was on which processor, which --no-scheduling does not record; \
             leave one of them away"
                .to_owned(),
        ));
    }
    let work = args.work.work();
    let job = open(args, &work)?;
    let mut outputs = Outputs::open(&Wanted {
        trace: args.trace.as_deref(),
        limit_bytes: args.trace_limit.0,
        exports: &args.exports,
        drawing: &args.drawing,
        input: args.subject.as_deref(),
    })?;
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))?;
    let named: Vec<String> = args.model.iter().cloned().collect();
    let runtimes = job.runtimes(&named, &args.work.python.pythons, &interrupt)?;
    let entry = choose(args, &job, &runtimes)?;
    super::warn(&job, terminal);
    let _guard = runtimes::guard()?;
    let mut progress = ProgressLine::new(terminal, args.quiet);
    let mut trial = Trial::new(&job, &work, &interrupt, SPANS);
    let provenance = provenance(&job, &work);
    trial.scheduling = !args.no_scheduling;
    let planned = trial.planned(&entry);
    let trace = trial.execute(&entry, args.work.timeout.0, &mut |at| {
        outputs.checkpoint(&provenance, &planned, || Trial::so_far(&planned, &at));
        progress.show(|| {
            let (finished, total) = (units::count(at.finished), units::count(at.total));
            let elapsed = units::duration(at.elapsed.as_nanos() as u64);
            format!("{} · {finished} of {total} tasks · {elapsed}", entry.model)
        });
    })?;
    progress.clear();
    let run = trial.condense(&trace, 0);
    let written = outputs.finish(&provenance, &trace, Some(&run), || Records::of(&trace), terminal);
    let options = options(&args.picture, terminal);
    let records = || Records::of(&trace);
    let asked = picture(&trace, records, &run, &lens, &options);
    let refused = asked.as_ref().err().cloned();
    // What was measured is shown, if not as it was asked for.
    let drawn = asked.or_else(|_| picture(&trace, records, &run, &Lens::default(), &options));
    let drawn = drawn.unwrap_or_else(|refusal| refusal.to_string());
    terminal.print(&format!("{}\n\n{drawn}", job.heading()))?;
    let code = end(args, &trace, &run, terminal)?;
    if let Some(refusal) = &refused {
        terminal.complain(&format!("{refusal}; the whole run is drawn, by worker"));
    }
    Ok(if written && refused.is_none() { code } else { exit::NOT_WRITTEN })
}

/// What each worker did, then the figures.
///
/// # Errors
/// [`Refusal`] when the run cannot be drawn as it was asked for.
pub(crate) fn picture<'a>(
    trace: &Trace,
    records: impl Fn() -> Records<'a>,
    run: &Run,
    lens: &Lens,
    options: &view::Options,
) -> Result<String, Refusal> {
    let spans = || records().spans;
    let slices = || records().slices;
    let mut text = view::timeline::timeline_of(trace, spans, slices, lens, options)?;
    text.push('\n');
    text.push_str(&view::phases::phases(&trace.model, trace.workers, run, options));
    Ok(text)
}

/// What is to be drawn.
///
/// # Errors
/// [`Error::usage`] for a part that is none.
pub(crate) fn lens(args: &PictureArgs) -> Result<Lens, Error> {
    let nanos = |time: std::time::Duration| time.as_nanos() as u64;
    let window = Window {
        from_ns: args.from.map(|time| nanos(time.0)),
        to_ns: args.to.map(|time| nanos(time.0)),
    };
    if let (Some(from), Some(to)) = (window.from_ns, window.to_ns)
        && from >= to
    {
        let (from, to) = (units::duration(from), units::duration(to));
        return Err(Error::usage(format!(
            "--from {from} does not come before --to {to}; name the earlier time first"
        )));
    }
    let by = match args.by {
        None => By::Auto,
        Some(Lanes::Worker) => By::Worker,
        Some(Lanes::Task) => By::Task,
        Some(Lanes::Core) => By::Core,
    };
    Ok(Lens { by, window })
}

/// How pictures are drawn.
pub(crate) fn options(args: &PictureArgs, terminal: &Terminal) -> view::Options {
    view::Options {
        width: args.width.map_or(terminal.width, usize::from),
        color: terminal.color,
        ascii: args.ascii,
        rows: args.lanes as usize,
    }
}

/// Where the trace comes from.
fn provenance(job: &Job, work: &Work) -> Provenance {
    Provenance {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        heading: job.heading(),
        subject: job.facts(),
        machine: machine::describe(),
        settings: Settings {
            seed: work.seed,
            speed: work.speed,
            parameters: job.parameters(),
            warmup_rounds: 0,
            budget_ns: None,
            timeout_ns: Some(work.timeout_ns),
            memory_limit_bytes: work.memory_limit_bytes,
            minimum_effect: 0.0,
        },
    }
}

/// Says how the run ended; the number is the exit code.
fn end(args: &RunArgs, trace: &Trace, run: &Run, terminal: &Terminal) -> Result<u8, Error> {
    if trace.end == RunEnd::Interrupted {
        return Ok(Interrupt::exit_code().map_or(exit::SIGNAL, |code| code as u8));
    }
    if args.work.python.show_output {
        terminal.print(&format!("\noutput\n{}\n", trace.log.trim_end()))?;
    } else if !trace.log.is_empty() && !ended_well(&trace.end) {
        let words: Vec<&str> = trace.log.lines().collect();
        let last = words[words.len().saturating_sub(LAST_WORDS)..].join("\n");
        terminal.say(&format!("the runner's last words:\n{last}"));
    }
    match maitred_core::analyse::compare::mistake(run) {
        Some(mistake) => Err(Error::failed(format!("{}: {mistake}", trace.model))),
        None => Ok(exit::OK),
    }
}

fn ended_well(end: &RunEnd) -> bool {
    matches!(end, RunEnd::Finished | RunEnd::TimeUp { .. })
}

fn open(args: &RunArgs, work: &Work) -> Result<Job, Error> {
    let subject = match (&args.subject, &args.words[..]) {
        (Some(path), []) => args.work.named(path, &args.http)?,
        (None, words) => args.work.command(words, &args.http)?,
        (Some(path), _) => {
            return Err(Error::usage(format!(
                "{} and a command behind `--` are two pieces of work; name one",
                path.display()
            )));
        }
    };
    Ok(subject::prepare(&subject, work)?)
}

/// The model that was named, else the first that the workload compares, else threads.
fn choose(args: &RunArgs, job: &Job, runtimes: &Runtimes) -> Result<Entry, Error> {
    let first = || job.work.compare.first().map(ToString::to_string);
    let default = || runtimes.all_models()[1].to_string();
    let name = args.model.clone().or_else(first).unwrap_or_else(default);
    let workers = args.workers.as_ref().map(std::slice::from_ref);
    let wish = Wish { models: std::slice::from_ref(&name), workers };
    let mut entries = contestants::choose(&wish, job, runtimes)?;
    if entries.len() != 1 {
        return Err(Error::usage(format!(
            "`{name}` are {} models; name one, as in {}",
            entries.len(),
            entries[0].model
        )));
    }
    Ok(entries.remove(0))
}
