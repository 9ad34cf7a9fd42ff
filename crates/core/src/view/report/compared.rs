//! The page of a comparison.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::columns::Column;
use super::super::picture::{Look, Theme, bars, latency, scaling};
use super::super::repeat;
use super::super::requests;
use super::super::table::{
    Row, cost_columns, disturbed, heading_facts, interval, name_column, notes, rows, shown,
    unknowns, word,
};
use super::super::threads;
use super::{Form, html};
use crate::analyse::compare;
use crate::analyse::units::{bytes, count, duration, percent, plural, ratio, significant};
use crate::result::{Comparison, Latency, Run, Sentence, Stopped};

/// More rounds than these fill a page with what nobody reads; the result has them all.
const ROUNDS: usize = 500;

/// A saved comparison.
pub fn comparison(result: &Comparison, form: Form) -> String {
    let subject = &result.subject;
    let title = subject.title.as_ref().unwrap_or(&subject.name);
    let rows = rows(result);
    if form == Form::Fragment {
        return html::fragment(title, &first(result, &rows));
    }
    let mut body = format!("<h1>{}</h1>\n", html::prose(title));
    body.push_str(&subject.about.as_deref().map_or_else(String::new, html::paragraph));
    body.push_str(&conclusion(result));
    body.push_str(&html::section("How fast", &speed(result, &rows)));
    body.push_str(&html::section("Also", &html::list(&texts(&result.conclusion.details))));
    body.push_str(&html::section("How it scales", &scales(result)));
    body.push_str(&html::section("At what cost", &cost(&rows)));
    body.push_str(&html::section("What the threads did", &of_threads(&rows)));
    body.push_str(&html::section("Latency of a task", &tasks(result, &rows)));
    body.push_str(&html::section("Requests", &of_requests(result, &rows)));
    body.push_str(&html::section("Not ranked", &unranked(result)));
    body.push_str(&html::section("Warnings and notes", &html::list(&notes(result))));
    body.push_str(&html::section("Method", &method(result)));
    body.push_str(&html::section("Machine", &html::machine(&result.machine)));
    body.push_str(&html::section("How to repeat it", &again(result)));
    html::page(title, &result.program_version, &body)
}

/// What is read first.
fn first(result: &Comparison, rows: &[Row<'_>]) -> String {
    let said = &result.conclusion;
    let mut text = html::list(&texts(said.before_answer()));
    text.push_str(&said.answer.as_ref().map_or_else(String::new, |one| html::strong(&one.text)));
    text.push_str(&html::list(&texts(said.behind_answer())));
    text.push_str(&disturbed(result).as_deref().map_or_else(String::new, html::paragraph));
    text.push_str(&html::list(&texts(&said.reasons)));
    text.push_str(&html::image(&bars::bars(result, &look("bars")), "how fast each model was"));
    text.push_str(&speed_table(rows));
    text.push_str(&unranked(result));
    text
}

/// The answer, what makes it worth less, why, and what it is about.
fn conclusion(result: &Comparison) -> String {
    let said = &result.conclusion;
    let mut text: String = said.before_answer().map(|one| html::warning(&one.text)).collect();
    text.push_str(&said.answer.as_ref().map_or_else(String::new, |one| html::answer(&one.text)));
    text.extend(said.behind_answer().map(|one| html::warning(&one.text)));
    text.push_str(&disturbed(result).as_deref().map_or_else(String::new, html::warning));
    text.push_str(&html::list(&texts(&said.reasons)));
    text.push_str(&html::dim(&heading_facts(result).join(" · ")));
    text.push_str(&html::dim(&format!(
        "Measured {} by maitred {}",
        result.started, result.program_version
    )));
    html::section("Conclusion", &text)
}

fn texts<'a>(sentences: impl IntoIterator<Item = &'a Sentence>) -> Vec<String> {
    sentences.into_iter().map(|one| one.text.clone()).collect()
}

fn look(id: &str) -> Look {
    Look { theme: Theme::Auto, id: id.into(), rows: 60 }
}

fn speed(result: &Comparison, rows: &[Row<'_>]) -> String {
    let mut text = html::figure(&bars::bars(result, &look("bars")));
    text.push_str(&speed_table(rows));
    text.push_str(&html::folded("Every round", &every_round(result)));
    text
}

fn speed_table(rows: &[Row<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = name_column(rows);
    let mut add = |title, is_number, cell: &dyn Fn(&Row<'_>) -> String| {
        table.push(html::column(title, is_number, rows.iter().map(cell).collect()));
    };
    add("work", true, &|row| duration(row.summary.work_ns));
    add("95 % interval", true, &|row| match row.summary.rounds {
        // One round says nothing of the next.
        0 | 1 => String::new(),
        _ => format!(
            "{} – {}",
            duration(row.summary.work_low_ns),
            duration(row.summary.work_high_ns)
        ),
    });
    add("ratio", true, &|row| ratio(row.rank.ratio));
    add("its 95 %", true, &interval);
    add("verdict", false, &|row| word(row, rows).to_string());
    add("rounds", true, &|row| count(u64::from(row.summary.rounds)));
    html::table(&table)
}

/// What each run was: nothing that was measured is left out.
fn every_round(result: &Comparison) -> String {
    let runs = result.contestants.iter().flat_map(|one| one.runs.iter().map(move |run| (one, run)));
    let all: Vec<_> = runs.collect();
    if all.is_empty() {
        return String::new();
    }
    let some = &all[..all.len().min(ROUNDS)];
    let remark = |run: &Run| match (compare::mistake(run), &run.noise.dirty) {
        (Some(mistake), _) => mistake,
        (None, Some(cause)) => format!("disturbed: {cause}"),
        (None, None) => String::new(),
    };
    let cells = |cell: &dyn Fn(&Run) -> String| some.iter().map(|(_, run)| cell(run)).collect();
    let table = [
        html::column("model", false, some.iter().map(|(one, _)| one.name()).collect()),
        html::column("round", true, cells(&|run| count(u64::from(run.round) + 1))),
        html::column("work", true, cells(&|run| duration(run.work_ns))),
        html::column(
            "CPU",
            true,
            cells(&|run| shown(&run.work_cpu, |cpu| duration(cpu.total_ns()))),
        ),
        html::column("memory", true, cells(&|run| shown(&run.memory, |peak| bytes(peak.bytes)))),
        html::column("remark", false, cells(&remark)),
    ];
    let mut text = html::table(&table);
    if all.len() > some.len() {
        let more = all.len() - some.len();
        text.push_str(&html::dim(&format!("… and {more} more, which are in the result itself.")));
    }
    text
}

fn scales(result: &Comparison) -> String {
    let pictures =
        [scaling::workers(result, &look("workers")), scaling::settings(result, &look("settings"))];
    pictures.iter().flatten().map(|svg| html::figure(svg)).collect()
}

fn cost(rows: &[Row<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = html::table(&cost_columns(rows));
    text.push_str(&html::dim(
        "CPU: processor time of the work; memory: the most that all processes took together; \
         start-up: of the process and its workers; voluntary context switches: a thread had to wait \
         and gave its processor up; involuntary: the scheduler took its processor away",
    ));
    for (what, why) in unknowns(rows) {
        text.push_str(&html::dim(&format!("? {what}: {why}")));
    }
    text
}

fn of_threads(rows: &[Row<'_>]) -> String {
    let Some((table, legend)) = threads::columns(rows) else { return String::new() };
    html::table(&table) + &html::dim(&legend)
}

fn tasks(result: &Comparison, rows: &[Row<'_>]) -> String {
    let Some(picture) = latency::tasks(result, &look("latency")) else { return String::new() };
    let mut table = name_column(rows);
    let mut add = |title, cell: &dyn Fn(&Row<'_>) -> String| {
        table.push(html::column(title, true, rows.iter().map(cell).collect()));
    };
    let mut figure = |title, pick: fn(&Latency) -> u64| {
        add(title, &|row| shown(&row.summary.latency, |latency| duration(pick(latency))));
    };
    figure("least", |latency| latency.min_ns);
    figure("p50", |latency| latency.p50_ns);
    figure("p90", |latency| latency.p90_ns);
    figure("p99", |latency| latency.p99_ns);
    figure("longest", |latency| latency.max_ns);
    add("tasks/s", &|row| significant(row.summary.throughput));
    html::figure(&picture) + &html::table(&table)
}

fn of_requests(result: &Comparison, rows: &[Row<'_>]) -> String {
    let Some(picture) = latency::requests(result, &look("requests")) else { return String::new() };
    let table: Vec<Column> = requests::request_columns(rows).unwrap_or_default();
    html::figure(&picture) + &html::table(&table)
}

fn unranked(result: &Comparison) -> String {
    let out = result.contestants.iter().filter_map(|one| Some((one, one.unranked.as_ref()?)));
    let out: Vec<(String, String)> = out.map(|(one, why)| (one.name(), why.clone())).collect();
    let rows: Vec<(&str, String)> =
        out.iter().map(|(model, why)| (model.as_str(), why.clone())).collect();
    html::facts(&rows)
}

fn method(result: &Comparison) -> String {
    let settings = &result.settings;
    let runs = result.contestants.iter().flat_map(|one| &one.runs);
    let (all, dirty) = runs.fold((0_u64, 0_u64), |(all, dirty), run| {
        (all + 1, dirty + u64::from(run.noise.dirty.is_some()))
    });
    let why = match result.stopped {
        Stopped::Running => "they went on when this was saved",
        Stopped::Decided => "every pair had a verdict",
        Stopped::Rounds => "so many were asked for",
        Stopped::Budget => "the time was spent",
        Stopped::Interrupted => "they were interrupted",
        Stopped::NoneRan => "no model could run the work",
    };
    let mut facts = Vec::from([
        ("rounds", format!("{}, {} of them disturbed from outside; stopped because {why}", plural(all, "run"), count(dirty))),
        ("order", "every round runs every model once, in shuffled order".to_string()),
        ("warm-up", format!("{}, not counted", plural(u64::from(settings.warmup_rounds), "round"))),
        ("work", "from the moment when all workers stand ready to the end of the last task; start-up, set-up and tear-down are apart".to_string()),
        ("figures", "medians over the clean, successful rounds; intervals are 95 %, by bootstrap".to_string()),
        ("ratios", "paired by round, against the fastest or the baseline".to_string()),
        ("a difference", format!("counts from {} on; what cannot be told is said to be so", percent(settings.minimum_effect))),
        ("seed", settings.seed.to_string()),
        ("fingerprint", format!("`{}` of the work: equal work, equal fingerprint", result.subject.fingerprint)),
    ]);
    if let Some(ns) = settings.budget_ns {
        facts.push(("budget", duration(ns)));
    }
    if let Some(ns) = settings.timeout_ns {
        facts.push(("time limit", format!("{} a run", duration(ns))));
    }
    if let Some(limit) = settings.memory_limit_bytes {
        facts.push(("memory limit", bytes(limit)));
    }
    let mut runtimes: Vec<&str> =
        result.contestants.iter().map(|one| one.runtime.as_str()).collect();
    runtimes.sort_unstable();
    runtimes.dedup();
    facts.push(("runtimes", runtimes.join(", ")));
    html::facts(&facts)
}

fn again(result: &Comparison) -> String {
    let mut text = html::typed(&repeat::compare(result));
    let note = match result.subject.kind {
        crate::result::SubjectKind::Function => {
            "Where it was given inputs, add --inputs with that file in the place of --count."
        }
        _ => "Other figures come of another machine; the same work has the fingerprint above.",
    };
    text.push_str(&html::dim(note));
    text
}
