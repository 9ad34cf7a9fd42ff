//! Requests for real: workloads with servers of our own, and an address as the subject.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::program::{Place, STRATEGIES};

const SERVERS: [&str; 6] =
    ["sequential", "threads", "thread-pool", "processes", "event-loop", "async-pool"];

/// A test server, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_with(place, &[])
    }

    pub(crate) fn start_with(place: &Place, options: &[&str]) -> Self {
        let port = if options.contains(&"--unix") { &[][..] } else { &["--port", "0"] };
        let words = [&["serve", "--delay", "1ms"], port, options].concat();
        let mut child = place.command(&words).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Both clients of both runtimes: the one that is waited for, and the one that is awaited.
const CLIENTS: &str = "threads,event-loop,python3/threads,python3/event-loop";

/// Every strategy, natively and in Python.
fn everywhere() -> String {
    format!("{},python3", STRATEGIES.join(","))
}

/// The runs of a saved comparison: model, run.
pub(crate) fn runs(place: &Place, line: &str) -> Vec<(String, Value)> {
    let output = place.run(&format!("{line} --runs 1 --warmup 0 --no-trace -q --save r.json"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{line}: {said}");
    let saved: Value = serde_json::from_str(&place.read("r.json")).unwrap();
    let contestants = saved["contestants"].as_array().unwrap().clone();
    let run = |one: Value| {
        let model = one["model"].as_str().unwrap().to_owned();
        (model, one["runs"][0].clone())
    };
    contestants.into_iter().map(run).collect()
}

fn failures(run: &Value) -> Vec<(String, u64)> {
    let failures = run["failures"].as_array().unwrap().iter();
    let one = |failure: &Value| {
        (failure["kind"].as_str().unwrap().to_owned(), failure["count"].as_u64().unwrap())
    };
    failures.map(one).collect()
}

#[test]
fn every_strategy_asks_every_kind_of_server() {
    let source = r#"
param "server" "threads"
server "site" strategy="$server" delay="1ms"
task "visit" count=12 {
    repeat 3 { http "GET" "$site/bytes/100000" }
    http "POST" "$site/echo"
    http "HEAD" "$site/"
    http "GET" "$site/stream/5"
    http "GET" "$site/"
}
expect failures=0
"#;
    let place = Place::new().file("work.kdl", source);
    let models = STRATEGIES.join(",");
    for server in SERVERS {
        let line = format!("compare work.kdl --set server={server} --models {models}");
        let runs = runs(&place, &line);
        assert_eq!(runs.len(), STRATEGIES.len());
        for (model, run) in runs {
            assert_eq!(run["tasks"]["done"], 12, "{model} of {server}: {run}");
            let used = &run["servers"][0];
            assert_eq!((&used["name"], &used["architecture"]), (&"site".into(), &server.into()));
            assert!(used["cpu_ns"]["known"].as_u64().unwrap() > 0, "{model} of {server}: {used}");
            assert!(used["grown_bytes"]["known"].as_u64().is_some(), "{model} of {server}: {used}");
        }
    }
}

#[test]
fn requests_fail_by_kind_under_every_model() {
    let place = Place::new();
    let server = Server::start(&place);
    let models = everywhere();
    for (url, kind) in [
        (format!("{}/status/404", server.address), "status-404"),
        (format!("{}/status/503", server.address), "status-503"),
        (format!("{}/delay/9s --request-timeout 100ms", server.address), "timeout"),
    ] {
        for (model, run) in runs(&place, &format!("compare {url} -c 3 -n 6 --models {models}")) {
            assert_eq!(failures(&run), [(kind.to_owned(), 6)], "{model} of {url}");
        }
    }
}

/// A server that goes away while it is asked; an address that nobody listens on is refused before.
#[test]
fn a_connection_that_is_refused_fails_the_request() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let source = format!("task \"visit\" count=6 {{ http \"GET\" \"{refused}\" }}\n");
    let place = Place::new().file("work.kdl", source);
    let models = everywhere();
    for (model, run) in runs(&place, &format!("compare work.kdl --models {models}")) {
        assert_eq!(failures(&run), [("refused".to_owned(), 6)], "{model}");
    }
}

/// Answers each connection with the next of these texts, and closes it.
fn foul(answers: &'static [&'static [u8]]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (connection, answer) in listener.incoming().zip(answers.iter().cycle()) {
            let Ok(mut connection) = connection else { return };
            // Whoever only looks whether somebody is there asks nothing.
            if matches!(connection.read(&mut [0; 4096]), Ok(1..)) {
                let _ = connection.write_all(answer);
            }
        }
    });
    url
}

#[test]
fn a_cut_answer_is_lost_and_nonsense_is_no_answer() {
    let place = Place::new();
    let fail_under = |models: &str, url: &str, kind: &str| {
        for (model, run) in runs(&place, &format!("compare {url} -c 2 -n 4 --models {models}")) {
            assert_eq!(failures(&run), [(kind.to_owned(), 4)], "{model} of {kind}");
        }
    };
    let fail = |url: &str, kind: &str| fail_under(CLIENTS, url, kind);
    let cut = foul(&[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]);
    fail_under(&everywhere(), &cut, "lost");
    fail(&foul(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"]), "lost");
    // The standard client of Python takes a head that was cut for a whole one.
    fail_under(&STRATEGIES.join(","), &foul(&[b"HTTP/1.1 200 OK\r\nContent-Le"]), "lost");
    fail(&foul(&[b""]), "lost");
    fail(&foul(&[b"220 mail.example ESMTP\r\n"]), "bad-answer");
    // And a length that is none for one that is missing.
    fail_under(
        &STRATEGIES.join(","),
        &foul(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhat?\r\n"]),
        "bad-answer",
    );
}

/// Who is never without something to read has his time all the same.
#[test]
fn an_answer_without_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                if matches!(connection.read(&mut [0; 4096]), Ok(1..)) {
                    let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                    while connection.write_all(&[b'x'; 1 << 17]).is_ok() {}
                }
            });
        }
    });
    let models = STRATEGIES.join(",");
    let line = format!("compare {url} -c 2 -n 2 --request-timeout 300ms --models {models}");
    for (model, run) in runs(&Place::new(), &line) {
        assert_eq!(failures(&run), [("timeout".to_owned(), 2)], "{model}: {run}");
    }
}

/// A server that promises to keep the connection, and closes it: GET is sent again on a new one
/// and, where the runner counts that, said so; POST is not.
#[test]
fn only_what_does_no_harm_is_sent_again() {
    let place = Place::new();
    let models = everywhere();
    let fickle = foul(&[b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]);
    for (model, run) in runs(&place, &format!("compare {fickle} -c 1 -n 4 --models {models}")) {
        assert_eq!(run["tasks"]["done"], 4, "{model}: {run}");
        let said = run["notes"].to_string().contains("3 requests were sent again");
        assert!(said || model.contains("python"), "{model}: {run}");
    }
    for (model, run) in
        runs(&place, &format!("compare {fickle} -X POST -c 1 -n 4 --models {models}"))
    {
        assert_eq!(failures(&run)[0].0, "lost", "{model}: {run}");
    }
}

#[test]
fn headers_and_body_arrive() {
    for models in ["threads,event-loop", "python3/threads,python3/event-loop"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x?y", listener.local_addr().unwrap());
        let (hear, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            'next: while let Ok((mut connection, _)) = listener.accept() {
                let mut text = Vec::new();
                while !text.ends_with(b"{\"a\": 1}") {
                    let mut piece = [0; 4096];
                    let count = connection.read(&mut piece).unwrap();
                    if count == 0 {
                        continue 'next;
                    }
                    text.extend_from_slice(&piece[..count]);
                }
                hear.send(String::from_utf8(text).unwrap()).unwrap();
                connection.write_all(b"HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        let place = Place::new();
        let words = [
            "compare",
            &url,
            "-c",
            "1",
            "-n",
            "1",
            "-H",
            "X-One: 1",
            "-d",
            "{\"a\": 1}",
            "--models",
            models,
            "--runs",
            "1",
            "--warmup",
            "0",
            "-q",
        ];
        let output = place.command(&words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // A disturbed round is repeated, so that there may be more.
        let heard: Vec<String> = heard.try_iter().collect();
        assert!(heard.len() >= 2, "{heard:?}");
        for heard in heard {
            assert!(heard.starts_with("POST /x?y HTTP/1.1\r\n"), "{heard}");
            assert!(heard.contains("X-One: 1\r\n"), "{heard}");
            assert!(heard.to_lowercase().contains("content-length: 8\r\n"), "{heard}");
        }
    }
}

#[test]
fn answers_are_counted_by_status_and_redirects_followed_where_that_was_asked() {
    let place = Place::new();
    let server = Server::start(&place);
    let counted = |models: &str, path: &str, options: &str| {
        let line =
            format!("compare {}{path} -c 3 -n 6 --models {models} {options}", server.address);
        let runs = runs(&place, &line);
        assert_eq!(runs.len(), if models == CLIENTS { 4 } else { STRATEGIES.len() + 6 });
        let answers = runs.iter().map(|(model, run)| (model.clone(), run["answers"].to_string()));
        (answers.collect::<Vec<_>>(), runs)
    };
    let all = everywhere();
    for (models, path, options, expected) in [
        (&*all, "/get", "--export-csv r.csv", "[[200,6]]"),
        (CLIENTS, "/redirect/3", "", "[[302,6]]"),
        (&all, "/redirect/3", "--follow", "[[200,6]]"),
        (CLIENTS, "/absolute-redirect/10", "--follow", "[[200,6]]"),
        (CLIENTS, "/redirect-to?url=/get&status_code=303", "--follow -d x", "[[200,6]]"),
        (CLIENTS, "/status/503", "--follow", "[[503,6]]"),
    ] {
        for (model, answers) in counted(models, path, options).0 {
            assert_eq!(answers, expected, "{model}: {path} {options}");
        }
    }
    assert!(place.read("r.csv").lines().skip(1).all(|line| line.ends_with(",200=6")));
    for (model, run) in counted(CLIENTS, "/redirect/11", "--follow").1 {
        assert_eq!(failures(&run), [("redirect".to_owned(), 6)], "{model}: {run}");
    }
    let line =
        format!("compare {}/redirect/3 -n 6 --models threads --runs 1 --warmup 0", server.address);
    let said = |more: &str| {
        let output = place.run(&format!("{line} {more}"));
        String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = said("");
    assert!(text.contains("6 of 6 answers only say where to ask instead (status 302)"), "{text}");
    assert!(text.contains("302×6"), "{text}");
    assert!(!said("--follow").contains("ask instead"));
}

#[test]
fn a_socket_of_the_machine_takes_the_place_of_host_and_port() {
    let place = Place::new();
    let socket = place.path("s.sock");
    for strategy in SERVERS {
        let listen = ["serve", "--unix", "s.sock", "--strategy", strategy, "--delay", "1ms"];
        let mut child = place.command(&listen).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("localhost at the socket s.sock"), "{strategy}: {line}");
        let second = place.run("serve --unix s.sock");
        let refused = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(refused.contains("another server listens there"), "{strategy}: {refused}");
        let models = if strategy == "threads" { everywhere() } else { "threads,event-loop".into() };
        let line =
            format!("compare http://localhost/get --unix s.sock -c 3 -n 6 --models {models}");
        for (model, run) in runs(&place, &line) {
            assert_eq!(run["answers"].to_string(), "[[200,6]]", "{model} of {strategy}: {run}");
        }
        let stop = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(stop.success() && child.wait().unwrap().success(), "{strategy}");
        assert!(!socket.exists(), "{strategy} left its socket");
    }
    // What a killed server left is in nobody's way, and a file is nobody's socket.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let mut child =
        place.command(&["serve", "--unix", "s.sock"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening"), "{line}");
    let place = place.file("file", "");
    for (path, reason) in [("file", "choose another --unix"), ("none/s", "its folder is not there")]
    {
        let output = place.run(&format!("serve --unix {path}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(reason) && output.status.code() == Some(2), "{path}: {said}");
    }
    let output = place.run("compare http://localhost/ --unix none.sock");
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no such socket"));
}

/// What one origin was to be told stays with it, and the other gets the rest.
#[test]
fn another_origin_is_not_told_who_asks() {
    let place = Place::new();
    let (first, second) = (Server::start(&place), listener_that_keeps_heads());
    for model in ["threads", "event-loop", "python3/threads", "python3/event-loop"] {
        let line = format!(
            "run {}/redirect-to?url={}/x -n 1 --follow -H Authorization:secret -H X-Own:1 -m {model}",
            first.address, second.address
        );
        let output = place.run(&line);
        assert!(output.status.success(), "{model}: {}", String::from_utf8_lossy(&output.stderr));
        let head = second.heads.recv().unwrap().to_ascii_lowercase();
        assert!(head.starts_with("get /x "), "{model}: {head}");
        assert!(head.contains("x-own: 1") && !head.contains("secret"), "{model}: {head}");
        assert!(head.contains(&format!("host: {}", &second.address[7..])), "{model}: {head}");
    }
}

struct Listener {
    address: String,
    heads: std::sync::mpsc::Receiver<String>,
}

/// A server that answers everything with nothing, and hands on what it was asked.
fn listener_that_keeps_heads() -> Listener {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let (sender, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap() > 0 {}
            if head.is_empty() {
                continue; // It only looked whether somebody is there.
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
            sender.send(head).unwrap();
        }
    });
    Listener { address, heads }
}

#[test]
fn steps_of_a_workload_say_what_an_address_can_say() {
    let source = r#"
server "api" delay="1ms"
task "order" count=3 {
    http "POST" "$api/anything" body="five" timeout="1h" {
        header "Content-Type" "text/plain"
    }
    http "GET" "$api/bearer" { header "Authorization" "Bearer token" }
    http "GET" "$api/redirect/2" follow=#true
}
task "slow" { http "GET" "$api/delay/9s" timeout="50ms" }
"#;
    let place = Place::new().file("work.kdl", source);
    for (model, run) in runs(&place, &format!("compare work.kdl --models {}", everywhere())) {
        assert_eq!(run["answers"].to_string(), "[[200,9]]", "{model}: {run}");
        assert_eq!(failures(&run), [("timeout".to_owned(), 1)], "{model}: {run}");
    }
    for (step, reason) in [
        (
            r#"http "GET" "http://a/" follow="yes""#,
            "whether redirects are followed is #true or #false",
        ),
        (r#"http "GET" "http://a/" timeout="soon""#, "soon"),
        (r#"http "GET" "http://a/" { header "a b" "c" }"#, "this is not a header of HTTP"),
        (r#"http "GET" "http://a/" { header "Content-Length" "5" }"#, "follows from the body"),
        (r#"http "GET" "http://a/" { field "a" "c" }"#, "unknown part of a request `field`"),
    ] {
        let place = Place::new().file("work.kdl", format!("task \"t\" {{ {step} }}"));
        let output = place.run("run work.kdl");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(reason) && output.status.code() == Some(2), "{step}: {said}");
    }
}

#[test]
fn an_open_loop_counts_from_the_arrival_and_shows_both() {
    let place = Place::new();
    let server = Server::start(&place);
    let line = format!(
        "compare {}/delay/20ms -c 1 -n 30 --rate 500/s --models event-loop,threads",
        server.address
    );
    for (model, run) in runs(&place, &line) {
        let (corrected, raw) = (&run["latency"]["known"], &run["requests"]);
        assert_eq!(corrected["from_arrival"], true, "{model}: {run}");
        // One at a time takes ten times as long as they take to arrive: most of it is waiting.
        assert!(
            corrected["p50_ns"].as_u64().unwrap() > 2 * raw["p50_ns"].as_u64().unwrap(),
            "{model}: {run}"
        );
    }
}

#[test]
fn an_open_loop_opens_connections_up_to_a_limit_and_says_when_it_meets_it() {
    // Fewer requests than the 32 processes that there are at most, so that no machine is slow enough to need more.
    let place = Place::new();
    let server = Server::start(&place);
    let line = |more: &str| {
        format!(
            "compare {}/delay/100ms -n 30 --rate 100/s --runs 1 --warmup 0 --no-trace {more}",
            server.address
        )
    };
    let said = |more: &str| {
        let output = place.run(&line(more));
        String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let models = "--models threads,processes,event-loop,python3/threads";
    let text = said(&format!("-c 2 {models}"));
    assert_eq!(text.matches("all 2 connections were busy").count(), 4, "{text}");
    let text = said(&format!("--models sequential,{}", &models[9..]));
    assert_eq!(
        text.matches("connection was busy").count(),
        1,
        "only the one that cannot have more: {text}"
    );
    assert!(!text.contains("connections were busy"), "{text}");
}

/// As many requests as a time allows, whose number nobody knows before.
#[test]
fn requests_for_a_time_are_compared_by_how_many_they_were() {
    let place = Place::new();
    let server = Server::start(&place);
    let models = everywhere();
    let line =
        format!("compare {}/bytes/13 -c 2 --duration 300ms --models {models}", server.address);
    let found = runs(&place, &line);
    assert_eq!(found.len(), STRATEGIES.len() + 6);
    for (model, run) in &found {
        assert_eq!(run["end"]["time-up"]["wanted_ns"], 300_000_000, "{model}: {run}");
        assert_eq!(run["tasks"]["not_run"], 0, "{model}: {run}");
    }
    // One that got no processor in that time did nothing, and is not ranked for it.
    let did = |(_, run): &&(String, Value)| run["tasks"]["done"].as_u64().unwrap() > 0;
    let did = found.iter().filter(did).count();
    let saved: Value = serde_json::from_str(&place.read("r.json")).unwrap();
    let contestants = saved["contestants"].as_array().unwrap();
    for rank in saved["ranking"].as_array().unwrap() {
        let one = &contestants[rank["contestant"].as_u64().unwrap() as usize];
        let summary = &one["summary"];
        let (each, rate) = (summary["work_ns"].as_f64().unwrap(), summary["throughput"].as_f64());
        // The median of two or more rounds is not the inverse of that of their rates.
        if one["runs"].as_array().unwrap().len() == 1 {
            assert!((each * rate.unwrap() / 1e9 - 1.0).abs() < 0.01, "{one}");
        }
    }
    assert_eq!(saved["ranking"].as_array().unwrap().len(), did);
}

/// Every strategy, natively and in Python, over TLS: with the authority, with none, and without asking.
#[test]
fn https_is_asked_by_every_strategy() {
    let place = Place::new().file("body.json", "{\"a\": 1}");
    let server = Server::start_with(&place, &["--tls", "--save-cert", "c.pem"]);
    let line_of = |models: &str| {
        format!("compare {}/post -d @body.json -c 2 -n 6 --models {models}", server.address)
    };
    let (all, line) = (line_of(&everywhere()), line_of(CLIENTS));
    assert!(server.address.starts_with("https://"), "{}", server.address);
    for (line, trusting) in
        [(&all, "--cacert c.pem"), (&line, "--insecure"), (&line, "-k --disable-keepalive")]
    {
        for (model, run) in runs(&place, &format!("{line} {trusting}")) {
            assert_eq!(
                (&run["tasks"]["done"], failures(&run)),
                (&6.into(), Vec::new()),
                "{model} {trusting}: {run}"
            );
        }
    }
    for (model, run) in runs(&place, &all) {
        assert_eq!(failures(&run), [("connect".to_owned(), 6)], "{model}: {run}");
    }
    // Each speaks what the other does not.
    let plain = line.replace("https://", "http://");
    for (model, run) in runs(&place, &plain) {
        assert_eq!(failures(&run), [("status-400".to_owned(), 6)], "{model}: {run}");
    }
    let without = Server::start(&place);
    let secure = line.replace(&server.address, &without.address.replace("http://", "https://"));
    for (model, run) in runs(&place, &format!("{secure} -k")) {
        assert_eq!(failures(&run), [("connect".to_owned(), 6)], "{model}: {run}");
    }
}

#[test]
fn addresses_that_cannot_be_asked_are_refused_before_anything_is_started() {
    let place = Place::new().file("work.kdl", "task \"t\" { wait \"1ms\" }\n");
    for (line, reason) in [
        ("compare http://localhost/ --insecure", "--insecure says whom to trust over https"),
        ("compare https://localhost/ --cacert none.pem", "--cacert none.pem cannot be read"),
        ("compare https://localhost/ -k --cacert c", "omit one of them"),
        ("compare http://localhost/ -d @none", "there is no such file"),
        ("compare ftp://localhost/", "unknown scheme `ftp`"),
        ("compare http:///x", "it names no host"),
        ("compare http://localhost:0/", "`0` is not a port"),
        ("compare http://nobody.invalid/", "the host `nobody.invalid` cannot be resolved"),
        ("compare http://localhost/ -c 0", "0 is not in 1..=65536"),
        ("compare http://localhost/ -n 0", "0 is not in 1..=1000000"),
        ("compare http://localhost/ --rate 0", "a rate lies between"),
        ("compare http://127.0.0.1:1/ -n 5", "nobody listens on 127.0.0.1:1: connection refused"),
        ("run http://127.0.0.1:1/ -n 5", "start the server, or check host and port"),
        ("compare localhost:8080/x", "as in http://localhost:8080/x"),
        ("compare HTTP://127.0.0.1:1/", "nobody listens"),
        ("compare http://localhost/ -X get", "write GET"),
        ("compare http://localhost/ -X A/B", "not a method of HTTP"),
        ("compare http://localhost/ -X CONNECT", "a tunnel"),
        ("compare http://localhost/ -X TRACE -d x", "has no body"),
        ("compare http://localhost/ -H a\u{7f}b:1", "not a header of HTTP"),
        ("compare -c 5 -- true", "--connections says how an address is asked"),
        ("compare http://localhost/ --duration 1s -n 5", "cannot be used with"),
        ("compare http://localhost/ --duration 5m", "is not less than the --timeout"),
        (
            "compare http://localhost/ --duration 1h --timeout 2h --rate 5000",
            "are the most of a round",
        ),
        ("compare http://localhost/ -H nothing", "write NAME: VALUE"),
        ("compare http://localhost/ -H Content-Length:5", "follows from the body"),
        ("compare http://localhost/ --count 5", "given by -n"),
        ("compare work.kdl -c 5", "--connections says how an address is asked"),
    ] {
        let output = place.run(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains(reason), "{line}: {said}");
    }
}
