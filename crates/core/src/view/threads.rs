//! What the threads of each model did, from the one run in which the kernel's switches were
//! recorded. The main function is [`threads`].

use alloc::format;
use alloc::string::{String, ToString as _};

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, wrap};
use super::scheduling::lock_share;
use super::table::{Row, name_column};
use crate::analyse::scheduling::mean_at_once;
use crate::analyse::units::{cores, percent};
use crate::result::{Shares, Split};
use crate::trace::Source;

const TITLE: &str = "What the threads did (one more run of each, recorded)";

/// A table of all models that were traced; `None`: none was.
pub(super) fn threads(rows: &[Row<'_>], options: &Options) -> Option<String> {
    rows.iter().find_map(shares)?;
    let mut table = name_column(rows);
    let mut add = |title, spare, cell: &dyn Fn(&Shares) -> Option<String>| {
        let text = |row: &Row<'_>| shares(row).and_then(cell).unwrap_or_else(|| "?".to_string());
        let cells = rows.iter().map(|row| (text(row), Ink::Plain)).collect();
        table.push(Column { cells, ..Column::new(title, true, spare) });
    };
    add("running", 0, &|shares| Some(part(&shares.total, |split| split.running_ns)));
    add("ready", 1, &|shares| Some(part(&shares.total, |split| split.ready_ns)));
    add("blocked", 2, &|shares| Some(part(&shares.total, |split| split.blocked_ns)));
    let is_unknown = |shares: &Shares| shares.total.unknown_ns > shares.total.whole_ns() / 100;
    if rows.iter().filter_map(shares).any(is_unknown) {
        add("unknown", 4, &|shares| Some(part(&shares.total, |split| split.unknown_ns)));
    }
    if rows.iter().filter_map(shares).any(|shares| lock_share(shares).is_some()) {
        add("GIL", 3, &|shares| Some(lock_share(shares).map_or_else(String::new, percent)));
    }
    add("at once", 0, &|shares| mean_at_once(shares).map(cores));
    columns::fit(&mut table, options);
    let title = Ink::Bold.paint(&wrap(TITLE, options.width, 0), options);
    let mut legend = String::from(
        "shares of the steps' time: running on a processor, ready but without one, blocked; \
         at once: threads on processors, on average over the work",
    );
    if table.iter().any(|column| column.title == "GIL") {
        legend.push_str("; GIL: of computing steps, at most so much was waiting for the lock");
    }
    if rows.iter().filter_map(shares).any(|shares| shares.total.whole_ns() == 0) {
        legend.push_str("; –: a loop goes on without its steps, so they share its thread");
    }
    let is_sampled = |shares: &&Shares| shares.source != Source::Switches;
    if let Some(shares) = rows.iter().filter_map(shares).find(is_sampled) {
        let why = shares.missing.first().map_or("", |why| why);
        legend.push_str(&format!("; sampled, not recorded: {why}"));
    }
    let legend = wrap(&legend, options.width, 0);
    let legend: String = legend.lines().map(|line| Ink::Dim.paint(line, options) + "\n").collect();
    Some(format!("{title}\n{}{legend}", columns::render(&table, options)))
}

fn shares<'a>(row: &Row<'a>) -> Option<&'a Shares> {
    row.contestant.traced.as_ref()?.scheduling.as_ref()
}

fn part(split: &Split, pick: fn(&Split) -> u64) -> String {
    match split.whole_ns() {
        0 => "–".to_string(),
        whole => percent(pick(split) as f64 / whole as f64),
    }
}
