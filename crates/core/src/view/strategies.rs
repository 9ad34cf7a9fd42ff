//! What the strategies of runtimes are like, a table a runtime: on a terminal, and as Markdown.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use super::table::place;
use crate::analyse::units::{bytes, cores, count, duration, list, plural};
use crate::result::{Blocking, Machine, Scheduling, Strategies, StrategyRow, StrategyTable};
use crate::trace::Observed;

/// What the figures of a table are of.
const LEGEND: &str = "Start and memory are those of one more task; of thread-pool, processes and \
     interpreters those of one more worker, which does many tasks. The \
     processors are the most that were used in a round. What the kernel itself keeps of a thread \
     or process is not in the memory.";

/// On which machine they are looked at.
pub fn heading(machine: &Machine, options: &Options) -> String {
    fitted(format!("{}\n", place(machine, options)), options)
}

/// The table of one runtime, and why what it does not know is not known.
pub fn table(table: &StrategyTable, options: &Options) -> String {
    let mut text = Ink::Bold.paint(&table.runtime, options) + "\n";
    let mut all = columns(&table.strategies, Ink::Dim);
    let purposes = (columns::total(&all) > options.width).then(|| all.pop()).flatten();
    text.push_str(&columns::render(&all, options));
    let mut line = |sentence: &str| {
        let lines = wrap(sentence, options.width, 0);
        lines.lines().for_each(|line| text.push_str(&(Ink::Dim.paint(line, options) + "\n")));
    };
    if let Some(purposes) = purposes {
        line("");
        for (row, (purpose, _)) in table.strategies.iter().zip(&purposes.cells) {
            line(&format!("{} is for: {purpose}", row.strategy));
        }
    }
    for note in notes(&table.strategies) {
        line(&note);
    }
    text.push('\n');
    fitted(text, options)
}

/// What all tables have in common, below the last.
pub fn legend(options: &Options) -> String {
    fitted(format!("{}\n", wrap(LEGEND, options.width, 0)), options)
}

/// All tables.
pub fn markdown(strategies: &Strategies) -> String {
    let machine = &strategies.machine;
    let mut text = format!(
        "### Strategies\n\n{}, {}, Linux {}, maitred {}\n\n{LEGEND}\n",
        machine.cpu,
        plural(u64::from(machine.cores), "processor"),
        machine.kernel,
        strategies.program_version
    );
    for table in &strategies.runtimes {
        let all = columns(&table.strategies, Ink::Plain);
        text.push_str(&format!("\n#### {}\n\n{}", table.runtime, columns::markdown(&all)));
        let notes = notes(&table.strategies);
        let notes: String = notes.iter().map(|note| format!("- {note}\n")).collect();
        if !notes.is_empty() {
            text.push_str(&format!("\n{notes}"));
        }
    }
    text
}

/// A row a strategy; what it is for stands last.
fn columns(rows: &[StrategyRow], unknown: Ink) -> Vec<Column> {
    let column = |title, number, cell: &dyn Fn(&StrategyRow) -> Option<String>| Column {
        cells: rows
            .iter()
            .map(|row| match cell(row) {
                Some(cell) => (cell, Ink::Plain),
                None => ("?".to_string(), unknown),
            })
            .collect(),
        ..Column::new(title, number, 0)
    };
    let mut all = Vec::from([
        column("strategy", false, &|row| Some(row.strategy.to_string())),
        column("scheduling", false, &|row| {
            row.properties.scheduling.known().copied().map(scheduling)
        }),
        column("processors", false, &|row| {
            let several = *row.properties.parallel.known()?;
            // Others can only have made it fewer.
            let used = cores(row.figures.cores.known()?.high);
            Some(format!("{} ({used})", if several { "several" } else { "one" }))
        }),
        column("blocking calls", false, &|row| {
            row.properties.blocking.known().copied().map(blocking)
        }),
        column("start", true, &|row| {
            row.figures.start.known().map(|start| duration(start.median as u64))
        }),
        column("memory", true, &|row| match row.figures.memory.known() {
            Some(each) => Some(bytes(each.median as u64)),
            None => is_one_by_one(row).then(|| "-".to_string()),
        }),
        column("fit in 1 GiB", true, &|row| row.properties.fit.known().copied().map(about)),
    ]);
    all.push(column("what it is for", false, &|row| row.properties.purpose.known().cloned()));
    all
}

fn is_one_by_one(row: &StrategyRow) -> bool {
    row.properties.scheduling.known() == Some(&Scheduling::OneByOne)
}

fn scheduling(scheduling: Scheduling) -> String {
    match scheduling {
        Scheduling::OneByOne => "one by one",
        Scheduling::Cooperative => "cooperative",
        Scheduling::Preemptive => "preemptive",
    }
    .to_string()
}

fn blocking(blocking: Blocking) -> String {
    match blocking {
        Blocking::Allowed => "allowed",
        Blocking::StallsItsWorker => "stall their worker",
        Blocking::StallsAll => "stall all others",
    }
    .to_string()
}

/// Two digits: no more are sure.
fn about(number: u64) -> String {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    count((number + unit / 2) / unit * unit)
}

/// Why there is a `?`, what limits how many fit beside memory, and what others did meanwhile: an
/// example. What a strategy is for rests on the other cells, whose reasons are enough.
fn notes(rows: &[StrategyRow]) -> Vec<String> {
    let mut reasons: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for row in rows {
        let (properties, figures) = (&row.properties, &row.figures);
        let cells = [
            ("scheduling", why(&properties.scheduling)),
            ("processors", why(&properties.parallel)),
            ("blocking calls", why(&properties.blocking)),
            ("start", why(&figures.start)),
            ("memory", why(&figures.memory).filter(|_| !is_one_by_one(row))),
            ("fit in 1 GiB", is_capped(row).then_some("this machine allows no more of them")),
        ];
        for (cell, why) in cells.into_iter().filter_map(|(cell, why)| Some((cell, why?))) {
            let name = row.strategy.to_string();
            match reasons.iter_mut().find(|known| (known.0, known.1) == (cell, why)) {
                Some((_, _, names)) => names.push(name),
                None => reasons.push((cell, why, Vec::from([name]))),
            }
        }
    }
    let said = reasons.into_iter();
    let said = said.map(|(cell, why, names)| format!("{cell} of {}: {why}", list(&names)));
    let mut notes: Vec<String> = said.collect();
    let figures = rows.iter().flat_map(|row| {
        let figures = &row.figures;
        let all = [&figures.together, &figures.held_up, &figures.cores, &figures.blocked];
        all.into_iter().chain([&figures.start, &figures.memory, &figures.alone])
    });
    let mut disturbed = figures.filter_map(|figure| figure.known()?.disturbed.as_ref());
    notes.extend(disturbed.next().map(|what| format!("disturbed: {what}")));
    notes
}

/// Whether it is not memory that limits how many fit.
fn is_capped(row: &StrategyRow) -> bool {
    row.figures.allowed.is_some() && row.figures.allowed == row.properties.fit.known().copied()
}

fn why<T>(cell: &Observed<T>) -> Option<&str> {
    match cell {
        Observed::Known(_) => None,
        Observed::Unknown(why) => Some(why),
    }
}

fn fitted(text: String, options: &Options) -> String {
    if options.ascii { to_ascii(&text) } else { text }
}
