//! The answers that are more than a line: the index, who answered, header lines, counters.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use crate::board::{Stage, Word};
use crate::endpoints::Endpoint;
use crate::reply::{Body, Reply};
use crate::service::{Service, monotonic_ns};
use crate::sys;

/// Names the process and the thread that answered.
pub(crate) fn signature(service: &Service) -> Reply {
    Reply::text(200, format!("{}\n", who(service)))
}

fn who(service: &Service) -> String {
    let current = thread::current();
    let name = current.name().unwrap_or("unnamed");
    let (process, id) = (std::process::id(), sys::thread_id());
    let strategy = service.options.architecture;
    format!("answered by process {process}, thread {id} ({name}), strategy {strategy}")
}

/// Lists the endpoints for people.
pub(crate) fn index(service: &Service, endpoints: &[Endpoint]) -> Reply {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>maitred serve</title>\
         <style>body{font:16px/1.5 system-ui;margin:2em auto;max-width:50em}td{padding:.2em 1em \
         .2em 0;vertical-align:top}</style><h1>maitred serve</h1>",
    );
    let who = who(service);
    let _ = write!(page, "<p>{who}</p><table>");
    for endpoint in endpoints {
        let (path, argument, about) = (endpoint.path, endpoint.argument, endpoint.about);
        let about = about.replace('&', "&amp;");
        let _ = write!(page, "<tr><td><code>{path}{argument}</code><td>{about}");
    }
    page.push_str("</table></html>\n");
    Reply::new(200, "text/html; charset=utf-8", Body::Text(page.into()))
}

/// The counters of all workers together (Prometheus text format 0.0.4).
pub(crate) fn metrics(service: &Service) -> Reply {
    let board = &service.shown;
    let mut text = String::from("# TYPE maitred_requests_total counter\n");
    let classes = [
        ("2xx", Word::Status2xx),
        ("3xx", Word::Status3xx),
        ("4xx", Word::Status4xx),
        ("5xx", Word::Status5xx),
    ];
    for (class, word) in classes {
        let sum = board.sum(word);
        let _ = writeln!(text, "maitred_requests_total{{status=\"{class}\"}} {sum}");
    }
    let singles = [
        ("maitred_sent_bytes_total", "counter", Word::BytesOut),
        ("maitred_connections", "gauge", Word::Open),
        ("maitred_connections_cut_total", "counter", Word::Cut),
    ];
    for (name, kind, word) in singles {
        let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {}", board.sum(word));
    }
    Reply::new(200, "text/plain; version=0.0.4", Body::Text(text.into()))
}

/// The worker processes and who left last, for the admin socket.
pub(crate) fn workers(service: &Service) -> Reply {
    let board = &service.shown;
    let now = monotonic_ns();
    let seconds = |ns| Duration::from_nanos(ns).as_secs_f64();
    let workers: Vec<_> = (0..board.slots())
        .filter(|&slot| board.get(slot, Word::Pid) != 0)
        .map(|slot| {
            serde_json::json!({
                "pid": board.get(slot, Word::Pid),
                "stage": match board.stage(slot) {
                    Stage::Starting => "starting",
                    Stage::Ready => "ready",
                    Stage::AsksToLeave => "asks to leave",
                    Stage::Leaving => "leaving",
                },
                "age_s": seconds(now.saturating_sub(board.get(slot, Word::Started))),
                "requests": board.get(slot, Word::Served),
                "resident_bytes": measured(board.get(slot, Word::Resident)),
                "connections": board.get(slot, Word::Open),
            })
        })
        .collect();
    let left: Vec<_> = board
        .departures()
        .iter()
        .map(|left| {
            serde_json::json!({
                "pid": left.pid,
                "why": left.why.to_string(),
                "requests": left.requests,
                "age_s": left.age.as_secs_f64(),
                "resident_bytes": measured(left.resident),
            })
        })
        .collect();
    json(&serde_json::json!({ "workers": workers, "left": left }))
}

/// Unknown is not zero: a worker that ended before it was measured has no size.
fn measured(bytes: u64) -> Option<u64> {
    (bytes > 0).then_some(bytes)
}

fn json(value: &serde_json::Value) -> Reply {
    let body = Body::Bytes(format!("{value}\n").into_bytes());
    Reply::new(200, "application/json", body)
}
