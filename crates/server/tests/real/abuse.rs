//! What hostile and broken clients do: the server answers or closes, and serves good clients meanwhile.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{OWN, Server, connect, each, read_answer, read_to_end, workers};

fn status(answer: &[u8]) -> &str {
    answer.get(9..12).map_or("none", |code| str::from_utf8(code).unwrap_or("none"))
}

/// Sends each request and expects that status, or the end of the connection without one.
fn assert_refused(requests: &[(&[u8], &str)]) {
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        for (request, expected) in requests {
            let answer = server.talk(request);
            let text = String::from_utf8_lossy(request);
            assert_eq!(status(&answer), *expected, "{strategy}: {text:.80}");
            let answers = answer.windows(9).filter(|part| part == b"HTTP/1.1 ").count();
            assert_eq!(answers, 1, "{strategy} answered twice: {text:.200}");
        }
        server.assert_serves();
    }
}

#[test]
fn malformed_requests_are_refused() {
    let huge_header = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ".as_slice(), &[b'x'; 1 << 20]].concat();
    let huge_target = [b"GET /".as_slice(), &[b'x'; 1 << 16]].concat();
    assert_refused(&[
        (&huge_header, "431"),
        (&huge_target, "414"),
        (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (b"GET /\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "400"),
    ]);
}

#[test]
fn invalid_chunking_is_refused() {
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let requests: Vec<Vec<u8>> = ["z\r\n", "3\r\nabcX", "-3\r\nabc\r\n", "3\nabc\n0\n\n"]
        .iter()
        .map(|body| format!("{head}{body}").into_bytes())
        .collect();
    let cases: Vec<_> = requests.iter().map(|request| (request.as_slice(), "400")).collect();
    assert_refused(&cases);
    let flood = format!("{head}200000\r\n{}", "x".repeat(1 << 21));
    assert_refused(&[(flood.as_bytes(), "413")]);
}

/// Each of these hides a second request from a proxy that reads it differently. It must never be answered.
#[test]
fn smuggled_requests_are_not_answered() {
    let hidden = "GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let heads = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "Content-Length: 0, 44\r\n\r\n",
        "Content-Length: 00x\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 4\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    let requests: Vec<String> = heads
        .iter()
        .map(|head| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{head}{hidden}"))
        .collect();
    let cases: Vec<_> = requests.iter().map(|text| (text.as_bytes(), "400")).collect();
    assert_refused(&cases);
}

#[test]
fn ten_thousand_pipelined_requests_are_answered_in_order() {
    const COUNT: usize = 10_000;
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        let mut reading = server.connect();
        let mut writing = reading.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for index in 0..COUNT {
                let length = index % 10;
                let close = if index == COUNT - 1 { "Connection: close\r\n" } else { "" };
                let request = format!("GET /bytes/{length} HTTP/1.1\r\nHost: a\r\n{close}\r\n");
                writing.write_all(request.as_bytes()).unwrap();
            }
        });
        let answers = String::from_utf8(read_to_end(&mut reading)).unwrap();
        writer.join().unwrap();
        let lengths: Vec<usize> = answers
            .lines()
            .filter_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
            .collect();
        let expected: Vec<usize> = (0..COUNT).map(|index| index % 10).collect();
        assert!(lengths == expected, "{strategy}: {} answers", lengths.len());
    }
}

#[test]
fn slow_headers_are_cut_off_and_harm_nobody() {
    each(|strategy| {
        let server = Server::start(strategy, &["--head-time", "3s"]);
        // Each begins as soon as it is there: of one that is cut off before that nothing is left to be told.
        let mut slow: Vec<TcpStream> =
            (0..200).map(|_| server.connect_saying(b"GET / HTTP/1.1\r\n")).collect();
        for _ in 0..2 {
            server.assert_serves();
            for stream in &mut slow {
                let _ = stream.write_all(b"X: y\r\n");
            }
        }
        for stream in &mut slow {
            assert_eq!(status(&read_to_end(stream)), "408", "{strategy}");
        }
        server.assert_serves();
    });
}

#[test]
fn a_body_that_never_comes_is_408_and_silence_is_just_closed() {
    each(|strategy| {
        let times = ["--body-time", "4s", "--idle-time", "4s", "--head-time", "4s"];
        let server = Server::start(strategy, &times);
        let mut half = server
            .connect_saying(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
        let mut idle = server.connect_saying(b"GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut silent = server.connect();
        assert!(read_answer(&mut idle).is_some(), "{strategy}");
        assert_eq!(status(&read_to_end(&mut half)), "408", "{strategy}");
        assert_eq!(read_to_end(&mut silent), b"", "{strategy}");
        assert_eq!(read_to_end(&mut idle), b"", "{strategy}");
    });
}

#[test]
fn a_client_that_never_reads_is_dropped_and_harms_nobody() {
    each(|strategy| {
        let server = Server::start(strategy, &["--write-time", "2s"]);
        let request = b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut deaf: Vec<TcpStream> = (0..4).map(|_| server.connect_saying(request)).collect();
        server.assert_serves();
        server.wait_for_connections(1);
        for stream in &mut deaf {
            // What the kernel had buffered, and then the end; by far not all.
            let mut read = 0;
            let mut room = vec![0; 1 << 16];
            while let Ok(more) = stream.read(&mut room)
                && more > 0
            {
                read += more;
            }
            assert!(read < 50_000_000, "{strategy} sent everything to a client that did not read");
        }
        server.assert_serves();
    });
}

#[test]
fn clients_that_vanish_are_forgotten() {
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        for _ in 0..100 {
            let mut stream = server.connect();
            stream.write_all(b"GET /delay/50ms HTTP/1.1\r\nHo").unwrap();
        }
        server.assert_serves();
        server.wait_for_connections(1);
    }
}

#[test]
fn without_descriptors_known_clients_are_served_and_new_ones_told() {
    for strategy in OWN {
        let server = Server::start_with_descriptors(strategy, 64);
        let mut known = server.connect();
        let request = b"GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n";
        known.write_all(request).unwrap();
        assert!(read_answer(&mut known).is_some(), "{strategy}");
        let mut many: Vec<TcpStream> = (0..150).map(|_| connect(server.address).unwrap()).collect();
        let mut last = many.pop().unwrap();
        let _ = last.write_all(request);
        // With two processes there may be room for all: then it is served.
        let answer = read_answer(&mut last).unwrap_or_default();
        assert!(
            ["503", "200", "none"].contains(&status(answer.as_bytes())),
            "{strategy}: {answer}"
        );
        known.write_all(request).unwrap();
        assert!(read_answer(&mut known).is_some(), "{strategy} forgot a client it knew");
        drop((many, last));
        server.wait_until_it_serves();
    }
}

#[test]
fn a_full_house_lets_the_next_one_wait_until_somebody_leaves() {
    for strategy in OWN {
        let one = workers(strategy, &["--workers", "1"]);
        let server = Server::start(strategy, &[&["--max-connections", "3"], one].concat());
        let request = b"GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut inside: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
        for stream in &mut inside {
            stream.write_all(request).unwrap();
            assert!(read_answer(stream).is_some(), "{strategy}");
        }
        let mut outside = server.connect();
        outside.write_all(request).unwrap();
        // It stands in the queue of the kernel. However often the server looks, it lets nobody in.
        for _ in 0..100 {
            inside[0].write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let metrics = read_answer(&mut inside[0]).expect("who is inside is served");
            assert!(metrics.contains("\nmaitred_connections 3\n"), "{strategy}: {metrics}");
        }
        outside.set_nonblocking(true).unwrap();
        let early = outside.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock), "{strategy} let in more than it may");
        outside.set_nonblocking(false).unwrap();
        drop(inside.pop());
        assert!(read_answer(&mut outside).is_some(), "{strategy} forgot who waited outside");
    }
}
