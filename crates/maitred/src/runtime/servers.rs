//! The test servers of a workload: child processes that are there before the runner starts, and
//! gone when [`Servers`] is dropped. What they use is kept apart from what the runner uses.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use maitred_core::result::ServerUse;
use maitred_core::trace::Observed;
use maitred_core::workload::Server;

use super::runner::RunnerCommand;
use super::spawn::{MARK, mark};
use crate::measure::memory::Sampler;
use crate::measure::tree::Tree;
use crate::measure::usage::{Reaped, reap};
use crate::measure::{clock, sys};

/// How long a server may take to listen, on a machine that is busy with other things.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long a server that was killed may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);
/// How often its memory is looked at.
const SAMPLE_PAUSE: Duration = Duration::from_millis(25);

/// The servers of one run.
#[derive(Debug, Default)]
pub struct Servers {
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    strategy: String,
    pid: u32,
    address: String,
    idle: Observed<u64>,
    cpu_before_ns: Option<u64>,
    watch: Option<Watch>,
    gone: bool,
}

impl Servers {
    /// Starts all of them, on loopback ports that the kernel chooses, and waits until they
    /// listen. The calling thread must be one that lives on: a server is killed with it.
    ///
    /// # Errors
    /// One sentence on the server that cannot be started.
    pub fn start(program: &RunnerCommand, servers: &[Server]) -> Result<Self, String> {
        let mut started = Self::default();
        for server in servers {
            let running = start(program, server).map_err(|error| {
                format!("the server `{}` cannot be started: {error}", server.name)
            })?;
            started.running.push(running);
        }
        Ok(started)
    }

    /// Name and address of each, as `http://127.0.0.1:PORT`.
    pub fn addresses(&self) -> Vec<(String, String)> {
        self.running.iter().map(|one| (one.name.clone(), one.address.clone())).collect()
    }

    /// What each used since it listened; and which of them has ended by itself, and how.
    pub fn finish(mut self) -> (Vec<ServerUse>, Option<String>) {
        let mut death = None;
        let uses = self.running.iter_mut().map(|one| {
            let used = one.look();
            death = death.take().or(one.has_died());
            used
        });
        let uses = uses.collect();
        (uses, death)
    }
}

impl Running {
    fn look(&mut self) -> ServerUse {
        let unknown = || Observed::Unknown("the server cannot be looked at any more".to_owned());
        let cpu = match (self.cpu_before_ns, cpu_ns(self.pid)) {
            (Some(before), Some(after)) => Observed::Known(after.saturating_sub(before)),
            _ => unknown(),
        };
        ServerUse {
            name: self.name.clone(),
            strategy: self.strategy.clone(),
            cpu_ns: cpu,
            memory_bytes: self.watch.take().map_or_else(unknown, |watch| watch.end(self.pid)),
            idle_bytes: self.idle.clone(),
        }
    }

    fn has_died(&mut self) -> Option<String> {
        match reap(self.pid) {
            Ok(Reaped::Ended(status, _)) => {
                self.gone = true;
                Some(format!("the server `{}` ended during the run: {status}", self.name))
            }
            _ => None,
        }
    }

    /// Kills the server and its workers, and waits until they are gone.
    fn end(&mut self) {
        drop(self.watch.take().map(|watch| watch.end(self.pid)));
        let members = Tree::family(self.pid);
        if !self.gone {
            sys::kill_group(self.pid);
        }
        // Its workers are in its group, and have it as the parent with which they die.
        let deadline = Instant::now() + KILL_LIMIT;
        while Instant::now() < deadline {
            self.gone |= !matches!(reap(self.pid), Ok(Reaped::Running));
            let adopted = Tree::children_of_ours();
            let mut left = members.iter().filter(|pid| adopted.contains(pid)).copied().peekable();
            if self.gone && left.peek().is_none() {
                return;
            }
            for pid in left {
                sys::kill(pid);
                let _ = reap(pid);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.running.iter_mut().for_each(Running::end);
    }
}

fn start(program: &RunnerCommand, server: &Server) -> Result<Running, String> {
    let refused = |error: io::Error| error.to_string();
    sys::adopt_orphans().map_err(refused)?;
    sys::keep_exit_statuses();
    let mut command = Command::new(&program.program);
    command.arg("serve").args(["--strategy", server.strategy.name(), "--port", "0"]);
    command.args(["--delay", &format!("{}ns", server.delay_ns.max(1))]);
    if let Some(workers) = server.workers {
        command.args(["--workers", &workers.to_string()]);
    }
    command.env(MARK, mark()).process_group(0).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    sys::prepare_child(&mut command);
    let mut child = command.spawn().map_err(refused)?;
    let piped = "both were piped above";
    let output = child.stdout.take().expect(piped);
    let errors = child.stderr.take().expect(piped);
    let mut running = Running {
        name: server.name.clone(),
        strategy: server.strategy.name().to_owned(),
        pid: child.id(),
        address: String::new(),
        idle: Observed::Unknown("it was not looked at".to_owned()),
        cpu_before_ns: None,
        watch: None,
        gone: false,
    };
    // What it says is read to its end by threads that end with it, so that no full pipe stops it.
    let (heard, hear) = mpsc::channel();
    listen(output, heard.clone(), true);
    listen(errors, heard, false);
    running.address = await_address(&hear)?;
    running.idle = memory(running.pid);
    running.cpu_before_ns = cpu_ns(running.pid);
    running.watch = Some(Watch::start(running.pid));
    Ok(running)
}

/// A line that a server said: whether on its standard output, and the line.
type Line = (bool, String);

fn listen(stream: impl io::Read + Send + 'static, heard: mpsc::Sender<Line>, output: bool) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // Nobody listens any more once it is ready; the line was read, and that is enough.
            let _ = heard.send((output, line));
        }
    });
}

/// The address that it says it listens on.
fn await_address(hear: &mpsc::Receiver<Line>) -> Result<String, String> {
    let deadline = Instant::now() + READY_LIMIT;
    let mut complaint = String::new();
    loop {
        match hear.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((true, line)) => {
                if let Some(rest) = line.strip_prefix("listening on ") {
                    return Ok(rest.split(',').next().unwrap_or_default().to_owned());
                }
            }
            Ok((false, line)) => complaint.push_str(line.trim_start_matches("error: ")),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(format!("it did not listen within {} s", READY_LIMIT.as_secs()));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) if complaint.is_empty() => {
                return Err("it ended before it listened".to_owned());
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(complaint),
        }
    }
}

/// Processor time of a server and its workers.
fn cpu_ns(pid: u32) -> Option<u64> {
    let times: Vec<u64> = Tree::family(pid).into_iter().filter_map(sys::process_cpu_ns).collect();
    (!times.is_empty()).then(|| times.iter().sum())
}

/// Memory of a server and its workers now.
fn memory(pid: u32) -> Observed<u64> {
    let mut sampler = Sampler::default();
    sampler.sample(|| Tree::family(pid), 0);
    sampler.result().map(|peak| peak.bytes)
}

/// Looks at the memory of a server until it is told to stop.
#[derive(Debug)]
struct Watch {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<Sampler>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            let mut sampler = Sampler::default();
            while !told.load(Relaxed) {
                if clock::now_ns() >= sampler.next_ns() {
                    sampler.sample(|| Tree::family(pid), 0);
                }
                std::thread::sleep(SAMPLE_PAUSE);
            }
            sampler
        });
        Self { stopped, thread }
    }

    fn end(self, pid: u32) -> Observed<u64> {
        self.stopped.store(true, Relaxed);
        match self.thread.join() {
            Ok(mut sampler) => {
                sampler.sample(|| Tree::family(pid), 0);
                sampler.result().map(|peak| peak.bytes)
            }
            Err(_) => Observed::Unknown("the memory could not be followed".to_owned()),
        }
    }
}
