//! Who is inside, for the strategies where each connection has a thread or task of its own that
//! nobody else can reach. Main type: [`Roll`].

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sys;

/// The descriptors of all open connections, and whether a request is under way there.
#[derive(Debug, Default)]
pub(crate) struct Roll(Mutex<HashMap<RawFd, Arc<AtomicBool>>>);

impl Roll {
    pub(crate) fn enter(self: &Arc<Self>, socket: RawFd) -> Entry {
        let busy = Arc::new(AtomicBool::new(false));
        self.lock().insert(socket, Arc::clone(&busy));
        Entry { roll: Arc::clone(self), socket, busy }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Ends the input of everybody who waits for a request, so that they leave. A request that came before is
    /// still read and answered.
    pub(crate) fn end_idle(&self) {
        for (&socket, busy) in self.lock().iter() {
            if !busy.load(Relaxed) {
                sys::end_input(socket);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<AtomicBool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of the roll. Drop it before the descriptor is closed, because the next connection may get
/// the same one.
#[derive(Debug)]
pub(crate) struct Entry {
    roll: Arc<Roll>,
    socket: RawFd,
    busy: Arc<AtomicBool>,
}

impl Entry {
    /// Notes whether a request is under way.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Relaxed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.roll.lock().remove(&self.socket);
    }
}
