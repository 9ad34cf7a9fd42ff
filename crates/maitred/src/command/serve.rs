//! `maitred serve`: the test server under one strategy. The server itself is `maitred_server`.
#![expect(clippy::print_stderr, reason = "a server tells its events as they come, until it ends")]

use std::time::Duration;

use maitred_server::codec::{HEADERS_MAX, SizeLimits};
use maitred_server::{AccessLog, ENDPOINTS, Identity, Options, ServeError, TimeLimits, serve};

use crate::cli::ServeArgs;
use crate::error::Error;
use maitred_engine::measure::raise_open_files;

/// So much longer than the longest request may take, a worker process may show no sign of life.
const WORKER_MARGIN: Duration = Duration::from_secs(30);

/// Serves until it is told to stop.
///
/// # Errors
/// [`Error::usage`] when the address or the log is refused, [`Error::failed`] when the server had
/// to give up.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Error> {
    raise_open_files();
    serve(options(args)?).map_err(|error| match error {
        ServeError::Bind { .. }
        | ServeError::Socket { .. }
        | ServeError::Tls(_)
        | ServeError::NoTls
        | ServeError::Log(_)
        | ServeError::NoPool { .. }
        | ServeError::NoWorkers { .. } => Error::usage(error.to_string()),
        other => Error::failed(other.to_string()),
    })
}

/// Which certificate, if any.
fn identity(args: &ServeArgs) -> Result<Option<Identity>, Error> {
    let wrong = |said: &str| Err(Error::usage(said));
    match (&args.cert, &args.key, &args.save_cert) {
        (_, _, Some(_)) if args.cert.is_some() || args.key.is_some() || !args.tls => {
            wrong("--save-cert writes the certificate that --tls makes; say --tls, without --cert")
        }
        (Some(certificate), Some(key), _) => {
            let (certificate, key) = (certificate.clone(), key.clone());
            Ok(Some(Identity::Files { certificate, key }))
        }
        (Some(_), None, _) => wrong(
            "--cert says who the server is, but not its secret; give its --key too, or --tls alone \
             for a certificate that is made for this start",
        ),
        (None, Some(_), _) => wrong("--key is the secret of a certificate; give the --cert too"),
        (None, None, saved_as) => {
            Ok(args.tls.then(|| Identity::Made { saved_as: saved_as.clone() }))
        }
    }
}

fn options(args: &ServeArgs) -> Result<Options, Error> {
    let defaults = Options::default();
    Ok(Options {
        architecture: args.strategy,
        host: args.host,
        port: args.port,
        unix: args.unix.clone(),
        admin_port: args.admin_port,
        workers: args.workers.map(usize::from),
        backlog: args.backlog,
        connections_max: args.max_connections.unwrap_or(defaults.connections_max),
        delay: args.delay.0,
        duration_max: args.max_delay.0.max(args.delay.0),
        requests_max: args.max_requests,
        requests_jitter: args.max_requests_jitter,
        memory_max: args.max_memory.map(|limit| limit.0),
        // A worker may not be taken for hung while it does what a request may ask for.
        worker_timeout: defaults.worker_timeout.max(args.max_delay.0 + WORKER_MARGIN),
        courtesy: defaults.courtesy,
        sizes: SizeLimits { body_bytes: args.max_body.0, ..defaults.sizes },
        times: TimeLimits { idle: args.keep_alive_timeout.0, ..defaults.times },
        graceful_timeout: args.graceful_timeout.0,
        access_log: match &args.json {
            None => AccessLog::Off,
            Some(path) if path.as_os_str() == "-" => AccessLog::Stdout,
            Some(path) => AccessLog::File(path.clone()),
        },
        tls: identity(args)?,
        tell: |event| eprintln!("{event}"),
    })
}

/// What can be asked of the server, for `--help`.
pub(crate) fn endpoints() -> String {
    let mut text = String::from("Endpoints:\n");
    for endpoint in ENDPOINTS {
        // clap takes `{n}` for a line break.
        let path = format!("{}{}", endpoint.path, endpoint.argument).replace("{n}", "N");
        text.push_str(&format!("  {path:<20}  {}\n", endpoint.about));
    }
    let sizes = SizeLimits::default();
    let (target, head) = (sizes.target_bytes >> 10, sizes.head_bytes >> 10);
    text.push_str(&format!(
        "\nLimits: a target of {target} KiB (else 414), a head of {head} KiB and {HEADERS_MAX} lines (else 431), \
         a body of --max-body (else 413); waits and work of --max-delay, answers of 1 GiB (else 400).\n\
         \nSIGTERM answers what was accepted and stops, with exit code 1 if somebody had to be cut off after \
         --graceful-timeout; SIGHUP renews worker processes one by one. What the server says of itself goes to \
         standard error.",
    ));
    text
}
