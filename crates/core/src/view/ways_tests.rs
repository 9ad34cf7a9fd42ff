//! The way of tasks over a cluster, as a terminal and a drawing show it: of a run that was recorded on
//! Dask with a worker on each of two hosts (`recorded/two-hosts.trace`).

use alloc::string::String;

use expect_test::expect;

use super::Options;
use super::picture::{Look, Theme, timeline as drawing};
use super::timeline::{By, Lens, Window, timeline_of};
use crate::analyse::summary;
use crate::recording::{Collector, Parser};
use crate::trace::{Observed, Trace};

fn recorded() -> Trace {
    let bytes = include_bytes!("recorded/two-hosts.trace");
    let (mut parser, mut collector, mut at) = (Parser::default(), Collector::default(), 0);
    while !collector.is_whole() {
        let (part, used) = parser.parse(&bytes[at..]).unwrap();
        collector.take(part).unwrap();
        at += used;
    }
    collector.finish(None).unwrap().trace
}

/// The same, of which nobody followed the tasks.
fn unfollowed() -> Trace {
    let mut trace = recorded();
    trace.done.as_mut().unwrap().ways = None;
    trace
}

fn lens(by: By) -> Lens {
    Lens { by, window: Window::default() }
}

fn on_terminal(trace: &Trace, by: By) -> String {
    let spans = || trace.spans.iter().copied();
    timeline_of(trace, spans, || [].into_iter(), &lens(by), &Options::default()).unwrap()
}

fn drawn(trace: &Trace, by: By) -> String {
    let look = Look { theme: Theme::Light, id: "p1".into(), rows: 24 };
    let spans = || trace.spans.iter().copied();
    drawing::timeline(trace, "pause", spans, || [].into_iter(), &lens(by), &look).unwrap()
}

/// What each row of a drawing is said to show.
fn rows(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let titles = document.descendants().filter(|node| node.tag_name().name() == "title").skip(1);
    titles.filter_map(|node| node.text()).fold(String::new(), |all, title| all + title + "\n")
}

#[test]
fn a_terminal_shows_what_is_on_the_way_to_each_host() {
    expect![[r#"
        dask/processes:2  12 tasks, 2 lanes, 466 ms of work, 7.90 ms a cell
                             ╷0          ╷100 ms      ╷200 ms     ╷300 ms      ╷400 ms
        127.0.0.1 on the way cccccsssssssssssssssssssssssssssssssssssssssssssswwqqqqq
        127.0.0.1 process 1           ███ ████   ████   ███     ███         ████     ███
        127.0.0.2 on the way cccccsssssssssssssssssssssssssssssssssswwwwwwwwwqq
        127.0.0.2 process 2                    ███ ██████  ███       ████     ████
        ██ computes   cc in the client   ss in the scheduler   ww on the wire
        qq in the worker's queue
    "#]]
    .assert_eq(&on_terminal(&recorded(), By::Auto));
    assert!(!on_terminal(&unfollowed(), By::Auto).contains("on the way"));
}

#[test]
fn a_terminal_shows_the_way_of_each_task_before_its_steps() {
    expect![[r#"
        dask/processes:2  12 tasks, 12 lanes, 466 ms of work, 7.52 ms a cell
                          ╷0           ╷100 ms      ╷200 ms      ╷300 ms       ╷400 ms
        127.0.0.1 work 1  cccccwwww████
        127.0.0.1 work 3  cccccwwwwqqqqq████
        127.0.0.2 work 2  cccccwwwwwwwwwwqqqq███
        127.0.0.1 work 5  cccccssssssssssswwwwwq███
        127.0.0.2 work 4  cccccwwwwwwwwwwqqqqqqqq██████
        127.0.0.1 work 6  cccccsssssssssssssswwwwwwwwq████
        127.0.0.2 work 7  cccccsssssssssssssssssssswwwqqq████
        127.0.0.1 work 8  cccccsssssssssssssssssssswwwwwwwwqqqq███
        127.0.0.2 work 9  cccccsssssssssssssssssssssssssssssswwwwwww████
        127.0.0.1 work 10 cccccsssssssssssssssssssssssssssssssssssswwwwwwww████
        127.0.0.2 work 11 cccccssssssssssssssssssssssssssssssssssssswwwwwwwwwq████
        127.0.0.1 work 12 cccccsssssssssssssssssssssssssssssssssssssssssssssswwwqqqqq███
        ██ computes   cc in the client   ss in the scheduler   ww on the wire
        qq in the worker's queue
    "#]]
    .assert_eq(&on_terminal(&recorded(), By::Task));
    assert!(!on_terminal(&unfollowed(), By::Task).contains("in the scheduler"));
}

#[test]
fn a_drawing_shows_the_same() {
    let svg = drawn(&recorded(), By::Auto);
    expect![[r#"
        127.0.0.1 on the way: in the client 0.61 tasks at a time, in the scheduler 2.03 tasks at a time, on the wire 0.63 tasks at a time, in the worker's queue 0.25 tasks at a time
        127.0.0.1 process 1: computes 37 %
        127.0.0.2 on the way: in the client 0.43 tasks at a time, in the scheduler 1.37 tasks at a time, on the wire 0.62 tasks at a time, in the worker's queue 0.29 tasks at a time
        127.0.0.2 process 2: computes 30 %
    "#]].assert_eq(&rows(&svg));
    for name in ["in-client", "in-scheduler", "on-wire", "in-queue"] {
        assert!(svg.contains(&alloc::format!("fill=\"url(#p1-{name})\"")), "{name}: {svg}");
    }
    let by_task = rows(&drawn(&recorded(), By::Task));
    let first = by_task.lines().next().unwrap_or_default();
    expect!["127.0.0.1 work 1: computes 5.2 %, in the client 8.6 %, in the scheduler < 0.1 %, on the wire 6.0 %, in the worker's queue 0.5 %"].assert_eq(first);
    assert!(!rows(&drawn(&unfollowed(), By::Auto)).contains("on the way"));
}

#[test]
fn the_way_is_told_for_each_host() {
    let said = |trace: &Trace| summary::run(trace, 0, &[]).notes.join("\n");
    let of_ways = |text: String| {
        let lines = text.lines().filter(|line| line.starts_with("the way of"));
        lines.fold(String::new(), |all, line| all + line + "\n")
    };
    expect![[r#"
        the way of 7 tasks to 127.0.0.1, median / nine in ten / longest: in the client 40.5 ms / 40.6 ms / 40.6 ms, in the scheduler 104 ms / 271 ms / 343 ms, on the wire 39.3 ms / 58.2 ms / 61.2 ms, in the worker's queue 6.70 ms / 34.9 ms / 36.2 ms, running 24.3 ms / 25.2 ms / 29.1 ms; 5 B to a task and 719 B back
        the way of 5 tasks to 127.0.0.2, median / nine in ten / longest: in the client 40.5 ms / 40.6 ms / 40.6 ms, in the scheduler 148 ms / 221 ms / 272 ms, on the wire 69.1 ms / 71.5 ms / 71.6 ms, in the worker's queue 26.8 ms / 33.4 ms / 63.6 ms, running 23.8 ms / 25.9 ms / 43.5 ms; 5 B to a task and 719 B back
    "#]].assert_eq(&of_ways(said(&recorded())));
    assert_eq!(of_ways(said(&unfollowed())), "");
}

#[test]
fn what_other_hosts_take_is_not_known_here() {
    let run = summary::run(&recorded(), 0, &[]);
    let why = "what workers on other hosts take is not seen from here";
    assert_eq!(run.memory, Observed::Unknown(why.into()));
    assert_eq!(run.work_cpu, Observed::Unknown(why.into()));
    let mut here = recorded();
    here.done.as_mut().unwrap().hosts.clear();
    assert!(summary::run(&here, 0, &[]).memory.known().is_some());
}
