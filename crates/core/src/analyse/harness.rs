//! How much of the work of a run was the runner's own: what it adds to each task, as it measured it
//! itself on work that does nothing. The one entrance is [`taken_off`].

use maitred_wire::{Cpu, Harness, Strategy};

use crate::result::HarnessCost;
use crate::trace::Trace;

/// Of work that keeps a processor busy for less of the time, what the runner does passes while
/// something else is waited for.
const BUSY: f64 = 0.5;

/// What to take off the `wall_ns` of the work in which so many tasks ended, and how far that is
/// uncertain; `None`: the runner did not measure it.
pub(super) fn taken_off(head: &Trace, ended: u64, wall_ns: u64) -> Option<HarnessCost> {
    let done = head.done.as_ref()?;
    let Harness { call_ns, low_ns, high_ns } = done.harness?;
    let cpu = done.phases.work.cpu.as_ref().map(Cpu::total_ns);
    let at_once = head.model.strategy != Strategy::Sequential;
    let cores_used = cpu.map(|cpu| cpu as f64 / wall_ns.max(1) as f64);
    // Where it is not known, each lane is taken to have a processor: less is taken off then.
    let spread = cores_used.unwrap_or(head.lanes.len() as f64).max(1.0);
    let all = |each: f64| (each * ended as f64 / spread * stretched(head)) as u64;
    let (cost, range) = (all(call_ns), all((high_ns - low_ns).max(0.0)));
    if at_once && cores_used.is_some_and(|used| used < BUSY) {
        return Some(HarnessCost { ns: 0, uncertain_ns: cost.min(wall_ns) });
    }
    if all(high_ns) < wall_ns {
        return Some(HarnessCost { ns: cost, uncertain_ns: (range / 2).max(1) });
    }
    // It may have been all of it. What is left lies between nothing and what the least that the runner
    // takes leaves; where even that is more than was measured, nothing is known.
    let most = match wall_ns.saturating_sub(all(low_ns)) {
        0 => wall_ns,
        left => left,
    };
    let left = (most / 2).max(1);
    Some(HarnessCost { ns: wall_ns.saturating_sub(left), uncertain_ns: left })
}

/// By how much longer everything took because others had the processors: ready and on one ÷ on one.
fn stretched(head: &Trace) -> f64 {
    let counters = || head.lanes.iter().filter_map(|lane| lane.counters);
    let on: u64 = counters().map(|one| one.cpu_ns).fold(0, u64::saturating_add);
    let ready = counters()
        .map(|one| one.run_delay_ns)
        .try_fold(0, |sum: u64, ns| Some(sum.saturating_add(ns?)));
    ready.map_or(1.0, |ready| 1.0 + ready as f64 / on.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use maitred_wire::{Phase, Phases};

    use super::*;
    use crate::trace::sample::tables;

    /// A run of this strategy whose work took so long and used so much processor time.
    fn run(strategy: Strategy, wall_ns: u64, cpu_ns: u64) -> Option<HarnessCost> {
        delayed(strategy, wall_ns, cpu_ns, 0)
    }

    /// The same with threads that were runnable without a processor for a part of their time.
    fn delayed(strategy: Strategy, wall_ns: u64, cpu_ns: u64, percent: u64) -> Option<HarnessCost> {
        let mut trace = tables(4, 1).run(strategy, 2);
        for counters in trace.lanes.iter_mut().filter_map(|lane| lane.counters.as_mut()) {
            (counters.cpu_ns, counters.run_delay_ns) = (1000, Some(10 * percent));
        }
        let done = trace.done.as_mut().unwrap();
        let cpu = Some(Cpu { user_ns: cpu_ns, system_ns: 0 });
        done.phases = Phases { work: Phase { start_ns: 0, end_ns: wall_ns, cpu }, ..done.phases };
        done.harness = Some(Harness { call_ns: 100.0, low_ns: 90.0, high_ns: 130.0 });
        taken_off(&trace, 1000, wall_ns)
    }

    #[test]
    fn what_is_added_to_each_call_comes_off() {
        let cost = HarnessCost { ns: 100_000, uncertain_ns: 20_000 };
        assert_eq!(run(Strategy::Sequential, 1_000_000, 1_000_000), Some(cost));
        assert_eq!(run(Strategy::ThreadPool, 1_000_000, 900_000), Some(cost));
    }

    #[test]
    fn where_several_processors_work_each_did_its_part_of_it() {
        let cost = HarnessCost { ns: 50_000, uncertain_ns: 10_000 };
        assert_eq!(run(Strategy::Processes, 1_000_000, 2_000_000), Some(cost));
    }

    #[test]
    fn what_others_made_longer_it_made_longer_too() {
        let cost = HarnessCost { ns: 150_000, uncertain_ns: 30_000 };
        assert_eq!(delayed(Strategy::Sequential, 1_500_000, 1_000_000, 50), Some(cost));
    }

    #[test]
    fn while_others_wait_it_may_have_cost_no_time() {
        let cost = HarnessCost { ns: 0, uncertain_ns: 100_000 };
        assert_eq!(run(Strategy::EventLoop, 1_000_000, 300_000), Some(cost));
    }

    #[test]
    fn where_it_may_have_been_all_what_is_left_lies_between_nothing_and_that() {
        let cost = run(Strategy::Sequential, 110_000, 110_000).unwrap();
        assert_eq!(cost, HarnessCost { ns: 100_000, uncertain_ns: 10_000 });
        let cost = run(Strategy::Sequential, 60_000, 60_000).unwrap();
        assert_eq!(cost, HarnessCost { ns: 30_000, uncertain_ns: 30_000 });
    }

    #[test]
    fn a_runner_that_does_not_measure_it_changes_nothing() {
        let trace = tables(4, 1).run(Strategy::Sequential, 1);
        assert_eq!(taken_off(&trace, 4, 1000), None);
    }
}
