//! The syntax of a workload: KDL 2 (<https://kdl.dev/spec>), read into a tree of nodes.
//!
//! The crate `kdl` (6.7.1) is not used here, only as the oracle of the tests: twenty
//! slash-dashed blocks in one another, 120 bytes, keep it busy for more than twenty seconds, and
//! each further one doubles that; some thousand stray brackets overflow its stack; and the span
//! of a property cannot be told from that of its value. This reader takes time in proportion to
//! the text, goes on after a mistake, and stops at a depth. It knows nothing of what nodes mean.
//! The main type is [`Node`].

mod node;
mod scan;
mod string;
#[cfg(test)]
mod tests;
mod word;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

pub(super) use node::read;

/// A text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    /// Bytes of the file, quotes included.
    pub span: Range<usize>,
}

/// A value as it is written, before parameters are put in.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub data: Data,
    /// The word in brackets before it: `(exponential)"10ms"`.
    pub annotation: Option<Name>,
    /// Bytes of the file, quotes included, the annotation not.
    pub span: Range<usize>,
}

/// What KDL can say.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Text(String),
    Integer(i128),
    Float(f64),
    Bool(bool),
    Null,
}

/// A node: `name argument key=value { children }`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) annotation: Option<Name>,
    pub(super) name: Name,
    pub(super) entries: Vec<NodeEntry>,
    pub(super) children: Option<Vec<Node>>,
    /// From the opening to the closing brace of the children.
    pub(super) block: Range<usize>,
}

/// An argument, or a property if it has a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NodeEntry {
    pub(super) key: Option<Name>,
    pub(super) value: Value,
}
