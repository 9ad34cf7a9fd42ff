//! `maitred run`: one piece of work under one model, and what each worker did.

use maitred_core::recording::{LeftOut, Provenance};
use maitred_core::result::Run;
use maitred_core::trace::{RunEnd, Trace};
use maitred_core::view::timeline::{By, Lens, Refusal, Window};
use maitred_core::view::{self, units};
use maitred_engine::outcome::Ran;
use maitred_engine::{Cancel, Engine, Outcome, Request};
use maitred_store::{Item, Part};

use crate::cli::{Lanes, PictureArgs, RunArgs};
use crate::error::{Error, exit};
use crate::follow::Follower;
use crate::keep;
use crate::recording::{Outputs, Records, Wanted, sentence};
use crate::terminal::Terminal;

/// So many lines of the log are shown of a run that went wrong.
const LAST_WORDS: usize = 40;

/// Runs the model once and draws it; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(args: &RunArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    let lens = lens(&args.picture)?;
    if args.no_scheduling && lens.by == By::Core {
        return Err(Error::usage(
            "--by core shows who was on which processor, which --no-scheduling does not record; \
             omit one of them",
        ));
    }
    let asked = args.request()?;
    let text = keep::text(&asked.subject);
    let request = Request::Run(asked);
    let mut outputs = Outputs::open(&Wanted {
        exports: &args.exports,
        drawing: &args.drawing,
        others: &[args.subject.as_deref(), args.trace.as_deref()],
        lens,
    })?;
    let cancel = super::cancel()?;
    let mut follower = Follower::new(terminal, &args.follow, None)?;
    let engine = Engine::of_this_program()?;
    let outcome = engine.run(&request, &cancel, &mut |event| follower.take(&event))?;
    let Outcome::Ran(ran) = outcome else { unreachable!("a run was asked for") };
    let Ran { provenance, trace, run, saved } = *ran;
    let saved = say_saved(args, saved.as_ref(), terminal);
    let records = || Records::of(&trace);
    let written = outputs.finish(&provenance, &trace, records, terminal) && saved;
    let options = options(&args.picture, terminal);
    let asked = picture(&trace, &provenance, records, &run, &lens, &options);
    let refused = asked.as_ref().err().cloned();
    // What was measured is shown, if not as it was asked for.
    let drawn =
        asked.or_else(|_| picture(&trace, &provenance, records, &run, &Lens::default(), &options));
    let printed = terminal.print(&drawn.unwrap_or_else(|refusal| refusal.to_string()));
    let code = printed.and_then(|()| end(args, &trace, &run, terminal));
    let item = || Item::of_run(&provenance, &trace, &run).with(Part::Workload, &text);
    args.keep.keep(terminal, item);
    let code = code?;
    if let Some(refusal) = &refused {
        terminal.complain(&format!("{refusal}; the whole run is drawn, by worker"));
    }
    Ok(if written && refused.is_none() { code } else { exit::NOT_WRITTEN })
}

/// Tells what is wrong with the file of the trace; whether it was written.
fn say_saved(args: &RunArgs, saved: Option<&Result<LeftOut, String>>, terminal: &Terminal) -> bool {
    match (saved, &args.trace) {
        (Some(Ok(left_out)), Some(path)) if !left_out.is_nothing() => {
            terminal.complain(&format!("{}: {}", path.display(), sentence(left_out)));
        }
        (Some(Err(failure)), _) => {
            terminal.complain(failure);
            return false;
        }
        _ => {}
    }
    true
}

/// What the work is and how it went, what each worker did, the figures, and what to type next.
///
/// # Errors
/// [`Refusal`] when the run cannot be drawn as it was asked for.
pub(crate) fn picture<'a>(
    trace: &Trace,
    from: &Provenance,
    records: impl Fn() -> Records<'a>,
    run: &Run,
    lens: &Lens,
    options: &view::Options,
) -> Result<String, Refusal> {
    let spans = || records().spans;
    let slices = || records().slices;
    let (model, workers) = (&trace.model, trace.workers);
    let parts = [
        view::phases::lead(&from.subject, model, workers, run, options),
        view::timeline::timeline_of(trace, spans, slices, lens, options)?,
        view::phases::phases(model, workers, run, options),
        view::phases::next(&from.subject, &from.settings, options),
    ];
    Ok(parts.join("\n"))
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
        rows: args.lanes as usize,
        ..terminal.options()
    }
}

/// Says how the run ended; the number is the exit code.
fn end(args: &RunArgs, trace: &Trace, run: &Run, terminal: &Terminal) -> Result<u8, Error> {
    if trace.end == RunEnd::Interrupted {
        return Ok(Cancel::exit_code().map_or(exit::SIGNAL, |code| code as u8));
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
