//! A workload as it was written: names and values with their places, nothing looked up and no
//! parameter put in. The main type is [`Workload`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use super::diagnostic::Diagnostic;
pub use super::syntax::{Data, Name, Value};

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    pub title: Option<Value>,
    pub about: Option<Value>,
    pub params: Vec<Param>,
    pub resources: Vec<Object>,
    pub vars: Vec<Object>,
    pub channels: Vec<Object>,
    pub servers: Vec<Server>,
    pub tasks: Vec<Task>,
    pub expectations: Vec<Expectation>,
    pub compare: Vec<Value>,
    pub sweeps: Vec<Sweep>,
    pub claims: Vec<Claim>,
    /// What looks wrong but forbids nothing.
    pub warnings: Vec<Diagnostic>,
}

/// `sweep PARAM VALUE …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    pub param: Value,
    pub values: Vec<Value>,
}

/// `param NAME DEFAULT min= max=`.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    pub name: Name,
    pub default: Value,
    pub min: Option<Value>,
    pub max: Option<Value>,
}

/// `resource`, `channel` (its number is the capacity) or `var` (its number is what it begins
/// with).
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub name: Name,
    /// `None`: a resource of one unit.
    pub number: Option<Value>,
}

/// `server NAME strategy= workers= delay= max-requests= max-memory=`.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub name: Name,
    pub strategy: Option<Value>,
    pub workers: Option<Value>,
    pub delay: Option<Value>,
    pub max_requests: Option<Value>,
    pub max_memory: Option<Value>,
}

impl Workload {
    /// The parameter that says how many there are of a resource; `None`: a number does.
    pub fn capacity_parameter(&self, resource: &str) -> Option<&str> {
        let own = self.resources.iter().find(|one| one.name.text == resource)?;
        let Data::Text(text) = &own.number.as_ref()?.data else { return None };
        let name = text.strip_prefix('$')?;
        name.strip_prefix('{').map_or(Some(name), |name| name.strip_suffix('}'))
    }
}

/// `task NAME count= rate= every= inputs= { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub name: Name,
    pub count: Option<Value>,
    pub rate: Option<Value>,
    pub every: Option<Value>,
    pub inputs: Option<Value>,
    pub steps: Vec<Step>,
}

/// One step of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Of its name.
    pub span: Range<usize>,
    pub action: Action,
}

/// `http METHOD URL body= timeout= follow= { header NAME VALUE … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub method: Value,
    pub url: Value,
    pub headers: Vec<(Value, Value)>,
    pub body: Option<Value>,
    pub timeout: Option<Value>,
    pub follow: Option<Value>,
}

impl Request {
    /// One that says no more than it must.
    pub fn plain(method: Value, url: Value) -> Self {
        Self { method, url, headers: Vec::new(), body: None, timeout: None, follow: None }
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Cpu(Value),
    Wait(Value),
    Block(Value),
    Hold {
        resource: Value,
        steps: Vec<Step>,
    },
    Send {
        channel: Value,
    },
    Receive {
        channel: Value,
    },
    Read {
        var: Value,
    },
    /// `None`: add 1.
    Write {
        var: Value,
        add: Option<Value>,
    },
    /// `None`: add 1.
    Update {
        var: Value,
        add: Option<Value>,
    },
    Http(Box<Request>),
    Call {
        function: Value,
    },
    Run {
        program: Value,
        args: Vec<Value>,
    },
    Allocate {
        size: Value,
    },
    Repeat {
        count: Value,
        steps: Vec<Step>,
    },
    Yield,
    Fail {
        why: Value,
    },
    Crash,
}

/// `expect SUBJECT comparison=NUMBER`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    pub subject: Measurand,
    pub comparison: Relation,
    pub value: Value,
}

/// What is expected to have a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Measurand {
    Var(Value),
    Counted(Counted),
}

/// What is counted in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Tasks that failed.
    Failures,
    /// Tasks that ended well.
    TasksDone,
    /// Tasks that started and neither ended nor failed: gone with their process.
    TasksLost,
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failures, Self::TasksDone, Self::TasksLost];

    /// The name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::TasksDone => "tasks-done",
            Self::TasksLost => "tasks-lost",
        }
    }
}

/// `claim SENTENCE { figure … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub says: Value,
    pub figures: Vec<Figure>,
}

/// `figure NAME of= over= … at-least= at-most= equals=`.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Of its name.
    pub span: Range<usize>,
    pub name: Value,
    pub of: Option<Value>,
    pub over: Option<Value>,
    /// What the figure is of, where its name alone does not say it: `step=`, `var=`, `server=`.
    pub part: Vec<(&'static str, Value)>,
    pub bounds: Vec<(Relation, Value)>,
}

/// How the actual value must stand to the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equals,
    AtLeast,
    AtMost,
}

impl Relation {
    pub(super) const ALL: [Self; 3] = [Self::Equals, Self::AtLeast, Self::AtMost];

    /// The name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::AtLeast => "at-least",
            Self::AtMost => "at-most",
        }
    }

    /// The sign for people.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equals => "=",
            Self::AtLeast => "≥",
            Self::AtMost => "≤",
        }
    }

    /// Whether the actual value stands so to the expected one.
    pub fn holds(self, actual: i64, expected: i64) -> bool {
        match self {
            Self::Equals => actual == expected,
            Self::AtLeast => actual >= expected,
            Self::AtMost => actual <= expected,
        }
    }
}
