//! A test server that a workload asks for.

use alloc::string::String;

/// How a test server can be built: what `maitred serve --strategy` takes.
pub const ARCHITECTURES: [&str; 7] =
    ["sequential", "threads", "thread-pool", "processes", "event-loop", "async-pool", "hyper"];

/// A test server to start for the length of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    /// One of [`ARCHITECTURES`].
    pub architecture: &'static str,
    pub workers: Option<u32>,
    /// How long it takes over a request, in nanoseconds.
    pub delay_ns: u64,
    /// Requests after which a worker process is replaced.
    pub requests_max: Option<u64>,
    /// Bytes of memory above which a worker process is replaced.
    pub memory_max: Option<u64>,
}
