//! Claims and what was found of them: on a terminal, and as Markdown.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use super::table::place;
use crate::analyse::units::{self, plural, processors};
use crate::result::{Again, Check, Evidence, Experiment, Finding, Truth};
use crate::trace::Observed;

/// How far figures stand below their claim.
const INDENT: usize = 4;
/// What a mark takes.
const MARK: usize = 2;

/// What was found: how many claims came to which verdict, on which machine, then each of them.
pub fn report(check: &Check, options: &Options) -> String {
    let heading = format!("{}{}\n", summary(check, options), place(&check.machine, options));
    let each = check.experiments.iter().map(|one| experiment(one, options));
    fitted(heading, options) + each.collect::<String>().trim_end() + "\n"
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
fn experiment(experiment: &Experiment, options: &Options) -> String {
    let mut text = title(experiment, options);
    for finding in &experiment.claims {
        let (word, ink) = (word(finding.verdict), ink(finding.verdict));
        let verdict = format!("{} {word}", mark(finding.verdict));
        let line = wrap(&format!("{verdict}: {}", finding.says), options.width, MARK);
        // The word stands in the first line, whole.
        let rest = line.strip_prefix(&verdict).unwrap_or(&line);
        text.push_str(&format!("{}{rest}\n", ink.paint(&verdict, options)));
        for evidence in &finding.evidence {
            let lines = wrap(&sentence(evidence, finding), options.width, INDENT);
            text.push_str(&format!("{}{lines}\n", " ".repeat(INDENT)));
        }
    }
    if let Some(what) = disturbance(experiment) {
        let line = wrap(&format!("disturbed: {what}"), options.width, 0);
        text.push_str(
            &line.lines().map(|line| Ink::Dim.paint(line, options) + "\n").collect::<String>(),
        );
    }
    text.push('\n');
    fitted(text, options)
}

/// What others did meanwhile, where it went into a figure: an example.
fn disturbance(experiment: &Experiment) -> Option<&str> {
    let mut evidence = experiment.claims.iter().flat_map(|finding| &finding.evidence);
    evidence.find_map(|one| one.found.known()?.disturbed.as_deref())
}

/// How many claims came to which verdict, as a sentence.
fn summary(check: &Check, options: &Options) -> String {
    let lines = wrap(&format!("{}.", tally(check)), options.width, 0);
    lines.lines().map(|line| Ink::Bold.paint(line, options) + "\n").collect()
}

/// The same in a few words: `24 claims: 20 hold, 3 are refuted, 1 inconclusive`.
pub fn tally(check: &Check) -> String {
    let findings = || check.experiments.iter().flat_map(|experiment| &experiment.claims);
    let number = |truth| findings().filter(|found| found.verdict == truth).count();
    let verdicts = [
        (Truth::Holds, "holds", "hold"),
        (Truth::Refuted, "is refuted", "are refuted"),
        (Truth::Inconclusive, "inconclusive", "inconclusive"),
        (Truth::CannotBeTested, "cannot be tested here", "cannot be tested here"),
    ];
    let parts = verdicts.into_iter().filter_map(|(truth, one, many)| match number(truth) {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    });
    let parts: Vec<String> = parts.collect();
    let all = plural(findings().count() as u64, "claim");
    if parts.is_empty() { all } else { format!("{all}: {}", parts.join(", ")) }
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
        processors(machine.processors()),
        machine.kernel,
        check.program_version,
        columns::markdown(&table)
    )
}

fn title(experiment: &Experiment, options: &Options) -> String {
    let Experiment { name, title, rounds, again, .. } = experiment;
    let mut parts = Vec::from([name.clone()]);
    parts.extend(title.clone());
    parts.extend((*rounds > 0).then(|| plural(u64::from(*rounds), "round")));
    parts.extend(again.map(|again| said_of(again).to_string()));
    let lines = wrap(&parts.join(" · "), options.width, 0);
    lines.lines().map(|line| Ink::Bold.paint(line, options) + "\n").collect()
}

fn said_of(again: Again) -> &'static str {
    match again {
        Again::WhenQuiet => "measured again when the machine was quiet",
        Again::InVain => "measured again when the machine was quiet, which told no more",
        Again::NeverQuiet => "the machine did not get quiet, so it was not measured again",
    }
}

/// One figure: what it was, and what was predicted. Its own verdict is said where it is not that
/// of the claim.
pub(super) fn sentence(evidence: &Evidence, finding: &Finding) -> String {
    let Evidence { figure, predicted, found, verdict, reason } = evidence;
    let found = match found {
        Observed::Known(found) => units::found(found),
        Observed::Unknown(why) => format!("not known ({why})"),
    };
    let own = match verdict == &finding.verdict {
        true => String::new(),
        false => format!(": {}", word(*verdict)),
    };
    let reason = reason.as_ref().map_or_else(String::new, |why| format!("; {why}"));
    format!("{figure}: {found}; predicted: {predicted}{own}{reason}")
}

pub(super) fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::Holds => "holds",
        Truth::Refuted => "refuted",
        Truth::Inconclusive => "inconclusive",
        Truth::CannotBeTested => "cannot be tested here",
    }
}

/// The verdict at a glance; never alone, for the word stands beside it.
fn mark(truth: Truth) -> &'static str {
    match truth {
        Truth::Holds => "✓",
        Truth::Refuted => "✗",
        Truth::Inconclusive => "?",
        Truth::CannotBeTested => "-",
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

#[cfg(test)]
pub(super) mod tests {
    use alloc::vec;

    use expect_test::expect;

    use super::*;
    use crate::result::Found;
    use crate::workload::Unit;

    #[expect(clippy::too_many_lines, reason = "facts, one a line")]
    pub(in super::super) fn checked() -> Check {
        let found = |median, low, high, unit| {
            Observed::Known(Found { median, low, high, unit, rounds: 8, disturbed: None })
        };
        let evidence = |figure: &str, predicted: &str, found, verdict| Evidence {
            figure: figure.into(),
            predicted: predicted.into(),
            found,
            verdict,
            reason: (verdict == Truth::Inconclusive).then(|| "busy machine".into()),
        };
        let finding =
            |says: &str, verdict, evidence| Finding { says: says.into(), verdict, evidence };
        let busy = Found {
            median: 2e6,
            low: 1e6,
            high: 4e6,
            unit: Unit::Duration,
            rounds: 3,
            disturbed: Some("others used 45 % of the processors".into()),
        };
        let claims = vec![
            finding(
                "with a GIL only one thread computes at a time",
                Truth::Holds,
                vec![evidence(
                    "cores of python3/threads",
                    "at most 1.1",
                    found(1.01, 0.99, 1.02, Unit::Number),
                    Truth::Holds,
                )],
            ),
            finding(
                "nothing is lost",
                Truth::Refuted,
                vec![
                    evidence(
                        "var counter of native/threads",
                        "2,000",
                        found(1999.0, 1998.0, 1999.0, Unit::Count),
                        Truth::Refuted,
                    ),
                    evidence(
                        "memory of native/threads",
                        "at most 4MiB",
                        found(3e6, 3e6, 3e6, Unit::Size),
                        Truth::Holds,
                    ),
                ],
            ),
            finding(
                "it is fast",
                Truth::Inconclusive,
                vec![evidence(
                    "time of native/threads",
                    "at most 3ms",
                    Observed::Known(busy),
                    Truth::Inconclusive,
                )],
            ),
            finding(
                "threads | cores",
                Truth::CannotBeTested,
                vec![evidence(
                    "cores of python3t/threads",
                    "at least 1.5",
                    Observed::Unknown("no interpreter".into()),
                    Truth::CannotBeTested,
                )],
            ),
        ];
        let machine = crate::analyse::sample::comparison(vec![], 0).machine;
        let name = "11-gil".into();
        Check {
            schema_version: 1,
            program_version: "0.1.0".into(),
            machine,
            started: "2026-11-23T00:00:00Z".into(),
            experiments: vec![Experiment {
                name,
                title: Some("A lock".into()),
                rounds: 8,
                again: None,
                claims,
            }],
        }
    }

    #[test]
    fn each_verdict_stands_with_its_figures() {
        let check = checked();
        let options = Options { width: 60, ..Options::default() };
        let text = report(&check, &options);
        expect![[r#"
            4 claims: 1 holds, 1 is refuted, 1 inconclusive, 1 cannot be
            tested here.
            AMD EPYC · 2 processors · 24.0 GiB · Linux 6.18.5 · kvm

            11-gil · A lock · 8 rounds
            ✓ holds: with a GIL only one thread computes at a time
                cores of python3/threads: 1.01 (0.99–1.02); predicted:
                at most 1.1
            ✗ refuted: nothing is lost
                var counter of native/threads: 1,999 (1,998–1,999);
                predicted: 2,000
                memory of native/threads: 2.86 MiB; predicted: at most
                4MiB: holds
            ? inconclusive: it is fast
                time of native/threads: 2.00 ms (1.00 ms–4.00 ms),
                disturbed; predicted: at most 3ms; busy machine
            - cannot be tested here: threads | cores
                cores of python3t/threads: not known (no interpreter);
                predicted: at least 1.5
            disturbed: others used 45 % of the processors
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn what_was_measured_again_says_so() {
        let mut check = checked();
        let first = |check: &Check| {
            let text = report(check, &Options { width: 200, ..Options::default() });
            text.lines().find(|line| line.starts_with("11-gil")).unwrap().to_string()
        };
        assert_eq!(first(&check), "11-gil · A lock · 8 rounds");
        for (again, said) in [
            (Again::WhenQuiet, "measured again when the machine was quiet"),
            (Again::InVain, "measured again when the machine was quiet, which told no more"),
            (Again::NeverQuiet, "the machine did not get quiet, so it was not measured again"),
        ] {
            check.experiments[0].again = Some(again);
            assert_eq!(first(&check), format!("11-gil · A lock · 8 rounds · {said}"));
        }
    }

    #[test]
    fn a_document_has_a_row_a_claim() {
        expect![[r#"
            ### Claims

            AMD EPYC, 2 processors, Linux 6.18.5, maitred 0.1.0

            | experiment | claim | verdict | figures |
            | --- | --- | --- | --- |
            | 11-gil | with a GIL only one thread computes at a time | holds | cores of python3/threads: 1.01 (0.99–1.02); predicted: at most 1.1 |
            | 11-gil | nothing is lost | refuted | var counter of native/threads: 1,999 (1,998–1,999); predicted: 2,000; memory of native/threads: 2.86 MiB; predicted: at most 4MiB: holds |
            | 11-gil | it is fast | inconclusive | time of native/threads: 2.00 ms (1.00 ms–4.00 ms), disturbed; predicted: at most 3ms; busy machine |
            | 11-gil | threads \| cores | cannot be tested here | cores of python3t/threads: not known (no interpreter); predicted: at least 1.5 |
        "#]].assert_eq(&markdown(&checked()));
    }

    #[test]
    fn a_list_names_files_and_claims() {
        let ascii = Options { ascii: true, ..Options::default() };
        expect![[r#"
            11-gil - A lock - 8 rounds
                with a GIL only one thread computes at a time
                nothing is lost
                it is fast
                threads | cores
        "#]]
        .assert_eq(&list(&checked().experiments, &ascii));
    }
}
