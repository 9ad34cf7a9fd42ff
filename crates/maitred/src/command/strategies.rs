//! `maitred strategies`: what each strategy of a runtime is like on this machine.

use maitred_core::result::Strategies;
use maitred_core::view;
use maitred_engine::event::Finding;
use maitred_engine::{Event, Request};
use maitred_store::Item;

use super::found::Shown;
use crate::cli::StrategiesArgs;
use crate::error::Error;
use crate::export::documents;
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
    let mut shown = Shown::new(terminal, &args.follow, files)?;
    let outcome = shown.run(&Request::Strategies(args.request()), take);
    if let Some(found) = shown.found.as_ref().filter(|found| !found.runtimes.is_empty()) {
        args.keep.keep(terminal, || Item::of_strategies(found));
    }
    outcome?;
    shown.end()
}

fn take(shown: &mut Shown<Strategies>, event: &Event<'_>) {
    let options = shown.terminal.options();
    match event {
        Event::Started { program_version, started, machine, .. } => {
            shown.print(&view::strategies::heading(machine, &options));
            shown.found = Some(Strategies {
                schema_version: maitred_core::result::SCHEMA,
                program_version: (*program_version).to_owned(),
                machine: (*machine).clone(),
                started: (*started).to_owned(),
                runtimes: Vec::new(),
            });
        }
        Event::TableEnded { table } => {
            shown.print(&view::strategies::table(table, &options));
            if let Some(found) = &mut shown.found {
                found.runtimes.push((*table).clone());
            }
            shown.write();
        }
        Event::Result(Finding::Strategies(found)) => {
            shown.write_last("the tables until then are kept and shown");
            if !found.runtimes.is_empty() {
                shown.print(&view::strategies::legend(&options));
            }
        }
        _ => {}
    }
}
