//! Pages are well-formed, hold what was measured, and bring nothing from elsewhere.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use std::collections::BTreeSet;

use expect_test::expect;
use maitred_wire::Strategy as S;
use proptest::prelude::*;

use super::super::repeat;
use super::{Form, comparison, recording};
use crate::analyse::sample::compared;
use crate::analyse::summary;
use crate::recording::sample::{provenance, scheduled};
use crate::recording::{Cut, LeftOut, Recording, arbitrary};
use crate::result::{Comparison, Rule, SubjectKind};
use crate::trace::sample::tables;
use crate::view::picture::arbitrary_comparison;

/// It is XML with all ids once, and nothing in it leads elsewhere.
fn check(page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let document =
        roxmltree::Document::parse(body).unwrap_or_else(|error| panic!("{error}: {page}"));
    let mut ids = BTreeSet::new();
    for node in document.descendants().filter(|node| node.is_element()) {
        let name = node.tag_name().name();
        assert!(!matches!(name, "script" | "link" | "img" | "iframe" | "a" | "base"), "{name}");
        for attribute in node.attributes() {
            assert!(
                !matches!(attribute.name(), "href" | "src" | "action"),
                "{}",
                attribute.value()
            );
            assert!(!attribute.name().starts_with("on"), "{}", attribute.name());
            if attribute.name() == "id" {
                assert!(ids.insert(attribute.value().to_string()), "{} twice", attribute.value());
            }
        }
        if name == "style" {
            let text = node.text().unwrap_or("");
            assert!(!text.contains("url(") && !text.contains("@import"), "{text}");
        }
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
}

fn page_of(recorded: &Recording) -> String {
    let trace = &recorded.trace;
    let run = recorded.run.clone().unwrap_or_else(|| summary::run(trace, 0, &[]));
    let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
    recording(recorded, &run, || trace.spans.iter().copied(), || slices.iter().copied(), Form::Page)
}

/// What a page that trusts nobody leaves of it is all of it: no style, no script, no drawing inline.
fn check_fragment(text: &str) {
    let document =
        roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for node in document.descendants().filter(|node| node.is_element()) {
        let name = node.tag_name().name();
        assert!(!matches!(name, "script" | "style" | "svg" | "link" | "iframe" | "a"), "{name}");
        for attribute in node.attributes().filter(|one| one.name() == "src") {
            let drawing = attribute.value().strip_prefix("data:image/svg+xml,").unwrap();
            roxmltree::Document::parse(&decoded(drawing)).unwrap();
        }
    }
    assert_eq!(text.matches("<img alt=\"").count(), 1);
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (vec::Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(core::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_fragment_says_what_is_read_first_and_survives_mistrust() {
    let mut result = compared(&tables(5, 1), &[(S::Threads, None), (S::Sequential, None)], 5);
    result.conclusion.add(Rule::Unnamed.says("use <b>threads</b> – 50 % \"more\""));
    let text = comparison(&result, Form::Fragment);
    check_fragment(&text);
    assert!(text.contains("native/threads"), "{text}");
    assert!(!text.contains("How to repeat it"), "{text}");
}

/// The headings of a page, in order.
fn headings(page: &str) -> String {
    let parts = page.split("<h2>").skip(1).filter_map(|part| part.split_once("</h2>"));
    parts.map(|(heading, _)| heading).collect::<vec::Vec<_>>().join(" | ")
}

#[test]
fn a_comparison_is_a_page() {
    let mut result = compared(&tables(5, 1), &[(S::Threads, None), (S::Sequential, None)], 5);
    result.contestants[1].runs[0].noise.dirty = Some("somebody else computed".into());
    result.conclusion.add(Rule::Unnamed.says("use <b>threads</b> & `native/threads`"));
    let page = comparison(&result, Form::Page);
    check(&page);
    expect!["Conclusion | How fast | Also | At what cost | Latency of a task | Warnings and notes | Method | Machine | How to repeat it"]
        .assert_eq(&headings(&page));
    for part in [
        "use &lt;b&gt;threads&lt;/b&gt; &amp; <code>native/threads</code>",
        "disturbed: somebody else computed",
        "AMD EPYC",
        "bars-title",
        "prefers-color-scheme:dark",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let rounds = page
        .split("Every round")
        .nth(1)
        .unwrap()
        .split("</details>")
        .next()
        .unwrap()
        .matches("<tr>")
        .count();
    assert_eq!(rounds, 1 + 2 * 5, "a row for each run, and the headings");
}

#[test]
fn one_round_has_no_interval() {
    let intervals = |rounds| {
        let result = compared(&tables(5, 1), &[(S::Threads, None), (S::Sequential, None)], rounds);
        comparison(&result, Form::Page).matches(" ms – ").count()
    };
    assert_eq!(intervals(1), 0);
    assert!(intervals(5) >= 1);
}

#[test]
fn a_run_is_a_page_that_says_what_it_lacks() {
    let recorded = Recording {
        provenance: provenance(),
        trace: scheduled(100),
        run: None,
        left_out: LeftOut { limit_bytes: 1 << 20, spans: 5, ..LeftOut::default() },
        cut: Some(Cut { at: 4_321, damaged: true }),
    };
    let page = page_of(&recorded);
    check(&page);
    expect!["What each worker did | Figures | Warnings | Method | Machine | How to repeat it"]
        .assert_eq(&headings(&page));
    assert!(page.contains("The file is damaged behind byte 4,321"));
    assert!(page.contains("The last 5 spans had no room in the 1.00 MiB of the trace."));
}

#[test]
fn the_command_is_what_a_shell_takes() {
    let models = [(S::ThreadPool, Some(1)), (S::ThreadPool, Some(2)), (S::Threads, None)];
    let mut result = compared(&tables(5, 1), &models, 3);
    expect!["maitred compare workloads/waiters.kdl --models native/thread-pool:1,native/thread-pool:2,native/threads --set tables=5 --seed 1 --speed 10x --timeout 60s --runs 3 --warmup 1 --min-effect 3%"]
        .assert_eq(&repeat::compare(&result));
    for (contestant, value) in
        result.contestants.iter_mut().zip(["tables=1", "tables=2", "tables=2"])
    {
        contestant.model.setting = Some(value.into());
    }
    result.subject.name = "it's mine.kdl".into();
    result.settings.budget_ns = Some(1_500_000_000);
    expect![[r"maitred compare 'it'\''s mine.kdl' --models native/thread-pool:1,native/thread-pool:2,native/threads --sweep tables=1,2 --seed 1 --speed 10x --timeout 60s --budget 1500ms --warmup 1 --min-effect 3%"]]
        .assert_eq(&repeat::compare(&result));
    result.subject.kind = SubjectKind::Command;
    result.subject.name = "sh -c 'sleep 1'".into();
    assert!(repeat::compare(&result).ends_with(" -- sh -c 'sleep 1'"));
    let pair = |name: &str, value: &str| (name.into(), value.into());
    result.subject.kind = SubjectKind::Url;
    result.subject.name = "http://localhost/".into();
    result.settings.parameters = vec![pair("connections", "64")];
    let begins = |result: &Comparison, expected: &str| {
        let command = repeat::compare(result);
        assert!(command.starts_with(&format!("maitred compare {expected} --models ")), "{command}");
    };
    let has = |result: &Comparison, expected: &str| {
        let command = repeat::compare(result);
        assert!(command.contains(expected), "{command}");
    };
    begins(&result, "http://localhost/ --requests 5");
    has(&result, " --connections 64 --seed 1");
    result.settings.parameters.extend([pair("duration", "3s"), pair("rate", "100/s")]);
    begins(&result, "http://localhost/");
    has(&result, " --connections 64 --duration 3s --rate 100/s --seed 1");
    let lines = ["Accept: text/html", "X-One: 1"].map(|line| pair("header", line));
    result.settings.parameters =
        [&[pair("insecure", "yes"), pair("follow", "yes")][..], &lines].concat();
    has(&result, " --insecure --follow --header 'Accept: text/html' --header 'X-One: 1' --seed 1");
    result.subject.kind = SubjectKind::Function;
    result.subject.name = "work.py:f".into();
    result.settings.parameters = vec![pair("inputs", "six.txt"), pair("args", "[1, 2]")];
    begins(&result, "work.py:f");
    has(&result, " --inputs six.txt --args '[1, 2]' --seed 1");
}

/// What of a function stands elsewhere than a parameter of a workload does.
#[test]
fn the_command_of_functions_is_what_was_typed() {
    let mut result = compared(&tables(5, 1), &[(S::ThreadPool, Some(1)), (S::Threads, None)], 3);
    let pair = |name: &str, value: &str| (name.into(), value.into());
    result.subject.kind = SubjectKind::Function;
    result.subject.name = "work.py:f".into();
    result.settings.parameters = vec![pair("inputs", "six.txt"), pair("spread", "yes")];
    let with = |settings: [Option<&str>; 2]| {
        let mut result = result.clone();
        for (one, setting) in result.contestants.iter_mut().zip(settings) {
            one.model.setting = setting.map(Into::into);
        }
        result
    };
    // A thread a library that joined by itself was not asked for.
    let joined = with([None, Some("inner-threads=1")]);
    expect!["maitred compare work.py:f --models native/thread-pool:1,native/threads --inputs six.txt --spread --seed 1 --speed 10x --timeout 60s --runs 3 --warmup 1 --min-effect 3%"]
        .assert_eq(&repeat::compare(&joined));
    let swept = with([Some("inner-threads=1 MODE=a"), Some("inner-threads=auto MODE=a")]);
    expect!["maitred compare work.py:f --inner-threads 1,auto --env MODE=a --inputs six.txt --spread --speed 10x"]
        .assert_eq(&repeat::compare_shortly(&swept, &swept.settings));
    let mut several = with([Some("call=f"), Some("call=g")]);
    several.settings.parameters.push(pair("also", "more.py:g"));
    expect!["maitred compare work.py:f more.py:g --inputs six.txt --spread --speed 10x"]
        .assert_eq(&repeat::compare_shortly(&several, &several.settings));
    let [first, second] = [0, 1].map(|at| {
        repeat::run_shortly(&several.contestants[at].model, &several.subject, &several.settings)
    });
    expect!["maitred run work.py:f --model thread-pool:1 --inputs six.txt --spread --speed 10x"]
        .assert_eq(&first);
    expect!["maitred run more.py:g --model threads --inputs six.txt --spread --speed 10x"]
        .assert_eq(&second);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_result_is_a_page(result in arbitrary_comparison()) {
        let page = comparison(&result, Form::Page);
        check(&page);
        prop_assert!(page.len() < 1 << 20, "{} bytes", page.len());
    }

    #[test]
    fn any_trace_is_a_page(trace in arbitrary::trace(), heading in any::<String>()) {
        let mut provenance = provenance();
        provenance.heading = heading.clone();
        provenance.machine.cpu = heading.clone();
        provenance.subject.name = heading;
        check(&page_of(&Recording { provenance, trace, run: None, left_out: LeftOut::default(), cut: None }));
    }
}
