//! For what blocked threads waited, as looks at `/proc/PID/task/TID/syscall` saw (proc_pid_syscall(5)):
//! the call in which a thread is, and the address or descriptor that it was given. The main type is
//! [`Waits`].

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// All looks at blocked threads of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// By time.
    pub looks: Vec<WaitLook>,
    /// How many more there were, for which no room was left.
    pub left_out: u64,
    /// Why the kernel does not let us look, a lowercase sentence; `None`: it does.
    pub refused: Option<String>,
}

/// One look at one blocked thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitLook {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub ns: u64,
    pub pid: u32,
    pub tid: u32,
    #[serde(rename = "for")]
    pub cause: WaitCause,
}

/// What a blocked thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitCause {
    /// A futex within the state of the interpreter: its global lock.
    Gil,
    /// A futex elsewhere: a lock, a queue, a condition, the end of a thread.
    Lock,
    /// A futex of a process that has not said where its interpreter's lock lies.
    AnyLock,
    /// The end of a process.
    Child,
    Socket,
    Pipe,
    File,
    /// A time.
    Timer,
    /// One of several descriptors, or a time: poll, select, epoll.
    Descriptors,
    /// Any other call, a page of memory.
    Other,
}

impl WaitCause {
    /// What stands behind "waiting for".
    pub fn words(self) -> &'static str {
        match self {
            Self::Gil => "the lock (GIL)",
            Self::Lock => "another lock or a queue",
            Self::AnyLock => "a lock: the GIL or another",
            Self::Child => "a child process",
            Self::Socket => "a socket",
            Self::Pipe => "a pipe",
            Self::File => "a file",
            Self::Timer => "a time (sleep)",
            Self::Descriptors => "descriptors (poll)",
            Self::Other => "something else outside",
        }
    }
}
