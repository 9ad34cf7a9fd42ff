//! What the threads of each model did, from the one run in which the kernel's switches were
//! recorded. The main function is [`threads`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, wrap};
use super::row::{Row, name_column};
use super::scheduling::lock_share;
use crate::analyse::compare;
use crate::analyse::scheduling::average_running_threads;
use crate::analyse::units::{cores, percent};
use crate::result::{Shares, Split};
use crate::trace::Source;

const TITLE: &str = "What the threads did (one more run of each, recorded)";

/// A table of all models that were traced; `None`: none was.
pub(super) fn threads(rows: &[Row<'_>], options: &Options) -> Option<String> {
    let (mut table, legend) = columns(rows)?;
    let dropped = columns::fit(&mut table, options);
    let title = Ink::Bold.paint(&wrap(TITLE, options.width, 0), options);
    let legend = wrap(&legend, options.width, 0);
    let legend: String = legend.lines().map(|line| Ink::Dim.paint(line, options) + "\n").collect();
    let dropped = columns::without(&dropped, options);
    Some(format!("{title}\n{}{legend}{dropped}", columns::render(&table, options)))
}

/// Its columns, and what they mean.
pub(super) fn columns(rows: &[Row<'_>]) -> Option<(Vec<Column>, String)> {
    rows.iter().find_map(shares)?;
    let mut table = name_column(rows);
    let mut add = |title, spare, cell: &dyn Fn(&Shares) -> Option<String>| {
        let text = |row: &Row<'_>| shares(row).and_then(cell).unwrap_or_else(|| "?".to_string());
        let cells = rows.iter().map(|row| (text(row), Ink::Plain)).collect();
        table.push(Column { cells, ..Column::new(title, true, spare) });
    };
    add("running", 0, &|shares| Some(part(&shares.total, |split| split.running_ns)));
    add("runnable", 1, &|shares| Some(part(&shares.total, |split| split.runnable_ns)));
    if rows.iter().filter_map(shares).any(|shares| shares.total.throttled_ns > 0) {
        add("throttled", 1, &|shares| Some(part(&shares.total, |split| split.throttled_ns)));
    }
    add("blocked", 2, &|shares| Some(part(&shares.total, |split| split.blocked_ns)));
    let is_unknown = |shares: &Shares| shares.total.unknown_ns > shares.total.whole_ns() / 100;
    if rows.iter().filter_map(shares).any(is_unknown) {
        add("unknown", 4, &|shares| Some(part(&shares.total, |split| split.unknown_ns)));
    }
    if rows.iter().filter_map(shares).any(|shares| lock_share(shares).is_some()) {
        add("GIL", 3, &|shares| Some(lock_share(shares).map_or_else(String::new, percent)));
    }
    add("avg threads", 0, &|shares| average_running_threads(shares).map(cores));
    let mut legend = String::from(
        "shares of the steps' time: running on a processor, runnable but in the run queue, blocked; \
         avg threads: average running threads over the work",
    );
    if table.iter().any(|column| column.title == "throttled") {
        legend.push_str("; throttled: runnable, but kept from every processor by the CPU quota");
    }
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
    Some((table, legend))
}

fn shares<'a>(row: &Row<'a>) -> Option<&'a Shares> {
    let run = row.contestant.traced.as_ref()?;
    run.scheduling.as_ref().filter(|_| compare::mistake(run).is_none())
}

fn part(split: &Split, pick: fn(&Split) -> u64) -> String {
    match split.whole_ns() {
        0 => "–".to_string(),
        whole => percent(pick(split) as f64 / whole as f64),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use expect_test::expect;
    use maitred_wire::Strategy;

    use super::super::table::{notes, rows, table};
    use super::*;
    use crate::analyse::advice;
    use crate::analyse::sample::compared;
    use crate::result::{Comparison, Contestant, LockWait, Rule, Run, StepSplit};
    use crate::trace::sample::{Do, Sample, tables};
    use crate::trace::{RunEnd, StepKind};

    /// Four workers that compute, of which one at a time has the lock, and two that have none.
    fn traced() -> Comparison {
        let sample = Sample { program: vec![Do::Cpu(40)], count: 8, ..tables(8, 1) };
        let models = [(Strategy::ThreadPool, Some(4)), (Strategy::Processes, Some(2))];
        let mut comparison = compared(&sample, &models, 5);
        let parts = [(true, 25, 70, vec![0.0, 0.97, 0.03]), (false, 98, 0, vec![0.0, 0.04, 0.96])];
        for (contestant, (lock, running_ns, blocked_ns, running_threads)) in
            comparison.contestants.iter_mut().zip(parts)
        {
            let runnable_ns = 100 - running_ns - blocked_ns;
            let total = Split { running_ns, runnable_ns, blocked_ns, ..Split::default() };
            let steps = vec![StepSplit { kind: StepKind::Cpu, split: total }];
            let gil = lock.then_some(true);
            let wait = LockWait { of_ns: 100, at_most_ns: 70, without_wakeup_ns: Some(66) };
            let lock = lock.then_some(wait);
            let shares = Shares { gil, total, steps, running_threads, lock, ..Shares::default() };
            let run = contestant.runs[0].clone();
            contestant.traced = Some(Run { scheduling: Some(shares), ..run });
        }
        comparison
    }

    #[test]
    fn each_traced_model_is_shown() {
        let comparison = traced();
        let text = threads(&rows(&comparison), &Options::default()).unwrap();
        expect![[r#"
            What the threads did (one more run of each, recorded)
            model                 running  runnable  blocked   GIL  avg threads
            native/thread-pool:4     25 %     5.0 %     70 %  66 %         1.03
            native/processes:2       98 %     2.0 %      0 %               1.96
            shares of the steps' time: running on a processor, runnable but in the run
            queue, blocked; avg threads: average running threads over the work; GIL: of
            computing steps, at most so much was waiting for the lock
        "#]]
        .assert_eq(&text);
        let plain = Comparison {
            contestants: vec![Contestant { traced: None, ..comparison.contestants[0].clone() }],
            ..comparison
        };
        assert_eq!(threads(&rows(&plain), &Options::default()), None, "nobody was traced");
    }

    #[test]
    fn the_conclusion_says_who_was_on_processors_at_once() {
        let conclusion = advice::conclude(&traced(), &[None, None]);
        expect!["The kernel's own record of one more run: under `thread-pool:4` two threads or more were running for 3.0 % of the work, whatever the number of threads; more than one, on average, were there only under `processes:2` (1.96)."].assert_eq(conclusion.said_by(Rule::RunningThreads).unwrap_or_default());
    }

    #[test]
    fn a_recorded_run_that_went_wrong_says_so_and_nothing_else() {
        let mut comparison = traced();
        for contestant in &mut comparison.contestants {
            if let Some(run) = &mut contestant.traced {
                run.end = RunEnd::TimedOut { limit_ns: 1_000_000_000 };
            }
        }
        assert_eq!(threads(&rows(&comparison), &Options::default()), None);
        assert_eq!(notes(&comparison).len(), 2);
        let details = Options { details: true, ..Options::default() };
        assert!(table(&comparison, &details).contains("went wrong: timed out"));
        let conclusion = advice::conclude(&comparison, &[None, None]);
        assert_eq!(conclusion.said_by(Rule::RunningThreads), None);
    }
}
