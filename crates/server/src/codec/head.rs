//! The head of a request: `httparse` finds its parts, the strict layer judges them.

use std::mem::MaybeUninit;

use super::SizeLimits;
use super::facts::{Facts, Length, TransferCoding};
use super::method::Method;
use super::rules::{self, Refusal};

/// The most header lines a request may have; more are answered 431.
pub const HEADERS_MAX: usize = 100;

/// Where `httparse` puts header lines: on the stack, and never cleared.
pub type HeadSpace<'b> = [MaybeUninit<httparse::Header<'b>>; HEADERS_MAX];

/// Fresh room for the header lines of one head.
pub const fn head_space<'b>() -> HeadSpace<'b> {
    [const { MaybeUninit::uninit() }; HEADERS_MAX]
}

/// How the end of the body is told (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// A request head that broke no rule.
#[derive(Debug)]
pub struct Head<'h, 'b> {
    pub method: Method,
    /// As received.
    pub method_name: &'b str,
    /// Origin form: the authority of an absolute target is cut off.
    pub target: &'b str,
    pub headers: &'h [httparse::Header<'b>],
    /// The `x` of HTTP/1.x.
    pub minor: u8,
    pub framing: Framing,
    /// Whether the client wants the connection kept (RFC 9112, 9.3).
    pub keep_alive: bool,
    pub expects_continue: bool,
}

impl<'b> Head<'_, 'b> {
    /// The target up to the question mark.
    pub fn path(&self) -> &'b str {
        let end = self.target.bytes().position(|byte| byte == b'?');
        &self.target[..end.unwrap_or(self.target.len())]
    }

    /// The value of the first header line of that name.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }
}

/// Reads a head from the start of `bytes`: `None` if it is not complete yet, otherwise the head
/// and its length in bytes.
///
/// # Errors
/// The status to answer with; the connection cannot be used afterwards.
pub fn parse_head<'h, 'b>(
    bytes: &'b [u8],
    space: &'h mut HeadSpace<'b>,
    limits: &SizeLimits,
) -> Result<Option<(Head<'h, 'b>, usize)>, Refusal> {
    let mut request = httparse::Request::new(&mut []);
    let status = match request.parse_with_uninit_headers(bytes, space) {
        Ok(status) => status,
        Err(error) => return Err(explain(error, bytes, limits)),
    };
    let httparse::Status::Complete(length) = status else {
        return partial(bytes, limits).map(|()| None);
    };
    let target = request.path.unwrap_or("");
    if target.len() > limits.target_bytes {
        return Err(Refusal::TARGET_TOO_LONG);
    }
    if length > limits.head_bytes {
        return Err(Refusal::HEAD_TOO_LARGE);
    }
    let method_name = request.method.unwrap_or("");
    let minor = request.version.unwrap_or(1);
    let facts = Facts::collect(&bytes[..length], method_name, target, minor, request.headers);
    rules::judge(&facts, limits)?;
    let head = Head {
        method: facts.method,
        method_name,
        target: origin_form(target),
        headers: request.headers,
        minor,
        framing: match (facts.coding, facts.length) {
            (TransferCoding::Chunked, _) => Framing::Chunked,
            (_, Length::Bytes(0)) => Framing::None,
            (_, Length::Bytes(bytes)) => Framing::Length(bytes),
            _ => Framing::None,
        },
        keep_alive: !facts.says_close && (minor == 1 || facts.says_keep_alive),
        expects_continue: facts.expects_continue && minor == 1,
    };
    Ok(Some((head, length)))
}

/// `http://host/path` says the same as `/path` (RFC 9112, 3.2.2).
fn origin_form(target: &str) -> &str {
    if target.starts_with('/') {
        return target;
    }
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    }
}

/// A head that is still growing is refused as soon as it cannot become a good one.
fn partial(bytes: &[u8], limits: &SizeLimits) -> Result<(), Refusal> {
    let start = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let line = bytes[start..].split(|&byte| byte == b'\n').next().unwrap_or(&[]);
    let target = line.split(|&byte| byte == b' ').nth(1).unwrap_or(&[]);
    if target.len() > limits.target_bytes {
        return Err(Refusal::TARGET_TOO_LONG);
    }
    if bytes.len() > limits.head_bytes {
        return Err(Refusal::HEAD_TOO_LARGE);
    }
    Ok(())
}

fn explain(error: httparse::Error, bytes: &[u8], limits: &SizeLimits) -> Refusal {
    if let Err(refusal) = partial(bytes, limits) {
        return refusal;
    }
    match error {
        httparse::Error::TooManyHeaders => Refusal::HEAD_TOO_LARGE,
        httparse::Error::Version if names_other_version(bytes) => Refusal::VERSION,
        _ => Refusal::SYNTAX,
    }
}

/// Whether the request line has three words of which the last is a well-formed version that is not
/// ours (`HTTP/2.0`).
fn names_other_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or(&[]);
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    let (version, rest) = (words.next().unwrap_or(&[]), words.next());
    matches!(version, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit() && rest.is_none())
}
