//! The strict layer: what `httparse` lets through and a server that stands behind a proxy must
//! not, as a table of rules with the status that each costs.
//!
//! The table is ordered: of several broken rules the first one is answered.

use super::SizeLimits;
use super::facts::{Facts, Length, TransferCoding};
use super::method::Method;

/// Why a request is refused: the status of the answer and the name of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub rule: &'static str,
}

impl Refusal {
    pub const SYNTAX: Self = Self { status: 400, rule: "syntax" };
    pub const CHUNKING: Self = Self { status: 400, rule: "chunking" };
    pub const TRAILER: Self = Self { status: 400, rule: "trailer-forbidden" };
    pub const TIMEOUT: Self = Self { status: 408, rule: "timeout" };
    pub const BODY_TOO_LARGE: Self = Self { status: 413, rule: "body-size" };
    pub const TARGET_TOO_LONG: Self = Self { status: 414, rule: "target-size" };
    pub const HEAD_TOO_LARGE: Self = Self { status: 431, rule: "head-size" };
    pub const VERSION: Self = Self { status: 505, rule: "version" };
}

/// One rule of the strict layer.
#[derive(Debug)]
pub struct Rule {
    /// Named in the answer and in tests.
    pub id: &'static str,
    pub status: u16,
    /// Where the rule comes from.
    pub source: &'static str,
    broken: fn(&Facts, &SizeLimits) -> bool,
}

macro_rules! rules {
    ($($id:literal $status:literal $source:literal $broken:expr;)*) => {
        &[$(Rule { id: $id, status: $status, source: $source, broken: $broken }),*]
    };
}

/// All rules, in the order in which they are tried.
pub static RULES: &[Rule] = rules! {
    "bare-lf"            400 "RFC 9112, 2.2"   |f, _| f.bare_line_feed;
    "target-characters"  400 "RFC 9112, 3.2"   |f, _| !f.target_is_visible;
    "target-fragment"    400 "RFC 9112, 3.2.1" |f, _| f.target_has_fragment;
    "method-unknown"     501 "RFC 9110, 9.1"   |f, _| f.method == Method::Unknown;
    "target-form"        400 "RFC 9112, 3.2"   |f, _| !f.target_has_form;
    "host-missing"       400 "RFC 9112, 3.2"   |f, _| f.hosts == 0 && f.minor == 1;
    "host-repeated"      400 "RFC 9112, 3.2"   |f, _| f.hosts > 1;
    "host-empty"         400 "RFC 9110, 4.2.1" |f, _| f.host_is_empty;
    "host-characters"    400 "RFC 9112, 3.2"   |f, _| !f.host_is_valid;
    "length-malformed"   400 "RFC 9112, 6.3"   |f, _| f.length == Length::Malformed;
    "length-conflicting" 400 "RFC 9112, 6.3"   |f, _| f.length == Length::Conflicting;
    "coding-with-length" 400 "RFC 9112, 6.1"   |f, _| has_coding(f) && f.length != Length::Absent;
    "coding-in-1.0"      400 "RFC 9112, 6.1"   |f, _| has_coding(f) && f.minor == 0;
    "coding-malformed"   400 "RFC 9112, 6.3"   |f, _| f.coding.is_malformed();
    "coding-unknown"     501 "RFC 9112, 6.1"   |f, _| f.coding == TransferCoding::Unknown;
    "length-required"    411 "RFC 9112, 6.3"   |f, _| lacks_length(f);
    "expectation"        417 "RFC 9110, 10.1.1" |f, _| f.expects_other;
    "body-size"          413 "RFC 9110, 15.5.14" is_too_large;
};

fn has_coding(facts: &Facts) -> bool {
    facts.coding != TransferCoding::Absent
}

/// In HTTP/1.0 content without a length would end with the connection, which cannot be told from
/// a client that broke down; in HTTP/1.1 no length means no content.
fn lacks_length(facts: &Facts) -> bool {
    facts.minor == 0 && facts.length == Length::Absent && facts.method.has_content()
}

fn is_too_large(facts: &Facts, limits: &SizeLimits) -> bool {
    matches!(facts.length, Length::Bytes(bytes) if bytes > limits.body_bytes)
}

pub(super) fn judge(facts: &Facts, limits: &SizeLimits) -> Result<(), Refusal> {
    match RULES.iter().find(|rule| (rule.broken)(facts, limits)) {
        Some(rule) => Err(Refusal { status: rule.status, rule: rule.id }),
        None => Ok(()),
    }
}
