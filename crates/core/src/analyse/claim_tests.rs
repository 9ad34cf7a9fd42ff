//! Verdicts on claims, from rounds made up for them.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use expect_test::{Expect, expect};
use maitred_wire::{Strategy, VarValue};

use super::claim::{better, decided, judge, wants_quiet};
use super::compare_tests::took;
use super::sample::comparison;
use crate::result::{
    Again, Comparison, Contestant, Evidence, Experiment, Finding, Found, Run, Shares, Split,
    StepSplit, ThreadFigures, Truth,
};
use crate::trace::{Observed, RunEnd, StepKind};
use crate::workload::{Choices, Lowered, Unit, lower, parse};

/// A workload whose claim has these figures.
fn claimed(figures: &str) -> Lowered {
    let text = format!(
        "var \"counter\" 0\ntask \"t\" count=2 {{ read \"counter\" }}\nclaim \"so it is\" {{\n{figures}\n}}"
    );
    lower(&parse(&text).unwrap(), &Choices::default()).unwrap()
}

/// What is found, as text: the verdict, and each figure with its own.
fn found(figures: &str, contestants: Vec<Contestant>) -> String {
    let work = claimed(figures);
    let finding = judge(&work.claims[0], &work.claimed, &comparison(contestants, 2));
    let mut text = format!("{:?}\n", finding.verdict);
    for evidence in finding.evidence {
        let value = match evidence.found {
            Observed::Known(found) => {
                format!(
                    "{:.2} ({:.2}–{:.2}) of {}",
                    found.median, found.low, found.high, found.rounds
                )
            }
            Observed::Unknown(why) => why,
        };
        text.push_str(&format!("{:?}: {}: {value}\n", evidence.verdict, evidence.figure));
    }
    text
}

fn check(figures: &str, contestants: Vec<Contestant>, expected: &Expect) {
    expected.assert_eq(&found(figures, contestants));
}

fn with(contestant: Contestant, change: impl Fn(&mut Run)) -> Contestant {
    let mut contestant = contestant;
    contestant.runs.iter_mut().for_each(change);
    contestant
}

const RATIO: &str = "figure \"time\" of=\"native/threads\" over=\"native/sequential\" at-most=0.5";

fn verdict(figures: &str, of: &[f64], over: &[f64]) -> Truth {
    let work = claimed(figures);
    let contestants = vec![took(Strategy::Threads, of), took(Strategy::Sequential, over)];
    judge(&work.claims[0], &work.claimed, &comparison(contestants, 2)).verdict
}

#[test]
fn an_interval_holds_refutes_or_spans_the_bound() {
    let over = [100.0, 101.0, 99.0, 100.0, 100.5, 99.5];
    let near = |middle: f64| over.map(|value| value * middle + (value - 100.0));
    assert_eq!(verdict(RATIO, &near(0.45), &over), Truth::Holds);
    assert_eq!(verdict(RATIO, &near(0.55), &over), Truth::Refuted);
    assert_eq!(verdict(RATIO, &near(0.50), &over), Truth::Inconclusive);
}

#[test]
fn few_rounds_must_clear_the_bound_by_a_margin() {
    let over = [100.0, 101.0, 99.0];
    let times = |ratio: f64| over.map(|value| value * ratio);
    assert_eq!(verdict(RATIO, &times(0.39), &over), Truth::Holds);
    assert_eq!(verdict(RATIO, &times(0.45), &over), Truth::Inconclusive);
    assert_eq!(verdict(RATIO, &times(0.55), &over), Truth::Inconclusive);
    assert_eq!(verdict(RATIO, &times(0.64), &over), Truth::Refuted);
    assert_eq!(verdict(RATIO, &times(0.01)[..2], &over[..2]), Truth::Inconclusive);
}

#[test]
fn disturbed_rounds_refute_only_what_neighbours_cannot_explain() {
    let disturb = |contestant, rounds| {
        with(contestant, |run: &mut Run| {
            run.noise.dirty = (run.round < rounds).then(|| "a compiler ran".to_owned());
        })
    };
    let verdict = |ratio: f64, rounds| {
        let over = took(Strategy::Sequential, &[100.0; 8]);
        let of = disturb(took(Strategy::Threads, &[100.0 * ratio; 8]), rounds);
        let work = claimed(RATIO);
        judge(&work.claims[0], &work.claimed, &comparison(vec![of, over], 2)).verdict
    };
    assert_eq!(verdict(4.0, 8), Truth::Inconclusive);
    assert_eq!(verdict(6.0, 8), Truth::Refuted);
    assert_eq!(verdict(0.06, 8), Truth::Inconclusive);
    assert_eq!(verdict(0.04, 8), Truth::Holds);
    // Of five that are clean none is needed that is not.
    assert_eq!(verdict(0.9, 3), Truth::Refuted);
    // Who waited was one of ours, if nobody else did anything.
    let waited = |others| {
        let over = took(Strategy::Sequential, &[100.0; 8]);
        let of = with(disturb(took(Strategy::Threads, &[90.0; 8]), 8), |run| {
            (run.noise.others, run.noise.steal) = (Some(others), Some(0.0));
        });
        let work = claimed(RATIO);
        judge(&work.claims[0], &work.claimed, &comparison(vec![of, over], 2)).verdict
    };
    assert_eq!(waited(0.04), Truth::Refuted);
    assert_eq!(waited(0.06), Truth::Inconclusive);
    // Nobody else's work changes how much memory it takes.
    let work = claimed("figure \"memory\" of=\"native/threads\" at-most=\"1KiB\"");
    let of = disturb(took(Strategy::Threads, &[100.0; 8]), 8);
    let found = judge(&work.claims[0], &work.claimed, &comparison(vec![of], 2));
    assert_eq!(found.verdict, Truth::Refuted);
}

#[test]
fn the_serial_share_is_that_of_karp_and_flatt() {
    // A speed-up of 100/60 on two processors: (0.6 − 0.5) / 0.5.
    let figure = "figure \"serial-share\" of=\"native/thread-pool:8\" over=\"native/thread-pool:1\" at-least=0.1 at-most=0.3";
    let pool = |workers, ms: &[f64]| Contestant { workers, ..took(Strategy::ThreadPool, ms) };
    check(
        figure,
        vec![pool(8, &[60.0; 6]), pool(1, &[100.0; 6])],
        &expect![[r#"
            Holds
            Holds: serial-share of native/thread-pool:8 over native/thread-pool:1: 0.20 (0.20–0.20) of 6
        "#]],
    );
}

#[test]
fn what_is_counted_must_be_so_in_every_round() {
    let figures = r#"
        figure "done" of="native/processes" equals=2
        figure "lost" of="native/threads" at-least=1
        figure "var" var="counter" of="native/processes" at-most=4
        figure "spread" var="counter" of="native/processes" at-least=1
    "#;
    let counted = with(took(Strategy::Processes, &[1.0; 3]), |run| {
        let (name, value) = ("counter".to_owned(), 3 + i64::from(run.round));
        run.vars = vec![VarValue { name, value, by_process: Vec::new() }];
    });
    let crashed = with(took(Strategy::Threads, &[1.0; 3]), |run| {
        run.end = RunEnd::Died { how: "by SIGABRT".to_owned() };
        run.tasks.lost = 2;
        run.tasks.done = 0;
    });
    check(
        figures,
        vec![counted, crashed],
        &expect![[r#"
            Inconclusive
            Holds: done of native/processes: 2.00 (2.00–2.00) of 3
            Holds: lost of native/threads: 2.00 (2.00–2.00) of 3
            Inconclusive: var counter of native/processes: 4.00 (3.00–5.00) of 3
            Holds: spread counter of native/processes: 2.00 (2.00–2.00) of 1
        "#]],
    );
}

#[test]
fn one_round_has_no_spread() {
    let one = with(took(Strategy::Threads, &[1.0]), |run| {
        run.vars = vec![VarValue { name: "counter".to_owned(), value: 3, by_process: Vec::new() }];
    });
    check(
        "figure \"spread\" var=\"counter\" of=\"native/threads\" at-least=1",
        vec![one],
        &expect![[r#"
            CannotBeTested
            CannotBeTested: spread counter of native/threads: there is no spread of one round; more time would allow more
        "#]],
    );
}

#[test]
fn what_cannot_be_had_says_why_and_a_refuted_figure_refutes_all_the_same() {
    let figures = r#"
        figure "time" of="python3t/threads" at-most="1s"
        figure "time" of="native/threads" at-most="1s"
        figure "time" of="native/sequential" at-most="1ms"
        figure "threads" of="native/sequential" at-least=1
    "#;
    let missing = Contestant {
        unranked: Some("no interpreter `python3t`".to_owned()),
        runs: Vec::new(),
        ..took(Strategy::Threads, &[1.0])
    };
    let crashed = with(took(Strategy::Threads, &[1.0; 3]), |run| {
        run.end = RunEnd::Died { how: "by SIGABRT".to_owned() };
    });
    check(
        figures,
        vec![missing, crashed, took(Strategy::Sequential, &[10.0; 3])],
        &expect![[r#"
            Refuted
            CannotBeTested: time of python3t/threads: no interpreter `python3t`
            CannotBeTested: time of native/threads: died: by SIGABRT; 2 of 2 tasks done
            Refuted: time of native/sequential: 10000000.00 (10000000.00–10000000.00) of 3
            CannotBeTested: threads of native/sequential: no run was recorded
        "#]],
    );
}

#[test]
fn figures_of_the_record_come_from_the_recorded_run() {
    let figures = r#"
        figure "threads" of="native/threads" equals=3
        figure "running-threads" of="native/threads" at-least=1.2
        figure "run-queue-wait" step="cpu" of="native/threads" at-most=0.2
        figure "run-queue-wait" step="wait" of="native/threads" at-most=0.2
    "#;
    let split = Split {
        running_ns: 50,
        runnable_ns: 30,
        blocked_ns: 20,
        unknown_ns: 100,
        ..Split::default()
    };
    let shares = Shares {
        running_threads: vec![0.0, 0.5, 0.5],
        threads: vec![ThreadFigures::default(); 2],
        threads_left_out: 1,
        steps: vec![StepSplit { kind: StepKind::Cpu, split }],
        ..Shares::default()
    };
    let mut contestant = took(Strategy::Threads, &[1.0; 3]);
    let figures = &format!("{figures}figure \"running-threads\" of=\"native/threads\" at-most=1.4");
    contestant.traced = Some(Run { scheduling: Some(shares), ..contestant.runs[0].clone() });
    check(
        figures,
        vec![contestant],
        &expect![[r#"
            Refuted
            Holds: threads of native/threads: 3.00 (3.00–3.00) of 1
            Holds: running-threads of native/threads: 1.50 (1.50–1.50) of 1
            Refuted: run-queue-wait cpu of native/threads: 0.30 (0.30–0.30) of 1
            CannotBeTested: run-queue-wait wait of native/threads: the record says nothing of its `wait` steps
            Inconclusive: running-threads of native/threads: 1.50 (1.50–1.50) of 1
        "#]],
    );
}

#[test]
fn rounds_end_when_every_claim_has_a_verdict() {
    let work = claimed(RATIO);
    let is_decided = |ms: &[f64]| {
        let over = vec![100.0; ms.len()];
        let contestants = vec![took(Strategy::Threads, ms), took(Strategy::Sequential, &over)];
        let comparison: Comparison = comparison(contestants, 2);
        decided(&work.claims, &work.claimed, &comparison)
    };
    assert!(!is_decided(&[10.0, 10.0]), "two rounds say nothing");
    assert!(is_decided(&[10.0, 10.0, 10.0]));
    assert!(!is_decided(&[50.0, 40.0, 60.0]));
    assert!(!is_decided(&[10.0; 7]), "after seven nobody looks");
    let recorded = claimed("figure \"threads\" of=\"native/threads\" at-least=1");
    let comparison = comparison(vec![took(Strategy::Threads, &[1.0; 3])], 2);
    assert!(decided(&recorded.claims, &recorded.claimed, &comparison));
}

/// Why the ratio of these two is inconclusive.
fn reason(of: &[f64], over: &[f64], disturbed: bool) -> Option<String> {
    let work = claimed(RATIO);
    let spoil = |run: &mut Run| {
        run.noise.dirty = disturbed.then(|| "other processes used 45 %".to_owned());
    };
    let contestants = vec![
        with(took(Strategy::Threads, of), spoil),
        with(took(Strategy::Sequential, over), spoil),
    ];
    let finding = judge(&work.claims[0], &work.claimed, &comparison(contestants, 2));
    finding.evidence[0].reason.clone()
}

#[test]
fn what_is_inconclusive_says_why_and_what_would_decide_it() {
    let told = |of: &[f64]| reason(of, &vec![100.0; of.len()], false).unwrap_or_default();
    let few = "4 clean rounds: a bound must be cleared by a quarter, and 0.44 to 0.46 does not clear 0.50 by that much; 6 rounds need no such margin (`--budget`)";
    assert_eq!(told(&[44.0, 45.0, 46.0, 45.0]), few);
    let spans = told(&[40.0, 60.0, 45.0, 55.0, 42.0, 58.0, 41.0, 59.0]);
    assert!(
        spans.starts_with("8 clean rounds: 0.4") && spans.contains("both sides of 0.50"),
        "{spans}"
    );
    assert!(told(&[44.0, 45.0]).starts_with("2 clean rounds, and it takes 3"));
    let busy = reason(&[44.0; 8], &[100.0; 8], true).unwrap();
    assert!(busy.starts_with("busy machine (other processes used 45 %)"), "{busy}");
    assert_eq!(reason(&[44.0; 8], &[100.0; 8], false), None, "it holds");
}

/// An experiment whose claims have these verdicts, of which the inconclusive ones were disturbed.
fn experiment(verdicts: &[Truth], disturbed: bool) -> Experiment {
    let evidence = |verdict| Evidence {
        figure: "cores of native/threads".into(),
        predicted: "at most 1.1".into(),
        found: Observed::Known(Found {
            median: 1.0,
            low: 0.9,
            high: 1.2,
            unit: Unit::Number,
            rounds: 5,
            disturbed: disturbed.then(|| "others worked".into()),
        }),
        verdict,
        reason: None,
    };
    let finding = |&verdict: &Truth| Finding {
        says: "it is so".into(),
        verdict,
        evidence: vec![evidence(verdict)],
    };
    let claims = verdicts.iter().map(finding).collect();
    Experiment { name: "one".into(), title: None, rounds: 5, again: None, claims }
}

#[test]
fn what_others_disturbed_is_worth_another_try_and_nothing_else_is() {
    use Truth::{Holds, Inconclusive, Refuted};
    assert!(wants_quiet(&experiment(&[Holds, Inconclusive], true)));
    assert!(!wants_quiet(&experiment(&[Holds, Inconclusive], false)), "more rounds would tell");
    assert!(!wants_quiet(&experiment(&[Holds, Refuted], true)), "it was told all the same");
}

#[test]
fn of_two_tries_the_one_counts_that_tells_more() {
    use Truth::{Holds, Inconclusive, Refuted};
    let first = experiment(&[Holds, Inconclusive], true);
    let told = better(first.clone(), experiment(&[Holds, Refuted], false));
    assert_eq!((told.again, told.claims[1].verdict), (Some(Again::WhenQuiet), Refuted));
    let kept = better(first, experiment(&[Inconclusive, Inconclusive], false));
    assert_eq!((kept.again, kept.claims[0].verdict), (Some(Again::InVain), Holds));
}
