//! Requests and test servers of a comparison: requests a second, how long they took, and what the
//! servers used for them. The main function is [`requests`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::Ink;
use super::row::{Row, name_column};
use crate::analyse::units::{bytes, duration, significant};
use crate::analyse::{compare, stats};
use crate::result::{Contestant, Latency, Run};
use crate::trace::{Observed, ServerUse, StepKind};

/// A table of all models whose work has requests; `None`: none has.
pub(super) fn requests(rows: &[Row<'_>], options: &Options) -> Option<String> {
    let mut table = request_columns(rows)?;
    columns::fit(&mut table, options);
    let title = Ink::Bold.paint("Requests (medians of the rounds)", options);
    let note =
        "server CPU: of all servers, for one request; server grew: by how much memory, at most\n";
    let note = if table.iter().any(|column| column.title == "server CPU") { note } else { "" };
    Some(format!("{title}\n{}{}", columns::render(&table, options), Ink::Dim.paint(note, options)))
}

/// The columns of that table.
pub(super) fn request_columns(rows: &[Row<'_>]) -> Option<Vec<Column>> {
    let with = |row: &&Row<'_>| row.contestant.runs.iter().any(|run| run.requests.is_some());
    rows.iter().find(with)?;
    let mut table = name_column(rows);
    let mut add = |title, spare, cell: &dyn Fn(&Contestant) -> Option<String>| {
        let text = |row: &Row<'_>| cell(row.contestant).unwrap_or_else(|| "?".to_string());
        let cells = rows.iter().map(|row| (text(row), Ink::Plain)).collect();
        table.push(Column { cells, ..Column::new(title, true, spare) });
    };
    add("requests/s", 0, &|one| Some(significant(median(one, rate)?)));
    let mut figure = |title, pick: fn(&Latency) -> u64| {
        let figure = move |run: &Run| run.requests.as_ref().map(|latency| pick(latency) as f64);
        add(title, 0, &move |one| Some(duration(median(one, figure)? as u64)));
    };
    figure("p50", |latency| latency.p50_ns);
    figure("p99", |latency| latency.p99_ns);
    figure("max", |latency| latency.max_ns);
    if rows.iter().any(|row| answers(row.contestant).is_some()) {
        add("answers", 2, &|one| Some(statuses(&answers(one)?, "×")));
    }
    if rows.iter().any(|row| row.contestant.runs.iter().any(|run| !run.servers.is_empty())) {
        add("server CPU", 1, &|one| Some(duration(median(one, server_cpu_a_request)? as u64)));
        add("server grew", 1, &|one| Some(bytes(median(one, server_grown)? as u64)));
    }
    Some(table)
}

/// How many requests were answered with which status, as in `200 × 98 503 × 2`.
pub(super) fn statuses(answers: &[(u16, u64)], times: &str) -> String {
    let each = answers.iter().map(|(status, count)| format!("{status}{times}{count}"));
    each.collect::<Vec<_>>().join(" ")
}

/// The same over the rounds that count; `None`: somebody did not count.
pub(super) fn answers(contestant: &Contestant) -> Option<Vec<(u16, u64)>> {
    let mut all = BTreeMap::new();
    for run in compare::counted(contestant) {
        for (status, count) in run.answers.as_ref()? {
            *all.entry(*status).or_insert(0) += count;
        }
    }
    Some(all.into_iter().collect())
}

/// What one server used, in a line.
pub(super) fn server(server: &ServerUse, requests: u64) -> String {
    let mut parts = Vec::from([server.architecture.clone()]);
    parts.push(match &server.cpu_ns {
        Observed::Known(ns) if requests > 0 => {
            format!("{} of CPU, {} a request", duration(*ns), duration(*ns / requests))
        }
        Observed::Known(ns) => format!("{} of CPU", duration(*ns)),
        Observed::Unknown(why) => format!("CPU unknown ({why})"),
    });
    parts.push(match &server.grown_bytes {
        Observed::Known(grown) => format!("grew by {}", bytes(*grown)),
        Observed::Unknown(why) => format!("memory unknown ({why})"),
    });
    format!("`{}`: {}", server.name, parts.join(", "))
}

/// How many requests the run made, those without room in the trace left out.
pub(super) fn number(run: &Run) -> u64 {
    run.steps.iter().filter(|total| total.kind == StepKind::Http).map(|total| total.spans).sum()
}

/// Medians of the rounds; `None`: this model's work had no requests.
pub(super) fn typical(contestant: &Contestant) -> Option<Latency> {
    let figure = |pick: fn(&Latency) -> u64| {
        median(contestant, |run| run.requests.as_ref().map(|latency| pick(latency) as f64))
    };
    Some(Latency {
        from_arrival: false,
        min_ns: figure(|latency| latency.min_ns)? as u64,
        p50_ns: figure(|latency| latency.p50_ns)? as u64,
        p90_ns: figure(|latency| latency.p90_ns)? as u64,
        p99_ns: figure(|latency| latency.p99_ns)? as u64,
        p999_ns: median(contestant, |run| Some(run.requests.as_ref()?.p999_ns? as f64))
            .map(|ns| ns as u64),
        max_ns: figure(|latency| latency.max_ns)? as u64,
    })
}

fn rate(run: &Run) -> Option<f64> {
    (run.work_ns > 0).then(|| number(run) as f64 * 1e9 / run.work_ns as f64)
}

fn server_cpu_a_request(run: &Run) -> Option<f64> {
    let all: Option<u64> = run.servers.iter().map(|one| one.cpu_ns.known().copied()).sum();
    Some(all? as f64 / number(run).max(1) as f64)
}

fn server_grown(run: &Run) -> Option<f64> {
    let all: Option<u64> = run.servers.iter().map(|one| one.grown_bytes.known().copied()).sum();
    Some(all? as f64)
}

/// Over the rounds that count.
fn median(contestant: &Contestant, figure: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> =
        compare::counted(contestant).iter().filter_map(|run| figure(run)).collect();
    stats::median(&values)
}
