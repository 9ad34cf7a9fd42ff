//! All strategies give the same bytes for the same bytes, and hyper agrees on what they mean.

use std::io::Write as _;
use std::time::Duration;

use crate::support::{OWN, Server, read_to_end, without_date};

/// Conversations, each on a connection of its own, with the status of the last answer.
const CONVERSATIONS: &[(&str, u16)] = &[
    ("GET /bytes/13 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /bytes/200000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("HEAD /bytes/13 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /delay/20ms HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /delay/0.01 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /delay/soon HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
    ("GET /delay/100000s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
    ("GET /block/5ms HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /cpu/5ms HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /stream/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("HEAD /stream/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /stream/0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /drip?numbytes=3&duration=0.03 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /status/204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204),
    ("GET /status/304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 304),
    ("GET /status/418 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 418),
    ("GET /status/999 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
    ("GET /headers HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-y: z\r\n\r\n", 200),
    ("GET /flaky?rate=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 503),
    ("GET /flaky?rate=0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /leak/10kB HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /workers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    ("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    ("GET /echo/more HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    ("DELETE /bytes/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204),
    ("OPTIONS /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 204),
    ("GET http://a/bytes/2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /bytes/2 HTTP/1.0\r\n\r\n", 200),
    ("GET /stream/2 HTTP/1.0\r\n\r\n", 200),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 200),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
         3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
        200,
    ),
    // Pipelining: the second request follows a body and is answered after it.
    (
        "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\
         GET /bytes/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        200,
    ),
    // What nobody wants is read all the same, and not taken for a request.
    (
        "POST /status/200 HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\nGET /crash HTTP/1\
         GET /bytes/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        200,
    ),
];

/// Conversations that only the strict layer refuses as it should, so hyper is not asked.
const STRICT: &[(&str, u16)] = &[
    ("GET /bytes/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /nope HTTP/1.0\r\n\r\n", 404),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("POST /echo HTTP/1.0\r\n\r\n", 411),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 7\r\n\r\nabc", 417),
    ("GET /\r\n\r\n", 400),
];

fn last_status(answer: &str) -> Option<u16> {
    // A body may end without a line break before the next answer.
    answer.rsplit_once("HTTP/1.").and_then(|(_, rest)| rest.get(2..5)?.parse().ok())
}

#[test]
fn every_strategy_gives_the_same_bytes() {
    let servers: Vec<_> =
        OWN.iter().map(|strategy| (strategy, Server::start(strategy, &[]))).collect();
    for (request, status) in CONVERSATIONS.iter().chain(STRICT) {
        let answers: Vec<_> = servers
            .iter()
            .map(|(strategy, server)| (strategy, without_date(&server.talk(request.as_bytes()))))
            .collect();
        assert_eq!(last_status(&answers[0].1), Some(*status), "{request:?}: {:?}", answers[0].1);
        for (strategy, answer) in &answers[1..] {
            assert_eq!(*answer, answers[0].1, "{strategy} differs on {request:?}");
        }
    }
}

/// The content of the last answer, chunks joined. hyper may frame differently.
fn content(answer: &str) -> String {
    let start = answer.rfind("HTTP/1.").unwrap_or(0);
    let (head, body) = answer[start..].split_once("\r\n\r\n").unwrap_or(("", ""));
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.into();
    }
    // Every second line is a size.
    body.split("\r\n").skip(1).step_by(2).collect()
}

#[test]
fn hyper_agrees_on_status_and_content() {
    let (ours, hyper) = (Server::start("event-loop", &[]), Server::start("hyper", &[]));
    for (request, status) in CONVERSATIONS {
        let ours = without_date(&ours.talk(request.as_bytes()));
        let theirs = without_date(&hyper.talk(request.as_bytes()));
        assert_eq!(last_status(&theirs), Some(*status), "{request:?}: {theirs:?}");
        assert_eq!(content(&theirs), content(&ours), "{request:?}");
    }
}

#[test]
fn a_request_in_two_packets_is_one_request() {
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        let request = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                        Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for cut in (1..request.len()).step_by(7) {
            let mut stream = server.connect();
            stream.set_nodelay(true).unwrap();
            stream.write_all(&request[..cut]).unwrap();
            std::thread::sleep(Duration::from_millis(1));
            stream.write_all(&request[cut..]).unwrap();
            let answer = String::from_utf8(read_to_end(&mut stream)).unwrap();
            assert!(answer.ends_with("\r\n\r\nhello"), "{strategy}, cut at {cut}: {answer:?}");
        }
    }
}

#[test]
fn a_client_that_expects_it_is_told_to_continue() {
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        let mut stream = server.connect();
        let head =
            b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n\
                     Content-Length: 2\r\n\r\n";
        stream.write_all(head).unwrap();
        let interim = crate::support::read_answer(&mut stream).expect("an interim answer");
        assert_eq!(interim, "HTTP/1.1 100 Continue\r\n\r\n", "{strategy}");
        stream.write_all(b"ok").unwrap();
        assert!(read_to_end(&mut stream).ends_with(b"\r\n\r\nok"), "{strategy}");
    }
}

#[test]
fn a_client_that_stops_sending_is_still_answered() {
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        let mut stream = server.connect();
        stream.write_all(b"GET /delay/50ms HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = String::from_utf8(read_to_end(&mut stream)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{strategy}: {answer:?}");
    }
}

/// Whatever the server says of itself must not mix with the records, which a program reads.
#[test]
fn standard_output_holds_a_record_for_each_request_and_nothing_else() {
    for strategy in OWN {
        let name = format!("maitred-out-{strategy}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let output = std::fs::File::create(&path).unwrap();
        let mut server = Server::start_into(strategy, output, &["--json", "-"]);
        for _ in 0..3 {
            server.assert_serves();
        }
        server.signal("-TERM");
        assert!(server.ended_well(), "{strategy}");
        server.wait_for_line("nothing was cut off");
        let log = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let targets: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["target"].take())
            .collect();
        assert_eq!(targets, ["/bytes/13"; 3], "{strategy}: {log}");
    }
}

#[test]
fn what_is_above_a_limit_is_told_the_limit() {
    for strategy in OWN.into_iter().chain(["hyper"]) {
        let server = Server::start(strategy, &["--max-body", "10", "--max-delay", "100ms"]);
        let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                       Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n";
        let answer = String::from_utf8(server.talk(chunked.as_bytes())).unwrap();
        assert!(answer.contains(" 413 "), "{strategy}: {answer}");
        assert!(answer.contains("at most 10 bytes here, see --max-body"), "{strategy}: {answer}");
        let within = chunked.replace("b\r\nhello world", "a\r\nhello worl");
        assert!(server.talk(within.as_bytes()).ends_with(b"hello worl") || strategy == "hyper");
        let answer = server.get("/delay/2");
        assert!(answer.contains(" 400 ") && answer.contains("--max-delay"), "{strategy}: {answer}");
        assert!(server.get("/delay/1ms").contains(" 200 "), "{strategy}");
        // By default these take longer: who asks for no time is given what is allowed.
        for path in ["/drip?numbytes=2", "/sse?count=2"] {
            assert!(server.get(path).contains(" 200 "), "{strategy}: {path}");
            let longer = server.get(&format!("{path}&duration=2"));
            assert!(longer.contains(" 400 "), "{strategy}: {path}: {longer}");
        }
    }
}

#[test]
fn the_index_lists_every_endpoint_and_the_log_every_request() {
    let path = std::env::temp_dir().join(format!("maitred-log-{}", std::process::id()));
    let server = Server::start("event-loop", &["--json", path.to_str().unwrap()]);
    let page =
        server.talk(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    let page = String::from_utf8(page).unwrap();
    for endpoint in maitred_server::ENDPOINTS {
        assert!(page.contains(&format!("<code>{}{}<", endpoint.path, endpoint.argument)));
    }
    let metrics = server.get("/metrics");
    assert!(metrics.contains("maitred_requests_total{status=\"2xx\"} 1\n"), "{metrics}");
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["target"], &lines[1]["status"]), (&"/metrics".into(), &200.into()));
}
