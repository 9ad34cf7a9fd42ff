//! The same over TLS: every strategy, clients of others, and no request lost when workers come and go.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{LOAD, OWN, PATIENCE, Server, connect, each, workers};

/// A file of its own for each server.
fn certificate_of(strategy: &str, test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("maitred-{test}-{strategy}-{}.pem", std::process::id()))
}

fn start(strategy: &str, test: &str, options: &[&str]) -> (Server, PathBuf) {
    let path = certificate_of(strategy, test);
    let tls = ["--tls", path.to_str().unwrap()];
    (Server::start(strategy, &[&tls[..], options].concat()), path)
}

fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

fn open(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<Secure> {
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::clone(config), name).unwrap();
    Ok(StreamOwned::new(session, connect(address)?))
}

/// One answer with a Content-Length.
fn ask(stream: &mut Secure, target: &str) -> std::io::Result<String> {
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let (mut all, mut room) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.map_or(0, |digits| digits.parse().unwrap()) {
                return Ok(text);
            }
        }
        match stream.read(&mut room)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => all.extend_from_slice(&room[..read]),
        }
    }
}

const CLIENT: &str = r#"
import http.client, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
connection = http.client.HTTPSConnection("localhost", int(sys.argv[1]), timeout=3600, context=context)
def ask(*request, **options):
    connection.request(*request, **options)
    answer = connection.getresponse()
    return answer.status, answer.read()
for n in range(20):
    assert ask("GET", f"/bytes/{n}")[1] == (b"Hello, World!" * 3)[:n], n
first = connection.sock
large = b"x" * 900_000
assert ask("POST", "/echo", large) == (200, large)
assert len(ask("GET", "/bytes/5000000")[1]) == 5_000_000
assert ask("GET", "/stream/3")[1].count(b"\n") == 3
assert b'"url": "https://localhost:' in ask("GET", "/get")[1]
assert ask("GET", "/drip?numbytes=3&duration=0.1")[1] == b"***"
assert connection.sock is first, "it had to connect again"
"#;

#[test]
fn the_client_of_python_trusts_the_certificate_and_finds_everything() {
    each(|strategy| {
        let (server, certificate) = start(strategy, "python", &[]);
        let port = server.address.port().to_string();
        let python = Command::new("python3").args(["-c", CLIENT, &port]).arg(&certificate).output();
        let python = python.unwrap();
        assert!(python.status.success(), "{strategy}: {}", String::from_utf8_lossy(&python.stderr));
        std::fs::remove_file(certificate).unwrap();
    });
}

#[test]
fn pipelined_requests_and_cut_records_are_answered_in_order() {
    each(|strategy| {
        let (server, certificate) = start(strategy, "pipelined", &[]);
        let mut stream = open(server.address, &trusting(&certificate)).unwrap();
        for length in 0..50 {
            let close = if length == 49 { "Connection: close\r\n" } else { "" };
            write!(stream, "GET /bytes/{length} HTTP/1.1\r\nHost: a\r\n{close}\r\n").unwrap();
        }
        let mut all = String::new();
        stream.read_to_string(&mut all).expect("it ends with the word for the end");
        let lengths: Vec<usize> = all
            .lines()
            .filter_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
            .collect();
        assert_eq!(lengths, (0..50).collect::<Vec<_>>(), "{strategy}");
        std::fs::remove_file(certificate).unwrap();
    });
}

#[test]
fn a_client_without_tls_is_told_so_in_its_own_words() {
    each(|strategy| {
        let (server, certificate) = start(strategy, "plain", &[]);
        let answer = server.talk(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 400 "), "{strategy}: {text:?}");
        assert!(
            text.ends_with("this port speaks TLS: write https:// instead of http://\n"),
            "{strategy}: {text:?}"
        );
        // Neither HTTP nor TLS: it is cut, and others are served.
        let _ = server.talk(b"\0\x01\x02\x03 what is this?");
        let mut stream = open(server.address, &trusting(&certificate)).unwrap();
        assert!(ask(&mut stream, "/bytes/13").unwrap().ends_with("Hello, World!"), "{strategy}");
        std::fs::remove_file(certificate).unwrap();
    });
}

/// Clients over TLS, half of them with a handshake for each request.
struct Load {
    answered: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<()>>,
}

impl Load {
    fn start(address: SocketAddr, certificate: &Path, count: usize) -> Self {
        let (answered, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (stop, config) = (Arc::new(AtomicBool::new(false)), trusting(certificate));
        let client = |index: usize| {
            let (answered, lost) = (Arc::clone(&answered), Arc::clone(&lost));
            let (stop, config) = (Arc::clone(&stop), Arc::clone(&config));
            thread::spawn(move || {
                let mut kept = None;
                while !stop.load(Relaxed) {
                    let Ok(mut stream) = kept.take().map_or_else(|| open(address, &config), Ok)
                    else {
                        return;
                    };
                    match ask(&mut stream, "/bytes/13") {
                        Ok(answer) => {
                            answered.fetch_add(1, Relaxed);
                            if index.is_multiple_of(2)
                                && !answer.contains("\r\nConnection: close\r\n")
                            {
                                kept = Some(stream);
                            }
                        }
                        // Refused within the handshake: no request was sent.
                        Err(_) if stream.conn.is_handshaking() => {}
                        Err(_) => drop(lost.fetch_add(1, Relaxed)),
                    }
                }
            })
        };
        let clients = (0..count).map(client).collect();
        Self { answered, lost, stop, clients }
    }

    fn reach(&self, more: u64) {
        let wanted = self.answered.load(Relaxed) + more;
        let end = std::time::Instant::now() + PATIENCE * 2;
        while self.answered.load(Relaxed) < wanted {
            assert!(std::time::Instant::now() < end, "the load made no progress");
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Waits until the clients have stopped, by themselves or told to. How many requests were lost.
    fn join(self) -> u64 {
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        self.lost.load(Relaxed)
    }
}

#[test]
fn a_stop_under_load_loses_no_request() {
    for strategy in OWN {
        let two = workers(strategy, &["--workers", "2"]);
        let (mut server, certificate) = start(strategy, "stop", &[&LOAD[..], two].concat());
        let load = Load::start(server.address, &certificate, 8);
        load.reach(200);
        server.signal("-TERM");
        assert_eq!(load.join(), 0, "{strategy} lost requests");
        assert!(server.ended_well(), "{strategy} did not end well");
        std::fs::remove_file(certificate).unwrap();
    }
}

#[test]
fn workers_that_retire_or_are_renewed_lose_no_request() {
    let options = ["--workers", "2", "--max-requests", "60", "--max-requests-jitter", "20"];
    let (mut server, certificate) = start("processes", "retire", &[&LOAD[..], &options].concat());
    let load = Load::start(server.address, &certificate, 8);
    load.reach(600);
    server.signal("-HUP");
    load.reach(600);
    load.stop.store(true, Relaxed);
    assert_eq!(load.join(), 0, "requests were lost: {:?}", server.said());
    server.signal("-TERM");
    let said = server.all_said();
    let left = |why: &str| said.iter().filter(|line| line.contains(why)).count();
    assert!(left("number of requests") >= 8, "{said:?}");
    assert!(!said.iter().any(|line| line.contains("hung")), "{said:?}");
    std::fs::remove_file(certificate).unwrap();
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_with_the_reason() {
    let folder = std::env::temp_dir().join(format!("maitred-identity-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for name in ["one", "other"] {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(file(&format!("{name}.pem")), made.cert.pem()).unwrap();
        std::fs::write(file(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
    }
    std::fs::write(file("empty"), "").unwrap();
    let refused = |identity: &str, strategy: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_maitred-server-dev"))
            .args(["--strategy", strategy, "--port", "0", "--identity", identity])
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let (one, key, other) = (file("one.pem"), file("one.key"), file("other.key"));
    let text = refused(&format!("{one},{other}"), "threads");
    assert!(text.contains("does not belong to the certificate"), "{text}");
    let text = refused(&format!("{one},{}", file("none")), "threads");
    assert!(text.contains("none cannot be read"), "{text}");
    let text = refused(&format!("{},{key}", file("empty")), "threads");
    assert!(text.contains("there is no certificate in it"), "{text}");
    let text = refused(&format!("{one},{}", file("empty")), "threads");
    assert!(text.contains("there is no private key in it"), "{text}");
    let text = refused(&format!("{one},{key}"), "hyper");
    assert!(text.contains("speaks no TLS"), "{text}");
    let server = Server::start("processes", &["--identity", &format!("{one},{key}")]);
    let mut stream = open(server.address, &trusting(Path::new(&one))).unwrap();
    assert!(ask(&mut stream, "/bytes/1").unwrap().ends_with('H'));
    std::fs::remove_dir_all(folder).unwrap();
}
