//! Where traces are exported to for other programs: files that are opened before the run, so that a
//! wrong path costs nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use maitred_core::recording::{LeftOut, Provenance};
use maitred_core::trace::Trace;
use maitred_core::view::picture::Theme;
use maitred_core::view::timeline::Lens;
use maitred_core::view::{chrome, perfetto, units};

use crate::cli::{DrawingArgs, TraceExportArgs};
use crate::drawing;
use crate::error::Error;
use crate::png;
use crate::recording::records::Records;
use crate::terminal::Terminal;

/// What is to be written, and what must not be overwritten.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) exports: &'a TraceExportArgs,
    pub(crate) drawing: &'a DrawingArgs,
    /// What is read or written by others, and must not be overwritten.
    pub(crate) others: &'a [Option<&'a Path>],
    /// What pictures show of a run.
    pub(crate) lens: Lens,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Perfetto,
    Chrome,
    Svg(Theme, Lens),
    Png(Theme, Lens),
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
        let all = [
            (Form::Perfetto, wanted.exports.export_perfetto.as_deref()),
            (Form::Chrome, wanted.exports.export_chrome.as_deref()),
            (
                Form::Svg(drawing::theme(wanted.drawing), wanted.lens),
                wanted.drawing.export_svg.as_deref(),
            ),
            (
                Form::Png(drawing::theme(wanted.drawing), wanted.lens),
                wanted.drawing.export_png.as_deref(),
            ),
        ];
        drawing::check(wanted.drawing)?;
        let mut taken: Vec<(u64, u64)> = Vec::new();
        let mut outputs = Vec::new();
        for (form, path) in all.into_iter().filter_map(|(form, path)| Some((form, path?))) {
            let output = Output::open(form, path)?;
            once(path, &taken)?;
            taken.extend(identity(path).filter(|_| output.is_file));
            outputs.push(output);
        }
        // Last, so that one that did not exist does by now if it is named twice.
        wanted.others.iter().flatten().try_for_each(|path| once(path, &taken))?;
        Ok(Self { outputs })
    }

    /// Writes the run to all of them and tells what fails; whether nothing did. They take `records`
    /// as often as they are needed.
    pub(crate) fn finish<'a>(
        &mut self,
        provenance: &Provenance,
        trace: &Trace,
        records: impl Fn() -> Records<'a>,
        terminal: &Terminal,
    ) -> bool {
        let mut written = true;
        for output in &mut self.outputs {
            if let Err(error) = output.write(provenance, trace, &records) {
                written = false;
                terminal.complain(&format!("{} cannot be written: {error}", output.path.display()));
            }
        }
        written
    }
}

/// Refuses a file that is already taken.
fn once(path: &Path, taken: &[(u64, u64)]) -> Result<(), Error> {
    match identity(path).is_some_and(|file| taken.contains(&file)) {
        false => Ok(()),
        true => Err(Error::usage(format!(
            "{} is named twice: as a file to read or write, and to write the trace to; name another \
             file",
            path.display()
        ))),
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
}

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
        Ok(Self { form, path: path.to_owned(), file, is_file, is_new, begun: false })
    }

    fn write<'a>(
        &mut self,
        provenance: &Provenance,
        trace: &Trace,
        records: &dyn Fn() -> Records<'a>,
    ) -> io::Result<()> {
        self.begun = true;
        if self.is_file {
            self.file.set_len(0)?;
            self.file.rewind()?;
        }
        let mut file = BufWriter::with_capacity(1 << 18, &self.file);
        match self.form {
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
            Form::Svg(theme, lens) => {
                let svg = drawing::timeline(trace, provenance, records, &lens, theme);
                file.write_all(svg.map_err(io::Error::other)?.as_bytes())?;
            }
            Form::Png(theme, lens) => {
                let theme = drawing::fixed(theme);
                let svg = drawing::timeline(trace, provenance, records, &lens, theme);
                let svg = svg.map_err(io::Error::other)?;
                file.write_all(&png::png(&svg).map_err(io::Error::other)?)?;
            }
        }
        file.flush()?;
        drop(file);
        if self.is_file {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.is_new && self.is_file && !self.begun {
            let _ = fs::remove_file(&self.path);
        }
    }
}
