//! From bytes to parts, one at a time, whoever brings the bytes and from where: nothing is held
//! but the chunk at hand. Believes no length and no number; never panics, never loops.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::chunk::{Framed, Kind, unframe};
use super::columns::Rows;
use super::fault::Fault;
use super::records::{Arrival, Nameless, THREAD_COLUMNS};
use super::varint::take_varint;
use super::{End, Head, MAGIC, VERSION};
use crate::trace::{Lane, Slice, Span, Task, Thread};

/// Bytes of the preamble.
const PREAMBLE_BYTES: usize = MAGIC.len() + 4;

/// One chunk, understood.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    Head(Box<Head>),
    Arrivals(Rows<'a, Arrival, 2>),
    Lanes(Rows<'a, Lane, 10>),
    Tasks(Rows<'a, Task, 5>),
    Spans(Rows<'a, Span, 5>),
    Threads(Vec<Thread>),
    Slices(Rows<'a, Slice, 4>),
    /// The last part: nothing is missing.
    End(End),
    /// Nothing that concerns this version.
    Other,
}

/// Reads parts in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parser {
    place: Place,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Preamble,
    Head,
    Chunks,
}

impl Parser {
    /// Understands what is at the front of `bytes`, which begin where the part before ended: the
    /// part, and how many bytes it took.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn parse<'a>(&mut self, bytes: &'a [u8]) -> Result<(Part<'a>, usize), Fault> {
        if self.place == Place::Preamble {
            return self.preamble(bytes);
        }
        match unframe(bytes) {
            Framed::More(least) => Err(Fault::Short(least)),
            Framed::Damaged => Err(Fault::Damaged),
            Framed::Chunk { kind, payload } => {
                let used = super::chunk::FRAME_BYTES + payload.len();
                let part = part(kind, payload)?;
                if self.place == Place::Head && !matches!(part, Part::Head(_)) {
                    return Err(Fault::Damaged);
                }
                self.place = Place::Chunks;
                Ok((part, used))
            }
        }
    }

    fn preamble<'a>(&mut self, bytes: &'a [u8]) -> Result<(Part<'a>, usize), Fault> {
        let seen = bytes.len().min(MAGIC.len());
        if bytes[..seen] != MAGIC[..seen] {
            return Err(Fault::NotARecording);
        }
        let Some((_, version)) = bytes.get(..PREAMBLE_BYTES).and_then(|it| it.split_last_chunk())
        else {
            return Err(Fault::Short(PREAMBLE_BYTES));
        };
        match u32::from_le_bytes(*version) {
            VERSION => {
                self.place = Place::Head;
                Ok((Part::Other, PREAMBLE_BYTES))
            }
            other => Err(Fault::Version(other)),
        }
    }
}

fn part(kind: u8, mut payload: &[u8]) -> Result<Part<'_>, Fault> {
    let payload = &mut payload;
    let unlike = |error| Fault::Unlike(alloc::format!("{error}"));
    let part = match Kind::from_u8(kind) {
        None => return Ok(Part::Other),
        Some(Kind::Head) => {
            return serde_json::from_slice(payload).map(Part::Head).map_err(unlike);
        }
        Some(Kind::End) => return serde_json::from_slice(payload).map(Part::End).map_err(unlike),
        Some(Kind::Arrivals) => Rows::take(payload).map(Part::Arrivals),
        Some(Kind::Lanes) => Rows::take(payload).map(Part::Lanes),
        Some(Kind::Tasks) => Rows::take(payload).map(Part::Tasks),
        Some(Kind::Spans) => Rows::take(payload).map(Part::Spans),
        Some(Kind::Slices) => Rows::take(payload).map(Part::Slices),
        Some(Kind::Threads) => threads(payload).map(Part::Threads),
    };
    part.filter(|_| payload.is_empty()).ok_or(Fault::Damaged)
}

fn threads(payload: &mut &[u8]) -> Option<Vec<Thread>> {
    let mut rows: Rows<'_, Nameless, THREAD_COLUMNS> = Rows::take(payload)?;
    let mut threads = Vec::new();
    for row in rows.by_ref() {
        let length = usize::try_from(take_varint(payload)?).ok()?;
        let name;
        (name, *payload) = payload.split_at_checked(length)?;
        threads.push(row.named(core::str::from_utf8(name).ok()?));
    }
    rows.is_whole().then_some(threads)
}
