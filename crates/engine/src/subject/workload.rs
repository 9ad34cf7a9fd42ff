//! A workload: a file of the user's, or text from elsewhere.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use maitred_core::recording::MAGIC;
use maitred_core::result::SubjectKind;
use maitred_core::workload;

use crate::error::Error;
use crate::job::{Draft, Job};
use crate::request::Work;

/// What every saved result has, and no workload.
const RESULT: &[u8] = b"\"schema_version\":";

/// No workload that a person wrote is longer.
const MAX_SOURCE_BYTES: u64 = 1 << 20;

/// Reads a workload file and lowers it.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read, [`Error::Workload`] with every mistake in it.
pub(super) fn from_file(path: &Path, given: &Work) -> Result<Job, Error> {
    let source = read(path)?;
    from_text(&path.display().to_string(), &source, path.parent().map(Path::to_owned), given)
}

/// Lowers a workload whose text is at hand; `folder`: where the functions lie that it calls.
///
/// # Errors
/// [`Error::Workload`] with every mistake in it.
pub(super) fn from_text(
    name: &str,
    source: &str,
    folder: Option<PathBuf>,
    given: &Work,
) -> Result<Job, Error> {
    let (source, name) = (source.to_owned(), name.to_owned());
    match workload::parse(&source) {
        Err(mistakes) => Err(Error::Workload { name, text: source, mistakes }),
        Ok(written) => {
            let kind = SubjectKind::Workload;
            Draft { name, kind, source, folder, written }.lower(given, &given.set)
        }
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |error| Error::unreadable(path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if facts.is_dir() {
        return Err(Error::unreadable(path, &std::io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.starts_with(b"{") && bytes.windows(RESULT.len()).any(|part| part == RESULT) {
        return Err(Error::Usage(format!(
            "{0} is a saved result, and no work to be done: `maitred show {0}` shows it",
            path.display()
        )));
    }
    if bytes.len() as u64 > MAX_SOURCE_BYTES && !bytes.starts_with(&MAGIC) {
        return Err(Error::Usage(format!(
            "{} is larger than 1 MiB, which no workload is; check that it is the right file",
            path.display()
        )));
    }
    if bytes.starts_with(&MAGIC) {
        return Err(Error::Usage(format!(
            "{0} is a trace of a run, and no work to be done: `maitred show {0}` shows it",
            path.display()
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        // Without a slash it would be looked for in the PATH.
        let program =
            if path.components().count() > 1 { path.into() } else { Path::new(".").join(path) };
        Error::Usage(format!(
            "{} is not text (byte {place} is not UTF-8); a workload is a KDL file, and a program \
             is named behind `--`: maitred compare -- {}",
            path.display(),
            program.display()
        ))
    })
}
