//! Every rule of the conclusion, planted: a case in which it speaks, and one, as near as can be, in
//! which it must not. The sentences that it says then are `docs/sentences.md`.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use expect_test::expect_file;
use maitred_wire::Strategy::{self, *};
use maitred_wire::{Handover, VarValue};

use super::conclude;
use crate::analyse::compare;
use crate::analyse::interpreted::LoneCall;
use crate::analyse::nature::{Nature, nature};
use crate::analyse::sample::{CORES, comparison, contestant, rounds};
use crate::result::{
    Comparison, Conclusion, Expectation, Part, Rule, Shares, Split, StepSplit, SubjectKind,
};
use crate::trace::sample::{Do, Sample, tables};
use crate::trace::{Observed, PeakMemory, StepKind};

type Models = [(Strategy, Option<u32>)];

/// What is concluded of a sample under some models, after something was done to it.
fn of(
    sample: &Sample,
    models: &Models,
    count: u32,
    spoil: impl FnOnce(&mut Comparison, &mut [Option<Nature>]),
) -> Conclusion {
    let (mut contestants, mut natures) = (Vec::new(), Vec::new());
    for &(strategy, workers) in models {
        let mut trace = sample.run(strategy, workers.unwrap_or(6));
        trace.model.workers = workers;
        contestants.push(contestant(&trace, rounds(&trace, count)));
        natures.push(nature(&trace, CORES));
    }
    let mut comparison = comparison(contestants, u64::from(sample.count));
    spoil(&mut comparison, &mut natures);
    compare::rank(&mut comparison, None);
    conclude(&comparison, &natures)
}

const TWO: [(Strategy, Option<u32>); 2] = [(Sequential, None), (Threads, None)];
const EQUALS: [(Strategy, Option<u32>); 2] = [(Threads, None), (EventLoop, None)];

fn waiters() -> Conclusion {
    of(&tables(5, 1), &TWO, 6, |_, _| {})
}

fn equals() -> Conclusion {
    of(&tables(5, 1), &EQUALS, 6, |_, _| {})
}

fn computing() -> Sample {
    Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) }
}

fn waiting() -> Sample {
    Sample { program: vec![Do::Wait(90), Do::Cpu(10)], ..tables(64, 1) }
}

/// Arrivals every 10 ms, which anybody keeps up with.
fn arriving() -> Sample {
    let arrivals = (0..200).map(|task| 10 * task).collect();
    Sample { program: vec![Do::Cpu(2), Do::Wait(20)], arrivals, ..tables(200, 1) }
}

fn arrivals() -> Conclusion {
    of(&arriving(), &EQUALS, 4, |_, _| {})
}

/// Two models that compute, the second as long as the first but for these percent by round.
fn beside(percents: [u64; 6]) -> Conclusion {
    of(&computing(), &[(Sequential, None), (EventLoop, None)], 6, |comparison, _| {
        for (run, percent) in comparison.contestants[1].runs.iter_mut().zip(percents) {
            run.work_ns = run.work_ns * percent / 100;
        }
    })
}

/// Two concurrent ones, of which the second is as long but for these percent by round.
fn concurrent(percents: [u64; 6]) -> Conclusion {
    of(&tables(5, 1), &EQUALS, 6, |comparison, _| {
        let first = comparison.contestants[0].runs.clone();
        for ((run, first), percent) in
            comparison.contestants[1].runs.iter_mut().zip(first).zip(percents)
        {
            run.work_ns = first.work_ns * percent / 100;
        }
    })
}

fn sweep(counts: &[u32], spoil: impl FnOnce(&mut Comparison, &mut [Option<Nature>])) -> Conclusion {
    let models: Vec<_> = counts.iter().map(|&workers| (ThreadPool, Some(workers))).collect();
    of(&waiting(), &models, 8, spoil)
}

fn returned(hashes: [&'static str; 2]) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for (contestant, hash) in comparison.contestants.iter_mut().zip(hashes) {
            contestant.runs.iter_mut().for_each(|run| run.result_hash = Some(hash.into()));
        }
    })
}

fn returned_later(hash: &'static str) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.result_hash = Some(if run.round == 3 { hash } else { "beef" }.into());
        }
    })
}

fn counted(ended: i64, by_process: &[i64]) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, natures| {
        natures[1].as_mut().unwrap().reads_then_writes = true;
        for run in &mut comparison.contestants[1].runs {
            let var =
                VarValue { name: "counter".into(), value: ended, by_process: by_process.to_vec() };
            run.vars = vec![var];
            run.expectations = vec![Expectation {
                text: "counter = 2000".into(),
                actual: format!("{ended}"),
                holds: ended == 2000,
            }];
        }
    })
}

fn started_in(ns: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        comparison.contestants[1].runs.iter_mut().for_each(|run| run.startup_ns = ns);
    })
}

/// Threads of an interpreter that used so many processors.
fn interpreted(gil: bool, used: f64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, natures| {
        for nature in natures.iter_mut().flatten() {
            nature.interpreted.gil = Some(gil);
        }
        for run in &mut comparison.contestants[1].runs {
            let cpu_ns = run.work_cpu.known().unwrap().total_ns();
            run.work_ns = (cpu_ns as f64 / used) as u64;
        }
    })
}

fn blocking(step: Do) -> Conclusion {
    let program = vec![Do::Wait(5), step];
    of(&Sample { program, ..tables(10, 1) }, &EQUALS, 6, |_, _| {})
}

fn lone(label: &'static str) -> Conclusion {
    of(&computing(), &[(Sequential, None), (EventLoop, None)], 6, |_, natures| {
        let call = LoneCall { label: label.into(), ns: 10_000_000 };
        natures[1].as_mut().unwrap().interpreted.lone_call =
            Some(call).filter(|it| !it.label.is_empty());
    })
}

fn beaten_by(percent: u64) -> Conclusion {
    of(&tables(5, 1), &TWO, 6, |comparison, _| {
        let run = &mut comparison.contestants[1].runs[3];
        run.work_ns = run.work_ns * percent / 100;
    })
}

fn memory_of_threads(mib: u64) -> Conclusion {
    of(&tables(5, 1), &EQUALS, 6, |comparison, _| {
        for (contestant, mib) in comparison.contestants.iter_mut().zip([mib, 2]) {
            for run in &mut contestant.runs {
                let peak = PeakMemory { bytes: mib << 20, samples: 9, processes: 1 };
                run.memory = Observed::Known(peak);
            }
        }
    })
}

/// Commands that were mostly not on a processor, by their own counters.
fn commands(models: &Models) -> Conclusion {
    of(&computing(), models, 6, |comparison, natures| {
        comparison.subject.kind = SubjectKind::Command;
        for nature in natures.iter_mut().flatten() {
            nature.commands_ns = 3 * nature.computing_ns;
            nature.waiting_ns = nature.commands_ns;
        }
    })
}

fn amounts(tasks: [u64; 2]) -> Conclusion {
    of(&tables(5, 1), &TWO, 6, |comparison, _| {
        for (contestant, tasks) in comparison.contestants.iter_mut().zip(tasks) {
            contestant.model.setting = Some(format!("tables={tasks}"));
            contestant.runs.iter_mut().for_each(|run| run.tasks.done = tasks);
        }
    })
}

fn lost(tasks: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.tasks.lost = tasks;
        }
    })
}

/// Of a function whose threads were ready without a processor for so much of their time.
fn delayed(kind: SubjectKind) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, natures| {
        comparison.subject.kind = kind;
        for split in natures.iter_mut().flatten().filter_map(|nature| nature.split.as_mut()) {
            split.delayed_ns = Some(split.all_ns / 20);
            split.computing_ns = split.all_ns / 2;
        }
    })
}

/// Recorded threads of an interpreter of which so many were on processors at once.
fn at_once(shares_of: [f64; 3]) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        let mut run = comparison.contestants[1].runs[0].clone();
        let split = Split { running_ns: 50, blocked_ns: 50, ..Split::default() };
        run.scheduling = Some(Shares {
            gil: Some(true),
            at_once: shares_of.to_vec(),
            steps: vec![StepSplit { kind: StepKind::Cpu, split }],
            ..Shares::default()
        });
        comparison.contestants[1].traced = Some(run);
    })
}

fn handed_over(call_ns: u64) -> Conclusion {
    of(&computing(), &[(Sequential, None), (Processes, None)], 6, |_, natures| {
        natures[1].as_mut().unwrap().interpreted.gil = Some(true);
        natures[1].as_mut().unwrap().interpreted.handover = Some(Handover {
            tasks: 100,
            parcels: 100,
            sent_bytes: 4_200,
            returned_bytes: 900,
            call_ns,
        });
    })
}

fn starved(percent: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |_, natures| {
        let threads = natures[1].as_mut().unwrap();
        threads.starved_ns = threads.computing_ns * percent / 100;
    })
}

fn disturbed(comparison: &mut Comparison, _: &mut [Option<Nature>]) {
    for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs).skip(3) {
        run.noise.dirty = Some("other processes used 43 % of the processors".into());
    }
}

/// When a rule speaks, in words; a case in which it does, and one in which it does not.
type Planted = (Rule, &'static str, fn() -> Conclusion, fn() -> Conclusion);

fn planted() -> Vec<Planted> {
    use Rule as R;
    vec![
        (
            R::NothingRanked,
            "runs were made, and none did the work as asked",
            || lost(1),
            || lost(0),
        ),
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
            R::ResultsDiffer,
            "models returned different values",
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
            R::WithinRounds,
            "fewer than three rounds, and something overwhelming within them",
            || of(&tables(5, 1), &TWO, 1, |_, _| {}),
            waiters,
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
        (
            R::Nature,
            "it is known what tasks are made of: on a processor, or blocked",
            waiters,
            || commands(&[(Processes, Some(8)), (Threads, None)]),
        ),
        (R::Bottleneck, "tasks queue for a tenth of their time or more", waiters, || {
            beside([120; 6])
        }),
        (
            R::GlobalLock,
            "threads of an interpreter with a lock compute, and use no more than one processor",
            || interpreted(true, 0.98),
            || interpreted(false, 0.98),
        ),
        (
            R::StandsStill,
            "a step keeps a loop from its other tasks",
            || blocking(Do::Block(50)),
            || blocking(Do::Wait(50)),
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
            R::ThreadsAtOnce,
            "threads of an interpreter with a lock compute, and the kernel saw hardly two at once",
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
            R::Starved,
            "tasks were ready, but without a processor, for a third of their time",
            || starved(100),
            || starved(10),
        ),
    ]
}

/// Those that are said of an address, where its sentences are made.
const OF_ADDRESSES: [(Rule, &str); 2] = [
    (Rule::BusyClient, "the client used nearly all processors that its model lets it use"),
    (Rule::SharedMachine, "the server is on this machine"),
];

#[test]
fn every_rule_speaks_where_it_should_and_only_there() {
    let mut wrong = Vec::new();
    for (rule, when, planted, opposite) in planted() {
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
    let tested: Vec<Rule> = planted().iter().map(|one| one.0).collect();
    let elsewhere = OF_ADDRESSES.map(|one| one.0);
    for rule in Rule::ALL {
        let times = tested.iter().chain(&elsewhere).filter(|one| **one == rule).count();
        assert_eq!(times, 1, "{rule:?}");
    }
}

#[test]
fn the_document_shows_what_each_rule_says() {
    let mut text = String::from(
        "# Sentences of the conclusion\n\nWhat `maitred compare` can conclude, rule by rule, in the order in which it is read: one\nanswer, what makes it worth less, at most three reasons, and the rest. Each sentence in the JSON\nnames its rule. Made by the tests, which plant each case and one in which the rule is silent:\n`UPDATE_EXPECT=1 cargo test -p maitred-core planted`.\n",
    );
    let all = planted();
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
            let found = all.iter().find(|one| one.0 == rule);
            let (when, example) = match found {
                Some((_, when, planted, _)) => {
                    (*when, planted().said_by(rule).unwrap_or_default().replace('|', "\\|"))
                }
                None => {
                    let found = OF_ADDRESSES.iter().find(|one| one.0 == rule);
                    (found.unwrap().1, "of an address only".into())
                }
            };
            text.push_str(&format!("| {name} | {when} | {example} |\n"));
        }
    }
    expect_file!["../../../../../docs/sentences.md"].assert_eq(&text);
}
