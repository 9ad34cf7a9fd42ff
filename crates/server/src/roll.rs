//! Who is inside, for the strategies where each connection has a thread or task of its own that
//! nobody else can reach. Main type: [`Roll`].

use std::collections::HashSet;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sys;

/// The descriptors of all open connections.
#[derive(Debug, Default)]
pub(crate) struct Roll(Mutex<HashSet<RawFd>>);

impl Roll {
    pub(crate) fn enter(self: &Arc<Self>, socket: RawFd) -> Entry {
        self.lock().insert(socket);
        Entry { roll: Arc::clone(self), socket }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Ends the input of everybody: who waits for a request leaves, who answers one goes on.
    pub(crate) fn end_inputs(&self) {
        for &socket in self.lock().iter() {
            sys::end_input(socket);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<RawFd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of the roll. Drop it before the descriptor is closed, because the next connection may get
/// the same one.
#[derive(Debug)]
pub(crate) struct Entry {
    roll: Arc<Roll>,
    socket: RawFd,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.roll.lock().remove(&self.socket);
    }
}
