//! How long somebody was in which state, by column of a picture.

use alloc::vec;
use alloc::vec::Vec;

use super::state::{STATES, State};

/// Nanoseconds by state and column. A state that does not occur takes no room: few of them do.
#[derive(Clone, Debug, Default)]
pub(super) struct StateTimes {
    columns: usize,
    /// In the order of [`State::ALL`]: nothing, or a number for each column.
    by_state: [Vec<u64>; STATES],
}

impl StateTimes {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, ..Self::default() }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// # Panics
    /// When there is no such column.
    #[inline]
    pub(super) fn add(&mut self, state: State, column: usize, ns: u64) {
        let times = &mut self.by_state[state as usize];
        if times.is_empty() {
            *times = vec![0; self.columns];
        }
        times[column] = times[column].saturating_add(ns);
    }

    /// One column, by state in the order of [`State::ALL`].
    pub(super) fn at(&self, column: usize) -> [u64; STATES] {
        core::array::from_fn(|state| self.by_state[state].get(column).copied().unwrap_or(0))
    }

    /// Time in a state, all columns together.
    pub(super) fn total(&self, state: State) -> u64 {
        self.by_state[state as usize].iter().copied().fold(0, u64::saturating_add)
    }
}
