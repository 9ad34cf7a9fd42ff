//! The one handler: from the head of a request to the [`Plan`] of its answer.
//!
//! It does nothing itself: no waiting, no computing, no socket.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use maitred_wire::{Nanos, parse_size_or_bytes};

use crate::codec::{HEADERS_MAX, Head, Method, Refusal, SizeLimits, reason};
use crate::pages;
use crate::plan::{Act, Body, Plan};
use crate::service::Service;

/// Most bytes that `/bytes`, `/drip` and `/leak` give.
const BYTES_MAX: u64 = 1 << 30;
/// Most lines that `/stream` gives.
const LINES_MAX: u64 = 1_000_000;

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
    make: fn(&Ask<'_>) -> Result<Plan, Plan>,
}

/// A request as an endpoint sees it.
struct Ask<'a> {
    argument: &'a str,
    query: &'a str,
    head: &'a Head<'a, 'a>,
    service: &'a Service,
}

const GET: &str = "GET, HEAD, OPTIONS";
const ANY: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

macro_rules! endpoints {
    ($($path:literal $argument:literal $methods:ident $make:expr, $about:literal;)*) => {
        &[$(Endpoint {
            path: $path, argument: $argument, methods: $methods, about: $about, make: $make
        }),*]
    };
}

/// All endpoints, in the order in which they are listed.
pub static ENDPOINTS: &[Endpoint] = endpoints! {
    "/" "" GET root, "Waits (a second, unless --delay says otherwise) and names the process and thread that answered; as HTML it lists what there is.";
    "/delay" "/{duration}" GET delay, "Waits, and lets others work meanwhile: 1s, 250ms, or bare seconds.";
    "/block" "/{duration}" GET block, "Waits and holds its thread: what a blocking call does to a loop.";
    "/cpu" "/{duration}" GET cpu, "Computes until so much processor time is used.";
    "/bytes" "/{n}" GET bytes, "n bytes.";
    "/stream" "/{n}" GET stream, "n lines of JSON, one a chunk.";
    "/drip" "" GET drip, "Bytes one at a time: ?numbytes=10&duration=2&delay=0&code=200.";
    "/status" "/{code}" ANY status, "An answer with that status, 200 to 599.";
    "/echo" "" ANY echo, "What was sent, as it was sent.";
    "/headers" "" GET headers, "The header lines of the request, as JSON.";
    "/leak" "/{size}" GET leak, "Takes so much memory and never gives it back: 100kB, 1MiB.";
    "/crash" "" GET |_| Ok(Plan::text(500, "").after(Act::Crash)), "Ends the process as a bug would.";
    "/flaky" "" GET flaky, "Fails with 503: ?rate=0.1 is exactly one request in ten.";
    "/metrics" "" GET |ask| Ok(pages::metrics(ask.service)), "Counters as Prometheus text.";
    "/healthz" "" GET healthz, "200 while the server serves, 503 while it stops.";
    "/workers" "" GET workers, "The worker processes and who left last; on the admin socket only.";
};

/// The plan for a request.
pub(crate) fn plan(head: &Head<'_, '_>, service: &Service) -> Plan {
    if head.target == "*" {
        return no_content(ANY);
    }
    let path = head.path();
    let query = head.target.get(path.len() + 1..).unwrap_or("");
    let after_slash = path.get(1..).unwrap_or("");
    let split = after_slash.find('/').map_or(path.len(), |at| at + 1);
    let (first, argument) = path.split_at(split);
    let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| endpoint.path == first) else {
        return Plan::text(404, "there is nothing here: / lists what there is\n");
    };
    let may_follow = if endpoint.path == "/" { "" } else { "/" };
    if endpoint.argument.is_empty() && !["", may_follow].contains(&argument) {
        return Plan::text(404, "nothing may follow this path: / lists what there is\n");
    }
    if !allows(endpoint, head.method) {
        let mut plan = Plan::text(405, "this path does not take that method\n");
        plan.extra.push(("Allow", endpoint.methods.into()));
        return plan;
    }
    if head.method == Method::Options {
        return no_content(endpoint.methods);
    }
    let argument = argument.strip_prefix('/').unwrap_or("");
    (endpoint.make)(&Ask { argument, query, head, service }).unwrap_or_else(|refusal| refusal)
}

/// The content of an answer that refuses a request.
pub(crate) fn refusal_text(refusal: Refusal, sizes: &SizeLimits) -> String {
    let limit = match refusal.status {
        413 => format!(": a body has at most {} bytes here, see --max-body", sizes.body_bytes),
        414 => format!(": a target has at most {} bytes", sizes.target_bytes),
        431 => format!(": a head has at most {} bytes and {HEADERS_MAX} lines", sizes.head_bytes),
        _ => String::new(),
    };
    format!("{}: rule {}{limit}\n", reason(refusal.status).to_lowercase(), refusal.rule)
}

fn allows(endpoint: &Endpoint, method: Method) -> bool {
    match method {
        Method::Get | Method::Head | Method::Options => true,
        Method::Trace | Method::Unknown => false,
        Method::Post | Method::Put | Method::Patch | Method::Delete => endpoint.methods == ANY,
    }
}

fn no_content(methods: &'static str) -> Plan {
    let mut plan = Plan::text(204, "");
    plan.extra.push(("Allow", methods.into()));
    plan
}

fn bad(text: String) -> Plan {
    Plan::text(400, text + "\n")
}

fn root(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let accept = ask.head.header("accept").unwrap_or(b"");
    let wants_html = accept.windows(9).any(|part| part == b"text/html");
    let plan = if wants_html { pages::index(ask.service) } else { pages::signature(ask.service) };
    let delay = ask.service.options.delay;
    Ok(if delay.is_zero() { plan } else { plan.after(Act::Wait(delay)) })
}

fn delay(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let time = ask.duration(ask.argument)?;
    Ok(Plan::text(200, format!("waited {time:?}\n")).after(Act::Wait(time)))
}

fn block(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let time = ask.duration(ask.argument)?;
    Ok(Plan::text(200, format!("blocked {time:?}\n")).after(Act::Block(time)))
}

fn cpu(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let time = ask.duration(ask.argument)?;
    Ok(Plan::text(200, format!("computed {time:?}\n")).after(Act::Compute(time)))
}

fn bytes(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let left = number(ask.argument, BYTES_MAX)?;
    let content_type = "application/octet-stream";
    Ok(Plan { content_type, body: Body::Fill { left }, ..Plan::text(200, "") })
}

fn stream(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let total = number(ask.argument, LINES_MAX)?;
    let body = Body::Lines { next: 0, total };
    Ok(Plan { content_type: "application/x-ndjson", body, ..Plan::text(200, "") })
}

fn drip(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let left = number(ask.parameter("numbytes").unwrap_or("10"), BYTES_MAX)?;
    let duration = ask.duration(ask.parameter("duration").unwrap_or("2"))?;
    let delay = ask.duration(ask.parameter("delay").unwrap_or("0"))?;
    let status = status_code(ask.parameter("code").unwrap_or("200"))?;
    let pauses = u32::try_from(left.saturating_sub(1).max(1)).unwrap_or(u32::MAX);
    let body = Body::Drip { left, pause: duration / pauses };
    let plan = Plan { content_type: "application/octet-stream", body, ..Plan::text(status, "") };
    Ok(if delay.is_zero() { plan } else { plan.after(Act::Wait(delay)) })
}

fn status(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let code = status_code(ask.argument)?;
    let mut plan = Plan::text(code, format!("{code} {}\n", reason(code)));
    match code {
        301..=303 | 307 | 308 => plan.extra.push(("Location", "/healthz".into())),
        401 => plan.extra.push(("WWW-Authenticate", "Basic realm=\"maitred\"".into())),
        405 => plan.extra.push(("Allow", ANY.into())),
        429 | 503 => plan.extra.push(("Retry-After", "1".into())),
        _ => {}
    }
    Ok(plan)
}

fn echo(_: &Ask<'_>) -> Result<Plan, Plan> {
    let content_type = "application/octet-stream";
    Ok(Plan { content_type, body: Body::Echo(Vec::new()), ..Plan::text(200, "") })
}

fn headers(ask: &Ask<'_>) -> Result<Plan, Plan> {
    Ok(pages::headers(ask.head))
}

fn leak(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let size = size(ask.argument)?;
    let text = format!("leaked {size} bytes\n");
    Ok(Plan::text(200, text).after(Act::Leak(usize::try_from(size).unwrap_or(usize::MAX))))
}

/// Of the first k requests, floor(k × rate) fail: the share is exact and a run can be repeated.
fn flaky(ask: &Ask<'_>) -> Result<Plan, Plan> {
    let text = ask.parameter("rate").unwrap_or("0.5");
    let rate: f64 =
        text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or_else(|| {
            bad(format!("`{}` is not a rate: write a number from 0 to 1", text.escape_default()))
        })?;
    let asked = ask.service.flaky_asked.fetch_add(1, Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
    let failed = |asked: u64| (asked as f64 * rate).floor();
    let fails = failed(asked + 1) > failed(asked);
    Ok(if fails { Plan::text(503, "failed, as asked\n") } else { Plan::text(200, "fine\n") })
}

fn healthz(ask: &Ask<'_>) -> Result<Plan, Plan> {
    Ok(match ask.service.is_draining() {
        false => Plan::text(200, "ok\n"),
        true => Plan::text(503, "stopping\n"),
    })
}

fn workers(ask: &Ask<'_>) -> Result<Plan, Plan> {
    match ask.service.is_admin {
        true => Ok(pages::workers(ask.service)),
        false => Err(Plan::text(
            404,
            "only --strategy processes has workers, and lists them on its admin socket: see --admin-port\n",
        )),
    }
}

impl<'a> Ask<'a> {
    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    fn duration(&self, text: &str) -> Result<Duration, Plan> {
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

fn size(text: &str) -> Result<u64, Plan> {
    match parse_size_or_bytes(text) {
        Ok(size) if size <= BYTES_MAX => Ok(size),
        Ok(_) => Err(bad("that is more than 1GiB".into())),
        Err(why) => {
            let text = text.escape_default();
            Err(bad(format!("`{text}` is not a size such as 100kB or 1MiB: {why}")))
        }
    }
}

fn number(text: &str, max: u64) -> Result<u64, Plan> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|&number| plain && number <= max)
        .ok_or_else(|| bad(format!("`{}` is not a number from 0 to {max}", text.escape_default())))
}

fn status_code(text: &str) -> Result<u16, Plan> {
    text.parse()
        .ok()
        .filter(|code| (200..600).contains(code))
        .ok_or_else(|| bad(format!("`{}` is not a status from 200 to 599", text.escape_default())))
}
