//! Comparisons made up for the rules of the conclusion: what is concluded of each.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::Strategy::{self, *};
use maitred_wire::{Failure, Handover, VarValue};

use super::super::{conclude, scale};
use crate::analyse::compare;
use crate::analyse::interpreted::LoneCall;
use crate::analyse::nature::{Nature, nature};
use crate::analyse::sample::{CORES, comparison, contestant, rounds};
use crate::result::{
    Comparison, Conclusion, Expectation, HarnessCost, Quota, Shares, Split, StepSplit, SubjectKind,
    WaitCount, WaitShares,
};
use crate::trace::sample::{Do, Sample, tables};
use crate::trace::{Observed, PeakMemory, RunEnd, StepKind, Throttled, WaitCause};

type Models = [(Strategy, Option<u32>)];

/// What is concluded of a sample under some models, after something was done to it.
pub(in crate::analyse::advice) fn of(
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

pub(super) const TWO: [(Strategy, Option<u32>); 2] = [(Sequential, None), (Threads, None)];
pub(super) const EQUALS: [(Strategy, Option<u32>); 2] = [(Threads, None), (EventLoop, None)];

pub(super) fn waiters() -> Conclusion {
    of(&tables(5, 1), &TWO, 6, |_, _| {})
}

pub(super) fn equals() -> Conclusion {
    of(&tables(5, 1), &EQUALS, 6, |_, _| {})
}

pub(in crate::analyse::advice) fn computing() -> Sample {
    Sample { program: vec![Do::Cpu(10)], ..tables(20, 1) }
}

pub(in crate::analyse::advice) fn waiting() -> Sample {
    Sample { program: vec![Do::Wait(90), Do::Cpu(10)], ..tables(64, 1) }
}

/// Arrivals every 10 ms, which anybody keeps up with.
pub(super) fn arriving() -> Sample {
    let arrivals = (0..200).map(|task| 10 * task).collect();
    Sample { program: vec![Do::Cpu(2), Do::Wait(20)], arrivals, ..tables(200, 1) }
}

pub(super) fn arrivals() -> Conclusion {
    of(&arriving(), &EQUALS, 4, |_, _| {})
}

/// Two models that compute, the second as long as the first but for these percent by round.
pub(super) fn beside(percents: [u64; 6]) -> Conclusion {
    of(&computing(), &[(Sequential, None), (EventLoop, None)], 6, |comparison, _| {
        for (run, percent) in comparison.contestants[1].runs.iter_mut().zip(percents) {
            run.work_ns = run.work_ns * percent / 100;
        }
    })
}

/// Two concurrent ones, of which the second is as long but for these percent by round.
pub(super) fn concurrent(percents: [u64; 6]) -> Conclusion {
    of(&tables(5, 1), &EQUALS, 6, |comparison, _| {
        let first = comparison.contestants[0].runs.clone();
        for ((run, first), percent) in
            comparison.contestants[1].runs.iter_mut().zip(first).zip(percents)
        {
            run.work_ns = first.work_ns * percent / 100;
        }
    })
}

pub(super) fn sweep(
    counts: &[u32],
    spoil: impl FnOnce(&mut Comparison, &mut [Option<Nature>]),
) -> Conclusion {
    let models: Vec<_> = counts.iter().map(|&workers| (ThreadPool, Some(workers))).collect();
    of(&waiting(), &models, 8, spoil)
}

/// What `scale` concludes of a pool with so many workers, after something was done to it.
pub(super) fn scaled(
    sample: &Sample,
    counts: &[u32],
    spoil: impl FnOnce(&mut Comparison),
) -> Conclusion {
    let models: Vec<_> = counts.iter().map(|&workers| (ThreadPool, Some(workers))).collect();
    let mut found = Conclusion::default();
    of(sample, &models, 8, |comparison, natures| {
        let (mut comparison, natures) = (comparison.clone(), natures.to_vec());
        spoil(&mut comparison);
        compare::rank(&mut comparison, None);
        scale(&mut comparison, &natures);
        found = comparison.conclusion;
    });
    found
}

/// Each worker takes so many bytes.
pub(super) fn each_takes(bytes: u64) -> impl FnOnce(&mut Comparison) {
    move |comparison| {
        for one in &mut comparison.contestants {
            let peak = PeakMemory {
                bytes: (8 << 20) + bytes * u64::from(one.workers),
                samples: 3,
                processes: 1,
            };
            one.runs.iter_mut().for_each(|run| run.memory = Observed::Known(peak));
        }
    }
}

pub(super) fn returned(hashes: [&'static str; 2]) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for (contestant, hash) in comparison.contestants.iter_mut().zip(hashes) {
            contestant.runs.iter_mut().for_each(|run| run.result_hash = Some(hash.into()));
        }
    })
}

pub(super) fn returned_later(hash: &'static str) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.result_hash = Some(if run.round == 3 { hash } else { "beef" }.into());
        }
    })
}

pub(super) fn counted(ended: i64, by_process: &[i64]) -> Conclusion {
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

pub(super) fn started_in(ns: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        comparison.contestants[1].runs.iter_mut().for_each(|run| run.startup_ns = ns);
    })
}

/// Threads of an interpreter that used so many processors.
pub(super) fn interpreted(gil: bool, used: f64) -> Conclusion {
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

pub(super) fn blocking(step: Do) -> Conclusion {
    let program = vec![Do::Wait(5), step];
    of(&Sample { program, ..tables(10, 1) }, &EQUALS, 6, |_, _| {})
}

pub(super) fn lone(label: &'static str) -> Conclusion {
    of(&computing(), &[(Sequential, None), (EventLoop, None)], 6, |_, natures| {
        let call = LoneCall { label: label.into(), ns: 10_000_000 };
        natures[1].as_mut().unwrap().interpreted.lone_call =
            Some(call).filter(|it| !it.label.is_empty());
    })
}

pub(super) fn beaten_by(percent: u64) -> Conclusion {
    of(&tables(5, 1), &TWO, 6, |comparison, _| {
        let run = &mut comparison.contestants[1].runs[3];
        run.work_ns = run.work_ns * percent / 100;
    })
}

pub(super) fn memory_of_threads(mib: u64) -> Conclusion {
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
pub(super) fn commands(models: &Models) -> Conclusion {
    of(&computing(), models, 6, |comparison, natures| {
        comparison.subject.kind = SubjectKind::Command;
        for nature in natures.iter_mut().flatten() {
            nature.commands_ns = 3 * nature.computing_ns;
            nature.waiting_ns = nature.commands_ns;
        }
    })
}

pub(super) fn amounts(tasks: [u64; 2]) -> Conclusion {
    of(&tables(5, 1), &TWO, 6, |comparison, _| {
        for (contestant, tasks) in comparison.contestants.iter_mut().zip(tasks) {
            contestant.model.setting = Some(format!("tables={tasks}"));
            contestant.runs.iter_mut().for_each(|run| run.tasks.done = tasks);
        }
    })
}

pub(super) fn lost(tasks: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.tasks.lost = tasks;
        }
    })
}

/// Of a function whose threads were runnable without a processor for so much of their time.
pub(super) fn delayed(kind: SubjectKind) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, natures| {
        comparison.subject.kind = kind;
        for split in natures.iter_mut().flatten().filter_map(|nature| nature.split.as_mut()) {
            split.delayed_ns = Some(split.all_ns / 20);
            split.computing_ns = split.all_ns / 2;
        }
    })
}

/// Recorded threads of an interpreter of which so many were running.
pub(super) fn at_once(shares_of: [f64; 3]) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        let mut run = comparison.contestants[1].runs[0].clone();
        let split = Split { running_ns: 50, blocked_ns: 50, ..Split::default() };
        run.scheduling = Some(Shares {
            gil: Some(true),
            running_threads: shares_of.to_vec(),
            steps: vec![StepSplit { kind: StepKind::Cpu, split }],
            ..Shares::default()
        });
        comparison.contestants[1].traced = Some(run);
    })
}

pub(super) fn handed_over(call_ns: u64) -> Conclusion {
    carried(call_ns, 900)
}

/// So much comes back of a hundred calls that are handed over.
pub(super) fn carried(call_ns: u64, returned_bytes: u64) -> Conclusion {
    of(&computing(), &[(Sequential, None), (Processes, None)], 6, |_, natures| {
        natures[1].as_mut().unwrap().interpreted.gil = Some(true);
        natures[1].as_mut().unwrap().interpreted.handover =
            Some(Handover { tasks: 100, parcels: 100, sent_bytes: 4_200, returned_bytes, call_ns });
    })
}

pub(super) fn starved(percent: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |_, natures| {
        let threads = natures[1].as_mut().unwrap();
        threads.starved_ns = threads.computing_ns * percent / 100;
    })
}

pub(super) fn disturbed(comparison: &mut Comparison, _: &mut [Option<Nature>]) {
    for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs).skip(3) {
        run.noise.dirty = Some("other processes used 43 % of the processors".into());
    }
}

/// Workers that share no memory, of a function that keeps something in its module.
pub(super) fn own_state(kind: Option<&'static str>) -> Conclusion {
    of(&computing(), &[(Sequential, None), (Processes, None)], 6, |comparison, _| {
        comparison.subject.kind = SubjectKind::Function;
        for run in &mut comparison.contestants[1].runs {
            run.unshared.extend(kind.map(|kind| ("table".into(), kind.into())));
        }
    })
}

/// Calls of which the runner took so much, and does not know so much of that exactly.
pub(super) fn harness(ns: u64, uncertain_ns: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.harness = Some(HarnessCost { ns, uncertain_ns });
        }
    })
}

/// Threads that use one processor and were seen to wait for these locks.
pub(super) fn waiting_for(gil: u64, lock: u64) -> Conclusion {
    of(&computing(), &TWO, 6, |comparison, natures| {
        comparison.subject.kind = SubjectKind::Function;
        natures.iter_mut().flatten().for_each(|nature| nature.interpreted.gil = Some(true));
        let threads = &mut comparison.contestants[1];
        for run in &mut threads.runs {
            run.work_ns = run.work_cpu.known().unwrap().total_ns();
        }
        let by = [(WaitCause::Gil, gil), (WaitCause::Lock, lock)];
        let by = by.map(|(cause, looks)| WaitCount { cause, looks }).to_vec();
        let waits = Some(WaitShares { by, refused: None });
        let mut run = threads.runs[0].clone();
        run.scheduling = Some(Shares { waits, ..Shares::default() });
        threads.traced = Some(run);
    })
}

/// A pool of six beside a loop with all tasks under way.
pub(super) fn under_way(sample: &Sample) -> Conclusion {
    of(sample, &[(Sequential, None), (EventLoop, None), (ThreadPool, Some(6))], 6, |_, _| {})
}

/// One after another, of 200 ms of computing, throttled for so long, at half a processor.
pub(super) fn throttled(ms: u64) -> Conclusion {
    let throttled = Throttled { periods: 4, ns: ms * 1_000_000 };
    of(&computing(), &TWO[..1], 6, |comparison, _| {
        comparison.machine.quota = Some(Quota { cpu_ns: 50_000_000, period_ns: 100_000_000 });
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.noise.throttled = Some(throttled);
        }
    })
}

/// Tables whose waits last so many percent of the shorter one longer than they were asked to.
pub(super) fn late_by(percent: u64) -> Conclusion {
    let late = |strategy| {
        let mut trace = tables(5, 1).run(strategy, 6);
        let waits = trace.steps.iter().map(|step| step.kind == StepKind::Wait);
        let waits: Vec<bool> = waits.collect();
        for span in trace.spans.iter_mut().filter(|span| waits[span.step as usize]) {
            span.end_ns += percent * 1_000_000;
        }
        trace
    };
    let traces = TWO.map(|(strategy, _)| late(strategy));
    let contestants = traces.each_ref().map(|trace| contestant(trace, rounds(trace, 6)));
    let mut comparison = comparison(contestants.to_vec(), 5);
    compare::rank(&mut comparison, None);
    conclude(&comparison, &traces.each_ref().map(|trace| nature(trace, CORES)))
}

/// Processes beside those of this runtime, which takes 1 ms to hand over a task.
pub(super) fn engine(runtime: &'static str) -> Conclusion {
    let models = [(Processes, Some(2)), (Processes, Some(2))];
    of(&computing(), &models, 6, |comparison, natures| {
        comparison.contestants[1].model.runtime = runtime.into();
        comparison.contestants[1].runs.iter_mut().for_each(|run| run.work_ns += run.work_ns / 3);
        let handover =
            Handover { tasks: 20, parcels: 20, call_ns: 1_000_000, ..Handover::default() };
        natures[1].as_mut().unwrap().interpreted.handover = Some(handover);
    })
}

/// These died in the middle.
pub(super) fn crashed(who: &[usize]) -> Conclusion {
    of(&computing(), &[(Threads, None), (Processes, Some(2))], 6, |comparison, _| {
        for &index in who {
            for run in &mut comparison.contestants[index].runs {
                run.end = RunEnd::Died { how: "killed by signal 9 (SIGKILL)".into() };
                (run.tasks.done, run.tasks.lost) = (9, 11);
            }
        }
    })
}

/// Commands of which so many failed in each round, which was ignored.
pub(super) fn ignoring(failed: Option<u64>) -> Conclusion {
    of(&waiting(), &TWO, 6, |comparison, _| {
        comparison.contestants[0].runs.iter_mut().for_each(|run| run.ignored = failed);
    })
}

/// One task of many failed in this way under both.
pub(super) fn raising(kind: &'static str) -> Conclusion {
    of(&waiting(), &TWO, 6, |comparison, _| {
        for run in comparison.contestants.iter_mut().flat_map(|one| &mut one.runs) {
            run.tasks.done -= 1;
            run.tasks.failed += 1;
            let (kind, text) = (kind.into(), "3 is not wanted".into());
            run.failures.push(Failure { kind, text, count: 1, task: 3, step: None });
        }
    })
}

/// Two models, of which the second was run no more.
pub(super) fn dropped(after: Option<u32>) -> Conclusion {
    of(&waiting(), &TWO, 6, |comparison, _| {
        comparison.contestants[0].runs.truncate(3);
        comparison.contestants[0].dropped = after;
    })
}
