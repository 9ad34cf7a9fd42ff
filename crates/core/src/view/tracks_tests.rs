//! Events are nested and in order of time; and no trace, however broken, makes a view panic.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use maitred_wire::Strategy;
use proptest::prelude::*;

use super::tracks::{self, Event, Events, Tracks};
use super::{Options, chrome, perfetto, phases, timeline};
use crate::analyse::summary;
use crate::recording::arbitrary;
use crate::recording::sample::{provenance, scheduled};
use crate::trace::Trace;
use crate::trace::sample::tables;

fn events(trace: &Trace) -> Vec<Event> {
    let (mut feed, mut events) = (Events::new(trace), Vec::new());
    let mut keep = |event| -> Result<(), Infallible> {
        events.push(event);
        Ok(())
    };
    for span in &trace.spans {
        feed.span(span, &mut keep).unwrap();
    }
    feed.finish(&mut keep).unwrap();
    events
}

fn when(event: &Event) -> (u64, u32) {
    match *event {
        Event::Task { ns, track, .. }
        | Event::Step { ns, track, .. }
        | Event::End { ns, track } => (ns, track),
    }
}

#[test]
fn events_are_in_order_and_nested_under_every_strategy() {
    for strategy in Strategy::ALL {
        let trace = tables(7, 2).run(strategy, 3);
        let events = events(&trace);
        assert!(events.is_sorted_by_key(|event| when(event).0), "{strategy}");
        let mut depth: BTreeMap<u32, u32> = BTreeMap::new();
        for event in &events {
            let depth = depth.entry(when(event).1).or_default();
            match event {
                Event::End { .. } => *depth = depth.checked_sub(1).expect("it was begun"),
                // A task, a step of it, and what that encloses.
                _ => *depth += 1,
            }
            assert!(*depth <= 3, "{strategy}: steps of two tasks overlap on one track");
        }
        assert!(depth.values().all(|depth| *depth == 0), "{strategy}");
        let steps = events.iter().filter(|event| matches!(event, Event::Step { .. })).count();
        assert_eq!(steps, trace.spans.len(), "{strategy}");
    }
}

#[test]
fn tasks_have_tracks_of_their_own_until_they_are_too_many() {
    let few = Tracks::new(&tables(7, 2).run(Strategy::EventLoop, 1));
    assert_eq!(few.tracks.len(), 7);
    assert_eq!((few.tracks[2].name.as_str(), few.shared_by.len()), ("table 3", 0));
    let trace = tables(800, 2).run(Strategy::EventLoop, 1);
    let many = Tracks::new(&trace);
    assert_eq!(many.shared_by.len(), 800, "each is shown by a rectangle of its own");
    let of = |task: u32| many.at(task, 0).unwrap();
    for (one, other) in (1..800).map(|task| (task - 1, task)) {
        let apart = trace.tasks[one as usize].end_ns <= trace.tasks[other as usize].start_ns;
        assert!(apart || of(one) != of(other), "tasks {one} and {other} overlap");
    }
}

#[test]
fn other_programs_are_told_who_ran_and_what_was_waited_for() {
    let trace = scheduled(8);
    let mut text = String::new();
    let sink = |piece: &str| {
        text.push_str(piece);
        Ok::<(), Infallible>(())
    };
    chrome::write(&trace, &provenance(), sink).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = value["traceEvents"].as_array().unwrap();
    let on_processors = events.iter().filter(|event| event["pid"] == 1 << 30 && event["ph"] == "X");
    let names: BTreeSet<&str> = on_processors.filter_map(|event| event["name"].as_str()).collect();
    assert!(names.contains("worker 2") && names.contains("worker 4"), "{names:?}");
    let steps: BTreeSet<&str> = events.iter().filter_map(|event| event["name"].as_str()).collect();
    assert!(!steps.contains("pool"), "{steps:?}");
    // Tables queue for the waiter before they hold it, which is another step.
    let labels: Vec<String> = trace.steps.iter().map(tracks::step_name).collect();
    let of_waiter: Vec<&String> = labels.iter().filter(|it| it.ends_with(" waiter")).collect();
    assert_eq!(of_waiter, ["queue for waiter", "hold waiter"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_trace_makes_a_view_panic(
        trace in arbitrary::trace(),
        strategy in proptest::sample::select(&Strategy::ALL[..]),
    ) {
        let mut trace = trace;
        trace.model.strategy = strategy;
        let nothing = |_: &[u8]| Ok::<(), Infallible>(());
        perfetto::write(&trace, &provenance(), nothing).unwrap();
        chrome::write(&trace, &provenance(), |_: &str| Ok::<(), Infallible>(())).unwrap();
        let options = Options::default();
        let run = summary::run(&trace, 0, &[]);
        timeline::timeline(&trace, &options);
        phases::phases(&trace.model, trace.workers, &run, &options);
    }
}
