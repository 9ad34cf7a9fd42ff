//! How each model scales with workers: what stands in the place of the ranking where that was asked
//! for. A table a model, with the law beside what was measured, and what follows below.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Model;

use super::super::Options;
use super::super::columns::{self, Column};
use super::super::fit;
use super::super::paint::Ink;
use super::answer::{INDENT, told, without_runtime};
use super::rows::shown;
use crate::analyse::units::{bytes, duration};
use crate::result::{Comparison, Contestant, Rule, SubjectKind, Summary, Sweep};

/// What is read without asking for details.
const TOLD: [Rule; 5] =
    [Rule::ScalingLaw, Rule::NoLaw, Rule::SerialShare, Rule::MoreProcessors, Rule::WorkerMemory];

/// A section a model, who failed, and what follows.
pub(super) fn sections(
    comparison: &Comparison,
    sweeps: &[Sweep],
    options: &Options,
) -> Vec<String> {
    let mut sections: Vec<String> =
        sweeps.iter().map(|sweep| section(comparison, sweep, sweeps.len() > 1, options)).collect();
    let failed =
        comparison.contestants.iter().filter_map(|one| Some((one, one.unranked.as_ref()?)));
    let failed: String = failed
        .map(|(one, why)| {
            let text = without_runtime(comparison, &format!("`{}` failed: {why}.", one.model));
            told(&text, Ink::Vermillion, options)
        })
        .collect();
    let said = comparison.conclusion.details.iter().filter(|one| TOLD.contains(&one.rule));
    let said: String = said
        .map(|one| told(&without_runtime(comparison, &one.text), Ink::Plain, options))
        .collect();
    sections.extend([failed, said].into_iter().filter(|text| !text.is_empty()));
    sections
}

fn section(comparison: &Comparison, sweep: &Sweep, named: bool, options: &Options) -> String {
    let inner = Options { width: options.width.saturating_sub(INDENT), ..*options };
    let rate = match comparison.subject.kind {
        SubjectKind::Url => "requests/s",
        SubjectKind::Command => "copies/s",
        SubjectKind::Function | SubjectKind::Closure => "calls/s",
        SubjectKind::Workload => "tasks/s",
    };
    let mut table = fit::table(&sweep.fit, rate);
    let of = |workers: u32| summary(comparison, sweep, workers);
    let workers = || sweep.fit.points.iter().map(|point| point.workers);
    let mut add = |at: usize, title, spare, cell: &dyn Fn(&Summary) -> String| {
        let cells = workers().map(|one| (of(one).map_or_else(String::new, cell), Ink::Plain));
        let column = Column { cells: cells.collect(), ..Column::new(title, true, spare) };
        table.insert(at.min(table.len()), column);
    };
    add(1, "time", 4, &|summary| duration(summary.work_ns));
    add(usize::MAX, "CPU", 2, &|summary| shown(&summary.cpu_ns, |ns| duration(*ns)));
    add(usize::MAX, "memory", 3, &|summary| shown(&summary.memory_bytes, |size| bytes(*size)));
    let dropped = columns::fit(&mut table, &inner);
    let margin = " ".repeat(INDENT);
    let mut text = String::new();
    if named {
        let name = without_runtime(comparison, &format!("`{}`", sweep.model)).replace('`', "");
        text.push_str(&format!("{margin}{}\n", Ink::Bold.paint(&name, options)));
    }
    for line in columns::lines(&table, &inner) {
        text.push_str(format!("{margin}{line}").trim_end());
        text.push('\n');
    }
    if !dropped.is_empty() {
        let without = columns::without(&dropped, options);
        text.push_str(&told(without.trim(), Ink::Dim, options));
    }
    text
}

/// What was measured of this model with so many workers.
fn summary<'a>(comparison: &'a Comparison, sweep: &Sweep, workers: u32) -> Option<&'a Summary> {
    let is_meant = |one: &&Contestant| {
        let model = Model { workers: None, ..one.model.clone() };
        model == sweep.model && one.workers == workers
    };
    comparison.contestants.iter().find(is_meant)?.summary.as_ref()
}
