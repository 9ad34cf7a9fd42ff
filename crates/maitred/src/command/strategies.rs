//! `maitred strategies`: what each strategy of a runtime is like on this machine.

use maitred_core::result::Strategies;
use maitred_core::view;
use maitred_engine::event::Finding;
use maitred_engine::{Cancel, Engine, Event, Request};
use maitred_store::Item;

use crate::cli::StrategiesArgs;
use crate::error::{Error, exit};
use crate::export::{Document, documents};
use crate::follow::Follower;
use crate::terminal::Terminal;

/// Prints a table for each runtime; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was found before is shown and written all the same.
pub(crate) fn run(args: &StrategiesArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    let files = documents([
        (&args.export_json, view::json::strategies_to_json as fn(&Strategies) -> String),
        (&args.export_markdown, view::strategies::markdown),
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
        failure: None,
    };
    let request = Request::Strategies(args.request());
    let engine = Engine::of_this_program()?;
    let outcome = engine.run(&request, &cancel, &mut |event| shown.take(&event));
    let Shown { found, written, failure, .. } = shown;
    if let Some(found) = found.filter(|found| !found.runtimes.is_empty()) {
        args.keep.keep(terminal, || Item::of_strategies(&found));
    }
    outcome?;
    failure.map_or(Ok(()), Err)?;
    Ok(match Cancel::exit_code() {
        Some(code) => code as u8,
        None if !written => exit::NOT_WRITTEN,
        None => exit::OK,
    })
}

/// What is shown and written while it goes on.
struct Shown {
    follower: Follower,
    terminal: Terminal,
    cancel: Cancel,
    files: Vec<Document<Strategies>>,
    /// What was found until now.
    found: Option<Strategies>,
    /// Whether every file could be written.
    written: bool,
    /// Why nothing more is printed.
    failure: Option<Error>,
}

impl Shown {
    fn take(&mut self, event: &Event<'_>) {
        self.follower.take(event);
        let options = self.terminal.options();
        match event {
            Event::Started { program_version, started, machine, .. } => {
                self.print(&view::strategies::heading(machine, &options));
                self.found = Some(Strategies {
                    schema_version: maitred_core::result::SCHEMA,
                    program_version: (*program_version).to_owned(),
                    machine: (*machine).clone(),
                    started: (*started).to_owned(),
                    runtimes: Vec::new(),
                });
            }
            Event::TableEnded { table } => {
                self.print(&view::strategies::table(table, &options));
                if let Some(found) = &mut self.found {
                    found.runtimes.push((*table).clone());
                }
                self.write(Document::is_replaced);
            }
            Event::Result(Finding::Strategies(found)) => {
                if Cancel::exit_code().is_some() {
                    let kept = "interrupted; the tables until then are kept and shown";
                    self.terminal.complain(kept);
                }
                self.write(|file| !file.is_replaced());
                if !found.runtimes.is_empty() {
                    self.print(&view::strategies::legend(&options));
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

    fn write(&mut self, which: impl Fn(&Document<Strategies>) -> bool) {
        let Some(found) = &self.found else { return };
        for file in self.files.iter_mut().filter(|file| which(file)) {
            self.written &= file.update(found, &self.terminal);
        }
    }
}
