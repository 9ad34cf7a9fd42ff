//! The events of a run as lines of JSON, for other programs that follow it.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::Path;

use maitred_engine::Event;

use crate::error::Error;
use crate::terminal::Terminal;

/// Where events are written; without one they are not.
#[derive(Debug)]
pub(crate) struct Events {
    file: Option<BufWriter<File>>,
    terminal: Terminal,
}

impl Events {
    /// Opens the file, or standard output for `-`. What is for people then goes to standard error.
    ///
    /// # Errors
    /// [`Error::usage`] when it cannot be written.
    pub(crate) fn open(path: Option<&Path>, terminal: &mut Terminal) -> Result<Self, Error> {
        let file = match path {
            None => None,
            Some(path) if path.as_os_str() == "-" => {
                use std::os::fd::AsFd as _;
                terminal.text_to_error();
                io::stdout().as_fd().try_clone_to_owned().ok().map(File::from)
            }
            Some(path) => Some(File::create(path).map_err(|error| {
                Error::usage(format!(
                    "{} cannot be written: {error}; name a file in a folder where you may write",
                    path.display()
                ))
            })?),
        };
        Ok(Self { file: file.map(BufWriter::new), terminal: *terminal })
    }

    /// Writes a line. When that fails it is told once, and the run goes on.
    pub(crate) fn put(&mut self, event: &Event<'_>) {
        let Some(file) = &mut self.file else { return };
        let written = serde_json::to_writer(&mut *file, event)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.flush());
        if let Err(error) = written {
            self.file = None;
            // Who does not read a pipe to its end has read enough.
            if error.kind() != ErrorKind::BrokenPipe {
                self.terminal.complain(&format!("events cannot be written: {error}"));
            }
        }
    }
}
