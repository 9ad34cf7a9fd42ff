//! An address as the subject: the same requests, issued in every way there is.
//!
//! So many requests are so many tasks of one step. `--connections` says how many are under way at
//! once, which is the number of threads, of processes, or of tasks on a loop; `threads` is a thread
//! for each connection here, not for each request. Each keeps its connection from one request to
//! the next where the server does.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use maitred_core::result::{Comparison, Rule, Sentence};
use maitred_core::workload::Lowered;
use maitred_wire::{Action, HttpUrl, Model, Strategy};

use crate::amount::Period;
use crate::cli::HttpArgs;
use crate::error::Error;
use crate::runtime::interpreters;

/// Who names no number gets these.
const REQUESTS: u32 = 1000;
const CONNECTIONS: u32 = 10;
const REQUESTS_MAX: f64 = 1e6;
/// Room for so many requests is made where their number is not given, as no client sends more in a
/// second, but for so many at least.
const RATE_MAX: f64 = 200_000.0;
const REQUESTS_MIN: f64 = 10_000.0;

/// How long a server may take to accept the connection that tries whether it is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// From this share of its processors on, the client may be what limits the rate.
const BUSY: f64 = 0.85;

/// Whether a subject is an address: nothing else contains `://`.
pub(crate) fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// What may be meant by the name of a file that is not there: `localhost:8080`, `example.org/x`.
pub(crate) fn without_scheme(path: &Path) -> Option<Error> {
    let text = path.to_str().filter(|_| !path.exists())?;
    let authority = text.split('/').next()?;
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = authority.rsplit_once(':')?;
    (!host.is_empty() && is_port(port)).then(|| {
        Error::Usage(format!(
            "{text}: there is no such file; an address begins with http://, as in http://{text}"
        ))
    })
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
    let wanted = http.connections.unwrap_or(CONNECTIONS);
    // Those without a request would only be opened, or not even that.
    if http.duration.is_some() { wanted } else { wanted.min(http.requests.unwrap_or(REQUESTS)) }
}

/// What was asked for, by the names of the options; their number is that of the tasks.
pub(crate) fn asked(http: &HttpArgs) -> Vec<(String, String)> {
    let time = |period: Period| format!("{:?}", period.0);
    let given = [
        ("connections", Some(connections(http).to_string())),
        ("duration", http.duration.map(time)),
        ("rate", http.rate.map(|rate| format!("{}/s", rate.per_second))),
        ("method", http.method.clone()),
        ("request-timeout", http.request_timeout.map(time)),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// For how long requests are sent, where it is not arrivals that say so.
///
/// # Errors
/// [`Error::Usage`] when a run is not allowed to go on for so long.
pub(crate) fn duration(http: &HttpArgs, timeout: Duration) -> Result<Option<Duration>, Error> {
    let Some(Period(duration)) = http.duration else { return Ok(None) };
    if duration >= timeout {
        return Err(Error::Usage(format!(
            "--duration {duration:?} is not less than the --timeout of a run, {timeout:?}; \
             shorten the one or lengthen the other"
        )));
    }
    Ok(http.rate.is_none().then_some(duration))
}

/// The workload of an address, as text. Its step gets headers and body by [`complete`].
///
/// # Errors
/// [`Error::Usage`] for what is no address, and for what cannot be asked of one.
pub(crate) fn source(
    url: &str,
    http: &HttpArgs,
    quote: impl Fn(&str) -> String,
) -> Result<String, Error> {
    parse(url)?;
    check(http)?;
    let count = match (http.duration, http.rate) {
        (Some(duration), Some(rate)) => {
            let count = duration.0.as_secs_f64() * rate.per_second;
            if count > REQUESTS_MAX {
                return Err(Error::Usage(format!(
                    "--duration at this --rate are {count:.0} requests, and {REQUESTS_MAX:.0} are \
                     the most of a round; shorten the one or lower the other"
                )));
            }
            count.round().max(1.0) as u32
        }
        // More than any client can send in that time: they are sent as long as there is time.
        (Some(duration), None) => {
            (duration.0.as_secs_f64() * RATE_MAX).clamp(REQUESTS_MIN, REQUESTS_MAX) as u32
        }
        (None, _) => http.requests.unwrap_or(REQUESTS),
    };
    // In a day, so that slow rates are whole numbers too.
    let rate = http.rate.map_or_else(String::new, |rate| {
        format!(" rate=\"{}/d\"", (rate.per_second * 86_400.0).round().max(1.0))
    });
    let (title, method) = (quote(url), quote(method(http)));
    // The scheme of an address may be in capitals, in the language it is not.
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let address = quote(&format!("http://{rest}"));
    Ok(format!(
        "title {title}\ntask \"request\" count={count}{rate} {{\n    http {method} {address}\n}}\n"
    ))
}

fn method(http: &HttpArgs) -> &str {
    let default = if http.data.is_some() { "POST" } else { "GET" };
    http.method.as_deref().unwrap_or(default)
}

fn parse(url: &str) -> Result<HttpUrl, Error> {
    HttpUrl::parse(url).map_err(|error| Error::Usage(format!("{url}: {error}")))
}

/// Looks whether somebody listens there: every request would fail otherwise, under every model.
///
/// # Errors
/// [`Error::Usage`] when the host has no address, or none that can be connected to.
pub(crate) fn reach(url: &str) -> Result<(), Error> {
    let parts = parse(url)?;
    let (host, port) = (parts.host.as_str(), parts.port);
    let found = (host, port).to_socket_addrs().map_err(|error| {
        Error::Usage(format!(
            "{url}: the host `{host}` cannot be resolved ({error}); check its name"
        ))
    })?;
    let mut refusal = "it has no address".to_owned();
    for address in found {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                refusal = format!("nobody listens on {address}: connection refused");
            }
            Err(error) => refusal = format!("no connection to {address}: {error}"),
        }
    }
    Err(Error::Usage(format!("{url}: {refusal}; start the server, or check host and port")))
}

fn check(http: &HttpArgs) -> Result<(), Error> {
    let method = method(http);
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    let capitals = method.to_ascii_uppercase();
    let wrong = |why: String| Err(Error::Usage(format!("--method {method}: {why}")));
    if !is_token(method) {
        return wrong("this is not a method of HTTP; write one word, as in PUT".into());
    }
    if capitals != method && known.contains(&capitals.as_str()) {
        return wrong(format!("methods are told apart by capitals; write {capitals}"));
    }
    if method == "CONNECT" {
        return wrong("it asks for a tunnel, which has no answer to wait for; name another".into());
    }
    if method == "TRACE" && http.data.is_some() {
        return wrong("such a request has no body (RFC 9110, 9.3.8); leave --data away".into());
    }
    for (name, value) in &http.headers {
        if !is_token(name) || value.chars().any(|one| one.is_control() && one != '\t') {
            return Err(Error::Usage(format!(
                "--header `{}: {}` is not a header of HTTP; write NAME: VALUE, the name without \
                 spaces",
                name.escape_debug(),
                value.escape_debug()
            )));
        }
        if ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Error::Usage(format!(
                "--header {name}: it follows from the body; leave it away"
            )));
        }
    }
    Ok(())
}

/// A word of HTTP: RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let extra = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra(byte))
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
pub(crate) fn remarks(comparison: &Comparison) -> Vec<Sentence> {
    let mut remarks = Vec::new();
    if is_loopback(&comparison.subject.name) {
        remarks.push(Rule::SharedMachine.says(
            "The server is on this machine: it shares the processors with the client, so that \
             what one of them uses is missing to the other.",
        ));
    }
    let cores = comparison.machine.cores;
    remarks.extend(comparison.contestants.iter().filter_map(|one| {
        let used = *one.summary.as_ref()?.cores_used.known()?;
        let said = busy_client(&one.model, one.workers, used, cores)?;
        Some(Rule::BusyClient.says(said))
    }));
    remarks
}

/// Says so where the client used most of the processors that its model lets it use.
fn busy_client(model: &Model, workers: u32, used: f64, cores: u32) -> Option<String> {
    let limit = match model.strategy {
        Strategy::Sequential | Strategy::EventLoop => 1,
        Strategy::Processes | Strategy::Interpreters => workers.min(cores).max(1),
        _ if has_lock(&model.runtime) => 1,
        _ => workers.min(cores).max(1),
    };
    let noun = if limit == 1 { "processor" } else { "processors" };
    (used >= BUSY * f64::from(limit)).then(|| {
        format!(
            "`{model}`: the client is the bottleneck, it used {used:.2} of the {limit} {noun} that \
             it can use; its requests/s say more of it than of the server."
        )
    })
}

/// Whether its threads compute one at a time.
fn has_lock(runtime: &str) -> bool {
    interpreters::is_name(runtime) && !runtime.ends_with('t')
}

fn is_loopback(url: &str) -> bool {
    let found = HttpUrl::parse(url)
        .ok()
        .and_then(|parts| (parts.host.as_str(), parts.port).to_socket_addrs().ok()?.next());
    found.is_some_and(|address| address.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_can_do_no_more_is_named() {
        let said = |model: &str, workers, used| {
            busy_client(&model.parse().unwrap(), workers, used, 8).is_some()
        };
        assert!(said("native/event-loop", 1, 0.97), "a loop has one processor");
        assert!(!said("native/event-loop", 1, 0.40));
        assert!(said("python3.13/threads", 64, 0.97), "one thread at a time has the lock");
        assert!(!said("python3.13t/threads", 64, 0.97), "without a lock it has eight");
        assert!(said("python3.13t/threads", 64, 7.8));
        assert!(!said("native/threads", 64, 0.97));
        assert!(said("native/thread-pool:2", 2, 1.95), "two workers use two");
        assert!(said("python3.13/processes:2", 2, 1.95));
        assert!(!said("python3.13/processes:4", 4, 1.95));
    }
}
