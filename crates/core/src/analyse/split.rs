//! Where the time of tasks went by the counters of the threads that did them: on a processor,
//! runnable without one, or neither. What a function does inside no span shows; this does.
//! Looks at one trace.

use alloc::vec;

use maitred_wire::Strategy;

use crate::trace::Trace;

/// Processor time of threads may be so much of the time of their tasks.
const BETWEEN: f64 = 1.2;
/// Of a delay it may be unknown whether it was within tasks for this share of what tasks need by themselves.
const UNSURE: f64 = 0.2;

/// The time of all tasks, in nanoseconds; for a loop that of its thread while there was work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadTime {
    pub all_ns: u64,
    pub computing_ns: u64,
    /// Ready to run, but without a processor (`schedstat`); `None`: it was not read.
    pub delayed_ns: Option<u64>,
    /// Of that, kept from every processor by the CPU quota.
    pub throttled_ns: u64,
    /// It is a loop's: what its tasks do while they wait costs it nothing.
    pub is_loop: bool,
}

impl ThreadTime {
    /// Neither running nor runnable: waiting for something outside, for another task,
    /// for the lock of an interpreter; and for a processor, where that is not known.
    pub fn rest_ns(&self) -> u64 {
        self.all_ns - self.computing_ns - self.delayed_ns.unwrap_or(0)
    }
}

/// What this trace shows; `None` where a thread is not busy with one task at a time, is no loop
/// either, or ended without its counters.
pub(super) fn split(trace: &Trace) -> Option<ThreadTime> {
    use Strategy as S;
    let is_loop = trace.model.strategy == S::EventLoop;
    let has_lanes = [S::Sequential, S::Threads, S::ThreadPool, S::Processes, S::Interpreters];
    if !is_loop && !has_lanes.contains(&trace.model.strategy) {
        return None;
    }
    let done = trace.done.as_ref()?;
    let ended = trace.tasks.iter().filter(|task| task.start_ns != 0 && task.end_ns != 0);
    let in_tasks = ended.map(|task| task.end_ns.saturating_sub(task.start_ns));
    let all_ns = match is_loop {
        true => done.phases.work.wall_ns(),
        false => in_tasks.fold(0, u64::saturating_add),
    };
    let (mut computing, mut delayed) = (0_u64, Some(0_u64));
    for lane in trace.lanes.iter().filter(|lane| lane.pid != 0) {
        let counters = lane.counters?;
        computing = computing.saturating_add(counters.cpu_ns);
        let both = delayed.zip(counters.run_delay_ns);
        delayed = both.map(|(sum, ns)| sum.saturating_add(ns));
    }
    // A thread's counters also cover what it did between two tasks. Where that is much, they say
    // nothing of the tasks.
    if !is_loop && computing as f64 > BETWEEN * all_ns as f64 {
        return None;
    }
    let computing_ns = computing.min(all_ns);
    // On a busy machine a delay outside of tasks would be taken for one within them, and what they
    // waited for, which is the rest, for nothing.
    let Delay { least_ns, most_ns } = delay(trace);
    let own_ns = all_ns.saturating_sub(most_ns).max(computing_ns);
    if !is_loop && (most_ns - least_ns) as f64 > UNSURE * own_ns as f64 {
        return None;
    }
    let delayed_ns = delayed.map(|ns| ns.min(all_ns - computing_ns));
    let throttled = trace.noise.throttled.map_or(0, |throttled| throttled.ns);
    let throttled_ns = throttled.min(delayed_ns.unwrap_or(0));
    (all_ns > 0).then_some(ThreadTime { all_ns, computing_ns, delayed_ns, throttled_ns, is_loop })
}

/// How long threads were runnable without a processor while they did tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delay {
    pub(super) least_ns: u64,
    pub(super) most_ns: u64,
}

/// As the kernel counted it (`schedstat`) from a thread's first moment to its last: as much of it as it had
/// time for may have been before, between and after its tasks.
pub(super) fn delay(trace: &Trace) -> Delay {
    let Some(phases) = trace.done.as_ref().map(|done| done.phases) else { return Delay::default() };
    let life_ns = phases.teardown.end_ns.saturating_sub(phases.setup.start_ns);
    let mut in_tasks = vec![0_u64; trace.lanes.len()];
    for task in trace.tasks.iter().filter(|task| task.start_ns != 0) {
        if let Some(sum) = in_tasks.get_mut(task.lane as usize) {
            *sum = sum.saturating_add(task.end_ns.saturating_sub(task.start_ns));
        }
    }
    let lanes = trace.lanes.iter().zip(in_tasks);
    let delays = lanes.filter_map(|(lane, ns)| Some((lane.counters?.run_delay_ns?, ns)));
    delays.fold(Delay::default(), |sum, (ns, in_tasks)| Delay {
        least_ns: sum.least_ns.saturating_add(ns.saturating_sub(life_ns.saturating_sub(in_tasks))),
        most_ns: sum.most_ns.saturating_add(ns),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::trace::sample::{Do, Sample, tables};

    /// Ten tasks, each on its own lane, with these counters; of 10 ms of waiting each.
    fn trace(strategy: Strategy, cpu_ns: u64, run_delay_ns: Option<u64>) -> Trace {
        let sample = Sample { program: Vec::from([Do::Wait(10)]), ..tables(10, 1) };
        let mut trace = sample.run(strategy, 10);
        for counters in trace.lanes.iter_mut().filter_map(|lane| lane.counters.as_mut()) {
            (counters.cpu_ns, counters.run_delay_ns) = (cpu_ns, run_delay_ns);
        }
        trace
    }

    #[test]
    fn what_is_neither_on_a_processor_nor_ready_is_the_rest() {
        let found = split(&trace(Strategy::Threads, 1_000_000, Some(2_000_000))).unwrap();
        assert_eq!((found.computing_ns, found.delayed_ns), (10_000_000, Some(20_000_000)));
        assert_eq!(found.rest_ns(), found.all_ns - 30_000_000);
    }

    /// Tasks that wait 50 ms in a life of twice that: a delay of 10 ms may have been outside of them, and is
    /// a fifth of what they need at most; one of 30 ms may have been there, too, and is most of it.
    #[test]
    fn a_delay_that_may_have_been_outside_of_tasks_is_none_within_them() {
        let with_delay = |ns| {
            let mut trace = trace(Strategy::Threads, 1_000_000, Some(ns));
            let phases = &mut trace.done.as_mut().unwrap().phases;
            phases.teardown.end_ns = phases.setup.start_ns + 10_000_000_000;
            trace
        };
        let all_ns = split(&with_delay(0)).unwrap().all_ns;
        let a_tenth = all_ns / 100;
        assert!(split(&with_delay(a_tenth)).is_some());
        assert_eq!(split(&with_delay(6 * a_tenth)), None);
        let found = delay(&with_delay(6 * a_tenth));
        assert_eq!(found, Delay { least_ns: 0, most_ns: 60 * a_tenth });
    }

    #[test]
    fn a_delay_that_nobody_read_is_unknown() {
        let found = split(&trace(Strategy::Threads, 1_000_000, None)).unwrap();
        assert_eq!((found.delayed_ns, found.rest_ns()), (None, found.all_ns - 10_000_000));
    }

    #[test]
    fn counters_that_are_mostly_of_other_things_say_nothing() {
        assert_eq!(split(&trace(Strategy::Threads, 90_000_000, Some(0))), None);
        assert_eq!(split(&trace(Strategy::Hybrid, 1_000_000, Some(0))), None);
        let mut killed = trace(Strategy::Processes, 1_000_000, Some(0));
        killed.lanes[0].counters = None;
        assert_eq!(split(&killed), None);
    }
}
