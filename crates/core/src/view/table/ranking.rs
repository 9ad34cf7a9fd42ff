//! The one table: who takes how long, beside the best and at what cost. Rows are grouped by
//! runtime where there are several; who failed keeps its row, with the reason in place of the time.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::super::Options;
use super::super::chosen::chosen;
use super::super::columns::{self, Column};
use super::super::paint::{Ink, left, width, wrap};
use super::super::requests;
use super::answer::{INDENT, lines};
use super::details::bar_of;
use super::rows::{Row, is_against_baseline, is_timed, own_name as bare_name, shown, unknowns};
use crate::analyse::units;
use crate::result::{Comparison, Contestant, Latency, Rule, SubjectKind, Verdict};
use crate::trace::Observed;

/// A row of the table.
enum Line<'a> {
    /// A runtime, whose models follow.
    Runtime(&'a str),
    Ranked(&'a Row<'a>),
    Failed(&'a Contestant, &'a str),
}

/// The table; `None`: nobody was run.
pub(super) fn ranking(
    comparison: &Comparison,
    rows: &[Row<'_>],
    options: &Options,
) -> Option<String> {
    let lines_of = order(comparison, rows);
    if lines_of.is_empty() {
        return None;
    }
    let inner = Options { width: options.width.saturating_sub(INDENT), ..*options };
    let mut table = columns(comparison, rows, &lines_of, &inner);
    let dropped = columns::fit(&mut table, &inner);
    let mut text = String::new();
    let margin = " ".repeat(INDENT);
    let names = table[0].width();
    let drawn = columns::lines(&table, &inner);
    let heads = usize::from(!rows.is_empty());
    if heads > 0 {
        text.push_str(&format!("{margin}{}\n", drawn[0]));
    }
    for (index, (line, drawn)) in lines_of.iter().zip(&drawn[1..]).enumerate() {
        match line {
            Line::Failed(..) if index > 0 && fails_alike(line, &lines_of[index - 1]) => {}
            Line::Failed(..) => text.push_str(&failed(&lines_of, index, names, options)),
            Line::Runtime(_) | Line::Ranked(_) => {
                let row = format!("{margin}{drawn}");
                let row = row.trim_end();
                let beside = recommended(comparison, line).unwrap_or_default();
                let fits = width(row) + GAP + width(&beside) <= options.width;
                text.push_str(row);
                if fits && !beside.is_empty() {
                    text.push_str(&" ".repeat(GAP));
                    text.push_str(&Ink::Dim.paint(&beside, options));
                }
                text.push('\n');
            }
        }
    }
    let mut below = String::new();
    below.push_str(&open(rows, &lines_of, options));
    if contradicts(rows) {
        let why = "ratios are of pairs, round by round: what slows a whole round down is in both, and not in the ratio; so they need not follow from the times";
        below.push_str(&note(why, options));
    }
    below.extend(chosen(comparison, rows).iter().map(|line| note(line, options)));
    for (what, why) in unknowns(rows).iter().filter(|(what, _)| table_has(&table, what)) {
        below.push_str(&note(&format!("? {what}: {why}"), options));
    }
    if !dropped.is_empty() {
        below.push_str(&note(columns::without(&dropped, options).trim(), options));
    }
    Some(text + &below)
}

/// Between a row and what is said beside it.
const GAP: usize = 2;

/// What is said beside the row of whom the answer recommends, where others are as fast.
fn recommended(comparison: &Comparison, line: &Line<'_>) -> Option<String> {
    let Line::Ranked(row) = line else { return None };
    let said = &comparison.conclusion;
    let one = said.recommended.filter(|one| one.contestant == row.rank.contestant)?;
    let is_cheaper = said.said_by(Rule::CheapestOfEquals).is_some();
    let word = if is_cheaper { "cheapest" } else { "simplest" };
    (one.equals > 1).then(|| format!("{word} of {} equals", units::count(one.equals.into())))
}

fn fails_alike(one: &Line<'_>, other: &Line<'_>) -> bool {
    matches!((one, other), (Line::Failed(_, why), Line::Failed(_, same)) if why == same)
}

/// This one and those below it that failed for the same reason: that is said once.
fn failed(lines: &[Line<'_>], index: usize, names: usize, options: &Options) -> String {
    let alike = lines[index..].iter().take_while(|line| fails_alike(line, &lines[index]));
    let alike: Vec<(&Contestant, &str)> = alike
        .filter_map(|line| match line {
            Line::Failed(one, why) => Some((*one, *why)),
            Line::Runtime(_) | Line::Ranked(_) => None,
        })
        .collect();
    let Some((first, why)) = alike.first() else { return String::new() };
    let margin = " ".repeat(INDENT);
    let why = format!("failed: {why}");
    if let [_] = alike[..] {
        let room = INDENT + names + 2;
        let name = Ink::Vermillion.paint(&left(&own_name(first, lines), names), options);
        return format!("{margin}{name}  {}\n", wrap(&why, options.width, room));
    }
    let inner = if is_grouped(lines) { "  " } else { "" };
    let all: Vec<String> = alike.iter().map(|(one, _)| bare_name(one)).collect();
    let all = units::list(&all);
    let text = wrap(&format!("{all} {why}"), options.width, INDENT + inner.len() + 2);
    // The names are coloured as far as they stand in the first line.
    let shown = text.strip_prefix(&all).map(|rest| Ink::Vermillion.paint(&all, options) + rest);
    format!("{margin}{inner}{}\n", shown.unwrap_or(text))
}

/// Who cannot be told from the best, and what is known of it.
fn open(rows: &[Row<'_>], lines: &[Line<'_>], options: &Options) -> String {
    let grouped = is_grouped(lines);
    let open = rows.iter().filter(|row| row.rank.verdict == Verdict::Inconclusive);
    let each = open.map(|row| {
        let one = row.contestant;
        let name = if grouped { one.name() } else { bare_name(one) };
        format!("{name} {}×", units::interval(row.rank.low, row.rank.high))
    });
    let each: Vec<String> = each.collect();
    match each.is_empty() {
        true => String::new(),
        false => note(&format!("? inconclusive: {}", each.join(", ")), options),
    }
}

/// Whether somebody who took longer by its time took less by its ratio, as both are shown.
fn contradicts(rows: &[Row<'_>]) -> bool {
    let told = |row: &&Row<'_>| !matches!(row.rank.verdict, Verdict::Inconclusive | Verdict::Same);
    let told: Vec<&Row<'_>> = rows.iter().filter(told).collect();
    let differ = |one: &Row<'_>, other: &Row<'_>| {
        units::ratio(one.rank.ratio) != units::ratio(other.rank.ratio)
    };
    told.iter().any(|one| {
        told.iter().any(|other| {
            one.summary.work_ns < other.summary.work_ns
                && one.rank.ratio > other.rank.ratio
                && differ(one, other)
        })
    })
}

fn is_grouped(lines: &[Line<'_>]) -> bool {
    lines.iter().any(|line| matches!(line, Line::Runtime(_)))
}

fn table_has(table: &[Column], title: &str) -> bool {
    table.iter().any(|column| column.title == title)
}

fn note(text: &str, options: &Options) -> String {
    let margin = " ".repeat(INDENT);
    let wrapped = wrap(text, options.width, INDENT + 2);
    lines(&format!("{margin}{wrapped}"), Ink::Dim, options)
}

/// Runtimes in the order of their best model; within each the ranked, then who failed.
fn order<'a>(comparison: &'a Comparison, rows: &'a [Row<'a>]) -> Vec<Line<'a>> {
    let failed = |one: &'a Contestant| Some((one, one.unranked.as_deref()?));
    let runtime = |one: &'a Contestant| one.model.runtime.as_str();
    let mut runtimes: Vec<&str> = rows.iter().map(|row| runtime(row.contestant)).collect();
    runtimes.extend(comparison.contestants.iter().filter_map(failed).map(|(one, _)| runtime(one)));
    let mut seen: Vec<&str> = Vec::new();
    runtimes.retain(|name| {
        !seen.contains(name) && {
            seen.push(name);
            true
        }
    });
    let mut order = Vec::new();
    for name in &runtimes {
        if runtimes.len() > 1 {
            order.push(Line::Runtime(name));
        }
        let own = rows.iter().filter(|row| runtime(row.contestant) == *name);
        order.extend(own.map(Line::Ranked));
        let own = comparison.contestants.iter().filter(|one| runtime(one) == *name);
        order.extend(own.filter_map(failed).map(|(one, why)| Line::Failed(one, why)));
    }
    order
}

/// The name without its runtime, further in where the runtime stands above it.
fn own_name(one: &Contestant, lines: &[Line<'_>]) -> String {
    format!("{}{}", if is_grouped(lines) { "  " } else { "" }, bare_name(one))
}

fn columns(
    comparison: &Comparison,
    rows: &[Row<'_>],
    all: &[Line<'_>],
    options: &Options,
) -> Vec<Column> {
    let names = all.iter().map(|line| match line {
        Line::Runtime(name) => (name.to_string(), Ink::Bold),
        Line::Ranked(row) => (own_name(row.contestant, all), Ink::Plain),
        Line::Failed(one, _) => (own_name(one, all), Ink::Vermillion),
    });
    let mut table = vec![Column { cells: names.collect(), ..Column::new("", false, 0) }];
    // Figures of a column are put into one unit together, so they are made by column.
    let mut add = |title, number, spare, ink, cells: Vec<String>| {
        let mut cells = cells.into_iter();
        let cell = |line: &Line<'_>| match line {
            Line::Ranked(_) => (cells.next().unwrap_or_default(), ink),
            Line::Runtime(_) | Line::Failed(..) => (String::new(), ink),
        };
        let cells = all.iter().map(cell).collect();
        table.push(Column { cells, ..Column::new(title, number, spare) });
    };
    let ranked: Vec<&Row<'_>> = all
        .iter()
        .filter_map(|line| match line {
            Line::Ranked(row) => Some(*row),
            Line::Runtime(_) | Line::Failed(..) => None,
        })
        .collect();
    let of = |cell: &dyn Fn(&Row<'_>) -> String| ranked.iter().map(|row| cell(row)).collect();
    let durations = |figure: &dyn Fn(&Row<'_>) -> Observed<u64>| {
        let figures: Vec<_> = ranked.iter().map(|row| figure(row)).collect();
        units::durations(&figures)
    };
    let time = if is_timed(rows) { "time each" } else { "time" };
    let longest = ranked.iter().map(|row| row.summary.work_ns).max().unwrap_or(1);
    let bar = (options.width / 8).clamp(5, 20);
    add(time, true, 0, Ink::Bold, durations(&|row| Observed::Known(row.summary.work_ns)));
    add("", false, 2, Ink::SkyBlue, of(&|row| bar_of(row, longest, bar)));
    let beside = if is_against_baseline(rows) { "vs baseline" } else { "vs best" };
    add(beside, true, 0, Ink::Plain, of(&|row| against(row, rows)));
    let latency = |row: &Row<'_>| row.summary.latency.known().copied();
    let open_loop = |latency: Latency| latency.from_arrival;
    if ranked.iter().filter_map(|row| latency(row)).any(open_loop) {
        add(
            "p99",
            true,
            0,
            Ink::Plain,
            durations(&|row| row.summary.latency.clone().map(|it| it.p99_ns)),
        );
    }
    if comparison.subject.kind == SubjectKind::Url {
        add(
            "requests/s",
            true,
            1,
            Ink::Plain,
            of(&|row| units::significant(row.summary.throughput)),
        );
    }
    let answers = |row: &Row<'_>| requests::answers(row.contestant).unwrap_or_default();
    if ranked.iter().any(|row| answers(row).iter().any(|(status, _)| *status != 200)) {
        add("answers", true, 2, Ink::Plain, of(&|row| requests::statuses(&answers(row), "×")));
    }
    add("CPU", true, 3, Ink::Plain, durations(&|row| row.summary.cpu_ns.clone()));
    add(
        "memory",
        true,
        4,
        Ink::Plain,
        of(&|row| shown(&row.summary.memory_bytes, |size| units::bytes(*size))),
    );
    table
}

/// `=` for who is as fast as the best, the best itself among them; `?` where nothing can be told.
fn against(row: &Row<'_>, rows: &[Row<'_>]) -> String {
    match row.rank.verdict {
        Verdict::Reference if rows.len() == 1 => String::new(),
        Verdict::Reference if is_against_baseline(rows) => "baseline".into(),
        Verdict::Reference | Verdict::Same => "=".into(),
        Verdict::Inconclusive => "?".into(),
        Verdict::Faster | Verdict::Slower => units::ratio(row.rank.ratio),
    }
}
