//! Requests that something has damaged: every strategy takes them alike, to the byte, and none breaks. `MAITRED_MUTATIONS` says how many are sent to each (400 if it is not set; 10,000 take
//! some minutes).

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::{OWN, Server};

/// What is damaged.
const SEEDS: &[&str] = &[
    "GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 45\r\n\r\nGET /status/299 HTTP/1.1\r\nHost: a\r\nX: 1234\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    "HEAD /stream/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /get?a=%20 HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\nDELETE /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// What is put in: what parsers stumble over.
const PIECES: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "\"",
    "%",
    "#",
    "\u{e9}",
    "0",
    "ffffffffffffffff",
    "-1",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Host: b\r\n",
    "Connection: close\r\n",
    "HTTP/1.1",
    "chunked",
    "\r\n\r\n",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(usize, &'static str),
    Remove(usize, usize),
    Flip(usize, u8),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), prop::sample::select(PIECES))
            .prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (any::<usize>(), 1_usize..12).prop_map(|(at, length)| Damage::Remove(at, length)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        (any::<usize>(), 1_usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let place = |at: usize| at % bytes.len().max(1);
    match *damage {
        Damage::Insert(at, piece) => {
            let at = place(at);
            bytes.splice(at..at, piece.bytes());
        }
        Damage::Remove(at, length) => {
            let at = place(at);
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Damage::Flip(at, byte) => {
            let at = place(at);
            bytes.splice(at..(at + 1).min(bytes.len()), [byte]);
        }
        Damage::Repeat(at, length) => {
            let at = place(at);
            let again = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, again);
        }
    }
}

#[test]
fn damaged_requests_are_taken_alike_and_break_nothing() {
    let count = std::env::var("MAITRED_MUTATIONS").ok().and_then(|text| text.parse().ok());
    let config =
        Config { cases: count.unwrap_or(400), failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let servers: Vec<_> = OWN.iter().map(|it| (it, Server::start(it, &[]))).collect();
    let cases = (prop::sample::select(SEEDS), prop::collection::vec(damage(), 1..5));
    let outcome = runner.run(&cases, |(seed, all)| {
        let mut request = seed.as_bytes().to_vec();
        all.iter().for_each(|damage| apply(&mut request, damage));
        let expected = servers[0].1.answers_to_all_of(&request);
        // Where damage leads to `/`, each says who it is.
        prop_assume!(!expected.contains("answered by process"));
        for (strategy, server) in &servers[1..] {
            let answer = server.answers_to_all_of(&request);
            prop_assert_eq!(
                &answer,
                &expected,
                "{} differs on {:?}",
                strategy,
                String::from_utf8_lossy(&request)
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    for (_, server) in &servers {
        server.assert_serves();
    }
}
