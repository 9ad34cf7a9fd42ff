//! Endpoints that make the server do something: wait, block, compute, leak, fail.

use std::sync::atomic::Ordering::Relaxed;

use super::report::Of;
use super::{Ask, bad, size};
use crate::pages;
use crate::reply::{Act, Reply};

pub(super) fn root(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let accept = ask.head.header("accept").unwrap_or(b"");
    let wants_html = accept.windows(9).any(|part| part == b"text/html");
    let reply = match wants_html {
        true => pages::index(ask.service, ask.all),
        false => pages::signature(ask.service),
    };
    let delay = ask.service.options.delay;
    Ok(if delay.is_zero() { reply } else { reply.after(Act::Wait(delay)) })
}

pub(super) fn delay(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let time = ask.duration(ask.argument)?;
    Ok(ask.report(Of::Body)?.after(Act::Wait(time)))
}

pub(super) fn block(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let time = ask.duration(ask.argument)?;
    Ok(Reply::text(200, format!("blocked {time:?}\n")).after(Act::Block(time)))
}

pub(super) fn cpu(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let time = ask.duration(ask.argument)?;
    Ok(Reply::text(200, format!("computed {time:?}\n")).after(Act::Compute(time)))
}

pub(super) fn leak(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let size = size(ask.argument)?;
    let text = format!("leaked {size} bytes\n");
    Ok(Reply::text(200, text).after(Act::Leak(usize::try_from(size).unwrap_or(usize::MAX))))
}

/// Of the first k requests, floor(k × rate) fail: the share is exact and a run can be repeated.
pub(super) fn flaky(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let text = ask.parameter("rate").unwrap_or("0.5");
    let rate: f64 =
        text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or_else(|| {
            bad(format!("`{}` is not a rate: write a number from 0 to 1", text.escape_default()))
        })?;
    let asked = ask.service.flaky_asked.fetch_add(1, Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
    let failed = |asked: u64| (asked as f64 * rate).floor();
    let fails = failed(asked + 1) > failed(asked);
    Ok(if fails { Reply::text(503, "failed, as asked\n") } else { Reply::text(200, "fine\n") })
}

pub(super) fn healthz(ask: &Ask<'_>) -> Result<Reply, Reply> {
    Ok(match ask.service.is_draining() {
        false => Reply::text(200, "ok\n"),
        true => Reply::text(503, "stopping\n"),
    })
}

pub(super) fn workers(ask: &Ask<'_>) -> Result<Reply, Reply> {
    match ask.service.is_admin {
        true => Ok(pages::workers(ask.service)),
        false => Err(Reply::text(
            404,
            "only --strategy processes has workers, and lists them on its admin socket: see --admin-port\n",
        )),
    }
}
