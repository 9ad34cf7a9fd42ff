//! Pictures are well-formed whatever they show, say what they show, and stay small.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use std::collections::BTreeSet;

use expect_test::{expect, expect_file};
use maitred_wire::{Model, Strategy};
use proptest::prelude::*;
use proptest::strategy::Strategy as Values;

use super::{Look, Theme, bars, latency, scaling, svg, timeline};
use crate::analyse::sample::{compared, comparison, contestant};
use crate::recording::arbitrary;
use crate::recording::sample::scheduled;
use crate::result::{Comparison, Conclusion, Latency, Rank, Rule, Summary, Verdict};
use crate::trace::sample::{Do, Sample, tables};
use crate::trace::{
    Executor, Gap, Observed, Origin, RunEnd, Slice, SliceEnd, StepKind, Thread, Trace,
};
use crate::view::timeline::{By, Lens, Refusal, Window};

fn look(theme: Theme) -> Look {
    Look { theme, id: "p1".into(), rows: 24 }
}

fn drawn(trace: &Trace, look: &Look) -> String {
    seen_through(trace, &Lens::default(), look).unwrap()
}

fn seen_through(trace: &Trace, lens: &Lens, look: &Look) -> Result<String, Refusal> {
    let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
    let (spans, slices) = (|| trace.spans.iter().copied(), || slices.iter().copied());
    timeline::timeline(trace, "Tables", spans, slices, lens, look)
}

fn all(comparison: &Comparison, look: &Look) -> Vec<String> {
    let optional = [
        scaling::workers(comparison, look),
        scaling::settings(comparison, look),
        latency::tasks(comparison, look),
        latency::requests(comparison, look),
    ];
    [bars::bars(comparison, look)].into_iter().chain(optional.into_iter().flatten()).collect()
}

/// It is XML, it says what it shows, its ids are there once, what it refers to is there, nothing
/// is brought from elsewhere, and no text begins or ends outside.
fn check(svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    assert_eq!(root.attribute("viewBox").map(|it| it.starts_with("0 0 800 ")), Some(true));
    for (place, tag) in ["title", "desc"].iter().enumerate() {
        let child = root.children().filter(|node| node.is_element()).nth(place).unwrap();
        assert_eq!(child.tag_name().name(), *tag);
        assert!(!child.text().unwrap_or("").trim().is_empty(), "an empty {tag}");
    }
    let mut ids = BTreeSet::new();
    let nodes = || root.descendants().filter(|node| node.is_element());
    for id in nodes().filter_map(|node| node.attribute("id")) {
        assert!(ids.insert(id), "{id} is there twice");
    }
    let height: f64 = root.attribute("height").unwrap().parse().unwrap();
    for node in nodes() {
        for attribute in node.attributes() {
            let value = attribute.value();
            assert!(!value.contains("NaN") && !value.contains("inf"), "{value}");
            assert!(!matches!(attribute.name(), "href" | "src" | "onload"), "{value}");
            if let Some(id) = value.strip_prefix("url(#").and_then(|it| it.strip_suffix(')')) {
                assert!(ids.contains(id), "there is no {id}");
            }
        }
        if node.tag_name().name() == "text" {
            let at = |name| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let (x, y, text) = (at("x"), at("y"), node.text().unwrap_or(""));
            let room = svg::width(text, 12.0);
            let (left, right) = match node.attribute("text-anchor") {
                Some("middle") => (x - room / 2.0, x + room / 2.0),
                Some("end") => (x - room, x),
                _ => (x, x + room),
            };
            assert!(left > -0.5 && right < 800.5, "`{text}` from {left} to {right}");
            assert!(y > 0.0 && y <= height, "`{text}` at {y} of {height}");
        }
    }
    let links = svg.matches("http").count();
    assert_eq!(
        links,
        svg.matches("xmlns=\"http://www.w3.org/2000/svg\"").count() + text_links(svg)
    );
}

/// Addresses that stand in texts are only read.
fn text_links(svg: &str) -> usize {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.is_text());
    texts.map(|node| node.text().unwrap_or("").matches("http").count()).sum()
}

fn sweep() -> Comparison {
    let sample = Sample { program: vec![Do::Cpu(4)], count: 24, ..tables(24, 1) };
    let models = [1, 2, 3, 4].map(|workers| (Strategy::ThreadPool, Some(workers)));
    compared(&sample, &models, 5)
}

#[test]
fn a_timeline_is_drawn() {
    let trace = tables(5, 1).run(Strategy::Threads, 5);
    let svg = drawn(&trace, &look(Theme::Light));
    check(&svg);
    expect_file!["snapshots/timeline.svg"].assert_eq(&svg);
}

#[test]
fn a_picture_of_a_run_that_went_wrong_says_how_it_ended() {
    let mut trace = tables(5, 1).run(Strategy::Threads, 5);
    let facts = |trace: &Trace| drawn(trace, &look(Theme::Light)).contains("of work, then ");
    assert!(!facts(&trace));
    trace.end = RunEnd::Interrupted;
    assert!(facts(&trace));
}

#[test]
fn what_the_kernel_saw_is_drawn() {
    let svg = drawn(&scheduled(200), &look(Theme::Auto));
    check(&svg);
    expect_file!["snapshots/kernel.svg"].assert_eq(&svg);
}

#[test]
fn a_thread_that_computes_without_the_lock_is_held_up() {
    let mut trace = scheduled(200);
    let held_up = "blocked in computing: by the GIL, inferred";
    assert!(!drawn(&trace, &look(Theme::Light)).contains(held_up));
    trace.steps[0].kind = StepKind::Cpu;
    let executor = trace.origin.executor().clone();
    trace.origin = Origin::Measured(Executor { gil: Some(true), ..executor });
    let svg = drawn(&trace, &look(Theme::Light));
    check(&svg);
    // In the legend, and in what the rows of workers say of themselves.
    assert!(svg.matches(held_up).count() > 1, "{svg}");
    assert!(svg.contains("url(#p1-held-up)") && svg.contains("blocked otherwise"), "{svg}");
}

#[test]
fn behind_a_gap_in_the_record_no_state_is_drawn() {
    let mut trace = scheduled(200);
    let long = "blocked 100 %";
    assert!(drawn(&trace, &look(Theme::Light)).contains(long));
    if let Observed::Known(scheduling) = &mut trace.scheduling {
        let last = scheduling.slices.iter().map(|slice| slice.end_ns).max().unwrap();
        scheduling.gaps = vec![Gap { start_ns: last, end_ns: u64::MAX, cpu: 0 }];
    }
    let svg = drawn(&trace, &look(Theme::Light));
    check(&svg);
    assert!(!svg.contains(long), "it may have run there: {svg}");
}

#[test]
fn a_thread_that_executes_no_steps_is_what_its_slices_say_up_to_its_end() {
    let mut trace = scheduled(200);
    let spans = || trace.spans.iter().copied();
    let (from, to) = crate::view::timeline::extent(&trace, spans).expect("tasks were started");
    let at = |percent: u64| from + (to - from) * percent / 100;
    let Observed::Known(scheduling) = &mut trace.scheduling else { panic!("it was recorded") };
    let thread = scheduling.threads.len() as u32;
    scheduling.threads.push(Thread { pid: 7, tid: 77, name: "helper".into(), ..Thread::default() });
    for (start, end, why) in [(0, 10, SliceEnd::Blocked), (50, 60, SliceEnd::Preempted)] {
        let (start_ns, end_ns) = (at(start), at(end));
        scheduling.slices.push(Slice { start_ns, end_ns, thread, cpu: 0, end: why });
    }
    scheduling.slices.sort_by_key(|slice| slice.start_ns);
    let of_helper = |trace: &Trace| {
        let svg = drawn(trace, &look(Theme::Light));
        check(&svg);
        let (_, about) = svg.split_once("helper (77): ").unwrap_or_else(|| panic!("no row: {svg}"));
        about.split_once('<').expect("and an end").0.to_string()
    };
    let whole = "running 20 %, runnable, in the run queue 40 %, blocked 40 %";
    assert_eq!(of_helper(&trace), whole);
    let Observed::Known(scheduling) = &mut trace.scheduling else { panic!("it was recorded") };
    scheduling.threads[thread as usize].end_ns = at(80);
    assert_eq!(of_helper(&trace), whole.replacen("40 %", "20 %", 1));
    let Observed::Known(scheduling) = &mut trace.scheduling else { panic!("it was recorded") };
    scheduling.gaps = vec![Gap { start_ns: at(70), end_ns: u64::MAX, cpu: 0 }];
    assert_eq!(of_helper(&trace), whole.replacen("40 %", "10 %", 1));
}

#[test]
fn a_comparison_is_drawn() {
    use Strategy as S;
    let models = [(S::Threads, None), (S::EventLoop, None), (S::Sequential, None)];
    let mut comparison = compared(&tables(5, 1), &models, 5);
    comparison.contestants.push(crate::result::Contestant {
        unranked: Some("exited with 1 & said \"<no>\"".into()),
        ..contestant(&tables(5, 1).run(S::Hybrid, 1), vec![])
    });
    let [bars, tasks] = all(&comparison, &look(Theme::Dark)).try_into().unwrap();
    check(&bars);
    check(&tasks);
    expect_file!["snapshots/bars.svg"].assert_eq(&bars);
    expect_file!["snapshots/latency.svg"].assert_eq(&tasks);
}

#[test]
fn a_scaling_curve_is_drawn() {
    let svg = scaling::workers(&sweep(), &look(Theme::Light)).unwrap();
    check(&svg);
    expect_file!["snapshots/scaling.svg"].assert_eq(&svg);
}

#[test]
fn the_law_is_drawn_as_far_as_it_was_fitted() {
    // Work that mostly queues, but computes otherwise.
    let program = vec![Do::Cpu(1), Do::Hold(0, vec![Do::Cpu(1)])];
    let sample = Sample { program, count: 64, ..tables(64, 1) };
    let models = [1, 2, 4, 8, 16].map(|workers| (Strategy::ThreadPool, Some(workers)));
    let mut comparison = compared(&sample, &models, 5);
    comparison.machine.cores = 8;
    for contestant in &mut comparison.contestants {
        let at_once = f64::from(contestant.workers.min(8));
        let summary = contestant.summary.as_mut().unwrap();
        summary.work_ns = (320e6 * (0.2 + 0.8 / at_once)) as u64;
        (summary.work_low_ns, summary.work_high_ns) = (summary.work_ns, summary.work_ns);
        let work_ns = summary.work_ns;
        contestant.runs.iter_mut().for_each(|run| run.work_ns = work_ns);
    }
    let svg = scaling::workers(&comparison, &look(Theme::Light)).unwrap();
    check(&svg);
    let expected = "native/thread-pool, fitted up to 8 workers, with 20 % serial";
    assert!(svg.contains(expected), "{svg}");
    let places = |class: &str| -> Vec<String> {
        let path = |line: &&str| line.starts_with("<path") && line.contains(class);
        let paths = svg.lines().filter(path).map(|line| line.split('"').nth(1).unwrap());
        let places = paths.map(|d| d.split(['M', 'L']).skip(1).map(Into::into).collect());
        places.max_by_key(Vec::len).unwrap()
    };
    let (law, measured) = (places("m-dash"), places("m-curve"));
    assert_eq!((law.last(), measured.len()), (measured.get(3), 5), "it ends at 8 workers");
}

#[test]
fn a_swept_setting_is_the_axis() {
    let mut comparison = sweep();
    let values = ["delay=5ms n=1", "delay=50ms n=1", "delay=500ms n=1", "delay=2s n=1"];
    for (contestant, value) in comparison.contestants.iter_mut().zip(values) {
        contestant.model = Model::new("native", Strategy::Threads);
        contestant.model.setting = Some(value.into());
    }
    let svg = scaling::settings(&comparison, &look(Theme::Light)).unwrap();
    check(&svg);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let desc = document.descendants().find(|node| node.has_tag_name("desc"));
    let desc =
        desc.or_else(|| document.descendants().find(|node| node.tag_name().name() == "desc"));
    expect!["By delay. native/threads n=1: 99.6 ms at 5ms, 49.8 ms at 50ms, 33.2 ms at 500ms, 24.9 ms at 2s."]
        .assert_eq(desc.unwrap().text().unwrap());
    assert_eq!(scaling::workers(&comparison, &look(Theme::Light)), None, "threads have no workers");
}

#[test]
fn a_result_without_something_has_no_picture_of_it() {
    let empty = comparison(vec![], 0);
    let pictures = all(&empty, &look(Theme::Light));
    assert_eq!(pictures.len(), 1, "bars alone, which say that nothing was measured");
    check(&pictures[0]);
    assert!(pictures[0].contains("Nothing was measured"));
}

#[test]
fn nothing_and_much_have_pictures() {
    let nothing = Trace {
        tasks: vec![],
        spans: vec![],
        lanes: vec![],
        ..tables(1, 1).run(Strategy::Threads, 1)
    };
    let nothing = Trace { done: None, ..nothing };
    let svg = drawn(&nothing, &look(Theme::Light));
    check(&svg);
    assert!(svg.contains("No task was started"));
    for strategy in [Strategy::Threads, Strategy::EventLoop] {
        let svg = drawn(&tables(300, 3).run(strategy, 300), &look(Theme::Light));
        check(&svg);
        assert!(svg.contains("… and 276 more lanes"), "{strategy}");
    }
}

/// Slices that are made as they are asked for, so that only the picture takes memory.
fn endless(origin: u64, count: u32) -> impl Iterator<Item = Slice> {
    (0..count).map(move |number| Slice {
        start_ns: origin + u64::from(number) * 97,
        end_ns: origin
            + u64::from(number) * 97
            + 20
            + u64::from(number.wrapping_mul(2_654_435_761) >> 27),
        thread: number % 4,
        cpu: (number % 2) as u16,
        end: if number % 3 == 0 { SliceEnd::Preempted } else { SliceEnd::Blocked },
    })
}

/// Texts of a picture, one a line.
fn texts(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text()).map(|text| format!("{text}\n")).collect()
}

#[test]
fn a_picture_shows_the_part_and_the_lanes_that_were_asked_for() {
    let (trace, look) = (scheduled(40), look(Theme::Light));
    let whole = drawn(&trace, &look);
    assert!(texts(&whole).starts_with("Tables: native/threads\n"), "the work has a name");
    let window = Window { from_ns: Some(200_000), to_ns: Some(700_000) };
    let part = seen_through(&trace, &Lens { window, by: By::Auto }, &look).unwrap();
    check(&part);
    assert!(texts(&part).contains("200 µs to 700 µs of "), "{}", texts(&part));
    assert!(!texts(&part).contains("\n0\n"), "the axis does not begin at the start");
    let cores = seen_through(&trace, &Lens { by: By::Core, ..Lens::default() }, &look).unwrap();
    check(&cores);
    assert!(texts(&whole).contains("Steps of the work"));
    assert!(!texts(&cores).contains("Steps of the work"));
    assert!(texts(&cores).contains("processor 0"));
    let loops = tables(5, 1).run(Strategy::EventLoop, 1);
    let by = |by| texts(&seen_through(&loops, &Lens { by, ..Lens::default() }, &look).unwrap());
    assert!(by(By::Task).contains("table 5") && !by(By::Worker).contains("table"));
    let late = Window { from_ns: Some(u64::MAX / 2), to_ns: None };
    let refused = seen_through(&trace, &Lens { window: late, by: By::Auto }, &look);
    assert!(matches!(refused, Err(Refusal::Beyond { .. })));
    let refused = seen_through(&loops, &Lens { by: By::Core, ..Lens::default() }, &look);
    assert!(matches!(refused, Err(Refusal::NoSwitches { .. })));
}

#[test]
fn values_that_are_names_are_not_joined_by_a_line() {
    let curves = |values: [&str; 3]| {
        let models = [(Strategy::Threads, None); 3];
        let mut comparison = compared(&tables(5, 1), &models, 4);
        for (one, value) in comparison.contestants.iter_mut().zip(values) {
            one.model.setting = Some(format!("architecture={value}"));
        }
        let svg = scaling::settings(&comparison, &look(Theme::Light)).unwrap();
        check(&svg);
        // The sample in the legend is a straight line, a curve goes on from point to point.
        svg.lines().filter(|line| line.contains("m-curve") && line.matches('L').count() > 1).count()
    };
    assert_eq!(curves(["1", "2", "4"]), 1);
    assert_eq!(curves(["threads", "processes", "event-loop"]), 0);
}

#[test]
fn names_are_cut_where_they_are_alike() {
    let room = svg::width("python3.13/th…-pool:16", svg::SIZE);
    let cut = |text: &str| svg::cut_inside(text, svg::SIZE, room);
    let (one, other) = ("python3.13-debug/thread-pool:16", "python3.13-debug/thread-pool:32");
    assert!(cut(one).ends_with("pool:16") && cut(other).ends_with("pool:32"), "{}", cut(one));
    assert!(cut(one).starts_with("python3") && svg::width(&cut(one), svg::SIZE) <= room);
    assert_eq!(cut("short"), "short");
}

#[test]
fn a_picture_does_not_grow_with_the_slices() {
    let mut trace = scheduled(8);
    trace.done = None;
    let origin = trace.startup.end_ns;
    trace
        .tasks
        .iter_mut()
        .for_each(|task| (task.start_ns, task.end_ns) = (origin, origin + 97_000_000));
    let size = |count| {
        let slices = || endless(origin, count);
        let (lens, look) = (Lens::default(), look(Theme::Light));
        let svg = timeline::timeline(&trace, "", core::iter::empty, slices, &lens, &look).unwrap();
        check(&svg);
        svg.len()
    };
    let (few, many) = (size(1_000), size(1_000_000));
    assert!(many < 260_000, "{many} bytes (of a thousand slices: {few})");
}

#[test]
fn what_is_not_known_is_said() {
    let mut trace = scheduled(20);
    trace.lanes[0].dropped = 7;
    if let Observed::Known(scheduling) = &mut trace.scheduling {
        scheduling.lost = 3;
        scheduling.missing = vec!["the kernel refused <records>".into()];
    }
    let svg = drawn(&trace, &look(Theme::Light));
    check(&svg);
    for part in
        ["3 records of the kernel were lost", "7 spans had no room", "refused &lt;records&gt;"]
    {
        assert!(svg.contains(part), "{part}");
    }
    trace.scheduling = Observed::Unknown("nobody may look".into());
    let svg = drawn(&trace, &look(Theme::Light));
    assert!(svg.contains("is not known: nobody may look."));
}

#[test]
fn a_theme_that_was_chosen_needs_no_media_query() {
    let trace = tables(2, 1).run(Strategy::Threads, 2);
    let [auto, light, dark] =
        [Theme::Auto, Theme::Light, Theme::Dark].map(|theme| drawn(&trace, &look(theme)));
    let queries = |svg: &String| svg.contains("prefers-color-scheme");
    assert_eq!([&auto, &light, &dark].map(queries), [true, false, false]);
    assert!(light.contains("#ffffff") && !dark.contains("#ffffff"));
}

fn time() -> impl Values<Value = u64> {
    prop_oneof![Just(0), 1_u64..1_000_000_000_000, any::<u64>()]
}

fn figure<T: core::fmt::Debug + Clone>(
    value: impl Values<Value = T>,
) -> impl Values<Value = Observed<T>> {
    prop_oneof![value.prop_map(Observed::Known), any::<String>().prop_map(Observed::Unknown),]
}

prop_compose! {
    fn times()(all in proptest::array::uniform5(time()), from_arrival in any::<bool>()) -> Latency {
        let [min_ns, p50_ns, p90_ns, p99_ns, max_ns] = all;
        Latency { from_arrival, min_ns, p50_ns, p90_ns, p99_ns, p999_ns: None, max_ns }
    }
}

prop_compose! {
    fn summary()(
        work in proptest::array::uniform4(time()),
        rounds in any::<u32>(),
        latency in figure(times()),
        memory_bytes in figure(any::<u64>()),
        throughput in any::<f64>(),
    ) -> Summary {
        let [work_ns, work_min_ns, work_low_ns, work_high_ns] = work;
        let unknown = || Observed::Unknown("nobody looked".into());
        Summary {
            rounds, work_ns, work_min_ns, work_low_ns, work_high_ns,
            startup_ns: 0, setup_ns: 0,
            cpu_ns: unknown(), cores_used: Observed::Unknown("x".into()), memory_bytes,
            voluntary: unknown(), involuntary: unknown(), throughput, latency,
        }
    }
}

/// Whatever a file may hold that is read as a result.
pub(crate) fn arbitrary_comparison() -> impl Values<Value = Comparison> {
    let text = || prop_oneof![any::<String>(), Just("<b>&\"'é漢字\u{202e}\u{0}]]>".to_string())];
    let verdicts = [
        Verdict::Reference,
        Verdict::Faster,
        Verdict::Slower,
        Verdict::Same,
        Verdict::Inconclusive,
    ];
    let one = (
        (text(), 0_usize..8, proptest::option::of(text()), proptest::option::of(any::<u32>())),
        (any::<u32>(), proptest::option::of(summary()), proptest::option::of(text())),
        (0_usize..5, any::<[f64; 3]>(), any::<u32>()),
    );
    (proptest::collection::vec(one, 0..40), text(), any::<u64>()).prop_map(
        move |(all, title, tasks)| {
            let bare = tables(1, 1).run(Strategy::Threads, 1);
            let mut made = comparison(vec![], tasks);
            made.subject.title = Some(title.clone());
            made.machine.cpu = title.clone();
            made.conclusion = Conclusion::of([Rule::Use.says(title)]);
            for ((runtime, strategy, setting, workers), (count, summary, unranked), rank) in all {
                let strategy = Strategy::ALL[strategy];
                let (verdict, [ratio, low, high], index) = rank;
                let contestant = crate::result::Contestant {
                    model: Model { runtime, strategy, workers, setting },
                    workers: count,
                    summary,
                    unranked,
                    ..contestant(&bare, vec![])
                };
                made.contestants.push(contestant);
                let index = index % 44;
                let verdict = verdicts[verdict];
                made.ranking.push(Rank { contestant: index, ratio, low, high, verdict });
            }
            made
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_result_is_well_formed(comparison in arbitrary_comparison(), dark in any::<bool>()) {
        let theme = if dark { Theme::Dark } else { Theme::Auto };
        for svg in all(&comparison, &look(theme)) {
            check(&svg);
            prop_assert!(svg.len() < 200_000, "{} bytes", svg.len());
        }
    }

    #[test]
    fn any_trace_is_well_formed(trace in arbitrary::trace(), heading in any::<String>()) {
        let mut trace = trace;
        trace.groups[0].name = format!("<&>\"{heading}");
        trace.steps.iter_mut().for_each(|step| step.label.clone_from(&heading));
        check(&drawn(&trace, &look(Theme::Auto)));
    }
}
