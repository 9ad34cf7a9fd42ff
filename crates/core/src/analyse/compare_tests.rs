//! Verdicts on rounds made up for it: who is ranked, and how sure that is.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::{Failure, Model, Strategy, VarValue};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::compare::{MIN_ROUNDS, decided, is_look, pairs, rank};
use super::sample::{comparison, contestant, rounds};
use super::summary;
use crate::result::{Comparison, Contestant, Run, Verdict};
use crate::trace::RunEnd;
use crate::trace::sample::{MS, tables};
use crate::workload::{Counted, Expect, Expected, Relation};

/// A contestant whose rounds took so many milliseconds.
pub(super) fn took(strategy: Strategy, ms: &[f64]) -> Contestant {
    let trace = tables(2, 1).run(strategy, 2);
    let run = |(round, ms): (usize, &f64)| Run {
        work_ns: (ms * MS as f64) as u64,
        ..summary::run(&trace, round as u32, &[])
    };
    contestant(&trace, ms.iter().enumerate().map(run).collect())
}

fn ranked(contestants: Vec<Contestant>) -> Comparison {
    let mut comparison = comparison(contestants, 2);
    rank(&mut comparison, None);
    comparison
}

/// `threads reference, sequential slower`.
fn verdicts(comparison: &Comparison) -> String {
    let one = |rank: &crate::result::Rank| {
        let model = &comparison.contestants[rank.contestant as usize].model;
        format!("{} {:?}", model.strategy, rank.verdict)
    };
    comparison.ranking.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn pair(sequential: &[f64], threads: &[f64]) -> Comparison {
    ranked(vec![took(Strategy::Sequential, sequential), took(Strategy::Threads, threads)])
}

#[test]
fn too_few_rounds_are_inconclusive() {
    for rounds in 1..MIN_ROUNDS {
        let comparison = pair(&vec![2500.0; rounds], &vec![900.0; rounds]);
        assert_eq!(verdicts(&comparison), "threads Reference, sequential Inconclusive");
    }
}

#[test]
fn three_rounds_tell_what_is_overwhelming_only() {
    let comparison = pair(&[2500.0, 2510.0, 2505.0], &[900.0, 901.0, 899.0]);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Slower");
    let comparison = pair(&[990.0, 991.0, 992.0], &[900.0, 901.0, 899.0]);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Inconclusive", "only 10 %");
    let comparison = pair(&[2500.0, 1200.0, 4000.0], &[900.0, 901.0, 899.0]);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Inconclusive", "scattered");
    let comparison = pair(&[901.0, 902.0, 900.0], &[900.0, 901.0, 899.0]);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Same");
    let comparison = pair(&[920.0, 921.0, 919.0], &[900.0, 901.0, 899.0]);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Inconclusive", "2 % apart");
}

#[test]
fn enough_rounds_tell_what_matters() {
    let base: Vec<f64> = (0..12).map(|round| 900.0 + f64::from(round * 7 % 5)).collect();
    let times = |factor: f64| base.iter().map(|ms| ms * factor).collect::<Vec<_>>();
    let comparison = pair(&times(1.05), &base);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Slower");
    let comparison = pair(&times(1.02), &base);
    assert_eq!(verdicts(&comparison), "threads Reference, sequential Same", "below 3 %");
}

#[test]
fn a_machine_that_slows_down_disturbs_no_pair() {
    let drift: Vec<f64> = (0..8).map(|round| 900.0 * (1.0 + 0.2 * f64::from(round))).collect();
    let slower: Vec<f64> = drift.iter().map(|ms| ms * 1.1).collect();
    assert_eq!(verdicts(&pair(&slower, &drift)), "threads Reference, sequential Slower");
}

#[test]
fn a_baseline_is_the_reference_unless_it_failed() {
    let mut comparison = pair(&[2500.0; 6], &[900.0; 6]);
    let sequential = Model::new("native", Strategy::Sequential);
    rank(&mut comparison, Some(&sequential));
    assert_eq!(verdicts(&comparison), "threads Faster, sequential Reference");
    comparison.contestants[0].runs[2].end = RunEnd::Died { how: "SIGKILL".into() };
    rank(&mut comparison, Some(&sequential));
    assert_eq!(verdicts(&comparison), "threads Reference");
    let reason = comparison.contestants[0].unranked.as_deref();
    assert_eq!(reason, Some("died: SIGKILL; 2 of 2 tasks done (in 1 of 6 rounds)"));
}

/// What spoils one round of the fastest, and the reason that is given.
fn spoiled(spoil: impl Fn(&mut Run)) -> String {
    let mut fast = took(Strategy::EventLoop, &[1.0; 6]);
    fast.runs.iter_mut().for_each(spoil);
    let comparison = ranked(vec![took(Strategy::Threads, &[900.0; 6]), fast]);
    assert_eq!(verdicts(&comparison), "threads Reference", "a failure is never the fastest");
    comparison.contestants[1].unranked.clone().unwrap()
}

#[test]
fn failures_are_never_ranked() {
    assert_eq!(
        spoiled(|run| run.end = RunEnd::TimedOut { limit_ns: 10_000 * MS }),
        "timed out after 10.0 s"
    );
    let wrong = spoiled(|run| {
        run.vars = vec![VarValue { name: "counter".into(), value: 1379, by_process: vec![] }];
        let expectation = summary::check(&counter_is_2000(), &run.vars, &run.tasks);
        run.expectations = vec![expectation];
    });
    assert_eq!(wrong, "wrong result: expected counter = 2000, it is 1379");
    let failed = spoiled(|run| {
        run.tasks.done = 1;
        run.tasks.failed = 1;
    });
    assert_eq!(failed, "1 of 2 tasks failed");
    assert_eq!(spoiled(|run| run.end = RunEnd::Interrupted), "interrupted before it ended");
}

#[test]
fn failures_that_were_expected_are_no_failure() {
    let mut failing = took(Strategy::EventLoop, &[800.0; 6]);
    for run in &mut failing.runs {
        (run.tasks.done, run.tasks.failed) = (1, 1);
        run.expectations = vec![summary::check(&one_failure(), &run.vars, &run.tasks)];
    }
    let comparison = ranked(vec![took(Strategy::Threads, &[900.0; 6]), failing]);
    assert_eq!(verdicts(&comparison), "event-loop Reference, threads Slower");
}

#[test]
fn disturbed_rounds_are_left_out_while_others_suffice() {
    let mut disturbed = took(Strategy::Threads, &[900.0, 5000.0, 900.0, 5000.0, 900.0]);
    let quiet = took(Strategy::EventLoop, &[900.0; 5]);
    let dirty = |contestant: &mut Contestant, rounds: &[usize]| {
        for &round in rounds {
            contestant.runs[round].noise.dirty = Some("somebody compiled".into());
        }
    };
    dirty(&mut disturbed, &[1, 3]);
    let pairing = pairs(&disturbed, &quiet);
    assert_eq!((pairing.ratios.len(), pairing.dirty), (3, false));
    dirty(&mut disturbed, &[0]);
    let pairing = pairs(&disturbed, &quiet);
    assert_eq!((pairing.ratios.len(), pairing.dirty), (5, true));
}

#[test]
fn a_stop_is_only_considered_at_planned_looks() {
    let pair = |rounds: usize| {
        vec![
            took(Strategy::Sequential, &vec![2500.0; rounds]),
            took(Strategy::Threads, &vec![900.0; rounds]),
        ]
    };
    let when: Vec<usize> = (1..=12).filter(|&rounds| decided(&pair(rounds), 0.03, None)).collect();
    assert_eq!(when, [3, 4, 5, 6, 8, 11]);
    assert!(!decided(&[], 0.03, None));
}

/// Two models that are equally fast, under noise: how often is one called faster, when every
/// planned look may end the comparison?
#[test]
fn peeking_does_not_invent_differences() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut noisy = || {
        let uniform = (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
        100.0 * (1.0 - 0.1 * libm::log(1.0 - uniform))
    };
    let mut wrong = 0;
    for _ in 0..40 {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for _ in 0..11 {
            one.push(noisy());
            other.push(noisy());
            let pair = vec![took(Strategy::Threads, &one), took(Strategy::EventLoop, &other)];
            if decided(&pair, 0.03, None) {
                let last = ranked(pair).ranking.last().map(|rank| rank.verdict);
                wrong += usize::from(last != Some(Verdict::Same));
                break;
            }
        }
    }
    assert!(wrong <= 4, "{wrong} of 40 comparisons of equals ended with a difference");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_verdict_does_not_depend_on_the_order_of_contestants(
        one in proptest::collection::vec(500.0_f64..1500.0, 1..9), factor in 0.5_f64..2.0,
    ) {
        let other: Vec<f64> = one.iter().map(|ms| ms * factor).collect();
        let (a, b) = (took(Strategy::Threads, &one), took(Strategy::EventLoop, &other));
        let there = verdicts(&ranked(vec![a.clone(), b.clone()]));
        let back = verdicts(&ranked(vec![b, a]));
        prop_assert_eq!(there, back);
    }
}

fn counter_is_2000() -> Expect {
    Expect { of: Expected::Var("counter".into()), comparison: Relation::Equals, value: 2000 }
}

fn one_failure() -> Expect {
    let of = Expected::Counted(Counted::Failures);
    Expect { of, comparison: Relation::Equals, value: 1 }
}

#[test]
fn looks_go_on_as_long_as_rounds_do_ever_further_apart() {
    let looks: Vec<u32> = (1..=3000).filter(|rounds| is_look(*rounds)).collect();
    assert_eq!(looks[..10], [3, 4, 5, 6, 8, 11, 15, 20, 30, 45]);
    assert_eq!(looks[10..], [67, 100, 150, 225, 337, 505, 757, 1135, 1702, 2553]);
}

/// Two models of whose ten tasks so many fail, with a failure of this kind. Why they are not ranked.
fn with_failures(failed: [u64; 2], kind: &str) -> [Option<String>; 2] {
    let one = |(strategy, failed): (Strategy, u64)| {
        let trace = tables(10, 1).run(strategy, 4);
        let mut runs = rounds(&trace, 4);
        for run in runs.iter_mut().filter(|_| failed > 0) {
            (run.tasks.done, run.tasks.failed) = (10 - failed, failed);
            let text = "no such thing (a.py:3 in f), given \"x\"".into();
            let count = failed as u32;
            run.failures = vec![Failure { kind: kind.into(), text, count, task: 4, step: None }];
        }
        contestant(&trace, runs)
    };
    let models = [(Strategy::Sequential, failed[0]), (Strategy::ThreadPool, failed[1])];
    let mut comparison = comparison(models.map(one).to_vec(), 10);
    rank(&mut comparison, None);
    [0, 1].map(|index| comparison.contestants[index].unranked.clone())
}

#[test]
fn an_input_that_raises_everywhere_is_part_of_the_work() {
    assert_eq!(with_failures([1, 1], "ValueError"), [None, None]);
}

#[test]
fn who_fails_more_often_than_others_is_not_ranked() {
    let why = "1 of 10 tasks failed: ValueError: no such thing (a.py:3 in f), given \"x\", and none under another model";
    assert_eq!(with_failures([0, 1], "ValueError"), [None, Some(why.into())]);
}

#[test]
fn most_inputs_must_not_raise_and_other_failures_are_none_of_the_work() {
    assert!(with_failures([6, 6], "ValueError").iter().all(Option::is_some));
    assert!(with_failures([1, 1], "exit").iter().all(Option::is_some));
}
