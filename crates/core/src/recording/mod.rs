//! A run as a file: its trace, where it comes from, and what was made of it. Small facts are JSON,
//! so that the file explains itself; records by the million are columns of differences, about
//! nine bytes a span. Everything stands in chunks, each with its length and checksum, so that a
//! file that was cut short is read up to the cut. Bytes in, bytes out: files are for others.
//! The main type is [`Recording`]; [`Writer`] makes it bytes, [`Parser`] and [`Collector`] read.
//!
//! | part | bytes |
//! |---|---|
//! | preamble | [`MAGIC`], [`VERSION`] as `u32` |
//! | chunk, any number of times | kind `u8`, length `u32`, CRC-32 of kind, length and payload `u32`, payload |
//!
//! All numbers are little-endian. The first chunk is a [`Head`]; each later one replaces it. The
//! last one is an [`End`]: without it the file was cut. A chunk of records begins with their
//! number and holds one column after the other, each behind its length; numbers are LEB128.

#[cfg(test)]
pub(crate) mod arbitrary;
mod chunk;
mod collect;
mod columns;
mod fault;
mod parse;
mod records;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod varint;
mod write;

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::result::{Machine, Run, Settings, SubjectFacts};
use crate::trace::Trace;

pub use chunk::MAX_PAYLOAD;
pub use collect::Collector;
pub use columns::{Record, Rows};
pub use fault::Fault;
pub use parse::{Parser, Part};
pub use records::Arrival;
pub use varint::put_varint;
pub use write::{Writer, write, write_so_far};

/// The first eight bytes: no text, and damaged by whoever takes it for text, as in PNG
/// (RFC 2083, 12.11).
pub const MAGIC: [u8; 8] = *b"\x89MTRC\r\n\x1a";

/// The version of the form. A change that a reader of the old form would misread raises it.
pub const VERSION: u32 = 2;

/// One run, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub provenance: Provenance,
    pub trace: Trace,
    /// The figures of the run; `None`: the file ends before the run did.
    pub run: Option<Run>,
    pub left_out: LeftOut,
    /// Why the file is not whole; `None`: it is.
    pub cut: Option<Cut>,
}

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of `maitred`.
    pub program_version: String,
    /// UTC, RFC 3339.
    pub started: String,
    /// What the work is called, in one line.
    pub heading: String,
    pub subject: SubjectFacts,
    pub machine: Machine,
    pub settings: Settings,
}

/// All that is not by the million: the first chunk says what was planned, the last one what came
/// of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub provenance: Provenance,
    /// Without lanes, tasks, spans, arrivals, threads and slices, which have chunks of their own.
    pub trace: Trace,
    pub run: Option<Run>,
}

/// The last chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub left_out: LeftOut,
}

/// What had no room in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The size that the file was to keep within, in bytes.
    pub limit_bytes: u64,
    /// The last so many tasks.
    pub tasks: u64,
    /// The last so many spans, by start.
    pub spans: u64,
    /// The last so many slices, by start.
    pub slices: u64,
}

impl LeftOut {
    /// Whether everything had room.
    pub fn is_nothing(&self) -> bool {
        self.tasks == 0 && self.spans == 0 && self.slices == 0
    }
}

/// Reads all of a recording that is in memory, or as much as is there; `None`: not even its facts are.
pub fn read(bytes: &[u8]) -> Option<Recording> {
    let (mut parser, mut collector) = (Parser::default(), Collector::default());
    let mut at = 0;
    let fault = loop {
        match parser.parse(&bytes[at..]) {
            Ok((part, used)) => {
                if let Err(fault) = collector.take(part) {
                    break fault;
                }
                at += used;
                if collector.is_whole() {
                    return collector.finish(None);
                }
            }
            Err(fault) => break fault,
        }
    };
    let damaged = !matches!(fault, Fault::Short(_));
    collector.finish(Some(Cut { at: at as u64, damaged }))
}

/// Where a file ends before it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes that were read.
    pub at: u64,
    /// It goes on, but not as it was written; else it just ends.
    pub damaged: bool,
}
