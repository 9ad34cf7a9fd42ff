//! What the strategies of runtimes are like, a table a runtime: on a terminal, and as Markdown.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use super::table::place;
use crate::analyse::strategies::SEVERAL;
use crate::analyse::units::{bytes, cores, count, duration, list, processors};
use crate::result::{Blocking, Machine, Strategies, StrategyRow, StrategyTable, TaskScheduling};
use crate::trace::Observed;

/// What the figures of a table are of.
const LEGEND: &str = "Parallel: whether several processors can be used, and the most that were in a \
     round, unless others left no second one. Blocking: what a call that cannot be awaited does to \
     the other tasks, of which some are those on the same worker. Start, memory: of one more task; \
     of thread-pool, processes and interpreters of one more worker, which does many tasks. In \
     1 GiB: by this memory, in which what the kernel itself keeps of a thread or process is not.";

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
    let stands_below = purposes.is_some();
    text.push_str(if stands_below { "\n" } else { "" });
    let mut line = |sentence: &str| {
        let lines = wrap(sentence, options.width, 0);
        lines.lines().for_each(|line| text.push_str(&(Ink::Dim.paint(line, options) + "\n")));
    };
    if let Some(purposes) = purposes {
        for (row, (purpose, _)) in table.strategies.iter().zip(&purposes.cells) {
            let why = why(&row.properties.purpose);
            let why = why.map_or_else(String::new, |why| format!(" ({why})"));
            line(&format!("{} is for: {purpose}{why}", row.strategy));
        }
    }
    for note in notes(&table.strategies, !stands_below) {
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
        processors(machine.processors()),
        machine.kernel,
        strategies.program_version
    );
    for table in &strategies.runtimes {
        let all = columns(&table.strategies, Ink::Plain);
        text.push_str(&format!("\n#### {}\n\n{}", table.runtime, columns::markdown(&all)));
        let notes = notes(&table.strategies, true);
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
        column("parallel", false, &|row| {
            Some(parallel(*row.properties.parallel.known()?, row.figures.cores.known()?.high))
        }),
        column("blocking", false, &|row| row.properties.blocking.known().copied().map(blocking)),
        column("start", true, &|row| {
            row.figures.start.known().map(|start| duration(start.median as u64))
        }),
        column("memory", true, &|row| match row.figures.memory.known() {
            Some(each) => Some(bytes(each.median as u64)),
            None => is_one_by_one(row).then(|| "-".to_string()),
        }),
        column("in 1 GiB", true, &|row| row.properties.fit.known().copied().map(about)),
    ]);
    all.push(column("what it is for", false, &|row| row.properties.purpose.known().cloned()));
    all
}

fn is_one_by_one(row: &StrategyRow) -> bool {
    row.properties.scheduling.known() == Some(&TaskScheduling::OneByOne)
}

fn scheduling(scheduling: TaskScheduling) -> String {
    match scheduling {
        TaskScheduling::OneByOne => "one by one",
        TaskScheduling::Cooperative => "cooperative",
        TaskScheduling::Preemptive => "preemptive",
    }
    .to_string()
}

/// The number is left out where others left fewer processors than it could have used.
fn parallel(several: bool, most: f64) -> String {
    match (several, most >= SEVERAL) {
        (true, true) => format!("yes ({})", cores(most)),
        (true, false) => "yes".to_string(),
        (false, _) => format!("no ({})", cores(most)),
    }
}

fn blocking(blocking: Blocking) -> String {
    match blocking {
        Blocking::Allowed => "allowed",
        Blocking::StallsItsWorker => "stalls some",
        Blocking::StallsAll => "stalls all",
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
/// example. Why it is not known what a strategy is for is said here only where `purposes` asks.
fn notes(rows: &[StrategyRow], purposes: bool) -> Vec<String> {
    let mut reasons: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for row in rows {
        let (properties, figures) = (&row.properties, &row.figures);
        let cells = [
            ("scheduling", why(&properties.scheduling)),
            ("parallel", why(&properties.parallel)),
            ("blocking", why(&properties.blocking)),
            ("start", why(&figures.start)),
            ("memory", why(&figures.memory).filter(|_| !is_one_by_one(row))),
            ("in 1 GiB", is_capped(row).then_some("this machine allows no more of them")),
            ("what it is for", why(&properties.purpose).filter(|_| purposes)),
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
    let said = said.map(|(cell, why, names)| format!("{cell}, {}: {why}", list(&names)));
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use expect_test::expect;
    use maitred_wire::Strategy;

    use super::*;
    use crate::analyse::strategies::{properties, unmeasured};
    use crate::result::{Found, StrategyFigures};
    use crate::workload::Unit;

    fn found(median: f64) -> Observed<Found> {
        let (low, high) = (median * 0.9, median * 1.1);
        Observed::Known(Found { median, low, high, unit: Unit::Number, rounds: 3, disturbed: None })
    }

    fn row(strategy: Strategy, figures: StrategyFigures) -> StrategyRow {
        StrategyRow { strategy, properties: properties(&figures, 2), figures }
    }

    fn looked_at() -> Strategies {
        let threads = StrategyFigures {
            together: found(2.0),
            held_up: found(0.08),
            cores: found(1.8),
            computing: Observed::Known(7.0),
            runnable: Observed::Known(6.9),
            computing_workers: 8,
            blocked: found(7.5),
            blocked_tasks: 8,
            blocked_workers: 8,
            start: found(24_000.0),
            memory: found(8_900.0),
            alone: found(6e6),
            allowed: Some(32_165),
        };
        let sequential = StrategyFigures {
            together: found(0.99),
            cores: Observed::Unknown("it died: signal 9".into()),
            blocked: found(0.99),
            blocked_tasks: 8,
            blocked_workers: 1,
            start: found(120.0),
            ..unmeasured()
        };
        let busy = |figure: Observed<Found>| {
            let disturbed = Some("other processes used 60 % of the processors".into());
            figure.map(|found| Found { disturbed, ..found })
        };
        let event_loop = StrategyFigures {
            held_up: found(2.0),
            cores: busy(found(0.9)),
            runnable: Observed::Unknown("the kernel's switches were not recorded".into()),
            blocked: found(0.99),
            blocked_workers: 1,
            start: Observed::Unknown("the rounds do not agree: 2 µs (1 µs–20 µs)".into()),
            memory: found(560.0),
            allowed: None,
            ..threads.clone()
        };
        let pool = StrategyFigures { cores: busy(found(0.8)), ..event_loop.clone() };
        let hybrid = StrategyFigures { cores: busy(found(0.8)), ..threads.clone() };
        Strategies {
            schema_version: 1,
            program_version: "0.1.0".into(),
            machine: crate::analyse::sample::comparison(vec![], 0).machine,
            started: "2026-11-23T00:00:00Z".into(),
            runtimes: vec![StrategyTable {
                runtime: "native".into(),
                strategies: vec![
                    row(Strategy::Sequential, sequential),
                    row(Strategy::Threads, threads),
                    row(Strategy::EventLoop, event_loop),
                    row(Strategy::AsyncPool, pool),
                    row(Strategy::Hybrid, hybrid),
                ],
            }],
        }
    }

    #[test]
    fn a_table_says_what_is_known_and_why_the_rest_is_not() {
        let options = Options { width: 140, ..Options::default() };
        expect![[r#"
            native
            strategy    scheduling   parallel    blocking      start    memory   in 1 GiB  what it is for
            sequential  one by one   ?           stalls all   120 ns         -          1  a few things, one after the other
            threads     preemptive   yes (1.98)  allowed     24.0 µs  8.69 KiB     32,000  computing and blocking calls, by the thousand
            event-loop  cooperative  ?           stalls all        ?     560 B  1,900,000  ?
            async-pool  cooperative  ?           stalls all        ?     560 B  1,900,000  ?
            hybrid      preemptive   yes         allowed     24.0 µs  8.69 KiB     32,000  computing and blocking calls, by the thousand
            parallel, sequential: it died: signal 9
            in 1 GiB, threads and hybrid: this machine allows no more of them
            parallel, event-loop and async-pool: no more than one was used, but others may have taken the rest
            start, event-loop and async-pool: the rounds do not agree: 2 µs (1 µs–20 µs)
            what it is for, event-loop and async-pool: it rests on the use of processors, which is not known
            disturbed: other processes used 60 % of the processors

        "#]].assert_eq(&table(&looked_at().runtimes[0], &options));
    }

    #[test]
    fn where_there_is_no_room_what_it_is_for_stands_below() {
        let options = Options { ascii: true, ..Options::default() };
        let text = table(&looked_at().runtimes[0], &options) + &legend(&options);
        expect![[r#"
            native
            strategy    scheduling   parallel    blocking      start    memory   in 1 GiB
            sequential  one by one   ?           stalls all   120 ns         -          1
            threads     preemptive   yes (1.98)  allowed     24.0 us  8.69 KiB     32,000
            event-loop  cooperative  ?           stalls all        ?     560 B  1,900,000
            async-pool  cooperative  ?           stalls all        ?     560 B  1,900,000
            hybrid      preemptive   yes         allowed     24.0 us  8.69 KiB     32,000

            sequential is for: a few things, one after the other
            threads is for: computing and blocking calls, by the thousand
            event-loop is for: ? (it rests on the use of processors, which is not known)
            async-pool is for: ? (it rests on the use of processors, which is not known)
            hybrid is for: computing and blocking calls, by the thousand
            parallel, sequential: it died: signal 9
            in 1 GiB, threads and hybrid: this machine allows no more of them
            parallel, event-loop and async-pool: no more than one was used, but others may
            have taken the rest
            start, event-loop and async-pool: the rounds do not agree: 2 us (1 us-20 us)
            disturbed: other processes used 60 % of the processors

            Parallel: whether several processors can be used, and the most that were in a
            round, unless others left no second one. Blocking: what a call that cannot be
            awaited does to the other tasks, of which some are those on the same worker.
            Start, memory: of one more task; of thread-pool, processes and interpreters of
            one more worker, which does many tasks. In 1 GiB: by this memory, in which what
            the kernel itself keeps of a thread or process is not.
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn a_document_has_a_table_a_runtime() {
        expect![[r#"
            ### Strategies

            AMD EPYC, 2 processors, Linux 6.18.5, maitred 0.1.0

            Parallel: whether several processors can be used, and the most that were in a round, unless others left no second one. Blocking: what a call that cannot be awaited does to the other tasks, of which some are those on the same worker. Start, memory: of one more task; of thread-pool, processes and interpreters of one more worker, which does many tasks. In 1 GiB: by this memory, in which what the kernel itself keeps of a thread or process is not.

            #### native

            | strategy | scheduling | parallel | blocking | start | memory | in 1 GiB | what it is for |
            | --- | --- | --- | --- | ---: | ---: | ---: | --- |
            | sequential | one by one | ? | stalls all | 120 ns | - | 1 | a few things, one after the other |
            | threads | preemptive | yes (1.98) | allowed | 24.0 µs | 8.69 KiB | 32,000 | computing and blocking calls, by the thousand |
            | event-loop | cooperative | ? | stalls all | ? | 560 B | 1,900,000 | ? |
            | async-pool | cooperative | ? | stalls all | ? | 560 B | 1,900,000 | ? |
            | hybrid | preemptive | yes | allowed | 24.0 µs | 8.69 KiB | 32,000 | computing and blocking calls, by the thousand |

            - parallel, sequential: it died: signal 9
            - in 1 GiB, threads and hybrid: this machine allows no more of them
            - parallel, event-loop and async-pool: no more than one was used, but others may have taken the rest
            - start, event-loop and async-pool: the rounds do not agree: 2 µs (1 µs–20 µs)
            - what it is for, event-loop and async-pool: it rests on the use of processors, which is not known
            - disturbed: other processes used 60 % of the processors
        "#]].assert_eq(&markdown(&looked_at()));
    }

    #[test]
    fn what_fits_is_said_in_two_digits() {
        let cases = [(1, "1"), (99, "99"), (101, "100"), (1_851_234, "1,900,000")];
        cases.iter().for_each(|(number, text)| assert_eq!(about(*number), *text));
    }
}
