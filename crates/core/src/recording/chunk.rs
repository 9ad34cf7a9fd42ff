//! The frame of a chunk: kind, length, checksum, payload.

use alloc::vec::Vec;

/// Bytes before the payload.
pub(crate) const FRAME_BYTES: usize = 9;

/// No chunk is larger: a length beyond it is damage, and is never believed.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// What is in a chunk. Numbers are never used for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Head = 1,
    Arrivals = 2,
    Lanes = 3,
    Tasks = 4,
    Spans = 5,
    Threads = 6,
    Slices = 7,
    End = 8,
}

impl Kind {
    /// The kind with this number; `None`: one of a later program, to be passed over.
    pub(crate) fn from_u8(number: u8) -> Option<Self> {
        use Kind as K;
        let all =
            [K::Head, K::Arrivals, K::Lanes, K::Tasks, K::Spans, K::Threads, K::Slices, K::End];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// A whole chunk.
///
/// # Panics
/// If the payload is larger than [`MAX_PAYLOAD`].
pub(crate) fn frame(kind: Kind, payload: &[u8], chunk: &mut Vec<u8>) {
    assert!(payload.len() <= MAX_PAYLOAD, "a chunk of {} bytes", payload.len());
    let length = (payload.len() as u32).to_le_bytes();
    chunk.clear();
    chunk.push(kind as u8);
    chunk.extend(length);
    chunk.extend(checksum(kind as u8, length, payload).to_le_bytes());
    chunk.extend(payload);
}

/// What lies at the front of some bytes.
#[derive(Debug)]
pub(crate) enum Framed<'a> {
    /// So many bytes are needed to tell.
    More(usize),
    Chunk {
        kind: u8,
        payload: &'a [u8],
    },
    Damaged,
}

/// Takes the chunk at the front apart.
pub(crate) fn unframe(bytes: &[u8]) -> Framed<'_> {
    let Some((frame, rest)) = bytes.split_first_chunk::<FRAME_BYTES>() else {
        return Framed::More(FRAME_BYTES);
    };
    let [kind, l0, l1, l2, l3, sum @ ..] = *frame;
    let length = [l0, l1, l2, l3];
    let size = u32::from_le_bytes(length) as usize;
    if size > MAX_PAYLOAD {
        return Framed::Damaged;
    }
    match rest.get(..size) {
        None => Framed::More(FRAME_BYTES + size),
        Some(payload) if checksum(kind, length, payload) == u32::from_le_bytes(sum) => {
            Framed::Chunk { kind, payload }
        }
        Some(_) => Framed::Damaged,
    }
}

fn checksum(kind: u8, length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}
