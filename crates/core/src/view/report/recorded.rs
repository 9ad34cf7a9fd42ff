//! The page of one run: its timeline, its figures, and what is missing of it.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::phases;
use super::super::picture::{Look, Theme, timeline};
use super::super::repeat;
use super::super::timeline::Lens;
use super::{Form, html};
use crate::analyse::units::{bytes, count, duration, plural};
use crate::recording::{LeftOut, Recording};
use crate::result::Run;
use crate::trace::{Slice, Span};

/// A saved run. Spans and slices lie elsewhere: they are asked for as often as they are
/// needed, in order of start.
pub fn recording<I: Iterator<Item = Span>, J: Iterator<Item = Slice>>(
    recording: &Recording,
    run: &Run,
    spans: impl Fn() -> I,
    slices: impl Fn() -> J,
    form: Form,
) -> String {
    let (from, trace) = (&recording.provenance, &recording.trace);
    let subject = from.subject.title.as_ref().unwrap_or(&from.subject.name);
    let title = format!("{}: {}", from.heading, trace.name());
    let went = phases::went(from.subject.kind, &trace.model, trace.workers, run).0;
    let look = Look { theme: Theme::Auto, id: "timeline".into(), rows: 60 };
    let picture = timeline::timeline(trace, subject, spans, slices, &Lens::default(), &look);
    if form == Form::Fragment {
        let mut body = html::strong(&went);
        // The whole of a run, by worker, can always be drawn.
        body.push_str(&picture.map_or_else(
            |why| html::paragraph(&why.to_string()),
            |it| html::image(&it, "what each worker did"),
        ));
        body.push_str(&html::list(&lacks(recording)));
        return html::fragment(subject, &(body + &figures(run)));
    }
    let mut body = format!("<h1>{}</h1>\n", html::prose(subject));
    body.push_str(&from.subject.about.as_deref().map_or_else(String::new, html::paragraph));
    body.push_str(&html::answer(&went));
    body.push_str(&html::dim(&from.heading));
    body.push_str(&html::dim(&format!(
        "{}, {} · recorded {} by maitred {}",
        trace.name(),
        plural(u64::from(trace.workers), "worker"),
        from.started,
        from.program_version
    )));
    let picture =
        picture.map_or_else(|why| html::paragraph(&why.to_string()), |it| html::figure(&it));
    body.push_str(&html::section("What each worker did", &picture));
    body.push_str(&html::section("Figures", &figures(run)));
    body.push_str(&html::section("Warnings", &html::list(&lacks(recording))));
    body.push_str(&html::section("Method", &html::facts(&[
        ("times", "of the kernel's monotonic clock, in nanoseconds".into()),
        ("steps", "recorded by the worker that did them".into()),
        ("kernel", "every switch of every thread, where the machine allows it; recording takes time, which is in these figures".into()),
        ("seed", count(from.settings.seed)),
        ("fingerprint", format!("`{}` of the work: equal work, equal fingerprint", from.subject.fingerprint)),
    ])));
    body.push_str(&html::section("Machine", &html::machine(&from.machine)));
    let again = html::typed(&repeat::run(&trace.model, &from.subject, &from.settings));
    body.push_str(&html::section("How to repeat it", &again));
    html::page(&title, &from.program_version, &body)
}

fn figures(run: &Run) -> String {
    let phases = [
        ("start-up", duration(run.startup_ns)),
        ("set-up", duration(run.setup_ns)),
        ("work", duration(run.work_ns)),
        ("tear-down", duration(run.teardown_ns)),
    ];
    let all: Vec<(&str, String)> = phases.into_iter().chain(phases::figures(run)).collect();
    html::facts(&all)
}

fn lacks(recording: &Recording) -> Vec<String> {
    let mut lacks = Vec::new();
    if let Some(cut) = recording.cut {
        let how = if cut.damaged { "is damaged behind" } else { "was cut short at" };
        lacks.push(format!(
            "The file {how} byte {}: what stands before it is shown, what is missing is not known.",
            count(cut.at)
        ));
    }
    let LeftOut { limit_bytes, tasks, spans, slices } = recording.left_out;
    for (number, noun) in [(tasks, "task"), (spans, "span"), (slices, "slice")] {
        if number > 0 {
            lacks.push(format!(
                "The last {} had no room in the {} of the trace.",
                plural(number, noun),
                bytes(limit_bytes)
            ));
        }
    }
    lacks
}
