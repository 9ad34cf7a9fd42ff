//! What was not measured here says so in every view; what was says nothing.

use std::string::String;
use std::vec::Vec;

use maitred_wire::Strategy;

use super::picture::{self, Chart, Look};
use super::report::{self, Form};
use super::tests::five_tables;
use super::timeline::{Lens, timeline_of};
use super::{Options, csv, json, markdown, table};
use crate::result::{Comparison, Site};
use crate::trace::sample::tables;
use crate::trace::{Origin, Trace};

/// Every view of a comparison.
fn views(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let details = Options { details: true, ..Options::default() };
    Vec::from([
        ("table", table::table(comparison, &Options::default())),
        ("details", table::table(comparison, &details)),
        ("markdown", markdown::markdown(comparison)),
        ("csv", csv::csv(comparison)),
        ("json", json::to_json(comparison)),
        ("page", report::comparison(comparison, Form::Page)),
        ("bars", picture::chart(comparison, Chart::Bars, &Look::default()).unwrap()),
    ])
}

/// The comparison with its second contestant there, rounds and verdicts as they are.
fn with(site: Site) -> Comparison {
    let mut comparison = five_tables();
    comparison.contestants[1].site = site;
    comparison
}

#[test]
fn a_contestant_that_was_not_measured_here_is_marked_in_every_view() {
    let machine = five_tables().machine;
    let cases =
        [(Site::Simulated(machine.clone()), "simulated"), (Site::Remote(machine), "remote")];
    for (site, word) in cases {
        for ((name, marked), (_, plain)) in views(&with(site)).iter().zip(views(&five_tables())) {
            assert!(marked.contains(word), "{name} does not say {word}: {marked}");
            assert!(!plain.contains(word), "{name} says {word} of what was measured: {plain}");
        }
    }
}

#[test]
fn sentences_name_it_so_and_say_for_which_machine() {
    let mut machine = five_tables().machine;
    machine.cpu = "Neoverse V2".into();
    let simulated = with(Site::Simulated(machine.clone()));
    assert_eq!(simulated.label(1), "threads (simulated)");
    assert_eq!(simulated.label(0), "sequential");
    let text = markdown::markdown(&simulated);
    let sentence = "`native/threads` was simulated for Neoverse V2, 2 processors: its times were \
                    computed, and not measured.";
    assert!(text.contains(sentence), "{text}");
    let text = markdown::markdown(&with(Site::Remote(machine)));
    let sentence = "`native/threads` was measured on another machine (Neoverse V2, 2 processors)";
    assert!(text.contains(sentence), "{text}");
}

#[test]
fn it_is_saved_and_a_result_of_before_was_measured_here() {
    let simulated = with(Site::Simulated(five_tables().machine));
    assert!(json::from_json(&json::to_json(&simulated)) == Ok(simulated));
    assert!(!json::to_json(&five_tables()).contains("\"site\""));
}

/// The pictures of a trace.
fn drawn(trace: &Trace) -> [String; 2] {
    let (spans, slices) = (|| trace.spans.iter().copied(), || core::iter::empty());
    let text = timeline_of(trace, spans, slices, &Lens::default(), &Options::default()).unwrap();
    let (lens, look) = (Lens::default(), Look::default());
    [text, picture::timeline::timeline(trace, "tables", spans, slices, &lens, &look).unwrap()]
}

#[test]
fn a_trace_that_was_simulated_says_so() {
    let mut trace = tables(5, 1).run(Strategy::Threads, 5);
    assert!(drawn(&trace).iter().all(|text| !text.contains("simulated")));
    trace.origin = Origin::Simulated(trace.origin.executor().clone());
    assert!(drawn(&trace).iter().all(|text| text.contains("native/threads (simulated)")));
}
