//! Claims and what was found of them: on a terminal, and as Markdown.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use super::table::place;
use crate::analyse::units::{bytes, duration, plural, significant};
use crate::result::{Check, Evidence, Experiment, Finding, Found, Machine, Truth};
use crate::trace::Observed;
use crate::workload::Unit;

/// How far figures stand below their claim.
const INDENT: usize = 4;

/// On which machine the claims are tested.
pub fn heading(machine: &Machine, options: &Options) -> String {
    fitted(format!("{}\n", place(machine, options)), options)
}

/// The claims of these files, by file.
pub fn list(experiments: &[Experiment], options: &Options) -> String {
    let mut text = String::new();
    for experiment in experiments {
        text.push_str(&title(experiment, options));
        for claim in &experiment.claims {
            let says = wrap(&claim.says, options.width, INDENT);
            text.push_str(&format!("{}{says}\n", " ".repeat(INDENT)));
        }
    }
    fitted(text, options)
}

/// What was found in one experiment: each claim with its verdict, and the figures it rests on.
pub fn experiment(experiment: &Experiment, options: &Options) -> String {
    let mut text = title(experiment, options);
    for finding in &experiment.claims {
        let (word, ink) = (word(finding.verdict), ink(finding.verdict));
        let line = wrap(&format!("{word}: {}", finding.says), options.width, 0);
        // The word stands in the first line, whole.
        let rest = line.strip_prefix(word).unwrap_or(&line);
        text.push_str(&format!("{}{rest}\n", ink.paint(word, options)));
        for evidence in &finding.evidence {
            let lines = wrap(&sentence(evidence, finding), options.width, INDENT);
            text.push_str(&format!("{}{lines}\n", " ".repeat(INDENT)));
        }
    }
    text.push('\n');
    fitted(text, options)
}

/// How many claims came to which verdict.
pub fn summary(check: &Check, options: &Options) -> String {
    let findings = || check.experiments.iter().flat_map(|experiment| &experiment.claims);
    let count = |truth| findings().filter(|found| found.verdict == truth).count();
    let verdicts = [
        (Truth::Holds, "holds", "hold"),
        (Truth::Refuted, "is refuted", "are refuted"),
        (Truth::Inconclusive, "inconclusive", "inconclusive"),
        (Truth::CannotBeTested, "cannot be tested here", "cannot be tested here"),
    ];
    let parts = verdicts.into_iter().filter_map(|(truth, one, many)| match count(truth) {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    });
    let parts: Vec<String> = parts.collect();
    let all = plural(findings().count() as u64, "claim");
    let text = if parts.is_empty() { all } else { format!("{all}: {}", parts.join(", ")) };
    fitted(format!("{}\n", wrap(&format!("{text}."), options.width, 0)), options)
}

/// A table of all claims, with the figures that they rest on below it.
pub fn markdown(check: &Check) -> String {
    let machine = &check.machine;
    let rows = || {
        let of = |experiment: &Experiment| experiment.name.clone();
        check.experiments.iter().flat_map(move |experiment| {
            experiment.claims.iter().map(move |finding| (of(experiment), finding))
        })
    };
    let column = |title, cells: &dyn Fn(&(String, &Finding)) -> String| Column {
        cells: rows().map(|row| (cells(&row), Ink::Plain)).collect(),
        ..Column::new(title, false, 0)
    };
    let table = [
        column("experiment", &|(name, _)| name.clone()),
        column("claim", &|(_, finding)| finding.says.clone()),
        column("verdict", &|(_, finding)| word(finding.verdict).to_string()),
        column("figures", &|(_, finding)| {
            let sentences = finding.evidence.iter().map(|one| sentence(one, finding));
            sentences.collect::<Vec<_>>().join("; ")
        }),
    ];
    format!(
        "### Claims\n\n{}, {}, Linux {}, maitred {}\n\n{}",
        machine.cpu,
        plural(u64::from(machine.cores), "processor"),
        machine.kernel,
        check.program_version,
        columns::markdown(&table)
    )
}

fn title(experiment: &Experiment, options: &Options) -> String {
    let Experiment { name, title, rounds, .. } = experiment;
    let mut parts = Vec::from([name.clone()]);
    parts.extend(title.clone());
    parts.extend((*rounds > 0).then(|| plural(u64::from(*rounds), "round")));
    let lines = wrap(&parts.join(" · "), options.width, 0);
    lines.lines().map(|line| Ink::Bold.paint(line, options) + "\n").collect()
}

/// One figure: what it was, and what was predicted. Its own verdict is said where it is not that
/// of the claim.
fn sentence(evidence: &Evidence, finding: &Finding) -> String {
    let Evidence { figure, predicted, found, verdict } = evidence;
    let found = match found {
        Observed::Known(found) => value(found),
        Observed::Unknown(why) => format!("not known ({why})"),
    };
    let own = match verdict == &finding.verdict {
        true => String::new(),
        false => format!(": {}", word(*verdict)),
    };
    format!("{figure}: {found}; predicted: {predicted}{own}")
}

/// The median and its interval, in the unit.
fn value(found: &Found) -> String {
    let Found { median, low, high, unit, .. } = *found;
    let show = |value: f64| match unit {
        Unit::Duration => duration(value as u64),
        Unit::Size => bytes(value as u64),
        Unit::Number => significant(value),
        Unit::Count => format!("{value}"),
    };
    match low == high {
        true => show(median),
        false => format!("{} ({}–{})", show(median), show(low), show(high)),
    }
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::Holds => "holds",
        Truth::Refuted => "refuted",
        Truth::Inconclusive => "inconclusive",
        Truth::CannotBeTested => "cannot be tested here",
    }
}

fn ink(truth: Truth) -> Ink {
    match truth {
        Truth::Holds => Ink::Green,
        Truth::Refuted => Ink::Vermillion,
        Truth::Inconclusive => Ink::Orange,
        Truth::CannotBeTested => Ink::Dim,
    }
}

fn fitted(text: String, options: &Options) -> String {
    if options.ascii { to_ascii(&text) } else { text }
}
