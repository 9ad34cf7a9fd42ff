//! Pictures and pages, made of real runs.

use std::fs;

use maitred_core::recording::{self, Collector, Parser};
use maitred_core::trace::{Observed, Scheduling, Slice, SliceEnd, Thread};

use crate::program::{Place, stderr, stdout};

const WORK: &str =
    "title \"Tea & <biscuits>\"\ntask \"t\" count=6 { cpu \"1ms\"\n wait \"3ms\" }\n";

/// A folder with a result and a trace of the same work.
fn place() -> Place {
    let place = Place::new().file("work.kdl", WORK);
    for line in [
        "compare work.kdl --warmup 0 --runs 2 --models thread-pool --workers 1,2 --save r.json",
        "run work.kdl --model native/threads --trace t.trace",
    ] {
        let output = place.run(line);
        assert!(output.status.success(), "{output:?}");
    }
    place
}

/// The words of a picture's title; it is XML.
fn title(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let title = document.descendants().find(|node| node.tag_name().name() == "title").unwrap();
    title.text().unwrap().to_owned()
}

/// Width and height of a PNG (RFC 2083, 11.2.1).
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn a_result_is_drawn() {
    let place = place();
    for (chart, words) in [
        ("", "How fast: Tea & <biscuits>"),
        ("--chart bars", "How fast: Tea & <biscuits>"),
        ("--chart scaling", "More workers: Tea & <biscuits>"),
        ("--chart latency", "Latency of a task: Tea & <biscuits>"),
    ] {
        for command in ["show", "compare"] {
            let line = format!("{command} r.json --export-svg p.svg --export-png p.png {chart}");
            let output = place.run(&line);
            assert!(output.status.success(), "{line}: {output:?}");
            assert_eq!(title(&place.read("p.svg")), words);
            let (width, height) = size(&fs::read(place.path("p.png")).unwrap());
            assert!(width == 1600 && height > 200, "{width} × {height}");
        }
    }
    let fresh =
        place.run("compare work.kdl --warmup 0 --runs 1 --models threads --export-svg f.svg");
    assert!(fresh.status.success(), "{fresh:?}");
    assert_eq!(title(&place.read("f.svg")), "How fast: Tea & <biscuits>");
}

#[test]
fn a_run_is_drawn_and_so_is_its_trace() {
    let place = place();
    let line = "run work.kdl --model native/threads --export-svg a.svg --export-png a.png";
    assert!(place.run(line).status.success());
    let line = "show t.trace --export-svg b.svg --export-png b.png --theme dark";
    assert!(place.run(line).status.success());
    for (svg, png) in [("a.svg", "a.png"), ("b.svg", "b.png")] {
        assert_eq!(title(&place.read(svg)), "Tea & <biscuits>: native/threads");
        assert_eq!(size(&fs::read(place.path(png)).unwrap()).0, 1600);
    }
    let dark = place.read("b.svg");
    assert!(
        !dark.contains("prefers-color-scheme")
            && place.read("a.svg").contains("prefers-color-scheme")
    );
}

#[test]
fn what_was_saved_becomes_a_page() {
    let place = place();
    for (from, part) in [("r.json", "Conclusion"), ("t.trace", "What each worker did")] {
        let output = place.run(&format!("report {from} -o page.html"));
        assert!(output.status.success(), "{output:?}");
        assert!(stdout(&output).starts_with("page.html is written: "), "{output:?}");
        let page = place.read("page.html");
        let body = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
        roxmltree::Document::parse(body).unwrap();
        assert!(page.contains("Tea &amp; &lt;biscuits&gt;") && page.contains(part), "{from}");
        assert!(page.contains("<svg ") && page.contains("maitred "), "{from}");
    }
    let again = place.read("page.html");
    let command = again.split("<pre>maitred ").nth(1).unwrap().split("</pre>").next().unwrap();
    let output = place.run(command);
    assert!(output.status.success(), "the page says how to repeat it: {command}: {output:?}");
}

#[test]
fn a_page_says_how_to_repeat_a_comparison() {
    let place = place();
    assert!(place.run("report r.json -o page.html").status.success());
    let page = place.read("page.html");
    let command = page.split("<pre>maitred ").nth(1).unwrap().split("</pre>").next().unwrap();
    let output = place.run(&format!("{command} --save again.json"));
    assert!(output.status.success(), "{command}: {output:?}");
    let fingerprint = |name: &str| {
        let value: serde_json::Value = serde_json::from_str(&place.read(name)).unwrap();
        value["subject"]["fingerprint"].clone()
    };
    assert_eq!(fingerprint("again.json"), fingerprint("r.json"));
}

#[test]
fn what_cannot_be_drawn_is_refused_in_a_sentence() {
    let place = place().file("other.txt", "nothing of the kind").file("empty", "");
    fs::create_dir(place.path("folder")).unwrap();
    for (line, code, words) in [
        ("report gone.json -o p.html", 2, "gone.json: there is no such file; check the name"),
        (
            "report other.txt -o p.html",
            2,
            "other.txt: this is no trace and no result that maitred saved",
        ),
        ("report empty -o p.html", 2, "empty: this file is empty"),
        (
            "report work.kdl -o p.html",
            2,
            "work.kdl: this is no trace and no result that maitred saved",
        ),
        ("report folder -o p.html", 2, "folder is a directory"),
        ("report r.json -o no/where/p.html", 2, "no/where/p.html cannot be written"),
        ("report r.json -o folder", 2, "folder cannot be written"),
        ("report r.json -o p.pdf", 2, "writes HTML, but p.pdf is named as if it were PDF"),
        ("report r.json -o r.json", 2, "named as if it were JSON"),
        ("report t.trace -o t.trace", 2, "t.trace is what the page is made of"),
        ("report r.json", 2, "--output"),
        (
            "show r.json --export-svg p.png",
            2,
            "--export-svg writes SVG, but p.png is named as if it were PNG",
        ),
        ("show t.trace --export-png p.svg", 2, "--export-png writes PNG"),
        ("show r.json --chart bars", 2, "--chart says what is drawn, but not where"),
        (
            "show t.trace --chart bars --export-svg p.svg",
            2,
            "--chart chooses among the pictures of a result",
        ),
        ("show r.json --export-svg no/where/p.svg", 2, "no/where/p.svg cannot be written"),
        (
            "show r.json --export-svg p.svg --chart requests",
            3,
            "no model that is ranked made a request",
        ),
        ("show r.json --export-svg p.svg --theme blue", 2, "possible values: auto, light, dark"),
        ("show t.trace --export-svg t.trace", 2, "t.trace is named twice"),
    ] {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        assert!(stderr(&output).contains(words), "{line}: {}", stderr(&output));
        assert!(
            !place.path("p.html").exists() && !place.path("p.svg").exists(),
            "{line} left a file"
        );
    }
    let full = place.run("report r.json -o /dev/full");
    assert_eq!(full.status.code(), Some(3), "{full:?}");
    assert!(stderr(&full).contains("/dev/full cannot be written"), "{full:?}");
}

/// The trace again, with so many slices on two processors in the place of its own.
fn with_slices(trace: &[u8], count: u64) -> Vec<u8> {
    let (mut collector, mut parser, mut at) = (Collector::default(), Parser::default(), 0);
    while !collector.is_whole() {
        let (part, used) = parser.parse(&trace[at..]).unwrap();
        collector.take(part).unwrap();
        at += used;
    }
    let mut recording = collector.finish(None).unwrap();
    let begin = recording.trace.done.as_ref().unwrap().phases.work;
    let length = (begin.end_ns - begin.start_ns) / (count / 2);
    let slices = (0..count).map(|number| Slice {
        start_ns: begin.start_ns + number / 2 * length,
        end_ns: begin.start_ns + number / 2 * length + length / 2,
        thread: (number % 2) as u32,
        cpu: (number % 2) as u16,
        end: SliceEnd::Preempted,
    });
    let thread = |number: u32| Thread {
        pid: 1,
        tid: 1 + number,
        name: format!("thread {number}"),
        parent: None,
        start_ns: begin.start_ns,
        end_ns: 0,
        run_delay_ns: None,
        cpu_ns: None,
        counted_ns: 0,
        voluntary: None,
        involuntary: None,
        migrations: None,
    };
    recording.trace.scheduling = Observed::Known(Scheduling {
        cpus: vec![0, 1],
        threads: (0..2).map(thread).collect(),
        slices: slices.collect(),
        ..Scheduling::default()
    });
    let mut bytes = Vec::new();
    let sink = |more: &[u8]| {
        bytes.extend_from_slice(more);
        Ok::<(), std::convert::Infallible>(())
    };
    let run = recording.run.as_ref();
    recording::write(&recording.provenance, &recording.trace, run, u64::MAX, sink).unwrap();
    bytes
}

#[test]
fn a_million_slices_are_a_small_picture() {
    // Slices that are too short for a nanosecond would be none.
    let work = "task \"t\" count=2 { wait \"50ms\" }\n";
    let place = Place::new().file("work.kdl", work);
    assert!(place.run("run work.kdl --model native/threads --trace t.trace").status.success());
    let bytes = with_slices(&fs::read(place.path("t.trace")).unwrap(), 1_000_000);
    let place = place.file("big.trace", bytes);
    let output = place.run("show big.trace --export-svg big.svg");
    assert!(output.status.success(), "{output:?}");
    let svg = place.read("big.svg");
    assert!(svg.len() < 64_000, "{} bytes", svg.len());
    // Half of the time each: no slice is left out, and none is counted twice.
    let used = svg.split("Processors, ").nth(1).unwrap().split(" used by this run").next().unwrap();
    let percent: f64 = used.trim_end_matches(" %").parse().unwrap();
    assert!((44.0..=51.0).contains(&percent), "{used}");
}
