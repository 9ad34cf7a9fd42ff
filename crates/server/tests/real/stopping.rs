//! A stop loses nothing, in every strategy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockFilter, Socket, Type};

use crate::support::{Load, Manner, OWN, PATIENCE, Server, get, read_answer, read_to_end, workers};

const REQUEST: &[u8] = b"GET /bytes/13 HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn sigterm_under_load_loses_no_request() {
    for strategy in OWN {
        let mut server = Server::start(strategy, workers(strategy, &["--workers", "2"]));
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

#[test]
fn sigterm_waits_for_slow_requests_and_sigint_does_not() {
    for strategy in OWN {
        let mut server = Server::start(strategy, &[]);
        let load = Load::start(server.address, "/delay/400ms", &[(Manner::Reconnect, 1)]);
        thread::sleep(Duration::from_millis(150));
        server.signal("-TERM");
        let tally = load.join();
        assert!(server.ended_well(), "{strategy} did not end");
        assert_eq!(tally.lost.load(Relaxed), 0, "{strategy}: {tally:?}");
        assert!(tally.answered.load(Relaxed) > 0, "{strategy}: {tally:?}");

        let mut server = Server::start(strategy, &[]);
        let address = server.address;
        let waiting = thread::spawn(move || get(address, "/delay/5s"));
        thread::sleep(Duration::from_millis(150));
        server.signal("-INT");
        assert!(server.ended().is_some(), "{strategy} did not stop");
        assert!(!waiting.join().unwrap().contains("waited"), "{strategy} waited");
    }
}

/// `sequential` is not asked: nothing can cut off what its only thread is doing.
#[test]
fn an_answer_that_was_cut_off_is_told_by_the_exit_code() {
    thread::scope(|scope| {
        for strategy in &OWN[1..] {
            scope.spawn(move || {
                let mut server = Server::start(strategy, &["--graceful-timeout", "100ms"]);
                let mut stream = server.connect();
                let request = b"GET /drip?numbytes=9&duration=40 HTTP/1.1\r\nHost: a\r\n\r\n";
                stream.write_all(request).unwrap();
                stream.read_exact(&mut [0; 9]).expect("the answer has begun");
                server.signal("-TERM");
                let ended = server.ended().expect("it ends");
                assert!(!ended.success(), "{strategy} ended with {ended} although it cut one off");
                server.wait_for_line("error: 1 connection was cut off");
            });
        }
    });
}

#[test]
fn an_idle_client_is_owed_nothing() {
    thread::scope(|scope| {
        for strategy in OWN {
            scope.spawn(move || {
                let times = ["--graceful-timeout", "100ms", "--drain-idle", "20s"];
                let mut server = Server::start(strategy, &times);
                let mut idle = server.connect();
                idle.write_all(REQUEST).unwrap();
                assert!(read_answer(&mut idle).is_some(), "{strategy}");
                server.signal("-TERM");
                assert!(server.ended_well(), "{strategy} says that it cut an idle client off");
            });
        }
    });
}

#[test]
fn an_idle_client_does_not_hold_up_a_stop() {
    for strategy in OWN {
        let mut server = Server::start(strategy, &["--drain-idle", "100ms"]);
        let silent = server.connect();
        server.signal("-TERM");
        assert!(server.ended_well(), "{strategy} waits for a silent client");
        drop(silent);
    }
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
    thread::scope(|scope| {
        for strategy in OWN {
            scope.spawn(move || {
                let mut server = Server::start(strategy, &[]);
                let socket = half_connect(&server);
                server.signal("-TERM");
                thread::sleep(Duration::from_millis(100));
                socket.detach_filter().unwrap();
                socket.set_nonblocking(false).unwrap();
                let mut stream = TcpStream::from(socket);
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                // Blocks until the handshake has ended, one way or the other.
                let sent = stream.write_all(REQUEST);
                assert!(sent.is_ok(), "{strategy} shut the client out: {sent:?}");
                assert!(read_answer(&mut stream).is_some(), "{strategy} lost the request");
                assert!(server.ended_well(), "{strategy} did not end");
            });
        }
    });
}

/// More requests at once than a strategy without concurrency answers in the time that a client has
/// for its head: it is not the clients who are late.
#[test]
fn requests_that_wait_for_their_turn_are_not_taken_for_slow_clients() {
    thread::scope(|scope| {
        for strategy in OWN {
            scope.spawn(move || {
                let one = workers(strategy, &["--workers", "1"]);
                let times = ["--head-time", "300ms", "--drain-idle", "300ms"];
                let mut server = Server::start(strategy, &[&times[..], one].concat());
                let load = Load::start(server.address, "/delay/150ms", &[(Manner::KeepAlive, 8)]);
                load.reach(24);
                load.note("SIGTERM");
                server.signal("-TERM");
                load.join().assert_nothing_lost(strategy);
                assert!(server.ended_well(), "{strategy} did not end");
            });
        }
    });
}

#[test]
fn an_upload_that_has_begun_is_finished_while_the_server_stops() {
    thread::scope(|scope| {
        for strategy in OWN {
            scope.spawn(move || {
                let mut server = Server::start(strategy, &["--drain-idle", "50ms"]);
                let mut stream = server.connect();
                let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
                stream.write_all(head).unwrap();
                // Answered only after the head above was read, or it would prove nothing.
                get(server.address, "/healthz");
                server.signal("-TERM");
                for byte in b"hello" {
                    thread::sleep(Duration::from_millis(60));
                    stream.write_all(&[*byte]).unwrap();
                }
                let answer = String::from_utf8(read_to_end(&mut stream)).unwrap();
                assert!(answer.ends_with("\r\n\r\nhello"), "{strategy}: {answer:?}");
                assert!(server.ended_well(), "{strategy} did not end");
            });
        }
    });
}
