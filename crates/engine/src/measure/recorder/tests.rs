//! The recorder on real processes.

use std::process::Command;
use std::time::Duration;

use maitred_core::trace::{LaneCounters, Source, Thread};
use maitred_wire::trace_file::Role;

use super::*;

#[test]
fn what_a_thread_read_of_itself_last_counts_more_than_an_earlier_look() {
    let counters =
        |cpu_ns, run_delay_ns| LaneCounters { cpu_ns, run_delay_ns, voluntary: 5, involuntary: 6 };
    let lane = |tid, counters| Lane {
        pid: 1,
        tid,
        role: Role::Worker,
        tasks_ended: 0,
        dropped: 0,
        counters: Some(counters),
    };
    let seen = |tid| Thread {
        pid: 1,
        tid,
        cpu_ns: Some(100),
        run_delay_ns: Some(50),
        counted_ns: 9,
        voluntary: Some(4),
        ..Thread::default()
    };
    let unseen = |tid| Thread { pid: 1, tid, ..Thread::default() };
    let mut scheduling =
        Scheduling { threads: vec![seen(1), seen(2), seen(3), unseen(4)], ..Scheduling::default() };
    let lanes = [
        lane(1, counters(120, Some(70))),
        lane(2, counters(80, Some(40))),
        lane(3, counters(120, None)),
        lane(4, counters(7, Some(8))),
    ];
    add_lanes(&mut scheduling, &lanes);
    let figures: Vec<_> = scheduling
        .threads
        .iter()
        .map(|one| (one.cpu_ns, one.run_delay_ns, one.counted_ns, one.voluntary, one.involuntary))
        .collect();
    assert_eq!(
        figures,
        [
            (Some(120), Some(70), 0, Some(4), Some(6)),
            (Some(100), Some(50), 9, Some(4), Some(6)),
            (Some(100), Some(50), 9, Some(4), Some(6)),
            (Some(7), Some(8), 0, Some(5), Some(6)),
        ]
    );
}

#[test]
fn samples_rest_for_a_tick_and_longer_where_they_cost_much() {
    let tick = Duration::from_nanos(kernel::tick_ns());
    assert!(tick >= SAMPLE_LEAST_REST && tick <= SAMPLE_MOST_REST, "{tick:?}");
    assert_eq!(rest(true, 1_000), tick);
    assert_eq!(rest(true, 10_000_000), Duration::from_millis(200));
    assert_eq!(rest(false, 1_000), LOOK_REST);
    assert_eq!(rest(false, 1_000_000), Duration::from_millis(LOOK_REST_PER_COST));
}

/// Runs a program of Bash under this recorder, until it ends or `is_enough`.
fn recorded(mut recorder: SwitchRecorder, script: &str, is_enough: fn(u32) -> bool) -> Scheduling {
    let others = Tree::children_of_ours();
    let mut child = Command::new("bash").args(["-c", script]).spawn().unwrap();
    recorder.follow(Tree::new(child.id(), others));
    while child.try_wait().unwrap().is_none() {
        if is_enough(child.id()) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    recorder.finish()
}

/// Whether a process was on a processor for 400 ms: long enough for many looks, however long it
/// takes on a busy machine. Its first figure in schedstat, Documentation/scheduler/sched-stats.rst.
fn has_computed(process: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    let ns = text.split_whitespace().next().and_then(|figure| figure.parse::<u64>().ok());
    ns.is_some_and(|ns| ns > 400_000_000)
}

#[test]
fn every_process_and_every_record_is_accounted_for() {
    let recorder = SwitchRecorder::open();
    if let Some(why) = recorder.refusal() {
        assert!(why.contains("refused"));
        return;
    }
    let scheduling =
        recorded(recorder, "for i in {1..200}; do (exit 0) & wait $!; done", |_| false);
    let Scheduling { kinds, records, lost, .. } = scheduling;
    assert_eq!(
        records,
        kinds.came + kinds.left + kinds.forks + kinds.exits + kinds.execs + kinds.renames,
        "{:?}",
        scheduling.missing
    );
    assert!(lost > 0 || (kinds.forks, kinds.exits, kinds.execs) == (200, 201, 1), "{kinds:?}");
    // Whoever was started came onto a processor once more than it left one before its end.
    assert!(lost > 0 || kinds.came == kinds.left + 200, "{kinds:?}");
    let ended = scheduling.threads.iter().filter(|thread| thread.end_ns != 0).count();
    assert!(lost > 0 || ended == 201);
    assert!(scheduling.threads.iter().all(|thread| lost > 0 || thread.name == "bash"));
    assert!(scheduling.reader_cpu_ns > Some(0));
}

#[test]
fn where_switches_are_refused_there_are_samples() {
    let looks = Arc::new(Mutex::new(Looks::sampling()));
    let recorder = SwitchRecorder {
        reader: Err("refused".to_owned()),
        looks,
        watcher: Arc::default(),
        observer: None,
    };
    let scheduling = recorded(recorder, "while :; do :; done", has_computed);
    assert!(matches!(scheduling.source, Source::Samples { every_ns } if every_ns > 0));
    assert_eq!(scheduling.missing[0], "refused");
    let bash = scheduling.threads.iter().position(|thread| thread.name == "bash").unwrap();
    let own = scheduling.slices.iter().filter(|slice| slice.thread as usize == bash);
    assert!(own.count() > 2, "{} looks", scheduling.records);
    assert!(scheduling.threads[bash].cpu_ns > Some(0));
}

/// By the kernel's own count of the same thread at the same moment; what it used before its program
/// began is in the count and not in the record, nor is what each switch takes: 1.1 % at a load of 50.
#[test]
fn the_slices_of_a_thread_that_computes_are_the_processor_time_that_the_kernel_counted() {
    let recorder = SwitchRecorder::open();
    if recorder.refusal().is_some() {
        return;
    }
    let scheduling = recorded(recorder, "while :; do :; done", has_computed);
    let bash = scheduling.threads.iter().position(|thread| thread.name == "bash").unwrap();
    let Thread { cpu_ns, counted_ns, .. } = scheduling.threads[bash];
    let own = scheduling.slices.iter().filter(|slice| slice.thread as usize == bash);
    let until = own.map(|slice| slice.end_ns.min(counted_ns).saturating_sub(slice.start_ns));
    let (recorded, counted) = (until.sum::<u64>(), cpu_ns.unwrap());
    assert!(counted > 300_000_000, "{counted}");
    assert!(recorded >= counted / 100 * 95, "{recorded} of {counted} ns");
}
