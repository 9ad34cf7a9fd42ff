//! Files that a result is written to: opened before the first run, so that a wrong path costs
//! nothing, and rewritten after each round (every few, where writing takes longer than they do), so
//! that what was measured survives.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use maitred_core::result::Comparison;

use crate::cli::ChartArgs;
use crate::drawing::{self, Drawing};
use crate::error::Error;
use crate::terminal::Terminal;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Markdown,
    Svg(Drawing),
    Png(Drawing),
}

/// One file.
#[derive(Debug)]
pub(crate) struct Export {
    format: Format,
    path: PathBuf,
    place: Place,
    /// Why it was not written the last time; told once.
    failure: Option<String>,
}

/// How a file is written.
#[derive(Debug)]
enum Place {
    /// Replaced whole, as often as there is something new. Links are followed, so that what is
    /// replaced is the file and not the link.
    File(PathBuf),
    /// Standard output (`-`), a pipe, a terminal, a device, a descriptor by its name in `/dev`: it cannot be replaced,
    /// and is written once, at the end.
    Stream(File),
}

impl Export {
    /// Checks that the file can be written.
    ///
    /// # Errors
    /// [`Error::usage`] when it cannot.
    fn open(format: Format, path: &Path) -> Result<Self, Error> {
        let place = Place::find(path).map_err(|error| Error::usage(unwritable(path, &error)))?;
        Ok(Self { format, path: path.to_owned(), place, failure: None })
    }

    /// Writes the result as it stands. Gives a new failure as a sentence; the run goes on.
    pub(crate) fn update(&mut self, result: &Comparison) -> Option<String> {
        let empty = result.contestants.iter().all(|one| one.runs.is_empty());
        match &self.place {
            // Pictures are for the end: drawing them takes time, and not all have something to show.
            _ if matches!(self.format, Format::Svg(_) | Format::Png(_)) => None,
            Place::File(file) if !empty => {
                let outcome =
                    self.render(result).and_then(|bytes| put(file, &bytes, Until::Replaced));
                self.note(outcome)
            }
            _ => None,
        }
    }

    /// Writes the final result. Gives a new failure as a sentence.
    fn finish(&mut self, result: &Comparison) -> Option<String> {
        let outcome = self.render(result).and_then(|bytes| match &mut self.place {
            Place::Stream(file) => file.write_all(&bytes),
            Place::File(file) => put(file, &bytes, Until::Last),
        });
        self.note(outcome)
    }

    fn render(&self, result: &Comparison) -> io::Result<Vec<u8>> {
        use maitred_core::view;
        let text = match self.format {
            Format::Json => view::json::to_json(result),
            Format::Csv => view::csv::csv(result),
            Format::Markdown => view::markdown::markdown(result),
            Format::Svg(drawing) => drawing.svg(result).map_err(io::Error::other)?,
            Format::Png(drawing) => return drawing.png(result).map_err(io::Error::other),
        };
        Ok(text.into_bytes())
    }

    fn note(&mut self, outcome: io::Result<()>) -> Option<String> {
        let told = self.failure.is_some();
        // Who does not read a pipe to its end has read enough.
        let failed = outcome.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        self.failure = failed.map(|error| {
            let rest = match self.format {
                Format::Json | Format::Csv | Format::Markdown => "; the run goes on",
                Format::Svg(_) | Format::Png(_) => "",
            };
            format!("{} cannot be written: {error}{rest}", self.path.display())
        });
        if told { None } else { self.failure.clone() }
    }
}

impl Place {
    fn find(path: &Path) -> io::Result<Self> {
        // By way of our own descriptors, which share their position with what is printed.
        match path.to_str() {
            Some("-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => {
                return Ok(Self::Stream(io::stdout().as_fd().try_clone_to_owned()?.into()));
            }
            Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
                return Ok(Self::Stream(io::stderr().as_fd().try_clone_to_owned()?.into()));
            }
            _ => {}
        }
        let existed = path.exists();
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).open(path)?;
        let is_system = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
        if is_system || !file.metadata()?.is_file() {
            return Ok(Self::Stream(file));
        }
        let path = fs::canonicalize(path)?;
        // The folder must take a second file beside it, by which it is replaced whole.
        let draft = draft_path(&path);
        File::create(&draft)?;
        let _ = fs::remove_file(draft);
        if !existed {
            let _ = fs::remove_file(&path);
        }
        Ok(Self::File(path))
    }
}

/// Where a result is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files<'a> {
    pub(crate) save: Option<&'a Path>,
    pub(crate) json: Option<&'a Path>,
    pub(crate) csv: Option<&'a Path>,
    pub(crate) markdown: Option<&'a Path>,
}

impl Files<'_> {
    /// Whether a result goes where text for people would.
    pub(crate) fn take_standard_output(&self) -> bool {
        let files = [self.save, self.json, self.csv, self.markdown];
        files.into_iter().flatten().any(|path| path.as_os_str() == "-")
    }
}

/// Opens all files that were asked for.
///
/// # Errors
/// [`Error::usage`] for the first that cannot be written.
pub(crate) fn open(files: &Files<'_>, charts: &ChartArgs) -> Result<Vec<Export>, Error> {
    let wanted = [
        (Format::Json, files.save),
        (Format::Json, files.json),
        (Format::Csv, files.csv),
        (Format::Markdown, files.markdown),
    ];
    let named = wanted.into_iter().filter_map(|(format, path)| Some((format, path?)));
    let opened = named.map(|(format, path)| Export::open(format, path));
    let mut opened = opened.collect::<Result<Vec<Export>, Error>>()?;
    opened.extend(pictures(charts)?);
    Ok(opened)
}

/// Opens the pictures that were asked for.
///
/// # Errors
/// [`Error::usage`] for the first that cannot be written.
pub(crate) fn pictures(args: &ChartArgs) -> Result<Vec<Export>, Error> {
    drawing::check(&args.drawing)?;
    let drawing = Drawing::of(args);
    let wanted = [
        (Format::Svg(drawing), &args.drawing.export_svg),
        (Format::Png(drawing), &args.drawing.export_png),
    ];
    if args.chart.is_some() && wanted.iter().all(|(_, path)| path.is_none()) {
        return Err(Error::usage(
            "--chart says what is drawn, but not where; add --export-svg FILE or --export-png FILE"
                .to_owned(),
        ));
    }
    let named = wanted.into_iter().filter_map(|(format, path)| Some((format, path.as_deref()?)));
    named.map(|(format, path)| Export::open(format, path)).collect()
}

/// Writes the final result to all of them and tells what fails; whether nothing did.
pub(crate) fn finish(exports: &mut [Export], result: &Comparison, terminal: &Terminal) -> bool {
    for export in exports.iter_mut() {
        if let Some(failure) = export.finish(result) {
            terminal.complain(&failure);
        }
    }
    exports.iter().all(|export| export.failure.is_none())
}

/// A file that is written whole, once or again.
#[derive(Debug)]
pub(crate) struct Page(Place);

/// Checks that a page can be written there, and that it is not what it is made of.
///
/// # Errors
/// [`Error::usage`] when it cannot.
pub(crate) fn page(path: &Path, input: &Path) -> Result<Page, Error> {
    if let (Ok(one), Ok(other)) = (fs::canonicalize(path), fs::canonicalize(input))
        && one == other
    {
        return Err(Error::usage(format!(
            "{} is what the page is made of, and would be overwritten; name another file",
            path.display()
        )));
    }
    Page::open(path)
}

impl Page {
    /// Checks that it can be written there.
    ///
    /// # Errors
    /// [`Error::usage`] when it cannot.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Place::find(path).map(Self).map_err(|error| Error::usage(unwritable(path, &error)))
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Place::Stream(file) => file.write_all(bytes),
            Place::File(file) => put(file, bytes, Until::Last),
        }
    }
}

/// How a value becomes a page.
type Render<T> = fn(&T) -> String;

/// A page that says what was found of something.
#[derive(Debug)]
pub(crate) struct Document<T> {
    page: Page,
    path: PathBuf,
    render: Render<T>,
}

/// Opens those that were asked for, each with what it says.
///
/// # Errors
/// [`Error::usage`] for the first that cannot be written.
pub(crate) fn documents<T, const N: usize>(
    wanted: [(&Option<PathBuf>, Render<T>); N],
) -> Result<Vec<Document<T>>, Error> {
    let named = wanted.into_iter().filter_map(|(path, render)| Some((path.clone()?, render)));
    named.map(|(path, render)| Ok(Document { page: Page::open(&path)?, path, render })).collect()
}

impl<T> Document<T> {
    /// Whether writing it again replaces what was written.
    pub(crate) fn is_replaced(&self) -> bool {
        matches!(self.page.0, Place::File(_))
    }

    /// Writes what was found until now, and tells what fails; whether nothing did.
    pub(crate) fn update(&mut self, found: &T, terminal: &Terminal) -> bool {
        let outcome = self.page.put((self.render)(found).as_bytes());
        if let Err(error) = &outcome {
            terminal.complain(&format!("{} cannot be written: {error}", self.path.display()));
        }
        outcome.is_ok()
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!(
        "{} cannot be written: {error}; name a file in a folder where you may write",
        path.display()
    )
}

/// How long a file is to stay as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Until more was measured. Not waited for until it is on the disk, which takes as long as many a
    /// round: it outlives this program, however that ends, and only a loss of power may take it.
    Replaced,
    Last,
}

/// Replaces a file whole: it never holds half a result, not even when the disk is full.
fn put(path: &Path, bytes: &[u8], until: Until) -> io::Result<()> {
    let draft = draft_path(path);
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        if until == Until::Last { file.sync_data() } else { Ok(()) }
    });
    written.and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.draft", std::process::id()));
    path.with_file_name(name)
}
