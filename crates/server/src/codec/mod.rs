//! The one HTTP/1.1 codec of all strategies: bytes in, requests out; answers in, bytes out.
//!
//! It refuses to know of sockets, threads or clocks, so that a comparison of strategies never
//! compares codecs. Its main types are [`Head`] and [`BodyReader`].

mod body;
mod chunked;
mod facts;
mod head;
mod method;
mod response;
mod rules;

pub use body::{BodyProgress, BodyReader};
pub use chunked::{ChunkProgress, ChunkedDecoder};
pub use facts::{Facts, Length, TransferCoding};
pub use head::{Framing, HEADERS_MAX, Head, HeadSpace, head_space, parse_head};
pub use method::Method;
pub use response::{ResponseHead, http_date_now, reason, write_chunk, write_last_chunk};
pub use rules::{RULES, Refusal, Rule};

/// How much of a request is read before it is refused. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// The request target; a longer one is answered 414.
    pub target_bytes: usize,
    /// The whole head, request line included; a longer one is answered 431.
    pub head_bytes: usize,
    /// The body after decoding; a longer one is answered 413.
    pub body_bytes: u64,
}

impl Default for SizeLimits {
    fn default() -> Self {
        Self { target_bytes: 8 << 10, head_bytes: 32 << 10, body_bytes: 1 << 20 }
    }
}
