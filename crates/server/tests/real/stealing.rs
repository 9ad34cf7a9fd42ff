//! Workers of `async-pool` that have nothing to do take over what a held one cannot see to.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;

use crate::support::{Server, read_answer, read_to_end};

fn ask(client: &mut TcpStream, target: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
}

fn assert_all_served(clients: &mut [TcpStream]) {
    clients.iter_mut().for_each(|client| ask(client, "/bytes/1"));
    for (index, client) in clients.iter_mut().enumerate() {
        assert!(read_answer(client).is_some(), "client {index} was forgotten");
    }
}

/// Each new client is at home with the worker that has the fewest: half of them with the one that is then held, for
/// longer than anybody here waits.
#[test]
fn clients_of_a_worker_that_is_held_are_served_by_another() {
    for target in ["/block/1h", "/cpu/1h"] {
        let server = Server::start("async-pool", &["--workers", "2", "--max-delay", "1h"]);
        let mut clients: Vec<_> = (0..16).map(|_| server.connect()).collect();
        assert_all_served(&mut clients);
        let mut held = server.connect();
        ask(&mut held, target);
        // Some move in with the other at the first request, and are at home there at the second.
        assert_all_served(&mut clients);
        assert_all_served(&mut clients);
        // Newcomers, whose worker may be the one that is held, and who only waits.
        server.assert_serves();
        server.assert_serves();
        ask(&mut clients[0], "/delay/50ms");
        assert!(read_answer(&mut clients[0]).is_some(), "who waits is not called again");
        held.set_nonblocking(true).unwrap();
        let early = held.peek(&mut [0]).map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock), "{target} held nobody");
    }
}

/// What was in the middle of something when its worker was held goes on there as well: an answer with waits in it, and
/// one that its client did not take all at once.
#[test]
fn what_waited_at_the_held_worker_goes_on_with_another() {
    let server = Server::start("async-pool", &["--workers", "2", "--max-delay", "1h"]);
    let asked = [("/drip?numbytes=8&duration=2s", 8), ("/bytes/20000000", 20_000_000)];
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let (target, _) = asked[index / 4];
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
    }
    let mut held = server.connect();
    ask(&mut held, "/block/1h");
    for (index, client) in clients.iter_mut().enumerate() {
        let ((target, length), answer) = (asked[index / 4], read_to_end(client));
        let head = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or_default();
        assert_eq!(answer.len(), head + 4 + length, "{target} was left in the middle");
    }
}
