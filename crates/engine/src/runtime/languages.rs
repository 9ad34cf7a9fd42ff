//! Runners in other languages: each is one file that is part of this program. It is written to the
//! user's cache, compiled there on first use where the language asks for it, and run by what the
//! user has installed. The main type is [`Language`].

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use maitred_wire::Ready;

use super::describe::describe;
use super::interpreters;
use super::interrupt::Interrupt;
use super::runner::RunnerCommand;
use super::said;
use crate::measure::machine::stable_hash;

/// How long a runner may take to say what it is.
const LIMIT: Duration = Duration::from_secs(20);

/// Called before a runner is compiled, with a line that says so: that takes seconds.
static ON_COMPILE: OnceLock<fn(&str)> = OnceLock::new();

/// Has the front end told when a runner is about to be compiled. The first that asks is told.
pub fn on_compile(tell: fn(&str)) {
    // A second one would only say the same again.
    let _ = ON_COMPILE.set(tell);
}

/// A language whose runner is part of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Node,
    Bun,
    Go,
    Java,
    Erlang,
}

/// One that said what it is.
#[derive(Clone, Debug)]
pub struct Found {
    pub language: Language,
    pub ready: Ready,
    pub runner: RunnerCommand,
}

/// The first Java with virtual threads; its foreign functions are a preview still, final in the next.
const JAVA_OLDEST: u32 = 21;
/// What its compiler wants to be told for that.
const JAVA_PREVIEW: [&str; 3] = ["--enable-preview", "-source", "21"];
/// Reads the first command and starts Erlang with as many schedulers and as much room as it asks for.
const ERLANG_START: &str = include_str!("../../shipped/runtimes/erlang/start.sh");
/// Moves the real standard output aside, to descriptor 3: Java cannot, short of what takes it 14 MiB.
const JAVA_START: &str = "exec \"$0\" \"$@\" 3>&1 1>&2";
/// How its runner learns which thread carries a virtual one, and how it writes into mapped memory: the JDK's own ways.
const JAVA_EXPORTS: [&str; 4] = [
    "--add-exports",
    "java.base/jdk.internal.access=ALL-UNNAMED",
    "--add-exports",
    "java.base/jdk.internal.misc=ALL-UNNAMED",
];

impl Language {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Node, Self::Bun, Self::Go, Self::Java, Self::Erlang];

    /// The name that models use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Bun => "bun",
            Self::Go => "go",
            Self::Java => "java",
            Self::Erlang => "erlang",
        }
    }

    /// The language of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// The file's name, as the language wants it, and its text.
    fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Node | Self::Bun => {
                ("maitred_runner.cjs", include_str!("../../shipped/runtimes/node/runner.cjs"))
            }
            Self::Go => ("runner.go", include_str!("../../shipped/runtimes/go/runner.go")),
            Self::Java => ("Runner.java", include_str!("../../shipped/runtimes/java/Runner.java")),
            Self::Erlang => (
                "maitred_runner.erl",
                include_str!("../../shipped/runtimes/erlang/maitred_runner.erl"),
            ),
        }
    }

    /// What of the language has to be installed: what runs the runner, or compiles it.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub fn tool(self) -> Result<PathBuf, String> {
        let (name, homes, advice): (_, &[&str], _) = match self {
            Self::Node => ("node", &[], "install Node 18 or later (Debian: nodejs)"),
            Self::Bun => ("bun", &[], "install Bun (npm: bun)"),
            // Where Go's own installation puts it.
            Self::Go => {
                ("go", &["/usr/local/go/bin"], "install Go 1.22 or later (Debian: golang-go)")
            }
            Self::Erlang => {
                ("erl", &[], "install Erlang/OTP 25 or later (Debian: erlang-base, erlang-inets)")
            }
            Self::Java => return java_home().map(|home| home.join("bin/java")),
        };
        let homes = homes.iter().map(PathBuf::from);
        let mut folders = interpreters::folders().into_iter().chain(homes);
        folders
            .find_map(|folder| {
                Some(folder.join(name)).filter(|file| interpreters::is_program(file))
            })
            .ok_or_else(|| format!("there is no `{name}` on PATH: {advice}"))
    }

    /// The runner, written and compiled if it is not there yet.
    ///
    /// # Errors
    /// Why it cannot be run: what is missing, or what the compiler said.
    pub fn runner(self, cache: Option<&Path>) -> Result<RunnerCommand, String> {
        let tool = self.tool()?;
        let (file, text) = self.source();
        let made_by = RunnerCommand::new(&tool, [""]).identity();
        let name = format!("{}-{:016x}", self.name(), stable_hash(&format!("{made_by}\n{text}")));
        let own = std::env::temp_dir().join("maitred-runners");
        let folder = cache.unwrap_or(&own).join(name);
        if !folder.join("complete").exists() {
            self.make(&tool, &folder, file, text)?;
        }
        Ok(self.command(&tool, &folder, file))
    }

    /// Makes the folder of a runner whole or not at all: somebody else may be making it as well.
    fn make(self, tool: &Path, folder: &Path, file: &str, text: &str) -> Result<(), String> {
        let failed = |error: io::Error| {
            format!("its runner cannot be written to {}: {error}", folder.display())
        };
        folder.parent().map(remove_abandoned);
        let draft = folder.with_extension(format!("{}.tmp", std::process::id()));
        fs::create_dir_all(&draft).map_err(failed)?;
        let made = fs::write(draft.join(file), text)
            .map_err(failed)
            .and_then(|()| self.compile(tool, &draft))
            .and_then(|()| fs::write(draft.join("complete"), "").map_err(failed))
            .and_then(|()| match fs::rename(&draft, folder) {
                Err(error) if !folder.join("complete").exists() => Err(failed(error)),
                _ => Ok(()),
            });
        // Renamed, it is no longer there.
        let _ = fs::remove_dir_all(&draft);
        made
    }

    fn compile(self, tool: &Path, folder: &Path) -> Result<(), String> {
        let beside = |name: &str| tool.with_file_name(name);
        let (compiler, args) = match self {
            Self::Erlang => (beside("erlc"), vec!["maitred_runner.erl"]),
            Self::Node | Self::Bun => return Ok(()),
            Self::Go => (tool.to_owned(), vec!["build", "-trimpath", "-o", "runner", "runner.go"]),
            Self::Java => {
                // Texts are joined by plain code: what does it otherwise is made when it is first run.
                let args = ["-XDstringConcat=inline", "-d", ".", "Runner.java"];
                let preview = if is_preview(tool) { &JAVA_PREVIEW[..] } else { &[] };
                (beside("javac"), [&JAVA_EXPORTS[..], preview, &args].concat())
            }
        };
        if let Some(tell) = ON_COMPILE.get() {
            tell(&format!("compiling the runner for {}, once", self.name()));
        }
        let mut command = Command::new(&compiler);
        command.args(args).current_dir(folder).stdin(Stdio::null());
        // A file by itself, in no module of the user's, without the flags of their build.
        command.env("GO111MODULE", "off").env_remove("GOFLAGS").env("CGO_ENABLED", "0");
        let output = command
            .output()
            .map_err(|error| format!("{} cannot be started: {error}", compiler.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
        let word = said.lines().find(|line| !line.starts_with('#')).unwrap_or("it said nothing");
        Err(format!("its runner cannot be compiled by {}: {word}", compiler.display()))
    }

    fn command(self, tool: &Path, folder: &Path, file: &str) -> RunnerCommand {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let args = match self {
            Self::Node | Self::Bun => vec![folder.join(file).into_os_string()],
            Self::Go => {
                let none: [&str; 0] = [];
                return RunnerCommand::new(folder.join("runner"), none);
            }
            Self::Erlang => {
                let mut args = words(&["-c", ERLANG_START]);
                args.extend([tool.as_os_str().to_owned(), folder.as_os_str().to_owned()]);
                return RunnerCommand::new("/bin/sh", args);
            }
            Self::Java => {
                let access = ["--enable-native-access=ALL-UNNAMED", "-cp"];
                let mut args = words(&["-c", JAVA_START]);
                args.push(tool.as_os_str().to_owned());
                let preview = if is_preview(tool) { &JAVA_PREVIEW[..1] } else { &[] };
                args.extend(words(&[&JAVA_EXPORTS[..], preview, &access].concat()));
                args.extend([folder.as_os_str().to_owned(), "Runner".into()]);
                return RunnerCommand::new("/bin/sh", args);
            }
        };
        RunnerCommand::new(tool, args)
    }

    /// What it says that it is; remembered until the runner or the tool changes.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn find(self, cache: Option<&Path>, interrupt: &Interrupt) -> Result<Found, String> {
        let runner = self.runner(cache)?;
        let who = runner.identity();
        let ready = match said::recall(cache, &who) {
            Some(ready) => ready,
            None => {
                let ready = describe(&runner, LIMIT, interrupt);
                let ready = ready.map_err(|error| interpreters::reason(&error))?;
                said::remember(cache, &who, &ready);
                ready
            }
        };
        Ok(Found { language: self, ready, runner })
    }
}

/// The newest Java that can do it and has its compiler: the user's own first.
fn java_home() -> Result<PathBuf, String> {
    let own = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let on_path = interpreters::folders().into_iter().filter_map(|folder| {
        let file = fs::canonicalize(folder.join("java")).ok()?;
        Some(file.parent()?.parent()?.to_owned())
    });
    // Where the packages of distributions put them.
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut homes: Vec<(u32, PathBuf)> = own
        .into_iter()
        .chain(on_path)
        .chain(installed.map(|entry| entry.path()))
        .filter_map(|home| Some((java_version(&home)?, home)))
        .collect();
    homes.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let usable = |(version, home): &&(u32, PathBuf)| {
        *version >= JAVA_OLDEST && interpreters::is_program(&home.join("bin/javac"))
    };
    match (homes.iter().find(usable), homes.first()) {
        (Some((_, home)), _) => Ok(home.clone()),
        (None, None) => Err(format!("there is no Java: install a JDK of {JAVA_OLDEST} or later")),
        (None, Some((version, home))) => Err(format!(
            "Java {version} in {} is too old, or has no compiler: install a JDK of {JAVA_OLDEST} or later",
            home.display()
        )),
    }
}

/// Whether the home of this `bin/java` is one in which foreign functions are a preview.
fn is_preview(java: &Path) -> bool {
    java.ancestors().nth(2).and_then(java_version) == Some(JAVA_OLDEST)
}

/// The feature release, from the file that every JDK has in its folder.
fn java_version(home: &Path) -> Option<u32> {
    let release = fs::read_to_string(home.join("release")).ok()?;
    let line = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    line.trim_matches('"').split(['.', '-', '+']).next()?.parse().ok()
}

/// Removes what those were making who were killed meanwhile: drafts are named by their process.
fn remove_abandoned(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_suffix(".tmp")?.rsplit_once('.'));
        let maker = maker.and_then(|(_, process)| process.parse::<u32>().ok());
        if maker.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_found_by_its_name() {
        for language in Language::ALL {
            assert_eq!(Language::named(language.name()), Some(language));
        }
        assert_eq!(Language::named("native"), None);
    }

    #[test]
    fn drafts_of_who_was_killed_are_removed_and_those_of_others_stay() {
        let cache = tempfile::tempdir().unwrap();
        let own = format!("go-1.{}.tmp", std::process::id());
        let stay = [&own, "go-1", "runner-2.tmp"];
        for name in stay.iter().chain(&["go-1.4294967295.tmp"]) {
            fs::create_dir(cache.path().join(name)).unwrap();
        }
        remove_abandoned(cache.path());
        assert!(stay.iter().all(|name| cache.path().join(name).exists()));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), stay.len());
    }

    #[test]
    fn the_version_of_a_java_is_read_from_its_folder() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(java_version(home.path()), None, "no JDK");
        for (text, version) in [("25.0.1", 25), ("17", 17), ("1.8.0_402", 1), ("26-ea", 26)] {
            let release = format!("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"{text}\"\n");
            fs::write(home.path().join("release"), release).unwrap();
            assert_eq!(java_version(home.path()), Some(version));
        }
    }

    #[test]
    fn a_java_of_21_is_told_that_foreign_functions_are_a_preview() {
        let home = tempfile::tempdir().unwrap();
        let java = home.path().join("bin/java");
        for (version, told) in [(21, true), (22, false), (25, false)] {
            let release = format!("JAVA_VERSION=\"{version}.0.1\"\n");
            fs::write(home.path().join("release"), release).unwrap();
            let command = Language::Java.command(&java, home.path(), "Runner.java");
            let has = command.args.iter().any(|word| word == "--enable-preview");
            assert_eq!(has, told, "{version}");
        }
    }

    #[test]
    fn a_runner_that_does_not_compile_says_what_the_compiler_said() {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("go");
        fs::write(
            &tool,
            "#!/bin/sh\necho '# command-line-arguments' >&2\necho 'it is broken' >&2\nexit 1\n",
        )
        .unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&tool, executable).unwrap();
        let made =
            Language::Go.make(&tool, &folder.path().join("made"), "runner.go", "package main");
        assert!(made.unwrap_err().ends_with(": it is broken"));
        assert!(!folder.path().join("made").exists(), "nothing half made is left");
    }
}
