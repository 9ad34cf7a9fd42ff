//! The arguments of `maitred serve`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use maitred_wire::{Nanos, parse_size_or_bytes};

use crate::amount::{Delay, MemorySize, Period};
use crate::command;

/// Arguments of `maitred serve`.
#[derive(Debug, Args)]
#[command(after_help = command::serve::endpoints())]
pub struct ServeArgs {
    /// How the server is built: sequential, threads, thread-pool, processes, event-loop,
    /// async-pool; or hyper, for reference
    #[arg(long, value_name = "STRATEGY", default_value = "event-loop")]
    pub strategy: maitred_server::Architecture,

    /// Address to listen on; one that is not loopback is reachable by others
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = address)]
    pub host: IpAddr,

    /// Port to listen on; 0: a free one, which is printed
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub port: u16,

    /// Listen on this socket of the machine instead, for clients such as curl --unix-socket PATH
    #[arg(long, value_name = "PATH", conflicts_with_all = ["host", "port"])]
    pub unix: Option<PathBuf>,

    /// Speak TLS, with a certificate for localhost that is made for this start
    #[arg(long)]
    pub tls: bool,

    /// Speak TLS with this certificate (PEM); needs --key
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The private key of --cert (PEM)
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Write the certificate that --tls makes to this file, for clients: curl --cacert FILE
    #[arg(long, value_name = "FILE")]
    pub save_cert: Option<PathBuf>,

    /// Port of /workers and /metrics beside the server itself (processes); 0: a free one
    #[arg(long, value_name = "N")]
    pub admin_port: Option<u16>,

    /// Threads or processes; by default as many as processors, or 32 threads of a pool
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// How long / waits before it answers; a bare number is seconds, as in addresses
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = delay)]
    pub delay: Delay,

    /// The longest that a request may ask the server to wait, block or compute; more is answered 400
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = delay)]
    pub max_delay: Delay,

    /// The largest body of a request; a larger one is answered 413
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = body_size)]
    pub max_body: BodySize,

    /// How long a connection is kept for its next request; a short time shows what a client does
    /// when the server hangs up just as it sends
    #[arg(long, value_name = "TIME", default_value = "75s")]
    pub keep_alive_timeout: Period,

    /// Connections that may wait to be accepted
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub backlog: u32,

    /// Connections of one process at a time; at the limit it stops accepting
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,

    /// Replace a worker process after so many requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_requests: Option<u64>,

    /// Add up to so many requests to --max-requests, so that workers do not leave together
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_requests_jitter: u64,

    /// Replace a worker process that takes more memory than this
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<MemorySize>,

    /// How long a server that was told to stop waits for requests under way
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub graceful_timeout: Period,

    /// Write a line of JSON for each request into this file; `-`: to standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn address(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => text
            .parse()
            .map_err(|_| "write an address in figures, as in 127.0.0.1, 0.0.0.0 or ::1".into()),
    }
}

fn delay(text: &str) -> Result<Delay, String> {
    let Nanos(ns) = Nanos::parse_or_seconds(text)
        .map_err(|_| "write a time, as in 1s, 250ms, or 2 for seconds".to_owned())?;
    Ok(Delay(Duration::from_nanos(ns)))
}

/// The size of a body, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct BodySize(pub u64);

fn body_size(text: &str) -> Result<BodySize, String> {
    let size = parse_size_or_bytes(text).map(BodySize);
    size.map_err(|_| "write a size, as in 1MiB, 100kB, or 4096 for bytes".to_owned())
}
