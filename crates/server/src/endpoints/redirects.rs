//! Endpoints that send the client elsewhere: redirects, and cookies, which httpbin sets that way.

use serde_json::json;

use super::{Ask, bad, number, query, report, shared};
use crate::reply::Reply;

const REDIRECTS_MAX: u64 = 1_000;

fn found(status: u16, location: String) -> Reply {
    let mut reply = shared(Reply::text(status, format!("see {location}\n")));
    reply.say("Location", location);
    reply
}

fn next(ask: &Ask<'_>, path: &str, base: &str) -> Result<Reply, Reply> {
    let left = number(ask.argument, 1, REDIRECTS_MAX)? - 1;
    let rest = if left == 0 { "/get".into() } else { format!("/{path}/{left}") };
    Ok(found(302, format!("{base}{rest}")))
}

pub(super) fn redirect(ask: &Ask<'_>) -> Result<Reply, Reply> {
    match ask.parameter("absolute") {
        Some(text) if text.eq_ignore_ascii_case("true") => absolute(ask),
        _ => relative(ask),
    }
}

pub(super) fn relative(ask: &Ask<'_>) -> Result<Reply, Reply> {
    next(ask, "relative-redirect", "")
}

pub(super) fn absolute(ask: &Ask<'_>) -> Result<Reply, Reply> {
    next(ask, "absolute-redirect", &report::base(ask.head, ask.client))
}

pub(super) fn to(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let url = ask.text("url").ok_or_else(|| bad("say where to: ?url=/get".into()))?;
    if url.chars().any(char::is_control) {
        return Err(bad("an address has no control characters".into()));
    }
    let status = ask.parameter("status_code").unwrap_or("302");
    let status = number(status, 300, 399)?;
    Ok(found(u16::try_from(status).expect("less than 400"), url))
}

pub(super) fn cookies(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let mut segments = ask.argument.splitn(3, '/');
    let pairs = query::pairs(ask.query.as_bytes());
    match (segments.next().unwrap_or(""), segments.next(), segments.next()) {
        ("", None, None) => {
            let cookies = query::cookies(ask.header("cookie").unwrap_or(""));
            Ok(super::json(&json!({ "cookies": query::object(cookies) })))
        }
        ("set", Some(name), Some(value)) => set(&[(query::decode(name), query::decode(value))], ""),
        ("set", None, None) => set(&pairs, ""),
        ("delete", None, None) => set(&pairs, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"),
        _ => Err(Reply::text(404, "write /cookies, /cookies/set?a=b or /cookies/delete?a\n")),
    }
}

fn set(pairs: &[(String, String)], until: &str) -> Result<Reply, Reply> {
    let mut reply = found(302, "/cookies".into());
    for (name, value) in pairs {
        let is_bad = |c: char| c.is_control() || c == ';';
        if name.is_empty()
            || name.contains(['=', ' '])
            || name.contains(is_bad)
            || value.contains(is_bad)
        {
            return Err(bad("a cookie is a name and a value, without `;`: ?name=value".into()));
        }
        reply.say("Set-Cookie", format!("{name}={value}; Path=/{until}"));
    }
    Ok(reply)
}
