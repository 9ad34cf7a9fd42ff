//! An address as the subject: the same requests, issued in every way there is.
//!
//! So many requests are so many tasks of one step. `--connections` says how many are under way at
//! once, which is the number of threads, of processes, or of tasks on a loop; `threads` is a thread
//! for each connection here, not for each request. Each keeps its connection from one request to
//! the next where the server does.

use std::net::ToSocketAddrs as _;

use maitred_core::result::Comparison;
use maitred_core::workload::Lowered;
use maitred_wire::{Action, HttpUrl, Strategy};

use crate::cli::HttpArgs;
use crate::error::Error;

/// Who names no number gets these.
const REQUESTS: u32 = 1000;
const CONNECTIONS: u32 = 10;
const REQUESTS_MAX: f64 = 1e6;

/// From this share of its processors on, the client may be what limits the rate.
const BUSY: f64 = 0.85;

/// Whether a subject is an address: nothing else contains `://`.
pub(crate) fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// Refuses what only means something for an address.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(crate) fn refuse_options(http: &HttpArgs, subject: &str) -> Result<(), Error> {
    let given = [
        ("--connections", http.connections.is_some()),
        ("--requests", http.requests.is_some()),
        ("--duration", http.duration.is_some()),
        ("--rate", http.rate.is_some()),
        ("--header", !http.headers.is_empty()),
        ("--data", http.data.is_some()),
        ("--method", http.method.is_some()),
        ("--request-timeout", http.request_timeout.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Error::Usage(format!(
            "{option} says how an address is asked, and `{subject}` is none; leave it away, or \
             name an address, as in http://localhost:8080/"
        ))),
        None => Ok(()),
    }
}

/// How many requests are under way at once.
pub(crate) fn connections(http: &HttpArgs) -> u32 {
    http.connections.unwrap_or(CONNECTIONS)
}

/// The workload of an address, as text. Its step gets headers and body by [`complete`].
///
/// # Errors
/// [`Error::Usage`] for what is no address, and for a host that has none.
pub(crate) fn source(
    url: &str,
    http: &HttpArgs,
    quote: impl Fn(&str) -> String,
) -> Result<String, Error> {
    let parts = HttpUrl::parse(url).map_err(|error| Error::Usage(format!("{url}: {error}")))?;
    (parts.host.as_str(), parts.port).to_socket_addrs().map_err(|error| {
        Error::Usage(format!(
            "{url}: the host `{}` cannot be resolved ({error}); check its name",
            parts.host
        ))
    })?;
    check(http)?;
    let count = match (http.duration, http.rate) {
        (Some(duration), Some(rate)) => {
            let count = duration.0.as_secs_f64() * rate.per_second;
            if count > REQUESTS_MAX {
                return Err(Error::Usage(format!(
                    "--duration at this --rate are {count:.0} requests, and {REQUESTS_MAX:.0} are \
                     the most of a round"
                )));
            }
            count.round().max(1.0) as u32
        }
        _ => http.requests.unwrap_or(REQUESTS),
    };
    // In a day, so that slow rates are whole numbers too.
    let rate = http.rate.map_or_else(String::new, |rate| {
        format!(" rate=\"{}/d\"", (rate.per_second * 86_400.0).round().max(1.0))
    });
    let (title, method) = (quote(url), quote(method(http)));
    Ok(format!(
        "title {title}\ntask \"request\" count={count}{rate} {{\n    http {method} {title}\n}}\n"
    ))
}

fn method(http: &HttpArgs) -> &str {
    let default = if http.data.is_some() { "POST" } else { "GET" };
    http.method.as_deref().unwrap_or(default)
}

fn check(http: &HttpArgs) -> Result<(), Error> {
    for (name, value) in &http.headers {
        let plain = |text: &str| text.chars().all(|one| one.is_ascii_graphic() || one == ' ');
        if name.contains(' ') || !plain(name) || !plain(value) {
            return Err(Error::Usage(format!("`{name}: {value}` is not a header of HTTP")));
        }
        if ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Error::Usage(format!(
                "the header {name} follows from the body: leave it away"
            )));
        }
    }
    Ok(())
}

/// Puts headers and body into the requests.
pub(crate) fn complete(work: &mut Lowered, http: &HttpArgs) {
    for step in work.programs.iter_mut().flat_map(|program| &mut program.steps) {
        if let Action::Http { headers, body, .. } = &mut step.action {
            headers.clone_from(&http.headers);
            body.clone_from(&http.data);
        }
    }
}

/// What to know of the figures beside the figures.
pub(crate) fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut remarks = Vec::new();
    if is_loopback(&comparison.subject.name) {
        remarks.push(
            "The server is on this machine: it shares the processors with the client, so that \
             what one of them uses is missing to the other."
                .to_owned(),
        );
    }
    let cores = comparison.machine.cores;
    for contestant in &comparison.contestants {
        let Some(summary) = &contestant.summary else { continue };
        let limit = match contestant.model.strategy {
            Strategy::Sequential | Strategy::EventLoop => 1,
            _ => contestant.workers.min(cores).max(1),
        };
        if let Some(used) = summary.cores_used.known()
            && *used >= BUSY * f64::from(limit)
        {
            remarks.push(format!(
                "`{}`: the client is the bottleneck, it used {used:.2} of the {limit} processors \
                 that it can use; its requests/s say more of it than of the server.",
                contestant.model
            ));
        }
    }
    remarks
}

fn is_loopback(url: &str) -> bool {
    let found = HttpUrl::parse(url)
        .ok()
        .and_then(|parts| (parts.host.as_str(), parts.port).to_socket_addrs().ok()?.next());
    found.is_some_and(|address| address.ip().is_loopback())
}
