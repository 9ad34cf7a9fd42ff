//! A semaphore for threads, which may belong to different processes.
//!
//! Its state is a few words of shared memory and no lock, so there is nothing that a process
//! could take with it when it dies but the tickets it has drawn; those are known from its ledger.

use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::sys::kernel::{self, Sharing};
use crate::sys::memory;

/// Words between `drawn` and `granted`, and up to the next semaphore: a cache line each.
const LINE: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Semaphore {
    drawn: &'static AtomicU64,
    granted: &'static AtomicU64,
    /// Ticket `t` sleeps on bed `t % beds.len()`. As many beds as there can be sleepers, so that
    /// two share one only when a dead process left tickets behind.
    beds: &'static [AtomicU32],
    sharing: Sharing,
}

impl Semaphore {
    /// Semaphores with so many units each, for so many threads.
    pub(crate) fn make(units: &[u32], threads: u32, sharing: Sharing) -> io::Result<Vec<Self>> {
        let beds = threads as usize;
        let words = memory::shared_u64(units.len() * 2 * LINE)?;
        let all_beds = memory::shared_u32(units.len() * beds)?;
        let make = |(index, &units): (usize, &u32)| {
            let state = &words[index * 2 * LINE..];
            state[LINE].store(u64::from(units), SeqCst);
            let beds = &all_beds[index * beds..][..beds];
            Self { drawn: &state[0], granted: &state[LINE], beds, sharing }
        };
        Ok(units.iter().enumerate().map(make).collect())
    }

    /// Draws a ticket.
    pub(crate) fn request(&self) -> u64 {
        self.drawn.fetch_add(1, SeqCst)
    }

    /// Whether this ticket's turn has come.
    pub(crate) fn is_granted(&self, ticket: u64) -> bool {
        self.granted.load(SeqCst) > ticket
    }

    /// Sleeps until this ticket's turn has come.
    pub(crate) fn wait(&self, ticket: u64) {
        let bed = self.bed(ticket);
        while !self.is_granted(ticket) {
            // Whoever grants changes the bed after the count. So either the count is seen here,
            // or the bed is no longer as it was and the kernel does not put us to sleep.
            let seen = bed.load(SeqCst);
            if !self.is_granted(ticket) {
                kernel::futex_wait(bed, seen, None, self.sharing);
            }
        }
    }

    /// Gives one unit back, or adds one.
    pub(crate) fn release(&self) {
        let ticket = self.granted.fetch_add(1, SeqCst);
        // A ticket drawn after this line finds itself granted.
        if self.drawn.load(SeqCst) > ticket {
            let bed = self.bed(ticket);
            bed.fetch_add(1, SeqCst);
            kernel::futex_wake_all(bed, self.sharing);
        }
    }

    /// How many have drawn a ticket and were not yet granted it.
    pub(crate) fn waiting(&self) -> u64 {
        // In this order what happens in between makes the answer too small, never too large.
        let drawn = self.drawn.load(SeqCst);
        drawn.saturating_sub(self.granted.load(SeqCst))
    }

    fn bed(&self, ticket: u64) -> &AtomicU32 {
        &self.beds[(ticket % self.beds.len() as u64) as usize]
    }
}
