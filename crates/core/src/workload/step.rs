//! What a step id stands for. Traces, results and views know steps only by this.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// What a step id stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    pub kind: StepKind,
    /// As in the workload: `wait 4s`, `hold waiter`.
    pub label: String,
    /// Index of its program.
    pub program: u32,
    /// The `Hold` step inside which it stands.
    pub parent: Option<u32>,
    /// Which resource (`Acquire`, `Hold`) or channel (`Send`, `Receive`).
    pub object: Option<u32>,
    /// How long a `Cpu`, `Wait` or `Block` step is to last, nanoseconds; `None`: that is drawn anew
    /// for each execution, or the step has no such time, or it was recorded before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
}

/// What a task does while in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    Cpu,
    Wait,
    Block,
    /// Waiting for a resource: from the request to the grant.
    Acquire,
    /// Holding a resource: from the grant to the return. Encloses other spans.
    Hold,
    Send,
    Receive,
    Read,
    Write,
    Update,
    Http,
    Call,
    Run,
    Allocate,
    Yield,
    Fail,
    Crash,
}

impl StepKind {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Cpu,
        Self::Wait,
        Self::Block,
        Self::Acquire,
        Self::Hold,
        Self::Send,
        Self::Receive,
        Self::Read,
        Self::Write,
        Self::Update,
        Self::Http,
        Self::Call,
        Self::Run,
        Self::Allocate,
        Self::Yield,
        Self::Fail,
        Self::Crash,
    ];

    /// Its word in the language; what a task does before it holds a resource is `hold`, waiting.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wait => "wait",
            Self::Block => "block",
            Self::Acquire => "hold, waiting",
            Self::Hold => "hold",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Read => "read",
            Self::Write => "write",
            Self::Update => "update",
            Self::Http => "http",
            Self::Call => "call",
            Self::Run => "run",
            Self::Allocate => "allocate",
            Self::Yield => "yield",
            Self::Fail => "fail",
            Self::Crash => "crash",
        }
    }
}
