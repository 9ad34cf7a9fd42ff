//! `run` steps: a child process, waited for by a thread or by a loop.
//!
//! What it prints goes to the runner's log. It is killed when the runner's input ends. The option
//! `input` of a plan names the file that it reads, `ignore-failure` says which exit codes are well.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::failure::{Failed, Kind};
use crate::sys::process::{self, Ended};
use crate::sys::{kernel, memory};

/// A command line.
#[derive(Debug)]
pub(crate) struct Child {
    /// As it was named.
    program: String,
    /// Where it was found, so that it is not searched for by failing system calls each time.
    place: PathBuf,
    args: Vec<String>,
    input: Option<String>,
    ignored: Ignored,
    /// How often a failure was ignored, by all processes; `None`: none is to be.
    passed: Option<&'static AtomicU64>,
}

/// Exit codes that are no failure, beside 0.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ignored {
    All,
    /// 128 and the number of the signal where that ended it.
    Codes(Vec<u8>),
}

impl Ignored {
    fn of(option: Option<&str>) -> Self {
        match option {
            Some("all-non-zero") => Self::All,
            codes => {
                let codes = codes.unwrap_or_default().split(',');
                Self::Codes(codes.filter_map(|code| code.parse().ok()).collect())
            }
        }
    }

    fn allows(&self, ended: &Ended) -> bool {
        let code = match ended {
            Ended::Exited(code) => *code,
            Ended::Killed(signal) => 128 + *signal,
        };
        match self {
            Self::All => true,
            Self::Codes(codes) => codes.iter().any(|&one| i32::from(one) == code),
        }
    }
}

impl Child {
    /// It lives as long as the process, as the plan of which it is a part.
    pub(crate) fn new(
        program: &str,
        args: &[String],
        options: &BTreeMap<String, String>,
    ) -> io::Result<&'static Self> {
        let ignored = options.get("ignore-failure").map(String::as_str);
        let passed = ignored.map(|_| memory::shared_u64(1)).transpose()?;
        Ok(Box::leak(Box::new(Self {
            program: program.into(),
            place: find(program),
            args: args.into(),
            input: options.get("input").cloned(),
            ignored: Ignored::of(ignored),
            passed: passed.map(|counts| &counts[0]),
        })))
    }

    /// How often it failed in a way that was to be ignored; `None`: no way was.
    pub(crate) fn passed(&self) -> Option<u64> {
        self.passed.map(|count| count.load(Relaxed))
    }

    /// Runs it while this thread waits.
    pub(crate) fn run(&self) -> Result<(), Failed> {
        let pid = self.start()?;
        self.verdict(process::reap(Some(pid), true).map(|(_, ended, _)| ended))
    }

    /// Runs it while the loop does something else.
    pub(crate) async fn run_on_loop(&self) -> Result<(), Failed> {
        let pid = self.start()?;
        let ended = async {
            let descriptor = kernel::watch(kernel::pid_descriptor(pid)?)?;
            descriptor.readable().await?.retain_ready();
            io::Result::Ok(())
        };
        // Where the loop cannot watch for its end, the wait below blocks, but nothing is lost.
        drop(ended.await);
        self.verdict(process::reap(Some(pid), true).map(|(_, ended, _)| ended))
    }

    fn start(&self) -> Result<u32, Failed> {
        let mut command = Command::new(&self.place);
        command.arg0(&self.program).args(&self.args).stdin(self.stdin()?).stdout(Stdio::null());
        // No death signal: asking for one would make the standard library fork instead of using
        // `posix_spawn`, a fifth of the time of a short program. What outlives this runner is
        // killed as its descendant at the end of input, and by whoever started the runner.
        // Dropping the handle leaves the child alone: `reap` waits for it by its number.
        command.spawn().map(|child| child.id()).map_err(|error| {
            Failed::new(Kind::Exit, format!("cannot start `{}`: {error}", self.program))
        })
    }

    /// Each child reads its input from the start.
    fn stdin(&self) -> Result<Stdio, Failed> {
        let Some(path) = &self.input else { return Ok(Stdio::null()) };
        File::open(path)
            .map(Stdio::from)
            .map_err(|error| Failed::new(Kind::Exit, format!("cannot read `{path}`: {error}")))
    }

    fn verdict(&self, ended: Option<Ended>) -> Result<(), Failed> {
        let how = match ended {
            Some(Ended::Exited(0)) => return Ok(()),
            Some(ended) if self.ignored.allows(&ended) => {
                if let Some(count) = self.passed {
                    count.fetch_add(1, Relaxed);
                }
                return Ok(());
            }
            Some(Ended::Exited(code)) => format!("ended with exit code {code}"),
            Some(Ended::Killed(signal)) => format!("was killed by {}", signal_name(signal)),
            None => "was lost".into(),
        };
        Err(Failed::new(Kind::Exit, format!("`{}` {how}", self.program)))
    }
}

/// The file that execvp(3) would take; the name alone where there is none.
fn find(program: &str) -> PathBuf {
    let runnable = |path: &PathBuf| {
        let mode = path.metadata().map(|facts| (facts.is_file(), facts.permissions().mode()));
        mode.is_ok_and(|(is_file, mode)| is_file && mode & 0o111 != 0)
    };
    let folders = std::env::var_os("PATH").filter(|_| !program.contains('/'));
    let folders = folders.unwrap_or_default();
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(program));
    places.find(runnable).unwrap_or_else(|| program.into())
}

/// `signal 9 (SIGKILL)`.
pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGINT => " (SIGINT)",
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGPIPE => " (SIGPIPE)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGTERM => " (SIGTERM)",
        libc::SIGXCPU => " (SIGXCPU)",
        _ => "",
    };
    format!("signal {signal}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_ignored_as_asked() {
        let allows = |option, ended| Ignored::of(option).allows(&ended);
        assert!(!allows(None, Ended::Exited(1)));
        assert!(allows(Some("all-non-zero"), Ended::Killed(9)));
        assert!(allows(Some("1,137"), Ended::Exited(1)));
        assert!(allows(Some("1,137"), Ended::Killed(9)));
        assert!(!allows(Some("1,137"), Ended::Exited(2)));
    }
}
