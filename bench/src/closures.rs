//! Functions of a Rust program as `maitred-closures` runs them, beside the same threads and loops written by
//! hand; and what criterion and divan say of the same function.
//!
//! All of them are one program beside this one (`bin/maitred-bench-closures.rs`), started with a role in its
//! environment.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Calls in a round of ours and of the same by hand.
const CALLS: u64 = 10_000;

/// How long a call takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Some 12 microseconds.
    Short,
    /// No work: what is left is what a call costs.
    Nothing,
}

impl Length {
    fn bytes(self) -> u64 {
        match self {
            Self::Short => 12_000,
            Self::Nothing => 0,
        }
    }
}

/// One of ours, and its peer.
pub(crate) struct Peer {
    pub(crate) what: &'static str,
    model: &'static str,
}

pub(crate) const ALL: [Peer; 5] = [
    Peer { what: "closures, std/sequential, 12 µs a call | a loop", model: "std/sequential" },
    Peer { what: "  … std/thread-pool:2 | threads and a counter", model: "std/thread-pool:2" },
    Peer { what: "  … rayon/thread-pool:2 | par_iter", model: "rayon/thread-pool:2" },
    Peer { what: "  … tokio/event-loop | spawn, current thread", model: "tokio/event-loop" },
    Peer { what: "  … tokio/async-pool:2 | spawn, two threads", model: "tokio/async-pool:2" },
];

impl Peer {
    /// Microseconds a call of this length: by hand, and of ours.
    pub(crate) fn measure(&self, length: Length) -> (f64, f64) {
        (figure(&again("hand", length, &[self.model])), self.ours(length))
    }

    fn ours(&self, length: Length) -> f64 {
        let place = tempfile::tempdir().expect("a folder");
        let saved = place.path().join("result.json");
        let called = if self.model.starts_with("tokio") { "awaited" } else { "plain" };
        let words = ["--bench", "checksum", "--runs", "1", "--warmup", "0", "--no-trace"];
        let path = saved.to_str().expect("UTF-8");
        let own = ["--call", called, "--models", self.model, "--save", path];
        again("ours", length, &[&words[..], &own[..]].concat());
        let text = std::fs::read(saved).expect("it was saved");
        let result: Value = serde_json::from_slice(&text).expect("JSON");
        let run = &result["contestants"][0]["runs"][0];
        assert_eq!(run["tasks"]["done"], CALLS, "{run}");
        run["work_ns"].as_f64().expect("a time") / 1e3 / CALLS as f64
    }
}

/// Microseconds a call in a loop by hand, and as criterion and as divan say it: medians.
pub(crate) fn others() -> [(&'static str, f64, f64); 2] {
    ["criterion", "divan"].map(|name| {
        let by_hand = figure(&again("hand", Length::Short, &["std/sequential"]));
        (name, by_hand, figure(&again(name, Length::Short, &[])))
    })
}

/// What the program says in this role.
fn again(role: &str, length: Length, words: &[&str]) -> String {
    let mut command = Command::new(program());
    command.args(words).env("MAITRED_BENCH_ROLE", role);
    command.env("MAITRED_BENCH_BYTES", length.bytes().to_string());
    command.env("MAITRED_BENCH_CALLS", CALLS.to_string());
    let output = command.stderr(Stdio::inherit()).output().expect("it was found");
    assert!(output.status.success(), "{role} {words:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn program() -> PathBuf {
    let own = std::env::current_exe().expect("this program");
    own.with_file_name("maitred-bench-closures")
}

/// Whether it is there.
///
/// # Errors
/// How to get it.
pub(crate) fn find() -> Result<(), String> {
    match program().exists() {
        true => Ok(()),
        false => {
            Err("its program is not beside this one: cargo build --release -p maitred-bench".into())
        }
    }
}

/// The last figure that was printed, or of divan's table the third of the last line: fastest, slowest, median.
fn figure(said: &str) -> f64 {
    let line = said.lines().rfind(|line| line.contains(" µs")).unwrap_or(said);
    let column = line.split('│').nth(if line.contains('│') { 2 } else { 0 }).unwrap_or_default();
    let number = column.trim().trim_end_matches(" µs").parse();
    number.unwrap_or_else(|_| panic!("no figure in microseconds: {said}"))
}
