//! The chunked decoder (RFC 9112, 7.1), strict: CRLF only, well-formed and bounded extensions and
//! trailers, and no white space around sizes and extensions, which two readers could take for
//! different things. Trailers are read and dropped.

use super::Refusal;

/// Bytes of size line, extensions and trailers of one body that are read before it is refused.
const OVERHEAD_MAX: u32 = 16 << 10;
/// Trailers that say where a message ends or for whom it is (RFC 9110, 6.5.1).
const FORBIDDEN: [&[u8]; 3] = [b"content-length", b"host", b"transfer-encoding"];
/// One more byte than the longest of them.
const TRAILER_MAX: usize = 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    SizeStart,
    /// After at least one digit.
    Size,
    /// After a semicolon.
    ExtensionStart,
    ExtensionName,
    /// After an equals sign.
    ExtensionValue,
    ExtensionToken,
    ExtensionQuoted,
    /// After a backslash within quotes.
    ExtensionEscape,
    /// After the closing quote.
    ExtensionEnd,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// At the start of a trailer line, or of the empty line that ends the body.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    EndLineFeed,
    End,
}

/// What one call of [`ChunkedDecoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkProgress {
    /// All input was consumed and the body goes on.
    More,
    /// The body ended after that many bytes of the input.
    End(usize),
}

/// Takes the chunk framing off a body, piece by piece.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    left: u64,
    overhead: u32,
    /// The name of a trailer as far as it came, in small letters; longer ones are not forbidden.
    trailer: [u8; TRAILER_MAX],
    trailer_length: usize,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self {
            state: State::SizeStart,
            left: 0,
            overhead: 0,
            trailer: [0; TRAILER_MAX],
            trailer_length: 0,
        }
    }
}

impl ChunkedDecoder {
    /// Reads `input` and gives the pieces of content in it to `take`.
    ///
    /// # Errors
    /// The framing is broken, or `take` refused a piece.
    pub fn decode(
        &mut self,
        input: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<ChunkProgress, Refusal> {
        let mut at = 0;
        while at < input.len() {
            if self.state == State::Data {
                let length =
                    (input.len() - at).min(usize::try_from(self.left).unwrap_or(usize::MAX));
                take(&input[at..at + length])?;
                at += length;
                self.left -= length as u64;
                if self.left == 0 {
                    self.state = State::DataReturn;
                }
                continue;
            }
            self.state = self.step(input[at])?;
            at += 1;
            if self.state == State::End {
                return Ok(ChunkProgress::End(at));
            }
        }
        Ok(ChunkProgress::More)
    }

    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        self.overhead += 1;
        if self.overhead > OVERHEAD_MAX {
            return Err(Refusal::CHUNKING);
        }
        let next = match (self.state, byte) {
            (State::SizeStart | State::Size, digit) if digit.is_ascii_hexdigit() => {
                self.add_digit(digit)?
            }
            (State::Size, b'\r') => State::SizeLineFeed,
            (State::Size, b';') => State::ExtensionStart,
            (state, byte) if state.is_extension() => extension(state, byte)?,
            (State::SizeLineFeed, b'\n') if self.left == 0 => State::TrailerStart,
            (State::SizeLineFeed, b'\n') => State::Data,
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => {
                // Many small chunks are slow but not an attack: only what exceeds data counts.
                self.overhead = self.overhead.saturating_sub(8);
                State::SizeStart
            }
            (State::TrailerStart, b'\r') => State::EndLineFeed,
            (State::TrailerStart | State::TrailerName, byte) if is_token(byte) => {
                self.name_trailer(byte);
                State::TrailerName
            }
            (State::TrailerName, b':') => self.judge_trailer()?,
            (State::TrailerValue, b'\r') => State::TrailerLineFeed,
            (State::TrailerValue, byte) if is_text(byte) => State::TrailerValue,
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            (State::EndLineFeed, b'\n') => State::End,
            _ => return Err(Refusal::CHUNKING),
        };
        Ok(next)
    }

    fn name_trailer(&mut self, byte: u8) {
        if self.state == State::TrailerStart {
            self.trailer_length = 0;
        }
        if let Some(place) = self.trailer.get_mut(self.trailer_length) {
            *place = byte.to_ascii_lowercase();
            self.trailer_length += 1;
        }
    }

    fn judge_trailer(&self) -> Result<State, Refusal> {
        match FORBIDDEN.contains(&&self.trailer[..self.trailer_length]) {
            true => Err(Refusal::TRAILER),
            false => Ok(State::TrailerValue),
        }
    }

    fn add_digit(&mut self, digit: u8) -> Result<State, Refusal> {
        let value = (digit as char).to_digit(16).expect("the caller saw a hexadecimal digit");
        self.left = self
            .left
            .checked_mul(16)
            .and_then(|left| left.checked_add(u64::from(value)))
            .ok_or(Refusal::CHUNKING)?;
        Ok(State::Size)
    }
}

impl State {
    fn is_extension(self) -> bool {
        use State::{
            ExtensionEnd, ExtensionEscape, ExtensionName, ExtensionQuoted, ExtensionStart,
            ExtensionToken, ExtensionValue,
        };
        matches!(
            self,
            ExtensionStart
                | ExtensionName
                | ExtensionValue
                | ExtensionToken
                | ExtensionQuoted
                | ExtensionEscape
                | ExtensionEnd
        )
    }
}

/// One byte of `;name=value`, where the value is a token or stands in quotes (RFC 9112, 7.1.1).
fn extension(state: State, byte: u8) -> Result<State, Refusal> {
    use State::{
        ExtensionEnd, ExtensionEscape, ExtensionName, ExtensionQuoted, ExtensionStart,
        ExtensionToken, ExtensionValue,
    };
    Ok(match (state, byte) {
        (ExtensionStart | ExtensionName, byte) if is_token(byte) => ExtensionName,
        (ExtensionName, b'=') => ExtensionValue,
        (ExtensionValue, b'"') => ExtensionQuoted,
        (ExtensionValue | ExtensionToken, byte) if is_token(byte) => ExtensionToken,
        (ExtensionQuoted, b'"') => ExtensionEnd,
        (ExtensionQuoted, b'\\') => ExtensionEscape,
        (ExtensionQuoted | ExtensionEscape, byte) if is_text(byte) => ExtensionQuoted,
        (ExtensionName | ExtensionToken | ExtensionEnd, b';') => ExtensionStart,
        (ExtensionName | ExtensionToken | ExtensionEnd, b'\r') => State::SizeLineFeed,
        _ => return Err(Refusal::CHUNKING),
    })
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// A character of a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
