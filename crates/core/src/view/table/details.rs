//! Everything that was found, whole: all sentences, how fast, at what cost, what the threads did,
//! with what latency, who is not ranked and why, and what to know of the measuring.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::Options;
use super::super::columns::{self, Column};
use super::super::paint::{Ink, left, width, wrap};
use super::super::{requests, threads};
use super::answer::{lines, without_runtime};
use super::facts::{dim, heading_facts, notes, noun, place};
use super::rows::{
    Row, interval, is_against_baseline, is_timed, name_column, reach, shown, unknowns, word,
};
use crate::analyse::units::{bytes, cores, count, duration, percent, plural, ratio, significant};
use crate::analyse::{compare, stats};
use crate::result::{Comparison, Latency, SubjectKind, Verdict};

/// With so many tasks or more, the latency of a task is worth a table.
const MANY_TASKS: u64 = 100;
/// The longest bar.
const BAR: usize = 40;

/// What each column means that does not say so itself.
const MEANINGS: [(&str, &str); 7] = [
    ("CPU", "processor time of the work"),
    ("a copy", "the time of one in the middle"),
    ("its CPU", "processor time of the work, divided by the copies"),
    ("memory", "the most that all processes took together"),
    ("start-up", "of the process and its workers"),
    ("voluntary", "a thread had to wait and gave its processor up"),
    ("involuntary", "the scheduler took its processor away"),
];

/// The sections, in the order in which they are read.
pub(super) fn sections(
    comparison: &Comparison,
    rows: &[Row<'_>],
    options: &Options,
) -> Vec<String> {
    let heading = dim(&heading_facts(comparison), options) + &place(&comparison.machine, options);
    let mut sections = vec![heading];
    let sentences: Vec<String> = comparison
        .conclusion
        .details
        .iter()
        .map(|one| without_runtime(comparison, &one.text))
        .collect();
    sections.extend(paragraphs("Also", &sentences, options));
    if !rows.is_empty() {
        sections.push(speed(rows, options));
        sections.push(cost(rows, options));
        sections.push(switches(rows, options));
        sections.extend(threads::threads(rows, options));
        sections.extend(latency(comparison, rows, options));
        // Where a task is a request, the table before has said it all.
        if comparison.subject.kind != SubjectKind::Url {
            sections.extend(requests::requests(rows, options));
        }
    }
    sections.extend(unranked(comparison, options));
    sections.extend(paragraphs("Notes", &notes(comparison), options));
    sections
}

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Reference => Ink::Bold,
        Verdict::Faster | Verdict::Same => Ink::Green,
        Verdict::Slower => Ink::Vermillion,
        Verdict::Inconclusive => Ink::Orange,
    }
}

fn titled(title: &str, body: &str, options: &Options) -> String {
    format!("{}{body}", lines(&wrap(title, options.width, 0), Ink::Bold, options))
}

fn speed(rows: &[Row<'_>], options: &Options) -> String {
    let mut table = name_column(rows);
    let mut add = |title, number, spare, cell: &dyn Fn(&Row<'_>) -> (String, Ink)| {
        let cells = rows.iter().map(cell).collect();
        table.push(Column { cells, ..Column::new(title, number, spare) });
    };
    let beside = if is_against_baseline(rows) { "× baseline" } else { "× fastest" };
    let timed = is_timed(rows);
    let work = if timed { "time each" } else { "work" };
    add(work, true, 0, &|row| (duration(row.summary.work_ns), Ink::Bold));
    add("±", true, 3, &|row| (spread(row), Ink::Dim));
    add("", false, 4, &|_| (" ".repeat(8), Ink::Plain));
    add(beside, true, 0, &|row| (ratio(row.rank.ratio), Ink::Plain));
    add("interval", true, 2, &|row| (interval(row), Ink::Dim));
    add("verdict", false, 0, &|row| (word(row, rows).into(), ink(row.rank.verdict)));
    let dropped = columns::fit(&mut table, options);
    let room = options.width.saturating_sub(columns::total(&table));
    let longest = rows.iter().map(|row| row.summary.work_ns).max().unwrap_or(1).max(1);
    if let Some(bar) = table.iter_mut().find(|column| column.title.is_empty()) {
        let most = (bar.width() + room).min(BAR);
        let cells = rows.iter().map(|row| (bar_of(row, longest, most), Ink::SkyBlue));
        bar.cells = cells.collect();
    }
    let rounds = rows.iter().map(|row| row.summary.rounds).max().unwrap_or(0);
    let what = if timed { "time ÷ what was done in it, " } else { "" };
    let title = format!("How fast ({what}median of {})", plural(u64::from(rounds), "round"));
    let body = columns::render(&table, options) + &columns::without(&dropped, options);
    titled(&title, &body, options)
}

/// A bar as long as its time is beside the longest.
pub(super) fn bar_of(row: &Row<'_>, longest_ns: u64, most: usize) -> String {
    let share = row.summary.work_ns as f64 / longest_ns.max(1) as f64;
    "▇".repeat(libm::round(share * most as f64).max(1.0) as usize)
}

/// How far the interval of the median reaches from it, as a share; nothing of one round.
fn spread(row: &Row<'_>) -> String {
    match reach(row.summary) {
        0.0 => String::new(),
        reach => percent(reach),
    }
}

fn cost(rows: &[Row<'_>], options: &Options) -> String {
    let mut table = resource_columns(rows);
    let dropped = columns::fit(&mut table, options);
    let mut body = columns::render(&table, options);
    let mut legend = legend(&table);
    if is_timed(rows) {
        legend = legend.replacen("processor time of the work", "processor time for each", 1);
    }
    body.push_str(&lines(&wrap(&legend, options.width, 0), Ink::Dim, options));
    body.push_str(&columns::without(&dropped, options));
    for (what, why) in unknowns(rows) {
        let line = wrap(&format!("? {what}: {why}"), options.width, 2);
        body.push_str(&lines(&line, Ink::Dim, options));
    }
    titled("At what cost", &body, options)
}

fn switches(rows: &[Row<'_>], options: &Options) -> String {
    let mut table = name_column(rows);
    table.extend(switch_columns(rows));
    let dropped = columns::fit(&mut table, options);
    let body = columns::render(&table, options)
        + &lines(&wrap(&legend(&table), options.width, 0), Ink::Dim, options)
        + &columns::without(&dropped, options);
    titled("Context switches", &body, options)
}

fn legend(table: &[Column]) -> String {
    let shown = |title: &str| table.iter().any(|column| column.title == title);
    let meanings = MEANINGS.iter().filter(|(title, _)| shown(title));
    let meanings: Vec<String> =
        meanings.map(|(title, meaning)| format!("{title}: {meaning}")).collect();
    meanings.join("; ")
}

/// What the models took besides time; columns that say nothing here are left out.
pub(in super::super) fn cost_columns(rows: &[Row<'_>]) -> Vec<Column> {
    let mut table = resource_columns(rows);
    table.extend(switch_columns(rows));
    table
}

fn figure(
    rows: &[Row<'_>],
    title: &'static str,
    spare: u8,
    cell: &dyn Fn(&Row<'_>) -> String,
) -> Column {
    let cells = rows.iter().map(|row| (cell(row), Ink::Plain)).collect();
    Column { cells, ..Column::new(title, true, spare) }
}

fn resource_columns(rows: &[Row<'_>]) -> Vec<Column> {
    let mut table = name_column(rows);
    let mut add = |title, spare, cell: &dyn Fn(&Row<'_>) -> String| {
        table.push(figure(rows, title, spare, cell));
    };
    let workers = |row: &Row<'_>| row.contestant.workers;
    if rows.iter().any(|row| workers(row) != workers(&rows[0])) {
        add("workers", 2, &|row| count(u64::from(workers(row))));
    }
    add("CPU", 0, &|row| shown(&row.summary.cpu_ns, |ns| duration(*ns)));
    add("cores", 1, &|row| shown(&row.summary.cores_used, |used| cores(*used)));
    let is_command = |row: &Row<'_>| row.contestant.model.runtime == "command";
    let copies =
        |row: &Row<'_>| compare::counted(row.contestant).first().map_or(0, |run| run.tasks.done);
    if rows.iter().all(is_command) && rows.iter().any(|row| copies(row) > 1) {
        add("a copy", 2, &|row| shown(&row.summary.latency, |one| duration(one.p50_ns)));
        add("its CPU", 2, &|row| {
            shown(&row.summary.cpu_ns, |ns| duration(ns / copies(row).max(1)))
        });
    }
    add("memory", 0, &|row| shown(&row.summary.memory_bytes, |size| bytes(*size)));
    add("start-up", 3, &|row| duration(row.summary.startup_ns + row.summary.setup_ns));
    let failed = |row: &Row<'_>| {
        let runs = compare::counted(row.contestant);
        runs.iter().map(|run| run.tasks.failed + run.tasks.lost).max().unwrap_or(0)
    };
    if rows.iter().any(|row| failed(row) > 0) {
        add("failed", 0, &|row| count(failed(row)));
    }
    table
}

fn switch_columns(rows: &[Row<'_>]) -> [Column; 2] {
    [
        figure(rows, "voluntary", 0, &|row| shown(&row.summary.voluntary, |number| count(*number))),
        figure(rows, "involuntary", 0, &|row| {
            shown(&row.summary.involuntary, |number| count(*number))
        }),
    ]
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
        table.push(figure(rows, title, spare, cell));
    };
    let mut figure = |title, pick: fn(&Latency) -> u64| {
        add(title, 0, &|row| shown(&row.summary.latency, |latency| duration(pick(latency))));
    };
    figure("p50", |latency| latency.p50_ns);
    figure("p90", |latency| latency.p90_ns);
    figure("p99", |latency| latency.p99_ns);
    add("p99.9", 4, &|row| {
        let known = |latency: &Latency| latency.p999_ns.map_or_else(|| "?".into(), duration);
        shown(&row.summary.latency, known)
    });
    add("max", 0, &|row| shown(&row.summary.latency, |latency| duration(latency.max_ns)));
    let is_url = comparison.subject.kind == SubjectKind::Url;
    if !from_arrival && rows.iter().any(|row| completed(row, |it| it.p50_ns).is_some()) {
        let all =
            |row: &Row<'_>, figure| completed(row, figure).map_or_else(|| "?".into(), duration);
        add("done p50", 1, &|row| all(row, |latency| latency.p50_ns));
        add("done p99", 0, &|row| all(row, |latency| latency.p99_ns));
    }
    if from_arrival && is_url {
        let start = |row: &Row<'_>, figure: fn(&Latency) -> u64| {
            let runs = compare::counted(row.contestant);
            let known = runs.iter().filter_map(|run| run.requests.as_ref());
            stats::median_u64(known.map(figure)).map_or_else(|| "?".into(), duration)
        };
        add("service p50", 2, &|row| start(row, |latency| latency.p50_ns));
        add("service p99", 2, &|row| start(row, |latency| latency.p99_ns));
    }
    let noun = noun(comparison.subject.kind);
    let rate = if is_url { "requests/s" } else { "tasks/s" };
    add(rate, 3, &|row| significant(row.summary.throughput));
    if rows.iter().any(|row| requests::answers(row.contestant).is_some()) {
        add("answers", 5, &|row| {
            requests::answers(row.contestant)
                .map_or_else(|| "?".into(), |answers| requests::statuses(&answers, "×"))
        });
    }
    let dropped = columns::fit(&mut table, options);
    let title = match from_arrival {
        true if is_url => {
            format!(
                "Latency of a {noun} (from its scheduled arrival; service time: from being sent, uncorrected for coordinated omission)"
            )
        }
        true => format!("Latency of a {noun} (from its scheduled arrival)"),
        false => {
            format!("Latency of a {noun} (from its start; done: from the start of the work)")
        }
    };
    let body = columns::render(&table, options) + &columns::without(&dropped, options);
    Some(titled(&title, &body, options))
}

/// From the start of the work to the end of a task: counted from its own start, a task that waited
/// for its turn looks as if it had been served at once.
fn completed(row: &Row<'_>, figure: fn(&Latency) -> u64) -> Option<u64> {
    let runs = compare::counted(row.contestant);
    let known: Option<Vec<u64>> =
        runs.iter().map(|run| run.completed.as_ref().map(figure)).collect();
    stats::median_u64(known?.into_iter())
}

fn unranked(comparison: &Comparison, options: &Options) -> Option<String> {
    let out = comparison
        .contestants
        .iter()
        .filter_map(|contestant| Some((contestant.name(), contestant.unranked.as_ref()?)));
    let room =
        out.clone().map(|(model, _)| width(&model)).max().unwrap_or(0).min(options.width / 3);
    let line = |(model, reason): (String, &String)| {
        let model = Ink::Vermillion.paint(&left(&model, room), options);
        format!("{model}  {}\n", wrap(reason, options.width, room + 2))
    };
    let text: String = out.map(line).collect();
    (!text.is_empty()).then(|| titled("Not ranked", &text, options))
}

fn paragraphs(title: &str, sentences: &[String], options: &Options) -> Option<String> {
    let bullet = |sentence: &String| format!("• {}\n", wrap(sentence, options.width, 2));
    let text: String = sentences.iter().map(bullet).collect();
    (!text.is_empty()).then(|| titled(title, &text, options))
}
