//! What is said of interpreters, and what is not.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Handover;
use maitred_wire::Strategy::{self, *};

use crate::analyse::compare;
use crate::analyse::interpreted::{Interpreted, LoneCall};
use crate::analyse::nature::{Nature, nature};
use crate::analyse::sample::{CORES, comparison, contestant, rounds};
use crate::result::{Chosen, Comparison, Rule, Run, Shares, SubjectKind, WaitCount, WaitShares};
use crate::trace::sample::{Do, Sample, tables};
use crate::trace::{Observed, WaitCause};

/// A model, whether its interpreter has a lock, and how many processors its threads used.
type Player = (&'static str, Strategy, Option<bool>, f64);

fn compared(players: &[Player]) -> (Comparison, Vec<Option<Nature>>) {
    let sample = Sample { program: Vec::from([Do::Cpu(10)]), ..tables(100, 1) };
    let (mut contestants, mut natures) = (Vec::new(), Vec::new());
    for &(runtime, strategy, gil, used) in players {
        let mut trace = sample.run(strategy, 6);
        trace.model.runtime = runtime.into();
        let mut runs = rounds(&trace, 4);
        // The simulated runtime has no lock; one that has takes longer by what it did not use.
        runs.iter_mut().for_each(|run| run.work_ns = (run.work_ns as f64 * 2.0 / used) as u64);
        contestants.push(contestant(&trace, runs));
        let found = nature(&trace, CORES).unwrap();
        natures.push(Some(Nature {
            interpreted: Interpreted { gil, ..found.interpreted.clone() },
            ..found
        }));
    }
    let mut comparison = comparison(contestants, 100);
    compare::rank(&mut comparison, None);
    for (contestant, (.., used)) in comparison.contestants.iter_mut().zip(players) {
        contestant.summary.as_mut().unwrap().cores_used = Observed::Known(*used);
    }
    (comparison, natures)
}

fn conclusion(comparison: &Comparison, natures: &[Option<Nature>]) -> String {
    super::conclude(comparison, natures).texts().join("\n")
}

#[test]
fn the_lock_is_named_where_threads_compute_one_at_a_time() {
    let (comparison, natures) = compared(&[
        ("python3.13", Sequential, Some(true), 2.0),
        ("python3.13", ThreadPool, Some(true), 0.98),
    ]);
    let text = conclusion(&comparison, &natures);
    let expected = "The lock of the interpreter (GIL) lets one thread compute at a time: `thread-pool` used 0.98 of 2 processors. Processes have a lock each";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_threads_do_without_a_lock_is_told_if_it_was_measured() {
    let (comparison, natures) = compared(&[
        ("python3.13", Sequential, Some(true), 2.0),
        ("python3.13", ThreadPool, Some(true), 0.98),
        ("python3.13t", ThreadPool, Some(false), 1.9),
    ]);
    let text = conclusion(&comparison, &natures);
    let expected =
        "`python3.13t/thread-pool`, which has no lock, used 1.90 of them and took 0.52× as long.";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_function_that_is_parallel_itself_is_named_and_no_size_of_a_pool_is() {
    for (used, is_parallel) in [(1.94, true), (1.02, false)] {
        let (mut comparison, natures) = compared(&[
            ("python3.13", Sequential, Some(true), used),
            ("python3.13", ThreadPool, Some(true), 1.95),
        ]);
        comparison.subject.kind = SubjectKind::Function;
        let text = conclusion(&comparison, &natures);
        assert_eq!(
            text.contains(
                "It uses several threads itself: one call at a time (`sequential`) keeps 1.94 of 2"
            ),
            is_parallel,
            "{text}"
        );
        assert_eq!(text.contains("A pool for this wants"), !is_parallel, "{text}");
    }
}

#[test]
fn processes_that_a_call_starts_are_no_threads_of_its_own() {
    for (children_share, is_parallel) in [(0.9, false), (0.0, true)] {
        let (mut comparison, mut natures) = compared(&[
            ("python3.13", Sequential, Some(true), 1.94),
            ("python3.13", ThreadPool, Some(true), 1.95),
        ]);
        comparison.subject.kind = SubjectKind::Function;
        natures[0].as_mut().unwrap().children_share = children_share;
        let text = conclusion(&comparison, &natures);
        assert_eq!(text.contains("It uses several threads itself"), is_parallel, "{text}");
    }
}

#[test]
fn whether_a_process_waits_or_is_kept_from_a_busy_processor_is_not_concluded() {
    for (children_share, others) in [(0.9, true), (0.9, false), (0.0, true)] {
        let (mut comparison, mut natures) = compared(&[
            ("python3.13", Sequential, Some(true), 0.2),
            ("python3.13", ThreadPool, Some(true), 0.3),
        ]);
        comparison.subject.kind = SubjectKind::Function;
        let nature = natures[0].as_mut().unwrap();
        nature.waiting_ns = nature.computing_ns;
        nature.computing_ns /= 10;
        nature.calls_ns = nature.own_ns();
        nature.children_share = children_share;
        let runs = comparison.contestants.iter_mut().flat_map(|one| &mut one.runs);
        runs.for_each(|run| run.noise.dirty = others.then(|| "others worked".into()));
        let text = conclusion(&comparison, &natures);
        let is_told = !(others && children_share > 0.0);
        assert_eq!(text.contains("I/O-bound (91 %"), is_told, "{text}");
        assert_eq!(text.contains("inconclusive: a process that it waits for"), !is_told, "{text}");
    }
}

#[test]
fn what_libraries_with_one_thread_each_take_is_told_where_it_was_measured() {
    let (mut comparison, natures) = compared(&[
        ("python3.13", Sequential, Some(true), 1.94),
        ("python3.13", ThreadPool, Some(true), 1.0),
        ("python3.13", ThreadPool, Some(true), 1.94),
    ]);
    comparison.subject.kind = SubjectKind::Function;
    let newcomer = &mut comparison.contestants[2];
    newcomer.model.setting = Some("inner-threads=1".into());
    let said = |comparison: &Comparison| {
        let conclusion = super::conclude(comparison, &natures);
        conclusion.said_by(Rule::OwnThreads).unwrap_or_default().to_string()
    };
    assert!(said(&comparison).contains("`--inner-threads 1,auto` compares"));
    comparison.contestants[2].chosen = Some(Chosen::OneInnerThread { cores_used: 1.94 });
    let text = said(&comparison);
    let expected = "With libraries that take one thread each, 6 workers (`thread-pool inner-threads=1`) take 0.17× as long: 180 ms.";
    assert!(text.contains(expected) && !text.contains("--inner-threads 1,auto"), "{text}");
}

/// The same with so many looks at the blocked threads of the second model.
fn looked_at(gil: u64, lock: u64) -> String {
    let (mut comparison, mut natures) = compared(&[
        ("python3.13", Sequential, Some(true), 2.0),
        ("python3.13", ThreadPool, Some(true), 0.98),
    ]);
    comparison.subject.kind = SubjectKind::Function;
    let contestant = &mut comparison.contestants[1];
    let by = [(WaitCause::Gil, gil), (WaitCause::Lock, lock)];
    let by = by.map(|(cause, looks)| WaitCount { cause, looks }).to_vec();
    let scheduling = Shares { waits: Some(WaitShares { by, refused: None }), ..Shares::default() };
    natures[1].as_mut().unwrap().split.as_mut().unwrap().all_ns *= 3;
    contestant.traced = Some(Run { scheduling: Some(scheduling), ..contestant.runs[0].clone() });
    conclusion(&comparison, &natures)
}

#[test]
fn the_gil_is_named_only_where_threads_were_seen_to_wait_for_it() {
    let text = looked_at(90, 10);
    assert!(text.contains("The lock of the interpreter (GIL) lets one thread compute"), "{text}");
    assert!(text.contains("waiting for the lock (GIL)"), "{text}");
    let text = looked_at(3, 97);
    assert!(text.contains("A lock that the function itself takes lets one thread go on"), "{text}");
    assert!(!text.contains("interpreter (GIL)"), "{text}");
    assert!(text.contains("by 100 looks at blocked threads"), "{text}");
    let text = looked_at(1, 1);
    assert!(text.contains("A lock, the GIL or another, lets one thread compute"), "{text}");
}

#[test]
fn nobody_is_blamed_for_a_lock_that_did_not_matter() {
    for (gil, used) in [(Some(true), 1.8), (Some(false), 0.9), (None, 0.9)] {
        let (comparison, natures) = compared(&[
            ("python3.13", Sequential, gil, 1.0),
            ("python3.13", ThreadPool, gil, used),
        ]);
        assert!(!conclusion(&comparison, &natures).contains("GIL"), "{gil:?} {used}");
    }
}

#[test]
fn the_price_of_processes_is_told_of_functions_and_where_it_matters() {
    let (mut comparison, mut natures) = compared(&[
        ("python3.13", Sequential, Some(true), 1.0),
        ("python3.13", Processes, Some(true), 1.9),
    ]);
    let handover = |natures: &mut Vec<Option<Nature>>, ns| {
        let handover = Handover {
            tasks: 100,
            parcels: 100,
            sent_bytes: 4_200,
            returned_bytes: 900,
            call_ns: ns,
        };
        natures[1].as_mut().unwrap().interpreted.handover = Some(handover);
    };
    handover(&mut natures, 120_000);
    assert!(!conclusion(&comparison, &natures).contains("costs:"));
    handover(&mut natures, 12_000_000);
    assert!(conclusion(&comparison, &natures).contains("and 12.0 ms a call"));
    comparison.subject.kind = SubjectKind::Function;
    handover(&mut natures, 120_000);
    let text = conclusion(&comparison, &natures);
    let expected = "120 µs a call, measured with calls that do nothing, but carry as much as a task: 42 B there and 9 B back, pickled.";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_function_that_keeps_the_loop_is_named() {
    let (comparison, mut natures) = compared(&[
        ("python3.13", Sequential, Some(true), 1.0),
        ("python3.13", EventLoop, Some(true), 1.0),
    ]);
    let call = LoneCall { label: "call a.py:f".into(), ns: 10_000_000 };
    natures[1].as_mut().unwrap().interpreted.lone_call = Some(call);
    let text = conclusion(&comparison, &natures);
    let expected = "`event-loop` did one call after another: `call a.py:f` does not give way, so the loop stands still for each (10.0 ms). A loop gains nothing for what computes.";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn waiting_is_put_down_to_the_lock_no_more_than_it_can_be() {
    // What is told of `threads`, whose five tasks compute for so long in so much more time.
    let told = |sample: &Sample, computing_ns: u64, longer_ns: u64| {
        let traces = [Sequential, Threads].map(|strategy| sample.run(strategy, 5));
        let contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 4)));
        let mut comparison = comparison(contestants.to_vec(), 5);
        comparison.subject.kind = SubjectKind::Function;
        compare::rank(&mut comparison, None);
        let mut natures = traces.each_ref().map(|trace| nature(trace, CORES));
        for (nature, longer_ns) in natures.iter_mut().flatten().zip([0, longer_ns]) {
            nature.interpreted.gil = Some(true);
            let split = nature.split.as_mut().unwrap();
            split.computing_ns = computing_ns;
            split.all_ns += longer_ns;
        }
        conclusion(&comparison, &natures)
    };
    let waits = Sample { program: Vec::from([Do::Wait(100)]), ..tables(5, 1) };
    for (text, expected) in [
        // Four of five queue for the waiter, and not for the lock.
        (told(&tables(5, 1), 1_000_000_000, 0), "29 % computing, 71 % waiting;"),
        // Who has it for 1 % of the time keeps the four others for 4 % at most.
        (
            told(&waits, 10_000_000, 500_000_000),
            "4.0 % waiting for a lock: the GIL or another, 95 % waiting for something outside",
        ),
    ] {
        assert!(text.contains(expected), "no {expected:?} in {text}");
    }
}
