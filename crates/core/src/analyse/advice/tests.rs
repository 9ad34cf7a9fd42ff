//! The conclusion sentence by sentence, on results made up for it.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use expect_test::{Expect, expect};
use maitred_wire::Strategy::{self, *};
use maitred_wire::{Cpu, VarValue};

use super::conclude;
use crate::analyse::compare;
use crate::analyse::nature::{Nature, nature};
use crate::analyse::sample::{CORES, compared, comparison, contestant, rounds};
use crate::analyse::summary;
use crate::result::{Comparison, Rule};
use crate::trace::sample::{Do, Sample, tables};
use crate::trace::{Observed, Trace};
use crate::workload::{Expect as Expectation, Expected, Relation};

fn check(sample: &Sample, models: &[(Strategy, Option<u32>)], rounds: u32, expected: &Expect) {
    let text: String = compared(sample, models, rounds)
        .conclusion
        .texts()
        .into_iter()
        .map(|text| text + "\n")
        .collect();
    expected.assert_eq(&text);
}

const PLAIN: [(Strategy, Option<u32>); 3] =
    [(Sequential, None), (Threads, None), (EventLoop, None)];

#[test]
fn five_tables_and_one_waiter() {
    check(
        &tables(5, 1),
        &PLAIN,
        3,
        &expect![[r#"
            Use `threads`: 920 ms, 2.78× as fast as sequential execution (2.55 s).
            I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used): concurrency pays, parallelism does not.
            The one `waiter` is the bottleneck: under `event-loop`, 29 % of all task time is a `table` waiting for it.
            No model can finish in less than 900 ms (that long `waiter` is held, one task at a time, with what must come before and after); `event-loop` reaches that (918 ms). One more `waiter` would lower the bound to 650 ms.
            `threads` is as fast as `event-loop`, and no cost differs by an amount that matters: of equals the simplest is taken, in the order threads, event-loop.
        "#]],
    );
}

#[test]
fn one_round_gives_no_verdict() {
    check(
        &tables(5, 1),
        &PLAIN,
        1,
        &expect![[r#"
            Use `event-loop`: 918 ms, 2.78× as fast as sequential execution (2.55 s).
            From 1 round only what is overwhelming is told: a model is called slower if it took 2.00× as long or more, nothing disturbed it, and no single task is to blame.
            I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used): concurrency pays, parallelism does not.
            The one `waiter` is the bottleneck: under `event-loop`, 29 % of all task time is a `table` waiting for it.
            No model can finish in less than 900 ms (that long `waiter` is held, one task at a time, with what must come before and after); `event-loop` reaches that (918 ms). One more `waiter` would lower the bound to 650 ms.
            Inconclusive against `event-loop`: `threads` (1.001–1.001×): 1 clean round cannot show how much the next would differ; about 6 rounds would decide it (`--runs 6`).
        "#]],
    );
}

#[test]
fn work_that_only_waits() {
    let sample = Sample { program: vec![Do::Wait(50)], ..tables(1000, 1) };
    check(
        &sample,
        &PLAIN,
        4,
        &expect![[r#"
            Use `event-loop`: 51.5 ms, 1,000× as fast as sequential execution (51.5 s).
            I/O-bound (100 % of task time waiting, 0.02 of 2 processors used): concurrency pays, parallelism does not.
            No model can finish in less than 50.0 ms (so long the longest task, `table 1000`, takes by itself); `event-loop` reaches that (51.5 ms).
            `event-loop` is as fast as `threads`, which is simpler, and uses 0.6 % of the processor time (1.20 ms against 201 ms) and 2.1 % of the memory (2.10 MiB against 99.7 MiB).
        "#]],
    );
}

#[test]
fn work_that_computes() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(100, 1) };
    let models =
        [(Sequential, None), (ThreadPool, Some(1)), (ThreadPool, Some(2)), (EventLoop, None)];
    check(
        &sample,
        &models,
        8,
        &expect![[r#"
            Use `thread-pool:2`: 515 ms, 2.00× as fast as sequential execution (1.03 s).
            CPU-bound (100 % of task time on a processor, 1.95 of 2 processors used): only parallelism pays, and this machine has 2 processors.
            No model can finish in less than 500 ms (that much is to be computed on each of the 2 processors); `thread-pool:2` reaches that (515 ms).
            `thread-pool` gains up to 2 workers (of 1, 2); this machine has 2 processors, and more workers than those cannot compute faster.
        "#]],
    );
}

#[test]
fn a_call_that_blocks_a_loop() {
    let sample = Sample { program: vec![Do::Wait(5), Do::Block(50)], ..tables(10, 1) };
    check(
        &sample,
        &PLAIN,
        5,
        &expect![[r#"
            Use `threads`: 57.1 ms, 10.0× as fast as sequential execution (571 ms).
            I/O-bound (100 % of task time waiting, 0.05 of 2 processors used), 91 % in calls that block: only threads or processes can overlap those, a loop cannot.
            `event-loop` stands still while a task does `block 50ms`: for 99 % of its time, up to 50.0 ms at once with 9 other tasks waiting. Await it, or hand it to a pool (`hybrid`).
            No model can finish in less than 55.0 ms (so long the longest task, `table 10`, takes by itself); `threads` reaches that (57.1 ms).
        "#]],
    );
}

#[test]
fn a_sweep_over_workers() {
    let sample = Sample { program: vec![Do::Wait(90), Do::Cpu(10)], ..tables(64, 1) };
    let models = [1, 2, 4, 8, 16, 32].map(|workers| (ThreadPool, Some(workers)));
    check(
        &sample,
        &models,
        8,
        &expect![[r#"
            Use `thread-pool:32`: 206 ms, 2.00× as fast as the next, `thread-pool:16` (412 ms).
            I/O-bound (90 % of task time waiting, 3.15 of 2 processors used): concurrency pays first; once waiting overlaps, 640 ms of computing in all is left, and parallelism pays for that.
            `thread-pool` still gains at 32 workers, the most that were tried (1, 2, 4, 8, 16, 32): try more.
            `thread-pool` follows Amdahl's law with a serial share of 0 % (0 % to < 0.1 %), missed by < 0.1 %: no limit is seen near what was tried.
        "#]],
    );
}

#[test]
fn a_pool_that_is_too_small() {
    let sample = Sample { program: vec![Do::Wait(90), Do::Cpu(10)], ..tables(64, 1) };
    check(
        &sample,
        &[(Sequential, None), (ThreadPool, None)],
        5,
        &expect![[r#"
            Use `thread-pool`: 1.14 s, 5.82× as fast as sequential execution (6.64 s).
            I/O-bound (90 % of task time waiting, 0.56 of 2 processors used): concurrency pays first; once waiting overlaps, 640 ms of computing in all is left, and parallelism pays for that.
            No model can finish in less than 320 ms (that much is to be computed on each of the 2 processors); `thread-pool` takes 3.57× of that (1.14 s).
            A pool for this wants 20 workers (processors × (1 + waiting ÷ computing), waiting ÷ computing = 9.00); `thread-pool` had 6. Try `--workers 20`.
        "#]],
    );
}

/// What a rule says of contestants that were tampered with.
fn said(rule: Rule, spoil: impl FnOnce(&mut Comparison, &mut [Option<Nature>])) -> String {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) };
    let traces = [Sequential, Threads].map(|strategy| sample.run(strategy, 1));
    let mut natures = traces.each_ref().map(|trace| nature(trace, CORES));
    let contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 6)));
    let mut comparison = comparison(contestants.to_vec(), 20);
    spoil(&mut comparison, &mut natures);
    compare::rank(&mut comparison, None);
    conclude(&comparison, &natures).said_by(rule).unwrap_or_default().into()
}

#[test]
fn a_lock_that_lets_one_compute() {
    let said = said(Rule::Starved, |_, natures| {
        let threads = natures[1].as_mut().unwrap();
        threads.starved_ns = threads.computing_ns;
    });
    expect!["In the run queue, or waiting for the interpreter's lock: 50 % of task time under `threads`."].assert_eq(&said);
}

#[test]
fn updates_that_were_lost() {
    let said = said(Rule::LostUpdates, |comparison, natures| {
        natures[1].as_mut().unwrap().reads_then_writes = true;
        for run in &mut comparison.contestants[1].runs {
            run.vars = vec![VarValue { name: "counter".into(), value: 1379, by_process: vec![] }];
            let of = Expected::Var("counter".into());
            let expected = Expectation { of, comparison: Relation::Equals, value: 2000 };
            run.expectations = vec![summary::check(&expected, &run.vars, &run.tasks)];
        }
    });
    expect!["Updates were lost under `threads`: `counter` ended 621 short of 2,000, since another task wrote between a `read` and its `write`. `update` does both as one, `hold` keeps others out."].assert_eq(&said);
}

#[test]
fn updates_that_many_lost_are_told_once() {
    let said = said(Rule::LostUpdates, |comparison, natures| {
        for ((contestant, nature), ended) in
            comparison.contestants.iter_mut().zip(natures).zip([1379, 700])
        {
            nature.as_mut().unwrap().reads_then_writes = true;
            for run in &mut contestant.runs {
                run.vars =
                    vec![VarValue { name: "counter".into(), value: ended, by_process: vec![] }];
                let of = Expected::Var("counter".into());
                let expected = Expectation { of, comparison: Relation::Equals, value: 2000 };
                run.expectations = vec![summary::check(&expected, &run.vars, &run.tasks)];
            }
        }
    });
    let expected = "Updates were lost under `sequential` and `threads`: `counter` ended up to 1,300 short of 2,000,";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn concurrency_gains_what_it_gains_on_the_same_runtime() {
    let sample = tables(5, 1);
    let traces = [Sequential, Threads, EventLoop].map(|strategy| sample.run(strategy, 1));
    let mut contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 6)));
    let mut told = |runtime: &str| {
        contestants[0].model.runtime = runtime.into();
        let mut comparison = comparison(contestants.to_vec(), 5);
        compare::rank(&mut comparison, None);
        conclude(&comparison, &[None, None, None]).texts().join("\n")
    };
    assert!(told("native").contains("as fast as sequential execution"));
    assert!(!told("python3.13").contains("as fast as sequential execution"));
}

#[test]
fn who_may_be_faster_is_not_said_to_gain_nothing() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) };
    let said = |others: &[u64]| {
        let traces = [Sequential, EventLoop].map(|strategy| sample.run(strategy, 1));
        let mut contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 6)));
        for (run, percent) in contestants[1].runs.iter_mut().zip(others) {
            run.work_ns = run.work_ns * percent / 100;
        }
        let mut comparison = comparison(contestants.to_vec(), 20);
        compare::rank(&mut comparison, None);
        conclude(&comparison, &[None, None]).texts().join("\n")
    };
    assert!(said(&[120; 6]).contains("concurrency gains nothing here"));
    let unsure = said(&[110, 60, 110, 110, 60, 110]);
    assert!(unsure.contains("no model can be told to be faster"), "{unsure}");
}

/// Threads that cannot be told from sequential execution had one processor (a GIL), or both; processes took
/// twice as long.
#[test]
fn parallelism_that_was_tried_and_lost_is_not_said_to_pay() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) };
    let said = |used: f64| {
        let traces = [Sequential, Threads, Processes].map(|strategy| sample.run(strategy, 1));
        let mut contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 6)));
        contestants[2].workers = CORES;
        let alone: Vec<u64> = contestants[0].runs.iter().map(|run| run.work_ns).collect();
        let others = [(1, [97, 160, 97, 97, 160, 97], used), (2, [200; 6], 1.9)];
        for (index, percents, used) in others {
            for ((run, percent), alone) in
                contestants[index].runs.iter_mut().zip(percents).zip(&alone)
            {
                run.work_ns = alone * percent / 100;
                let user_ns = (run.work_ns as f64 * used) as u64;
                run.work_cpu = Observed::Known(Cpu { user_ns, system_ns: 0 });
            }
        }
        let mut comparison = comparison(contestants.to_vec(), 20);
        compare::rank(&mut comparison, None);
        let nature = nature(&traces[0], CORES);
        conclude(&comparison, &[nature, None, None]).texts().join("\n")
    };
    let lost = "only parallelism could pay, and what was tried of it gains less than it costs";
    let (one, both) = (said(1.0), said(1.9));
    assert!(one.contains("no model can be told to be faster") && one.contains(lost), "{one}");
    assert!(!both.contains(lost) && both.contains("only parallelism pays"), "{both}");
}

#[test]
fn variables_that_are_not_shared() {
    let said = said(Rule::OwnVariables, |comparison, _| {
        for run in &mut comparison.contestants[1].runs {
            run.vars = vec![VarValue { name: "counter".into(), value: 9, by_process: vec![9, 11] }];
        }
    });
    expect!["Under `threads` each process had a `counter` of its own: processes share no memory."]
        .assert_eq(&said);
}

#[test]
fn results_that_differ() {
    let said = said(Rule::ResultsDiffer, |comparison, _| {
        for (contestant, hash) in comparison.contestants.iter_mut().zip(["beef", "dead"]) {
            contestant.runs.iter_mut().for_each(|run| run.result_hash = Some(hash.into()));
        }
    });
    expect!["Results differ: `threads` returned other values than the rest, so the times are of different work."].assert_eq(&said);
}

#[test]
fn starting_that_takes_longer_than_the_work() {
    let said = said(Rule::Startup, |comparison, _| {
        let threads = &mut comparison.contestants[1].runs;
        threads.iter_mut().for_each(|run| run.startup_ns = 900_000_000);
    });
    expect!["Start-up dominates: `threads` takes 901 ms to start and 10.3 ms to work. Counted from the start of the process `sequential` is the quickest: 209 ms in all against 911 ms."].assert_eq(&said);
}

#[test]
fn nobody_did_the_work() {
    let said = said(Rule::NothingRanked, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|contestant| &mut contestant.runs) {
            run.tasks.lost = 1;
        }
    });
    expect!["No model did the work as asked, so none is ranked."].assert_eq(&said);
}

#[test]
fn of_models_alike_in_time_and_cost_the_simplest_is_recommended() {
    let models = [(AsyncPool, Some(5)), (ThreadPool, Some(5)), (Hybrid, Some(5))];
    let mut comparison = compared(&tables(5, 1), &models, 8);
    // The least simple one is fastest by a hair, which is within what counts as the same.
    for run in &mut comparison.contestants[2].runs {
        run.work_ns -= run.work_ns / 200;
    }
    compare::rank(&mut comparison, None);
    assert_eq!(comparison.ranking[0].contestant, 2);
    let text = conclude(&comparison, &[None, None, None]).texts().join("\n");
    assert!(text.contains("Use `thread-pool:5`: 9"), "{text}");
    assert!(
        text.contains("of equals the simplest is taken, in the order thread-pool, async-pool"),
        "{text}"
    );
}

/// Arrivals every 10 ms; each task computes for 2 ms and waits for 20 ms.
fn arriving() -> Sample {
    let arrivals = (0..200).map(|task| 10 * task).collect();
    Sample { program: vec![Do::Cpu(2), Do::Wait(20)], arrivals, ..tables(200, 1) }
}

#[test]
fn where_arrivals_set_the_pace_nothing_more_can_be_had() {
    check(
        &arriving(),
        &PLAIN,
        4,
        &expect![[r#"
            Use `event-loop`: it keeps up with the arrivals, and 99 % of tasks end within 22.0 ms of their arrival.
            `event-loop` keeps up with the arrivals, 0.19 of 2 processors used: neither concurrency nor parallelism can get more done than that.
            No model can finish in less than 2.01 s (`table 200` arrives only after 1.99 s); `event-loop` reaches that (2.07 s).
            `event-loop` is as fast as `threads`, which is simpler, and uses a tenth of the memory (2.10 MiB against 21.5 MiB).
            Arrivals set the pace, so compare latencies: 99 % of tasks end within 22.0 ms of their arrival under `threads`, within 2.39 s under `sequential`.
        "#]],
    );
    let keeps_up = Sample { program: vec![Do::Cpu(9)], ..arriving() };
    check(
        &keeps_up,
        &[(Sequential, None), (EventLoop, None)],
        4,
        &expect![[r#"
            Use sequential execution (2.06 s): no model is faster, so concurrency gains nothing here.
            `event-loop` keeps up with the arrivals, 0.88 of 2 processors used: neither concurrency nor parallelism can get more done than that.
            No model can finish in less than 2.00 s (`table 200` arrives only after 1.99 s); `event-loop` reaches that (2.06 s).
            Arrivals set the pace, so compare latencies: 99 % of tasks end within 9.00 ms of their arrival under all ranked models.
        "#]],
    );
    let overrun = Sample { program: vec![Do::Cpu(40)], ..arriving() };
    check(
        &overrun,
        &[(Sequential, None), (ThreadPool, Some(2))],
        4,
        &expect![[r#"
            Use `thread-pool:2`: 4.13 s, 1.99× as fast as sequential execution (8.24 s).
            CPU-bound (100 % of task time on a processor, 1.94 of 2 processors used): only parallelism pays, and this machine has 2 processors.
            No model can finish in less than 4.00 s (that much is to be computed on each of the 2 processors); `thread-pool:2` reaches that (4.13 s).
            Latency counts from the arrival: 99 % of tasks end within 2.00 s of their arrival under `thread-pool:2`, within 5.95 s under `sequential`.
        "#]],
    );
}

/// What `spoil` makes of two models on a sample.
fn told(sample: &Sample, spoil: impl FnOnce(&mut Comparison, &mut [Option<Nature>])) -> String {
    let traces = [Threads, EventLoop].map(|strategy| sample.run(strategy, 1));
    let mut natures = traces.each_ref().map(|trace| nature(trace, CORES));
    let contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 6)));
    let mut comparison = comparison(contestants.to_vec(), 20);
    spoil(&mut comparison, &mut natures);
    compare::rank(&mut comparison, None);
    conclude(&comparison, &natures).texts().join("\n")
}

#[test]
fn of_models_that_keep_up_the_one_is_recommended_that_ends_tasks_soonest() {
    let text = told(&arriving(), |comparison, _| {
        for run in &mut comparison.contestants[1].runs {
            let Observed::Known(latency) = &mut run.latency else { panic!("no latency") };
            latency.p99_ns *= 2;
        }
    });
    let expected =
        "Use `threads`: it keeps up with the arrivals, and 99 % of tasks end within 22.0 ms";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_requests_are_made_of_is_not_told_where_the_client_was_in_the_way() {
    let of = |delayed_ns| {
        let sample = Sample { program: vec![Do::Wait(50)], ..tables(100, 1) };
        told(&sample, |_, natures| {
            for nature in natures.iter_mut().flatten() {
                nature.requests_ns = nature.waiting_ns;
                let split = nature.split.as_mut().unwrap();
                split.delayed_ns = Some(split.all_ns / 100 * delayed_ns);
            }
        })
    };
    assert!(of(1).contains("I/O-bound"), "{}", of(1));
    assert!(!of(40).contains("I/O-bound"), "{}", of(40));
}

#[test]
fn of_different_amounts_of_work_none_is_recommended() {
    let text = told(&tables(5, 1), |comparison, _| {
        for (contestant, tasks) in comparison.contestants.iter_mut().zip([1, 100]) {
            contestant.model.setting = Some(format!("tables={tasks}"));
            contestant.runs.iter_mut().for_each(|run| run.tasks.done = tasks);
        }
    });
    expect![[r#"
        Between 1 and 100 tasks were to be done, so that less time is not the better model: compare rates and costs.
        I/O-bound (100 % of task time waiting, < 0.01 of 2 processors used): concurrency pays, parallelism does not.
        The one `waiter` is the bottleneck: under `event-loop tables=100`, 29 % of all task time is a `table` waiting for it."#]]
    .assert_eq(&text);
}

#[test]
fn a_delay_has_no_room_where_tasks_wait_for_other_things() {
    let of = |sample: &Sample| {
        told(sample, |_, natures| {
            for split in natures.iter_mut().flatten().filter_map(|nature| nature.split.as_mut()) {
                split.delayed_ns = Some(split.all_ns);
            }
        })
    };
    let computes = of(&Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) });
    assert!(computes.contains("`threads` 100 % runnable (in the run queue)"), "{computes}");
    let waits = of(&Sample { program: vec![Do::Cpu(8), Do::Wait(2)], ..tables(20, 1) });
    assert!(!waits.contains("`threads` 100 % ready"), "{waits}");
}

#[test]
fn a_run_that_others_slowed_down_sets_no_bound() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) };
    for (round, is_told) in [(0, false), (1, true)] {
        let mut comparison = compared(&sample, &[(Sequential, None)], 6);
        // The nature of the work is that of the first.
        let run = &mut comparison.contestants[0].runs[round];
        run.noise.dirty = Some("other processes used 80 % of the processors".into());
        compare::rank(&mut comparison, None);
        let text = conclude(&comparison, &[nature(&sample.run(Sequential, 1), CORES)]).texts();
        let text = text.join("\n");
        assert_eq!(text.contains("No model can finish in less than 100 ms"), is_told, "{text}");
        assert!(!text.contains("alone computes nearly all"), "{text}");
    }
}

#[test]
fn tasks_that_wanted_processors_set_no_bound() {
    let sample = Sample { program: vec![Do::Wait(10)], ..tables(20, 1) };
    let comparison = compared(&sample, &[(Threads, None)], 6);
    for starved in [false, true] {
        let mut found = nature(&sample.run(Threads, 6), CORES).unwrap();
        found.starved_ns = if starved { found.waiting_ns } else { 0 };
        let text = conclude(&comparison, &[Some(found)]).texts().join("\n");
        assert_eq!(text.contains("No model can finish in less than"), !starved, "{text}");
    }
}

#[test]
fn what_processes_of_calls_used_is_a_part_of_the_work() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) };
    let mut trace = sample.run(Sequential, 1);
    let share = |trace: &Trace| nature(trace, CORES).unwrap().children_share;
    assert_eq!(share(&trace), 0.0, "nobody has told");
    let done = trace.done.as_mut().unwrap();
    done.children_cpu_ns = Some(done.phases.work.cpu.unwrap().total_ns() / 2);
    assert!((share(&trace) - 0.5).abs() < 1e-6);
}

#[test]
fn many_workers_are_told_in_few_words() {
    let sample = Sample { program: vec![Do::Cpu(10)], ..tables(100, 1) };
    let models: Vec<_> = [ThreadPool, Processes]
        .into_iter()
        .flat_map(|strategy| [1, 2, 4, 8, 16].map(|workers| (strategy, Some(workers))))
        .collect();
    let mut comparison = compared(&sample, &models, 8);
    // Now and then one worker was as fast as all.
    for (round, run) in comparison.contestants[0].runs.iter_mut().enumerate() {
        run.work_ns /= 1 + round as u64 % 2 * 31;
    }
    compare::rank(&mut comparison, None);
    let traces = models.iter().map(|&(strategy, workers)| sample.run(strategy, workers.unwrap()));
    let mut natures: Vec<_> = traces.map(|trace| nature(&trace, CORES)).collect();
    for split in natures.iter_mut().flatten().filter_map(|nature| nature.split.as_mut()) {
        split.computing_ns = 0;
        split.delayed_ns = Some(split.all_ns);
    }
    let text = conclude(&comparison, &natures).texts().join("\n");
    assert_eq!(text.matches("No law of scaling is fitted").count(), 1, "{text}");
    assert!(text.contains("; and 2 more."), "{text}");
    assert!(!text.contains("`thread-pool` gains"), "one worker may be as good: {text}");
    assert!(text.contains("`processes` gains"), "{text}");
}
