//! An address as the subject: the same requests, issued in every way there is.
//!
//! So many requests are so many tasks of one step. `--connections` says how many are under way at
//! once, which is the number of threads, of processes, or of tasks on a loop; `threads` is a thread
//! for each connection here, not for each request. Each keeps its connection from one request to
//! the next where the server does.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use maitred_core::analyse::stats;
use maitred_core::result::{Comparison, Rule, Sentence, SubjectKind};
use maitred_core::workload::Lowered;
use maitred_core::workload::ast::{Action as Doing, Request, Task};
use maitred_wire::{Action, HttpManner, HttpUrl, Loops, Model, Strategy, fields};

use super::between;
use crate::error::Error;
use crate::job::{Connections, Draft, Job, task, text};
use crate::request::{Http, Work};
use crate::runtimes::Runtimes;

const REQUESTS_MAX: f64 = 1e6;
/// Room for so many requests is made where their number is not given, as no client sends more in a
/// second, but for so many at least.
const RATE_MAX: f64 = 200_000.0;
const REQUESTS_MIN: f64 = 10_000.0;

/// How long a server may take to accept the connection that tries whether it is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Below this share of the rate that was offered, a model did not keep up with it.
const KEPT_UP: f64 = 0.9;

/// From this share of its processors on, the client may be what limits the rate.
const BUSY: f64 = 0.85;

/// Whether a subject is an address: nothing else contains `://`.
pub fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// What may be meant by the name of a file that is not there: `localhost:8080`, `example.org/x`.
pub fn without_scheme(path: &Path) -> Option<Error> {
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

/// Makes the work of an address: so many requests.
///
/// # Errors
/// [`Error::Usage`] when it is none that can be asked.
pub(super) fn prepare(name: &str, http: &Http, given: &Work) -> Result<Job, Error> {
    let task = requests(name, http)?;
    let mut job = Draft::of_one_step(name, SubjectKind::Url, task).lower(given, &given.set)?;
    job.connections = Some(connections(http));
    job.asked = asked(http);
    job.duration = duration(http, given.timeout())?;
    match &http.unix {
        Some(path) => reach_socket(path)?,
        None => reach(name)?,
    }
    complete(&mut job.work, http);
    job.request_timeout = http.timeout();
    job.tls_insecure = http.insecure;
    job.tls_authority = http.authority.clone();
    Ok(job)
}

/// How many requests are under way at once, or may be.
fn connections(http: &Http) -> Connections {
    let (threads, processes) = match (http.connections, http.rate_per_second) {
        (Some(given), _) => (given, given),
        (None, None) => (Http::CONNECTIONS, Http::CONNECTIONS),
        (None, Some(_)) => (Http::CONNECTIONS_MAX, Http::PROCESSES_MAX),
    };
    // Those without a request would only be opened, or not even that.
    let most = http.duration_ns.map_or(http.requests, |_| u32::MAX);
    Connections { threads: threads.min(most), processes: processes.min(most) }
}

/// What was asked for, by the names of the options; their number is that of the tasks.
fn asked(http: &Http) -> Vec<(String, String)> {
    let time = |duration: Duration| format!("{duration:?}");
    // What is a limit only, and was not given, is no part of what was asked.
    let is_limit = http.rate_per_second.is_some() && http.connections.is_none();
    let at_once = (!is_limit).then(|| connections(http).threads);
    let given = [
        ("connections", at_once.map(|count| count.to_string())),
        ("duration", http.duration().map(time)),
        ("rate", http.rate_per_second.map(|rate| format!("{rate}/s"))),
        ("method", http.method.clone()),
        ("request-timeout", http.timeout().map(time)),
        ("unix", http.unix.as_ref().map(|path| path.display().to_string())),
        ("cacert", http.authority.as_ref().map(|path| path.display().to_string())),
        ("insecure", http.insecure.then(|| "yes".to_owned())),
        ("follow", http.follow.then(|| "yes".to_owned())),
        ("data", body(http)),
    ];
    let headers = http.headers.iter().map(|(name, value)| ("header", Some(header(name, value))));
    let given = given.into_iter().chain(headers);
    given.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The body as it was given: its text, or the file that holds it.
fn body(http: &Http) -> Option<String> {
    let file = http.body_file.as_ref().map(|path| format!("@{}", path.display()));
    file.or_else(|| http.body.clone())
}

/// A header line as it is kept with the result, which others may read: without what is secret.
fn header(name: &str, value: &str) -> String {
    format!("{name}: {}", if fields::is_secret(name) { "…" } else { value })
}

/// For how long requests are sent, where it is not arrivals that say so.
///
/// # Errors
/// [`Error::Usage`] when a run is not allowed to go on for so long.
fn duration(http: &Http, timeout: Duration) -> Result<Option<Duration>, Error> {
    let Some(duration) = http.duration() else { return Ok(None) };
    if duration >= timeout {
        return Err(Error::Usage(format!(
            "--duration {duration:?} is not less than the --timeout of a run, {timeout:?}; \
             shorten the one or lengthen the other"
        )));
    }
    Ok(http.rate_per_second.is_none().then_some(duration))
}

/// The requests of an address. They get headers and body by [`complete`].
///
/// # Errors
/// [`Error::Usage`] for what is no address, and for what cannot be asked of one.
fn requests(url: &str, http: &Http) -> Result<Task, Error> {
    let parts = parse(url)?;
    check(http)?;
    check_trust(http, &parts)?;
    let count = match (http.duration(), http.rate_per_second) {
        (Some(duration), Some(rate)) => {
            let count = duration.as_secs_f64() * rate;
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
            (duration.as_secs_f64() * RATE_MAX).clamp(REQUESTS_MIN, REQUESTS_MAX) as u32
        }
        (None, _) => http.requests,
    };
    // In a day, so that slow rates are whole numbers too.
    let rate =
        http.rate_per_second.map(|rate| text(&format!("{}/d", (rate * 86_400.0).round().max(1.0))));
    // The scheme of an address may be in capitals, in the language it is not.
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let scheme = if parts.is_tls { "https" } else { "http" };
    let address = format!("{scheme}://{rest}");
    let request = Request::plain(text(method(http)), text(&address));
    let action = Doing::Http(Box::new(request));
    Ok(Task { rate, ..task("request", count, action) })
}

fn method(http: &Http) -> &str {
    let default = if http.body.is_some() { "POST" } else { "GET" };
    http.method.as_deref().unwrap_or(default)
}

fn parse(url: &str) -> Result<HttpUrl, Error> {
    HttpUrl::parse(url).map_err(|error| Error::Usage(format!("{url}: {error}")))
}

/// Looks whether somebody listens there: every request would fail otherwise, under every model.
///
/// # Errors
/// [`Error::Usage`] when the host has no address, or none that can be connected to.
fn reach(url: &str) -> Result<(), Error> {
    let parts = parse(url)?;
    let (host, port) = (parts.host.as_str(), parts.port);
    let found = (host, port).to_socket_addrs().map_err(|error| {
        Error::Usage(format!(
            "{url}: the host `{host}` cannot be resolved ({error}); check its name{}",
            unasked_proxy(url).map(|said| format!(". {said}")).unwrap_or_default()
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
    let proxy = unasked_proxy(url).map(|said| format!(". {said}")).unwrap_or_default();
    Err(Error::Usage(format!("{url}: {refusal}; start the server, or check host and port{proxy}")))
}

/// The same of a socket of this machine.
///
/// # Errors
/// [`Error::Usage`] when there is none, or nobody accepts on it.
fn reach_socket(path: &Path) -> Result<(), Error> {
    UnixStream::connect(path).map(drop).map_err(|error| {
        let how = match error.kind() {
            ErrorKind::NotFound => "there is no such socket".to_owned(),
            ErrorKind::ConnectionRefused => "nobody listens on it".to_owned(),
            _ => format!("it cannot be connected to: {error}"),
        };
        Error::Usage(format!(
            "--unix {}: {how}; start the server, or check the path",
            path.display()
        ))
    })
}

/// Whom to trust is a question of https alone.
fn check_trust(http: &Http, parts: &HttpUrl) -> Result<(), Error> {
    let option = match (http.insecure, &http.authority) {
        (true, Some(_)) => {
            return Err(Error::Usage(
                "--insecure trusts anybody, --cacert only some; omit one of them".into(),
            ));
        }
        (true, None) => "--insecure",
        (false, Some(_)) => "--cacert",
        (false, None) => return Ok(()),
    };
    if !parts.is_tls {
        return Err(Error::Usage(format!(
            "{option} says whom to trust over https, and this address is one of http; write https:// \
             or omit it"
        )));
    }
    let Some(path) = &http.authority else { return Ok(()) };
    std::fs::File::open(path).map(drop).map_err(|error| {
        let path = path.display();
        Error::Usage(format!("--cacert {path} cannot be read: {error}; name a file of PEM"))
    })
}

fn check(http: &Http) -> Result<(), Error> {
    let method = method(http);
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    let capitals = method.to_ascii_uppercase();
    let wrong = |why: String| Err(Error::Usage(format!("--method {method}: {why}")));
    if !fields::is_token(method) {
        return wrong("this is not a method of HTTP; write one word, as in PUT".into());
    }
    if capitals != method && known.contains(&capitals.as_str()) {
        return wrong(format!("methods are told apart by capitals; write {capitals}"));
    }
    if method == "CONNECT" {
        return wrong("it asks for a tunnel, which has no answer to wait for; name another".into());
    }
    if method == "TRACE" && http.body.is_some() {
        return wrong("such a request has no body (RFC 9110, 9.3.8); omit --data".into());
    }
    for (name, value) in &http.headers {
        if !fields::is_field(name, value) {
            return Err(Error::Usage(format!(
                "--header `{}: {}` is not a header of HTTP; write NAME: VALUE, the name without \
                 spaces",
                name.escape_debug(),
                value.escape_debug()
            )));
        }
        if fields::is_framing(name) {
            return Err(Error::Usage(format!(
                "--header {name}: it follows from the body; omit it"
            )));
        }
    }
    Ok(())
}

/// Puts headers and body into the requests.
fn complete(work: &mut Lowered, http: &Http) {
    for step in work.programs.iter_mut().flat_map(|program| &mut program.steps) {
        if let Action::Http { headers, body, manner, .. } = &mut step.action {
            headers.clone_from(&http.headers);
            body.clone_from(&http.body);
            manner.follow = http.follow.then_some(HttpManner::REDIRECTS);
            manner.unix = http.unix.as_ref().map(|path| path.display().to_string());
        }
    }
}

/// What of it is to be known where others would ask a proxy for that address.
fn unasked_proxy(url: &str) -> Option<String> {
    between::unasked_proxy(url, |name| std::env::var(name).ok())
}

/// What to know of the figures beside the figures.
pub(crate) fn remarks(comparison: &Comparison, runtimes: &Runtimes) -> Vec<Sentence> {
    let mut remarks = Vec::new();
    let name = &comparison.subject.name;
    let is_ours = is_here(name, &comparison.settings.parameters);
    if is_ours {
        remarks.push(Rule::SharedMachine.says(
            "The server is on this machine: it shares the processors with the client, so that \
             what one of them uses is missing to the other.",
        ));
    }
    let cores = comparison.machine.processors().whole();
    remarks.extend(comparison.contestants.iter().filter_map(|one| {
        let used = *one.summary.as_ref()?.cores_used.known()?;
        let limit = match runtimes.is_parallel(&one.model) {
            true => one.workers.min(cores).max(1),
            false => 1,
        };
        let said = busy_client(&one.model, used, limit)?;
        Some(Rule::BusyClient.says(said))
    }));
    remarks.extend(comparison.contestants.iter().filter_map(|one| {
        let asked = |name: &str| {
            let mut all = comparison.settings.parameters.iter();
            all.find(|(found, _)| found == name).map(|(_, value)| value.as_str())
        };
        let offered = asked("rate")?.strip_suffix("/s")?.parse().ok()?;
        let connections = match one.model.strategy {
            strategy if strategy.facts().loops == Loops::None => one.workers,
            _ => asked("connections")
                .and_then(|text| text.parse().ok())
                .unwrap_or(Http::CONNECTIONS_MAX),
        };
        let taken = one.runs.iter().filter_map(|run| Some(run.requests.as_ref()?.p50_ns));
        let taken = Duration::from_nanos(stats::median_u64(taken)?);
        let reached = one.summary.as_ref()?.throughput;
        let said = busy_connections(&one.model, offered, reached, connections, taken)?;
        Some(Rule::BusyConnections.says(said))
    }));
    let runs = comparison.contestants.iter().flat_map(|one| &one.runs);
    let answers: Vec<(u16, u64)> =
        runs.clone().flat_map(|run| run.answers.iter().flatten().copied()).collect();
    remarks.extend(not_followed(&answers).map(|said| Rule::NotFollowed.says(said)));
    let proxy = (!is_ours).then(|| unasked_proxy(name)).flatten();
    let between = between::gateway(&answers).or(proxy);
    remarks.extend(between.map(|said| Rule::ProxyBetween.says(said)));
    remarks.extend(between::plain_to_tls(name, &answers).map(|said| Rule::PlainToTls.says(said)));
    let fewest = runs.map(|run| run.tasks.done).filter(|&done| done > 0).min();
    remarks.extend(fewest.and_then(few_requests).map(|said| Rule::FewRequests.says(said)));
    remarks
}

/// Says so where fewer requests were sent than offered because no connection was free: by Little's law
/// so many were under way at once as were sent a second, times how long each took.
fn busy_connections(
    model: &Model,
    offered: f64,
    reached: f64,
    connections: u32,
    taken: Duration,
) -> Option<String> {
    let under_way = reached * taken.as_secs_f64();
    let is_behind = reached < KEPT_UP * offered;
    (is_behind && under_way >= BUSY * f64::from(connections)).then(|| {
        let wanted = (offered * taken.as_secs_f64() * 1.25).ceil();
        let who = match connections {
            1 => "its one connection was".to_owned(),
            _ => format!("all {connections} connections were"),
        };
        let more = match model.strategy {
            Strategy::Sequential => "it cannot have more".to_owned(),
            _ => format!("-c {wanted:.0} would be enough for as long as the server keeps up"),
        };
        format!(
            "`{model}`: offered {offered}/s, reached {reached:.1}/s: {who} busy, each for {taken:.0?} \
             with a request, and the waiting for one is in the times from the arrival; {more}."
        )
    })
}

/// Says so where answers only pointed somewhere else: then that is what was measured.
fn not_followed(answers: &[(u16, u64)]) -> Option<String> {
    let is_redirect = |status: u16| [301, 302, 303, 307, 308].contains(&status);
    let redirects = answers.iter().filter(|(status, _)| is_redirect(*status));
    let (status, _) = redirects.clone().max_by_key(|(_, count)| *count)?;
    let few: u64 = redirects.map(|(_, count)| count).sum();
    let all: u64 = answers.iter().map(|(_, count)| count).sum();
    Some(format!(
        "{few} of {all} answers only say where to ask instead (status {status}), and that was not done: \
         these are times of short answers; --follow goes on to where they point."
    ))
}

/// Says so where a percentile rests on fewer than ten requests.
fn few_requests(done: u64) -> Option<String> {
    (done < 1000).then(|| {
        let noun = if done == 1 { "request" } else { "requests" };
        let beyond = match done / 100 {
            0 => "the largest of them".to_owned(),
            1 => "a single one of them".to_owned(),
            few => format!("{few} of them"),
        };
        format!(
            "A round has only {done} {noun}, so that p99 rests on {beyond} and p99.9 on one at most; \
             from -n 1000 on, ten lie beyond p99."
        )
    })
}

/// Says so where the client used most of the processors that its model lets it use.
fn busy_client(model: &Model, used: f64, limit: u32) -> Option<String> {
    let noun = if limit == 1 { "processor" } else { "processors" };
    (used >= BUSY * f64::from(limit)).then(|| {
        format!(
            "`{model}`: the client is the bottleneck, it used {used:.2} of the {limit} {noun} that \
             it can use; its requests/s say more of it than of the server."
        )
    })
}

/// Whether the server of such an address, asked so, is on this machine.
fn is_here(url: &str, parameters: &[(String, String)]) -> bool {
    parameters.iter().any(|(name, _)| name == "unix") || is_loopback(url)
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
    fn what_was_asked_is_kept_to_be_repeated_and_no_secret_with_it() {
        let lines =
            [("Accept", "text/html"), ("authorization", "Bearer abc"), ("X-Api-Key", "abc")];
        let mut http = Http {
            headers: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Some("one=1".into()),
            follow: true,
            insecure: true,
            ..Http::default()
        };
        let told = |http: &Http| -> Vec<String> {
            let all = asked(http).into_iter().map(|(name, value)| format!("{name} {value}"));
            all.filter(|one| !one.starts_with("connections ")).collect()
        };
        let headers =
            ["header Accept: text/html", "header authorization: …", "header X-Api-Key: …"];
        assert_eq!(
            told(&http),
            [&["insecure yes", "follow yes", "data one=1"][..], &headers].concat()
        );
        http.body_file = Some("body.json".into());
        assert!(told(&http).contains(&"data @body.json".to_owned()), "the file is named again");
        assert!(told(&Http::default()).is_empty(), "nothing was asked for");
    }

    #[test]
    fn connections_that_are_all_busy_are_named() {
        let said = |model: &str, reached, connections, ms| {
            let taken = Duration::from_millis(ms);
            busy_connections(&model.parse().unwrap(), 50.0, reached, connections, taken)
        };
        let text = said("native/threads", 9.9, 2, 200).unwrap();
        assert!(
            text.contains(
                "offered 50/s, reached 9.9/s: all 2 connections were busy, each for 200ms"
            ),
            "{text}"
        );
        assert!(text.contains("-c 13"), "{text}");
        assert!(said("native/sequential", 5.0, 1, 200).unwrap().contains("it cannot have more"));
        assert_eq!(said("native/threads", 49.0, 10, 200), None, "it kept up");
        assert_eq!(said("native/threads", 9.9, 100, 200), None, "there were free ones");
    }

    #[test]
    fn answers_that_point_elsewhere_are_told_where_they_were_not_followed() {
        let text = not_followed(&[(200, 10), (302, 90)]).unwrap();
        assert!(
            text.contains("90 of 100 answers only say where to ask instead (status 302)"),
            "{text}"
        );
        assert_eq!(
            not_followed(&[(200, 10), (304, 90), (404, 1)]),
            None,
            "none of these points anywhere"
        );
    }

    #[test]
    fn percentiles_of_few_requests_are_told_apart() {
        assert!(
            few_requests(8).unwrap().contains("only 8 requests, so that p99 rests on the largest")
        );
        assert!(few_requests(300).unwrap().contains("p99 rests on 3 of them"));
        assert_eq!(few_requests(1000), None);
    }

    #[test]
    fn a_server_on_this_machine_shares_it_and_one_elsewhere_does_not() {
        assert!(is_here("http://127.0.0.1:8000/", &[]) && is_here("http://[::1]/", &[]));
        // Kept for documents, RFC 5737: it is nobody's.
        assert!(!is_here("http://192.0.2.7/", &[]));
        let socket = [("unix".to_owned(), "/run/it.sock".to_owned())];
        assert!(is_here("http://192.0.2.7/", &socket));
    }

    #[test]
    fn a_client_that_can_do_no_more_is_named() {
        let said =
            |model: &str, limit, used| busy_client(&model.parse().unwrap(), used, limit).is_some();
        assert!(said("native/event-loop", 1, 0.97), "a loop has one processor");
        assert!(!said("native/event-loop", 1, 0.40));
        assert!(!said("native/threads", 8, 0.97));
        assert!(said("native/threads", 8, 7.8));
        assert!(said("native/thread-pool:2", 2, 1.95), "two workers use two");
        assert!(!said("python3.13/processes:4", 4, 1.95));
    }
}
