//! What a piece of work may be: a workload, a command, an address, a function. One file each, and
//! each makes a `Job` of it.

pub(crate) mod claimed;
pub mod command;
pub mod function;
pub mod url;
mod workload;

use crate::error::Error;
use crate::job::Job;
use crate::request::{Subject, Work};

/// Reads what was named, and makes it ready to be planned.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read or reached, [`Error::Workload`] with every mistake in it.
pub(crate) fn prepare(subject: &Subject, given: &Work) -> Result<Job, Error> {
    match subject {
        Subject::Workload { path } => workload::from_file(path, given),
        Subject::WorkloadText { name, text, folder } => {
            workload::from_text(name, text, folder.clone(), given)
        }
        Subject::Command { words, count } => command::prepare(words, *count, given),
        Subject::Url { address, http } => url::prepare(address, http, given),
        Subject::Function { name, also, calls } => function::prepare(name, also, calls, given),
    }
}
