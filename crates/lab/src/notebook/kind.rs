//! What a cell can be.

/// What is in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A workload, perhaps with claims.
    Workload,
    /// The names of claims that are built in, one a line; or a workload that makes claims.
    Claim,
    /// A function of Python, which runs under the strategies that Python has.
    Python,
    /// Nodes called `server`, which the cells below it in its section know.
    Server,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Workload, Self::Claim, Self::Python, Self::Server];

    /// The word on the fence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Claim => "claim",
            Self::Python => "python",
            Self::Server => "server",
        }
    }
}
