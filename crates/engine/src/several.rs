//! Several rounds that were one plan, as the traces that they would have been by themselves: the one
//! entrance is [`apart`]. What was done once for all of them (starting, setting up, tearing down) is
//! divided among them, and so is what was counted for the thread that did them all.

use std::time::Duration;

use maitred_core::result::Run;
use maitred_core::trace::{Lane, LaneCounters, Observed, RunEnd, Span, Task, Trace, Usage};
use maitred_wire::trace_file::Layout;
use maitred_wire::{Cpu, Phase, Plan, Round};

use crate::measure::clock::nanos;

/// Several rounds of one plan take about so long, and have so many tasks at most: far more than a plan
/// costs, long enough that the kernel's count of what others used says something, and short enough to
/// be looked at now and then.
const TIME: Duration = Duration::from_millis(200);
const TASKS: u32 = 1000;

/// How many rounds like this one, of so many tasks each, make a plan, if they may take so long.
pub(crate) fn rounds(like: &Run, time: Duration, tasks: u32) -> u32 {
    let one_ns = like.startup_ns + like.setup_ns + like.work_ns + like.teardown_ns;
    let rounds = nanos(time.min(TIME)) / one_ns.max(1);
    (rounds as u32).min(TASKS / tasks.max(1)).max(1)
}

/// The same with room for so many rounds of the work, which are done on one lane.
pub(crate) fn layout(one: Layout, rounds: u32) -> Layout {
    Layout {
        lanes: one.lanes,
        tasks: one.tasks * rounds,
        spans_per_lane: one.spans_per_lane * rounds,
    }
}

/// Asks for so many rounds of the work that this is the plan of.
pub(crate) fn ask(plan: &mut Plan, rounds: u32) {
    plan.rounds = rounds;
    plan.groups.iter_mut().for_each(|group| group.count *= rounds);
}

/// The traces of the `ended` rounds of so many tasks each, and that of the round after them, where one
/// was under way when the run ended otherwise.
pub(crate) fn apart(mut whole: Trace, ended: &[Round], tasks: usize) -> Vec<Trace> {
    if whole.end == RunEnd::Finished && ended.is_empty() {
        let how = "said nothing of the rounds that it was asked for".to_owned();
        whole.end = RunEnd::Died { how };
    }
    let is_over = |part: &&[Task]| part.iter().all(|task| task.end_ns != 0);
    let under_way = match &whole.done {
        Some(_) => ended.len(),
        // It died with what it had counted.
        None => whole.tasks.chunks(tasks).take_while(is_over).count(),
    };
    let is_cut = whole.end != RunEnd::Finished;
    let count = ended.len() + usize::from(is_cut);
    let mut begin_ns = whole.done.as_ref().map_or(0, |done| done.phases.work.start_ns);
    let mut parts = Vec::with_capacity(count);
    for (index, round) in ended.iter().enumerate() {
        let used = round.used;
        let cpu = Cpu { user_ns: used.user_ns, system_ns: used.system_ns };
        let work = Phase { start_ns: begin_ns, end_ns: round.end_ns, cpu: Some(cpu) };
        let is_last = index + 1 == count;
        let usage = Usage {
            user_ns: used.user_ns,
            system_ns: used.system_ns,
            voluntary: used.voluntary,
            involuntary: used.involuntary,
            major_faults: used.major_faults,
        };
        let part = part(&whole, index * tasks..(index + 1) * tasks, work, count as u64, is_last);
        parts.push(Trace { end: RunEnd::Finished, usage: Observed::Known(usage), ..part });
        begin_ns = round.end_ns;
    }
    if is_cut {
        let end_ns = whole.done.as_ref().map_or(0, |done| done.phases.work.end_ns.max(begin_ns));
        let work = Phase { start_ns: begin_ns, end_ns, cpu: None };
        let first = (under_way * tasks).min(whole.tasks.len().saturating_sub(tasks));
        let why = "the run ended before the round did".to_owned();
        let part = part(&whole, first..first + tasks, work, count as u64, true);
        parts.push(Trace { usage: Observed::Unknown(why), ..part });
    }
    parts
}

/// The round that these tasks were. What failed did so in the last one: no other is begun after it.
fn part(
    whole: &Trace,
    tasks: std::ops::Range<usize>,
    work: Phase,
    count: u64,
    is_last: bool,
) -> Trace {
    let first = tasks.start as u32;
    let spans = whole.spans.iter().filter(|span| tasks.contains(&(span.task as usize)));
    let spans = spans.map(|span| Span { task: span.task - first, ..*span });
    let records = whole.tasks.get(tasks.clone()).unwrap_or_default().to_vec();
    let over = records.iter().filter(|task| task.end_ns != 0).count() as u32;
    let lanes = whole.lanes.iter().map(|lane| {
        let counters = lane.counters.map(|all| LaneCounters {
            cpu_ns: all.cpu_ns / count,
            run_delay_ns: all.run_delay_ns.map(|ns| ns / count),
            voluntary: all.voluntary / count as u32,
            involuntary: all.involuntary / count as u32,
        });
        Lane { tasks_ended: over, counters, ..*lane }
    });
    let done = whole.done.as_ref().map(|done| {
        let mut done = done.clone();
        if !is_last {
            (done.failures, done.notes) = (Vec::new(), Vec::new());
        }
        for failure in &mut done.failures {
            failure.task = failure.task.saturating_sub(first);
        }
        done.phases.setup = share(done.phases.setup, count);
        done.phases.work = work;
        done.phases.teardown = share(done.phases.teardown, count);
        done
    });
    Trace {
        lanes: lanes.collect(),
        tasks: records,
        spans: spans.collect(),
        startup: share(whole.startup, count),
        done,
        ..whole.without_records()
    }
}

/// The share that one of so many has in what was done once for all.
fn share(phase: Phase, count: u64) -> Phase {
    let cpu =
        phase.cpu.map(|cpu| Cpu { user_ns: cpu.user_ns / count, system_ns: cpu.system_ns / count });
    Phase { start_ns: phase.start_ns, end_ns: phase.start_ns + phase.wall_ns() / count, cpu }
}

#[cfg(test)]
mod tests {
    use maitred_core::trace::{Executor, Group, Noise, Origin, Outcome};
    use maitred_wire::trace_file::{Role, TaskOutcome};
    use maitred_wire::{Failure, Model, Phases, Strategy, Used};

    use super::*;

    /// Tasks of one lane that each take from 10 · n to 10 · n + 8; of these so many have begun, and all
    /// but the last of them have ended.
    fn whole(tasks: u64, begun: u64) -> Trace {
        let task = |n: u64| Task {
            start_ns: if n < begun { 1000 + 10 * n } else { 0 },
            end_ns: if n + 1 < begun || begun == tasks { 1008 + 10 * n } else { 0 },
            lane: 0,
            step: Some(0),
            outcome: TaskOutcome::Done,
        };
        let tasks: Vec<Task> = (0..tasks).map(task).collect();
        let span = |(n, task): (u32, &Task)| Span {
            task: n,
            step: 0,
            lane: 0,
            start_ns: task.start_ns,
            end_ns: task.end_ns,
        };
        let counters =
            LaneCounters { cpu_ns: 90, run_delay_ns: Some(30), voluntary: 6, involuntary: 3 };
        let lane = Lane {
            pid: 7,
            tid: 8,
            role: Role::Worker,
            tasks_ended: begun as u32,
            dropped: 0,
            counters: Some(counters),
        };
        let phase = |start_ns, end_ns| Phase { start_ns, end_ns, cpu: None };
        let phases = Phases {
            setup: phase(970, 1000),
            work: phase(1000, 1100),
            teardown: phase(1100, 1160),
        };
        let unknown = || "nobody asked".to_owned();
        Trace {
            origin: Origin::Measured(Executor::new("native", "1")),
            model: Model::new("command", Strategy::Sequential),
            workers: 1,
            steps: Vec::new(),
            groups: vec![Group {
                name: "true".into(),
                first: 0,
                count: 2,
                arrivals_ns: Vec::new(),
            }],
            resources: Vec::new(),
            channels: Vec::new(),
            lanes: vec![lane],
            spans: (0..).zip(&tasks).map(span).collect(),
            tasks,
            startup: phase(900, 960),
            done: Some(Outcome { phases, ..Outcome::default() }),
            end: RunEnd::Finished,
            usage: Observed::Unknown(unknown()),
            memory: Observed::Unknown(unknown()),
            noise: Noise::default(),
            servers: Vec::new(),
            scheduling: Observed::Unknown(unknown()),
            log: String::new(),
        }
    }

    fn round(end_ns: u64, user_ns: u64) -> Round {
        Round { end_ns, used: Used { user_ns, ..Used::default() } }
    }

    /// Start and end of the work of each.
    fn works(parts: &[Trace]) -> Vec<(u64, u64)> {
        let work = |part: &Trace| part.done.as_ref().unwrap().phases.work;
        parts.iter().map(work).map(|work| (work.start_ns, work.end_ns)).collect()
    }

    #[test]
    fn each_round_is_a_trace_of_its_own() {
        let parts = apart(whole(6, 6), &[round(1019, 5), round(1039, 6), round(1060, 7)], 2);
        assert_eq!(works(&parts), [(1000, 1019), (1019, 1039), (1039, 1060)]);
        for (part, used) in parts.iter().zip(5..) {
            let starts: Vec<u64> = part.tasks.iter().map(|task| task.start_ns).collect();
            let spans: Vec<(u32, u64)> =
                part.spans.iter().map(|span| (span.task, span.start_ns)).collect();
            assert_eq!(spans, [(0, starts[0]), (1, starts[1])]);
            assert_eq!(part.usage.known().map(|usage| usage.user_ns), Some(used));
            let phases = part.done.as_ref().unwrap().phases;
            assert_eq!(phases.work.cpu.map(|cpu| cpu.user_ns), Some(used));
            let once = [part.startup, phases.setup, phases.teardown].map(|phase| phase.wall_ns());
            assert_eq!(once, [20, 10, 20], "a third each");
            let lane = part.lanes[0];
            assert_eq!((lane.tasks_ended, lane.counters.map(|one| one.cpu_ns)), (2, Some(30)));
            assert_eq!(part.end, RunEnd::Finished);
        }
    }

    #[test]
    fn what_failed_belongs_to_the_last_round() {
        let mut failing = whole(6, 6);
        let failure =
            Failure { kind: "exit".into(), text: "ended".into(), count: 1, task: 3, step: None };
        failing.done.as_mut().unwrap().failures.push(failure);
        let parts = apart(failing, &[round(1019, 5), round(1039, 6)], 2);
        let failures = |part: &Trace| part.done.as_ref().unwrap().failures.clone();
        assert_eq!((parts.len(), failures(&parts[0])), (2, Vec::new()));
        assert_eq!(failures(&parts[1])[0].task, 1, "of the tasks of its round");
    }

    #[test]
    fn a_round_that_was_cut_short_is_the_last_and_ends_as_the_run_did() {
        let interrupted = Trace { end: RunEnd::Interrupted, ..whole(6, 4) };
        let parts = apart(interrupted, &[round(1019, 5)], 2);
        assert_eq!(works(&parts), [(1000, 1019), (1019, 1100)]);
        assert_eq!((&parts[0].end, &parts[1].end), (&RunEnd::Finished, &RunEnd::Interrupted));
        assert_eq!(parts[1].tasks[0].start_ns, 1020);

        let died = RunEnd::Died { how: "killed".into() };
        let parts = apart(Trace { end: died.clone(), done: None, ..whole(6, 6) }, &[], 2);
        assert_eq!((parts.len(), &parts[0].end, parts[0].tasks[0].start_ns), (1, &died, 1040));
    }

    #[test]
    fn a_runner_that_says_nothing_of_rounds_has_done_none() {
        let parts = apart(whole(4, 4), &[], 2);
        assert!(matches!(&parts[..], [Trace { end: RunEnd::Died { .. }, .. }]));
    }
}
