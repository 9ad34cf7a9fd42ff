//! Recordings for tests: computed, so that they are the same everywhere.

use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::Strategy;
use maitred_wire::trace_file::TaskOutcome;

use super::Provenance;
use crate::result::{Machine, Settings, SubjectFacts, SubjectKind};
use crate::trace::sample::tables;
use crate::trace::{Observed, Scheduling, Slice, SliceEnd, Source, Span, Task, Thread, Trace};

/// Of no run that ever was.
pub(crate) fn provenance() -> Provenance {
    Provenance {
        program_version: "0.1.0".into(),
        started: "2026-01-02T03:04:05Z".into(),
        heading: "Waiters and tables (waiters.kdl, 5 tasks)".into(),
        subject: SubjectFacts {
            name: "waiters.kdl".into(),
            kind: SubjectKind::Workload,
            title: Some("Waiters and tables".into()),
            about: None,
            tasks: 5,
            fingerprint: "0123456789abcdef".into(),
        },
        machine: Machine {
            id: "fedcba9876543210".into(),
            cpu: "Processor".into(),
            cores: 2,
            quota: None,
            memory_bytes: 8 << 30,
            kernel: "6.18.44".into(),
            architecture: "x86_64".into(),
            virtualization: None,
        },
        settings: Settings {
            seed: 1,
            speed: 10.0,
            parameters: vec![("tables".into(), "5".into())],
            warmup_rounds: 0,
            budget_ns: None,
            timeout_ns: Some(300_000_000_000),
            memory_limit_bytes: None,
            minimum_effect: 0.0,
            given: None,
        },
    }
}

/// Four threads that share two processors and have `spans` steps of about 100 µs each: a pool
/// whose every step is preempted once.
pub(crate) fn scheduled(spans: u32) -> Trace {
    let mut trace = tables(4, 1).run(Strategy::Threads, 4);
    let origin = trace.startup.end_ns;
    let lanes = trace.lanes.len() as u32;
    // Always the same, and without a pattern that would be too easy to write.
    let jitter = |number: u32| u64::from(number.wrapping_mul(2_654_435_761) >> 17);
    let step = 0;
    let of_lane = |number: u32| {
        let start_ns = origin + u64::from(number / lanes) * 120_000 + jitter(number) % 9_000;
        let end_ns = start_ns + 90_000 + jitter(number + 7) % 20_000;
        Span { task: number, step, lane: number % lanes, start_ns, end_ns }
    };
    trace.spans = (0..spans).map(of_lane).collect();
    trace.spans.sort_by_key(|span| span.start_ns);
    let task = |span: Span| Task {
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        lane: span.lane,
        step: Some(step),
        outcome: TaskOutcome::Done,
    };
    trace.tasks = (0..spans).map(|number| task(of_lane(number))).collect();
    let thread = |number: u32| Thread {
        pid: 100,
        tid: 101 + number,
        name: "pool".into(),
        start_ns: origin,
        run_delay_ns: Some(7_000),
        ..Thread::default()
    };
    trace.scheduling = Observed::Known(Scheduling {
        source: Source::Switches,
        cpus: vec![0, 1],
        threads: (0..lanes).map(thread).collect(),
        slices: slices(origin, spans, jitter),
        records: 2 * u64::from(spans),
        ..Scheduling::default()
    });
    trace
}

/// Both processors always busy, each thread on either.
fn slices(origin: u64, count: u32, jitter: impl Fn(u32) -> u64) -> Vec<Slice> {
    let mut free = [origin; 2];
    let mut slices = Vec::new();
    for number in 0..count {
        let cpu = usize::from(free[1] < free[0]);
        let start_ns = free[cpu];
        let end_ns = start_ns + 20_000 + jitter(number) % 30_000;
        free[cpu] = end_ns + jitter(number + 3) % 900;
        let end = if number % 3 == 0 { SliceEnd::Preempted } else { SliceEnd::Blocked };
        // Two on either processor, so that no thread is on both at a time.
        let thread = cpu as u32 * 2 + number % 2;
        slices.push(Slice { start_ns, end_ns, thread, cpu: cpu as u16, end });
    }
    slices.sort_by_key(|slice| slice.start_ns);
    slices
}
