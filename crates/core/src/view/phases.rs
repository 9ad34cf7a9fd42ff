//! One run as text: its phases as a bar, what it used, what came of its tasks.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::analyse::units;
use crate::result::{Latency, Run};
use crate::trace::{Observed, RunEnd};
use crate::view::paint::{Color, Line};

/// Columns that the bar of phases takes.
const BAR: usize = 40;

/// The figures of a run, a line for each kind of figure; nothing that is unknown is left out.
pub fn phases(run: &Run, color: bool) -> String {
    let mut lines = Vec::new();
    lines.push(("phases", phase_times(run)));
    lines.push(("", bar(run, color)));
    lines.push(("processor", processor(run)));
    lines.push(("switches", switches(run)));
    lines.push(("memory", memory(run)));
    lines.push(("tasks", tasks(run)));
    if let Observed::Known(latency) = &run.latency {
        lines.push(("latency", latency_line(latency)));
    }
    for var in &run.vars {
        let mut text = format!("{} = {}", var.name, var.value);
        if !var.by_process.is_empty() {
            let each: Vec<_> = var.by_process.iter().map(ToString::to_string).collect();
            text.push_str(&format!("; each process has its own: {}", shortened(&each)));
        }
        lines.push(("variable", text));
    }
    for one in &run.expectations {
        let verdict = if one.holds { "holds" } else { "does not hold" };
        lines.push(("expected", format!("{}: {verdict}, it is {}", one.text, one.actual)));
    }
    if let Some(dirty) = &run.noise.dirty {
        lines.push(("noise", dirty.clone()));
    }
    if run.spans_dropped > 0 {
        let dropped = units::count(run.spans_dropped);
        lines.push(("trace", format!("{dropped} spans had no room: the picture shows the first")));
    }
    for note in &run.notes {
        lines.push(("note", note.clone()));
    }
    lines.iter().map(|(name, text)| format!("{name:>10}  {text}\n")).collect()
}

fn phase_times(run: &Run) -> String {
    let parts = [
        ("start-up", run.startup_ns),
        ("set-up", run.setup_ns),
        ("work", run.work_ns),
        ("tear-down", run.teardown_ns),
    ];
    let text = |(name, ns): (&str, u64)| format!("{name} {}", units::duration(ns));
    let texts: Vec<_> = parts.into_iter().map(text).collect();
    texts.join(" · ")
}

/// The four phases to scale, each with its own glyph; a phase that would be thinner than a
/// column is left out.
fn bar(run: &Run, color: bool) -> String {
    let parts = [
        (run.startup_ns, '▁', Color::Yellow),
        (run.setup_ns, '▃', Color::Orange),
        (run.work_ns, '█', Color::Blue),
        (run.teardown_ns, '▃', Color::Purple),
    ];
    let total: u64 = parts.iter().map(|(ns, _, _)| ns).sum();
    let mut line = Line::new(color);
    for (ns, glyph, paint) in parts {
        let columns = (ns as f64 / total.max(1) as f64 * BAR as f64) as usize;
        (0..columns).for_each(|_| line.push(glyph, Some(paint)));
    }
    line.finish()
}

fn processor(run: &Run) -> String {
    let whole = match &run.usage {
        Observed::Known(usage) => format!(
            "{} user, {} system over the whole run",
            units::duration(usage.user_ns),
            units::duration(usage.system_ns)
        ),
        Observed::Unknown(why) => format!("unknown: {why}"),
    };
    match &run.work_cpu {
        Observed::Known(cpu) if run.work_ns > 0 => {
            let cores = cpu.total_ns() as f64 / run.work_ns as f64;
            let work = units::duration(cpu.total_ns());
            format!("{work} in the work phase, {} cores used; {whole}", units::cores(cores))
        }
        Observed::Known(_) => whole,
        Observed::Unknown(why) => format!("{whole}; of the work phase unknown: {why}"),
    }
}

fn switches(run: &Run) -> String {
    match &run.usage {
        Observed::Known(usage) => format!(
            "{} voluntary (had to wait), {} involuntary (processor taken away)",
            units::count(usage.voluntary),
            units::count(usage.involuntary)
        ),
        Observed::Unknown(why) => format!("unknown: {why}"),
    }
}

fn memory(run: &Run) -> String {
    match &run.memory {
        Observed::Known(peak) => format!(
            "{} at most in {}, the largest of {}",
            units::bytes(peak.bytes),
            units::plural(u64::from(peak.processes), "process"),
            units::plural(u64::from(peak.samples), "sample")
        ),
        Observed::Unknown(why) => format!("unknown: {why}"),
    }
}

fn tasks(run: &Run) -> String {
    let counts = run.tasks;
    let parts = [
        (counts.done, "done"),
        (counts.failed, "failed"),
        (counts.lost, "lost"),
        (counts.not_run, "not run"),
    ];
    let named = parts.iter().filter(|(count, name)| *count > 0 || *name == "done");
    let texts: Vec<_> =
        named.map(|(count, name)| format!("{} {name}", units::count(*count))).collect();
    let mut text = texts.join(", ");
    if run.end == RunEnd::Finished && run.work_ns > 0 {
        let rate = counts.done as f64 / (run.work_ns as f64 / 1e9);
        text.push_str(&format!("; {} a second", units::significant(rate)));
    }
    text
}

fn latency_line(latency: &Latency) -> String {
    let from = if latency.from_arrival { "arrival" } else { "start" };
    format!(
        "half within {}, 90 % {}, 99 % {}, longest {} (from {from} to end)",
        units::duration(latency.p50_ns),
        units::duration(latency.p90_ns),
        units::duration(latency.p99_ns),
        units::duration(latency.max_ns)
    )
}

fn shortened(texts: &[String]) -> String {
    match texts.len() {
        0..=8 => texts.join(", "),
        more => format!("{}, … ({more} in all)", texts[..8].join(", ")),
    }
}
