//! What everybody who works on a run looks at: whether it has begun, whether it is to stop, and
//! when the last one left. In shared memory, so that it is the same for threads and processes.
//!
//! The main type is [`Board`].

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};

use maitred_kernel::Bell;

use crate::sys::kernel::{self, Sharing};
use crate::sys::memory;

/// See the module.
#[derive(Debug)]
pub(crate) struct Board {
    /// How many of the crew are ready to begin.
    ready: &'static AtomicU32,
    /// 1: the work has begun.
    begun: &'static AtomicU32,
    /// 1: no further task may start.
    stopped: &'static AtomicU32,
    /// How many of the crew have no more to do.
    left: &'static AtomicU32,
    start: &'static AtomicU64,
    end: &'static AtomicU64,
    /// Position of the next task, on a cache line of its own: every worker writes to it.
    next: &'static AtomicU64,
    /// Rung by whoever leaves, and by whoever cannot go on.
    bell: Bell,
}

impl Board {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = memory::shared_u32(4)?;
        let words = memory::shared_u64(32)?;
        let [ready, begun, stopped, left] = [&flags[0], &flags[1], &flags[2], &flags[3]];
        let (start, end, next) = (&words[0], &words[1], &words[16]);
        Ok(Self { ready, begun, stopped, left, start, end, next, bell: Bell::new()? })
    }

    pub(crate) fn next(&self) -> &'static AtomicU64 {
        self.next
    }

    /// Says that this one of the crew is ready, and sleeps until the work begins.
    pub(crate) fn await_start(&self) {
        self.ready.fetch_add(1, SeqCst);
        kernel::futex_wake_all(self.ready, Sharing::Processes);
        while self.begun.load(SeqCst) == 0 {
            kernel::futex_wait(self.begun, 0, None, Sharing::Processes);
        }
    }

    /// Sleeps until so many are ready; gives up after a tenth of a second. Whether they are.
    pub(crate) fn await_ready(&self, crew: u32) -> bool {
        let deadline = kernel::now() + 100_000_000;
        loop {
            let ready = self.ready.load(SeqCst);
            if ready >= crew || kernel::now() >= deadline {
                return ready >= crew;
            }
            kernel::futex_wait(self.ready, ready, Some(deadline), Sharing::Processes);
        }
    }

    /// Lets the work begin; the moment of it.
    pub(crate) fn begin(&self) -> u64 {
        let now = kernel::now();
        self.start.store(now, SeqCst);
        self.begun.store(1, SeqCst);
        kernel::futex_wake_all(self.begun, Sharing::Processes);
        now
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(SeqCst) != 0
    }

    /// When the work began (CLOCK_MONOTONIC nanoseconds).
    pub(crate) fn start(&self) -> u64 {
        self.start.load(SeqCst)
    }

    /// Lets no further task start.
    pub(crate) fn stop(&self) {
        self.stopped.store(1, SeqCst);
        kernel::futex_wake_all(self.stopped, Sharing::Processes);
    }

    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst) != 0
    }

    /// Sleeps until this moment, or until the run is stopped; whether the moment came.
    pub(crate) fn sleep_until(&self, moment: u64) -> bool {
        while !self.is_stopped() && kernel::now() < moment {
            kernel::futex_wait(self.stopped, 0, Some(moment), Sharing::Processes);
        }
        !self.is_stopped()
    }

    /// Says that work went on until this moment.
    pub(crate) fn worked_until(&self, moment: u64) {
        self.end.fetch_max(moment, SeqCst);
    }

    /// The last moment of work that anybody spoke of; 0: nobody did.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(SeqCst)
    }

    /// Says that this one of the crew has no more to do.
    pub(crate) fn leave(&self) {
        self.left.fetch_add(1, SeqCst);
        self.ring();
    }

    /// How many have no more to do.
    pub(crate) fn left(&self) -> u32 {
        self.left.load(SeqCst)
    }

    /// Lets the supervisor look.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    pub(crate) fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Makes the bell silent, before looking at what it was rung for.
    pub(crate) fn silence(&self) {
        self.bell.silence();
    }
}
