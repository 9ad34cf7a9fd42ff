//! The handle by which whoever asked for something takes it back.

use std::io;
use std::sync::Arc;

use crate::runtime::Interrupt;

/// A wish that the engine stop: the run at hand is ended, what was measured is kept. Clones are the
/// same wish, and it may come from any thread.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Interrupt>);

impl Cancel {
    /// One that only [`Self::cancel`] raises.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Interrupt::manual().map(|one| Self(Arc::new(one)))
    }

    /// One that SIGINT, SIGTERM and SIGHUP raise too, from now on; a second such signal ends the
    /// program at once. Once a program.
    ///
    /// # Errors
    /// When the kernel has no descriptor left, or refuses the handlers.
    pub fn on_signals() -> io::Result<Self> {
        Interrupt::on_signals().map(|one| Self(Arc::new(one)))
    }

    /// Raises it, for good.
    pub fn cancel(&self) {
        self.0.raise();
    }

    /// Whether it was raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_raised()
    }

    /// The exit code that says which signal it was: 128 + its number; `None`: no signal came.
    pub fn exit_code() -> Option<i32> {
        Interrupt::exit_code()
    }

    /// What those who wait in poll(2) look at.
    pub fn interrupt(&self) -> &Interrupt {
        &self.0
    }
}
