//! What a person sees of it: the table, and a line that is rewritten meanwhile.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use maitred_core::result::Comparison;
use maitred_core::view::{self, picture, report};
use maitred_engine::Event;
use maitred_engine::outcome::Ran;

use crate::options::Options;

/// How views are drawn on standard output.
pub(crate) fn look(options: &Options) -> view::Options {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let measured = terminal_size::terminal_size_of(io::stdout());
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = columns.or(measured.map(|(terminal_size::Width(columns), _)| columns.into()));
    view::Options {
        width: width.unwrap_or(100).max(40),
        color: io::stdout().is_terminal() && !is_set("NO_COLOR"),
        details: options.details,
        ..view::Options::default()
    }
}

/// Shows who runs, where standard error is a terminal.
pub(crate) fn follow(name: &str, event: &Event<'_>) {
    if !io::stderr().is_terminal() {
        return;
    }
    let line = match event {
        Event::RunBegun { model, left_ns, .. } => {
            let left = left_ns.map(|ns| format!(" · at most {} s left", ns / 1_000_000_000));
            format!("{name} · {model}{}", left.unwrap_or_default())
        }
        Event::Result(_) => String::new(),
        _ => return,
    };
    // That nobody sees it is no reason to stop.
    let _ = write!(io::stderr(), "\r\x1b[2K{line}");
}

/// Writes a text to standard output.
///
/// # Errors
/// A sentence, unless nobody reads any more.
pub(crate) fn print(text: &str) -> Result<(), String> {
    let written = io::stdout().lock().write_all(text.as_bytes());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output cannot be written: {error}"))
        }
        _ => Ok(()),
    }
}

/// Says what is wrong.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "maitred: {text}");
}

/// Shows a comparison, and writes the files that were asked for.
///
/// # Errors
/// A sentence about the first file that cannot be written.
pub(crate) fn show(comparison: &Comparison, options: &Options) -> Result<(), String> {
    print(&view::table::table(comparison, &look(options)))?;
    if let Some(path) = &options.save {
        write(path, &view::json::to_json(comparison))?;
    }
    if let Some(path) = &options.report {
        write(path, &report::comparison(comparison, report::Form::Page))?;
    }
    if let Some(path) = &options.svg {
        let drawn = picture::chart(comparison, picture::Chart::Bars, &picture::Look::default());
        write(path, &drawn.map_err(|why| format!("{}: {why}", path.display()))?)?;
    }
    Ok(())
}

/// Shows what every worker did.
///
/// # Errors
/// A sentence where that cannot be written.
pub(crate) fn show_run(ran: &Ran, options: &Options) -> Result<(), String> {
    let (trace, look) = (&ran.trace, look(options));
    let (model, workers, run) = (&trace.model, trace.workers, &ran.run);
    let parts = [
        view::phases::lead(&ran.provenance.subject, model, workers, run, &look),
        view::timeline::timeline(trace, &look),
        view::phases::phases(model, workers, run, &look),
    ];
    print(&parts.join("\n"))?;
    match &ran.saved {
        Some(Err(why)) => Err(why.clone()),
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
