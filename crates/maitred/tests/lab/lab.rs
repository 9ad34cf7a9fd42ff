//! `maitred lab`, started for a test and ended with it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The program, listening.
pub(crate) struct Lab {
    child: Child,
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) token: String,
    /// Where it waits for others that measure: nobody else is there unless a test sends them.
    alone: TempDir,
}

impl Lab {
    /// Opens this; nothing: the story.
    pub(crate) fn open(subject: &[&str]) -> Self {
        let alone = tempfile::tempdir().unwrap();
        let store = alone.path().join("kept");
        Self::keeping(alone, &store, subject)
    }

    /// Opens it where results are that were kept before.
    pub(crate) fn again(store: &Path, subject: &[&str]) -> Self {
        Self::keeping(tempfile::tempdir().unwrap(), store, subject)
    }

    fn keeping(alone: TempDir, store: &Path, subject: &[&str]) -> Self {
        // What is measured is not the program that tests are built with.
        let named = std::env::var_os("MAITRED").unwrap_or(env!("CARGO_BIN_EXE_maitred").into());
        let mut command = Command::new(named);
        command.env("XDG_RUNTIME_DIR", alone.path()).env("MAITRED_STORE", store);
        command.env_remove("MAITRED_NO_KEEP");
        command
            .arg("lab")
            .args(["--no-open", "--timeout", "1h"])
            .args(subject)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map(|line| line.unwrap().trim().to_owned());
        let address =
            lines.find(|line| line.starts_with("http://")).expect("the address is printed");
        let (place, token) = address.split_once("/#token=").unwrap();
        let port = place.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port, token: token.to_owned(), address, alone }
    }

    /// Sends bytes as they are; the whole answer. Ends when nothing comes any more.
    pub(crate) fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(400))).unwrap();
        // Who refuses may hang up before all has come; what was answered by then is there.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request with these headers and this body.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.raw(&format!("{request}\r\n{body}"))
    }

    /// Runs a cell without a page, so that one which is opened finds a result there; what was found.
    pub(crate) fn ran(&self, wish: &Value) -> Value {
        let answer = self.allowed("POST", "/api/run", &wish.to_string());
        let kept = answer.lines().find_map(|line| {
            let event: Value = serde_json::from_str(&line[line.find('{')?..]).ok()?;
            (event["event"] == "kept").then(|| event["result"].clone())
        });
        kept.unwrap_or_else(|| panic!("the run came to nothing: {answer}"))
    }

    /// Runs a cell of the story so, as fast as may be: for what can be done with a result.
    pub(crate) fn ran_of_the_story(&self, cell: &str) {
        let book = self.allowed("GET", "/api/book?name=story", "");
        let book: Value = serde_json::from_str(body(&book)).unwrap();
        let sections = book["sections"].as_array().unwrap().iter();
        let mut parts = sections.flat_map(|section| section["parts"].as_array().unwrap());
        let facts = &parts.find(|part| part["cell"]["id"] == cell).unwrap()["cell"];
        self.ran(&json!({ "book": "story", "cell": cell, "source": facts["source"], "set": [],
            "models": facts["models"], "speed": 100.0, "budget_ns": 2_000_000_000 }));
    }

    /// Where a command line waits for it, and it for a command line.
    pub(crate) fn waiting_room(&self) -> &Path {
        self.alone.path()
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// A request as the page makes it.
    pub(crate) fn allowed(&self, method: &str, path: &str, body: &str) -> String {
        let (host, bearer) = (self.host(), self.bearer());
        let headers =
            [("Host", &*host), ("Authorization", &*bearer), ("Content-Type", "application/json")];
        self.ask(method, path, &headers, body)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// What stands behind the head.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
