//! Why there is no result: one sentence for the user each; a defect of ours is a panic, never one
//! of these.

use std::path::Path;

use maitred_core::workload::{Diagnostic, Report};

/// Why a run could not be made or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's input is wrong, or the machine forbids what it asks for. Nothing was started.
    #[error("{0}")]
    Usage(String),
    /// Mistakes in a workload, or in the options that set its parameters.
    #[error("{}", Report::new(name, text, mistakes))]
    Workload { name: String, text: String, mistakes: Vec<Diagnostic> },
    /// It was tried and could not be done.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// A file that the user named could not be read.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
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
