//! Lanes with what the kernel saw, of traces that are computed.

use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use expect_test::{Expect, expect};
use maitred_wire::Strategy;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::Strategy as _;

use super::threads::{Piece, join};
use super::*;
use crate::analyse::scheduling::Timelines;
use crate::trace::sample::{Do, MS, ORIGIN, Sample, tables};
use crate::trace::{Executor, Gap, Origin, SliceEnd, Source, StepKind, Thread};

/// A run whose lane 0 is thread 0 and so on, with slices: thread, processor, from and to in
/// milliseconds, end.
fn scheduled(mut trace: Trace, gil: bool, slices: &[(u32, u16, u64, u64, SliceEnd)]) -> Trace {
    let thread = |lane: &crate::trace::Lane| Thread {
        pid: lane.pid,
        tid: lane.tid,
        name: "runner".into(),
        parent: None,
        start_ns: ORIGIN - MS,
        end_ns: 0,
        ..Thread::default()
    };
    let mut threads: Vec<Thread> = trace.lanes.iter().map(thread).collect();
    threads.push(Thread { tid: 7, name: "helper".into(), ..threads[0].clone() });
    let slice = |&(thread, cpu, from, to, end): &(u32, u16, u64, u64, SliceEnd)| {
        let (start_ns, end_ns) = (ORIGIN + from * MS, ORIGIN + to * MS);
        Slice { start_ns, end_ns, thread, cpu, end }
    };
    trace.scheduling = Observed::Known(Scheduling {
        cpus: vec![0, 1],
        threads,
        slices: slices.iter().map(slice).collect(),
        records: 2 * slices.len() as u64,
        ..Scheduling::default()
    });
    let executor = trace.origin.executor().clone();
    trace.origin = Origin::Measured(Executor { gil: gil.then_some(true), ..executor });
    trace
}

use SliceEnd::{Blocked, Exited, Preempted};

/// Two threads that compute for 40 ms under a lock that they take in turn.
fn locked() -> Trace {
    let sample = Sample { program: vec![Do::Wait(8), Do::Cpu(40)], ..tables(2, 1) };
    let slices = [
        (0, 0, 0, 1, Blocked),
        (1, 1, 0, 1, Blocked),
        (0, 0, 8, 18, Blocked),
        (2, 1, 9, 17, Preempted),
        (1, 1, 18, 28, Blocked),
        (0, 0, 28, 34, Preempted),
        (2, 0, 34, 40, Blocked),
        (0, 0, 40, 48, Exited),
        (1, 1, 44, 48, Exited),
    ];
    scheduled(sample.run(Strategy::Threads, 2), true, &slices)
}

fn drawn(trace: &Trace, lens: &Lens, options: &Options) -> Result<String, Refusal> {
    let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
    timeline_of(trace, || trace.spans.iter().copied(), || slices.iter().copied(), lens, options)
}

fn check(trace: &Trace, lens: &Lens, options: &Options, expected: &Expect) {
    let text = drawn(trace, lens, options).unwrap();
    for line in text.lines() {
        assert!(width(line) <= options.width, "wider than {}: {line}", options.width);
        assert_eq!(line.trim_end(), line, "no spaces at the end");
    }
    let coloured = drawn(trace, lens, &Options { color: true, ..*options }).unwrap();
    let mut bare = String::new();
    for (number, part) in coloured.split('\x1b').enumerate() {
        bare.push_str(if number == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(bare, text, "colour adds nothing but colour");
    expected.assert_eq(&text);
}

fn by(by: By) -> Lens {
    Lens { by, window: Window::default() }
}

#[test]
fn below_each_worker_is_what_its_thread_did() {
    let narrow = Options { width: 64, ..Options::default() };
    check(
        &locked(),
        &by(By::Auto),
        &narrow,
        &expect![[r#"
            native/threads  2 tasks, 2 lanes, 48.0 ms of work, 960 µs a cell
                          ╷0                  ╷20 ms               ╷40 ms
            table 1       ────────██████████████████████████████████████████
                 CPU 52 % █━━━━━━━███████████▂▂▂▂▂▂▂▂▂▂██████▒▒▒▒▒▒▒████████
            table 2       ────────██████████████████████████████████████████
                 CPU 31 % █━━━━━━━▂▂▂▂▂▂▂▂▂▂▂██████████▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂████
            ██ computes   ── waits
            ██ CPU: running   ▒▒ runnable, in the run queue
            ▂▂ blocked in computing: by the GIL, inferred
            ━━ blocked otherwise
        "#]],
    );
    let ascii = Options { ascii: true, ..narrow };
    check(
        &locked(),
        &by(By::Auto),
        &ascii,
        &expect![[r#"
            native/threads  2 tasks, 2 lanes, 48.0 ms of work, 960 us a cell
                          |0                  |20 ms               |40 ms
            table 1       --------##########################################
                 CPU 52 % #=======###########__________######+++++++########
            table 2       --------##########################################
                 CPU 31 % #=======___________##########_________________####
            ## computes   -- waits
            ## CPU: running   ++ runnable, in the run queue
            __ blocked in computing: by the GIL, inferred
            == blocked otherwise
        "#]],
    );
}

#[test]
fn by_core_idle_time_is_seen_and_shares_add_up() {
    let options = Options { width: 64, ..Options::default() };
    check(
        &locked(),
        &by(By::Core),
        &options,
        &expect![[r#"
            native/threads
            2 tasks, 2 processors, 48.0 ms of work, 828 µs a cell
                  ╷0          ╷10 ms      ╷20 ms      ╷30 ms      ╷40 ms
            CPU 0 1·········111111111111············111111133333331111111111
            CPU 1 2··········3333333333·222222222222···················22222

                                all 2    CPU 0    CPU 1
            1 table 1            26 %     52 %      0 %
            2 table 2            16 %      0 %     31 %
            3 helper (7)         15 %     12 %     17 %
            · idle or others     44 %     35 %     52 %
        "#]],
    );
    let ascii = Options { width: 40, ascii: true, ..Options::default() };
    check(
        &locked(),
        &by(By::Core),
        &ascii,
        &expect![[r#"
            native/threads
            2 tasks, 2 processors, 48.0 ms of work,
            1.41 ms a cell
                  |0            |20 ms        |40 ms
            CPU 0 1.....1111111.......11113333111111
            CPU 1 2.....333333.2222222...........222

                                all 2    CPU 0
            1 table 1            26 %     52 %
            2 table 2            16 %      0 %
            3 helper (7)         15 %     12 %
            . idle or others     44 %     35 %
        "#]],
    );
}

#[test]
fn a_part_of_the_run_is_drawn_at_its_own_scale() {
    let options = Options { width: 64, ..Options::default() };
    let window = Window { from_ns: Some(30 * MS), to_ns: Some(42 * MS) };
    check(
        &locked(),
        &Lens { by: By::Worker, window },
        &options,
        &expect![[r#"
            native/threads
            2 tasks, 2 lanes, 30.0 ms to 42.0 ms of 48.0 ms of work, 240 µs
            a cell
                          ╷30 ms              ╷35 ms               ╷40 ms
            table 1       ██████████████████████████████████████████████████
                 CPU 50 % █████████████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒████████
            table 2       ██████████████████████████████████████████████████
                  CPU 0 % ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂
            ██ computes
            ██ CPU: running   ▒▒ runnable, in the run queue
            ▂▂ blocked in computing: by the GIL, inferred
        "#]],
    );
    check(
        &locked(),
        &Lens { by: By::Core, window },
        &options,
        &expect![[r#"
            native/threads
            2 tasks, 2 processors, 30.0 ms to 42.0 ms of 48.0 ms of work,
            207 µs a cell
                  ╷30 ms                  ╷35 ms                  ╷40 ms
            CPU 0 1111111111111111111222222222222222222222222222221111111111
            CPU 1 ··························································

                                all 2    CPU 0    CPU 1
            1 table 1            25 %     50 %      0 %
            2 helper (7)         25 %     50 %      0 %
            · idle or others     50 %      0 %    100 %
        "#]],
    );
}

/// The thread of a loop is there for the steps that keep it; waits overlap and are told so.
#[test]
fn tasks_of_a_loop_have_the_thread_only_in_steps_that_keep_it() {
    let program = vec![Do::Wait(40), Do::Cpu(10)];
    let sample = Sample { program, ..tables(3, 1) };
    let slices = [
        (0, 0, 0, 1, Blocked),
        (0, 0, 40, 52, Preempted),
        (0, 1, 54, 60, Blocked),
        (0, 1, 65, 70, Blocked),
    ];
    let trace = scheduled(sample.run(Strategy::EventLoop, 1), true, &slices);
    let options = Options { width: 64, ..Options::default() };
    check(
        &trace,
        &by(By::Auto),
        &options,
        &expect![[r#"
            native/event-loop
            3 tasks, 3 lanes, 70.0 ms of work, 1.40 ms a cell
                          ╷0            ╷20 ms        ╷40 ms        ╷60 ms
            loop                                      ██████████████████████
                 CPU 34 % █━━━━━━━━━━━━━━━━━━━━━━━━━━━━████████▒▒████▂▂▂████
            table 1       ─────────────────────────────███████
            table 2       ─────────────────────────────╍╍╍╍╍╍╍███████
            table 3       ─────────────────────────────╍╍╍╍╍╍╍╍╍╍╍╍╍╍███████
            ██ computes   ── waits   ╍╍ overdue: its loop is busy
            ██ CPU: running   ▒▒ runnable, in the run queue
            ▂▂ blocked in computing: by the GIL, inferred
            ━━ blocked otherwise
            tasks wait at the same time: their waits (150 ms) add up to more
            than the 70.0 ms drawn
        "#]],
    );
    check(
        &trace,
        &by(By::Task),
        &options,
        &expect![[r#"
            native/event-loop
            3 tasks, 3 lanes, 70.0 ms of work, 1.40 ms a cell
                          ╷0            ╷20 ms        ╷40 ms        ╷60 ms
            loop                                      ██████████████████████
                 CPU 34 % █━━━━━━━━━━━━━━━━━━━━━━━━━━━━████████▒▒████▂▂▂████
            table 1       ─────────────────────────────███████
                CPU 100 %                             ████████
            table 2       ─────────────────────────────╍╍╍╍╍╍╍███████
                 CPU 80 %                                    ██▒▒████
            table 3       ─────────────────────────────╍╍╍╍╍╍╍╍╍╍╍╍╍╍███████
                 CPU 50 %                                            ▂▂▂████
            ██ computes   ── waits   ╍╍ overdue: its loop is busy
            ██ CPU: running   ▒▒ runnable, in the run queue
            ▂▂ blocked in computing: by the GIL, inferred
            ━━ blocked otherwise
            tasks wait at the same time: their waits (150 ms) add up to more
            than the 70.0 ms drawn
        "#]],
    );
}

#[test]
fn of_a_thousand_tasks_it_is_said_how_many_are_not_drawn() {
    let sample = Sample { arrivals: (0..1000).collect(), ..tables(1000, 40) };
    let trace = sample.run(Strategy::EventLoop, 1);
    let options = Options { width: 60, rows: 3, ..Options::default() };
    let text = drawn(&trace, &by(By::Task), &options).unwrap();
    assert!(text.contains("1,000 tasks, 1,000 lanes"), "{text}");
    assert!(text.contains("… and 997 more lanes"), "{text}");
    // Of a part, those that are in it.
    let window = Window { from_ns: Some(0), to_ns: Some(5 * MS) };
    let text = drawn(&trace, &Lens { by: By::Task, window }, &options).unwrap();
    assert!(text.contains("1,000 tasks, 5 lanes"), "{text}");
    assert!(text.contains("… and 2 more lanes"), "{text}");
    let window = Window { from_ns: Some(900 * MS), to_ns: Some(901 * MS) };
    let text = drawn(&trace, &Lens { by: By::Task, window }, &options).unwrap();
    assert!(!text.contains("table 1 "), "those that were over are not: {text}");
}

#[test]
fn what_cannot_be_drawn_is_refused_in_a_sentence() {
    let mut trace = locked();
    let beyond = Window { from_ns: Some(48 * MS), to_ns: None };
    let refused = drawn(&trace, &Lens { by: By::Worker, window: beyond }, &Options::default());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "--from 48.0 ms is beyond the end: the work took 48.0 ms; name a time in it"
    );
    let core = |trace: &Trace| {
        let refused = drawn(trace, &by(By::Core), &Options::default());
        refused.unwrap_err().to_string()
    };
    let Observed::Known(scheduling) = &mut trace.scheduling else { unreachable!() };
    scheduling.slices.clear();
    assert!(core(&trace).ends_with("no slice is in this trace; record the run again"));
    let Observed::Known(scheduling) = &mut trace.scheduling else { unreachable!() };
    scheduling.source = Source::Samples { every_ns: MS };
    scheduling.missing = vec!["the kernel refused; to allow it: sysctl".into()];
    assert!(core(&trace).ends_with("the kernel refused; to allow it: sysctl"));
    trace.scheduling = Observed::Unknown("it was not recorded in this run".into());
    assert!(core(&trace).ends_with("unless it is told --no-scheduling"), "{}", core(&trace));
}

/// Random steps of a lane, one after the other, and slices of its thread; times in any unit.
fn lane() -> impl proptest::strategy::Strategy<Value = (Vec<(u64, u64)>, Vec<Slice>)> {
    let steps = proptest::collection::vec((0_u64..9, 1_u64..30), 0..12);
    let slices = proptest::collection::vec((0_u64..20, 0_u64..20, 0_usize..4), 0..20);
    (steps, slices).prop_map(|(steps, slices)| {
        let mut now = ORIGIN;
        let step = |(pause, long)| {
            let start = now + pause;
            now = start + long;
            (start, now)
        };
        let steps = steps.into_iter().map(step).collect();
        let ends = [Preempted, Blocked, Exited, SliceEnd::Unknown];
        let mut now = ORIGIN;
        let slice = |(pause, long, end): (u64, u64, usize)| {
            let start_ns = now + pause;
            now = start_ns + long;
            Slice { start_ns, end_ns: now, thread: 0, cpu: 0, end: ends[end] }
        };
        (steps, slices.into_iter().map(slice).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// What is joined as it streams by is what an analysis with everything at hand finds, and
    /// every nanosecond of a step is in one state.
    #[test]
    fn the_pieces_of_a_step_are_its_split(
        lanes in proptest::collection::vec(lane(), 1..4),
        gil: bool,
        gaps in proptest::collection::vec((0_u64..300, 0_u64..20), 0..3),
        (started, ended) in (proptest::option::of(0_u64..40), proptest::option::of(200_u64..400)),
    ) {
        let sample = Sample { program: vec![Do::Cpu(1), Do::Block(1)], ..tables(3, 1) };
        let mut trace = scheduled(sample.run(Strategy::Threads, 3), gil, &[]);
        trace.spans.clear();
        let mut slices = Vec::new();
        for (lane, (steps, own)) in (0_u32..).zip(&lanes) {
            slices.extend(own.iter().map(|slice| Slice { thread: lane, ..*slice }));
            for (number, &(start_ns, end_ns)) in (0_u32..).zip(steps) {
                // A task each, so that pieces name their step.
                let task = lane * 100 + number;
                trace.spans.push(Span { task, step: number % 2, lane, start_ns, end_ns });
            }
        }
        trace.spans.sort_by_key(|span| span.start_ns);
        slices.sort_by_key(|slice| slice.start_ns);
        let mut pieces: Vec<Piece> = Vec::new();
        let Observed::Known(scheduling) = &mut trace.scheduling else { unreachable!() };
        let gap = |(start, long)| Gap { start_ns: ORIGIN + start, end_ns: ORIGIN + start + long, cpu: 0 };
        scheduling.gaps = gaps.into_iter().map(gap).collect();
        scheduling.gaps.sort_by_key(|gap| gap.start_ns);
        if let Some(started) = started {
            scheduling.threads[0].start_ns = ORIGIN + started;
            scheduling.threads[0].parent = Some(1);
        }
        scheduling.threads[0].end_ns = ended.map_or(0, |ns| ORIGIN + ns);
        scheduling.slices = slices.clone();
        let scheduling = trace.scheduling.known().unwrap();
        let timelines = Timelines::new(scheduling);
        let spans = trace.spans.iter().copied();
        join(&trace, scheduling, spans, slices.iter().copied(), &mut |piece| pieces.push(piece));
        for span in &trace.spans {
            let of = |states: &[State]| -> u64 {
                let own = pieces.iter().filter(|piece| piece.task == Some(span.task));
                let own = own.filter(|piece| states.contains(&piece.state));
                own.map(|piece| piece.end_ns - piece.start_ns).sum()
            };
            let expected = timelines.split(span.lane as usize, span.start_ns, span.end_ns);
            prop_assert_eq!(of(&[State::Running]), expected.running_ns);
            prop_assert_eq!(of(&[State::Runnable]), expected.runnable_ns);
            prop_assert_eq!(of(&[State::Blocked, State::HeldUp]), expected.blocked_ns);
            prop_assert_eq!(of(&[State::Unrecorded]), expected.unknown_ns);
            let locked = gil && span.step == 0;
            prop_assert_eq!(of(&[State::HeldUp]), if locked { expected.blocked_ns } else { 0 });
            prop_assert_eq!(of(&State::ALL), span.end_ns - span.start_ns);
        }
        // The pieces of a lane follow each other.
        for lane in 0..lanes.len() as u32 {
            let own = pieces.iter().filter(|piece| piece.task.is_none() && piece.lane == lane);
            let own: Vec<&Piece> = own.filter(|piece| piece.start_ns < piece.end_ns).collect();
            for pair in own.windows(2) {
                prop_assert!(pair[0].end_ns <= pair[1].start_ns, "{pair:?}");
            }
        }
    }
}

#[test]
fn calls_that_mostly_wait_are_shown_so() {
    let shown = |step: Do, strategy| {
        let mut trace = Sample { program: vec![step], ..tables(4, 1) }.run(strategy, 4);
        trace.steps.iter_mut().for_each(|step| step.kind = StepKind::Call);
        state_of_calls(&trace)
    };
    assert_eq!(shown(Do::Wait(100), Strategy::Threads), State::Blocked);
    assert_eq!(shown(Do::Wait(100), Strategy::EventLoop), State::Waiting);
    assert_eq!(shown(Do::Cpu(100), Strategy::Sequential), State::Running);
}
