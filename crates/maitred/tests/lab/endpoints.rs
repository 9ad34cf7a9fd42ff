//! `maitred serve` as a browser sees it: every endpoint, asked by a page of the server's own, over http and
//! https. What is asked is shared with the other clients (`bench/http/clients`); what only a browser does is in
//! `endpoints.js`. `MAITRED_EVERY_STRATEGY=1` asks all six.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use maitred_server::ENDPOINTS;
use serde_json::{Value, json};

use crate::devtools::Browser;
use crate::story::browser;

const ASKED: &str = include_str!("../../../../bench/http/endpoints.json");
const LOOK: &str = include_str!("endpoints.js");
/// Not asked with the others: the script asks it by kind; and it would end the process.
const APART: [&str; 2] = ["/fault", "/crash"];

/// The program, serving; it ends with this value.
struct Served {
    child: Child,
    port: u16,
    /// What it tells later: it would end if nobody heard it.
    _said: BufReader<std::process::ChildStderr>,
}

impl Served {
    fn start(strategy: &str, scheme: &str, log: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maitred"));
        command.args(["serve", "--port", "0", "--delay", "0", "--strategy", strategy, "--json"]);
        command.arg(log).args((scheme == "https").then_some("--tls")).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it does not say where it listens");
            let address = line.split_once(&format!("{scheme}://127.0.0.1:"));
            let digits = address.map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit));
            if let Some(digits) = digits {
                break digits.collect::<String>().parse().unwrap();
            }
        };
        Self { child, port, _said: said }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A signal that it heeds: killed, it would leave its workers without a word.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

/// The statuses with which a target was answered, by the access log.
fn answered(log: &Path, target: &str) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"] == target).map(|line| line["status"].clone()).collect()
}

/// Everything that is to be found under one strategy and scheme.
fn look(browser: &mut Browser, strategy: &str, scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let served = Served::start(strategy, scheme, &log);
    // To a browser another name is another origin, and the certificate is good for both.
    let base = format!("{scheme}://localhost:{}", served.port);
    let other = format!("{scheme}://127.0.0.1:{}", served.port);
    if scheme == "https" {
        let refused = browser.ask("Page.navigate", &json!({ "url": format!("{base}/html") }));
        assert_eq!(
            refused["errorText"], "net::ERR_CERT_AUTHORITY_INVALID",
            "nobody vouches for it"
        );
        browser.ask("Security.setIgnoreCertificateErrors", &json!({ "ignore": true }));
    }
    browser.open(&format!("{base}/"));
    browser.until("document.title === 'maitred serve' && document.readyState === 'complete'");
    let listed = browser.value("document.querySelectorAll('tr').length");
    assert_eq!(listed, ENDPOINTS.len(), "{strategy}, {scheme}: the page lists every endpoint");
    let wrong = browser.value(&format!("({LOOK})({ASKED}, {other:?})"));
    assert_eq!(wrong, json!([]), "{strategy}, {scheme}");

    // What was valid still was asked about and not sent again, and what was fresh was not asked for. (Of a
    // server whose certificate it was told to overlook, Chromium keeps nothing.)
    if scheme == "http" {
        assert_eq!(answered(&log, "/etag/kept"), [200, 304], "{strategy}");
        assert_eq!(answered(&log, "/cache").last(), Some(&json!(304)), "{strategy}");
        assert_eq!(answered(&log, "/cache/600"), [200], "{strategy}");
    }

    // Going there, with what only going there does: a name in the address, a form, a page that is no page.
    let named = base.replacen("://", "://u:p@", 1);
    browser.open(&format!("{named}/basic-auth/u/p"));
    browser.until("document.body?.innerText.includes('\"authenticated\": true')");
    browser.open(&format!("{base}/redirect/2"));
    browser.until(&format!("location.href === '{base}/get' && document.readyState === 'complete'"));
    browser.open(&format!("{base}/image/png"));
    browser.until("document.images[0]?.naturalWidth > 0");
    let lost = browser.ask("Page.navigate", &json!({ "url": format!("{base}/fault/close") }));
    assert_eq!(lost["errorText"], "net::ERR_EMPTY_RESPONSE", "{strategy}, {scheme}");
}

#[test]
#[ignore = "slow: a browser"]
fn a_browser_finds_every_endpoint() {
    let asked: Vec<(String, String, u16, Option<u64>)> = serde_json::from_str(ASKED).unwrap();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !APART.contains(&endpoint.path)) {
        let is_asked = asked.iter().any(|(_, target, ..)| {
            let rest = target.strip_prefix(endpoint.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        });
        assert!(is_asked, "bench/http/endpoints.json does not ask {}", endpoint.path);
    }
    let Some(mut first) = browser() else { return };
    let all = ["event-loop", "sequential", "threads", "thread-pool", "processes", "async-pool"];
    let some =
        if std::env::var_os("MAITRED_EVERY_STRATEGY").is_some() { &all[..] } else { &all[..1] };
    for strategy in some {
        look(&mut first, strategy, "http");
    }
    for strategy in some {
        // A browser of its own: it forgets what it was told to trust.
        look(&mut browser().unwrap(), strategy, "https");
    }
}
