//! How a server ended. The main type is [`Ending`].

/// How a server ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// Connections closed although an answer was due.
    pub(crate) cut: u64,
    /// Whether what was accepted was to be answered (SIGTERM), or dropped (SIGINT).
    pub(crate) was_drained: bool,
}
