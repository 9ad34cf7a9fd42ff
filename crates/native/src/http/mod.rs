//! `http` steps: one request and its answer, on a thread that waits or on a loop.
//!
//! The client is our own, and shares nothing with the test server: what measures must not share
//! code with what is measured. A request is put into bytes once, before the run. The main type
//! is [`Request`]; [`blocking::Client`] and [`awaited::Client`] send it.

mod answer;
pub(crate) mod awaited;
pub(crate) mod blocking;
mod tls;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use maitred_wire::{Action, HttpUrl};

use crate::failure::{Failed, Kind};
use answer::Answer;
use tls::Tls;
pub(crate) use tls::Trust;

/// To connect, and then again for the whole answer, unless the plan says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A piece of an answer is at most so large.
const PIECE_BYTES: usize = 64 * 1024;

/// A request, ready to be sent as often as its step is executed.
#[derive(Debug)]
pub(crate) struct Request {
    method: String,
    url: String,
    /// Where the server is, or why nobody knows. The name is looked up once, before the run, so
    /// that no strategy pays for another's looking.
    addresses: Result<Vec<SocketAddr>, String>,
    bytes: Vec<u8>,
    /// Whether it does no harm to send it twice (RFC 9110, section 9.2.2).
    idempotent: bool,
    timeout: Duration,
    /// Of `https`.
    tls: Option<Tls>,
    /// Which connections can be used for it: of a server of this name, and with TLS or without.
    place: &'static str,
    host: String,
}

impl Request {
    /// It lives as long as the process, as the plan of which it is a part.
    ///
    /// # Errors
    /// When the action is no request that can be sent, in one sentence.
    pub(crate) fn new(
        action: &Action,
        timeout_ns: Option<&str>,
        trust: Trust<'_>,
    ) -> Result<&'static Self, String> {
        let Action::Http { method, url, headers, body } = action else {
            return Err("not a request".into());
        };
        let parts = HttpUrl::parse(url).map_err(|error| format!("the address {url}: {error}"))?;
        let timeout = timeout_ns.and_then(|text| text.parse().ok());
        let tls = parts.is_tls.then(|| Tls::new(trust, &parts.host)).transpose()?;
        let place = if parts.is_tls { String::leak(parts.host.clone()) } else { "" };
        Ok(Box::leak(Box::new(Self {
            method: method.clone(),
            url: url.clone(),
            addresses: look_up(&parts),
            bytes: compose(method, &parts, headers, body.as_deref())?,
            idempotent: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]
                .contains(&method.as_str()),
            timeout: timeout.map_or(TIMEOUT, Duration::from_nanos),
            tls,
            place,
            host: parts.host,
        })))
    }

    fn answer(&self) -> Answer {
        Answer::new(self.method == "HEAD")
    }

    /// Where to connect to, the best first.
    fn addresses(&self) -> Result<&[SocketAddr], Failed> {
        self.addresses.as_deref().map_err(|error| self.failed(Kind::Dns, error))
    }

    /// The end of an answer that arrived whole.
    fn verdict(&self, answer: &Answer) -> Result<(), Failed> {
        match answer.status() {
            status @ 400.. => Err(self.failed(Kind::Status(status), &format!("status {status}"))),
            _ => Ok(()),
        }
    }

    fn failed(&self, kind: Kind, how: &str) -> Failed {
        Failed::new(kind, format!("{} {}: {how}", self.method, self.url))
    }

    fn malformed(&self, how: &str) -> Failed {
        self.failed(Kind::BadAnswer, &format!("the answer is not HTTP: {how}"))
    }

    fn timed_out(&self) -> Failed {
        self.failed(Kind::Timeout, &format!("no whole answer in {} s", self.timeout.as_secs_f64()))
    }

    fn not_connected(&self, error: &io::Error) -> Failed {
        if let Some(why) = tls::explain(error, &self.host) {
            return self.failed(Kind::Connect, &why);
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => self.failed(Kind::Refused, "connection refused"),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                self.failed(Kind::Timeout, "no connection in time")
            }
            _ => self.failed(Kind::Connect, &format!("no connection: {error}")),
        }
    }

    fn lost(&self, answer: &Answer, error: Option<&io::Error>) -> Failed {
        let when = if answer.has_started() { "within" } else { "before" };
        let why = error.map_or(String::new(), |error| format!(" ({error})"));
        self.failed(Kind::Lost, &format!("the connection was cut {when} the answer{why}"))
    }
}

/// How one attempt ended on a connection.
#[derive(Debug)]
enum Attempt {
    /// The answer arrived whole; whether the connection can be used again.
    Answered(Answer),
    /// The server had closed a connection that was kept, before any byte of the answer: the one
    /// case in which RFC 9112 (section 9.3.1) has a client ask again by itself.
    Stale,
    Failed(Failed),
}

impl Request {
    /// What it means that the connection ended or broke in the midst of an answer.
    fn cut(&self, mut answer: Answer, kept: bool, error: Option<&io::Error>) -> Attempt {
        if error.is_none() && answer.close() {
            return Attempt::Answered(answer);
        }
        if kept && self.idempotent && !answer.has_started() {
            return Attempt::Stale;
        }
        Attempt::Failed(self.lost(&answer, error))
    }
}

fn look_up(url: &HttpUrl) -> Result<Vec<SocketAddr>, String> {
    let unknown = |why: String| format!("the name `{}` cannot be resolved: {why}", url.host);
    let found = (url.host.as_str(), url.port).to_socket_addrs();
    let found: Vec<SocketAddr> = found.map_err(|error| unknown(error.to_string()))?.collect();
    if found.is_empty() { Err(unknown("it has no address".into())) } else { Ok(found) }
}

fn compose(
    method: &str,
    url: &HttpUrl,
    headers: &[(String, String)],
    body: Option<&str>,
) -> Result<Vec<u8>, String> {
    let is_token = |text: &str| {
        let extra = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra(byte))
    };
    if !is_token(method) {
        return Err(format!("`{method}` is not a method of HTTP"));
    }
    let mut text = format!("{method} {} HTTP/1.1\r\n", url.target);
    let given = |name: &str| headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
    let own = [
        ("Host", url.authority.as_str()),
        ("User-Agent", concat!("maitred/", env!("CARGO_PKG_VERSION"))),
        ("Accept", "*/*"),
    ];
    for (name, value) in own.into_iter().filter(|(name, _)| !given(name)) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    for (name, value) in headers {
        if !is_token(name) || value.chars().any(|one| one.is_ascii_control() && one != '\t') {
            return Err(format!("`{name}: {}` is not a header of HTTP", value.escape_debug()));
        }
        if ["content-length", "transfer-encoding"].iter().any(|one| name.eq_ignore_ascii_case(one))
        {
            return Err(format!("the header {name} is the client's own: leave it away"));
        }
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if body.is_some() || ["POST", "PUT", "PATCH"].contains(&method) {
        text.push_str(&format!("Content-Length: {}\r\n", body.map_or(0, str::len)));
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests;
