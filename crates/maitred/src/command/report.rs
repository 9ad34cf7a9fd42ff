//! `maitred report`: a page of what was saved.

use std::path::Path;

use maitred_core::analyse::summary;
use maitred_core::recording::{Collector, Part};
use maitred_core::view::report::{self, Form};

use crate::cli::ReportArgs;
use crate::drawing;
use crate::error::{Error, exit};
use crate::export;
use crate::saved;
use crate::terminal::Terminal;
use maitred_engine::recording::{self, Kind, Reader};

/// Writes the page; the number is the exit code.
///
/// # Errors
/// [`Error::usage`] when the file cannot be read or the page would not be where it should.
pub(crate) fn run(args: &ReportArgs, terminal: &Terminal) -> Result<u8, Error> {
    drawing::fits("report -o", "html", &args.output)?;
    let mut reader = Reader::open(&args.file)?;
    let kind = reader.kind()?;
    let mut page = export::page(&args.output, &args.file)?;
    let form = if args.fragment { Form::Fragment } else { Form::Page };
    let text = match kind {
        Kind::Json => report::comparison(&saved::load(&args.file)?, form),
        Kind::Recording | Kind::Other => of_trace(reader, &args.file, form)?,
    };
    let size = text.len() as u64;
    page.put(text.as_bytes()).map_err(|error| {
        Error::NotWritten(format!("{} cannot be written: {error}", args.output.display()))
    })?;
    let size = maitred_core::view::units::bytes(size);
    terminal.print(&format!(
        "{} is written: {size}, {}\n",
        args.output.display(),
        if args.fragment { "a part of a page" } else { "one page" }
    ))?;
    Ok(exit::OK)
}

fn of_trace(mut reader: Reader, path: &Path, form: Form) -> Result<String, Error> {
    if !reader.is_repeatable() {
        return Err(Error::usage(format!(
            "{} is no ordinary file, and a trace is read more than once; save it to a file",
            path.display()
        )));
    }
    let mut collector = Collector::default();
    let cut = reader.parts(&mut |part| match part {
        Part::Spans(rows) => rows.check(),
        Part::Slices(rows) => rows.check(),
        part => collector.take(part),
    })?;
    let Some(recording) = collector.finish(cut) else {
        unreachable!("a file without a head was refused")
    };
    let trace = &recording.trace;
    let spans = || recording::spans(path);
    let run = recording
        .run
        .clone()
        .unwrap_or_else(|| summary::run_from(trace, 0, &[], trace.tasks.iter().copied(), spans()));
    Ok(report::recording(&recording, &run, spans, || recording::slices(path), form))
}
