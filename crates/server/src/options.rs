//! What a caller can choose about the server: plain data, no command line.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use maitred_wire::Strategy;

use crate::codec::SizeLimits;
use crate::event::Event;
use crate::tls::Identity;

/// How the server is built: one of the strategies, or hyper for reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    Sequential,
    Threads,
    ThreadPool,
    Processes,
    EventLoop,
    AsyncPool,
    /// hyper on tokio, with a codec of its own: not a strategy but a yardstick.
    Hyper,
}

impl Architecture {
    /// All architectures, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Sequential,
        Self::Threads,
        Self::ThreadPool,
        Self::Processes,
        Self::EventLoop,
        Self::AsyncPool,
        Self::Hyper,
    ];

    /// The strategy that this is an example of.
    pub fn strategy(self) -> Option<Strategy> {
        match self {
            Self::Sequential => Some(Strategy::Sequential),
            Self::Threads => Some(Strategy::Threads),
            Self::ThreadPool => Some(Strategy::ThreadPool),
            Self::Processes => Some(Strategy::Processes),
            Self::EventLoop => Some(Strategy::EventLoop),
            Self::AsyncPool => Some(Strategy::AsyncPool),
            Self::Hyper => None,
        }
    }

    /// The name of the strategy, or `hyper`.
    pub fn name(self) -> &'static str {
        self.strategy().map_or("hyper", Strategy::name)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|architecture| architecture.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no server strategy `{text}`: choose one of {names}")
        })
    }
}

/// How long the server waits for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// From the first byte of a head (or from connecting) to its end; then 408.
    pub head: Duration,
    /// From the end of the head to the end of the body; then 408.
    pub body: Duration,
    /// Between two requests; then the connection is closed.
    pub idle: Duration,
    /// Without a byte taken by the client while an answer is sent; then the connection is closed.
    pub write: Duration,
    /// How long an idle connection is kept while the server drains, for a request that may be on its way. One that
    /// crosses the close after that is lost to its client, who may repeat it (RFC 9112, 9.3.1).
    pub drain_idle: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            drain_idle: Duration::from_secs(2),
        }
    }
}

/// Where one JSON line a request goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    #[default]
    Off,
    Stdout,
    /// Appended to; made if missing.
    File(PathBuf),
}

/// Everything that can be chosen about a server.
#[derive(Clone, Debug)]
pub struct Options {
    pub architecture: Architecture,
    pub host: IpAddr,
    /// 0 lets the kernel choose; [`Event::Listening`] tells what it chose.
    pub port: u16,
    /// A socket of this machine in place of host and port; made, and taken away at the end.
    pub unix: Option<PathBuf>,
    /// Where `/workers` and `/metrics` are served beside the server itself; 0 lets the kernel choose.
    /// Only `processes` has an admin socket.
    pub admin_port: Option<u16>,
    /// Threads or processes; `None`: cores, or 32 threads for `thread-pool`.
    pub workers: Option<usize>,
    /// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
    pub backlog: u32,
    /// Connections of one process at a time; at the limit the server stops accepting.
    pub connections_max: usize,
    /// How long `/` waits.
    pub delay: Duration,
    /// Longest wait or work that a request may ask for; more is answered 400.
    pub duration_max: Duration,
    /// Requests after which a worker process is replaced.
    pub requests_max: Option<u64>,
    /// Up to so many requests are added to `requests_max`, so that workers do not leave together.
    pub requests_jitter: u64,
    /// Resident bytes above which a worker process is replaced.
    pub memory_max: Option<u64>,
    /// A worker process that does nothing for so long is killed and replaced. It must be longer
    /// than any request may take.
    pub worker_timeout: Duration,
    /// How long a stopping server waits for requests under way.
    pub graceful_timeout: Duration,
    /// How long a worker process leaves a connection that was given away to one that has fewer, which may get no
    /// processor.
    pub courtesy: Duration,
    /// TLS, where a certificate was asked for.
    pub tls: Option<Identity>,
    pub sizes: SizeLimits,
    pub times: TimeLimits,
    pub access_log: AccessLog,
    /// Told of everything that happens to the server as a whole; called in the main process only.
    pub tell: fn(&Event),
}

impl Options {
    /// Whether how many workers there are can be chosen.
    pub(crate) fn has_pool(&self) -> bool {
        use Architecture::{AsyncPool, Hyper, Processes, ThreadPool};
        matches!(self.architecture, AsyncPool | Hyper | Processes | ThreadPool)
    }

    /// As many as processors, unless another number was chosen.
    pub(crate) fn workers_or_processors(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(cores).max(1)
    }

    /// The first option chosen that means nothing without worker processes.
    pub(crate) fn about_processes(&self) -> Option<&'static str> {
        let chosen = [
            ("admin-port", self.admin_port.is_some()),
            ("max-requests", self.requests_max.is_some()),
            ("max-memory", self.memory_max.is_some()),
        ];
        chosen.iter().find(|(_, is_chosen)| *is_chosen).map(|(name, _)| *name)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            architecture: Architecture::EventLoop,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            unix: None,
            admin_port: None,
            workers: None,
            backlog: 4096,
            connections_max: usize::MAX,
            delay: Duration::from_secs(1),
            duration_max: Duration::from_secs(60),
            requests_max: None,
            requests_jitter: 0,
            memory_max: None,
            worker_timeout: Duration::from_secs(90),
            courtesy: Duration::from_millis(250),
            graceful_timeout: Duration::from_secs(30),
            tls: None,
            sizes: SizeLimits::default(),
            times: TimeLimits::default(),
            access_log: AccessLog::default(),
            tell: |_| {},
        }
    }
}
