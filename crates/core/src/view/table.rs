//! A comparison on a terminal: how fast, at what cost, what the threads did, with what latency, who is not ranked and
//! why, what to conclude, and what to know of the measuring. One width, no scrolling sideways.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, left, to_ascii, width, wrap};
pub(super) use super::row::{Row, name_column, rows};
use super::{requests, threads};
use crate::analyse::units::{bytes, cores, count, duration, percent, plural, ratio, significant};
use crate::analyse::{compare, stats, units};
use crate::result::{Comparison, Latency, Machine, Rank, Run, SubjectKind, Summary, Verdict};
use crate::trace::{Observed, RunEnd};

/// With so many tasks or more, the latency of a task is worth a table.
const MANY_TASKS: u64 = 100;
/// The longest bar.
const BAR: usize = 40;

/// The whole comparison as text that ends in a line break.
pub fn table(comparison: &Comparison, options: &Options) -> String {
    let mut sections = vec![heading(comparison, options)];
    let rows = rows(comparison);
    if !rows.is_empty() {
        sections.push(speed(&rows, options));
        sections.push(cost(&rows, options));
        sections.extend(threads::threads(&rows, options));
        sections.extend(latency(comparison, &rows, options));
        // Where a task is a request, the table before has said it all.
        if comparison.subject.kind != SubjectKind::Url {
            sections.extend(requests::requests(&rows, options));
        }
    }
    sections.extend(unranked(comparison, options));
    sections.extend(paragraphs("Conclusion", &comparison.conclusion.texts(), options));
    sections.extend(paragraphs("Notes", &notes(comparison), options));
    let text = sections.join("\n");
    if options.ascii { to_ascii(&text) } else { text }
}

/// What a task is called.
fn noun(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Command => "run",
        SubjectKind::Url => "request",
        SubjectKind::Workload | SubjectKind::Function => "task",
    }
}

fn heading(comparison: &Comparison, options: &Options) -> String {
    let title = comparison.subject.title.as_ref().unwrap_or(&comparison.subject.name);
    let facts = dim(&heading_facts(comparison), options);
    let place = place(&comparison.machine, options);
    format!("{}\n{facts}{place}", Ink::Bold.paint(title, options))
}

/// Where it was measured, a line or more.
pub(super) fn place(machine: &Machine, options: &Options) -> String {
    let mut parts = vec![machine.cpu.clone(), plural(u64::from(machine.cores), "processor")];
    parts.push(bytes(machine.memory_bytes));
    parts.push(format!("Linux {}", machine.kernel));
    parts.extend(machine.virtualization.clone());
    dim(&parts, options)
}

fn dim(parts: &[String], options: &Options) -> String {
    let lines = wrap(&parts.join(" · "), options.width, 0);
    lines.lines().map(|line| Ink::Dim.paint(line, options) + "\n").collect()
}

/// What the work was, in parts of a line.
pub(super) fn heading_facts(comparison: &Comparison) -> Vec<String> {
    let (subject, settings) = (&comparison.subject, &comparison.settings);
    let mut facts: Vec<String> = Vec::new();
    if subject.title.is_some() {
        facts.push(subject.name.clone());
    }
    facts.push(amount(comparison));
    facts.extend(settings.parameters.iter().map(|(name, value)| format!("{name} = {value}")));
    if settings.speed != 1.0 {
        facts.push(format!("speed {}×", shortest(settings.speed)));
    }
    facts.push(format!("seed {}", settings.seed));
    facts
}

/// How much of it there was: `5 tasks`, `1 to 100 tasks`, `requests for 3 s`.
pub(super) fn amount(comparison: &Comparison) -> String {
    let noun = noun(comparison.subject.kind);
    let mut runs = comparison.contestants.iter().flat_map(|one| &one.runs);
    match (runs.find_map(|run| wanted_ns(&run.end)), comparison.tasks()) {
        (Some(ns), _) => format!("{noun}s for {}", duration(ns)),
        (None, (least, most)) if least == most => plural(most, noun),
        (None, (least, most)) => format!("{} to {}", count(least), plural(most, noun)),
    }
}

/// For how long a run was to go on; `None`: as long as it took.
fn wanted_ns(end: &RunEnd) -> Option<u64> {
    match end {
        RunEnd::TimeUp { wanted_ns } => Some(*wanted_ns),
        _ => None,
    }
}

fn shortest(value: f64) -> String {
    format!("{value}")
}

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Reference => Ink::Bold,
        Verdict::Faster | Verdict::Same => Ink::Green,
        Verdict::Slower => Ink::Vermillion,
        Verdict::CannotTell => Ink::Orange,
    }
}

/// The verdict in a word; of the reference, what it is.
pub(super) fn word(row: &Row<'_>, rows: &[Row<'_>]) -> &'static str {
    match row.rank.verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Same => "same",
        Verdict::CannotTell => "cannot tell",
        Verdict::Reference if rows.len() == 1 => "",
        Verdict::Reference if core::ptr::eq(row.rank, rows[0].rank) => "fastest",
        Verdict::Reference => "baseline",
    }
}

/// `2.77–2.79`; nothing for the reference and where one round shows no interval.
pub(super) fn interval(row: &Row<'_>) -> String {
    match row.rank {
        Rank { verdict: Verdict::Reference, .. } => String::new(),
        Rank { low, high, .. } if low == high => String::new(),
        Rank { low, high, .. } => units::interval(*low, *high),
    }
}

fn speed(rows: &[Row<'_>], options: &Options) -> String {
    let mut table = name_column(rows);
    let mut add = |title, number, spare, cell: &dyn Fn(&Row<'_>) -> (String, Ink)| {
        let cells = rows.iter().map(cell).collect();
        table.push(Column { cells, ..Column::new(title, number, spare) });
    };
    let baseline = rows.iter().any(|row| word(row, rows) == "baseline");
    let beside = if baseline { "× baseline" } else { "× fastest" };
    let timed = is_timed(rows);
    let work = if timed { "time each" } else { "work" };
    add(work, true, 0, &|row| (duration(row.summary.work_ns), Ink::Bold));
    add("±", true, 3, &|row| (spread(row.summary), Ink::Dim));
    add("", false, 1, &|_| (" ".repeat(8), Ink::Plain));
    add(beside, true, 0, &|row| (ratio(row.rank.ratio), Ink::Plain));
    add("interval", true, 2, &|row| (interval(row), Ink::Dim));
    add("verdict", false, 0, &|row| (word(row, rows).into(), ink(row.rank.verdict)));
    columns::fit(&mut table, options);
    let room = options.width.saturating_sub(columns::total(&table));
    let longest = rows.iter().map(|row| row.summary.work_ns).max().unwrap_or(1).max(1);
    if let Some(bar) = table.iter_mut().find(|column| column.title.is_empty()) {
        let most = (bar.width() + room).min(BAR);
        let cells = rows.iter().map(|row| {
            let share = row.summary.work_ns as f64 / longest as f64;
            let cells = libm::round(share * most as f64).max(1.0) as usize;
            ("▇".repeat(cells), Ink::SkyBlue)
        });
        bar.cells = cells.collect();
    }
    let rounds = rows.iter().map(|row| row.summary.rounds).max().unwrap_or(0);
    let what = if timed { "time ÷ what was done in it, " } else { "" };
    let title = format!("How fast ({what}median of {})", plural(u64::from(rounds), "round"));
    format!("{}\n{}", Ink::Bold.paint(&title, options), columns::render(&table, options))
}

/// Whether the runs went on for a time that was given.
fn is_timed(rows: &[Row<'_>]) -> bool {
    rows.iter().any(|row| row.contestant.runs.iter().any(Run::is_timed))
}

/// How far the interval of the median reaches from it, as a share; nothing of one round.
fn spread(summary: &Summary) -> String {
    let Summary { work_ns, work_low_ns, work_high_ns, .. } = *summary;
    let reach = work_high_ns.saturating_sub(work_ns).max(work_ns.saturating_sub(work_low_ns));
    if reach == 0 { String::new() } else { percent(reach as f64 / work_ns.max(1) as f64) }
}

fn cost(rows: &[Row<'_>], options: &Options) -> String {
    let mut table = cost_columns(rows);
    columns::fit(&mut table, options);
    let mut text = format!(
        "{}\n{}",
        Ink::Bold.paint("At what cost", options),
        columns::render(&table, options)
    );
    let mut legend = legend(&table);
    if is_timed(rows) {
        legend = legend.replacen("processor time of the work", "processor time for each", 1);
    }
    let legend = wrap(&legend, options.width, 0);
    text.extend(legend.lines().map(|line| Ink::Dim.paint(line, options) + "\n"));
    for (what, why) in unknowns(rows) {
        let line = wrap(&format!("? {what}: {why}"), options.width, 2);
        text.push_str(&(Ink::Dim.paint(&line, options) + "\n"));
    }
    text
}

/// What the columns mean that do not say so themselves.
fn legend(table: &[Column]) -> String {
    const MEANINGS: [(&str, &str); 5] = [
        ("CPU", "processor time of the work"),
        ("memory", "the most that all processes took together"),
        ("gave way", "switches because a thread had to wait"),
        ("preempted", "switches because its time was up"),
        ("start-up", "of the process and its workers"),
    ];
    let shown = |title: &str| table.iter().any(|column| column.title == title);
    let meanings = MEANINGS.iter().filter(|(title, _)| shown(title));
    let meanings: Vec<String> =
        meanings.map(|(title, meaning)| format!("{title}: {meaning}")).collect();
    meanings.join("; ")
}

/// What the models took besides time; columns that say nothing here are left out.
pub(super) fn cost_columns(rows: &[Row<'_>]) -> Vec<Column> {
    let mut table = name_column(rows);
    let mut add = |title, spare, cell: &dyn Fn(&Row<'_>) -> String| {
        let cells = rows.iter().map(|row| (cell(row), Ink::Plain)).collect();
        table.push(Column { cells, ..Column::new(title, true, spare) });
    };
    let workers = |row: &Row<'_>| row.contestant.workers;
    if rows.iter().any(|row| workers(row) != workers(&rows[0])) {
        add("workers", 2, &|row| count(u64::from(workers(row))));
    }
    add("CPU", 0, &|row| shown(&row.summary.cpu_ns, |ns| duration(*ns)));
    add("cores", 1, &|row| shown(&row.summary.cores_used, |used| cores(*used)));
    add("memory", 0, &|row| shown(&row.summary.memory_bytes, |size| bytes(*size)));
    add("gave way", 3, &|row| shown(&row.summary.voluntary, |number| count(*number)));
    add("preempted", 4, &|row| shown(&row.summary.involuntary, |number| count(*number)));
    add("start-up", 1, &|row| duration(row.summary.startup_ns + row.summary.setup_ns));
    let failed = |row: &Row<'_>| {
        let runs = compare::counted(row.contestant);
        runs.iter().map(|run| run.tasks.failed + run.tasks.lost).max().unwrap_or(0)
    };
    if rows.iter().any(|row| failed(row) > 0) {
        add("failed", 0, &|row| count(failed(row)));
    }
    table
}

fn latency(comparison: &Comparison, rows: &[Row<'_>], options: &Options) -> Option<String> {
    let known = |row: &Row<'_>| row.summary.latency.known().copied();
    let from_arrival = rows.iter().filter_map(known).any(|latency| latency.from_arrival);
    let many = comparison.tasks().1 >= MANY_TASKS;
    if !(from_arrival || many) || rows.iter().all(|row| known(row).is_none()) {
        return None;
    }
    let mut table = name_column(rows);
    let mut add = |title, spare, cell: &dyn Fn(&Row<'_>) -> String| {
        let cells = rows.iter().map(|row| (cell(row), Ink::Plain)).collect();
        table.push(Column { cells, ..Column::new(title, true, spare) });
    };
    let mut figure = |title, pick: fn(&Latency) -> u64| {
        add(title, 0, &|row| shown(&row.summary.latency, |latency| duration(pick(latency))));
    };
    figure("p50", |latency| latency.p50_ns);
    figure("p90", |latency| latency.p90_ns);
    figure("p99", |latency| latency.p99_ns);
    add("p99.9", 2, &|row| {
        let known = |latency: &Latency| latency.p999_ns.map_or_else(|| "?".into(), duration);
        shown(&row.summary.latency, known)
    });
    add("max", 0, &|row| shown(&row.summary.latency, |latency| duration(latency.max_ns)));
    let is_url = comparison.subject.kind == SubjectKind::Url;
    if from_arrival && is_url {
        let start = |row: &Row<'_>, figure: fn(&Latency) -> u64| {
            let runs = compare::counted(row.contestant);
            let known = runs.iter().filter_map(|run| run.requests.as_ref());
            stats::median_u64(known.map(figure)).map_or_else(|| "?".into(), duration)
        };
        add("raw p50", 2, &|row| start(row, |latency| latency.p50_ns));
        add("raw p99", 2, &|row| start(row, |latency| latency.p99_ns));
    }
    let noun = noun(comparison.subject.kind);
    let rate = if is_url { "requests/s" } else { "tasks/s" };
    add(rate, 1, &|row| significant(row.summary.throughput));
    columns::fit(&mut table, options);
    let title = match from_arrival {
        true if is_url => {
            format!("Latency of a {noun} (from its scheduled arrival; raw: from being sent)")
        }
        true => format!("Latency of a {noun} (from its scheduled arrival)"),
        false => format!("Latency of a {noun} (from its start)"),
    };
    Some(format!("{}\n{}", Ink::Bold.paint(&title, options), columns::render(&table, options)))
}

/// The figure, or `?`.
pub(super) fn shown<T>(figure: &Observed<T>, show: impl Fn(&T) -> String) -> String {
    figure.known().map_or_else(|| "?".into(), show)
}

/// What is not known of some ranked model, and why; each reason once.
pub(super) fn unknowns(rows: &[Row<'_>]) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let mut add = |what, why: Option<&String>| {
        if let Some(why) = why
            && !found.iter().any(|(_, known)| known == why)
        {
            found.push((what, why.clone()));
        }
    };
    for row in rows {
        let summary = row.summary;
        add("CPU", why(&summary.cpu_ns));
        add("cores", why(&summary.cores_used));
        add("memory", why(&summary.memory_bytes));
        add("switches", why(&summary.voluntary));
        add("switches", why(&summary.involuntary));
    }
    found
}

fn why<T>(figure: &Observed<T>) -> Option<&String> {
    match figure {
        Observed::Known(_) => None,
        Observed::Unknown(why) => Some(why),
    }
}

fn unranked(comparison: &Comparison, options: &Options) -> Option<String> {
    let out = comparison.contestants.iter().filter_map(|contestant| {
        Some((contestant.model.to_string(), contestant.unranked.as_ref()?))
    });
    let room =
        out.clone().map(|(model, _)| width(&model)).max().unwrap_or(0).min(options.width / 3);
    let line = |(model, reason): (String, &String)| {
        let model = Ink::Vermillion.paint(&left(&model, room), options);
        format!("{model}  {}\n", wrap(reason, options.width, room + 2))
    };
    let text: String = out.map(line).collect();
    (!text.is_empty()).then(|| format!("{}\n{text}", Ink::Bold.paint("Not ranked", options)))
}

fn paragraphs(title: &str, sentences: &[String], options: &Options) -> Option<String> {
    let bullet = |sentence: &String| format!("• {}\n", wrap(sentence, options.width, 2));
    let text: String = sentences.iter().map(bullet).collect();
    (!text.is_empty()).then(|| format!("{}\n{text}", Ink::Bold.paint(title, options)))
}

/// What to know of the measuring: disturbed rounds, records without room, the runners' own notes.
pub(super) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = disturbed(comparison);
    for contestant in &comparison.contestants {
        let dropped = contestant.runs.iter().map(|run| run.spans_dropped).max().unwrap_or(0);
        if dropped > 0 {
            notes.push(format!(
                "`{}`: {} had no room in the trace; counts and times of tasks are exact, those of steps are not.",
                contestant.model,
                plural(dropped, "span")
            ));
        }
        if let Some(mistake) = contestant.traced.as_ref().and_then(compare::mistake) {
            notes.push(format!(
                "`{}`: the run in which the kernel's switches were recorded went wrong: {mistake}.",
                contestant.model
            ));
        }
        let mut said: Vec<&String> = contestant.runs.iter().flat_map(|run| &run.notes).collect();
        said.sort_unstable();
        said.dedup();
        notes.extend(said.iter().map(|note| format!("`{}`: {note}", contestant.model)));
    }
    notes
}

/// Disturbed rounds of ranked models: first those that had to be used, then those left out.
fn disturbed(comparison: &Comparison) -> Vec<String> {
    let is_dirty = |run: &&Run| run.noise.dirty.is_some();
    let mut notes = Vec::new();
    for used in [true, false] {
        let mut who = Vec::new();
        let mut cause = None;
        for contestant in comparison.contestants.iter().filter(|one| one.unranked.is_none()) {
            let dirty = contestant.runs.iter().filter(is_dirty).count();
            let counted = compare::counted(contestant);
            if dirty > 0 && counted.iter().copied().any(|run| is_dirty(&run)) == used {
                cause = cause
                    .or_else(|| contestant.runs.iter().find_map(|run| run.noise.dirty.clone()));
                who.push(format!("`{}` {dirty} of {}", contestant.model, contestant.runs.len()));
            }
        }
        let Some(cause) = cause else { continue };
        let rounds = match used {
            true => "Disturbed rounds, used for lack of quiet ones",
            false => "Disturbed rounds, left out",
        };
        notes.push(format!("{rounds}: {}. For example: {cause}.", who.join(", ")));
    }
    notes
}
