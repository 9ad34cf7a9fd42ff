//! A stop loses nothing, in every strategy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockFilter, Socket, Type};

use crate::support::{
    LOAD, Load, Manner, OWN, PATIENCE, Server, each, read_answer, read_to_end, workers,
};

const REQUEST: &[u8] = b"GET /bytes/13 HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn sigterm_under_load_loses_no_request() {
    for strategy in OWN {
        let two = workers(strategy, &["--workers", "2"]);
        let mut server = Server::start(strategy, &[&LOAD[..], two].concat());
        let clients = [(Manner::Reconnect, 8), (Manner::KeepAlive, 8)];
        let load = Load::start(server.address, "/bytes/13", &clients);
        load.reach(300);
        load.note("SIGTERM");
        server.signal("-TERM");
        let tally = load.join();
        assert!(server.ended_well(), "{strategy} did not end");
        tally.assert_nothing_lost(strategy);
        server.wait_for_line("nothing was cut off");
    }
}

#[test]
fn sighup_under_load_loses_no_request() {
    for strategy in OWN {
        let server = Server::start(strategy, workers(strategy, &["--workers", "2"]));
        let clients = [(Manner::Reconnect, 8), (Manner::KeepAlive, 8)];
        let load = Load::start(server.address, "/bytes/13", &clients);
        for round in 1..=3 {
            load.reach(round * 300);
            load.note("SIGHUP");
            server.signal("-HUP");
        }
        load.reach(load.tally.answered.load(Relaxed) + 300);
        load.stop().assert_nothing_lost(strategy);
        server.assert_serves();
    }
}

/// Asks for an answer whose bytes come so far apart, and reads its head: now the server is amid it.
fn slow_answer(server: &Server, bytes: u32, duration: &str) -> TcpStream {
    let mut stream = server.connect();
    let target = format!("/drip?numbytes={bytes}&duration={duration}");
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream
}

#[test]
fn sigterm_waits_for_slow_answers_and_sigint_does_not() {
    each(|strategy| {
        let mut server = Server::start(strategy, &[]);
        let mut slow = slow_answer(&server, 2, "400ms");
        server.signal("-TERM");
        assert_eq!(read_to_end(&mut slow).len(), 2, "{strategy} cut an answer off");
        assert!(server.ended_well(), "{strategy} did not end");

        // Nobody waits for the end of this one.
        let mut server = Server::start(strategy, &["--graceful-timeout", "3600s"]);
        let mut slow = slow_answer(&server, 3600, "59s");
        server.signal("-INT");
        assert!(server.ended().is_some(), "{strategy} did not stop");
        let rest = read_to_end(&mut slow);
        assert!(rest.len() < 3600, "{strategy} waited");
    });
}

#[test]
fn an_answer_that_was_cut_off_is_told_by_the_exit_code() {
    each(|strategy| {
        // Nothing can cut off what the only thread of `sequential` is doing.
        if strategy == "sequential" {
            return;
        }
        let mut server = Server::start(strategy, &["--graceful-timeout", "100ms"]);
        let slow = slow_answer(&server, 9, "59s");
        server.signal("-TERM");
        let ended = server.ended().expect("it ends");
        assert!(!ended.success(), "{strategy} ended with {ended} although it cut one off");
        server.wait_for_line("error: 1 connection was cut off");
        drop(slow);
    });
}

#[test]
fn an_idle_client_is_owed_nothing() {
    each(|strategy| {
        // Who has sent the answer may be kept from a processor before it says that nothing is owed any more.
        let times = ["--graceful-timeout", "3s", "--drain-idle", "3600s"];
        let mut server = Server::start(strategy, &times);
        let mut idle = server.connect();
        idle.write_all(REQUEST).unwrap();
        assert!(read_answer(&mut idle).is_some(), "{strategy}");
        server.signal("-TERM");
        let ended = server.ended().expect("it ends");
        assert!(ended.success(), "{strategy} cut an idle client off, {ended}: {:?}", server.said());
    });
}

#[test]
fn an_idle_client_does_not_hold_up_a_stop() {
    each(|strategy| {
        let mut server = Server::start(strategy, &["--drain-idle", "100ms"]);
        let silent = server.connect();
        server.signal("-TERM");
        assert!(server.ended_well(), "{strategy} waits for a silent client");
        drop(silent);
    });
}

/// A client whose handshake the server's kernel has begun, and that hears nothing of it: its
/// socket has a filter (BPF: return 0) that drops everything.
fn half_connect(server: &Server) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.attach_filter(&[SockFilter::new(0x06, 0, 0, 0)]).expect("a filter");
    socket.set_nonblocking(true).expect("it is a socket");
    socket.connect(&server.address.into()).expect_err("it cannot be connected yet");
    socket
}

/// Before the answer of the server's kernel is repeated, which it is after a second, the client is
/// half in: it must not be shut out.
#[test]
fn a_client_amid_its_handshake_is_served_before_the_door_is_closed() {
    each(|strategy| {
        // A test that was itself kept from a processor for so long says nothing of the server.
        let tried = (0..100).any(|_| stop_amid_a_handshake(strategy));
        assert!(tried, "{strategy}: the machine is too busy to be in time for a handshake");
    });
}

/// Whether it was in time: before the answer of the server's kernel was repeated to deaf ears.
fn stop_amid_a_handshake(strategy: &str) -> bool {
    // Once it is in, the client may itself be kept from a processor before it says what it wants.
    let times = ["--graceful-timeout", "3600s", "--drain-idle", "3600s"];
    let mut server = Server::start(strategy, &times);
    let begun = Instant::now();
    let socket = half_connect(&server);
    server.signal("-TERM");
    thread::sleep(Duration::from_millis(100));
    socket.detach_filter().unwrap();
    let in_time = begun.elapsed() < Duration::from_millis(900);
    socket.set_nonblocking(false).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Blocks until the handshake has ended, one way or the other.
    let sent = stream.write_all(REQUEST);
    if in_time {
        assert!(sent.is_ok(), "{strategy} shut the client out: {sent:?}");
        assert!(read_answer(&mut stream).is_some(), "{strategy} lost the request");
        assert!(server.ended_well(), "{strategy} did not end");
    }
    in_time
}

/// More requests at once than a strategy without concurrency answers in the time that a client has
/// for its head: it is not the clients who are late.
#[test]
fn requests_that_wait_for_their_turn_are_not_taken_for_slow_clients() {
    each(|strategy| {
        // One after another, ten of them take longer than a client has; and no client is so late.
        let one = workers(strategy, &["--workers", "1"]);
        let times = ["--head-time", "4s", "--drain-idle", "4s"];
        let mut server = Server::start(strategy, &[&times[..], one].concat());
        let load = Load::start(server.address, "/delay/500ms", &[(Manner::KeepAlive, 10)]);
        load.reach(12);
        load.note("SIGTERM");
        server.signal("-TERM");
        load.join().assert_nothing_lost(strategy);
        assert!(server.ended_well(), "{strategy} did not end");
    });
}

#[test]
fn an_upload_that_has_begun_is_finished_while_the_server_stops() {
    each(|strategy| {
        let mut server = Server::start(strategy, &["--drain-idle", "1s"]);
        let mut stream = server.connect_saying(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        );
        // Who says that has read the head, or it would prove nothing.
        let interim = read_answer(&mut stream);
        assert_eq!(interim.as_deref(), Some("HTTP/1.1 100 Continue\r\n\r\n"), "{strategy}");
        server.signal("-TERM");
        // Longer than who has begun nothing is waited for.
        for byte in b"hello" {
            thread::sleep(Duration::from_millis(300));
            stream.write_all(&[*byte]).unwrap();
        }
        let answer = String::from_utf8(read_to_end(&mut stream)).unwrap();
        assert!(answer.ends_with("\r\n\r\nhello"), "{strategy}: {answer:?}");
        assert!(server.ended_well(), "{strategy} did not end");
    });
}
