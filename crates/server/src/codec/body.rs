//! Reads the body of a request to its end, whatever tells where that is.

use super::{ChunkProgress, ChunkedDecoder, Framing, Refusal};

#[derive(Debug)]
enum Rest {
    Bytes(u64),
    Chunks(ChunkedDecoder),
}

/// How far the body came with the input given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProgress {
    More,
    /// The body ended after that many bytes of the input.
    End(usize),
}

/// The part of a body that was not received yet; content is kept only if somebody wants it.
#[derive(Debug)]
pub struct BodyReader {
    rest: Rest,
    /// Bytes of content received.
    received: u64,
    received_max: u64,
}

impl BodyReader {
    /// `None` if there is no body. A body above `bytes_max` is refused.
    pub fn new(framing: Framing, bytes_max: u64) -> Option<Self> {
        let rest = match framing {
            Framing::None => return None,
            Framing::Length(bytes) => Rest::Bytes(bytes),
            Framing::Chunked => Rest::Chunks(ChunkedDecoder::default()),
        };
        Some(Self { rest, received: 0, received_max: bytes_max })
    }

    /// Reads `input`, and appends its content to `keep` if there is one.
    ///
    /// # Errors
    /// The framing is broken (400) or the body is too large (413).
    pub fn read(
        &mut self,
        input: &[u8],
        mut keep: Option<&mut Vec<u8>>,
    ) -> Result<BodyProgress, Refusal> {
        let (received, received_max) = (&mut self.received, self.received_max);
        let mut take = |piece: &[u8]| {
            *received += piece.len() as u64;
            if *received > received_max {
                return Err(Refusal::BODY_TOO_LARGE);
            }
            if let Some(keep) = keep.as_deref_mut() {
                keep.extend_from_slice(piece);
            }
            Ok(())
        };
        match &mut self.rest {
            Rest::Bytes(left) => {
                let length = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                take(&input[..length])?;
                *left -= length as u64;
                Ok(if *left == 0 { BodyProgress::End(length) } else { BodyProgress::More })
            }
            Rest::Chunks(decoder) => Ok(match decoder.decode(input, take)? {
                ChunkProgress::More => BodyProgress::More,
                ChunkProgress::End(length) => BodyProgress::End(length),
            }),
        }
    }
}
