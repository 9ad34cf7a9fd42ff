//! A conversation gives the same bytes however its input is cut.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::board::Board;
use crate::options::Options;

/// One for all conversations: its board is mapped, and a process may map only so many.
static SERVICE: LazyLock<Service> =
    LazyLock::new(|| Service::new(Options::default(), None, Board::new(1).unwrap(), 0).unwrap());

/// Feeds the pieces, performs no act but pretends to, and returns all output and how many requests there were.
fn converse(pieces: &[&[u8]]) -> (String, Need, u32) {
    let mut conversation = Conversation::default();
    let mut all = Vec::new();
    let mut need = Need::Read;
    for piece in pieces {
        let mut fresh = *piece;
        loop {
            let mut out = Vec::new();
            need = conversation.advance(fresh, &mut out, &SERVICE);
            fresh = &[];
            all.extend_from_slice(&out);
            if matches!(need, Need::Read | Need::Close { .. }) {
                break;
            }
        }
        if matches!(need, Need::Close { .. }) {
            break; // Nobody reads on.
        }
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: "));
    // An interim answer depends on whether the body has come already, so no case expects one.
    (lines.collect(), need, conversation.requests())
}

const INPUT: &str = "GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: u\r\n\r\n\
    \r\nGET /delay/5s HTTP/1.1\r\nHost: a\r\n\r\n\
    PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET \
    GET /stream/3 HTTP/1.1\r\nHost: a\r\n\r\n\
    GET /drip?numbytes=3&duration=1 HTTP/1.1\r\nHost: a\r\n\r\n\
    GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";

proptest! {
    #[test]
    fn any_cut_gives_the_same_bytes(mut cuts in prop::collection::vec(0..INPUT.len(), 0..40)) {
        cuts.extend([0, INPUT.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> =
            cuts.windows(2).map(|pair| &INPUT.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(converse(&pieces), converse(&[INPUT.as_bytes()]));
    }
}

/// What damage puts in: what parsers stumble over.
const PIECES: [&str; 16] = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    ":",
    ";",
    ",",
    "0",
    "ffffffffffffffff",
    "-1",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "HTTP/1.1",
    "\r\n\r\n",
];

/// The input with a piece put in at each place in place of so many bytes.
fn damaged(damage: &[(usize, usize, usize)]) -> Vec<u8> {
    let mut bytes = INPUT.as_bytes().to_vec();
    for &(at, left_out, piece) in damage {
        let at = at % (bytes.len() + 1);
        let end = (at + left_out).min(bytes.len());
        bytes.splice(at..end, PIECES[piece].bytes());
    }
    // What is wrong with a line that has come in pieces is told at its end, and not before.
    bytes.extend(b"\r\n");
    bytes
}

/// As many inputs as are sent to each strategy (`tests/real/mutations.rs`), the same in every run.
fn damages() -> Config {
    let cases = std::env::var("MAITRED_MUTATIONS").ok().and_then(|text| text.parse().ok());
    Config {
        cases: cases.unwrap_or(400),
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(damages())]
    #[test]
    fn damaged_input_is_understood_alike_however_it_is_cut(
        damage in prop::collection::vec((0..INPUT.len(), 0_usize..6, 0..PIECES.len()), 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let input = damaged(&damage);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        prop_assert_eq!(converse(&pieces), converse(&[&input]), "{}", String::from_utf8_lossy(&input));
    }
}

/// Two readers that disagree where a request ends let somebody slip a request past the first of them. Here
/// nothing behind what is doubtful is ever taken for a request.
#[test]
fn nothing_is_smuggled_behind_a_doubtful_end() {
    const HIDDEN: &str = "GET /status/299 HTTP/1.1\r\nHost: a\r\n\r\n";
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length : 5",
        " Content-Length: 5",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\u{b}chunked",
        "Transfer-Encoding: \"chunked\"",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
    ] {
        for body in ["0\r\n\r\n", "hello", ""] {
            let input = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}{HIDDEN}");
            let (text, need, requests) = converse(&[input.as_bytes()]);
            assert!(
                text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 501"),
                "{fields}: {text}"
            );
            assert!(!text.contains(" 299 ") && requests <= 1, "{fields}: {text}");
            assert_eq!(need, Need::Close { linger: true }, "{fields}");
        }
    }
    for body in [
        "5\r\nhello0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
        "0\r\nContent-Length: 3\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
    ] {
        let input = format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}{HIDDEN}"
        );
        let (text, ..) = converse(&[input.as_bytes()]);
        assert!(text.contains("HTTP/1.1 400 ") && !text.contains(" 299 "), "{body:?}: {text}");
    }
    // The opposite: where the end is clear, the next request is one.
    let clear = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello{HIDDEN}");
    assert!(converse(&[clear.as_bytes()]).0.contains("HTTP/1.1 299 "));
}

#[test]
fn the_whole_input_is_answered() {
    let (text, need, requests) = converse(&[INPUT.as_bytes()]);
    assert_eq!(requests, 6, "the last one is none");
    let statuses: Vec<_> =
        text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "200", "200", "200", "200", "200", "400"]);
    assert_eq!(need, Need::Close { linger: true });
    assert!(text.contains("\r\n\r\nhello") && text.contains("\r\n\r\nGET HTTP/1.1 200"));
}

#[test]
fn a_late_client_is_told_so_only_if_it_had_begun() {
    let service = Service::new(Options::default(), None, Board::new(1).unwrap(), 0).unwrap();
    let mut out = Vec::new();
    let mut silent = Conversation::default();
    assert_eq!(silent.time_out(&mut out, &service), Need::Close { linger: false });
    assert!(out.is_empty());
    let mut slow = Conversation::default();
    assert_eq!(slow.advance(b"GET / HT", &mut out, &service), Need::Read);
    assert_eq!(slow.time_out(&mut out, &service), Need::Close { linger: true });
    assert!(out.starts_with(b"HTTP/1.1 408 "));
}
