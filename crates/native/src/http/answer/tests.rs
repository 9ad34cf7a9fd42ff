use proptest::prelude::*;

use super::*;

/// Status, and whether the connection is kept; `closed`: the server closes behind it.
fn read(pieces: &[&[u8]], bodiless: bool, closed: bool) -> Result<Option<(u16, bool)>, Malformed> {
    let mut answer = Answer::new(bodiless);
    for piece in pieces {
        answer.take(piece)?;
    }
    if closed {
        answer.close();
    }
    Ok(answer.is_over().then(|| (answer.status(), answer.keeps())))
}

/// Well-formed answers: the bytes, whether to HEAD, whether the server closes, the outcome.
const GOOD: &[(&str, bool, bool, (u16, bool))] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, false, (200, true)),
    ("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", false, false, (200, true)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, false, (200, true)),
    ("HTTP/1.1 204 None\r\n\r\n", false, false, (204, true)),
    ("HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", false, false, (304, true)),
    (
        "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        false,
        false,
        (200, true),
    ),
    (
        "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx",
        false,
        false,
        (404, true),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        false,
        false,
        (200, true),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA;x=\"y\"\r\n0123456789\r\n00\r\nT: v\r\n\r\n",
        false,
        false,
        (200, true),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\na",
        false,
        false,
        (200, false),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        false,
        false,
        (200, true),
    ),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false, false, (200, false)),
    (
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na",
        false,
        false,
        (200, true),
    ),
    ("HTTP/1.1 200 OK\r\n\r\nup to the end", false, true, (200, false)),
];

/// What no reader should accept.
const BAD: &[&str] = &[
    "nonsense\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 999 Odd\r\n\r\n",
    "HTTP/1.1 101 Switch\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
];

#[test]
fn an_answer_ends_where_its_fields_say() {
    for &(text, bodiless, closed, expected) in GOOD {
        assert_eq!(read(&[text.as_bytes()], bodiless, closed), Ok(Some(expected)), "{text:?}");
    }
}

#[test]
fn every_shorter_one_is_not_over() {
    for &(text, bodiless, closed, _) in GOOD.iter().filter(|one| !one.2) {
        for end in 0..text.len() {
            let short = &text.as_bytes()[..end];
            assert_eq!(read(&[short], bodiless, closed), Ok(None), "{text:?} up to {end}");
            assert_eq!(
                read(&[short], bodiless, true).map(|over| over.is_some()),
                Ok(false),
                "{text:?} closed at {end}"
            );
        }
    }
}

#[test]
fn what_is_ambiguous_is_refused() {
    for text in BAD {
        assert!(read(&[text.as_bytes()], false, false).is_err(), "{text:?}");
    }
}

#[test]
fn a_head_without_end_is_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(HEAD_MAX));
    let pieces: Vec<&[u8]> = endless.as_bytes().chunks(1000).collect();
    assert!(read(&pieces, false, false).is_err());
}

proptest! {
    #[test]
    fn it_does_not_matter_how_an_answer_is_cut(which in 0..GOOD.len(), cuts in prop::collection::vec(0_usize..200, 0..5)) {
        let (text, bodiless, closed, expected) = GOOD[which];
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&pieces, bodiless, closed), Ok(Some(expected)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), chunked: bool) {
        let head: &[u8] = if chunked { b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" } else { b"" };
        let _ = read(&[head, &bytes], false, true);
    }
}
