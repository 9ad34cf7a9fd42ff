//! Records as columns: each record becomes `N` small numbers, given the one before it, and each
//! of these a column. Neighbours differ little, so most numbers take one to three bytes.

use alloc::vec::Vec;

use super::fault::Fault;
use super::varint::{put_varint, take_varint};

/// A record of `N` columns.
pub trait Record<const N: usize>: Copy {
    /// What the first record of a chunk is compared with.
    const ORIGIN: Self;

    /// The numbers of this record after `previous`.
    fn row(&self, previous: &Self) -> [u64; N];

    /// The record with these numbers after `previous`; `None`: there is none.
    fn from_row(row: [u64; N], previous: &Self) -> Option<Self>;
}

/// Appends records as columns; returns how many there were.
pub(crate) fn put_rows<const N: usize, R: Record<N>>(
    records: impl Iterator<Item = R>,
    columns: &mut [Vec<u8>; N],
    payload: &mut Vec<u8>,
) -> u64 {
    columns.iter_mut().for_each(Vec::clear);
    let mut previous = R::ORIGIN;
    let mut count = 0;
    for record in records {
        for (column, value) in columns.iter_mut().zip(record.row(&previous)) {
            put_varint(column, value);
        }
        previous = record;
        count += 1;
    }
    put_varint(payload, count);
    for column in columns {
        put_varint(payload, column.len() as u64);
        payload.extend_from_slice(column);
    }
    count
}

/// The records of a chunk, read as they are asked for, without a copy. Where a number makes no
/// sense the iterator ends early: see [`Rows::is_whole`].
#[derive(Clone, Debug)]
pub struct Rows<'a, R, const N: usize> {
    columns: [&'a [u8]; N],
    left: u64,
    previous: R,
}

impl<'a, const N: usize, R: Record<N>> Rows<'a, R, N> {
    /// Takes the columns from the front of a payload.
    pub(crate) fn take(payload: &mut &'a [u8]) -> Option<Self> {
        let left = take_varint(payload)?;
        let mut columns = [&[][..]; N];
        for column in &mut columns {
            let length = usize::try_from(take_varint(payload)?).ok()?;
            (*column, *payload) = payload.split_at_checked(length)?;
        }
        // Every record takes at least a byte of each column.
        let fits = columns.iter().all(|column| column.len() as u64 >= left);
        fits.then_some(Self { columns, left, previous: R::ORIGIN })
    }

    /// Whether all records were read, and nothing is left over.
    pub fn is_whole(&self) -> bool {
        self.left == 0 && self.columns.iter().all(|column| column.is_empty())
    }

    /// Reads all records, to see whether they can be read, and keeps none.
    ///
    /// # Errors
    /// [`Fault::Damaged`] when they cannot.
    pub fn check(mut self) -> Result<(), Fault> {
        self.by_ref().for_each(drop);
        if self.is_whole() { Ok(()) } else { Err(Fault::Damaged) }
    }

    /// Number of records that are still to come, if all of them can be read.
    pub fn remaining(&self) -> u64 {
        self.left
    }
}

impl<const N: usize, R: Record<N>> Iterator for Rows<'_, R, N> {
    type Item = R;

    #[inline]
    fn next(&mut self) -> Option<R> {
        if self.left == 0 {
            return None;
        }
        let mut row = [0; N];
        let mut columns = self.columns.iter_mut();
        for value in &mut row {
            *value = take_varint(columns.next()?)?;
        }
        let record = R::from_row(row, &self.previous)?;
        self.previous = record;
        self.left -= 1;
        Some(record)
    }
}
