//! Every rule of the conclusion, planted: a case in which it speaks, and one, as near as can be, in
//! which it must not. The sentences that it says then are `docs/sentences.md`.

pub(super) mod cases;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use expect_test::expect_file;
use maitred_wire::Strategy::*;

use self::cases::*;
use crate::result::{Conclusion, Part, Rule, Rule as R, SubjectKind};
use crate::trace::sample::{Do, tables};

/// When a rule speaks, in words; a case in which it does, and one in which it does not.
type Planted = (Rule, &'static str, fn() -> Conclusion, fn() -> Conclusion);

const PLANTED: &[Planted] = &[
    (R::NothingRanked, "runs were made, and none did the work as asked", || lost(1), || lost(0)),
    (
        R::OnlyOne,
        "one contestant is ranked",
        || of(&tables(5, 1), &TWO[..1], 6, |_, _| {}),
        waiters,
    ),
    (
        R::DifferentAmounts,
        "a sweep changed how many tasks there are",
        || amounts([1, 100]),
        || amounts([5, 5]),
    ),
    (
        R::TooFewRounds,
        "fewer than three rounds, and nothing overwhelming within them",
        || of(&tables(5, 1), &EQUALS, 1, |_, _| {}),
        equals,
    ),
    (
        R::SequentialSuffices,
        "sequential execution is among the fastest, and all others are told from it",
        || beside([120; 6]),
        waiters,
    ),
    (
        R::NotShownFaster,
        "it is, and another cannot be told from it",
        || beside([110, 60, 110, 110, 60, 110]),
        || beside([120; 6]),
    ),
    (R::Use, "one is the fastest, or is chosen among its equals", waiters, || beside([120; 6])),
    (
        R::SoonestOfThoseThatKeepUp,
        "tasks arrive at a pace that it keeps up with",
        arrivals,
        waiters,
    ),
    (
        R::AheadByTooLittle,
        "nobody can be told from the fastest, and nobody came near",
        || concurrent([135, 98, 130, 101, 133, 112]),
        equals,
    ),
    (
        R::BestWorkers,
        "`scale`: some number of workers had the highest throughput",
        || scaled(&waiting(), &[1, 2, 4, 8, 16, 32], |_| {}),
        || sweep(&[1, 2, 4, 8, 16, 32], |_, _| {}),
    ),
    (
        R::Survived,
        "the process died under some, and others went on",
        || crashed(&[0]),
        || crashed(&[0, 1]),
    ),
    (
        R::ResultsDiffer,
        "models returned different values: stands before the answer",
        || returned(["beef", "dead"]),
        || returned(["beef"; 2]),
    ),
    (
        R::ResultsChange,
        "a model returned different values in different rounds",
        || returned_later("dead"),
        || returned_later("beef"),
    ),
    (
        R::LostUpdates,
        "a shared variable ended too low, and tasks read and write it in two steps",
        || counted(1379, &[]),
        || counted(2000, &[]),
    ),
    (
        R::OwnVariables,
        "each process had a variable of its own",
        || counted(1000, &[1000, 1000]),
        || counted(2000, &[]),
    ),
    (
        R::StateNotShared,
        "workers that share no memory had locks or other state of the function's module each for themselves",
        || own_state(Some("guard threading.Lock")),
        || own_state(None),
    ),
    (
        R::TooShortCalls,
        "what the runner took of the calls is not known well enough to tell what is left",
        || harness(9_000_000_000, 2_000_000_000),
        || harness(400_000_000, 300_000),
    ),
    (
        R::UnequalConcurrency,
        "tasks mostly wait, and a slower pool had far fewer of them under way at once",
        || under_way(&waiting()),
        || under_way(&computing()),
    ),
    (
        R::UnevenTurns,
        "`scale`: tasks do not divide among workers, so that those of the last turn are idle",
        || scaled(&computing(), &[1, 2, 12], |_| {}),
        || scaled(&computing(), &[1, 2, 10], |_| {}),
    ),
    (
        R::SomeRaised,
        "a few calls of a function raised under every model",
        || raising("ValueError"),
        || raising("exit"),
    ),
    (
        R::FailuresIgnored,
        "commands failed in a way that was to be ignored",
        || ignoring(Some(2)),
        || ignoring(Some(0)),
    ),
    (
        R::WithinRounds,
        "fewer than three rounds, and something overwhelming within them",
        || of(&tables(5, 1), &TWO, 1, |_, _| {}),
        waiters,
    ),
    (
        R::Overslept,
        "waits of the fastest last 15 % longer than they were asked to, on average",
        || late_by(20),
        || late_by(5),
    ),
    (
        R::Startup,
        "starting takes longer than the work",
        || started_in(900_000_000),
        || started_in(1_000_000),
    ),
    (
        R::KeepsUp,
        "tasks arrive at a pace, and the fastest ends with the last arrival",
        arrivals,
        waiters,
    ),
    (R::Nature, "it is known what tasks are made of: on a processor, or blocked", waiters, || {
        commands(&[(Processes, Some(8)), (Threads, None)])
    }),
    (
        R::Throttled,
        "a CPU quota kept threads from running for a twentieth of the time in which they could have",
        || throttled(500),
        || throttled(10),
    ),
    (R::Bottleneck, "tasks queue for a tenth of their time or more", waiters, || beside([120; 6])),
    (
        R::GlobalLock,
        "threads of an interpreter with a lock compute, and use no more than one processor",
        || interpreted(true, 0.98),
        || interpreted(false, 0.98),
    ),
    (
        R::OwnLock,
        "threads compute one at a time, and were seen to wait for a lock of the program",
        || waiting_for(3, 97),
        || waiting_for(97, 3),
    ),
    (
        R::StandsStill,
        "a step keeps a loop from its other tasks",
        || blocking(Do::Block(50)),
        || blocking(Do::Wait(50)),
    ),
    (
        R::TooBigToSend,
        "a call carries 1 MiB or more to a process or back, and handing over takes half of the work",
        || carried(12_000_000, 6_000_000_000),
        || carried(12_000_000, 60_000_000),
    ),
    (R::LoneCall, "calls on a loop never overlap", || lone("call a.py:f"), || lone("")),
    (
        R::LowerBound,
        "a trace without neighbours shows how fast it can be at best, and no run took less",
        || beaten_by(100),
        || beaten_by(50),
    ),
    (
        R::CheapestOfEquals,
        "one of the fastest costs less than a simpler one by a fifth and 10 ms of processor time or 8 MiB",
        || memory_of_threads(40),
        || memory_of_threads(3),
    ),
    (
        R::SimplestOfEquals,
        "several are the fastest, and no cost differs so much",
        || memory_of_threads(3),
        || memory_of_threads(40),
    ),
    (
        R::Undecided,
        "somebody cannot be told from the fastest",
        || concurrent([135, 98, 130, 101, 133, 112]),
        equals,
    ),
    (
        R::Dropped,
        "one took five times as long or more, told in quiet rounds, and was run no more",
        || dropped(Some(3)),
        || dropped(None),
    ),
    (
        R::NatureUnknown,
        "what looks like waiting may have been for a processor, or for a lock",
        || commands(&[(Processes, Some(8)), (Threads, None)]),
        || commands(&TWO),
    ),
    (R::LatencyFromArrival, "tasks arrive by the clock", arrivals, waiters),
    (
        R::EnoughWorkers,
        "numbers of workers were swept, and it is known from which on they gain nothing",
        || sweep(&[1, 2, 4, 8, 16, 32], |_, _| {}),
        || sweep(&[8], |_, _| {}),
    ),
    (
        R::ScalingLaw,
        "four or more were swept in undisturbed rounds, and a law describes them",
        || sweep(&[1, 2, 4, 8, 16, 32], |_, _| {}),
        || sweep(&[1, 2, 4], |_, _| {}),
    ),
    (
        R::NoLaw,
        "they were not enough, or disturbed, or no law describes them",
        || sweep(&[1, 2, 4, 8, 16, 32], disturbed),
        || sweep(&[1, 2, 4, 8, 16, 32], |_, _| {}),
    ),
    (
        R::SerialShare,
        "`scale`: work computes, and one worker and as many as processors were tried, but too few for a law",
        || scaled(&computing(), &[1, 2, 4, 10], |_| {}),
        || scaled(&waiting(), &[1, 2, 4, 8, 16, 32], |_| {}),
    ),
    (
        R::MoreProcessors,
        "`scale`: a law tells what twice the processors bring, or they are idle for half of the time",
        || scaled(&computing(), &[1, 2, 4, 10], |_| {}),
        || scaled(&computing(), &[4, 10], |_| {}),
    ),
    (
        R::WorkerMemory,
        "`scale`: memory grows with workers beyond what its scatter explains",
        || scaled(&computing(), &[1, 2, 4, 10], each_takes(3 << 20)),
        || scaled(&computing(), &[1, 2, 4, 10], each_takes(0)),
    ),
    (
        R::PoolSize,
        "a pool has by far more or fewer workers than its tasks want",
        || of(&waiting(), &[(Sequential, None), (ThreadPool, None)], 5, |_, _| {}),
        || of(&waiting(), &[(Sequential, None), (ThreadPool, Some(20))], 5, |_, _| {}),
    ),
    (
        R::TaskTime,
        "the subject is a function, or tasks were kept from a processor or a lock",
        || delayed(SubjectKind::Function),
        || delayed(SubjectKind::Workload),
    ),
    (
        R::RunningThreads,
        "threads of an interpreter with a lock compute, and the kernel saw hardly two running",
        || at_once([0.05, 0.92, 0.03]),
        || at_once([0.05, 0.05, 0.90]),
    ),
    (
        R::ProcessCosts,
        "handing tasks over takes a tenth of the work, or the subject is a function",
        || handed_over(12_000_000),
        || handed_over(1_000),
    ),
    (
        R::BreakEven,
        "an engine for many machines takes part, and what it takes to hand over a task was measured",
        || engine("dask"),
        || engine("python3"),
    ),
    (
        R::RunnerTakenOff,
        "the runner's own time was taken off, and is 2 % of what was measured or more",
        || harness(400_000_000, 300_000),
        || harness(1_000, 100),
    ),
    (
        R::Starved,
        "tasks were in the run queue for a third of their time",
        || starved(100),
        || starved(10),
    ),
];

/// Rules whose cases stand beside what makes them: the client of an address, functions of Python.
const ELSEWHERE: [(Rule, &str); 9] = [
    (Rule::BusyClient, "the client used nearly all processors that its model lets it use"),
    (Rule::BusyConnections, "the connections of an address were busy nearly all the time"),
    (Rule::FewRequests, "too few requests were made to an address to tell its percentiles"),
    (Rule::NotFollowed, "answers of an address only point somewhere else"),
    (
        Rule::ProxyBetween,
        "a proxy answers for the server, or is named in the environment and not asked",
    ),
    (Rule::PlainToTls, "every request over http is refused, as by a port that speaks TLS"),
    (Rule::SharedMachine, "the server is on this machine"),
    (Rule::OwnThreads, "one call of a function uses several processors by itself"),
    (Rule::ResultsSame, "functions returned the same under every model: how that was compared"),
];

#[test]
fn every_rule_speaks_where_it_should_and_only_there() {
    let mut wrong = Vec::new();
    for &(rule, when, planted, opposite) in PLANTED {
        let (planted, opposite) = (planted(), opposite());
        if planted.said_by(rule).is_none() {
            wrong.push(format!("{rule:?} ({when}) is silent: {:#?}", planted.texts()));
        }
        if let Some(said) = opposite.said_by(rule) {
            wrong.push(format!("{rule:?} ({when}) speaks all the same: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_is_left_out() {
    let tested: Vec<Rule> = PLANTED.iter().map(|one| one.0).collect();
    let elsewhere = ELSEWHERE.map(|one| one.0);
    for rule in Rule::ALL {
        let times = tested.iter().chain(&elsewhere).filter(|one| **one == rule).count();
        assert_eq!(times, 1, "{rule:?}");
    }
}

#[test]
fn the_document_shows_what_each_rule_says() {
    let mut text = String::from(
        "# Sentences of the conclusion\n\nWhat `maitred compare` and `maitred scale` can conclude, rule by rule, in the order in which it is read: one\nanswer, what makes it worth less, at most three reasons, and the rest. Each sentence in the JSON\nnames its rule. Made by the tests, which plant each case and one in which the rule is silent:\n`UPDATE_EXPECT=1 cargo test -p maitred-core planted`.\n",
    );
    for (part, title) in [
        (Part::Answer, "The answer"),
        (Part::Warning, "What makes it worth less"),
        (Part::Reason, "Why"),
        (Part::Detail, "The rest"),
    ] {
        text.push_str(&format!(
            "\n## {title}\n\n| rule | said when | for example |\n| --- | --- | --- |\n"
        ));
        for rule in Rule::ALL.into_iter().filter(|rule| rule.part() == part) {
            let name = serde_json::to_string(&rule).unwrap().replace('"', "`");
            let found = PLANTED.iter().find(|one| one.0 == rule);
            let (when, example) = match found {
                Some((_, when, planted, _)) => {
                    (*when, planted().said_by(rule).unwrap_or_default().replace('|', "\\|"))
                }
                None => {
                    let found = ELSEWHERE.iter().find(|one| one.0 == rule);
                    (found.unwrap().1, "planted where it is made".into())
                }
            };
            text.push_str(&format!("| {name} | {when} | {example} |\n"));
        }
    }
    expect_file!["../../../../../../docs/sentences.md"].assert_eq(&text);
}
