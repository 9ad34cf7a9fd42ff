//! The piece of work: a workload file or a command line, read and lowered to the same value.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use maitred_core::result::SubjectKind;
use maitred_core::view::units;
use maitred_core::workload::{self, Diagnostic, Lowered, Report, Settings};

use crate::cli::SubjectArgs;
use crate::error::Error;
use crate::runtimes::Runtimes;
use crate::terminal::Terminal;

/// What is to be done, ready to be planned for any model.
#[derive(Debug)]
pub(crate) struct Subject {
    /// As it was named.
    pub name: String,
    pub kind: SubjectKind,
    /// The text of the workload, to point into it.
    pub source: String,
    pub work: Lowered,
    warnings: Vec<Diagnostic>,
}

impl Subject {
    /// What it is called, in one line.
    pub(crate) fn heading(&self) -> String {
        let tasks = units::plural(u64::from(self.work.task_count()), "task");
        match &self.work.title {
            Some(title) if *title != self.name => format!("{title} ({}, {tasks})", self.name),
            _ => format!("{} ({tasks})", self.name),
        }
    }

    /// The runtimes that can be asked to do it.
    ///
    /// # Errors
    /// [`Error::Failed`] when the program cannot find itself.
    pub(crate) fn runtimes(&self) -> Result<Runtimes, Error> {
        match self.kind {
            SubjectKind::Command => Runtimes::of_command(),
            _ => Runtimes::of_workload(),
        }
    }

    /// Says what looks wrong in the workload, though it forbids nothing.
    pub(crate) fn warn(&self, terminal: &Terminal) {
        if !self.warnings.is_empty() {
            terminal.say(&terminal.report(&Report::new(&self.name, &self.source, &self.warnings)));
        }
    }
}

/// No workload that a person wrote is longer.
const MAX_SOURCE_BYTES: u64 = 1 << 20;

/// Reads a workload file and lowers it.
///
/// # Errors
/// [`Error::Usage`] when it cannot be read, [`Error::Workload`] with every mistake in it.
pub(crate) fn from_file(path: &Path, args: &SubjectArgs) -> Result<Subject, Error> {
    let source = read(path)?;
    let name = path.display().to_string();
    lower(source, name, SubjectKind::Workload, path.parent(), args)
}

/// Makes the workload of a command: so many copies of it.
///
/// # Errors
/// [`Error::Usage`] when the command cannot be found.
pub(crate) fn from_command(words: &[String], args: &SubjectArgs) -> Result<Subject, Error> {
    let name = words.join(" ");
    find_program(&words[0])?;
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let source = format!(
        "title {}\ntask \"copy\" count={} {{\n    run {}\n}}\n",
        quote(&name),
        args.count,
        quoted.join(" ")
    );
    lower(source, name, SubjectKind::Command, None, args)
}

fn lower(
    source: String,
    name: String,
    kind: SubjectKind,
    folder: Option<&Path>,
    args: &SubjectArgs,
) -> Result<Subject, Error> {
    let mistakes =
        |mistakes| Error::Workload { name: name.clone(), text: source.clone(), mistakes };
    let parsed = workload::parse(&source).map_err(mistakes)?;
    let mut settings = Settings {
        seed: args.seed,
        speed: args.speed.0,
        set: args.set.clone(),
        inputs: Vec::new(),
    };
    for path in workload::input_files(&parsed, &args.set) {
        let lines = read_lines(&folder.unwrap_or(Path::new("")).join(&path))?;
        settings.inputs.push((path, lines));
    }
    let work = workload::lower(&parsed, &settings).map_err(mistakes)?;
    Ok(Subject { name, kind, source, work, warnings: parsed.warnings })
}

fn read_lines(path: &Path) -> Result<u64, Error> {
    let mut text = String::new();
    File::open(path)
        .and_then(|mut file| file.read_to_string(&mut text))
        .map_err(|error| Error::unreadable(path, &error))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).count() as u64)
}

fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |error| Error::unreadable(path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if facts.is_dir() {
        return Err(Error::unreadable(path, &std::io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return Err(Error::Usage(format!(
            "{} is larger than 1 MiB, which no workload is; check that it is the right file",
            path.display()
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        // Without a slash it would be looked for in the PATH.
        let program =
            if path.components().count() > 1 { path.into() } else { Path::new(".").join(path) };
        Error::Usage(format!(
            "{} is not text (byte {place} is not UTF-8); a workload is a KDL file, and a program \
             is named behind `--`: maitred compare -- {}",
            path.display(),
            program.display()
        ))
    })
}

/// A word as a KDL string.
fn quote(word: &str) -> String {
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // `$` begins a parameter in the language; here it is the user's own.
            '$' => quoted.push_str("$$"),
            // Control characters, other ends of lines and marks of direction may not stand in KDL.
            other if !(other.is_alphanumeric() || other == ' ' || other.is_ascii_graphic()) => {
                quoted.push_str(&format!("\\u{{{:x}}}", other as u32));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether the shell would find the program: a wrong name must not start anything.
fn find_program(name: &str) -> Result<(), Error> {
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
