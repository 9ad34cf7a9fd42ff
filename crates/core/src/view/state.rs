//! What somebody can be at in a picture: one set of states for terminals and drawings, so that the
//! same colour is the same state everywhere.

use super::paint::Ink;
use crate::trace::Leg;

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
    Runnable,
    /// Would compute, but waits, as for the lock of an interpreter.
    HeldUp,
    Idle,
    Failed,
    /// Nobody recorded it.
    Unrecorded,
    /// On its way to a worker, in the client of an engine.
    InClient,
    InScheduler,
    OnWire,
    /// At the worker, behind others.
    InQueue,
}

/// How many there are.
pub(super) const STATES: usize = 16;

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
        Self::Runnable,
        Self::HeldUp,
        Self::Idle,
        Self::Failed,
        Self::Unrecorded,
        Self::InClient,
        Self::InScheduler,
        Self::OnWire,
        Self::InQueue,
    ];

    /// Of a task that goes this part of its way.
    pub(super) fn of_leg(leg: Leg) -> Self {
        match leg {
            Leg::Client => Self::InClient,
            Leg::Scheduler => Self::InScheduler,
            Leg::Wire => Self::OnWire,
            Leg::Queue => Self::InQueue,
        }
    }

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
            Self::Runnable if ascii => "+",
            Self::Runnable => "▒",
            Self::HeldUp if ascii => "_",
            Self::HeldUp => "▂",
            Self::Idle => " ",
            Self::Failed if ascii => "X",
            Self::Failed => "✗",
            Self::Unrecorded => "?",
            Self::InClient => "c",
            Self::InScheduler => "s",
            Self::OnWire => "w",
            Self::InQueue => "q",
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
            Self::Runnable => Ink::Orange,
            Self::HeldUp => Ink::Purple,
            Self::Idle => Ink::Plain,
            Self::Failed => Ink::Vermillion,
            Self::Unrecorded => Ink::Dim,
            Self::InClient => Ink::Yellow,
            Self::InScheduler => Ink::Blue,
            Self::OnWire => Ink::SkyBlue,
            Self::InQueue => Ink::Orange,
        }
    }
}
