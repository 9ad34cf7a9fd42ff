//! Endpoints that answer as they are told to, or tell a part of what was asked.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::Ordering::Relaxed;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::{ANY, Ask, bad, query, report, shared, status_code};
use crate::codec::reason;
use crate::reply::{Body, Reply};

pub(super) fn status(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let code = choose(ask)?;
    let mut reply = shared(Reply::text(code, format!("{code} {}\n", reason(code))));
    match code {
        301..=303 | 305 | 307 | 308 => reply.say("Location", "/redirect/1"),
        401 => reply.say("WWW-Authenticate", "Basic realm=\"maitred\""),
        405 => reply.say("Allow", ANY),
        407 => reply.say("Proxy-Authenticate", "Basic realm=\"maitred\""),
        429 | 503 => reply.say("Retry-After", "1"),
        _ => {}
    }
    Ok(reply)
}

/// The status to answer with; of several, each as often as its weight says. They follow the multiples
/// of the golden ratio, so that the shares are right after few requests already, and a run can be repeated.
fn choose(ask: &Ask<'_>) -> Result<u16, Reply> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut weighted = Vec::new();
    for part in ask.argument.split(',') {
        let (code, weight) = part.split_once(':').unwrap_or((part, "1"));
        let known = weight.parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0);
        let weight = known.ok_or_else(|| {
            bad(format!("`{}` is not a weight: write it as in 503:0.1", weight.escape_default()))
        })?;
        weighted.push((status_code(code)?, weight));
    }
    if let [(only, _)] = weighted[..] {
        return Ok(only);
    }
    let sum: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
    let asked = ask.service.flaky_asked.fetch_add(1, Relaxed) as f64;
    let mut left = (asked * GOLDEN).fract() * sum;
    for (code, weight) in &weighted {
        left -= weight;
        if left < 0.0 {
            return Ok(*code);
        }
    }
    Ok(weighted[weighted.len() - 1].0)
}

pub(super) fn echo(_: &Ask<'_>) -> Result<Reply, Reply> {
    Ok(Reply::new(200, "application/octet-stream", Body::Echo(Vec::new())))
}

pub(super) fn headers(ask: &Ask<'_>) -> Result<Reply, Reply> {
    Ok(super::json(&json!({ "headers": report::headers(ask.head) })))
}

pub(super) fn ip(ask: &Ask<'_>) -> Result<Reply, Reply> {
    Ok(super::json(&json!({ "origin": report::origin(ask.head, ask.client) })))
}

pub(super) fn user_agent(ask: &Ask<'_>) -> Result<Reply, Reply> {
    Ok(super::json(&json!({ "user-agent": ask.header("user-agent") })))
}

/// Version 4 (RFC 9562, 5.4). Each `RandomState` has keys from the kernel.
pub(super) fn uuid(_: &Ask<'_>) -> Result<Reply, Reply> {
    let random = || u128::from(RandomState::new().hash_one(0));
    let bits = (random() << 64 | random()) & !(0xf << 76) | (4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(super::json(&json!({ "uuid": parts.join("-") })))
}

pub(super) fn base64(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let text = query::decode(ask.argument);
    let decoded = URL_SAFE.decode(&text).or_else(|_| STANDARD.decode(&text));
    let bytes = decoded.map_err(|why| bad(format!("that is not base64: {why}")))?;
    Ok(shared(Reply::new(200, "text/html; charset=utf-8", Body::Bytes(bytes))))
}

/// Each pair of the query becomes a header line; the content names them as well.
pub(super) fn response_headers(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let pairs = query::pairs(ask.query.as_bytes());
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let framing = ["content-length", "transfer-encoding", "connection"];
    for (name, value) in &pairs {
        let is_name = !name.is_empty() && name.bytes().all(is_token);
        if !is_name || value.chars().any(char::is_control) {
            return Err(bad("that is not a header line: write ?Name=value".into()));
        }
        if framing.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(bad(format!("{name} says where the answer ends: it is the server's own")));
        }
    }
    let mut reply = super::json(&query::object(pairs.clone()));
    for (name, value) in pairs {
        if name.eq_ignore_ascii_case("content-type") {
            reply.content_type = value.into();
        } else {
            reply.say(name, value);
        }
    }
    Ok(reply)
}
