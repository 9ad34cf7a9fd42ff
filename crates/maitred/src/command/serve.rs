//! `maitred serve`: the test server under one strategy. The server itself is `maitred_server`.
#![expect(clippy::print_stdout, reason = "a server tells its events as they come, until it ends")]

use maitred_server::{AccessLog, ENDPOINTS, Options, ServeError, serve};

use crate::cli::ServeArgs;
use crate::error::Error;
use maitred_engine::measure::raise_open_files;

/// Serves until it is told to stop.
///
/// # Errors
/// [`Error::usage`] when the address or the log is refused, [`Error::failed`] when the server had
/// to give up.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Error> {
    raise_open_files();
    serve(options(args)).map_err(|error| match error {
        ServeError::Bind { .. } | ServeError::Log(_) | ServeError::NoWorkers { .. } => {
            Error::usage(error.to_string())
        }
        other => Error::failed(other.to_string()),
    })
}

fn options(args: &ServeArgs) -> Options {
    let defaults = Options::default();
    Options {
        architecture: args.strategy,
        host: args.host,
        port: args.port,
        admin_port: args.admin_port,
        workers: args.workers.map(usize::from),
        backlog: args.backlog,
        connections_max: args.max_connections.unwrap_or(defaults.connections_max),
        delay: args.delay.0,
        duration_max: defaults.duration_max.max(args.delay.0),
        requests_max: args.max_requests,
        requests_jitter: args.max_requests_jitter,
        memory_max: args.max_memory.map(|limit| limit.0),
        graceful_timeout: args.graceful_timeout.0,
        access_log: match &args.json {
            None => AccessLog::Off,
            Some(path) if path.as_os_str() == "-" => AccessLog::Stdout,
            Some(path) => AccessLog::File(path.clone()),
        },
        tell: |event| println!("{event}"),
        ..defaults
    }
}

/// What can be asked of the server, for `--help`.
pub(crate) fn endpoints() -> String {
    let mut text = String::from("Endpoints:\n");
    for endpoint in ENDPOINTS {
        // clap takes `{n}` for a line break.
        let path = format!("{}{}", endpoint.path, endpoint.argument).replace("{n}", "N");
        text.push_str(&format!("  {path:<22}{}\n", endpoint.about));
    }
    text.push_str(
        "\nSIGTERM answers what was accepted and stops; SIGHUP renews worker processes one by one.",
    );
    text
}
