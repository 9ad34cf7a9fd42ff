//! A command: so many copies of it.

use std::path::Path;

use maitred_core::result::SubjectKind;
use maitred_core::view::shell;
use maitred_core::workload::ast::Action;

use crate::error::Error;
use crate::job::{Draft, Job, task, text};
use crate::request::Work;

/// Makes the work of a command.
///
/// # Errors
/// [`Error::Usage`] when the command cannot be found.
pub(super) fn prepare(words: &[String], count: u32, given: &Work) -> Result<Job, Error> {
    let [program, args @ ..] = words else {
        return Err(Error::Usage("a command has at least one word: its program".to_owned()));
    };
    find_program(program)?;
    let args = args.iter().map(|word| text(word)).collect();
    let copy = task("copy", count, Action::Run { program: text(program), args });
    Draft::of_one_step(&shell::line(words), SubjectKind::Command, copy).lower(given, &given.set)
}

/// Whether the shell would find the program: a wrong name must not start anything.
///
/// # Errors
/// [`Error::Usage`] with what is in the way.
pub fn find_program(name: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let runnable = |path: &Path| {
        path.metadata()
            .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    };
    let found = if name.contains('/') {
        runnable(Path::new(name))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| runnable(&folder.join(name)))
    };
    if found {
        return Ok(());
    }
    let hint = if name.contains(' ') {
        "; write the words apart, without quotes around them all, or run a shell: -- sh -c '…'"
    } else if Path::new(name).is_dir() {
        "; it is a directory"
    } else if Path::new(name).exists() {
        "; it is not executable"
    } else {
        "; check its name and the PATH"
    };
    Err(Error::Usage(format!("there is no program `{name}` to run{hint}")))
}
