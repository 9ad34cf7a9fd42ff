//! A stop loses nothing, in every strategy.

use std::sync::atomic::Ordering::Relaxed;

use crate::support::{Load, Manner, OWN, Server};

#[test]
fn sigterm_under_load_loses_no_request() {
    for strategy in OWN {
        let mut server = Server::start(strategy, &["--workers", "2"]);
        let clients = [(Manner::Reconnect, 8), (Manner::KeepAlive, 8)];
        let load = Load::start(server.address, "/bytes/13", &clients);
        load.reach(300);
        server.signal("-TERM");
        let tally = load.join();
        assert!(server.ended_well(), "{strategy} did not end");
        server.wait_for_line("nothing was cut off");
        assert_eq!(tally.lost.load(Relaxed), 0, "{strategy} lost requests: {tally:?}");
        assert_eq!(tally.failed.load(Relaxed), 0, "{strategy}: {tally:?}");
    }
}

#[test]
fn sigterm_waits_for_slow_requests_and_sigint_does_not() {
    for strategy in OWN {
        let mut server = Server::start(strategy, &[]);
        let load = Load::start(server.address, "/delay/400ms", &[(Manner::Reconnect, 1)]);
        std::thread::sleep(std::time::Duration::from_millis(150));
        server.signal("-TERM");
        let tally = load.join();
        assert!(server.ended_well(), "{strategy} did not end");
        assert_eq!(tally.lost.load(Relaxed), 0, "{strategy}: {tally:?}");
        assert!(tally.answered.load(Relaxed) > 0, "{strategy}: {tally:?}");

        let mut server = Server::start(strategy, &[]);
        let address = server.address;
        let waiting = std::thread::spawn(move || crate::support::get(address, "/delay/5s"));
        std::thread::sleep(std::time::Duration::from_millis(150));
        server.signal("-INT");
        assert!(server.ended().is_some(), "{strategy} did not stop");
        assert!(!waiting.join().unwrap().contains("waited"), "{strategy} waited");
    }
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
