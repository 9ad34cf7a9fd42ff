//! Bytes made smaller: DEFLATE (RFC 1951) at its fastest, for a run must not wait for it.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// Takes bytes and packs them.
#[derive(Debug)]
pub(crate) struct Packer {
    encoder: DeflateEncoder<Vec<u8>>,
    taken: u64,
}

/// Bytes that were packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// How many there are once they are unpacked.
    pub size: u64,
    pub data: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> Self {
        Self { encoder: DeflateEncoder::new(Vec::new(), Compression::fast()), taken: 0 }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.taken += bytes.len() as u64;
        self.encoder.write_all(bytes)
    }

    pub(crate) fn end(self) -> io::Result<Packed> {
        Ok(Packed { size: self.taken, data: self.encoder.finish()? })
    }
}

/// Packs all of it.
pub(crate) fn pack(bytes: &[u8]) -> io::Result<Packed> {
    let mut packer = Packer::new();
    packer.take(bytes)?;
    packer.end()
}

/// What was packed; an error where it is not as long as it was.
pub(crate) fn unpack(packed: &Packed) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A length that is only claimed takes no memory; one byte more tells that there is more.
    DeflateDecoder::new(packed.data.as_slice()).take(packed.size + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == packed.size {
        true => Ok(bytes),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "it is not as long as it was")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back_and_what_was_cut_is_told() {
        let bytes: Vec<u8> = (0..10_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let mut packed = pack(&bytes).unwrap();
        assert!(packed.data.len() < bytes.len() / 2);
        assert_eq!(unpack(&packed).unwrap(), bytes);
        packed.size += 1;
        unpack(&packed).unwrap_err();
        packed.size -= 2;
        unpack(&packed).unwrap_err();
        packed.data.truncate(packed.data.len() / 2);
        unpack(&packed).unwrap_err();
    }
}
