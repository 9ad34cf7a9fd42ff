//! The score board: counters in memory that all processes of a server share, so that any worker
//! can answer for all, and the master sees who lives. It decides nothing. Main type: [`Board`].

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::event::Departure;
use crate::sys;

/// Words of one slot: two cache lines, so that workers do not write to each other's.
const SLOT_WORDS: usize = 16;
const DEPARTURE_WORDS: usize = 8;
/// How many departures are remembered.
const DEPARTURES: usize = 32;

/// A word of a worker's slot.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Word {
    /// 0: the slot is free.
    Pid,
    Stage,
    /// CLOCK_MONOTONIC, nanoseconds.
    Started,
    /// When the worker showed a sign of life last; CLOCK_MONOTONIC, nanoseconds.
    Beat,
    /// Requests answered.
    Served,
    /// Resident bytes when last measured.
    Resident,
    /// Connections open now.
    Open,
    Status2xx,
    Status3xx,
    Status4xx,
    Status5xx,
    BytesOut,
    /// A [`Departure`] in one word.
    Reason,
    /// 1 while it does what a request asked for, and sees nothing else.
    Acting,
    /// Connections closed although an answer was due.
    Cut,
}

/// Where a worker process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Stage {
    Starting,
    Ready,
    /// It answers nothing more and waits until its replacement is ready.
    AsksToLeave,
    Leaving,
}

/// Counters of all workers, and who left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    words: &'static [AtomicU64],
    slots: usize,
}

/// A worker that ended, as remembered.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) pid: u64,
    pub(crate) why: Departure,
    pub(crate) requests: u64,
    pub(crate) age: Duration,
    pub(crate) resident: u64,
}

impl Board {
    pub(crate) fn new(slots: usize) -> io::Result<Self> {
        // One slot more keeps the sums of those that left.
        let count = (slots + 1) * SLOT_WORDS + DEPARTURES * DEPARTURE_WORDS + 1;
        Ok(Self { words: sys::shared_words(count)?, slots })
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    pub(crate) fn word(&self, slot: usize, word: Word) -> &'static AtomicU64 {
        &self.words[slot * SLOT_WORDS + word as usize]
    }

    pub(crate) fn get(&self, slot: usize, word: Word) -> u64 {
        self.word(slot, word).load(Relaxed)
    }

    pub(crate) fn set(&self, slot: usize, word: Word, value: u64) {
        self.word(slot, word).store(value, Relaxed);
    }

    pub(crate) fn stage(&self, slot: usize) -> Stage {
        match self.get(slot, Word::Stage) {
            1 => Stage::Ready,
            2 => Stage::AsksToLeave,
            3 => Stage::Leaving,
            _ => Stage::Starting,
        }
    }

    /// The fewest connections that a worker other than that of `slot` has, of those that serve and
    /// are not held up by a request.
    pub(crate) fn fewest_elsewhere(&self, slot: usize) -> Option<u64> {
        let serves = |&other: &usize| {
            other != slot
                && self.get(other, Word::Pid) != 0
                && self.get(other, Word::Acting) == 0
                && self.stage(other) == Stage::Ready
        };
        (0..self.slots()).filter(serves).map(|other| self.get(other, Word::Open)).min()
    }

    /// The sum over all workers, those that left included.
    pub(crate) fn sum(&self, word: Word) -> u64 {
        (0..=self.slots).map(|slot| self.get(slot, word)).sum()
    }

    /// Frees the slot of a worker that ended and remembers it.
    pub(crate) fn retire(&self, slot: usize, left: &Left) {
        use Word::{BytesOut, Cut, Served, Status2xx, Status3xx, Status4xx, Status5xx};
        for word in [Served, Status2xx, Status3xx, Status4xx, Status5xx, BytesOut, Cut] {
            self.word(self.slots, word).fetch_add(self.get(slot, word), Relaxed);
        }
        for word in 0..SLOT_WORDS {
            self.words[slot * SLOT_WORDS + word].store(0, Relaxed);
        }
        let count = self.departures_count().fetch_add(1, Relaxed);
        let at = self.departure_at(count);
        let age = u64::try_from(left.age.as_millis()).unwrap_or(u64::MAX);
        let values = [left.pid, encode(left.why), left.requests, age, left.resident];
        for (word, value) in values.into_iter().enumerate() {
            self.words[at + word].store(value, Relaxed);
        }
    }

    /// Who left last, the latest first.
    pub(crate) fn departures(&self) -> Vec<Left> {
        let count = self.departures_count().load(Relaxed);
        let first = count.saturating_sub(DEPARTURES as u64);
        (first..count).rev().map(|index| self.departure(index)).collect()
    }

    fn departure(&self, index: u64) -> Left {
        let at = self.departure_at(index);
        let get = |word: usize| self.words[at + word].load(Relaxed);
        Left {
            pid: get(0),
            why: decode(get(1)),
            requests: get(2),
            age: Duration::from_millis(get(3)),
            resident: get(4),
        }
    }

    fn departure_at(&self, index: u64) -> usize {
        let place = usize::try_from(index % DEPARTURES as u64).expect("a small remainder");
        (self.slots + 1) * SLOT_WORDS + place * DEPARTURE_WORDS
    }

    fn departures_count(&self) -> &AtomicU64 {
        &self.words[self.words.len() - 1]
    }
}

pub(crate) fn encode(why: Departure) -> u64 {
    let (kind, value) = match why {
        Departure::Requests => (1, 0),
        Departure::Memory => (2, 0),
        Departure::Renewed => (3, 0),
        Departure::Stopped => (4, 0),
        Departure::Hung => (5, 0),
        Departure::Signal(signal) => (6, signal),
        Departure::Exit(code) => (7, code),
    };
    kind << 32 | u64::from(value.cast_unsigned())
}

pub(crate) fn decode(word: u64) -> Departure {
    let value = u32::try_from(word & 0xffff_ffff).expect("masked").cast_signed();
    match word >> 32 {
        1 => Departure::Requests,
        2 => Departure::Memory,
        3 => Departure::Renewed,
        4 => Departure::Stopped,
        5 => Departure::Hung,
        6 => Departure::Signal(value),
        _ => Departure::Exit(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_departure_survives_its_word() {
        use Departure::{Exit, Hung, Memory, Renewed, Requests, Signal, Stopped};
        for why in [Requests, Memory, Renewed, Stopped, Hung, Signal(9), Exit(3)] {
            assert_eq!(decode(encode(why)), why);
        }
    }

    #[test]
    fn who_left_is_remembered_and_still_counted() {
        let board = Board::new(2).unwrap();
        for pid in 1..=40 {
            board.set(1, Word::Pid, pid);
            board.set(1, Word::Served, 10);
            let age = Duration::from_secs(1);
            board.retire(1, &Left { pid, why: Departure::Memory, requests: 10, age, resident: 7 });
        }
        assert_eq!((board.get(1, Word::Pid), board.sum(Word::Served)), (0, 400));
        let pids: Vec<_> = board.departures().iter().map(|left| left.pid).collect();
        assert_eq!(pids, (9..=40).rev().collect::<Vec<_>>());
    }
}
