//! From a trace to bytes, chunk by chunk, within a size. What has no room is counted and said at
//! the end; the facts of the run come first, so that a cut takes records and not their meaning.

use alloc::vec::Vec;

use serde::Serialize;

use super::chunk::{Kind, frame};
use super::columns::{Record, put_rows};
use super::records::{Arrival, Nameless, THREAD_COLUMNS};
use super::varint::put_varint;
use super::{End, Head, LeftOut, MAGIC, Provenance, VERSION};
use crate::result::Run;
use crate::trace::{Lane, Observed, Slice, Span, Task, Thread, Trace};

/// Records in a chunk: what is lost at most where a file is damaged, and what a reader holds.
const CHUNK_ROWS: usize = 16 << 10;

/// A record takes no more than this, as a rule, in bytes.
const RECORD_BYTES: u64 = 10;

/// Writes chunks to a sink, which takes bytes or fails with an `E`.
#[derive(Debug)]
pub struct Writer<S> {
    sink: S,
    written: u64,
    payload: Vec<u8>,
    chunk: Vec<u8>,
}

impl<E, S: FnMut(&[u8]) -> Result<(), E>> Writer<S> {
    /// Writes the preamble.
    ///
    /// # Errors
    /// Those of the sink, as everywhere here.
    pub fn new(sink: S) -> Result<Self, E> {
        let mut writer = Self { sink, written: 0, payload: Vec::new(), chunk: Vec::new() };
        writer.chunk.extend(MAGIC);
        writer.chunk.extend(VERSION.to_le_bytes());
        writer.put()?;
        Ok(writer)
    }

    /// Number of bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Facts about the run, as far as they are known.
    pub fn head(&mut self, head: &Head) -> Result<(), E> {
        self.json(Kind::Head, head)
    }

    /// The threads that executed steps.
    pub fn lanes(&mut self, lanes: &[Lane]) -> Result<(), E> {
        self.rows(Kind::Lanes, lanes.iter().copied(), u64::MAX).map(drop)
    }

    /// Tasks, by number; returns how many had no room within this size of the file.
    pub fn tasks(&mut self, tasks: impl Iterator<Item = Task>, limit: u64) -> Result<u64, E> {
        self.rows(Kind::Tasks, tasks, limit)
    }

    /// Spans; returns how many had no room within this size of the file.
    pub fn spans(&mut self, spans: impl Iterator<Item = Span>, limit: u64) -> Result<u64, E> {
        self.rows(Kind::Spans, spans, limit)
    }

    /// Slices; returns how many had no room within this size of the file.
    pub fn slices(&mut self, slices: impl Iterator<Item = Slice>, limit: u64) -> Result<u64, E> {
        self.rows(Kind::Slices, slices, limit)
    }

    /// When tasks arrived, group by group.
    pub fn arrivals(&mut self, arrivals: impl Iterator<Item = Arrival>) -> Result<(), E> {
        self.rows(Kind::Arrivals, arrivals, u64::MAX).map(drop)
    }

    /// The threads that slices are of: their columns, then their names.
    pub fn threads(&mut self, threads: &[Thread]) -> Result<(), E> {
        let mut columns = [const { Vec::new() }; THREAD_COLUMNS];
        for threads in threads.chunks(CHUNK_ROWS) {
            self.payload.clear();
            put_rows(threads.iter().map(Nameless::new), &mut columns, &mut self.payload);
            for thread in threads {
                put_varint(&mut self.payload, thread.name.len() as u64);
                self.payload.extend_from_slice(thread.name.as_bytes());
            }
            self.send(Kind::Threads)?;
        }
        Ok(())
    }

    /// All parts of a trace but the end.
    fn trace(
        &mut self,
        provenance: &Provenance,
        trace: &Trace,
        run: Option<&Run>,
        limit: u64,
    ) -> Result<LeftOut, E> {
        let (provenance, run) = (provenance.clone(), run.cloned());
        self.head(&Head { provenance, trace: trace.without_records(), run })?;
        let groups = (0..).zip(&trace.groups);
        self.arrivals(groups.flat_map(|(group, facts)| {
            facts.arrivals_ns.iter().map(move |&ns| Arrival { group, ns })
        }))?;
        self.lanes(&trace.lanes)?;
        let (threads, slices) = match &trace.scheduling {
            Observed::Known(scheduling) => (&scheduling.threads[..], &scheduling.slices[..]),
            Observed::Unknown(_) => Default::default(),
        };
        self.threads(threads)?;
        // Whatever there is most of, the others keep a half of what is left.
        let room = |written: u64, others: usize| {
            let others = others as u64 * RECORD_BYTES;
            limit.saturating_sub(others.min(limit.saturating_sub(written) / 2))
        };
        let for_tasks = room(self.written, trace.spans.len() + slices.len());
        let tasks = self.tasks(trace.tasks.iter().copied(), for_tasks)?;
        let for_spans = room(self.written, slices.len());
        let spans = self.spans(trace.spans.iter().copied(), for_spans)?;
        let slices = self.slices(slices.iter().copied(), limit)?;
        Ok(LeftOut { limit_bytes: limit, tasks, spans, slices })
    }

    /// The last chunk: the file is whole.
    pub fn end(mut self, left_out: LeftOut) -> Result<(), E> {
        self.json(Kind::End, &End { left_out })
    }

    fn json(&mut self, kind: Kind, value: &impl Serialize) -> Result<(), E> {
        let text = serde_json::to_vec(value);
        self.payload = text.expect("facts have only string keys, so they can always be written");
        self.send(kind)
    }

    fn rows<const N: usize, R: Record<N>>(
        &mut self,
        kind: Kind,
        mut records: impl Iterator<Item = R>,
        limit: u64,
    ) -> Result<u64, E> {
        let mut columns = [const { Vec::new() }; N];
        while self.written < limit {
            self.payload.clear();
            let some = records.by_ref().take(CHUNK_ROWS);
            let count = put_rows(some, &mut columns, &mut self.payload);
            if count == 0 {
                return Ok(0);
            }
            if self.written.saturating_add(self.payload.len() as u64) > limit {
                return Ok(count + records.count() as u64);
            }
            self.send(kind)?;
        }
        Ok(records.count() as u64)
    }

    fn send(&mut self, kind: Kind) -> Result<(), E> {
        frame(kind, &self.payload, &mut self.chunk);
        self.put()
    }

    fn put(&mut self) -> Result<(), E> {
        (self.sink)(&self.chunk)?;
        self.written += self.chunk.len() as u64;
        Ok(())
    }
}

/// Writes a finished run, whole or as much as has room in `limit` bytes; says what had none.
///
/// # Errors
/// Those of the sink.
pub fn write<E, S: FnMut(&[u8]) -> Result<(), E>>(
    provenance: &Provenance,
    trace: &Trace,
    run: Option<&Run>,
    limit: u64,
    sink: S,
) -> Result<LeftOut, E> {
    let mut writer = Writer::new(sink)?;
    let left_out = writer.trace(provenance, trace, run, limit)?;
    writer.end(left_out)?;
    Ok(left_out)
}

/// Writes what is known of a run that goes on: a recording that ends before the run does, until
/// it is replaced.
///
/// # Errors
/// Those of the sink.
pub fn write_so_far<E, S: FnMut(&[u8]) -> Result<(), E>>(
    provenance: &Provenance,
    trace: &Trace,
    limit: u64,
    sink: S,
) -> Result<(), E> {
    Writer::new(sink)?.trace(provenance, trace, None, limit).map(drop)
}
