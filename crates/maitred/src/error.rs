//! What ends the program early, and its exit code. Each variant is a sentence for the user; a
//! defect of ours is a panic, never one of these.

use std::path::Path;

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
    /// There is no result.
    #[error(transparent)]
    Engine(#[from] maitred_engine::Error),
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

/// What is kept cannot be read, or is not there.
impl From<maitred_store::Error> for Error {
    fn from(error: maitred_store::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl Error {
    /// The user's input is wrong, or the machine forbids what it asks for.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Engine(maitred_engine::Error::Usage(sentence.into()))
    }

    /// It was tried and could not be done.
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self::Engine(maitred_engine::Error::Failed(sentence.into()))
    }

    /// What the shell is told.
    pub(crate) fn exit_code(&self) -> u8 {
        use maitred_engine::Error as Engine;
        match self {
            Self::Engine(Engine::Usage(_) | Engine::Workload { .. }) => exit::USAGE,
            Self::Engine(Engine::Failed(_)) => exit::NOTHING_MEASURED,
            Self::NotWritten(_) => exit::NOT_WRITTEN,
            Self::ClosedPipe => exit::OK,
            Self::Defect => exit::DEFECT,
        }
    }

    /// A file that the user named could not be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        maitred_engine::Error::unreadable(path, error).into()
    }
}
