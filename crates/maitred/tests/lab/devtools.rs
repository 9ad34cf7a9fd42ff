//! A browser that is told what to do: as much of the DevTools protocol as the tests need, over one
//! WebSocket, one question at a time.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// In which something on a page must have come about.
const PATIENCE: Duration = Duration::from_secs(400);

/// A page whose words do not change for so long waits for nothing that could still come.
const STILL: Duration = Duration::from_secs(200);

/// A page that is not spoken to just now.
pub(crate) struct Tab(String);

/// A Chromium; it ends with this value.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: String,
    next: u64,
    /// What the page said and asked for meanwhile.
    pub(crate) events: Vec<Value>,
    _profile: TempDir,
}

/// Where a Chromium is; `None`: nowhere.
pub(crate) fn program() -> Option<PathBuf> {
    let named = std::env::var_os("MAITRED_CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    named.into_iter().chain(usual.map(PathBuf::from)).find(|path| path.exists())
}

/// Waits until something is so that no page tells of.
pub(crate) fn patiently(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Browser {
    /// Starts it with an empty page.
    pub(crate) fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--mute-audio",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--remote-debugging-port=0", "--force-device-scale-factor=1"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let port = profile.path().join("DevToolsActivePort");
        let begun = Instant::now();
        let address = loop {
            let text = fs::read_to_string(&port).unwrap_or_default();
            if let Some((number, path)) = text.split_once('\n') {
                break format!("ws://127.0.0.1:{number}{path}");
            }
            assert!(child.try_wait().unwrap().is_none(), "the browser ended before it had started");
            assert!(begun.elapsed() < PATIENCE, "the browser does not start");
            std::thread::sleep(Duration::from_millis(20));
        };
        let (socket, _) = tungstenite::connect(address.trim()).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        }
        let mut browser = Self {
            child,
            socket,
            session: String::new(),
            next: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.another();
        browser
    }

    /// One more page, in sight like the one before: from now on it is spoken to. The other one is what is
    /// returned, for [`Self::turn_to`].
    pub(crate) fn another(&mut self) -> Tab {
        let before = Tab(std::mem::take(&mut self.session));
        let page = json!({ "url": "about:blank", "newWindow": true });
        let id = self.ask("Target.createTarget", &page)["targetId"].clone();
        let attached =
            self.ask("Target.attachToTarget", &json!({ "targetId": id, "flatten": true }));
        self.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.ask(&format!("{domain}.enable"), &json!({}));
        }
        // As if its reader looked at it, also where the other one is in front.
        self.ask("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        before
    }

    /// Speaks to this page, and leaves the one that it spoke to in its place.
    pub(crate) fn turn_to(&mut self, tab: &mut Tab) {
        std::mem::swap(&mut self.session, &mut tab.0);
    }

    /// One question and its answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.tried(method, params);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// The same, where the browser may refuse.
    fn tried(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut question = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            question["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(question.to_string())).unwrap();
        let begun = Instant::now();
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let answer: Value = serde_json::from_str(&text).unwrap();
                    if answer["id"] == id {
                        return answer;
                    }
                    if answer["method"].is_string() {
                        self.events.push(answer);
                    }
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{method}: {error}"),
            }
            assert!(begun.elapsed() < PATIENCE, "{method} has no answer");
        }
    }

    pub(crate) fn open(&mut self, address: &str) {
        self.ask("Page.navigate", &json!({ "url": address }));
    }

    /// Opens the page anew, and waits until it is another one than it was.
    pub(crate) fn reload(&mut self) {
        self.value("window.isOld = true");
        self.ask("Page.reload", &json!({}));
        self.until("window.isOld !== true");
    }

    /// What came of an expression: nothing, where a page is just leaving.
    fn evaluate(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        self.tried("Runtime.evaluate", &params)["result"].clone()
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let answer = self.evaluate(expression);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true. Before a page is there, it may fail as well.
    pub(crate) fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        let (mut words, mut changed, mut looked) = (Value::Null, begun, begun);
        while self.evaluate(expression)["result"]["value"] != true {
            if looked.elapsed() > Duration::from_secs(1) {
                looked = Instant::now();
                let now = self.evaluate("document.body?.textContent")["result"]["value"].clone();
                if now != words {
                    (words, changed) = (now, looked);
                }
            }
            if begun.elapsed() > PATIENCE || changed.elapsed() > STILL {
                let page = self.value("document.body.innerText.slice(0, 3000)");
                panic!("it never came that {expression}; the page says: {page}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How large the page is, and what its reader prefers.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let phone = width < 600;
        let params =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.ask("Emulation.setDeviceMetricsOverride", &params);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Presses a key with what a keyboard tells besides.
    pub(crate) fn press(&mut self, key: &str, modifiers: u32) {
        let text = match key {
            "Enter" => "\r",
            one if one.chars().count() == 1 => one,
            _ => "",
        };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({ "type": kind, "key": key, "modifiers": modifiers });
            if kind == "keyDown" && !text.is_empty() {
                params["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", &params);
        }
    }

    /// Keeps a picture of the page, where `MAITRED_SHOTS` names a folder for them.
    pub(crate) fn shot(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("MAITRED_SHOTS") else { return };
        fs::create_dir_all(&folder).unwrap();
        fs::write(PathBuf::from(folder).join(format!("{name}.png")), self.png()).unwrap();
    }

    /// What can be seen of the page, as PNG.
    pub(crate) fn png(&mut self) -> Vec<u8> {
        use base64::Engine as _;
        let answer = self.ask("Page.captureScreenshot", &json!({ "format": "png" }));
        base64::prelude::BASE64_STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// Addresses that the page asked for, and what it complained of.
    pub(crate) fn asked(&mut self) -> (Vec<String>, Vec<String>) {
        self.ask("Runtime.evaluate", &json!({ "expression": "1" }));
        let of = |method: &str| -> Vec<&Value> {
            self.events
                .iter()
                .filter(|event| event["method"] == method)
                .map(|event| &event["params"])
                .collect()
        };
        let address =
            |event: &&Value| event["request"]["url"].as_str().unwrap_or_default().to_owned();
        let requests = of("Network.requestWillBeSent").iter().map(address).collect();
        let mut complaints: Vec<String> = of("Runtime.exceptionThrown")
            .iter()
            .map(|event| event["exceptionDetails"].to_string())
            .collect();
        let logged = of("Log.entryAdded");
        let bad = logged.iter().filter(|event| event["entry"]["level"] == "error");
        complaints.extend(bad.map(|event| event["entry"]["text"].to_string()));
        (requests, complaints)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
