//! Where traces are written: files that are opened before the run, so that a wrong path costs
//! nothing, and written chunk by chunk, so that whatever ends the program leaves a beginning that
//! can be read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maitred_core::recording::{self, LeftOut, MAGIC, Provenance};
use maitred_core::result::Run;
use maitred_core::trace::{Slice, Span, Trace};
use maitred_core::view::picture::Theme;
use maitred_core::view::{chrome, perfetto, units};

use crate::cli::{DrawingArgs, TraceExportArgs};
use crate::drawing;
use crate::error::Error;
use crate::png;
use crate::terminal::Terminal;

/// What is to be written, and what must not be overwritten.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) trace: Option<&'a Path>,
    pub(crate) limit_bytes: u64,
    pub(crate) exports: &'a TraceExportArgs,
    pub(crate) drawing: &'a DrawingArgs,
    /// What is read, and must not be overwritten.
    pub(crate) input: Option<&'a Path>,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Recording { limit_bytes: u64 },
    Perfetto,
    Chrome,
    Svg(Theme),
    Png(Theme),
}

/// What comes by the million, from wherever it lies.
pub(crate) struct Records<'a> {
    pub(crate) spans: Box<dyn Iterator<Item = Span> + 'a>,
    pub(crate) slices: Box<dyn Iterator<Item = Slice> + 'a>,
}

impl<'a> Records<'a> {
    /// Those that the trace itself has.
    pub(crate) fn of(trace: &'a Trace) -> Self {
        let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
        Self {
            spans: Box::new(trace.spans.iter().copied()),
            slices: Box::new(slices.iter().copied()),
        }
    }
}

/// The files of one run.
#[derive(Debug)]
pub(crate) struct Outputs {
    outputs: Vec<Output>,
}

impl Outputs {
    /// Opens all of them.
    ///
    /// # Errors
    /// [`Error::usage`] for the first that cannot be written or would overwrite something else.
    pub(crate) fn open(wanted: &Wanted<'_>) -> Result<Self, Error> {
        let recording = Form::Recording { limit_bytes: wanted.limit_bytes };
        let all = [
            (recording, wanted.trace),
            (Form::Perfetto, wanted.exports.export_perfetto.as_deref()),
            (Form::Chrome, wanted.exports.export_chrome.as_deref()),
            (Form::Svg(drawing::theme(wanted.drawing)), wanted.drawing.export_svg.as_deref()),
            (Form::Png(drawing::theme(wanted.drawing)), wanted.drawing.export_png.as_deref()),
        ];
        drawing::check(wanted.drawing)?;
        let mut taken: Vec<_> = wanted.input.and_then(identity).into_iter().collect();
        let mut outputs = Vec::new();
        for (form, path) in all.into_iter().filter_map(|(form, path)| Some((form, path?))) {
            let output = Output::open(form, path)?;
            let file = identity(path);
            if output.is_file && file.is_some_and(|file| taken.contains(&file)) {
                return Err(Error::usage(format!(
                    "{} is named twice: as a file to read or write, and to write the trace to; \
                     name another file",
                    path.display()
                )));
            }
            taken.extend(file);
            outputs.push(output);
        }
        Ok(Self { outputs })
    }

    /// Writes down what is known of a run that goes on: first what is about to run, then now and
    /// again what was recorded. Whoever is killed in the run leaves that.
    pub(crate) fn checkpoint(
        &mut self,
        provenance: &Provenance,
        planned: &Trace,
        recorded: impl FnOnce() -> Option<Trace>,
    ) {
        // What went into a pipe cannot be taken back.
        let replaceable =
            |one: &&mut Output| one.is_file && matches!(one.form, Form::Recording { .. });
        let Some(output) = self.outputs.iter_mut().find(replaceable) else { return };
        let now = Instant::now();
        let trace = match output.next_checkpoint {
            None => Some(planned.clone()),
            Some(next) if now < next => None,
            Some(_) => recorded(),
        };
        if let Some(trace) = trace {
            // Whatever is wrong now will be wrong at the end, and is told then.
            let _ = output.write_so_far(provenance, &trace);
            let took = now.elapsed();
            let rest =
                if took > DEAR { NEVER } else { CHECKPOINT_REST.max(took * CHECKPOINT_SHARE) };
            output.next_checkpoint = Some(Instant::now() + rest);
        }
    }

    /// Writes the run to all of them, tells what fails or had no room; whether nothing failed.
    /// Exports take `records`, as often as they are needed; a recording those of the trace.
    pub(crate) fn finish<'a>(
        &mut self,
        provenance: &Provenance,
        trace: &Trace,
        run: Option<&Run>,
        records: impl Fn() -> Records<'a>,
        terminal: &Terminal,
    ) -> bool {
        let mut written = true;
        for output in &mut self.outputs {
            match output.write(provenance, trace, run, &records) {
                Ok(left_out) if left_out.is_nothing() => {}
                Ok(left_out) => {
                    let what = sentence(&left_out);
                    terminal.complain(&format!("{}: {what}", output.path.display()));
                }
                Err(error) => {
                    written = false;
                    let path = output.path.display();
                    let rest = match output.form {
                        Form::Recording { .. } => "; what is in it can be read up to there",
                        Form::Perfetto | Form::Chrome | Form::Svg(_) | Form::Png(_) => "",
                    };
                    terminal.complain(&format!("{path} cannot be written: {error}{rest}"));
                }
            }
        }
        written
    }
}

/// `the last 5 spans had no room in 1 MiB; --trace-limit gives more`.
pub(crate) fn sentence(left_out: &LeftOut) -> String {
    let kinds = [(left_out.tasks, "task"), (left_out.spans, "span"), (left_out.slices, "slice")];
    let some = kinds.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = some.map(|(count, what)| units::plural(*count, what)).collect();
    format!(
        "the last {} had no room in the {} of the trace; --trace-limit gives more",
        parts.join(" and "),
        units::bytes(left_out.limit_bytes)
    )
}

/// Which file a path leads to.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()))
}

/// One file.
#[derive(Debug)]
struct Output {
    form: Form,
    path: PathBuf,
    file: File,
    /// An ordinary file; else a pipe, a terminal, a device.
    is_file: bool,
    /// There was no such file before.
    is_new: bool,
    begun: bool,
    /// When to write again what is known so far; `None`: nothing was written yet.
    next_checkpoint: Option<Instant>,
}

/// At least this is between two checkpoints, and so many times as long as the last one took: they
/// must not disturb what is measured.
const CHECKPOINT_REST: Duration = Duration::from_secs(1);
const CHECKPOINT_SHARE: u32 = 20;

/// Who takes longer than this for one keeps too many waiting, and makes no further one.
const DEAR: Duration = Duration::from_millis(200);
const NEVER: Duration = Duration::from_secs(1 << 30);

impl Output {
    fn open(form: Form, path: &Path) -> Result<Self, Error> {
        let unwritable = |error: io::Error| {
            let next = match error.kind() {
                io::ErrorKind::IsADirectory => "name a file in it",
                _ => "name a file in a folder where you may write",
            };
            Error::usage(format!("{} cannot be written: {error}; {next}", path.display()))
        };
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(path).map_err(unwritable)?;
        let is_file = file.metadata().map_err(unwritable)?.is_file();
        let output = Self {
            form,
            path: path.to_owned(),
            file,
            is_file,
            is_new,
            begun: false,
            next_checkpoint: None,
        };
        if matches!(form, Form::Recording { .. }) && is_file && !is_trace_or_empty(path) {
            return Err(Error::usage(format!(
                "{} is there already and is no trace, so it is not overwritten; name another \
                 file, or remove it",
                path.display()
            )));
        }
        Ok(output)
    }

    /// Empties the file.
    fn begin(&mut self) -> io::Result<()> {
        self.begun = true;
        if self.is_file {
            self.file.set_len(0)?;
            self.file.rewind()?;
        }
        Ok(())
    }

    fn write_so_far(&mut self, provenance: &Provenance, trace: &Trace) -> io::Result<()> {
        let Form::Recording { limit_bytes } = self.form else { return Ok(()) };
        self.begin()?;
        let mut file = BufWriter::with_capacity(1 << 18, &self.file);
        recording::write_so_far(provenance, trace, limit_bytes, |bytes| file.write_all(bytes))?;
        file.flush()
    }

    fn write<'a>(
        &mut self,
        provenance: &Provenance,
        trace: &Trace,
        run: Option<&Run>,
        records: &dyn Fn() -> Records<'a>,
    ) -> io::Result<LeftOut> {
        self.begin()?;
        let mut file = BufWriter::with_capacity(1 << 18, &self.file);
        let mut left_out = LeftOut::default();
        match self.form {
            Form::Recording { limit_bytes } => {
                let sink = |bytes: &[u8]| file.write_all(bytes);
                left_out = recording::write(provenance, trace, run, limit_bytes, sink)?;
            }
            Form::Perfetto => {
                let sink = |bytes: &[u8]| file.write_all(bytes);
                let mut writer = perfetto::Writer::new(sink, trace, provenance)?;
                writer.spans(records().spans)?;
                writer.slices(records().slices)?;
                writer.finish()?;
            }
            Form::Chrome => {
                let sink = |text: &str| file.write_all(text.as_bytes());
                let mut writer = chrome::Writer::new(sink, trace, provenance)?;
                writer.spans(records().spans)?;
                writer.slices(records().slices)?;
                writer.finish()?;
            }
            Form::Svg(theme) => {
                file.write_all(drawing::timeline(trace, records, theme).as_bytes())?;
            }
            Form::Png(theme) => {
                let svg = drawing::timeline(trace, records, drawing::fixed(theme));
                file.write_all(&png::png(&svg).map_err(io::Error::other)?)?;
            }
        }
        file.flush()?;
        drop(file);
        if self.is_file {
            self.file.sync_data()?;
        }
        Ok(left_out)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.is_new && self.is_file && !self.begun {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether nothing is lost if this file is overwritten by a trace. What cannot be looked into
/// may be anything.
fn is_trace_or_empty(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut start));
    read.is_ok() && MAGIC.starts_with(&start)
}
