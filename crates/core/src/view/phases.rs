//! One run as text: where its time went by phase, then the figures, then what failed.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::Options;
use super::paint::{Ink, left, right, to_ascii, wrap};
use super::table::{footer, lesson, noun, told};
use super::{repeat, requests, scheduling};
use crate::analyse::compare;
use crate::analyse::units::{bytes, cores, count, duration, plural, significant};
use crate::result::{Latency, Run, Settings, SubjectFacts, SubjectKind, TaskCounts};
use crate::trace::Observed;

/// Columns of the labels on the left.
const LABELS: usize = 12;
/// Columns of a duration.
const TIMES: usize = 8;
/// Kinds of failures that are listed.
const FAILURES: usize = 5;

/// What stands above the picture of a run: what the work is, and how it went.
pub fn lead(
    subject: &SubjectFacts,
    model: &Model,
    workers: u32,
    run: &Run,
    options: &Options,
) -> String {
    let (went, ink) = went(subject.kind, model, workers, run);
    let text = format!("{}\n{}", lesson(subject, options), told(&went, ink, options));
    if options.ascii { to_ascii(&text) } else { text }
}

/// How it went in a sentence: how much was done in how long, or what was wrong.
pub(super) fn went(kind: SubjectKind, model: &Model, workers: u32, run: &Run) -> (String, Ink) {
    if let Some(mistake) = compare::mistake(run) {
        return (format!("`{model}` failed: {mistake}."), Ink::Vermillion);
    }
    let (done, time) = (plural(run.tasks.done, noun(kind)), duration(run.work_ns));
    let with = plural(u64::from(workers), "worker");
    let rate = significant(run.tasks.done as f64 * 1e9 / run.work_ns.max(1) as f64);
    (format!("`{model}` did {done} in {time}, with {with}: {rate} a second."), Ink::Bold)
}

/// What stands below everything: the command that compares this model with others.
pub fn next(subject: &SubjectFacts, settings: &Settings, options: &Options) -> String {
    let command =
        repeat::is_typable(subject, settings).then(|| repeat::compare_all(subject, settings));
    let text = footer(command.as_deref(), options);
    if options.ascii { to_ascii(&text) } else { text }
}

/// Figures that are read first; the others stand behind [`Options::details`].
const BRIEF: [&str; 15] = [
    "CPU",
    "memory",
    "latency",
    "requests",
    "server",
    "in steps",
    "waits for",
    "GIL",
    "running",
    "failure",
    "lost",
    "variable",
    "expected",
    "disturbed",
    "trace",
];

/// The figures of a run as text that ends in a line break; with details by phase, and all of them.
pub fn phases(model: &Model, workers: u32, run: &Run, options: &Options) -> String {
    let mut text = String::new();
    if options.details {
        text.push_str(&heading(model, workers, run, options));
        text.push_str(&bars(run, options));
        text.push('\n');
    }
    let mut failing = false;
    for (label, figure) in figures(run) {
        // A line without a label belongs to the one before it; what steps are made of is a detail.
        failing = label == "failure" || label.is_empty() && failing;
        if !(options.details || failing || BRIEF.contains(&label)) {
            continue;
        }
        let room = LABELS + 1;
        let line = format!("{} {}", left(label, LABELS), wrap(&figure, options.width, room));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if options.ascii { to_ascii(&text) } else { text }
}

fn heading(model: &Model, workers: u32, run: &Run, options: &Options) -> String {
    let name = Ink::Bold.paint(&model.to_string(), options);
    let workers = plural(u64::from(workers), "worker");
    let (how, ink) = match compare::mistake(run) {
        None if run.is_timed() => ("finished: the time was up".into(), Ink::Green),
        None => ("finished".into(), Ink::Green),
        Some(mistake) => (mistake, Ink::Vermillion),
    };
    let how = ink.paint(&wrap(&how, options.width, 0), options);
    format!("{name}, {workers}\n{how}\n\n")
}

fn bars(run: &Run, options: &Options) -> String {
    let phases = [
        ("start-up", run.startup_ns, Ink::Dim),
        ("set-up", run.setup_ns, Ink::Dim),
        ("work", run.work_ns, Ink::Green),
        ("tear-down", run.teardown_ns, Ink::Dim),
    ];
    let whole: u64 = phases.iter().map(|(_, ns, _)| ns).sum::<u64>().max(1);
    let room = options.width.saturating_sub(LABELS + TIMES + 4).max(10) as u64;
    let mut before = 0;
    let mut text = String::new();
    for (label, ns, ink) in phases {
        // Each bar begins where the one before ended: together they are the run.
        let start = (u128::from(before) * u128::from(room) / u128::from(whole)) as usize;
        before += ns;
        let end = (u128::from(before) * u128::from(room)).div_ceil(u128::from(whole)) as usize;
        let (offset, length) =
            (" ".repeat(start), end.saturating_sub(start).max(usize::from(ns > 0)));
        let bar = ink.paint(&"▇".repeat(length), options);
        let time = right(&duration(ns), TIMES);
        text.push_str(&format!("{} {time}  {offset}{bar}\n", left(label, LABELS)));
    }
    text
}

/// What is known of a run besides its phases: label and text of each line.
pub(super) fn figures(run: &Run) -> Vec<(&'static str, String)> {
    let mut figures = Vec::from([("tasks", tasks(&run.tasks, run.work_ns))]);
    let mut add = |label, figure: &Observed<String>| match figure {
        Observed::Known(text) => figures.push((label, text.clone())),
        Observed::Unknown(why) => figures.push((label, format!("? ({why})"))),
    };
    add(
        "CPU",
        &run.work_cpu.clone().map(|cpu| {
            let [total, user, system] = [cpu.total_ns(), cpu.user_ns, cpu.system_ns].map(duration);
            let in_use = match run.cores_used() {
                Observed::Known(number) => format!(": {} processors in use", cores(number)),
                Observed::Unknown(_) => String::new(),
            };
            format!("{total} in the work ({user} user, {system} system){in_use}")
        }),
    );
    add(
        "memory",
        &run.memory.clone().map(|peak| {
            let processes = match peak.processes {
                1 => "1 process".into(),
                many => format!("{many} processes"),
            };
            let samples = plural(u64::from(peak.samples), "sample");
            format!(
                "{} at most, all processes together ({samples}, {processes})",
                bytes(peak.bytes)
            )
        }),
    );
    add(
        "switches",
        &run.usage.clone().map(|usage| {
            format!(
                "{} voluntary, {} involuntary",
                count(usage.voluntary),
                count(usage.involuntary)
            )
        }),
    );
    add("latency", &run.latency.clone().map(|it| latency(&it)));
    if let Some(ns) = run.queueing_ns() {
        figures.push((
            "queueing",
            format!("{} on average until a `hold` has what it asks for", duration(ns)),
        ));
    }
    if let Some(latency) = &run.requests {
        let text = format!(
            "{}: p50 {}, p99 {}, max {}",
            plural(requests::number(run), "request"),
            duration(latency.p50_ns),
            duration(latency.p99_ns),
            duration(latency.max_ns)
        );
        figures.push(("requests", text));
    }
    if let Some(answers) = &run.answers {
        figures.push(("answers", requests::statuses(answers, "×")));
    }
    for server in &run.servers {
        figures.push(("server", requests::server(server, requests::number(run))));
    }
    figures.extend(scheduling::lines(run));
    figures.extend(outcomes(run));
    figures
}

fn latency(latency: &Latency) -> String {
    let from = if latency.from_arrival { "arrival" } else { "start" };
    format!(
        "p50 {}, p90 {}, p99 {}, p99.9 {}, max {} (from its {from})",
        duration(latency.p50_ns),
        duration(latency.p90_ns),
        duration(latency.p99_ns),
        latency.p999_ns.map_or_else(|| "?".into(), duration),
        duration(latency.max_ns)
    )
}

fn tasks(tasks: &TaskCounts, work_ns: u64) -> String {
    let mut text = format!("{} done", count(tasks.done));
    for (number, what) in
        [(tasks.failed, "failed"), (tasks.lost, "lost"), (tasks.not_run, "not run")]
    {
        if number > 0 {
            text.push_str(&format!(", {} {what}", count(number)));
        }
    }
    let rate = tasks.done as f64 * 1e9 / work_ns.max(1) as f64;
    format!("{text}: {} a second", significant(rate))
}

fn outcomes(run: &Run) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for failure in run.failures.iter().take(FAILURES) {
        let text =
            format!("{} × {}: {}", count(u64::from(failure.count)), failure.kind, failure.text);
        lines.push(("failure", text));
    }
    if run.failures.len() > FAILURES {
        lines.push(("", format!("… and {} more kinds", run.failures.len() - FAILURES)));
    }
    for var in &run.vars {
        let own: Vec<String> = var.by_process.iter().map(i64::to_string).collect();
        let own = if own.is_empty() {
            String::new()
        } else {
            format!(" (by process: {})", own.join(", "))
        };
        lines.push(("variable", format!("{} = {}{own}", var.name, var.value)));
    }
    for expectation in &run.expectations {
        let verdict = match expectation.holds {
            true => "holds".into(),
            false => format!("does not hold: it is {}", expectation.actual),
        };
        lines.push(("expected", format!("{} {verdict}", expectation.text)));
    }
    if let Some(cause) = &run.noise.dirty {
        lines.push(("disturbed", cause.clone()));
    }
    if run.spans_dropped > 0 {
        lines.push(("trace", format!("{} had no room", plural(run.spans_dropped, "span"))));
    }
    // What went missing, though others did its work, is read first; the protocol has the words.
    let label = |note: &str| if note.starts_with("lost during the work") { "lost" } else { "note" };
    lines.extend(run.notes.iter().map(|note| (label(note), note.clone())));
    lines
}
