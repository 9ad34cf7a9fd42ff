//! Endpoints for those who say who they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Ask, query, shared};
use crate::reply::Reply;

/// The scheme, compared without regard to capitals, and what follows it (RFC 9110, 11.4).
fn credentials<'a>(ask: &Ask<'a>, scheme: &str) -> Option<&'a str> {
    let (found, rest) = ask.header("authorization")?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// The user, if name and password are those of the path (RFC 7617).
fn user(ask: &Ask<'_>) -> Option<String> {
    let (user, password) = ask.argument.split_once('/')?;
    let (user, password) = (query::decode(user), query::decode(password));
    let given = STANDARD.decode(credentials(ask, "basic")?).ok()?;
    (given == format!("{user}:{password}").into_bytes()).then_some(user)
}

fn admitted(user: &str) -> Reply {
    super::json(&json!({ "authenticated": true, "user": user }))
}

fn challenge(scheme: &str) -> Reply {
    let mut reply = shared(Reply::text(401, "say who you are\n"));
    reply.say("WWW-Authenticate", scheme);
    reply
}

pub(super) fn basic(ask: &Ask<'_>) -> Result<Reply, Reply> {
    user(ask).map(|user| admitted(&user)).ok_or_else(|| challenge("Basic realm=\"maitred\""))
}

pub(super) fn hidden_basic(ask: &Ask<'_>) -> Result<Reply, Reply> {
    user(ask).map(|user| admitted(&user)).ok_or_else(|| shared(Reply::text(404, "nothing here\n")))
}

pub(super) fn bearer(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let token = credentials(ask, "bearer").filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| challenge("Bearer"))?;
    Ok(super::json(&json!({ "authenticated": true, "token": token })))
}
