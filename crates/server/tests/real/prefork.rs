//! What pre-fork promises: workers come and go, and clients do not notice.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::support::{Load, Manner, PATIENCE, Server, kill, read_answer};

const CLIENTS: [(Manner, usize); 2] = [(Manner::KeepAlive, 8), (Manner::Reconnect, 4)];

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never happened that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn start(options: &[&str]) -> Server {
    let always = ["--workers", "2", "--admin-port", "0"];
    Server::start("processes", &[&always[..], options].concat())
}

#[test]
fn recycling_loses_no_request() {
    let server = start(&["--max-requests", "100", "--max-requests-jitter", "20"]);
    let load = Load::start(server.address, "/bytes/13", &CLIENTS);
    load.reach(5_000);
    eventually("as many workers serve as are wanted", || server.worker_pids().len() == 2);
    let tally = load.stop();
    tally.assert_nothing_lost("processes");
    server.wait_for_lines("number of requests", 20);
}

#[test]
fn memory_stays_below_the_limit_and_no_request_fails() {
    const LIMIT: u64 = 24_000_000;
    const LEAK: u64 = 1_000_000;
    let server = start(&["--max-memory", &LIMIT.to_string()]);
    let load = Load::start(server.address, &format!("/leak/{LEAK}"), &[(Manner::KeepAlive, 4)]);
    load.reach(200);
    let tally = load.stop();
    tally.assert_nothing_lost("processes");
    let workers = server.workers();
    let left = workers["left"].as_array().unwrap();
    assert!(left.len() > 2, "{workers}");
    for worker in left {
        let resident = worker["resident_bytes"].as_u64().unwrap();
        assert!(worker["why"].as_str().unwrap().contains("memory"), "{worker}");
        // One request, and what the allocator and the connections need beside it. The kernel may have taken
        // pages of the program back since it asked to leave.
        let expected = LIMIT - 5 * LEAK..LIMIT + LEAK + 500_000;
        assert!(expected.contains(&resident), "{worker}");
    }
}

#[test]
fn killed_workers_are_replaced_and_cost_only_their_own_connections() {
    let server = start(&[]);
    eventually("two workers serve", || server.worker_pids().len() == 2);
    let load = Load::start(server.address, "/bytes/13", &CLIENTS);
    let mut killed = 0;
    for _ in 0..5 {
        load.reach(load.tally.answered.load(Relaxed) + 200);
        let victim = *server.worker_pids().first().expect("somebody serves");
        kill("-KILL", victim);
        killed += 1;
        eventually("a killed worker is replaced", || {
            let pids = server.worker_pids();
            pids.len() == 2 && !pids.contains(&victim)
        });
    }
    let tally = load.stop();
    let held: u64 = 12;
    assert!(tally.lost.load(Relaxed) <= held * killed, "{tally:?}");
    assert_eq!(tally.failed.load(Relaxed), 0, "{tally:?}");
    server.wait_for_line("was ended by signal 9");
}

#[test]
fn a_crash_takes_one_worker_and_a_hang_is_ended() {
    // A good one may be kept from a processor for seconds.
    let server = start(&["--worker-timeout", "8s"]);
    assert!(!server.get("/crash").contains("HTTP/1.1"));
    server.wait_for_line("was ended by signal 6");
    server.assert_serves();
    assert!(!server.get("/block/60s").contains("blocked"));
    server.wait_for_line("hung and was killed");
    server.assert_serves();
}

#[test]
fn renewal_replaces_every_worker_and_loses_no_request() {
    let server = start(&[]);
    eventually("two workers serve", || server.worker_pids().len() == 2);
    let before = server.worker_pids();
    let load = Load::start(server.address, "/bytes/13", &CLIENTS);
    load.reach(200);
    server.signal("-HUP");
    eventually("all workers are new", || {
        let now = server.worker_pids();
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    });
    let tally = load.stop();
    tally.assert_nothing_lost("processes");
}

#[test]
fn a_worker_that_is_late_to_get_a_processor_cuts_nobody_off() {
    let mut server = start(&["--graceful-timeout", "100ms", "--drain-idle", "3600s"]);
    let _idle = clients(&server, 4);
    let workers = server.worker_pids();
    workers.iter().for_each(|&pid| kill("-STOP", pid));
    server.signal("-TERM");
    // Longer than a worker has that gets one.
    std::thread::sleep(Duration::from_secs(2));
    workers.iter().for_each(|&pid| kill("-CONT", pid));
    let ended = server.ended().expect("it ends");
    assert!(ended.success(), "{ended}: {:?}", server.said());
}

#[test]
fn idle_connections_outlive_the_worker_that_accepted_them() {
    let server = start(&["--max-requests", "10"]);
    let mut idle = server.connect();
    let request = b"GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..5 {
        idle.write_all(request).unwrap();
        assert!(read_answer(&mut idle).is_some());
        for _ in 0..30 {
            server.assert_serves();
        }
    }
    server.wait_for_lines("number of requests", 6);
}

#[test]
fn no_worker_outlives_its_master() {
    let server = start(&[]);
    eventually("two workers serve", || server.worker_pids().len() == 2);
    let workers = server.worker_pids();
    server.signal("-KILL");
    eventually("the workers are gone", || {
        // A zombie that nobody reaped yet has no command line.
        let lives = |pid: &i32| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
        };
        !workers.iter().any(lives)
    });
}

#[test]
fn workers_that_die_at_once_are_not_restarted_for_ever() {
    // Every worker is above this limit of memory from its first request on, but they die by the
    // signal of somebody else: kill each new one before it has served anything.
    let server = start(&[]);
    let end = Instant::now() + PATIENCE;
    loop {
        for pid in server.worker_pids() {
            kill("-KILL", pid);
        }
        if server.said().iter().any(|line| line.contains("die at once")) {
            break;
        }
        assert!(Instant::now() < end, "the master never backed off");
    }
    eventually("it recovers", || server.worker_pids().len() == 2);
    server.assert_serves();
}

#[test]
fn options_about_workers_are_refused_where_there_are_none() {
    for option in ["--admin-port", "--max-requests", "--max-memory"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_maitred-server-dev"))
            .args(["--strategy", "threads", "--port", "0", option, "1000"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(option) && text.contains("`threads` has none"), "{text}");
        assert!(!output.status.success());
    }
}

#[test]
fn a_number_of_workers_is_refused_where_it_means_nothing() {
    for strategy in ["sequential", "threads", "event-loop"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_maitred-server-dev"))
            .args(["--strategy", strategy, "--port", "0", "--workers", "2"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains(&format!(
                "--workers says how many threads or processes serve, and `{strategy}`"
            )),
            "{text}"
        );
        assert!(!output.status.success());
    }
    for strategy in ["thread-pool", "processes", "async-pool", "hyper"] {
        Server::start(strategy, &["--workers", "2"]).assert_serves();
    }
}

/// So many clients that were answered and stay.
fn clients(server: &Server, count: usize) -> Vec<TcpStream> {
    let request = b"GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut clients: Vec<_> = (0..count).map(|_| server.connect_saying(request)).collect();
    assert!(clients.iter_mut().all(|client| read_answer(client).is_some()));
    clients
}

/// Each worker that leaves gives its connections to the one that has the fewest, here however late that one gets a
/// processor. Where nobody cares for shares, one has nearly all in eight of ten looks.
#[test]
fn renewed_workers_have_their_share_of_the_connections() {
    let options = ["--workers", "4", "--admin-port", "0", "--courtesy", "3600s"];
    let server = Server::start("processes", &options);
    eventually("four workers serve", || server.worker_pids().len() == 4);
    let clients = clients(&server, 16);
    for _ in 0..3 {
        let before = server.worker_pids();
        server.signal("-HUP");
        eventually("all workers are new and have them all", || {
            let now = server.worker_pids();
            let is_new = now.len() == 4 && now.iter().all(|pid| !before.contains(pid));
            is_new && connections(&server).iter().sum::<u64>() == 16
        });
        assert_eq!(connections(&server), [4; 4]);
    }
    drop(clients);
}

/// The connections of each worker that serves.
fn connections(server: &Server) -> Vec<u64> {
    let workers = server.workers();
    let ready = workers["workers"].as_array().unwrap().iter().filter(|it| it["stage"] == "ready");
    ready.map(|worker| worker["connections"].as_u64().unwrap()).collect()
}

/// A worker that gets no processor leaves its share to the others after a moment, as it should: so of nine servers most
/// must show it. Half of the connections would be 30; all of one worker's was how it was.
#[test]
fn every_worker_gets_its_share_of_the_connections() {
    let shares = || {
        let server = start(&[]);
        eventually("two workers serve", || server.worker_pids().len() == 2);
        let _clients = clients(&server, 60);
        let workers = server.workers();
        let is_known =
            |worker: &serde_json::Value| worker["resident_bytes"].as_u64() > Some(100_000);
        assert!(workers["workers"].as_array().unwrap().iter().all(is_known), "{workers}");
        connections(&server)
    };
    let seen: Vec<_> = (0..9).map(|_| shares()).collect();
    let count = seen.iter().filter(|shares| shares.iter().all(|share| *share >= 10)).count();
    assert!(count >= 5, "equal shares in {count} of nine: {seen:?}");
}
