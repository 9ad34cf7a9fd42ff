//! `maitred check`: claims about concurrency, tested on this machine.

use maitred_core::result::{Check, Experiment, Truth};
use maitred_core::view;
use maitred_engine::event::Finding;
use maitred_engine::{Cancel, Engine, Event, Request, check, claims, request};
use maitred_store::Item;

use crate::cli::{CheckArgs, VerdictArgs};
use crate::error::{Error, exit};
use crate::export::{Document, documents};
use crate::follow::Follower;
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
    let cancel = super::cancel()?;
    let follower = Follower::new(terminal, &args.follow, None)?;
    let mut shown = Shown {
        follower,
        terminal: *terminal,
        cancel: cancel.clone(),
        files,
        found: None,
        written: true,
        annotates: args.annotations,
        failure: None,
    };
    let engine = Engine::of_this_program()?;
    let outcome = engine.run(&Request::Check(request), &cancel, &mut |event| shown.take(&event));
    let Shown { found, written, failure, .. } = shown;
    if let Some(found) = found.as_ref().filter(|found| !found.experiments.is_empty()) {
        args.keep.keep(terminal, || Item::of_check(found));
    }
    outcome?;
    failure.map_or(Ok(()), Err)?;
    Ok(found.map_or(exit::OK, |check| exit_code(&check, args.strict, written)))
}

/// What is shown and written while it goes on.
struct Shown {
    follower: Follower,
    terminal: Terminal,
    cancel: Cancel,
    files: Vec<Document<Check>>,
    /// What was found until now.
    found: Option<Check>,
    /// Whether every file could be written.
    written: bool,
    annotates: bool,
    /// Why nothing more is printed.
    failure: Option<Error>,
}

impl Shown {
    fn take(&mut self, event: &Event<'_>) {
        self.follower.take(event);
        match event {
            Event::Started { program_version, started, machine, .. } => {
                self.found = Some(Check {
                    schema_version: maitred_core::result::SCHEMA,
                    program_version: (*program_version).to_owned(),
                    machine: (*machine).clone(),
                    started: (*started).to_owned(),
                    experiments: Vec::new(),
                });
            }
            Event::ExperimentEnded { experiment } => {
                if let Some(found) = &mut self.found {
                    take_in(found, experiment);
                }
                self.write(Document::is_replaced);
            }
            Event::Result(Finding::Check(check)) => {
                if Cancel::exit_code().is_some() {
                    let kept = "interrupted; what was found until then is kept and shown";
                    self.terminal.complain(kept);
                }
                self.write(|file| !file.is_replaced());
                self.print(&view::claims::report(check, &self.terminal.options()));
                if self.annotates {
                    self.print(&view::ci::annotations(check));
                }
            }
            _ => {}
        }
    }

    fn print(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = self.terminal.print(text).err();
        }
        if self.failure.is_some() {
            self.cancel.cancel();
        }
    }

    fn write(&mut self, which: impl Fn(&Document<Check>) -> bool) {
        let Some(found) = &self.found else { return };
        for file in self.files.iter_mut().filter(|file| which(file)) {
            self.written &= file.update(found, &self.terminal);
        }
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

fn exit_code(check: &Check, strict: bool, written: bool) -> u8 {
    let mut findings = check.experiments.iter().flat_map(|experiment| &experiment.claims);
    match Cancel::exit_code() {
        Some(code) => code as u8,
        None if !written => exit::NOT_WRITTEN,
        None if strict && findings.any(|found| found.verdict != Truth::Holds) => exit::NOT_STRICT,
        None => exit::OK,
    }
}
