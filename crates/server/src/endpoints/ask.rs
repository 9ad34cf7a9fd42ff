//! A request as an endpoint sees it, and what endpoints answer with. The main type is [`Ask`].

use std::time::Duration;

use maitred_wire::{Nanos, parse_size_or_bytes};

use super::query;
use super::report::{Of, Report};
use crate::client::Client;
use crate::codec::Head;
use crate::reply::{Body, Reply};
use crate::service::Service;

/// Most bytes that `/bytes`, `/drip` and `/leak` give.
pub(super) const BYTES_MAX: u64 = 1 << 30;

/// Where an answer can be had.
#[derive(Debug)]
pub struct Endpoint {
    /// The first segment of the path, with its slash.
    pub path: &'static str,
    /// What follows it, as shown to people; empty if nothing may follow.
    pub argument: &'static str,
    pub methods: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    pub(super) make: fn(&Ask<'_>) -> Result<Reply, Reply>,
}

impl Endpoint {
    /// How many segments may follow the first one: as many as are shown, or any number of what is one text.
    pub(super) fn segments_max(&self) -> usize {
        match self.argument {
            "/{path}" | "/{text}" | "{/set|/delete}" => usize::MAX,
            // As many as there may be: a trailing slash was never refused.
            "" => 1,
            shown => shown.bytes().filter(|&byte| byte == b'/').count(),
        }
    }
}

/// A request as an endpoint sees it.
pub(super) struct Ask<'a> {
    /// What follows the first segment of the path, without the slash between.
    pub(super) argument: &'a str,
    pub(super) query: &'a str,
    pub(super) head: &'a Head<'a, 'a>,
    pub(super) client: &'a Client,
    pub(super) service: &'a Service,
    /// What there is, in the order in which it is listed.
    pub(super) all: &'static [Endpoint],
}

pub(super) const ANY: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE";

pub(super) fn bad(text: String) -> Reply {
    Reply::text(400, text + "\n")
}

/// JSON as httpbin gives it: for people, and for pages of every origin.
pub(super) fn json(value: &serde_json::Value) -> Reply {
    shared(Reply::new(200, "application/json", Body::Bytes(super::report::pretty(value))))
}

/// Lets pages of every origin read the answer.
pub(super) fn shared(mut reply: Reply) -> Reply {
    reply.say("Access-Control-Allow-Origin", "*");
    reply.say("Access-Control-Allow-Credentials", "true");
    reply
}

impl<'a> Ask<'a> {
    /// A report of the request, made when its body is there.
    pub(super) fn report(&self, of: Of) -> Result<Reply, Reply> {
        let report = Box::new(Report::new(self.head, self.client, of));
        Ok(shared(Reply::new(200, "application/json", Body::Report(report))))
    }

    /// As it stands in the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Decoded.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let mut pairs = query::pairs(self.query.as_bytes()).into_iter();
        pairs.find(|(found, _)| found == name).map(|(_, value)| value)
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.head.header(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// Over how long an answer is spread: as the query says, or `otherwise`, as far as that is allowed.
    pub(super) fn spread(&self, otherwise: Duration) -> Result<Duration, Reply> {
        match self.parameter("duration") {
            Some(text) => self.duration(text),
            None => Ok(otherwise.min(self.service.options.duration_max)),
        }
    }

    pub(super) fn duration(&self, text: &str) -> Result<Duration, Reply> {
        let max = self.service.options.duration_max;
        match Nanos::parse_or_seconds(text).map(|Nanos(ns)| Duration::from_nanos(ns)) {
            Ok(time) if time <= max => Ok(time),
            Ok(_) => Err(bad(format!(
                "that is longer than the {max:?} allowed here: --max-delay allows more"
            ))),
            Err(why) => {
                let text = text.escape_default();
                Err(bad(format!("`{text}` is not a duration such as 1s, 250ms or 2: {why}")))
            }
        }
    }
}

pub(super) fn size(text: &str) -> Result<u64, Reply> {
    match parse_size_or_bytes(text) {
        Ok(size) if size <= BYTES_MAX => Ok(size),
        Ok(_) => Err(bad("that is more than 1GiB".into())),
        Err(why) => {
            let text = text.escape_default();
            Err(bad(format!("`{text}` is not a size such as 100kB or 1MiB: {why}")))
        }
    }
}

pub(super) fn number(text: &str, least: u64, most: u64) -> Result<u64, Reply> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && (least..=most).contains(number)).ok_or_else(|| {
        let text = text.escape_default();
        bad(format!("`{text}` is not a number from {least} to {most}"))
    })
}

pub(super) fn status_code(text: &str) -> Result<u16, Reply> {
    text.parse()
        .ok()
        .filter(|code| (200..600).contains(code))
        .ok_or_else(|| bad(format!("`{}` is not a status from 200 to 599", text.escape_default())))
}
