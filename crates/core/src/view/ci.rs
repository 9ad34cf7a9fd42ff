//! What was found of claims, as programs that run tests elsewhere read it: JUnit's XML (the form
//! of the Ant task, which CI servers agree on) and the workflow commands of GitHub Actions.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::changes;
use super::claims::{sentence, word};
use super::picture::escaped;
use crate::analyse::change::Change;
use crate::result::{Check, Experiment, Finding, Truth, Verdict};

/// A test suite for each experiment, a test case for each claim. A refuted claim is a failure; one
/// without a verdict was skipped, with the reason, for it says nothing against the code.
pub fn junit(check: &Check) -> String {
    let findings: Vec<&Finding> = check.experiments.iter().flat_map(|one| &one.claims).collect();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"maitred\"{}>\n",
        counts(&findings)
    );
    for experiment in &check.experiments {
        let own: Vec<&Finding> = experiment.claims.iter().collect();
        text.push_str(&format!(
            "  <testsuite name=\"{}\" timestamp=\"{}\"{}>\n",
            escaped(&experiment.name),
            escaped(&check.started),
            counts(&own)
        ));
        own.iter().for_each(|finding| text.push_str(&case(experiment, finding)));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn counts(findings: &[&Finding]) -> String {
    let number = |wanted: &[Truth]| {
        findings.iter().filter(|finding| wanted.contains(&finding.verdict)).count()
    };
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        findings.len(),
        number(&[Truth::Refuted]),
        number(&[Truth::Inconclusive, Truth::CannotBeTested])
    )
}

fn case(experiment: &Experiment, finding: &Finding) -> String {
    let (class, name) = (escaped(&experiment.name), escaped(&finding.says));
    let figures = escaped(&figures(finding));
    let verdict = word(finding.verdict);
    let inside = match finding.verdict {
        Truth::Holds => format!("<system-out>{figures}</system-out>"),
        Truth::Refuted => format!("<failure message=\"{verdict}\">{figures}</failure>"),
        Truth::Inconclusive | Truth::CannotBeTested => {
            format!("<skipped message=\"{verdict}: {figures}\"/>")
        }
    };
    format!("    <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>\n")
}

/// A line for each claim that does not hold: an error if it is refuted, else a warning. Claims of a
/// file point to it.
pub fn annotations(check: &Check) -> String {
    let mut text = String::new();
    for experiment in &check.experiments {
        let file = file(&experiment.name);
        let place = file.map_or_else(String::new, |file| format!("file={},", property(file)));
        for finding in &experiment.claims {
            let level = match finding.verdict {
                Truth::Holds => continue,
                Truth::Refuted => "error",
                Truth::Inconclusive | Truth::CannotBeTested => "warning",
            };
            let title = property(&format!("{}: {}", word(finding.verdict), finding.says));
            let message = data(&figures(finding));
            text.push_str(&format!("::{level} {place}title={title}::{message}\n"));
        }
    }
    text
}

/// What changed since a saved result, as a test suite: a model that regressed is a failure, one of
/// which nothing can be said was skipped.
pub fn changes_junit(changes: &[Change], subject: &str) -> String {
    let number = |verdict| changes.iter().filter(|change| change.verdict == verdict).count();
    let counts = format!(
        " tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        changes.len(),
        number(Verdict::Slower),
        number(Verdict::Inconclusive)
    );
    let name = escaped(subject);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"maitred\"{counts}>\n  <testsuite name=\"{name}\"{counts}>\n"
    );
    for change in changes {
        let (word, figures) = (changes::word(change.verdict), escaped(&changes::figures(change)));
        let inside = match change.verdict {
            Verdict::Slower => format!("<failure message=\"{word}\">{figures}</failure>"),
            Verdict::Inconclusive => format!("<skipped message=\"{word}: {figures}\"/>"),
            Verdict::Faster | Verdict::Same | Verdict::Reference => {
                format!("<system-out>{word}: {figures}</system-out>")
            }
        };
        let model = escaped(&format!("{}", change.model));
        text.push_str(&format!(
            "    <testcase classname=\"{name}\" name=\"{model}\">{inside}</testcase>\n"
        ));
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// A line for each model that regressed, an error, and for each of which nothing can be said.
pub fn change_annotations(changes: &[Change], subject: &str) -> String {
    let place = file(subject).map_or_else(String::new, |file| format!("file={},", property(file)));
    let line = |change: &Change| {
        let level = match change.verdict {
            Verdict::Slower => "error",
            Verdict::Inconclusive => "warning",
            Verdict::Faster | Verdict::Same | Verdict::Reference => return None,
        };
        let word = changes::word(change.verdict);
        let title = property(&format!("{word}: {} of {subject}", change.model));
        Some(format!("::{level} {place}title={title}::{}\n", data(&changes::figures(change))))
    };
    changes.iter().filter_map(line).collect()
}

/// The file that an experiment is about: its own, or that of a function.
fn file(name: &str) -> Option<&str> {
    let path = name.split(':').next().unwrap_or(name);
    let is_file = path.contains(['/', '.']) && !name.contains("://") && !name.contains(' ');
    is_file.then_some(path)
}

fn figures(finding: &Finding) -> String {
    let sentences = finding.evidence.iter().map(|one| sentence(one, finding));
    sentences.collect::<Vec<_>>().join("; ")
}

/// The text of a command: a line break would end it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command: `,` would end it and `:` the properties.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::analyse::stats::Interval;
    use crate::view::claims::tests::checked;

    #[test]
    fn a_refuted_claim_fails_and_one_without_a_verdict_is_skipped() {
        let mut check = checked();
        check.experiments[0].claims[1].says = "a < b & \"c\"".into();
        let text = junit(&check);
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="maitred" tests="4" failures="1" errors="0" skipped="2">
              <testsuite name="11-gil" timestamp="2026-11-23T00:00:00Z" tests="4" failures="1" errors="0" skipped="2">
                <testcase classname="11-gil" name="with a GIL only one thread computes at a time"><system-out>cores of python3/threads: 1.01 (0.99–1.02); predicted: at most 1.1</system-out></testcase>
                <testcase classname="11-gil" name="a &lt; b &amp; &quot;c&quot;"><failure message="refuted">var counter of native/threads: 1,999 (1,998–1,999); predicted: 2,000; memory of native/threads: 2.86 MiB; predicted: at most 4MiB: holds</failure></testcase>
                <testcase classname="11-gil" name="it is fast"><skipped message="inconclusive: time of native/threads: 2.00 ms (1.00 ms–4.00 ms), disturbed; predicted: at most 3ms; busy machine"/></testcase>
                <testcase classname="11-gil" name="threads | cores"><skipped message="cannot be tested here: cores of python3t/threads: not known (no interpreter); predicted: at least 1.5"/></testcase>
              </testsuite>
            </testsuites>
        "#]].assert_eq(&text);
        roxmltree::Document::parse(&text).unwrap();
    }

    #[test]
    fn a_model_that_regressed_fails() {
        let change = |verdict, median| Change {
            model: "native/threads".parse().unwrap(),
            workers: 4,
            before_ns: 100_000_000,
            after_ns: 112_000_000,
            ratio: Interval { low: median - 0.02, median, high: median + 0.02 },
            verdict,
        };
        let all = [
            change(Verdict::Slower, 1.12),
            change(Verdict::Inconclusive, 1.02),
            change(Verdict::Same, 1.0),
        ];
        let text = junit_of_changes(&all);
        roxmltree::Document::parse(&text).unwrap();
        for part in [
            "tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\"",
            "<failure message=\"regressed\">112 ms, 1.12× of 100 ms (1.10–1.14)</failure>",
            "<system-out>same: ",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        let lines = change_annotations(&all, "fetch.py:fetch");
        expect![[r#"
            ::error file=fetch.py,title=regressed%3A native/threads of fetch.py%3Afetch::112 ms, 1.12× of 100 ms (1.10–1.14)
            ::warning file=fetch.py,title=inconclusive%3A native/threads of fetch.py%3Afetch::112 ms, 1.02× of 100 ms (1.00–1.04)
        "#]].assert_eq(&lines);
    }

    fn junit_of_changes(all: &[Change]) -> String {
        changes_junit(all, "fetch.py:fetch")
    }

    #[test]
    fn what_is_no_file_is_not_pointed_to() {
        for (name, path) in [
            ("claims/own.kdl", Some("claims/own.kdl")),
            ("fetch.py:fetch", Some("fetch.py")),
            ("http://localhost:8080/", None),
            ("sleep 0.1", None),
            ("11-gil", None),
        ] {
            assert_eq!(file(name), path, "{name}");
        }
    }

    #[test]
    fn annotations_are_of_what_does_not_hold_and_point_to_files() {
        let mut check = checked();
        check.experiments[0].name = "claims/own.kdl".into();
        check.experiments[0].claims[1].says = "100 %: a, b\nc".into();
        expect![[r#"
            ::error file=claims/own.kdl,title=refuted%3A 100 %25%3A a%2C b%0Ac::var counter of native/threads: 1,999 (1,998–1,999); predicted: 2,000; memory of native/threads: 2.86 MiB; predicted: at most 4MiB: holds
            ::warning file=claims/own.kdl,title=inconclusive%3A it is fast::time of native/threads: 2.00 ms (1.00 ms–4.00 ms), disturbed; predicted: at most 3ms; busy machine
            ::warning file=claims/own.kdl,title=cannot be tested here%3A threads | cores::cores of python3t/threads: not known (no interpreter); predicted: at least 1.5
        "#]].assert_eq(&annotations(&check));
    }
}
