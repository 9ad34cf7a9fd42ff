//! What a measured process says of itself, as one line of JSON on standard error.

use std::fs;

use serde_json::{Value, json};

/// The result of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// The work alone.
    pub(crate) ns: u64,
    /// Peak of what was resident.
    pub(crate) all_bytes: u64,
    /// The same without shared memory, of which a trace file consists.
    pub(crate) private_bytes: u64,
}

/// Peak memory of this process so far, from `/proc/self/status`; see proc(5).
pub(crate) fn own_memory() -> Value {
    let status = fs::read_to_string("/proc/self/status").expect("proc is mounted");
    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known field");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    };
    let (peak, shared) = (kib("VmHWM:") * 1024, kib("RssShmem:") * 1024);
    json!({ "all": peak, "private": peak.saturating_sub(shared) })
}

impl Measured {
    pub(crate) fn new(ns: u64, memory: &Value) -> Self {
        let bytes = |name: &str| memory[name].as_u64().expect("own_memory says it");
        Self { ns, all_bytes: bytes("all"), private_bytes: bytes("private") }
    }
}

/// The last line that is JSON.
pub(crate) fn last_json(text: &[u8]) -> Value {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    line.unwrap_or_else(|| panic!("the measured process said: {text}"))
}
