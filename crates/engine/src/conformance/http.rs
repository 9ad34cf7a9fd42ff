//! The cases of `http`: what a runner's own client sends, how far it reads, which connections it
//! keeps, and the words that it has for what can go wrong.

use std::collections::BTreeMap;

use super::run::{Run, everything, everything_but_outcomes};
use super::server::{PAUSE, Server};
use super::words::message;
use super::{Fault, Paragraph};
use crate::measure::clock::nanos;

/// In the address of a request, where the port of the server comes.
pub(super) const PORT: &str = "7777";

/// What is asked of a server that answers, and hangs up once in each task without a word.
pub(super) const ASK: &str = r#"
task "asker" count=4 {
    http "GET" "http://127.0.0.1:7777/slow"
    http "GET" "http://127.0.0.1:7777/last"
    http "GET" "http://127.0.0.1:7777/fine"
    http "GET" "http://127.0.0.1:7777/moved"
}
"#;

/// Beside what goes wrong a request that is not sent again: here no kept connection is closed by the
/// server without a word, on which it would rightly be lost. Nobody listens on port 1.
pub(super) const FAIL: &str = r#"
task "missing" count=3 { http "GET" "http://127.0.0.1:7777/missing" }
task "cut" count=2 { http "GET" "http://127.0.0.1:7777/cut" }
task "garbage" count=1 { http "GET" "http://127.0.0.1:7777/garbage" }
task "refused" count=2 { http "GET" "http://127.0.0.1:1/" }
task "fine" count=2 { http "GET" "http://127.0.0.1:7777/fine" }
task "poster" count=2 {
    http "POST" "http://127.0.0.1:7777/post" body="two words" { header "X-Table" "five" }
}
"#;

pub(super) const SILENT: &str = r#"
task "silent" count=1 { http "GET" "http://127.0.0.1:7777/silent" }
"#;

/// All was asked as the plan says, and read to its end.
pub(super) fn asked(run: &Run<'_>, server: &Server) -> Vec<Fault> {
    let mut faults = everything(run);
    if run.trace.done.is_none() {
        return faults;
    }
    let seen = server.seen();
    let times = |start: &str| seen.iter().filter(|one| one.line.starts_with(start)).count();
    // A request that came just when the connection was closed may have been read, and comes again.
    let wanted = ["GET /slow ", "GET /last ", "GET /fine ", "GET /moved "].map(|start| (start, 4));
    for (start, count) in wanted {
        let is = times(start);
        if is < count || is > 2 * count {
            let text = format!("`{start}…` came {is} times and should come {count} times");
            faults.push(Fault::new(Paragraph::Http, text));
        }
    }
    if times("GET /elsewhere") > 0 {
        faults.push(Fault::new(Paragraph::Http, "it went where an answer pointed, unasked"));
    }
    let connections = seen.iter().map(|one| one.connection).max().map_or(0, |last| last + 1);
    // Sixteen requests; four answers hang up after themselves.
    if connections >= seen.len() {
        let text = format!("each of {connections} requests had a connection of its own");
        faults.push(Fault::new(Paragraph::Http, text));
    }
    let slow = run.trace.spans.iter().filter(|span| span.step == 0);
    if slow.clone().any(|span| span.end_ns.saturating_sub(span.start_ns) < nanos(PAUSE)) {
        let text = "a request ended before the last part of its answer had come";
        faults.push(Fault::new(Paragraph::Http, text));
    }
    faults
}

/// What went wrong has the word that the page has for it; what has a header and a body arrived with
/// both, and once.
pub(super) fn failed(run: &Run<'_>, server: &Server) -> Vec<Fault> {
    let mut faults =
        told(run, &[("status-404", 3), ("lost", 2), ("bad-answer", 1), ("refused", 2)]);
    let seen = server.seen();
    let posts: Vec<_> = seen.iter().filter(|one| one.line.starts_with("POST /post ")).collect();
    if posts.len() != 2 {
        let text = format!("`POST /post …` came {} times and should come 2 times", posts.len());
        faults.push(Fault::new(Paragraph::Http, text));
    }
    for post in posts {
        let is_whole = post.header("x-table") == Some("five")
            && post.header("host").is_some()
            && post.body == "two words";
        if !is_whole {
            let text = format!(
                "a request with a header and a body arrived as `{}`, headers {}, body `{}`",
                post.line,
                message(&post.headers),
                post.body
            );
            faults.push(Fault::new(Paragraph::Http, text));
        }
    }
    faults
}

/// Who is never answered gives up in time.
pub(super) fn timed_out(run: &Run<'_>, _: &Server) -> Vec<Fault> {
    told(run, &[("timeout", 1)])
}

fn told(run: &Run<'_>, wanted: &[(&str, u32)]) -> Vec<Fault> {
    let mut faults = everything_but_outcomes(run);
    let Some(done) = &run.trace.done else { return faults };
    let is: BTreeMap<_, _> =
        done.failures.iter().map(|one| (one.kind.as_str(), one.count)).collect();
    let wanted: BTreeMap<_, _> = wanted.iter().copied().collect();
    if is != wanted {
        let text = format!(
            "requests that fail are told as {} and should be {}",
            message(&is),
            message(&wanted)
        );
        faults.push(Fault::new(Paragraph::Http, text));
    }
    faults
}
