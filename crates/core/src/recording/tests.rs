//! What was written is read; what is cut short is read up to the cut; and no bytes whatever make
//! the reader panic, loop or believe.

use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;

use maitred_wire::Strategy;
use proptest::collection::vec as vec_of;
use proptest::prelude::*;

use super::arbitrary::trace;
use super::sample::{provenance, scheduled};
use super::*;
use crate::result::TaskCounts;
use crate::trace::sample::tables;
use crate::trace::{Noise, Observed, RunEnd};

fn written(trace: &Trace, run: Option<&Run>, limit: u64) -> (Vec<u8>, LeftOut) {
    let mut bytes = Vec::new();
    let mut sink = |chunk: &[u8]| -> Result<(), Infallible> {
        bytes.extend_from_slice(chunk);
        Ok(())
    };
    let left_out = write(&provenance(), trace, run, limit, &mut sink).unwrap();
    (bytes, left_out)
}

/// Reads as far as it goes, from a source that gives `step` bytes more whenever they are needed.
fn read(bytes: &[u8], step: usize) -> Result<Recording, Fault> {
    let (mut parser, mut collector) = (Parser::default(), Collector::default());
    let (mut at, mut there, mut fault) = (0, 0, None);
    while fault.is_none() && !collector.is_whole() {
        match parser.parse(&bytes[at..there]) {
            Err(Fault::Short(least)) if at + least <= bytes.len() => {
                assert!(at + least > there, "asks for what it has");
                there = (there + step).max(at + least).min(bytes.len());
            }
            Err(why) => fault = Some(why),
            Ok((part, used)) => {
                fault = collector.take(part).err();
                at += used;
            }
        }
    }
    let damaged = !matches!(fault, None | Some(Fault::Short(_)));
    let cut = fault.is_some().then_some(Cut { at: at as u64, damaged });
    collector.finish(cut).ok_or_else(|| fault.expect("a head comes before the end"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_written_is_read(trace in trace(), step in 1_usize..5_000) {
        let (bytes, left_out) = written(&trace, None, u64::MAX);
        prop_assert!(left_out.is_nothing());
        let recording = read(&bytes, step).unwrap();
        prop_assert_eq!(recording.cut, None);
        prop_assert_eq!(recording.provenance, provenance());
        prop_assert_eq!(recording.trace, trace);
    }

    #[test]
    fn what_was_cut_short_is_read_up_to_the_cut(trace in trace(), kept in 0.0..1.0) {
        let (bytes, _) = written(&trace, None, u64::MAX);
        let kept = (bytes.len() as f64 * kept) as usize;
        match read(&bytes[..kept], 4096) {
            Err(fault) => prop_assert!(matches!(fault, Fault::Short(_)), "{}", fault),
            Ok(recording) => {
                let cut = recording.cut.unwrap();
                prop_assert!(!cut.damaged && cut.at <= kept as u64);
                let read = recording.trace;
                prop_assert_eq!(&trace.lanes[..read.lanes.len()], &read.lanes[..]);
                prop_assert_eq!(&trace.tasks[..read.tasks.len()], &read.tasks[..]);
                prop_assert_eq!(&trace.spans[..read.spans.len()], &read.spans[..]);
                prop_assert_eq!(read.without_records(), trace.without_records());
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(trace in trace(), place in 0.0..1.0, flip in 1..=255_u8) {
        let (mut bytes, _) = written(&trace, None, u64::MAX);
        let place = (bytes.len() as f64 * place) as usize;
        bytes[place] ^= flip;
        match read(&bytes, 4096) {
            Err(_) => {}
            Ok(recording) => {
                prop_assert!(recording.cut.is_some(), "byte {place} of {}", bytes.len());
                prop_assert!(recording.cut.unwrap().at <= place as u64);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        kind in any::<u8>(),
        payload in vec_of(any::<u8>(), 0..200),
        garbage in vec_of(any::<u8>(), 0..400),
    ) {
        let _ = read(&garbage, 7);
        // Behind a right preamble, head and checksum, so that the columns themselves are tried.
        let (mut bytes, _) = written(&tables(1, 1).run(Strategy::Threads, 1).without_records(), None, u64::MAX);
        let end = bytes.len() - ending();
        bytes.truncate(end);
        for kind in [kind, kind % 9, 5, 7] {
            let mut chunk = Vec::new();
            frame_raw(kind, &payload, &mut chunk);
            let mut file = bytes.clone();
            file.extend(chunk);
            file.extend(&garbage);
            let _ = read(&file, 4096);
        }
    }
}

/// The size of the last chunk of what was written without a limit.
fn ending() -> usize {
    let mut chunk = Vec::new();
    let end = End { left_out: LeftOut { limit_bytes: u64::MAX, ..LeftOut::default() } };
    chunk::frame(chunk::Kind::End, &serde_json::to_vec(&end).unwrap(), &mut chunk);
    chunk.len()
}

/// A frame of any kind, with the right checksum.
fn frame_raw(kind: u8, payload: &[u8], chunk: &mut Vec<u8>) {
    chunk::frame(chunk::Kind::Head, payload, chunk);
    chunk[0] = kind;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&chunk[..5]);
    hasher.update(payload);
    chunk[5..9].copy_from_slice(&hasher.finalize().to_le_bytes());
}

#[test]
fn a_length_beyond_reason_is_not_believed() {
    let (mut bytes, _) = written(&tables(1, 1).run(Strategy::Threads, 1), None, u64::MAX);
    bytes[13..17].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read(&bytes, 4096), Err(Fault::Damaged));
}

#[test]
fn other_files_and_versions_are_told_apart() {
    assert_eq!(read(b"", 1), Err(Fault::Short(12)));
    assert_eq!(read(b"\x89MT", 1), Err(Fault::Short(12)));
    assert_eq!(read(b"{\"schema_version\": 1}", 1), Err(Fault::NotARecording));
    let (mut bytes, _) = written(&tables(1, 1).run(Strategy::Threads, 1), None, u64::MAX);
    bytes[8] = 7;
    let fault = read(&bytes, 4096).unwrap_err();
    assert!(fault.to_string().contains("version 7, and this maitred reads 2: use the newer"));
}

#[test]
fn a_chunk_of_a_kind_that_is_not_known_is_passed_over() {
    let trace = tables(3, 1).run(Strategy::Threads, 3);
    let (bytes, _) = written(&trace, None, u64::MAX);
    let mut chunk = Vec::new();
    frame_raw(200, b"what may come", &mut chunk);
    let end = bytes.len() - ending();
    let with = [&bytes[..end], &chunk, &bytes[end..]].concat();
    assert_eq!(read(&with, 4096).unwrap(), read(&bytes, 4096).unwrap());
}

fn figures() -> Run {
    Run {
        round: 0,
        end: RunEnd::Finished,
        startup_ns: 1,
        setup_ns: 2,
        work_ns: 3,
        harness: None,
        unshared: Vec::new(),
        teardown_ns: 4,
        work_cpu: Observed::Unknown("nobody looked".into()),
        usage: Observed::Unknown("nobody looked".into()),
        memory: Observed::Unknown("nobody looked".into()),
        tasks: TaskCounts { done: 2, ..TaskCounts::default() },
        failures: vec![],
        latency: Observed::Unknown("nobody looked".into()),
        steps: vec![],
        vars: vec![],
        expectations: vec![],
        result_hash: None,
        results_not_compared: 0,
        noise: Noise { pressure: Some(0.1 + 0.2), ..Noise::default() },
        completed: None,
        requests: None,
        answers: None,
        ignored: None,
        servers: Vec::new(),
        spans_dropped: 0,
        scheduling: None,
        notes: vec!["a note".into()],
    }
}

#[test]
fn a_later_head_replaces_the_first() {
    let planned = tables(2, 1).run(Strategy::Threads, 2);
    let (planned, _) = written(&Trace { done: None, ..planned.without_records() }, None, u64::MAX);
    let finished = tables(2, 1).run(Strategy::Threads, 2);
    let run = figures();
    let (bytes, _) = written(&finished, Some(&run), u64::MAX);
    let both = [&planned[..planned.len() - ending()], &bytes[12..]].concat();
    let recording = read(&both, 4096).unwrap();
    assert_eq!((recording.trace, recording.run), (finished, Some(run)));
}

#[test]
fn what_has_no_room_is_counted_and_the_rest_is_there() {
    let trace = scheduled(40_000);
    let slices = |trace: &Trace| trace.scheduling.known().map_or(0, |it| it.slices.len());
    let (whole, _) = written(&trace, None, u64::MAX);
    for limit in [0, 20_000, whole.len() as u64 / 2, whole.len() as u64 * 9 / 10] {
        let (bytes, left_out) = written(&trace, None, limit);
        let room = limit.max(10_000);
        assert!(bytes.len() as u64 <= room, "{} bytes for {limit}", bytes.len());
        let recording = read(&bytes, 4096).unwrap();
        assert_eq!((recording.left_out, recording.cut), (left_out, None));
        let read = recording.trace;
        assert_eq!(read.tasks.len() as u64 + left_out.tasks, trace.tasks.len() as u64);
        assert_eq!(read.spans.len() as u64 + left_out.spans, trace.spans.len() as u64);
        assert_eq!(slices(&read) as u64 + left_out.slices, slices(&trace) as u64);
        assert!(!left_out.is_nothing());
        assert_eq!(trace.spans[..read.spans.len()], read.spans, "the first ones stay");
    }
}

/// Neither kind of record may push the other out.
#[test]
fn room_is_shared_by_spans_and_slices() {
    let trace = scheduled(100_000);
    let (whole, _) = written(&trace, None, u64::MAX);
    let (_, left_out) = written(&trace, None, whole.len() as u64 / 2);
    let slices = trace.scheduling.known().unwrap().slices.len() as u64;
    assert!(left_out.spans > 0 && left_out.spans < trace.spans.len() as u64, "{left_out:?}");
    assert!(left_out.slices > 0 && left_out.slices < slices, "{left_out:?}");
}

#[test]
fn records_are_small() {
    let trace = scheduled(100_000);
    let spans = Trace { scheduling: Observed::Unknown(String::new()), tasks: vec![], ..trace };
    let (bytes, _) = written(&spans, None, u64::MAX);
    let each = bytes.len() as f64 / spans.spans.len() as f64;
    assert!(each < 9.5, "{each} bytes a span");
    let trace = scheduled(100_000);
    let slices = trace.scheduling.known().unwrap().slices.len();
    let (bytes, _) = written(&Trace { spans: vec![], tasks: vec![], ..trace }, None, u64::MAX);
    let each = bytes.len() as f64 / slices as f64;
    assert!(each < 9.5, "{each} bytes a slice");
}

#[test]
fn a_sink_that_fails_ends_it() {
    let trace = tables(3, 1).run(Strategy::Threads, 3);
    for room in 0..4 {
        let mut calls = 0;
        let sink = |_: &[u8]| {
            calls += 1;
            if calls > room { Err("full") } else { Ok(()) }
        };
        assert_eq!(write(&provenance(), &trace, None, u64::MAX, sink), Err("full"));
        assert_eq!(calls, room + 1);
    }
}
