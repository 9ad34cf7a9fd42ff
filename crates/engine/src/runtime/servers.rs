//! The test servers of a workload: each a process of its own, started before a run and ended after
//! it, measured apart from the runner. The main type is [`Servers`].

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, PipeReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use maitred_core::trace::{Observed, ServerUse, Usage};
use maitred_core::workload::Server;
use maitred_kernel::{procfs, signal, signal_group};
use thiserror::Error;

use crate::measure::clock::{nanos, now_ns};
use crate::measure::tree::with_descendants;
use crate::measure::usage::{Reaped, reap};
use crate::measure::{footprint, mark, sys};

/// How long a server may take to say where it listens.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long a server that was told to stop may take, before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Why a server does not serve.
#[derive(Debug, Error)]
pub(crate) enum ServerError {
    #[error("the server `{name}` cannot be started: {source}")]
    Start { name: String, source: io::Error },
    #[error("the server `{name}` {how}{said}")]
    NotReady { name: String, how: String, said: String },
}

/// Servers that serve; dropped, they are killed.
#[derive(Debug, Default)]
pub(crate) struct Servers(Vec<Running>);

#[derive(Debug)]
struct Running {
    name: String,
    architecture: &'static str,
    pid: u32,
    address: String,
    /// What it says, line by line.
    lines: Receiver<String>,
    ready_bytes: Option<u64>,
    ready_cpu_ns: u64,
    ended: Option<(ExitStatus, Usage)>,
}

impl Servers {
    /// Starts them and waits until all of them listen, each on a free port of the loopback.
    /// `program` is this very program. The calling thread must live on: they die with it.
    ///
    /// # Errors
    /// When one cannot be started or ends at once; the others are ended too.
    pub(crate) fn start(wanted: &[Server], program: &Path) -> Result<Self, ServerError> {
        let mut servers = Self::default();
        for server in wanted {
            servers.0.push(Running::start(server, program)?);
        }
        servers.0.iter_mut().try_for_each(Running::become_ready)?;
        Ok(servers)
    }

    /// The names with the addresses that stand for them in URLs.
    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        self.0.iter().map(|one| (one.name.clone(), one.address.clone())).collect()
    }

    /// Processor time that all of them used from being ready until now, nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let used = |one: &Running| {
            footprint::cpu_ns(&with_descendants(&[one.pid])).saturating_sub(one.ready_cpu_ns)
        };
        self.0.iter().map(used).sum()
    }

    /// Ends them, and says what each used.
    pub(crate) fn end(mut self) -> Vec<ServerUse> {
        self.0.iter_mut().map(Running::end).collect()
    }
}

impl Running {
    fn start(server: &Server, program: &Path) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Start { name: server.name.clone(), source };
        let (reader, writer) = io::pipe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["serve", "--strategy", server.architecture, "--port", "0"]);
        command.args(["--delay", &format!("{}ns", server.delay_ns)]);
        if let Some(workers) = server.workers {
            command.args(["--workers", &workers.to_string()]);
        }
        if let Some(requests) = server.requests_max {
            command.args(["--max-requests", &requests.to_string()]);
        }
        if let Some(bytes) = server.memory_max {
            command.args(["--max-memory", &format!("{bytes}B")]);
        }
        command
            .env(mark::NAME, mark::value())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(failed)?)
            .stderr(writer);
        sys::prepare_child(&mut command);
        let child = command.spawn().map_err(failed)?;
        Ok(Self {
            name: server.name.clone(),
            architecture: server.architecture,
            pid: child.id(),
            address: String::new(),
            lines: lines(reader),
            ready_bytes: None,
            ready_cpu_ns: 0,
            ended: None,
        })
    }

    fn become_ready(&mut self) -> Result<(), ServerError> {
        let mut said = String::new();
        let limit_ns = now_ns() + nanos(READY_LIMIT);
        loop {
            let left = Duration::from_nanos(limit_ns.saturating_sub(now_ns()));
            let Ok(line) = self.lines.recv_timeout(left) else {
                let how = match self.look() {
                    Some(how) => format!("ended before it was ready: {how}"),
                    None => format!("did not say within {READY_LIMIT:?} where it listens"),
                };
                return Err(ServerError::NotReady { name: self.name.clone(), how, said });
            };
            if let Some((_, address)) = line.split_once("listening on ") {
                self.address = address.split(',').next().unwrap_or(address).trim().to_owned();
                self.ready_bytes = footprint::resident_bytes(&with_descendants(&[self.pid]));
                self.ready_cpu_ns = footprint::cpu_ns(&with_descendants(&[self.pid]));
                return Ok(());
            }
            let _ = write!(said, "\n  {line}");
        }
    }

    /// Whether it has ended, and how.
    fn look(&mut self) -> Option<String> {
        if self.ended.is_none()
            && let Ok(Reaped::Ended(status, usage)) = reap(self.pid)
        {
            self.ended = Some((status, usage));
        }
        self.ended.map(|(status, _)| status.to_string())
    }

    fn end(&mut self) -> ServerUse {
        // Who was just seen to hang up may still be on its way out.
        while self.look().is_none() && procfs::is_exiting(self.pid) {
            thread::sleep(PAUSE);
        }
        let died = self.look();
        let peak = footprint::peak_bytes(&with_descendants(&[self.pid]));
        let grown = peak.zip(self.ready_bytes).map(|(peak, ready)| peak.saturating_sub(ready));
        self.stop();
        let gone = || "the server ended before it could be asked".to_owned();
        ServerUse {
            name: self.name.clone(),
            architecture: self.architecture.to_owned(),
            cpu_ns: match self.ended {
                Some((_, usage)) => Observed::Known(usage.user_ns + usage.system_ns),
                None => Observed::Unknown("the kernel did not end the server".to_owned()),
            },
            grown_bytes: grown.map_or_else(|| Observed::Unknown(gone()), Observed::Known),
            died,
        }
    }

    /// Tells it to stop, so that it waits for its own processes and their time is counted; what
    /// does not stop is killed.
    fn stop(&mut self) {
        if self.look().is_some() {
            return;
        }
        signal(self.pid, libc::SIGINT);
        let limit_ns = now_ns() + nanos(STOP_LIMIT);
        while self.look().is_none() && now_ns() < limit_ns {
            thread::sleep(PAUSE);
        }
        if self.ended.is_none() {
            signal_group(self.pid, libc::SIGKILL);
            let limit_ns = now_ns() + nanos(STOP_LIMIT);
            while self.look().is_none() && now_ns() < limit_ns {
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.look().is_none() {
            signal_group(self.pid, libc::SIGKILL);
            while matches!(reap(self.pid), Ok(Reaped::Running)) {
                thread::sleep(PAUSE);
            }
        }
    }
}

/// The lines of a pipe, read by a thread that ends with it: a full pipe would stop the server.
fn lines(pipe: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody listens any more once the server is ready and the run is over.
            let _ = sender.send(line);
        }
    });
    receiver
}
