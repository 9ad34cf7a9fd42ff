//! The wish of a person or of the system that the program should end. The first SIGINT, SIGTERM or
//! SIGHUP is a request: the run at hand is stopped and what was measured is kept. The second kills
//! the runner and ends the program at once, with 128 + the signal's number.
//!
//! SIGPIPE stays ignored, as Rust has it: a write to a closed pipe is an error of that write
//! ([`std::io::ErrorKind::BrokenPipe`]), so that results still reach the other exports.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};

use crate::measure::sys::{self, Watched};

/// A request to stop, once raised for good.
#[derive(Debug)]
pub struct Interrupt {
    event: OwnedFd,
}

impl Interrupt {
    /// Raised by signals from now on. Once a program, and before anything is started.
    pub fn on_signals() -> io::Result<Self> {
        let interrupt = Self::manual()?;
        // A descriptor of its own, never closed: a signal can come at any time.
        sys::route_signals(interrupt.event.try_clone()?.into_raw_fd())?;
        Ok(interrupt)
    }

    /// Raised by [`Self::raise`] only.
    pub fn manual() -> io::Result<Self> {
        Ok(Self { event: sys::event()? })
    }

    /// Asks whoever runs something under this interrupt to stop.
    pub fn raise(&self) {
        sys::raise_event(self.event.as_raw_fd());
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        let mut event =
            [Watched { fd: Some(self.event.as_fd()), for_writing: false, ready: false }];
        sys::poll(&mut event, 0).is_ok() && event[0].ready
    }

    /// The exit code that says which signal it was: 128 + its number; `None`: no signal came.
    pub fn exit_code() -> Option<i32> {
        sys::first_signal().map(|signal| 128 + signal)
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_raised() {
        let interrupt = Interrupt::manual().unwrap();
        assert!(!interrupt.is_raised());
        interrupt.raise();
        assert!(interrupt.is_raised() && interrupt.is_raised());
    }
}
