//! What somebody can be at in a picture: one set of states for terminals and drawings, so that the
//! same colour is the same state everywhere.

use super::paint::Ink;

/// What a row is at, at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Queueing,
    Holding,
    Running,
    Blocked,
    Waiting,
    /// Waited as long as was asked, and has not gone on since.
    Overdue,
    Talking,
    /// Would compute, but another thread has its processor.
    Ready,
    /// Would compute, but waits, as for the lock of an interpreter.
    HeldUp,
    Idle,
    Failed,
    /// Nobody recorded it.
    Unrecorded,
}

/// How many there are.
pub(super) const STATES: usize = 12;

impl State {
    /// In the order in which ties are broken.
    pub const ALL: [Self; STATES] = [
        Self::Queueing,
        Self::Holding,
        Self::Running,
        Self::Blocked,
        Self::Waiting,
        Self::Overdue,
        Self::Talking,
        Self::Ready,
        Self::HeldUp,
        Self::Idle,
        Self::Failed,
        Self::Unrecorded,
    ];

    /// As a terminal shows it.
    pub(super) fn glyph(self, ascii: bool) -> &'static str {
        match self {
            Self::Queueing if ascii => ".",
            Self::Queueing => "░",
            Self::Holding if ascii => "@",
            Self::Holding => "▓",
            Self::Running if ascii => "#",
            Self::Running => "█",
            Self::Blocked if ascii => "=",
            Self::Blocked => "━",
            Self::Waiting if ascii => "-",
            Self::Waiting => "─",
            Self::Overdue if ascii => "!",
            Self::Overdue => "╍",
            Self::Talking if ascii => "~",
            Self::Talking => "╌",
            Self::Ready if ascii => "+",
            Self::Ready => "▒",
            Self::HeldUp if ascii => "_",
            Self::HeldUp => "▂",
            Self::Idle => " ",
            Self::Failed if ascii => "X",
            Self::Failed => "✗",
            Self::Unrecorded => "?",
        }
    }

    pub(super) fn ink(self) -> Ink {
        match self {
            Self::Queueing => Ink::Orange,
            Self::Holding => Ink::Blue,
            Self::Running => Ink::Green,
            Self::Blocked => Ink::Purple,
            Self::Waiting => Ink::SkyBlue,
            Self::Overdue => Ink::Vermillion,
            Self::Talking => Ink::Yellow,
            Self::Ready => Ink::Orange,
            Self::HeldUp => Ink::Purple,
            Self::Idle => Ink::Plain,
            Self::Failed => Ink::Vermillion,
            Self::Unrecorded => Ink::Dim,
        }
    }
}
