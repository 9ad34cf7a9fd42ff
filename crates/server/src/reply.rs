//! What is to be done for one request, as data: the handler makes a [`Reply`], and every strategy
//! carries it out in its own way.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::codec::write_chunk;
use crate::endpoints::Report;
use crate::sys;

/// Bytes of an answer that are made before the client must take some.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// Something to be done other than reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Waits, and would let others work meanwhile.
    Wait(Duration),
    /// Waits, and holds its thread: what a blocking call does.
    Block(Duration),
    /// Computes until so much processor time is used.
    Compute(Duration),
    /// Takes so many bytes of memory and never gives them back.
    Leak(usize),
    /// Ends the process as a bug would.
    Crash,
}

impl Act {
    /// Does it here and now, on the calling thread.
    pub(crate) fn perform(self) {
        match self {
            Self::Wait(time) | Self::Block(time) => thread::sleep(time),
            Self::Compute(time) => compute(time),
            Self::Leak(bytes) => leak(bytes),
            Self::Crash => std::process::abort(),
        }
    }
}

fn compute(time: Duration) {
    let end = sys::thread_cpu_time() + time;
    let mut value: u64 = 1;
    while sys::thread_cpu_time() < end {
        for _ in 0..1000 {
            value = black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

fn leak(bytes: usize) {
    static LEAKED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    // Ones, because zeros would be pages that the kernel does not have to provide.
    let leaked = vec![1; bytes];
    if let Ok(mut all) = LEAKED.lock() {
        all.push(leaked);
    }
}

/// What follows a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Pause(Duration),
    End,
}

/// The content of an answer, made piece by piece.
#[derive(Debug)]
pub(crate) enum Body {
    Text(Cow<'static, str>),
    Bytes(Vec<u8>),
    /// What the client sent.
    Echo(Vec<u8>),
    /// What was asked, told when it is there.
    Report(Box<Report>),
    /// So many bytes of filling; in chunks of so many, or with their number before them.
    Fill {
        left: u64,
        chunk: Option<u64>,
    },
    /// So many lines of JSON, one a chunk.
    Lines {
        next: u64,
        total: u64,
    },
    /// So many server-sent events, with a pause between two.
    Events {
        next: u64,
        total: u64,
        pause: Duration,
    },
    /// No answer as it should be.
    Fault(Fault),
    /// So many bytes, one at a time, with a pause between two.
    Drip {
        left: u64,
        pause: Duration,
    },
}

impl Body {
    /// Where content of the request goes that somebody wants.
    pub(crate) fn received(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Echo(keep) => Some(keep),
            Self::Report(report) => Some(&mut report.received),
            _ => None,
        }
    }

    /// The request is there, whole.
    pub(crate) fn complete(&mut self) {
        if let Self::Report(report) = self {
            *self = Self::Bytes(report.complete());
        }
    }

    /// The number of bytes, where it is said before the first one is sent.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Text(text) => Some(text.len() as u64),
            Self::Bytes(bytes) | Self::Echo(bytes) => Some(bytes.len() as u64),
            Self::Fill { left, chunk: None } | Self::Drip { left, .. } => Some(*left),
            Self::Fault(Fault::Truncate) => Some(TRUNCATED_LENGTH),
            Self::Fill { .. }
            | Self::Lines { .. }
            | Self::Events { .. }
            | Self::Fault(_)
            | Self::Report(_) => None,
        }
    }

    /// Appends the next piece to `out`, framed as a chunk where the body has no length.
    pub(crate) fn write_piece(&mut self, out: &mut Vec<u8>, chunked: bool) -> Next {
        match self {
            Self::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                Next::End
            }
            Self::Bytes(bytes) | Self::Echo(bytes) => {
                out.append(bytes);
                Next::End
            }
            // Completed before its first piece is asked for.
            Self::Report(_) => Next::End,
            Self::Fill { left, chunk } => {
                let length = (*left).min(chunk.unwrap_or(u64::MAX)).min(PIECE_BYTES as u64);
                let length = usize::try_from(length).expect("at most a piece");
                if chunked && length > 0 {
                    let mut piece = Vec::with_capacity(length);
                    fill(&mut piece, length);
                    write_chunk(out, &piece);
                } else {
                    fill(out, length);
                }
                *left -= length as u64;
                if *left == 0 { Next::End } else { Next::More }
            }
            Self::Lines { next, total } => {
                if *next < *total {
                    let line = format!("{{\"id\":{next},\"of\":{total}}}\n");
                    write_framed(out, line.as_bytes(), chunked);
                    *next += 1;
                }
                if *next == *total { Next::End } else { Next::More }
            }
            Self::Events { next, total, pause } => {
                let event =
                    format!("event: ping\nid: {next}\ndata: {{\"id\":{next},\"of\":{total}}}\n\n");
                write_framed(out, event.as_bytes(), chunked);
                *next += 1;
                if *next == *total { Next::End } else { Next::Pause(*pause) }
            }
            Self::Fault(fault) => {
                fault.write_content(out);
                Next::End
            }
            Self::Drip { left, pause } => {
                if *left > 0 {
                    out.push(b'*');
                    *left -= 1;
                }
                if *left == 0 { Next::End } else { Next::Pause(*pause) }
            }
        }
    }
}

fn write_framed(out: &mut Vec<u8>, data: &[u8], chunked: bool) {
    if chunked {
        write_chunk(out, data);
    } else {
        out.extend_from_slice(data);
    }
}

/// So long a truncated body says that it is.
const TRUNCATED_LENGTH: u64 = 1_000;

/// A way to fail a client that is no answer of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is reset instead of an answer.
    Reset,
    /// The connection is closed instead of an answer.
    Close,
    /// The body ends before its length.
    Truncate,
    /// The second chunk of the body is malformed.
    Chunk,
    /// What comes is not HTTP.
    Garbage,
}

impl Fault {
    /// Whether the answer begins as one should.
    pub(crate) fn has_head(self) -> bool {
        matches!(self, Self::Truncate | Self::Chunk)
    }

    pub(crate) fn write_content(self, out: &mut Vec<u8>) {
        match self {
            Self::Reset | Self::Close => {}
            Self::Truncate => fill(out, 500),
            Self::Chunk => out.extend_from_slice(b"5\r\nhello\r\nthis is no size\r\n"),
            Self::Garbage => out.extend_from_slice(b"\x00\xff garbage\x07\r\n\r\n"),
        }
    }
}

fn fill(out: &mut Vec<u8>, length: usize) {
    const PATTERN: &[u8] = b"Hello, World!";
    let end = out.len() + length;
    while out.len() < end {
        let part = PATTERN.len().min(end - out.len());
        out.extend_from_slice(&PATTERN[..part]);
    }
}

/// The answer to a request, and what is done before it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) before: Option<Act>,
    pub(crate) status: u16,
    pub(crate) content_type: Cow<'static, str>,
    /// Further header lines.
    pub(crate) extra: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Body,
}

impl Reply {
    pub(crate) fn text(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", Body::Text(text.into()))
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: Body) -> Self {
        Self { before: None, status, content_type: content_type.into(), extra: Vec::new(), body }
    }

    /// Says one thing more in the head.
    pub(crate) fn say(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.extra.push((name.into(), value.into()));
    }

    /// Does `act` first, and tells the client how long that was meant to take.
    pub(crate) fn after(mut self, act: Act) -> Self {
        if let Act::Wait(time) | Act::Block(time) | Act::Compute(time) = act {
            let millis = time.as_secs_f64() * 1e3;
            self.say("Server-Timing", format!("intended;dur={millis}"));
        }
        self.before = Some(act);
        self
    }
}
