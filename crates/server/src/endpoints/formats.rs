//! Endpoints that give a document of a kind, or a report in an encoding.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json as value};

use super::{Ask, report, shared};
use crate::reply::{Body, Reply};

fn document(content_type: &'static str, text: &'static str) -> Result<Reply, Reply> {
    Ok(shared(Reply::new(200, content_type, Body::Text(text.into()))))
}

pub(super) fn json(_: &Ask<'_>) -> Result<Reply, Reply> {
    Ok(super::json(&value!({ "menu": {
        "restaurant": "maitred",
        "date": "today",
        "courses": [
            { "title": "Soup of the day", "price": 4.5, "waiters": 1 },
            { "title": "Ten plates at once", "price": 20, "waiters": [1, 2, 4] },
        ],
    } })))
}

pub(super) fn html(_: &Ask<'_>) -> Result<Reply, Reply> {
    document(
        "text/html; charset=utf-8",
        "<!DOCTYPE html>\n<html lang=\"en\">\n  <head><title>The waiter</title></head>\n  <body>\n    \
         <h1>The waiter</h1>\n    <p>One waiter can serve many tables, as long as the guests are busy \
         reading the menu. Two are needed only when two guests want to speak at the same time.</p>\n  \
         </body>\n</html>\n",
    )
}

pub(super) fn xml(_: &Ask<'_>) -> Result<Reply, Reply> {
    document(
        "application/xml",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<menu date=\"today\">\n  <course price=\"4.5\">\
         <title>Soup of the day</title></course>\n  <course price=\"20\"><title>Ten plates at once</title>\
         </course>\n</menu>\n",
    )
}

pub(super) fn robots(_: &Ask<'_>) -> Result<Reply, Reply> {
    document("text/plain", "User-agent: *\nDisallow: /deny\n")
}

pub(super) fn deny(_: &Ask<'_>) -> Result<Reply, Reply> {
    document("text/plain", "Robots are not served here.\n")
}

pub(super) fn utf8(ask: &Ask<'_>) -> Result<Reply, Reply> {
    match ask.argument {
        "utf8" => document(
            "text/html; charset=utf-8",
            "<h1>UTF-8</h1>\n<pre>\nZwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n\
             Съешь же ещё этих мягких французских булок.\nいろはにほへと ちりぬるを\n∀x ∈ ℝ: ⌈x⌉ = −⌊−x⌋ 🍽\n</pre>\n",
        ),
        _ => Err(Reply::text(404, "there is /encoding/utf8\n")),
    }
}

pub(super) fn image(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let accept = ask.header("accept").unwrap_or("*/*");
    let accepts = |kind: &str| accept.contains(kind) || accept.contains("*/*");
    match ask.argument {
        "png" => Ok(png()),
        "svg" => svg(),
        "" if accepts("image/png") || accept.contains("image/*") => Ok(png()),
        "" if accepts("image/svg+xml") => svg(),
        "" => Err(shared(Reply::text(406, "there are image/png and image/svg+xml\n"))),
        _ => Err(Reply::text(404, "there are /image/png and /image/svg\n")),
    }
}

fn png() -> Reply {
    let bytes = include_bytes!("../../assets/plate.png");
    shared(Reply::new(200, "image/png", Body::Bytes(bytes.to_vec())))
}

fn svg() -> Result<Reply, Reply> {
    document(
        "image/svg+xml",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" cy=\"16\" \
         r=\"14\" fill=\"#ddd\"/><circle cx=\"16\" cy=\"16\" r=\"9\" fill=\"#fff\"/></svg>\n",
    )
}

/// What is told in an encoding, with the word for it.
fn told(ask: &Ask<'_>, word: &str) -> Vec<u8> {
    let mut told = value!({
        "headers": report::headers(ask.head),
        "method": ask.head.method_name,
        "origin": report::origin(ask.head, ask.client),
    });
    told[word] = Value::Bool(true);
    report::pretty(&told)
}

fn encoded(coding: &str, bytes: Vec<u8>) -> Result<Reply, Reply> {
    let mut reply = shared(Reply::new(200, "application/json", Body::Bytes(bytes)));
    reply.say("Content-Encoding", coding);
    Ok(reply)
}

pub(super) fn gzip(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&told(ask, "gzipped")).expect("a vector takes every write");
    encoded("gzip", encoder.finish().expect("a vector takes every write"))
}

/// The format that HTTP calls deflate is that of zlib (RFC 9110, 8.4.1.2).
pub(super) fn deflate(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&told(ask, "deflated")).expect("a vector takes every write");
    encoded("deflate", encoder.finish().expect("a vector takes every write"))
}

/// Brotli without compression: what is tested is whether a client takes the format apart, and a
/// compressor of it would be the largest part of this server.
pub(super) fn brotli(ask: &Ask<'_>) -> Result<Reply, Reply> {
    encoded("br", stored(&told(ask, "brotli")))
}

/// A stream of uncompressed meta-blocks (RFC 7932, 9.2). Bits go from the least significant one on.
fn stored(bytes: &[u8]) -> Vec<u8> {
    // WBITS 16 is the bit 0. Each block: ISLAST 0, MNIBBLES 4 (00), MLEN − 1 in 16 bits, ISUNCOMPRESSED 1;
    // of the first one with the bit for WBITS before, that fills up to the byte.
    let mut out = Vec::new();
    for (index, block) in bytes.chunks(1 << 16).enumerate() {
        let shift = if index == 0 { 1 } else { 0 };
        let length = u32::try_from(block.len() - 1).expect("at most 64 KiB");
        let header = (length << 3 | 1 << 19) << shift;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    // ISLAST 1, ISLASTEMPTY 1.
    out.push(if bytes.is_empty() { 0b110 } else { 0b11 });
    out
}
