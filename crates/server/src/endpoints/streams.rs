//! Endpoints whose answer is long, slow, or both.

use std::time::Duration;

use super::{Ask, BYTES_MAX, number, status_code};
use crate::reply::{Act, Body, Reply};

/// Most lines that `/stream` gives, and most events.
const LINES_MAX: u64 = 1_000_000;
const BINARY: &str = "application/octet-stream";

pub(super) fn bytes(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let left = number(ask.argument, 0, BYTES_MAX)?;
    Ok(Reply::new(200, BINARY, Body::Fill { left, chunk: None }))
}

pub(super) fn stream_bytes(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let left = number(ask.argument, 0, BYTES_MAX)?;
    let chunk = number(ask.parameter("chunk_size").unwrap_or("10240"), 1, BYTES_MAX)?;
    Ok(Reply::new(200, BINARY, Body::Fill { left, chunk: Some(chunk) }))
}

pub(super) fn stream(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let total = number(ask.argument, 0, LINES_MAX)?;
    Ok(Reply::new(200, "application/x-ndjson", Body::Lines { next: 0, total }))
}

pub(super) fn drip(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let left = number(ask.parameter("numbytes").unwrap_or("10"), 1, BYTES_MAX)?;
    let duration = ask.spread(Duration::from_secs(2))?;
    let delay = ask.duration(ask.parameter("delay").unwrap_or("0"))?;
    let status = status_code(ask.parameter("code").unwrap_or("200"))?;
    let pauses = u32::try_from(left.saturating_sub(1).max(1)).unwrap_or(u32::MAX);
    let reply = Reply::new(status, BINARY, Body::Drip { left, pause: duration / pauses });
    Ok(if delay.is_zero() { reply } else { reply.after(Act::Wait(delay)) })
}

/// Events that a browser's `EventSource` reads (HTML, 9.2).
pub(super) fn events(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let total = number(ask.parameter("count").unwrap_or("10"), 1, LINES_MAX)?;
    let duration = ask.spread(Duration::from_secs(5))?;
    let delay = ask.duration(ask.parameter("delay").unwrap_or("0"))?;
    let pauses = u32::try_from(total.saturating_sub(1).max(1)).unwrap_or(u32::MAX);
    let body = Body::Events { next: 0, total, pause: duration / pauses };
    let mut reply = super::shared(Reply::new(200, "text/event-stream; charset=utf-8", body));
    reply.say("Cache-Control", "no-store");
    Ok(if delay.is_zero() { reply } else { reply.after(Act::Wait(delay)) })
}
