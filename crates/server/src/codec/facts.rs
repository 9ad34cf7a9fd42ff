//! What a head says about itself, collected in one pass over its header lines.
//!
//! It collects and does not judge: [`super::rules`] does. Its main type is [`Facts`].

use super::method::Method;

/// What the `Content-Length` lines say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Absent,
    Bytes(u64),
    /// Not only digits, or more than 64 bits.
    Malformed,
    /// Two lines that differ.
    Conflicting,
}

/// What the `Transfer-Encoding` lines say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferCoding {
    Absent,
    Chunked,
    /// Ends in chunked, but applies another coding first.
    Unknown,
    /// Does not end in chunked.
    Unfinished,
    /// Applies something after chunked, or names nothing.
    Malformed,
}

impl TransferCoding {
    /// Whether the end of the body cannot be told.
    pub fn is_malformed(self) -> bool {
        matches!(self, Self::Unfinished | Self::Malformed)
    }

    /// Several lines say the same as one with commas (RFC 9110, 5.3).
    fn join(self, line: &[u8]) -> Self {
        line.split(|&byte| byte == b',').map(trim_blanks).fold(self, Self::then)
    }

    fn then(self, coding: &[u8]) -> Self {
        let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        match self {
            _ if coding.is_empty() => Self::Malformed,
            Self::Absent if is_chunked => Self::Chunked,
            Self::Unfinished if is_chunked => Self::Unknown,
            Self::Absent | Self::Unfinished => Self::Unfinished,
            Self::Chunked | Self::Unknown | Self::Malformed => Self::Malformed,
        }
    }
}

/// Optional white space is spaces and tabs, and nothing else (RFC 9110, 5.6.3).
fn trim_blanks(mut word: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = word {
        word = rest;
    }
    word
}

/// The facts on which the rules decide.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub method: Method,
    pub minor: u8,
    /// A line feed without a carriage return before it.
    pub bare_line_feed: bool,
    /// No control characters and no spaces in the target. Characters beyond ASCII are let through, as
    /// nginx does: browsers encode them, but many a program does not.
    pub target_is_visible: bool,
    /// A fragment is the client's own and is not sent.
    pub target_has_fragment: bool,
    /// Origin form, absolute form, or `*` with OPTIONS.
    pub target_has_form: bool,
    pub hosts: u8,
    /// No `http` address has an empty host.
    pub host_is_empty: bool,
    /// Only characters that a host and a port can have.
    pub host_is_valid: bool,
    pub length: Length,
    pub coding: TransferCoding,
    pub says_close: bool,
    pub says_keep_alive: bool,
    pub expects_continue: bool,
    pub expects_other: bool,
}

impl Facts {
    pub(super) fn collect(
        head: &[u8],
        method_name: &str,
        target: &str,
        minor: u8,
        headers: &[httparse::Header<'_>],
    ) -> Self {
        let method = Method::from_name(method_name);
        let mut facts = Self {
            method,
            minor,
            bare_line_feed: has_bare_line_feed(head),
            target_is_visible: is_visible(target),
            target_has_fragment: target.contains('#'),
            target_has_form: has_form(target, method),
            hosts: 0,
            host_is_empty: false,
            host_is_valid: true,
            length: Length::Absent,
            coding: TransferCoding::Absent,
            says_close: false,
            says_keep_alive: false,
            expects_continue: false,
            expects_other: false,
        };
        for line in headers {
            facts.note(line.name, line.value);
        }
        facts
    }

    fn note(&mut self, name: &str, value: &[u8]) {
        // The length of the name decides most lines without comparing a byte of them.
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                self.hosts = self.hosts.saturating_add(1);
                self.host_is_empty |= value.is_empty() || value.starts_with(b":");
                self.host_is_valid &= is_host(value);
            }
            6 if name.eq_ignore_ascii_case("expect") => {
                let known = value.eq_ignore_ascii_case(b"100-continue");
                self.expects_continue |= known;
                self.expects_other |= !known;
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    self.says_close |= word.eq_ignore_ascii_case(b"close");
                    self.says_keep_alive |= word.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                self.length = join_length(self.length, parse_length(value));
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                self.coding = self.coding.join(value);
            }
            _ => {}
        }
    }
}

/// Looks at every byte, without an early end, so that the compiler takes many of them at once.
fn has_bare_line_feed(head: &[u8]) -> bool {
    let behind = head.get(1..).unwrap_or(&[]);
    let bare = |(&before, &byte): (&u8, &u8)| (byte == b'\n') & (before != b'\r');
    head.starts_with(b"\n") | head.iter().zip(behind).fold(false, |any, pair| any | bare(pair))
}

fn is_visible(target: &str) -> bool {
    let is_plain = target.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic());
    is_plain || !target.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn has_form(target: &str, method: Method) -> bool {
    target.starts_with('/')
        || (target == "*" && method == Method::Options)
        || target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// Characters of `uri-host [":" port]` (RFC 3986, 3.2.2).
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%:[]".contains(&byte))
}

fn parse_length(value: &[u8]) -> Length {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Length::Malformed;
    }
    let digits = str::from_utf8(value).expect("digits are ASCII");
    digits.parse().map_or(Length::Malformed, Length::Bytes)
}

fn join_length(before: Length, now: Length) -> Length {
    match (before, now) {
        (Length::Absent, now) => now,
        (Length::Bytes(a), Length::Bytes(b)) if a == b => now,
        (Length::Bytes(_), Length::Bytes(_)) => Length::Conflicting,
        _ => Length::Malformed,
    }
}
