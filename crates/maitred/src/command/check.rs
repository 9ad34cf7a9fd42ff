//! `maitred check`: claims about concurrency, tested on this machine.

use maitred_core::result::{Check, Experiment, Truth};
use maitred_core::view;
use maitred_engine::event::Finding;
use maitred_engine::{Event, Request, check, claims, request};
use maitred_store::Item;

use super::found::Shown;
use crate::cli::{CheckArgs, VerdictArgs};
use crate::error::{Error, exit};
use crate::export::documents;
use crate::terminal::Terminal;

/// Tests the claims; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was found before is shown and written all the same.
pub(crate) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    if let Some(folder) = &args.unpack {
        let (files, folder) = (claims::unpack(folder)?, folder.display());
        let files = view::units::plural(files as u64, "experiment");
        terminal.print(&format!("{files} written; `maitred check {folder}` tests them\n"))?;
        return Ok(exit::OK);
    }
    let request = args.request();
    if args.list {
        let list = check::list(&request)?;
        terminal.print(&view::claims::list(&list, &terminal.options()))?;
        return Ok(exit::OK);
    }
    test(request, &args.verdicts, terminal)
}

/// Tests what is claimed, and says, writes and keeps what was found.
///
/// # Errors
/// Those of [`run`].
pub(super) fn test(
    request: request::Check,
    args: &VerdictArgs,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let files = documents([
        (&args.export_json, view::json::check_to_json as fn(&Check) -> String),
        (&args.export_markdown, view::claims::markdown),
        (&args.export_junit, view::ci::junit),
    ])?;
    let mut shown = Shown::new(terminal, &args.follow, files)?;
    let outcome = shown.run(&Request::Check(request), |shown, event| take(shown, event, args));
    let found = shown.found.take().filter(|found| !found.experiments.is_empty());
    if let Some(found) = &found {
        args.keep.keep(terminal, || Item::of_check(found));
    }
    outcome?;
    let code = shown.end()?;
    let lacks = |found: &Check| {
        let mut claims = found.experiments.iter().flat_map(|experiment| &experiment.claims);
        claims.any(|claim| claim.verdict != Truth::Holds)
    };
    let is_lacking = code == exit::OK && args.strict && found.is_some_and(|found| lacks(&found));
    Ok(if is_lacking { exit::NOT_STRICT } else { code })
}

fn take(shown: &mut Shown<Check>, event: &Event<'_>, args: &VerdictArgs) {
    match event {
        Event::Started { program_version, started, machine, .. } => {
            shown.found = Some(Check {
                schema_version: maitred_core::result::SCHEMA,
                program_version: (*program_version).to_owned(),
                machine: (*machine).clone(),
                started: (*started).to_owned(),
                experiments: Vec::new(),
            });
        }
        Event::ExperimentEnded { experiment } => {
            if let Some(found) = &mut shown.found {
                take_in(found, experiment);
            }
            shown.write();
        }
        Event::Result(Finding::Check(check)) => {
            shown.write_last("what was found until then is kept and shown");
            shown.print(&view::claims::report(check, &shown.terminal.options()));
            if args.annotations {
                shown.print(&view::ci::annotations(check));
            }
        }
        _ => {}
    }
}

/// What was measured again takes the place of what was found first.
fn take_in(found: &mut Check, experiment: &Experiment) {
    let first = found.experiments.iter_mut().find(|one| one.name == experiment.name);
    match first.filter(|_| experiment.again.is_some()) {
        Some(first) => *first = experiment.clone(),
        None => found.experiments.push(experiment.clone()),
    }
}
