//! Numbers in as many bytes as they need: LEB128, as in Protocol Buffers ("Encoding", base 128
//! varints), with signed ones folded so that small ones of either sign stay small (ZigZag).

use alloc::vec::Vec;

/// Appends a number, seven bits a byte, the lowest first.
pub fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Takes a number from the front; `None`: the bytes end within it, or it is none of 64 bits.
#[inline]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    // Most take one byte to three.
    match **bytes {
        [byte @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Some(byte.into())
        }
        [low, high @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Some(u64::from(low & 0x7f) | u64::from(high) << 7)
        }
        [low, middle, high @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Some(u64::from(low & 0x7f) | u64::from(middle & 0x7f) << 7 | u64::from(high) << 14)
        }
        _ => take_long_varint(bytes),
    }
}

fn take_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            // The tenth byte has room for one bit.
            return (shift < 63 || byte < 2).then_some(value);
        }
    }
    None
}

/// The difference of two numbers, wrapped and folded; [`moved`] undoes it.
pub(crate) fn difference(from: u64, to: u64) -> u64 {
    let difference = to.wrapping_sub(from) as i64;
    ((difference << 1) ^ (difference >> 63)) as u64
}

/// The number that lies so far from another.
#[inline]
pub(crate) fn moved(from: u64, difference: u64) -> u64 {
    let unfolded = (difference >> 1) as i64 ^ -((difference & 1) as i64);
    from.wrapping_add(unfolded as u64)
}
