//! From parts to the whole: for whoever wants all of a recording in memory. Parts may come in any
//! order; a part that is not there leaves its place empty.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::columns::{Record, Rows};
use super::{Arrival, Cut, Fault, Head, LeftOut, Part, Recording};
use crate::trace::{Lane, Observed, Slice, Span, Task, Thread};

/// Holds what was read so far.
#[derive(Debug, Default)]
pub struct Collector {
    head: Option<Box<Head>>,
    arrivals: Vec<Arrival>,
    lanes: Vec<Lane>,
    tasks: Vec<Task>,
    spans: Vec<Span>,
    threads: Vec<Thread>,
    slices: Vec<Slice>,
    left_out: Option<LeftOut>,
}

impl Collector {
    /// Keeps a part; spans and slices may be taken out of the stream before, by who does not want
    /// them in memory.
    ///
    /// # Errors
    /// [`Fault::Damaged`] when its records make no sense; those before it are kept.
    pub fn take(&mut self, part: Part<'_>) -> Result<(), Fault> {
        match part {
            Part::Head(head) => self.head = Some(head),
            Part::Arrivals(rows) => append(&mut self.arrivals, rows)?,
            Part::Lanes(rows) => append(&mut self.lanes, rows)?,
            Part::Tasks(rows) => append(&mut self.tasks, rows)?,
            Part::Spans(rows) => append(&mut self.spans, rows)?,
            Part::Threads(threads) => self.threads.extend(threads),
            Part::Slices(rows) => append(&mut self.slices, rows)?,
            Part::End(end) => self.left_out = Some(end.left_out),
            Part::Other => {}
        }
        Ok(())
    }

    /// Whether the last part was seen.
    pub fn is_whole(&self) -> bool {
        self.left_out.is_some()
    }

    /// The facts, once they were seen.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_deref()
    }

    /// All of it; `None`: not even the facts were there. `cut` says where the bytes ended if they
    /// did before the last part.
    pub fn finish(self, cut: Option<Cut>) -> Option<Recording> {
        let Head { provenance, mut trace, run } = *self.head?;
        for arrival in self.arrivals {
            if let Some(group) = trace.groups.get_mut(arrival.group as usize) {
                group.arrivals_ns.push(arrival.ns);
            }
        }
        trace.lanes = self.lanes;
        trace.tasks = self.tasks;
        trace.spans = self.spans;
        // Already so in what was written at once, for which this is one pass.
        trace.spans.sort_by_key(|span| span.start_ns);
        if let Observed::Known(scheduling) = &mut trace.scheduling {
            scheduling.threads = self.threads;
            scheduling.slices = self.slices;
            scheduling.slices.sort_by_key(|slice| slice.start_ns);
        }
        let left_out = self.left_out.unwrap_or_default();
        Some(Recording { provenance, trace, run, left_out, cut })
    }
}

fn append<const N: usize, R: Record<N>>(
    all: &mut Vec<R>,
    mut rows: Rows<'_, R, N>,
) -> Result<(), Fault> {
    all.extend(rows.by_ref());
    if rows.is_whole() { Ok(()) } else { Err(Fault::Damaged) }
}
