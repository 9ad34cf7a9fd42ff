//! Endpoints for clients and proxies that keep answers: validators, lifetimes, ranges.

use super::report::Of;
use super::{Ask, bad, number, query, shared};
use crate::codec::http_date_now;
use crate::reply::{Body, Reply};

const RANGE_MAX: u64 = 100 << 10;

/// The entity tags of a line, without their quotes and `W/` (RFC 9110, 8.8.3).
fn tags(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
}

pub(super) fn etag(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let etag = query::decode(ask.argument);
    if etag.is_empty() || etag.chars().any(char::is_control) {
        return Err(bad("an entity tag is a word: /etag/abc".into()));
    }
    let has = |name| ask.header(name).map(|line| tags(line).any(|tag| tag == etag || tag == "*"));
    let mut reply = match (has("if-none-match"), has("if-match")) {
        (Some(true), _) => shared(Reply::text(304, "")),
        (_, Some(false)) => return Ok(shared(Reply::text(412, "it has another entity tag\n"))),
        _ => ask.report(Of::Get)?,
    };
    reply.say("ETag", etag);
    Ok(reply)
}

pub(super) fn cache(ask: &Ask<'_>) -> Result<Reply, Reply> {
    if !ask.argument.is_empty() {
        let seconds = number(ask.argument, 0, u64::from(u32::MAX))?;
        let mut reply = ask.report(Of::Get)?;
        reply.say("Cache-Control", format!("public, max-age={seconds}"));
        return Ok(reply);
    }
    let has_it = ["if-modified-since", "if-none-match"];
    if has_it.iter().any(|name| ask.head.header(name).is_some()) {
        return Ok(shared(Reply::text(304, "")));
    }
    let mut reply = ask.report(Of::Get)?;
    reply.say("Last-Modified", http_date_now());
    reply.say("ETag", "\"maitred\"");
    Ok(reply)
}

/// The letters from `a` to `z`, again and again.
pub(super) fn range(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let total = number(ask.argument, 1, RANGE_MAX)?;
    let duration = ask.duration(ask.parameter("duration").unwrap_or("0"))?;
    let asked = ask.header("range").and_then(|line| line.trim().strip_prefix("bytes="));
    let etag = format!("range{total}");
    let (first, last) = match asked.and_then(|asked| asked.split_once('-')) {
        None => (0, total - 1),
        Some((first, last)) => match (first.trim().parse(), last.trim().parse::<u64>()) {
            (Ok(first), Ok(last)) => (first, last),
            (Ok(first), Err(_)) => (first, total - 1),
            (Err(_), Ok(suffix)) => (total.saturating_sub(suffix), total - 1),
            (Err(_), Err(_)) => (0, total - 1),
        },
    };
    let mut reply = if first > last || last >= total {
        Reply::text(416, "")
    } else {
        let letters = (first..=last).map(|at| b'a' + u8::try_from(at % 26).expect("less than 26"));
        let status = if last - first + 1 == total { 200 } else { 206 };
        Reply::new(status, "application/octet-stream", Body::Bytes(letters.collect()))
    };
    let shown = if reply.status == 416 { "*".into() } else { format!("{first}-{last}") };
    reply = shared(reply);
    reply.say("ETag", etag);
    reply.say("Accept-Ranges", "bytes");
    reply.say("Content-Range", format!("bytes {shown}/{total}"));
    Ok(if duration.is_zero() { reply } else { reply.after(crate::reply::Act::Wait(duration)) })
}
