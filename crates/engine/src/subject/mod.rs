//! What a piece of work may be: a workload, a command, an address, a function, closures. One file each, and
//! each makes a `Job` of it.

mod between;
pub mod claimed;
pub(crate) mod closures;
pub mod command;
pub(crate) mod executors;
pub mod function;
pub mod url;
mod workload;

use self::command::Commands;
use crate::error::Error;
use crate::job::Job;
use crate::request::{Subject, Work};

/// Reads what was named, and makes it ready to be planned.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read or reached, [`Error::Workload`] with every mistake in it.
pub(crate) fn prepare(subject: &Subject, given: &Work) -> Result<Job, Error> {
    let job = prepare_swept(subject, given, &[])?;
    match job.alternatives.len() {
        0 | 1 => Ok(job),
        _ => Err(Error::Usage(
            "this is about one command; `maitred compare` compares several".to_owned(),
        )),
    }
}

/// The same of work under several values of parameters, which a command has in its words alone.
///
/// # Errors
/// As above.
pub(crate) fn prepare_swept(
    subject: &Subject,
    given: &Work,
    sweep: &[(String, String)],
) -> Result<Job, Error> {
    let mut job = of_kind(subject, given, sweep)?;
    job.executors = executors::look(&given.python, job.kind)?;
    let asked = given.python.executors.iter();
    job.asked.extend(asked.map(|(name, maker)| ("executor".to_owned(), format!("{name}={maker}"))));
    Ok(job)
}

fn of_kind(subject: &Subject, given: &Work, sweep: &[(String, String)]) -> Result<Job, Error> {
    match subject {
        Subject::Workload { path } => workload::from_file(path, given),
        Subject::WorkloadText { name, text, folder } => {
            workload::from_text(name, text, folder.clone(), given)
        }
        Subject::Command { words, named, around, count } => {
            let commands = Commands { words, named, around, count: *count };
            command::prepare(&commands, given, sweep)
        }
        Subject::Url { address, http } => url::prepare(address, http, given),
        Subject::Function { name, also, calls, folder } => {
            function::prepare(name, also, calls, folder.as_deref(), given)
        }
        Subject::Closures { name, closures, count } => {
            closures::prepare(name, closures, *count, given)
        }
    }
}
