//! A conversation gives the same bytes however its input is cut.

use proptest::prelude::*;

use super::*;
use crate::board::Board;
use crate::options::Options;

/// Feeds the pieces, performs no act but pretends to, and returns all output.
fn converse(pieces: &[&[u8]]) -> (String, Need) {
    let service = Service::new(Options::default(), None, Board::new(1).unwrap(), 0).unwrap();
    let mut conversation = Conversation::default();
    let mut all = Vec::new();
    let mut need = Need::Read;
    for piece in pieces {
        let mut fresh = *piece;
        loop {
            let mut out = Vec::new();
            need = conversation.advance(fresh, &mut out, &service);
            fresh = &[];
            all.extend_from_slice(&out);
            if matches!(need, Need::Read | Need::Close { .. }) {
                break;
            }
        }
    }
    let text = String::from_utf8(all).unwrap();
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: "));
    // An interim answer depends on whether the body has come already, so no case expects one.
    (lines.collect(), need)
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

#[test]
fn the_whole_input_is_answered() {
    let (text, need) = converse(&[INPUT.as_bytes()]);
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
