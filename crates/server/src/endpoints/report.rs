//! What was asked, told back as JSON, in the shape that httpbin gave it. Main type: [`Report`].

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::query;
use crate::client::Client;
use crate::codec::Head;

/// A report that waits for the body of its request.
#[derive(Debug)]
pub(crate) struct Report {
    told: Map<String, Value>,
    content_type: String,
    pub(crate) received: Vec<u8>,
}

/// What a report tells beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// `args`, `headers`, `origin`, `url`.
    Get,
    /// The same and the body.
    Body,
    /// The same and the method.
    Anything,
}

impl Report {
    pub(super) fn new(head: &Head<'_, '_>, client: &Client, of: Of) -> Self {
        let mut told = Map::new();
        let query = head.target.split_once('?').map_or("", |(_, query)| query);
        told.insert("args".into(), query::object(query::pairs(query.as_bytes())));
        told.insert("headers".into(), headers(head));
        told.insert("origin".into(), origin(head, client).into());
        told.insert("url".into(), url(head, client).into());
        if of == Of::Anything {
            told.insert("method".into(), head.method_name.into());
        }
        if of != Of::Get {
            told.insert("data".into(), "".into());
            told.insert("json".into(), Value::Null);
            told.insert("form".into(), json!({}));
            told.insert("files".into(), json!({}));
        }
        let content_type = head.header("content-type").unwrap_or(b"");
        let content_type = String::from_utf8_lossy(content_type).into_owned();
        Self { told, content_type, received: Vec::new() }
    }

    /// The report as text, when the body is there.
    pub(crate) fn complete(&mut self) -> Vec<u8> {
        if self.told.contains_key("data") {
            self.tell_body();
        }
        pretty(&Value::Object(std::mem::take(&mut self.told)))
    }

    fn tell_body(&mut self) {
        let kind = self.content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let boundary = (kind == "multipart/form-data").then(|| boundary(&self.content_type));
        if kind == "application/x-www-form-urlencoded" {
            let form = query::object(query::pairs(&self.received));
            self.told.insert("form".into(), form);
        } else if let Some(Some(boundary)) = boundary {
            let (mut form, mut files) = (Map::new(), Map::new());
            for part in parts(&self.received, &boundary) {
                let is_file = part.filename;
                let kind = if is_file { &part.content_type } else { "text/plain" };
                let value = text_or_base64(part.content, kind);
                query::add(if is_file { &mut files } else { &mut form }, part.name, value);
            }
            self.told.insert("form".into(), form.into());
            self.told.insert("files".into(), files.into());
        } else {
            let json = serde_json::from_slice(&self.received).unwrap_or(Value::Null);
            let data = text_or_base64(&self.received, "application/octet-stream");
            self.told.insert("json".into(), json);
            self.told.insert("data".into(), data);
        }
    }
}

/// JSON for people, with the line feed that httpbin ends it with.
pub(super) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// The header lines as an object, each name as `Title-Case`, which is how httpbin's users look them up
/// whatever their client sends; of several of a name the values have commas between them.
pub(super) fn headers(head: &Head<'_, '_>) -> Value {
    let mut object = Map::<String, Value>::new();
    for line in head.headers {
        let name: Vec<String> = line.name.split('-').map(title).collect();
        let value = String::from_utf8_lossy(line.value);
        let entry = object.entry(name.join("-")).or_insert(Value::Null);
        *entry = match entry.as_str() {
            Some(before) => format!("{before},{value}").into(),
            None => value.into(),
        };
    }
    object.into()
}

fn title(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let first = lower.get(..1).map(str::to_ascii_uppercase);
    first.map_or(lower.clone(), |first| first + &lower[1..])
}

/// Where the client is: what a proxy says of it, or its address.
pub(super) fn origin(head: &Head<'_, '_>, client: &Client) -> String {
    match head.header("x-forwarded-for") {
        Some(said) => String::from_utf8_lossy(said).into_owned(),
        None => client.address.as_ref().map_or_else(|| "unix".into(), IpAddr::to_string),
    }
}

/// The whole address of the request, as the client sees it.
pub(super) fn url(head: &Head<'_, '_>, client: &Client) -> String {
    format!("{}{}", base(head, client), head.target)
}

/// Scheme and host; behind a proxy that says so, its scheme.
pub(super) fn base(head: &Head<'_, '_>, client: &Client) -> String {
    let said = head.header("x-forwarded-proto").and_then(|value| str::from_utf8(value).ok());
    let scheme = said.unwrap_or(if client.is_tls { "https" } else { "http" });
    let host = String::from_utf8_lossy(head.header("host").unwrap_or(b"localhost"));
    format!("{scheme}://{host}")
}

/// Bytes that are no text, as a `data:` address (RFC 2397).
fn text_or_base64(bytes: &[u8], content_type: &str) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => format!("data:{content_type};base64,{}", STANDARD.encode(bytes)).into(),
    }
}

/// A part of a `multipart/form-data` body.
struct Part<'a> {
    name: String,
    /// Whether it is a file: it has a file name.
    filename: bool,
    content_type: String,
    content: &'a [u8],
}

fn boundary(content_type: &str) -> Option<String> {
    parameter(content_type, "boundary")
}

/// A parameter of a header line: `; name=value`, the value perhaps in quotes.
fn parameter(line: &str, name: &str) -> Option<String> {
    line.split(';').skip(1).find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        let is_it = found.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The parts that have a name (RFC 7578). What comes before the first boundary is no part.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let delimiter = format!("--{boundary}").into_bytes();
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = find(&body[at..], &delimiter) {
        starts.push(at + found);
        at += found + delimiter.len();
    }
    let between = starts.windows(2).map(|pair| &body[pair[0] + delimiter.len()..pair[1]]);
    between.filter_map(part).collect()
}

/// One part: its header lines, an empty line, its content and a line break.
fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let end = find(bytes, b"\r\n\r\n")?;
    let content = &bytes[end + 4..];
    let content = content.strip_suffix(b"\r\n").unwrap_or(content);
    let lines = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let line = |name: &str| {
        lines.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = line("content-disposition")?;
    Some(Part {
        name: parameter(&disposition, "name")?,
        filename: parameter(&disposition, "filename").is_some(),
        content_type: line("content-type").unwrap_or("application/octet-stream".into()),
        content,
    })
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
