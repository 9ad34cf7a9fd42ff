//! `http` steps: one request and its answer, on a thread that waits or on a loop.
//!
//! The client is our own, and shares nothing with the test server: what measures must not share
//! code with what is measured. A request is put into bytes once, before the run. The main type
//! is [`Request`]; [`blocking::Client`] and [`awaited::Client`] send it.

mod answer;
pub(crate) mod awaited;
pub(crate) mod blocking;
mod message;
mod socket;
mod tls;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::ToSocketAddrs as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maitred_wire::{Action, HttpUrl};

use crate::failure::{Failed, Kind};
use answer::Answer;
use message::Message;
use socket::Peer;
use tls::Tls;
pub(crate) use tls::Trust;

/// To connect, and then again for the whole answer, unless the plan says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// So many next requests of a request are kept ready; a server that always points somewhere else pays
/// for it.
const ONWARD_MAX: usize = 16;

/// A piece of an answer is at most so large.
const PIECE_BYTES: usize = 64 * 1024;

/// A request, ready to be sent as often as its step is executed.
#[derive(Debug)]
pub(crate) struct Request {
    message: Message,
    /// Where the server is, or why nobody knows. The name is looked up once, before the run, so
    /// that no strategy pays for another's looking.
    peers: Result<Vec<Peer>, String>,
    bytes: Vec<u8>,
    /// Whether it does no harm to send it twice (RFC 9110, section 9.2.2).
    idempotent: bool,
    timeout: Duration,
    /// Of `https`.
    tls: Option<Tls>,
    /// Which connections can be used for it: of a server of this name, and with TLS or without.
    place: &'static str,
    /// The requests that answers to this one pointed to, by status and place.
    onward: Mutex<Vec<(u16, String, Arc<Self>)>>,
}

impl Request {
    /// It lives as long as the process, as the plan of which it is a part.
    ///
    /// # Errors
    /// When the action is no request that can be sent, in one sentence.
    pub(crate) fn new(
        action: &Action,
        timeout_ns: Option<&str>,
        trust: Trust,
    ) -> Result<&'static Self, String> {
        let Action::Http { method, url, headers, body, manner } = action else {
            return Err("not a request".into());
        };
        let mut manner = manner.clone();
        manner.timeout = manner.timeout.or_else(|| timeout_ns?.parse().ok());
        let url = HttpUrl::parse(url).map_err(|error| format!("the address {url}: {error}"))?;
        let (method, headers, body) = (method.clone(), headers.clone(), body.clone());
        let message = Message { method, url, headers, body, manner, trust };
        Ok(Box::leak(Box::new(Self::compose(message, None)?)))
    }

    /// Ready to be sent; from one who spoke TLS before it is known whom to trust.
    fn compose(message: Message, before: Option<&Tls>) -> Result<Self, String> {
        let Message { method, url, manner, trust, .. } = &message;
        let tls = url.is_tls.then(|| match before {
            Some(tls) => tls.to(&url.host),
            None => Tls::new(trust, &url.host),
        });
        Ok(Self {
            peers: match &manner.unix {
                Some(path) => Ok(vec![Peer::Unix(Path::new(lasting(path)))]),
                None => look_up(url),
            },
            bytes: message.bytes()?,
            idempotent: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]
                .contains(&method.as_str()),
            timeout: manner.timeout.map_or(TIMEOUT, Duration::from_nanos),
            tls: tls.transpose()?,
            place: if url.is_tls { lasting(&url.host) } else { "" },
            onward: Mutex::default(),
            message,
        })
    }

    /// The request that this answer asks for; `None`: it asks for none, or it is not followed.
    ///
    /// # Errors
    /// When it was redirected too often, or to no place that can be asked.
    pub(super) fn redirected(&self, answer: &Answer) -> Result<Option<Arc<Self>>, Failed> {
        let (Some(left), Some(to)) = (self.message.manner.follow, answer.location()) else {
            return Ok(None);
        };
        let status = answer.status();
        let mut ready = self.onward.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ready.iter().find(|(known, place, _)| *known == status && place == to);
        if let Some((.., next)) = known {
            return Ok(Some(Arc::clone(next)));
        }
        let why = |how: String| self.failed(Kind::Redirect, &how);
        let left = left.checked_sub(1).ok_or_else(|| {
            why(format!("it was redirected too often, at last to `{}`", to.escape_debug()))
        })?;
        let message = self.message.redirected(status, to, left).map_err(|how| {
            why(format!("it was redirected to `{}`, which is no address: {how}", to.escape_debug()))
        })?;
        let next = Arc::new(Self::compose(message, self.tls.as_ref()).map_err(why)?);
        if ready.len() < ONWARD_MAX {
            ready.push((status, to.to_owned(), Arc::clone(&next)));
        }
        Ok(Some(next))
    }

    fn answer(&self) -> Answer {
        Answer::new(self.message.method == "HEAD")
    }

    /// Where to connect to, the best first.
    fn peers(&self) -> Result<&[Peer], Failed> {
        self.peers.as_deref().map_err(|error| self.failed(Kind::Dns, error))
    }

    /// The end of an answer that arrived whole: its status.
    fn verdict(&self, answer: &Answer) -> Result<u16, Failed> {
        match answer.status() {
            status @ 400.. => Err(self.failed(Kind::Status(status), &format!("status {status}"))),
            status => Ok(status),
        }
    }

    fn failed(&self, kind: Kind, how: &str) -> Failed {
        let Message { method, url, .. } = &self.message;
        Failed::new(kind, format!("{method} {url}: {how}"))
    }

    fn malformed(&self, how: &str) -> Failed {
        self.failed(Kind::BadAnswer, &format!("the answer is not HTTP: {how}"))
    }

    fn timed_out(&self) -> Failed {
        self.failed(Kind::Timeout, &format!("no whole answer in {} s", self.timeout.as_secs_f64()))
    }

    fn not_connected(&self, error: &io::Error) -> Failed {
        if let Some(why) = tls::explain(error, &self.message.url.host) {
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

fn look_up(url: &HttpUrl) -> Result<Vec<Peer>, String> {
    let unknown = |why: String| format!("the name `{}` cannot be resolved: {why}", url.host);
    let found = (url.host.as_str(), url.port).to_socket_addrs();
    let found = found.map_err(|error| unknown(error.to_string()))?;
    let found: Vec<Peer> = found.map(Peer::Tcp).collect();
    if found.is_empty() { Err(unknown("it has no address".into())) } else { Ok(found) }
}

/// The same text for as long as the process lives; there are few, however often they are asked for.
fn lasting(text: &str) -> &'static str {
    static ALL: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(text).copied().unwrap_or_else(|| {
        let text: &'static str = String::leak(text.to_owned());
        all.insert(text);
        text
    })
}

#[cfg(test)]
mod tests;
