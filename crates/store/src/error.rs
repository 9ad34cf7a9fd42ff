//! Why something is not kept or not found: the main type is [`Error`].

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A sentence with the place, the cause and the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the folder {path} cannot be made: {cause}; name another with --store", path = .0.display(), cause = .1)]
    Folder(PathBuf, std::io::Error),
    #[error(
        "{path} cannot be written here: {cause}; name another folder with --store",
        path = .0.display(), cause = .1
    )]
    Unwritable(PathBuf, String),
    #[error(
        "{path} is of a newer maitred (form {found}; this one knows {known}): use that one, or name another \
         folder with --store",
        path = .path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(
        "{path} is damaged ({cause}): it is left as it is; move it away to begin anew, `sqlite3 FILE .recover` \
         reads what is left in it",
        path = .0.display(), cause = .1
    )]
    Damaged(PathBuf, String),
    #[error("the disk of {path} is full; `maitred runs delete` makes room, or name another folder with --store", path = .0.display())]
    Full(PathBuf),
    #[error("another program writes {path} and does not end; try again when it has", path = .0.display())]
    Busy(PathBuf),
    #[error("{path}: {cause}", path = .0.display(), cause = .1)]
    Other(PathBuf, String),
    /// A sentence about what was asked for.
    #[error("{0}")]
    Asked(String),
}

impl Error {
    /// What SQLite says, as far as it concerns a user (<https://www.sqlite.org/rescode.html>).
    pub(crate) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, cause) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(path, cause)
            }
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unwritable(path, cause)
            }
            _ => Self::Other(path, cause),
        }
    }
}
