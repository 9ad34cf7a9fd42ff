//! Finds Python interpreters: which files may be one, and what each says it is when asked. Asking
//! takes as long as a start of the interpreter and more, so only those are asked that may be the
//! one wanted, and what a file said is remembered until the file changes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maitred_wire::Ready;

use super::describe::describe;
use super::interrupt::Interrupt;
use super::python::{Library, PythonRunner};
use super::runner::RunnerCommand;
use super::said;
use super::session::SessionError;

/// How long an interpreter may take to say what it is.
const LIMIT: Duration = Duration::from_secs(20);

/// An interpreter that said what it is.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// `python3.11`, `python3.14t`, `pypy3.10`.
    pub name: String,
    /// Its own file, behind whatever script or link led there.
    pub path: PathBuf,
    pub ready: Ready,
    pub runner: RunnerCommand,
}

/// A file that is called like an interpreter and is none that can be used.
#[derive(Clone, Debug)]
pub struct Unusable {
    pub path: PathBuf,
    /// A sentence's end.
    pub why: String,
}

/// All files that may be interpreters, and what was learnt of them; the main type.
#[derive(Debug)]
pub struct Interpreters {
    runner: PythonRunner,
    cache: Option<PathBuf>,
    /// Not asked yet, in the order in which they are preferred.
    candidates: Vec<PathBuf>,
    /// Those that were asked: their folders and the files in them, behind all links.
    asked: BTreeSet<(PathBuf, PathBuf)>,
    pub found: Vec<Interpreter>,
    pub unusable: Vec<Unusable>,
}

impl Interpreters {
    /// Looks where interpreters are: first those named by the user, then the active virtual
    /// environment, then PATH. Asks none.
    ///
    /// # Errors
    /// When there is no place for the runner.
    pub fn look(named: &[PathBuf]) -> std::io::Result<Self> {
        let cache = crate::measure::calibration::cache_folder();
        let candidates = named.iter().map(|path| located(path)).chain(on_this_machine()).collect();
        Ok(Self {
            runner: PythonRunner::unpack(cache.as_deref())?,
            cache,
            candidates,
            asked: BTreeSet::new(),
            found: Vec::new(),
            unusable: Vec::new(),
        })
    }

    /// Asks files until one is of this name: `python3.11`, or `python3`, `python` and `pypy3`,
    /// which mean the first there is, as `python3t` does of
    /// those without a lock.
    pub fn find(&mut self, name: &str, interrupt: &Interrupt) -> Option<&Interpreter> {
        let at = loop {
            let known = self.found.iter().position(|one| answers(&one.name, name));
            match (known, self.likeliest(name)) {
                (Some(at), _) => break at,
                (None, Some(next)) => self.ask(next, true, interrupt),
                (None, None) => return None,
            }
        };
        Some(&self.found[at])
    }

    /// How a library is run: by the interpreter that `python3` means, or else by the first of those that
    /// the user named which has it.
    ///
    /// # Errors
    /// Why the first cannot.
    pub fn library(
        &mut self,
        library: Library,
        named: &[PathBuf],
        interrupt: &Interrupt,
    ) -> Result<(RunnerCommand, Ready), String> {
        let why = "there is no Python that could run it";
        let first = self.find("python3", interrupt).ok_or(why)?.path.clone();
        self.library_on(library, &first, interrupt).or_else(|why| {
            let is_named = |path: &&PathBuf| named.iter().any(|one| located(one) == **path);
            let paths: Vec<_> =
                self.found.iter().map(|one| &one.path).filter(is_named).cloned().collect();
            let mut others = paths.iter().filter(|path| **path != first);
            others.find_map(|path| self.library_on(library, path, interrupt).ok()).ok_or(why)
        })
    }

    fn library_on(
        &self,
        library: Library,
        path: &Path,
        interrupt: &Interrupt,
    ) -> Result<(RunnerCommand, Ready), String> {
        let command = self.runner.library_on(library, path);
        let who = format!("{} of {}", library.name(), who(path, &command));
        // What a package manager changes is not seen from outside, so that only success is kept.
        if let Some(ready) = said::recall(self.memory(path), &who) {
            return Ok((command, ready));
        }
        let ready = describe(&command, LIMIT, interrupt).map_err(|error| reason(&error))?;
        said::remember(self.memory(path), &who, &ready);
        Ok((command, ready))
    }

    /// Asks the first so many.
    pub fn ask_first(&mut self, count: usize, interrupt: &Interrupt) {
        for _ in 0..count.min(self.candidates.len()) {
            self.ask(0, true, interrupt);
        }
    }

    /// Asks those whose file name passes.
    pub fn ask_all(
        &mut self,
        remembered: bool,
        interrupt: &Interrupt,
        wanted: impl Fn(&str) -> bool,
    ) {
        let is_wanted =
            |path: &PathBuf| path.file_name().is_some_and(|name| wanted(&name.to_string_lossy()));
        while let Some(next) = self.candidates.iter().position(is_wanted) {
            self.ask(next, remembered, interrupt);
        }
    }

    /// The candidate that most probably is of this name: the one called so, else the first whose
    /// name says nothing against it.
    fn likeliest(&self, name: &str) -> Option<usize> {
        let called = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_it = |path: &PathBuf| called(path).as_deref() == Some(name);
        let may_be = |path: &PathBuf| {
            called(path).is_none_or(|called| !is_versioned(&called) || answers(&called, name))
        };
        // Short of a version, the order of preference counts and not the name of the file.
        let named = if matches!(name, "python" | "python3") {
            None
        } else {
            self.candidates.iter().position(is_it)
        };
        named.or_else(|| self.candidates.iter().position(may_be))
    }

    /// How many inputs a function of the user's makes, as the interpreter says on which functions run.
    ///
    /// # Errors
    /// What it said instead, a sentence's end.
    pub(crate) fn count_inputs(&mut self, maker: &str) -> Result<u32, String> {
        let path = self.candidates.first().ok_or("there is no Python on this machine")?;
        self.runner.count_inputs(path, maker)
    }

    /// How many workers an executor says that it has; `None`: it does not say.
    ///
    /// # Errors
    /// What was said instead, a sentence's end.
    pub(crate) fn count_workers(&mut self, maker: &str) -> Result<Option<u32>, String> {
        let path = self.candidates.first().ok_or("there is no Python on this machine")?;
        self.runner.count_workers(path, maker)
    }

    fn ask(&mut self, candidate: usize, remembered: bool, interrupt: &Interrupt) {
        let path = self.candidates.remove(candidate);
        if behind_links(&path).is_some_and(|place| !self.asked.insert(place)) {
            return;
        }
        let command = self.runner.on(&path);
        let (memory, who) = (self.memory(&path), who(&path, &command));
        let known = remembered.then(|| said::recall(memory, &who)).flatten();
        let ready = match known {
            Some(ready) => Ok(ready),
            None => describe(&command, LIMIT, interrupt).inspect(|ready| {
                said::remember(memory, &who, ready);
            }),
        };
        match ready {
            Ok(ready) => self.add(path, ready),
            Err(error) => self.unusable.push(Unusable { path, why: reason(&error) }),
        }
    }

    /// Adds it unless it is here under another path. A virtual environment is a different one
    /// than what it was made from: it has other packages.
    fn add(&mut self, asked: PathBuf, ready: Ready) {
        let path = fact(&ready, "executable").map_or(asked, PathBuf::from);
        let identity = |path: &Path, ready: &Ready| {
            let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            (file, fact(ready, "prefix").map(str::to_owned))
        };
        let new = identity(&path, &ready);
        if self.found.iter().any(|one| identity(&one.path, &one.ready) == new) {
            return;
        }
        let name = self.free_name(&ready);
        self.found.push(Interpreter { name, runner: self.runner.on(&path), path, ready });
    }

    /// What it is; two of the same version are told apart by all of it, else by a number.
    fn free_name(&self, ready: &Ready) -> String {
        let short = name(ready, 2);
        let numbered = (2..).map(|number| format!("{}-{number}", name(ready, 3)));
        let mut names = [short, name(ready, 3)].into_iter().chain(numbered);
        let free = |name: &String| self.found.iter().all(|one| one.name != *name);
        names.find(free).expect("there are more numbers than interpreters")
    }

    /// The cache of what files said. A script has none: where it leads may change without it.
    fn memory(&self, path: &Path) -> Option<&Path> {
        self.cache.as_deref().filter(|_| !is_script(path))
    }
}

fn who(path: &Path, command: &RunnerCommand) -> String {
    format!("{} is {}", path.display(), command.identity())
}

/// A fact that an interpreter gave.
pub fn fact<'a>(ready: &'a Ready, name: &str) -> Option<&'a str> {
    ready.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// `python3.14t` or, with all three numbers, `python3.14.2t`.
fn name(ready: &Ready, numbers: usize) -> String {
    let language = fact(ready, "language").unwrap_or(&ready.version);
    let version: Vec<&str> = language.split('.').take(numbers).collect();
    let family = if ready.runtime == "cpython" { "python" } else { &ready.runtime };
    let free = fact(ready, "free-threaded build") == Some("yes");
    format!("{family}{}{}", version.join("."), if free { "t" } else { "" })
}

/// Whether an interpreter of this name is meant by `wanted`.
pub fn answers(name: &str, wanted: &str) -> bool {
    match wanted {
        "python" | "python3" => name.starts_with("python3"),
        "python3t" => name.starts_with("python3") && name.ends_with('t'),
        "pypy" | "pypy3" => name.starts_with("pypy3"),
        _ => name == wanted,
    }
}

/// Whether this may be the name of an interpreter.
pub fn is_name(text: &str) -> bool {
    let numbers = text.strip_prefix("python").or_else(|| text.strip_prefix("pypy"));
    numbers.is_some_and(|rest| rest.is_empty() || rest.starts_with(['2', '3']))
}

/// `python3.11`, `python3.13t`, `pypy3.10`: the name says which version it should be.
fn is_versioned(name: &str) -> bool {
    let numbers = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    let numbers = numbers.and_then(|rest| rest.strip_prefix("3."));
    numbers.is_some_and(|rest| {
        let digits = rest.strip_suffix('t').unwrap_or(rest);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

pub(super) fn reason(error: &SessionError) -> String {
    match error {
        SessionError::NoAnswer { how, log, .. } => {
            let mut lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
            // Python says last what it is about; everything else says it first.
            let word = if log.contains("Traceback") { lines.next_back() } else { lines.next() };
            word.map_or_else(|| how.clone(), |word| format!("{how}: {word}"))
        }
        SessionError::Start { source, .. } => format!("cannot be started: {source}"),
        other => other.to_string(),
    }
}

/// Where a file is that the user named, on PATH if only by its name.
fn located(path: &Path) -> PathBuf {
    let bare = path.components().count() == 1 && !path.exists();
    let mut folders = folders().into_iter();
    let on_path =
        || folders.find_map(|folder| is_program(&folder.join(path)).then(|| folder.join(path)));
    bare.then(on_path).flatten().unwrap_or_else(|| path.to_owned())
}

pub(super) fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

/// The active virtual environment's, then `python3` on PATH, then the versioned ones, newest
/// first, then PyPy's; of one name all that there are, in the order of PATH.
fn on_this_machine() -> Vec<PathBuf> {
    let environment =
        std::env::var_os("VIRTUAL_ENV").map(|home| PathBuf::from(home).join("bin/python"));
    let mut named: Vec<(u32, PathBuf)> = Vec::new();
    for folder in folders() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let ranked = entries.filter_map(|entry| Some((rank(&entry.file_name())?, entry.path())));
        let mut ranked: Vec<_> = ranked.filter(|(_, path)| is_program(path)).collect();
        ranked.sort();
        named.extend(ranked);
    }
    named.sort_by_key(|(rank, _)| *rank);
    let mut all: Vec<PathBuf> = environment.into_iter().filter(|path| is_program(path)).collect();
    all.extend(named.into_iter().map(|(_, path)| path));
    all
}

/// In which order files of these names are tried; `None`: it is not called like an interpreter.
fn rank(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let pypy = u32::from(name.starts_with("pypy"));
    match name {
        "python3" => Some(0),
        "python" => Some(1),
        "pypy3" => Some(2000),
        _ if is_versioned(name) => {
            let digits = name.rsplit('.').next()?.trim_end_matches('t');
            let minor: u32 = digits.parse().ok().filter(|minor| *minor < 400)?;
            Some(2000 * pypy + 1000 - 2 * minor + u32::from(name.ends_with('t')))
        }
        _ => None,
    }
}

pub(super) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// Where an interpreter is: two paths to one folder (`/bin` and `/usr/bin`) and two links in it to one file
/// (`python3` and `python3.11`) lead to the same, which need not be asked twice. One file in two folders may
/// be two interpreters: a virtual environment is a link beside other packages. `None`: behind the link is
/// something else, which may be what it is called as (the program of a version manager).
fn behind_links(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let file = fs::canonicalize(path).ok()?;
    rank(file.file_name()?)?;
    Some((fs::canonicalize(path.parent()?).ok()?, file))
}

fn is_script(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0; 2];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_place_has_one_interpreter_however_it_is_come_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["usr", "venv"] {
            fs::create_dir(at(name)).unwrap();
        }
        for name in ["usr/python3.11", "usr/manager"] {
            fs::write(at(name), "").unwrap();
        }
        symlink("usr", at("bin")).unwrap();
        symlink("python3.11", at("usr/python3")).unwrap();
        symlink("../usr/python3.11", at("venv/python3")).unwrap();
        symlink("manager", at("usr/python3.12")).unwrap();
        let place = |name: &str| behind_links(&at(name));
        let first = place("usr/python3.11");
        assert!(first.is_some());
        for same in ["usr/python3", "bin/python3", "bin/python3.11"] {
            assert_eq!(place(same), first, "{same}");
        }
        assert_ne!(place("venv/python3"), first, "it has other packages");
        assert_eq!(place("usr/python3.12"), None, "what it is called as decides");
    }

    fn ready(runtime: &str, language: &str, free: &str) -> Ready {
        let facts = [("language", language), ("free-threaded build", free)];
        let facts: Vec<_> = facts.map(|(name, value)| (name.into(), value.into())).into();
        let text = r#"{"protocol": 1, "runtime": "", "version": "7.3", "strategies": [], "pid": 1, "calibration": 1.0}"#;
        Ready { runtime: runtime.into(), facts, ..serde_json::from_str(text).unwrap() }
    }

    #[test]
    fn an_interpreter_is_named_by_what_it_says() {
        assert_eq!(name(&ready("cpython", "3.11.7", "no"), 2), "python3.11");
        assert_eq!(name(&ready("cpython", "3.14.0", "yes"), 3), "python3.14.0t");
        assert_eq!(name(&ready("pypy", "3.10.14", "no"), 2), "pypy3.10");
    }

    #[test]
    fn names_are_tried_in_a_sensible_order() {
        let mut names =
            ["pypy3", "python3.9", "python3.13t", "python", "python3.13", "python3", "pypy3.10"];
        names.sort_by_key(|name| rank(name.as_ref()));
        assert_eq!(
            names,
            ["python3", "python", "python3.13", "python3.13t", "python3.9", "pypy3", "pypy3.10"]
        );
        for name in ["python3-config", "python3.11-config", "python2.7", "pythonw", "python3.x"] {
            assert_eq!(rank(name.as_ref()), None, "{name}");
        }
    }

    #[test]
    fn short_names_mean_the_first_of_their_kind() {
        assert!(answers("python3.11", "python3") && answers("python3.13t", "python"));
        assert!(answers("pypy3.10", "pypy3") && !answers("pypy3.10", "python3"));
        assert!(!answers("python3.13t", "python3.13"));
        assert!(answers("python3.13t", "python3t") && !answers("python3.13", "python3t"));
    }
}
