//! How a runner is started: [`RunnerCommand`].

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A program that speaks the runner's protocol, and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerCommand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Added to the environment of `maitred`.
    pub env: Vec<(OsString, OsString)>,
}

impl RunnerCommand {
    /// A program without a changed environment.
    pub fn new<S: AsRef<OsStr>>(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Self { program: program.into(), args, env: Vec::new() }
    }

    /// A text that changes when the runner does: where its files are, how large and from when,
    /// and what it is given. Tells two builds of one version apart without starting either.
    pub fn identity(&self) -> String {
        let found = find(&self.program);
        let mut identity = stamp(&found).unwrap_or_else(|| found.display().to_string());
        for arg in &self.args {
            let text = stamp(Path::new(arg)).unwrap_or_else(|| arg.to_string_lossy().into_owned());
            identity.push_str(&format!(" {text}"));
        }
        for (name, value) in &self.env {
            identity.push_str(&format!(" {}={}", name.display(), value.display()));
        }
        identity
    }
}

/// The file that `execvp` would take: names without a slash are looked for in PATH.
fn find(program: &Path) -> PathBuf {
    if program.components().count() > 1 || program.is_absolute() {
        return program.to_owned();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| program.to_owned())
}

fn stamp(path: &Path) -> Option<String> {
    let file = fs::canonicalize(path).ok()?;
    let metadata = fs::metadata(&file).ok().filter(fs::Metadata::is_file)?;
    let (size, seconds, nanos) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    Some(format!("{} ({size} bytes of {seconds}.{nanos:09})", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_changes_with_the_file_and_with_the_arguments() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("runner.py");
        fs::write(&script, "1").unwrap();
        let command = RunnerCommand::new("python3", [&script]);
        let before = command.identity();
        assert_eq!(before, command.identity());
        assert!(before.starts_with('/'), "found in PATH: {before}");
        fs::write(&script, "22").unwrap();
        assert_ne!(before, command.identity());
        let other = RunnerCommand::new("python3", [script.as_os_str(), OsStr::new("-x")]);
        assert_ne!(other.identity(), command.identity());
    }
}
