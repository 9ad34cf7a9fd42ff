//! `maitred show`: what was saved, again. A trace looks as the run did; a result is its table.

use maitred_core::analyse::summary;
use maitred_core::recording::{Collector, Cut, Part, Recording};
use maitred_core::view::{self, units};
use maitred_engine::recording::{self, Kind, Reader};

use crate::cli::ShowArgs;
use crate::command::run::{lens, options, picture};
use crate::error::{Error, exit};
use crate::export;
use crate::recording::{Outputs, Records, Wanted, sentence};
use crate::saved;
use crate::terminal::Terminal;

/// Shows a saved trace or result; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(args: &ShowArgs, terminal: &Terminal) -> Result<u8, Error> {
    let lens = lens(&args.picture)?;
    let mut reader = Reader::open(&args.file)?;
    if reader.kind()? == Kind::Json {
        return result(args, terminal);
    }
    if args.charts.chart.is_some() {
        return Err(Error::usage(format!(
            "--chart chooses among the pictures of a result, but {} is a trace, which has one: its \
             timeline; omit --chart",
            args.file.display()
        )));
    }
    let mut outputs = Outputs::open(&Wanted {
        exports: &args.exports,
        drawing: &args.charts.drawing,
        others: &[Some(&args.file)],
        lens,
    })?;
    // A file is read again for whatever is by the million, which then is never held.
    let repeatable = reader.is_repeatable();
    let mut collector = Collector::default();
    let cut = reader.parts(&mut |part| match part {
        Part::Spans(rows) if repeatable => rows.check(),
        Part::Slices(rows) if repeatable => rows.check(),
        part => collector.take(part),
    })?;
    let Some(recording) = collector.finish(cut) else {
        unreachable!("a file without a head was refused")
    };
    let trace = &recording.trace;
    let records = || match repeatable {
        false => Records::of(trace),
        true => Records {
            spans: Box::new(recording::spans(&args.file)),
            slices: Box::new(recording::slices(&args.file)),
        },
    };
    let spans = || records().spans;
    let run = recording
        .run
        .clone()
        .unwrap_or_else(|| summary::run_from(trace, 0, &[], trace.tasks.iter().copied(), spans()));
    let mut text = heading(&recording);
    let options = options(&args.picture, terminal);
    let drawn = picture(trace, &recording.provenance, records, &run, &lens, &options);
    text.push_str(
        &drawn.map_err(|refusal| Error::usage(format!("{}: {refusal}", args.file.display())))?,
    );
    terminal.print(&text)?;
    let written = outputs.finish(&recording.provenance, trace, records, terminal);
    Ok(if written { exit::OK } else { exit::NOT_WRITTEN })
}

/// What it is, where it comes from, and what it lacks.
fn heading(recording: &Recording) -> String {
    let from = &recording.provenance;
    let machine = &from.machine;
    let mut text = format!(
        "recorded {} by maitred {} on {}, {}, Linux {}\n",
        from.started,
        from.program_version,
        machine.cpu,
        units::processors(machine.processors()),
        machine.kernel
    );
    if let Some(Cut { at, damaged }) = recording.cut {
        let how = if damaged { "is damaged behind" } else { "was cut short at" };
        text.push_str(&format!(
            "the file {how} byte {at}: what stands before it is shown, what is missing is not known\n"
        ));
    }
    if !recording.left_out.is_nothing() {
        text.push_str(&format!("{}\n", sentence(&recording.left_out)));
    }
    text
}

/// A result of `compare`, which has no trace.
fn result(args: &ShowArgs, terminal: &Terminal) -> Result<u8, Error> {
    let named = [
        ("--export-perfetto", args.exports.export_perfetto.is_some()),
        ("--export-chrome", args.exports.export_chrome.is_some()),
        ("--by", args.picture.by.is_some()),
        ("--from", args.picture.from.is_some()),
        ("--to", args.picture.to.is_some()),
    ];
    if let Some((option, _)) = named.iter().find(|(_, given)| *given) {
        return Err(Error::usage(format!(
            "{option} is for a trace, but {} is a result, which has none; `maitred run … --trace \
             FILE` saves one",
            args.file.display()
        )));
    }
    let comparison = saved::load(&args.file)?;
    let options = options(&args.picture, terminal);
    let mut pictures = export::pictures(&args.charts)?;
    let written = export::finish(&mut pictures, &comparison, terminal);
    terminal.print(&view::table::table(&comparison, &options))?;
    Ok(if written { exit::OK } else { exit::NOT_WRITTEN })
}
