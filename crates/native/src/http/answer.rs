//! An answer of HTTP/1.1, byte for byte, without a socket: it is given what arrived and says
//! whether that was all. The main type is [`Answer`].
//!
//! The head is taken apart by `httparse`; what the body is follows RFC 9112, section 6, strictly:
//! what two readers could understand in two ways is refused. Bodies are counted, not kept.

use std::mem::MaybeUninit;

/// So large may a head be, the whole of an interim answer included.
const HEAD_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 128;
/// Of a line with the size of a chunk; of all trailing fields together.
const CHUNK_LINE_MAX: usize = 4096;

/// What is known of the answer so far.
#[derive(Debug)]
pub(crate) struct Answer {
    /// To a HEAD, which has no body whatever its fields say.
    bodiless: bool,
    state: State,
    /// Of a head that has not arrived whole.
    head: Vec<u8>,
    status: u16,
    /// Where it points, if it does.
    location: Option<String>,
    keep: bool,
    started: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes are to come.
    Length(u64),
    /// In a line with a size: the size so far, whether there was a digit, whether extensions
    /// (which are skipped) have begun, and the length of the line.
    ChunkSize {
        size: u64,
        digits: bool,
        extension: bool,
        length: usize,
    },
    /// The line break behind a size: only the LF is missing.
    ChunkSizeEnd(u64),
    Chunk(u64),
    /// The line break behind a chunk: so many bytes of it are missing.
    ChunkEnd(u8),
    /// Trailing fields: the length of this line, and of all.
    Trailer {
        line: usize,
        all: usize,
        cr: bool,
    },
    ToClose,
    Over,
}

/// What is not an answer of HTTP/1.1, in a few words.
pub(crate) type Malformed = &'static str;

impl Answer {
    pub(crate) fn new(bodiless: bool) -> Self {
        Self {
            bodiless,
            state: State::Head,
            head: Vec::new(),
            status: 0,
            location: None,
            keep: false,
            started: false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether any byte of it has arrived.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// Whether the connection can be used for another request.
    pub(crate) fn keeps(&self) -> bool {
        self.keep
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Where it says that the answer is to be had (RFC 9110, section 15.4).
    pub(crate) fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Takes what arrived.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        self.started |= !bytes.is_empty();
        while !bytes.is_empty() {
            let used = match self.state {
                State::Head => self.take_head(bytes)?,
                State::Length(left) => {
                    let used = (bytes.len() as u64).min(left);
                    self.state = or_over(State::Length(left - used), left == used);
                    used as usize
                }
                State::ToClose => bytes.len(),
                State::Over => return Err("bytes follow the end of the answer"),
                _ => self.take_chunked(bytes)?,
            };
            bytes = &bytes[used..];
        }
        Ok(())
    }

    /// The server has closed the connection; whether the answer is whole.
    pub(crate) fn close(&mut self) -> bool {
        self.keep = false;
        if self.state == State::ToClose {
            self.state = State::Over;
        }
        self.is_over()
    }

    /// How many of these bytes belong to the head.
    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        if self.head.is_empty() {
            return match self.read_head(bytes)? {
                Some(used) => Ok(used),
                None => {
                    self.head.extend_from_slice(bytes);
                    Ok(bytes.len())
                }
            };
        }
        let before = self.head.len();
        let mut head = std::mem::take(&mut self.head);
        head.extend_from_slice(bytes);
        match self.read_head(&head)? {
            Some(used) => Ok(used - before),
            None if head.len() > HEAD_MAX => Err("its head is larger than 64 KiB"),
            None => {
                self.head = head;
                Ok(bytes.len())
            }
        }
    }

    /// The length of the head, if it is whole.
    fn read_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        // Most answers have a handful of fields: to clear room for all would cost more than to read them.
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let reader = httparse::ParserConfig::default();
        let read = reader.parse_response_with_uninit_headers(&mut response, bytes, &mut fields);
        let used = match read {
            Ok(httparse::Status::Complete(used)) => used,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err("it has more than 128 fields"),
            Err(_) => return Err("its head is not one of HTTP/1"),
        };
        let (version, status) = (response.version.unwrap_or(0), response.code.unwrap_or(0));
        if !(100..600).contains(&status) {
            return Err("its status is not between 100 and 599");
        }
        let framing = Framing::read(response.headers)?;
        self.status = status;
        if [301, 302, 303, 307, 308].contains(&status) {
            let is_it = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("location");
            let field = response.headers.iter().find(is_it);
            self.location = field.map(|field| String::from_utf8_lossy(field.value).into_owned());
        }
        if (100..200).contains(&status) {
            // An interim answer; the real one follows. 101 was not asked for.
            return if status == 101 { Err("it changes the protocol") } else { Ok(Some(used)) };
        }
        self.keep = framing.keeps(version);
        self.state = self.body(&framing, status)?;
        self.keep &= self.state != State::ToClose;
        Ok(Some(used))
    }

    /// RFC 9112, section 6.3.
    fn body(&self, framing: &Framing, status: u16) -> Result<State, Malformed> {
        if framing.chunked && framing.length.is_some() {
            return Err("it has both a length and chunks");
        }
        Ok(match framing.length {
            _ if self.bodiless || status == 204 || status == 304 => State::Over,
            _ if framing.chunked => CHUNK,
            Some(0) => State::Over,
            Some(length) => State::Length(length),
            None => State::ToClose,
        })
    }

    /// How many of these bytes were used: at least one.
    fn take_chunked(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let byte = bytes[0];
        self.state = match self.state {
            State::ChunkSize { size, digits, extension, length } => {
                chunk_size(byte, size, digits, extension, length)?
            }
            State::ChunkSizeEnd(_) if byte != b'\n' => return Err("a chunk's size is cut off"),
            State::ChunkSizeEnd(0) => State::Trailer { line: 0, all: 0, cr: false },
            State::ChunkSizeEnd(size) => State::Chunk(size),
            State::Chunk(left) => {
                let used = (bytes.len() as u64).min(left);
                self.state =
                    if used == left { State::ChunkEnd(2) } else { State::Chunk(left - used) };
                return Ok(used as usize);
            }
            State::ChunkEnd(2) if byte == b'\r' => State::ChunkEnd(1),
            State::ChunkEnd(1) if byte == b'\n' => CHUNK,
            State::ChunkEnd(_) => return Err("a chunk is longer than its size"),
            State::Trailer { line, all, cr } => trailer(byte, line, all, cr)?,
            other => other,
        };
        Ok(1)
    }
}

/// Before the line of a chunk's size.
const CHUNK: State = State::ChunkSize { size: 0, digits: false, extension: false, length: 0 };

fn or_over(state: State, over: bool) -> State {
    if over { State::Over } else { state }
}

/// One byte of the line with the size of a chunk (RFC 9112, section 7.1).
fn chunk_size(
    byte: u8,
    size: u64,
    digits: bool,
    extension: bool,
    length: usize,
) -> Result<State, Malformed> {
    if length > CHUNK_LINE_MAX {
        return Err("the line of a chunk's size is too long");
    }
    let length = length + 1;
    match byte {
        b'\r' if digits => Ok(State::ChunkSizeEnd(size)),
        b'\n' => Err("a chunk's size ends with a bare line feed"),
        _ if extension => Ok(State::ChunkSize { size, digits, extension, length }),
        b';' | b' ' | b'\t' if digits => {
            Ok(State::ChunkSize { size, digits, extension: true, length })
        }
        _ => {
            let digit = char::from(byte).to_digit(16).ok_or("a chunk's size is not a number")?;
            let size = size.checked_mul(16).ok_or("a chunk's size is too large")?;
            Ok(State::ChunkSize { size: size + u64::from(digit), digits: true, extension, length })
        }
    }
}

/// One byte of the fields after the last chunk, which are skipped.
fn trailer(byte: u8, line: usize, all: usize, cr: bool) -> Result<State, Malformed> {
    if all > CHUNK_LINE_MAX {
        return Err("the fields after its body are too long");
    }
    let all = all + 1;
    match byte {
        b'\n' if !cr => Err("a field after its body ends with a bare line feed"),
        b'\n' if line == 0 => Ok(State::Over),
        b'\n' => Ok(State::Trailer { line: 0, all, cr: false }),
        _ if cr => Err("a field after its body contains a bare carriage return"),
        b'\r' => Ok(State::Trailer { line, all, cr: true }),
        _ => Ok(State::Trailer { line: line + 1, all, cr: false }),
    }
}

/// What the fields say of the body and of the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Framing {
    fn read(fields: &[httparse::Header<'_>]) -> Result<Self, Malformed> {
        let mut framing = Self::default();
        for field in fields {
            if field.name.eq_ignore_ascii_case("content-length") {
                framing.add_length(field.value)?;
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                if framing.chunked || !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err("its transfer encoding is not chunked, once");
                }
                framing.chunked = true;
            } else if field.name.eq_ignore_ascii_case("connection") {
                for token in field.value.split(|&byte| byte == b',') {
                    framing.close |= token.trim_ascii().eq_ignore_ascii_case(b"close");
                    framing.keep_alive |= token.trim_ascii().eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
        Ok(framing)
    }

    fn add_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let wrong = "its length is not a number";
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits).ok_or(wrong)?;
        let length = text.parse().map_err(|_| wrong)?;
        if self.length.is_some_and(|before| before != length) {
            return Err("it has two lengths");
        }
        self.length = Some(length);
        Ok(())
    }

    /// RFC 9112, section 9.3.
    fn keeps(&self, minor_version: u8) -> bool {
        !self.close && (minor_version >= 1 || self.keep_alive)
    }
}

#[cfg(test)]
mod tests;
