//! Trace files of every shape are read as they were written, and broken ones without harm.

use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::Strategy;
use maitred_wire::trace_file::{
    LANE_BYTES, Layout, SPAN_BYTES, TASK_BYTES, TaskOutcome, lane, span, task,
};
use proptest::prelude::*;

use super::sample::tables;
use super::{NotATraceFile, Trace, TraceFile};

fn put32(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put64(file: &mut [u8], at: usize, value: u64) {
    file[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Writes a trace as a runner would.
fn encode(trace: &Trace, spare_lanes: u32) -> Vec<u8> {
    let layout = Layout {
        lanes: trace.lanes.len() as u32 + spare_lanes,
        tasks: trace.tasks.len() as u32,
        spans_per_lane: trace.spans.len() as u32,
    };
    let mut file = vec![0; layout.bytes()];
    file[..56].copy_from_slice(&layout.header());
    for (index, it) in trace.tasks.iter().enumerate() {
        let at = layout.tasks_offset() + index * TASK_BYTES;
        put64(&mut file, at + task::START, it.start_ns);
        put64(&mut file, at + task::END, it.end_ns);
        put32(&mut file, at + task::LANE, it.lane);
        put32(&mut file, at + task::STEP, it.step.map_or(0, |step| step + 1));
        put32(&mut file, at + task::OUTCOME, it.outcome as u32);
    }
    for (index, it) in trace.lanes.iter().enumerate() {
        let at = layout.lanes_offset() + index * LANE_BYTES;
        let spans = trace.spans.iter().filter(|span| span.lane as usize == index);
        put32(&mut file, at + lane::PID, it.pid);
        put32(&mut file, at + lane::TID, it.tid);
        put32(&mut file, at + lane::ROLE, it.role as u32);
        put32(&mut file, at + lane::TASKS_ENDED, it.tasks_ended);
        put64(&mut file, at + lane::SPANS, spans.clone().count() as u64);
        let counters = it.counters.expect("samples close their lanes");
        put32(&mut file, at + lane::VOLUNTARY, counters.voluntary);
        put32(&mut file, at + lane::CLOSED, 1);
        for (place, it) in spans.enumerate() {
            let region = index * layout.spans_per_lane as usize + place;
            let at = layout.spans_offset() + region * SPAN_BYTES;
            put32(&mut file, at + span::TASK, it.task);
            put32(&mut file, at + span::STEP, it.step);
            put64(&mut file, at + span::START, it.start_ns);
            put64(&mut file, at + span::END, it.end_ns);
        }
    }
    file
}

/// Reads everything that can be read.
fn exhaust(file: &TraceFile<'_>) -> usize {
    file.lanes().len() + file.tasks().count() + file.sorted_spans().len()
}

#[test]
fn what_was_written_is_read() {
    for strategy in [Strategy::Sequential, Strategy::Threads, Strategy::EventLoop] {
        let trace = tables(5, 2).run(strategy, 3);
        let bytes = encode(&trace, 3);
        let file = TraceFile::read(&bytes).unwrap();
        assert_eq!(file.lanes(), trace.lanes, "spare lanes are left out");
        assert_eq!(file.tasks().collect::<Vec<_>>(), trace.tasks);
        let mut spans = file.sorted_spans();
        assert!(spans.is_sorted_by_key(|span| span.start_ns));
        let mut expected = trace.spans.clone();
        spans.sort_by_key(|span| (span.task, span.step));
        expected.sort_by_key(|span| (span.task, span.step));
        assert_eq!(spans, expected);
        assert_eq!(file.tasks_ended(), 5);
    }
}

#[test]
fn what_a_killed_lane_left_is_skipped() {
    let trace = tables(2, 1).run(Strategy::Sequential, 1);
    let mut bytes = encode(&trace, 0);
    let layout = Layout::read(&bytes).unwrap();
    let first = layout.spans_offset();
    bytes[first..first + SPAN_BYTES].fill(0);
    put64(&mut bytes, layout.lanes_offset() + lane::SPANS, u64::MAX);
    put32(&mut bytes, layout.lanes_offset() + lane::CLOSED, 0);
    put32(&mut bytes, layout.tasks_offset() + task::OUTCOME, 77);
    let file = TraceFile::read(&bytes).unwrap();
    assert_eq!(file.spans().count(), trace.spans.len() - 1, "place taken, nothing written");
    assert_eq!(file.lanes()[0].counters, None, "not closed");
    assert_eq!(file.tasks().next().unwrap().outcome, TaskOutcome::Open, "unknown number");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_file_cut_short_is_refused(cut in 1_usize..20_000) {
        let bytes = encode(&tables(3, 1).run(Strategy::Threads, 3), 0);
        let kept = bytes.len().saturating_sub(cut);
        prop_assert_eq!(TraceFile::read(&bytes[..kept]).err(), Some(NotATraceFile));
    }

    #[test]
    fn bytes_turned_to_garbage_never_panic(
        garbage in proptest::collection::vec((0_usize..32_768, any::<u8>()), 1..400),
    ) {
        let mut bytes = encode(&tables(3, 1).run(Strategy::Threads, 3), 1);
        for (at, byte) in garbage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Ok(file) = TraceFile::read(&bytes) {
            exhaust(&file);
        }
    }

    #[test]
    fn a_good_header_before_garbage_never_panics(
        body in proptest::collection::vec(any::<u8>(), 20_480),
    ) {
        let layout = Layout { lanes: 4, tasks: 9, spans_per_lane: 20 };
        let mut bytes = vec![0; layout.bytes()];
        let body = &body[..bytes.len().min(body.len())];
        bytes[..body.len()].copy_from_slice(body);
        bytes[..56].copy_from_slice(&layout.header());
        exhaust(&TraceFile::read(&bytes).unwrap());
    }
}
