//! Runs the built program in a folder of its own, as a user would.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::pythons;

/// All strategies of the native runtime.
pub(crate) const STRATEGIES: [&str; 7] =
    ["sequential", "threads", "thread-pool", "processes", "event-loop", "async-pool", "hybrid"];

/// For a whole test, whatever else the machine does: only a broken program meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A folder with files, in which the program is run. Its cache is shared between tests, so that
/// the machine is calibrated once.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Waits until something was written to this file: a result is replaced whole, but whether it may
    /// be written is tried before.
    pub(crate) fn wait_for(&self, name: &str) {
        assert!(eventually(PATIENCE, || self.has(name)), "{name} was never written");
    }

    fn has(&self, name: &str) -> bool {
        fs::metadata(self.path(name)).is_ok_and(|facts| facts.len() > 0)
    }

    /// The program with these arguments, not yet started. It shows everything that it knows.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.program();
        command.arg("--details").args(arguments);
        command
    }

    fn program(&self) -> Command {
        // Who runs the tests may ignore signals, as nohup does, and programs started so inherit it.
        let mut command = Command::new("/usr/bin/env");
        command.arg("--default-signal").arg(env!("CARGO_BIN_EXE_maitred"));
        self.furnish(&mut command);
        command
    }

    /// Runs it as somebody does who reads for five seconds.
    pub(crate) fn briefly(&self, line: &str) -> Output {
        self.program().args(words(line)).output().unwrap()
    }

    /// A line of shell, in which `$M` is the program that shows everything that it knows.
    pub(crate) fn shell(&self, line: &str) -> Output {
        let whole = concat!(env!("CARGO_BIN_EXE_maitred"), " --details");
        self.shell_command(line).env("M", whole).output().unwrap()
    }

    /// The same, not yet started, and of the program as it is.
    pub(crate) fn shell_command(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", line]).env("M", env!("CARGO_BIN_EXE_maitred"));
        self.furnish(&mut command);
        command
    }

    fn furnish(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("PATH", pythons::straight())
            .env_remove("NO_COLOR")
            .env("MAITRED_NO_KEEP", "1")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
    }

    /// Runs it to its end with the words of a line as arguments.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(&words(line)).output().unwrap()
    }

    /// Starts it with the words of a line as arguments.
    pub(crate) fn start(&self, line: &str) -> Running {
        self.start_words(&words(line))
    }

    pub(crate) fn start_words(&self, words: &[&str]) -> Running {
        let mut command = self.command(words);
        Running::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Runs it; exit code, standard output and error as one text to compare with.
    pub(crate) fn transcript(&self, line: &str) -> String {
        let output = self.run(line);
        let mut text = String::new();
        writeln!(text, "exit code {}", output.status.code().unwrap()).unwrap();
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        text
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Standard output, of which tests expect that it is text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A `maitred` that was started; killed when a test fails before its end.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Running {
    pub(crate) fn of(child: Child) -> Self {
        Self { child: Some(child) }
    }

    /// Waits until so many processes of its runs are there.
    pub(crate) fn wait_for_processes(&self, number: usize) {
        let there = eventually(PATIENCE, || self.processes().len() >= number);
        assert!(there, "{number} processes were expected: {:?}", self.processes());
    }

    /// Waits for a file like [`Place::wait_for`]. Where it never comes, or the program ends without it,
    /// what the program says of that is the failure.
    pub(crate) fn wait_for(mut self, place: &Place, name: &str) -> Self {
        let mut has_ended = false;
        eventually(PATIENCE, || {
            has_ended =
                self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some());
            has_ended || place.has(name)
        });
        if place.has(name) {
            return self;
        }
        let (pid, processes) = (self.pid().to_string(), self.processes());
        if !has_ended {
            let _ = Command::new("kill").args(["-s", "INT", &pid]).status();
        }
        panic!("{name} was never written; {processes:?} were there, and then: {:?}", self.end());
    }

    /// The command lines of all living processes that its runs have started.
    pub(crate) fn processes(&self) -> Vec<String> {
        marked(self.pid())
    }

    pub(crate) fn signal(&self, name: &str) {
        let number = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &number]).status().unwrap().success());
    }

    /// Its end, after which nothing of it may be left.
    pub(crate) fn end(self) -> Output {
        self.ended(Duration::ZERO)
    }

    /// The same of one that ends without looking back: what it started is just about to be gone.
    pub(crate) fn die(self) -> Output {
        self.ended(PATIENCE)
    }

    fn ended(mut self, clean_within: Duration) -> Output {
        let pid = self.pid();
        let mut child = self.child.take().unwrap();
        let ended = eventually(PATIENCE, || child.try_wait().unwrap().is_some());
        if !ended {
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert!(ended, "it never ends: {output:?}");
        nothing_is_left(pid, clean_within);
        output
    }

    /// Kills it, which it cannot catch; after a while nothing of it may be left.
    pub(crate) fn kill(self) {
        let pid = self.pid();
        drop(self);
        nothing_is_left(pid, PATIENCE);
    }

    /// Kills it and its runner at once, so that neither can clean up.
    pub(crate) fn kill_with_runner(self) {
        let pid = self.pid();
        let runner = marked(pid).into_iter().find(|line| line.contains("runner")).unwrap();
        let runner = runner.trim_start_matches("/proc/").split(' ').next().unwrap().to_owned();
        let line = format!("kill -KILL {runner} {pid}");
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
        drop(self);
        nothing_is_left(pid, PATIENCE);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }
}

fn nothing_is_left(maitred: u32, within: Duration) {
    let gone = eventually(within, || marked(maitred).is_empty());
    assert!(gone, "left behind: {:?}", marked(maitred));
}

/// Looks until it is so, for at most this time.
pub(crate) fn eventually(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Living processes whose environment says that this `maitred` started them. An ended one that
/// was not waited for has an empty environment.
fn marked(maitred: u32) -> Vec<String> {
    let mark = format!("MAITRED_RUN={maitred}");
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let folder = entry.ok()?.path();
        let environment = fs::read(folder.join("environ")).ok()?;
        let ours = environment.split(|byte| *byte == 0).any(|pair| pair == mark.as_bytes());
        let line = fs::read(folder.join("cmdline")).ok()?;
        ours.then(|| format!("{} {}", folder.display(), String::from_utf8_lossy(&line)))
    });
    processes.collect()
}

/// A workload that is shipped, by name.
pub(crate) fn shipped(name: &str) -> String {
    fs::read_to_string(workloads().join(name)).unwrap()
}

/// What makes a shipped workload short that is only long for what it measures: no speed shortens requests.
pub(crate) fn shortened(name: &str) -> &'static str {
    if name == "servers.kdl" { "--set requests=5" } else { "" }
}

/// The folder of the workloads that are shipped.
pub(crate) fn workloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads")
}

pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}
