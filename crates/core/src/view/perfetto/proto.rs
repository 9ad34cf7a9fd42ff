//! Protocol Buffers on the wire, as far as a writer needs them ("Encoding",
//! protobuf.dev/programming-guides/encoding): a field is its number and type, then its value.

use alloc::vec::Vec;

use crate::recording::put_varint;

const VARINT: u64 = 0;
const BYTES: u64 = 2;

/// A message under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn number(&mut self, field: u32, value: u64) -> &mut Self {
        put_varint(&mut self.0, u64::from(field) << 3 | VARINT);
        put_varint(&mut self.0, value);
        self
    }

    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) -> &mut Self {
        put_varint(&mut self.0, u64::from(field) << 3 | BYTES);
        put_varint(&mut self.0, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn text(&mut self, field: u32, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(&mut self, field: u32, build: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        build(&mut inner);
        self.bytes(field, &inner.0)
    }

    /// Numbers of a repeated field, one after the other.
    pub(super) fn packed(&mut self, field: u32, values: impl IntoIterator<Item = u64>) {
        let mut inner = Vec::new();
        values.into_iter().for_each(|value| put_varint(&mut inner, value));
        self.bytes(field, &inner);
    }
}
