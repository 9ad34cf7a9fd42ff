//! The one handler: from the head of a request to the [`Reply`].
//!
//! It does nothing itself: no waiting, no computing, no socket. What httpbin has as well has its
//! path and its form of answer; its users find what they know.

mod answers;
mod ask;
mod auth;
mod caching;
mod faults;
mod formats;
mod query;
mod redirects;
mod report;
mod streams;
mod work;

pub use ask::Endpoint;
pub(crate) use report::Report;

use ask::{ANY, Ask, BYTES_MAX, bad, json, number, shared, size, status_code};
use report::Of;

use crate::client::Client;
use crate::codec::{HEADERS_MAX, Head, Method, Refusal, SizeLimits, reason};
use crate::pages;
use crate::reply::{Act, Reply};
use crate::service::Service;

const GET: &str = "GET, HEAD, OPTIONS";
const POST: &str = "POST, OPTIONS";
const PUT: &str = "PUT, OPTIONS";
const PATCH: &str = "PATCH, OPTIONS";
const DELETE: &str = "DELETE, OPTIONS";
/// TRACE is told to nobody who may have sent a secret (RFC 9110, 9.3.8).
const MOST: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
macro_rules! endpoints {
    ($($path:literal $argument:literal $methods:ident $make:expr, $about:literal;)*) => {
        &[$(Endpoint {
            path: $path, argument: $argument, methods: $methods, about: $about, make: $make
        }),*]
    };
}

/// All endpoints, in the order in which they are listed.
pub static ENDPOINTS: &[Endpoint] = endpoints! {
    "/" "" ANY work::root, "Waits (a second, unless --delay says otherwise) and names the process and thread that answered; as HTML it lists what there is.";
    "/delay" "/{duration}" ANY work::delay, "Waits, and lets others work meanwhile: 1s, 250ms, or bare seconds; then tells what was asked.";
    "/block" "/{duration}" GET work::block, "Waits and holds its thread: what a blocking call does to a loop.";
    "/cpu" "/{duration}" GET work::cpu, "Computes until so much processor time is used.";
    "/bytes" "/{n}" GET streams::bytes, "n bytes.";
    "/stream" "/{n}" GET streams::stream, "n lines of JSON, one a chunk.";
    "/stream-bytes" "/{n}" GET streams::stream_bytes, "n bytes in chunks: ?chunk_size=10240.";
    "/drip" "" GET streams::drip, "Bytes one at a time: ?numbytes=10&duration=2&delay=0&code=200.";
    "/sse" "" GET streams::events, "Server-sent events: ?count=10&duration=5&delay=0.";
    "/range" "/{n}" GET caching::range, "n letters, or the Range of them that was asked for: ?duration=0.";
    "/status" "/{codes}" ANY answers::status, "An answer with that status, 200 to 599; of several (200,503:0.1) each as often as its weight says.";
    "/echo" "" MOST answers::echo, "What was sent, as it was sent.";
    "/get" "" GET |ask| ask.report(Of::Get), "What was asked, as JSON: args, headers, origin, url.";
    "/post" "" POST |ask| ask.report(Of::Body), "The same and the body: data, json, form, files.";
    "/put" "" PUT |ask| ask.report(Of::Body), "The same for PUT.";
    "/patch" "" PATCH |ask| ask.report(Of::Body), "The same for PATCH.";
    "/delete" "" DELETE |ask| ask.report(Of::Body), "The same for DELETE.";
    "/anything" "/{path}" ANY |ask| ask.report(Of::Anything), "The same for every method and path, and the method.";
    "/headers" "" GET answers::headers, "The header lines of the request, as JSON.";
    "/ip" "" GET answers::ip, "The address of the client.";
    "/user-agent" "" GET answers::user_agent, "What the client calls itself.";
    "/uuid" "" GET answers::uuid, "A random UUID.";
    "/base64" "/{text}" GET answers::base64, "Text that was base64, decoded.";
    "/response-headers" "" MOST answers::response_headers, "An answer with the header lines of the query.";
    "/json" "" GET formats::json, "A JSON document.";
    "/html" "" GET formats::html, "A page.";
    "/xml" "" GET formats::xml, "An XML document.";
    "/robots.txt" "" GET formats::robots, "What robots may not visit.";
    "/deny" "" GET formats::deny, "What they may not.";
    "/encoding" "/utf8" GET formats::utf8, "Text beyond ASCII.";
    "/image" "/{png|svg}" GET formats::image, "A picture.";
    "/gzip" "" GET formats::gzip, "JSON compressed with gzip.";
    "/deflate" "" GET formats::deflate, "JSON compressed with deflate (zlib).";
    "/brotli" "" GET formats::brotli, "JSON in the format of Brotli.";
    "/redirect" "/{n}" GET redirects::redirect, "Redirects n times, then to /get: ?absolute=true.";
    "/relative-redirect" "/{n}" GET redirects::relative, "The same, by paths.";
    "/absolute-redirect" "/{n}" GET redirects::absolute, "The same, by whole addresses.";
    "/redirect-to" "" ANY redirects::to, "Redirects there: ?url=/get&status_code=302.";
    "/cookies" "{/set|/delete}" GET redirects::cookies, "The cookies of the client; /set?a=b and /set/a/b set some, /delete?a deletes one.";
    "/basic-auth" "/{user}/{password}" GET auth::basic, "200 for who has that name and password, else 401.";
    "/hidden-basic-auth" "/{user}/{password}" GET auth::hidden_basic, "The same, but 404.";
    "/bearer" "" GET auth::bearer, "200 for who has a bearer token, else 401.";
    "/etag" "/{etag}" GET caching::etag, "Has that ETag: heeds If-None-Match and If-Match.";
    "/cache" "{/seconds}" GET caching::cache, "304 for who has it already; with a number, may be cached for so long.";
    "/fault" "/{kind}" MOST faults::fault, "Breaks off: reset, close, hang, truncate, chunk or garbage.";
    "/leak" "/{size}" GET work::leak, "Takes so much memory and never gives it back: 100kB, 1MiB.";
    "/crash" "" GET |_| Ok(Reply::text(500, "").after(Act::Crash)), "Ends the process as a bug would.";
    "/flaky" "" GET work::flaky, "Fails with 503: ?rate=0.1 is exactly one request in ten.";
    "/metrics" "" GET |ask| Ok(pages::metrics(ask.service)), "Counters as Prometheus text.";
    "/healthz" "" GET work::healthz, "200 while the server serves, 503 while it stops.";
    "/workers" "" GET work::workers, "The worker processes and who left last; on the admin socket only.";
};

/// The reply to a request.
pub(crate) fn reply(head: &Head<'_, '_>, client: &Client, service: &Service) -> Reply {
    if head.target == "*" {
        return no_content(ANY);
    }
    let mut reply = route(head, client, service);
    if let Some(origin) = head.header("origin") {
        let origin = String::from_utf8_lossy(origin).into_owned();
        reply.extra.retain(|(name, _)| *name != "Access-Control-Allow-Origin");
        reply.say("Access-Control-Allow-Origin", origin);
    }
    reply
}

fn route(head: &Head<'_, '_>, client: &Client, service: &Service) -> Reply {
    let path = head.path();
    let query = head.target.get(path.len() + 1..).unwrap_or("");
    let split = path.bytes().skip(1).position(|byte| byte == b'/').map_or(path.len(), |at| at + 1);
    let (first, argument) = path.split_at(split);
    let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| endpoint.path == first) else {
        return Reply::text(404, "there is nothing here: / lists what there is\n");
    };
    let may_follow = if endpoint.path == "/" { "" } else { "/" };
    if endpoint.argument.is_empty() && !["", may_follow].contains(&argument) {
        return Reply::text(404, "nothing may follow this path: / lists what there is\n");
    }
    if argument.bytes().filter(|&byte| byte == b'/').count() > endpoint.segments_max() {
        return Reply::text(404, "less may follow this path: / lists what there is\n");
    }
    if !endpoint.methods.split(',').any(|name| name.trim_ascii_start() == head.method_name) {
        let mut reply = Reply::text(405, "this path does not take that method\n");
        reply.say("Allow", endpoint.methods);
        return reply;
    }
    if head.method == Method::Options {
        return preflight(head, endpoint);
    }
    let argument = argument.strip_prefix('/').unwrap_or("");
    (endpoint.make)(&Ask { argument, query, head, client, service, all: ENDPOINTS })
        .unwrap_or_else(|refusal| refusal)
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

fn no_content(methods: &'static str) -> Reply {
    let mut reply = Reply::text(204, "");
    reply.say("Allow", methods);
    reply
}

/// What a browser asks before it lets a page of another origin ask (Fetch, 3.2.2).
fn preflight(head: &Head<'_, '_>, endpoint: &Endpoint) -> Reply {
    let mut reply = no_content(endpoint.methods);
    let methods = "GET, POST, PUT, DELETE, PATCH, OPTIONS";
    reply.say("Access-Control-Allow-Origin", "*");
    reply.say("Access-Control-Allow-Credentials", "true");
    reply.say("Access-Control-Allow-Methods", methods);
    reply.say("Access-Control-Max-Age", "3600");
    if let Some(lines) = head.header("access-control-request-headers") {
        let lines = String::from_utf8_lossy(lines).into_owned();
        reply.say("Access-Control-Allow-Headers", lines);
    }
    reply
}
