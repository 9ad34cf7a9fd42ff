//! The kernel's records as it writes them into a ring: perf_event_open(2), "MMAP layout". Each
//! ends with process, thread, time and processor, because the event asks for that (`sample_id_all`).

use perf_event_open_sys::bindings::{
    PERF_RECORD_COMM, PERF_RECORD_EXIT, PERF_RECORD_FORK, PERF_RECORD_LOST,
    PERF_RECORD_MISC_SWITCH_OUT, PERF_RECORD_MISC_SWITCH_OUT_PREEMPT, PERF_RECORD_SWITCH,
};

/// One record of one processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) pid: u32,
    pub(super) tid: u32,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub(super) ns: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The thread came onto the processor.
    In,
    /// The thread left it, because its time was up or because it had to wait.
    Out {
        preempted: bool,
    },
    /// The thread was started by that one.
    Forked {
        parent: u32,
    },
    Exited,
    /// It has another name; if by exec, it was enabled just now, on this processor.
    Named {
        name: Box<str>,
        exec: bool,
    },
    /// So many records had no room.
    Lost(u64),
    /// A kind of record that is not known here.
    Other,
}

/// The length of a header, and of what every record ends with.
const HEADER_BYTES: usize = 8;
const TRAILER_BYTES: usize = 24;
/// PERF_RECORD_MISC_COMM_EXEC of linux/perf_event.h.
const COMM_EXEC: u16 = 1 << 13;

/// Hands on every record of these bytes, which begin and end between two records. Gives how many
/// bytes at the end make no sense as records.
pub(super) fn decode(mut bytes: &[u8], mut each: impl FnMut(Event)) -> usize {
    while bytes.len() >= HEADER_BYTES {
        let kind = u32_at(bytes, 0);
        let misc = u16_at(bytes, 4);
        let size = usize::from(u16_at(bytes, 6));
        if size < HEADER_BYTES + TRAILER_BYTES || size > bytes.len() {
            break;
        }
        let (record, rest) = bytes.split_at(size);
        let (body, trailer) = record[HEADER_BYTES..].split_at(size - HEADER_BYTES - TRAILER_BYTES);
        bytes = rest;
        let (mut pid, mut tid) = (u32_at(trailer, 0), u32_at(trailer, 4));
        let what = match kind {
            PERF_RECORD_SWITCH if misc & flag(PERF_RECORD_MISC_SWITCH_OUT) == 0 => What::In,
            PERF_RECORD_SWITCH => {
                What::Out { preempted: misc & flag(PERF_RECORD_MISC_SWITCH_OUT_PREEMPT) != 0 }
            }
            PERF_RECORD_FORK if body.len() >= 16 => {
                (pid, tid) = (u32_at(body, 0), u32_at(body, 8));
                What::Forked { parent: u32_at(body, 12) }
            }
            PERF_RECORD_EXIT if body.len() >= 16 => {
                (pid, tid) = (u32_at(body, 0), u32_at(body, 8));
                What::Exited
            }
            PERF_RECORD_COMM if body.len() >= 8 => {
                (pid, tid) = (u32_at(body, 0), u32_at(body, 4));
                let name = body[8..].split(|&byte| byte == 0).next().unwrap_or_default();
                let name = String::from_utf8_lossy(name).into();
                What::Named { name, exec: misc & COMM_EXEC != 0 }
            }
            PERF_RECORD_LOST if body.len() >= 16 => What::Lost(u64_at(body, 8)),
            _ => What::Other,
        };
        each(Event { pid, tid, ns: u64_at(trailer, 8), what });
    }
    bytes.len()
}

fn flag(bit: u32) -> u16 {
    u16::try_from(bit).expect("flags of a header have 16 bits")
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record with this body, by thread 7 of process 5 at 1,000 ns on processor 1.
    fn record(kind: u32, misc: u16, body: &[u8]) -> Vec<u8> {
        let size = u16::try_from(HEADER_BYTES + body.len() + TRAILER_BYTES).unwrap();
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend([misc.to_le_bytes(), size.to_le_bytes()].concat());
        bytes.extend(body);
        bytes.extend([5_u32.to_le_bytes(), 7_u32.to_le_bytes()].concat());
        bytes.extend(1_000_u64.to_le_bytes());
        bytes.extend([1_u32.to_le_bytes(), 0_u32.to_le_bytes()].concat());
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn every_kind_is_read() {
        let name = [words(&[5, 9]), b"python3\0".to_vec()].concat();
        let bytes = [
            record(PERF_RECORD_SWITCH, 0, &[]),
            record(PERF_RECORD_SWITCH, 1 << 13, &[]),
            record(PERF_RECORD_SWITCH, 3 << 13, &[]),
            record(PERF_RECORD_FORK, 0, &words(&[6, 5, 8, 7, 0, 0])),
            record(PERF_RECORD_EXIT, 0, &words(&[6, 5, 8, 7, 0, 0])),
            record(PERF_RECORD_COMM, COMM_EXEC, &name),
            record(PERF_RECORD_LOST, 0, &words(&[1, 0, 3, 0])),
            record(99, 0, &words(&[1, 2])),
        ]
        .concat();
        let mut seen = Vec::new();
        let left = decode(&bytes, |event| seen.push((event.pid, event.tid, event.what)));
        assert_eq!(left, 0);
        assert_eq!(
            seen,
            [
                (5, 7, What::In),
                (5, 7, What::Out { preempted: false }),
                (5, 7, What::Out { preempted: true }),
                (6, 8, What::Forked { parent: 7 }),
                (6, 8, What::Exited),
                (5, 9, What::Named { name: "python3".into(), exec: true }),
                (5, 7, What::Lost(3)),
                (5, 7, What::Other),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_go_on_for_ever(bytes in any::<Vec<u8>>()) {
            let mut records = 0;
            let left = decode(&bytes, |_| records += 1);
            prop_assert!(left <= bytes.len() && records * 32 + left <= bytes.len());
        }
    }
}
