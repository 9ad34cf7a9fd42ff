//! The strict layer: a test for each rule, and properties of the codec.

use maitred_server::codec::{
    BodyProgress, BodyReader, Framing, RULES, Refusal, SizeLimits, head_space, parse_head,
};
use proptest::prelude::*;

/// For each rule, heads that break it and nothing before it in the table.
const BROKEN: &[(&str, &str)] = &[
    ("bare-lf", "GET / HTTP/1.1\nHost: a\n\n"),
    ("bare-lf", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    ("target-characters", "GET /\u{85} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("target-characters", "GET /\u{a0} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("target-fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("host-empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ("host-empty", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    ("method-unknown", "FETCH / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("method-unknown", "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("method-unknown", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
    ("target-form", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("target-form", "GET bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("host-missing", "GET / HTTP/1.1\r\n\r\n"),
    ("host-repeated", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("host-characters", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("host-characters", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    ("length-malformed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"),
    ("length-malformed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n"),
    ("length-malformed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
    ("length-malformed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"),
    (
        "length-malformed",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ),
    (
        "length-conflicting",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ),
    (
        "coding-with-length",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    ("coding-in-1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("coding-malformed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    ("coding-malformed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    ("coding-malformed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, x\r\n\r\n"),
    (
        "coding-malformed",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: \
         chunked\r\n\r\n",
    ),
    (
        "coding-unknown",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    ("coding-malformed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n"),
    ("coding-unknown", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    ("length-required", "POST / HTTP/1.0\r\n\r\n"),
    ("expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"),
    ("body-size", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n"),
    // What `httparse` refuses by itself.
    ("syntax", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("syntax", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("syntax", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
    ("syntax", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    ("syntax", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("syntax", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    ("syntax", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("syntax", "GET /\r\n\r\n"),
    ("syntax", "\u{16}\u{3}\u{1}hello"),
    ("version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
];

fn refusal_of(head: &[u8]) -> Option<Refusal> {
    parse_head(head, &mut head_space(), &SizeLimits::default()).err()
}

#[test]
fn every_rule_is_broken_by_its_cases() {
    for (rule, head) in BROKEN {
        let refusal = refusal_of(head.as_bytes()).unwrap_or_else(|| panic!("accepted {head:?}"));
        assert_eq!(refusal.rule, *rule, "{head:?}");
        let listed = RULES.iter().find(|listed| listed.id == *rule);
        assert!(listed.is_none_or(|listed| listed.status == refusal.status));
    }
}

#[test]
fn every_rule_has_a_case() {
    for rule in RULES {
        assert!(BROKEN.iter().any(|(id, _)| *id == rule.id), "{} has no case", rule.id);
    }
}

#[test]
fn sizes_have_limits() {
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9_000));
    let endless_target = format!("GET /{}", "x".repeat(9_000));
    let many_lines = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    let long_line = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(33_000));
    for (head, status) in
        [(long_target, 414), (endless_target, 414), (many_lines, 431), (long_line, 431)]
    {
        assert_eq!(refusal_of(head.as_bytes()).map(|refusal| refusal.status), Some(status));
    }
}

#[test]
fn broken_chunks_are_refused() {
    let broken = [
        "x\r\n",
        "\r\n",
        " 3\r\n",
        "3 \r\nabc",
        "3\nabc",
        "0x3\r\n",
        "-1\r\n",
        "3\r\nabcd",
        "3\r\nabc\n",
        "3;a\nb\r\n",
        "3;a\0\r\n",
        "3;\r\n",
        "3;;a\r\n",
        "3; a\r\n",
        "3;a \r\n",
        "3;bad[=x\r\n",
        "3;a=\r\n",
        "3;a=b c\r\n",
        "3;a=\"b\r\n",
        "3;a=\"b\"c\r\n",
        "ffffffffffffffffff\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n\n",
    ];
    for text in broken {
        let mut reader = BodyReader::new(Framing::Chunked, 1 << 20).unwrap();
        assert_eq!(reader.read(text.as_bytes(), None), Err(Refusal::CHUNKING), "{text:?}");
    }
}

#[test]
fn well_formed_extensions_are_read_over() {
    for extension in ["a", "a=b", "a=\"\"", "a=\"b;\\\"c\";d", "a;b=c;d"] {
        let text = format!("3;{extension}\r\nabc\r\n0;{extension}\r\n\r\n");
        let mut reader = BodyReader::new(Framing::Chunked, 1 << 20).unwrap();
        let end = BodyProgress::End(text.len());
        assert_eq!(reader.read(text.as_bytes(), None), Ok(end), "{text:?}");
    }
}

#[test]
fn trailers_that_say_where_a_message_ends_are_refused() {
    for (name, refused) in [
        ("Content-Length", true),
        ("hOst", true),
        ("Transfer-Encoding", true),
        ("Host-Name", false),
        ("Transfer-Encodings", false),
        ("X", false),
    ] {
        // The name before it must not be taken for a part of it.
        let text = format!("0\r\nX: y\r\n{name}: 1\r\n\r\n");
        let mut reader = BodyReader::new(Framing::Chunked, 1 << 20).unwrap();
        let read = reader.read(text.as_bytes(), None);
        assert_eq!(read == Err(Refusal::TRAILER), refused, "{text:?}: {read:?}");
    }
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let mut reader = BodyReader::new(Framing::Chunked, 1 << 20).unwrap();
    let endless = format!("1;{}", "x".repeat(1 << 15));
    assert_eq!(reader.read(endless.as_bytes(), None), Err(Refusal::CHUNKING));
}

proptest! {
    /// Cutting a body anywhere changes nothing.
    #[test]
    fn chunks_survive_any_cut(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
        step in 1_usize..20,
        rest in prop::collection::vec(any::<u8>(), 0..10),
    ) {
        let mut wire = Vec::new();
        for piece in &pieces {
            maitred_server::codec::write_chunk(&mut wire, piece);
        }
        maitred_server::codec::write_last_chunk(&mut wire);
        let length = wire.len();
        wire.extend_from_slice(&rest);
        let mut reader = BodyReader::new(Framing::Chunked, 1 << 20).unwrap();
        let (mut content, mut at) = (Vec::new(), 0);
        loop {
            let piece = &wire[at..(at + step).min(wire.len())];
            match reader.read(piece, Some(&mut content)).unwrap() {
                BodyProgress::End(used) => break at += used,
                BodyProgress::More => at += piece.len(),
            }
        }
        prop_assert_eq!(at, length);
        prop_assert_eq!(content, pieces.concat());
    }

    /// No bytes whatever make the parser panic, and what it accepts it accepts whole.
    #[test]
    fn any_bytes_are_survived(
        start in prop::sample::select(vec!["", "GET / HTTP/1.1\r\n", "POST /echo HTTP/1.1\r\nHost: a\r\n"]),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = start.as_bytes().to_vec();
        bytes.extend_from_slice(&noise);
        let outcome = parse_head(&bytes, &mut head_space(), &SizeLimits::default()).map(|head| {
            head.map(|(_, length)| length)
        });
        if let Ok(Some(length)) = outcome {
            prop_assert!(bytes[..length].ends_with(b"\r\n\r\n"));
        }
    }
}
