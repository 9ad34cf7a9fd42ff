//! What ends the program early, and its exit code. Each variant is a sentence for the user; a
//! defect of ours is a panic, never one of these.

use std::path::Path;

use maitred_core::workload::{Diagnostic, Report};

/// Exit codes: the table that users see is [`crate::cli::EXIT_CODES`].
pub(crate) mod exit {
    pub(crate) const OK: u8 = 0;
    pub(crate) const NOTHING_MEASURED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const NOT_WRITTEN: u8 = 3;
    pub(crate) const NOT_STRICT: u8 = 4;
    pub(crate) const DEFECT: u8 = 70;
    /// Plus the number of the signal.
    pub(crate) const SIGNAL: u8 = 128;
}

/// Why the program ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The user's input is wrong, or the machine forbids what it asks for. Nothing was started.
    #[error("{0}")]
    Usage(String),
    /// Mistakes in a workload, or in the options that set its parameters.
    #[error("{}", Report::new(name, text, mistakes))]
    Workload { name: String, text: String, mistakes: Vec<Diagnostic> },
    /// It was tried and could not be done.
    #[error("{0}")]
    Failed(String),
    /// It was done but could not be written.
    #[error("{0}")]
    NotWritten(String),
    /// Standard output is closed: nobody listens any more.
    #[error("standard output was closed")]
    ClosedPipe,
    /// A panic, which said before where and why.
    #[error(
        "the lines above tell of a defect of maitred, not of your work: please report them, \
         together with the command and the output of `maitred doctor`"
    )]
    Defect,
}

impl Error {
    /// What the shell is told.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Workload { .. } => exit::USAGE,
            Self::Failed(_) => exit::NOTHING_MEASURED,
            Self::NotWritten(_) => exit::NOT_WRITTEN,
            Self::ClosedPipe => exit::OK,
            Self::Defect => exit::DEFECT,
        }
    }

    /// A file that the user named could not be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let path = path.display();
        Self::Usage(match error.kind() {
            ErrorKind::NotFound => format!("{path}: there is no such file; check the name"),
            ErrorKind::PermissionDenied => {
                format!("{path}: you may not read this file; check its permissions")
            }
            ErrorKind::IsADirectory => {
                format!("{path} is a directory; name a workload file in it, as in {path}/NAME.kdl")
            }
            _ => format!("{path} cannot be read: {error}"),
        })
    }
}
