//! Who is inside, for the strategies where each connection has a thread or task of its own that
//! nobody else can reach. Main type: [`Roll`].

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connection::Doing;
use crate::sys;

/// The descriptors of all open connections, and what each is doing.
#[derive(Debug, Default)]
pub(crate) struct Roll(Mutex<HashMap<RawFd, Arc<Noted>>>);

/// What a connection is doing, on a cache line of its own: its neighbours are written by other threads.
#[derive(Debug)]
#[repr(align(64))]
struct Noted(AtomicU8);

impl Roll {
    pub(crate) fn enter(self: &Arc<Self>, socket: RawFd) -> Attendance {
        let doing = Arc::new(Noted(AtomicU8::new(Doing::Idle as u8)));
        self.lock().insert(socket, Arc::clone(&doing));
        Attendance { roll: Arc::clone(self), socket, doing }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// How many are owed an answer.
    pub(crate) fn owed(&self) -> usize {
        self.lock().values().filter(|doing| is(doing, Doing::Answering)).count()
    }

    /// Ends the input of everybody who waits for a request, so that they leave. A request that came before is
    /// still read and answered.
    pub(crate) fn end_idle(&self) {
        for (&socket, doing) in self.lock().iter() {
            if is(doing, Doing::Idle) {
                sys::end_input(socket);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<Noted>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is(noted: &Noted, doing: Doing) -> bool {
    noted.0.load(Relaxed) == doing as u8
}

/// A line of the roll. Drop it before the descriptor is closed, because the next connection may get
/// the same one.
#[derive(Debug)]
pub(crate) struct Attendance {
    roll: Arc<Roll>,
    socket: RawFd,
    doing: Arc<Noted>,
}

impl Attendance {
    pub(crate) fn note(&self, doing: Doing) {
        // After most answers it says the same as before: unwritten, its cache line goes from no thread to another.
        if !is(&self.doing, doing) {
            self.doing.0.store(doing as u8, Relaxed);
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.roll.lock().remove(&self.socket);
    }
}
