//! Where a trace is saved: a file that is opened before the run, so that a wrong path costs nothing,
//! and written chunk by chunk, so that whatever ends the program leaves a beginning that can be
//! read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maitred_core::recording::{self, LeftOut, MAGIC, Provenance};
use maitred_core::result::Run;
use maitred_core::trace::Trace;

use crate::error::Error;

/// At least this is between two checkpoints, and so many times as long as the last one took: they
/// must not disturb what is measured.
const CHECKPOINT_REST: Duration = Duration::from_secs(1);
const CHECKPOINT_SHARE: u32 = 20;

/// Who takes longer than this for one keeps too many waiting, and makes no further one.
const DEAR: Duration = Duration::from_millis(200);
const NEVER: Duration = Duration::from_secs(1 << 30);

/// The file of one run.
#[derive(Debug)]
pub(crate) struct TraceFile {
    path: PathBuf,
    limit_bytes: u64,
    file: File,
    /// An ordinary file; else a pipe, a terminal, a device.
    is_file: bool,
    /// There was no such file before.
    is_new: bool,
    begun: bool,
    /// When to write again what is known so far; `None`: nothing was written yet.
    next_checkpoint: Option<Instant>,
}

impl TraceFile {
    /// Opens it.
    ///
    /// # Errors
    /// [`Error::Usage`] when it cannot be written, or holds something that is no trace.
    pub(crate) fn open(path: &Path, limit_bytes: u64) -> Result<Self, Error> {
        let unwritable = |error: io::Error| {
            let next = match error.kind() {
                io::ErrorKind::IsADirectory => "name a file in it",
                _ => "name a file in a folder where you may write",
            };
            Error::Usage(format!("{} cannot be written: {error}; {next}", path.display()))
        };
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path);
        let file = file.map_err(unwritable)?;
        let is_file = file.metadata().map_err(unwritable)?.is_file();
        if is_file && !is_trace_or_empty(path) {
            return Err(Error::Usage(format!(
                "{} is there already and is no trace, so it is not overwritten; name another \
                 file, or remove it",
                path.display()
            )));
        }
        let (begun, next_checkpoint) = (false, None);
        let path = path.to_owned();
        Ok(Self { path, limit_bytes, file, is_file, is_new, begun, next_checkpoint })
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
        if !self.is_file {
            return;
        }
        let now = Instant::now();
        let trace = match self.next_checkpoint {
            None => Some(planned.clone()),
            Some(next) if now < next => None,
            Some(_) => recorded(),
        };
        if let Some(trace) = trace {
            // Whatever is wrong now will be wrong at the end, and is told then.
            let _ = self.write_so_far(provenance, &trace);
            let took = now.elapsed();
            let rest =
                if took > DEAR { NEVER } else { CHECKPOINT_REST.max(took * CHECKPOINT_SHARE) };
            self.next_checkpoint = Some(Instant::now() + rest);
        }
    }

    /// Writes the run; what had no room, or why it could not be written.
    pub(crate) fn finish(
        mut self,
        provenance: &Provenance,
        trace: &Trace,
        run: &Run,
    ) -> Result<LeftOut, String> {
        self.write(provenance, trace, run).map_err(|error| {
            let path = self.path.display();
            format!("{path} cannot be written: {error}; what is in it can be read up to there")
        })
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
        self.begin()?;
        let mut file = BufWriter::with_capacity(1 << 18, &self.file);
        recording::write_so_far(provenance, trace, self.limit_bytes, |bytes| {
            file.write_all(bytes)
        })?;
        file.flush()
    }

    fn write(&mut self, provenance: &Provenance, trace: &Trace, run: &Run) -> io::Result<LeftOut> {
        self.begin()?;
        let mut file = BufWriter::with_capacity(1 << 18, &self.file);
        let sink = |bytes: &[u8]| file.write_all(bytes);
        let left_out = recording::write(provenance, trace, Some(run), self.limit_bytes, sink)?;
        file.flush()?;
        drop(file);
        if self.is_file {
            self.file.sync_data()?;
        }
        Ok(left_out)
    }
}

impl Drop for TraceFile {
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
