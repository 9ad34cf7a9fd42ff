//! What the threads of commands did: the thread whose step a command is only waits for it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::states::Timelines;
use crate::result::Split;
use crate::trace::{Scheduling, Span};

/// The processes that each thread has started, by thread and then by start.
#[derive(Debug)]
pub(super) struct Commands<'a> {
    scheduling: &'a Scheduling,
    timelines: &'a Timelines,
    /// First threads of processes, by the thread that started them.
    processes: BTreeMap<u32, Vec<u32>>,
    /// All threads, by the thread that started them.
    children: BTreeMap<u32, Vec<u32>>,
}

impl<'a> Commands<'a> {
    pub(super) fn new(scheduling: &'a Scheduling, timelines: &'a Timelines) -> Self {
        let mut processes: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (number, thread) in (0..).zip(&scheduling.threads) {
            let Some(parent) = thread.parent.filter(|&parent| parent != number) else { continue };
            children.entry(parent).or_default().push(number);
            let of_parent = scheduling.threads.get(parent as usize).map(|one| one.pid);
            if of_parent.is_some_and(|pid| pid != thread.pid) {
                processes.entry(parent).or_default().push(number);
            }
        }
        let start = |number: &u32| scheduling.threads[*number as usize].start_ns;
        processes.values_mut().for_each(|started| started.sort_by_key(start));
        Self { scheduling, timelines, processes, children }
    }

    /// The step of a thread that waits for its command: what the busiest thread of the command
    /// did, or its own doings before and after. Not known where no process was seen.
    pub(super) fn of_step(&self, thread: usize, span: &Span) -> Split {
        let started = self.started_by(thread);
        let from = started.partition_point(|&one| self.start_ns(one) < span.start_ns);
        let to = started.partition_point(|&one| self.start_ns(one) <= span.end_ns);
        if from >= to {
            let own = self.timelines.split(thread, span.start_ns, span.end_ns);
            let unknown_ns = own.unknown_ns.saturating_add(own.blocked_ns);
            return Split { unknown_ns, blocked_ns: 0, ..own };
        }
        let mut members = Vec::new();
        started[from..to].iter().for_each(|&process| self.gather(process, &mut members));
        members.push((thread, 0, u64::MAX));
        self.timelines.split_together(&members, span.start_ns, span.end_ns)
    }

    /// Of a loop, which goes on meanwhile: all the commands that it has started, each from its
    /// start to its end.
    pub(super) fn of_loop(&self, thread: usize) -> Vec<Split> {
        let of_process = |&process: &u32| {
            let mut members = Vec::new();
            self.gather(process, &mut members);
            let end = members.iter().map(|member| member.2).max().unwrap_or(0);
            self.timelines.split_together(&members, self.start_ns(process), end)
        };
        self.started_by(thread).iter().map(of_process).collect()
    }

    fn started_by(&self, thread: usize) -> &[u32] {
        let number = u32::try_from(thread).expect("threads are numbered with 32 bits");
        self.processes.get(&number).map_or(&[], |started| started)
    }

    fn start_ns(&self, thread: u32) -> u64 {
        self.scheduling.threads[thread as usize].start_ns
    }

    /// A thread and all that it has started, each with the time in which it was there.
    fn gather(&self, thread: u32, members: &mut Vec<(usize, u64, u64)>) {
        let first = members.len();
        let mut next = first;
        self.add(thread, members);
        while next < members.len() {
            let number = u32::try_from(members[next].0).expect("it is the number of a thread");
            // Whoever damaged a file may have made threads their own ancestors.
            if members.len() - first <= self.scheduling.threads.len() {
                for &child in self.children.get(&number).map_or(&[][..], |all| all) {
                    self.add(child, members);
                }
            }
            next += 1;
        }
    }

    fn add(&self, thread: u32, members: &mut Vec<(usize, u64, u64)>) {
        let facts = &self.scheduling.threads[thread as usize];
        let last = self.timelines.slices(thread as usize).last().map_or(0, |slice| slice.end_ns);
        let end = if facts.end_ns == 0 { last } else { facts.end_ns };
        members.push((thread as usize, facts.start_ns, end));
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::trace::{Slice, SliceEnd, Thread};

    /// A worker that waits from 10 on for a command of two threads: one from 12 to 40, which it
    /// has started, and one of another process from 20 to 30, which that one has started.
    fn scheduling() -> Scheduling {
        let thread = |pid, parent, start_ns, end_ns| Thread {
            pid,
            tid: pid,
            parent,
            start_ns,
            end_ns,
            ..Thread::default()
        };
        let slice = |thread, start_ns, end_ns, end| Slice { start_ns, end_ns, thread, cpu: 0, end };
        Scheduling {
            threads: vec![
                thread(1, None, 0, 0),
                thread(2, Some(0), 12, 40),
                thread(3, Some(1), 20, 30),
            ],
            slices: vec![
                slice(0, 0, 13, SliceEnd::Blocked),
                slice(1, 14, 18, SliceEnd::Blocked),
                slice(2, 22, 25, SliceEnd::Preempted),
                slice(2, 28, 30, SliceEnd::Exited),
                slice(1, 35, 40, SliceEnd::Exited),
                slice(0, 42, 60, SliceEnd::Blocked),
            ],
            ..Scheduling::default()
        }
    }

    #[test]
    fn a_step_is_what_its_command_did_and_not_the_thread_that_waits() {
        let scheduling = scheduling();
        let timelines = Timelines::new(&scheduling);
        let commands = Commands::new(&scheduling, &timelines);
        let span = Span { task: 0, step: 0, lane: 0, start_ns: 10, end_ns: 50 };
        let split = commands.of_step(0, &span);
        // Ready from 13 to 14, from 20 to 22 and from 25 to 28.
        let running_ns = 3 + 4 + 3 + 2 + 5 + 8;
        let expected =
            Split { running_ns, runnable_ns: 6, blocked_ns: 2 + 5 + 2, ..Split::default() };
        assert_eq!(split, expected);
    }

    #[test]
    fn a_loop_has_as_many_as_it_started_each_in_its_own_time() {
        let scheduling = scheduling();
        let timelines = Timelines::new(&scheduling);
        let of_loop = Commands::new(&scheduling, &timelines).of_loop(0);
        let expected =
            Split { running_ns: 14, runnable_ns: 2 + 2 + 3, blocked_ns: 7, ..Split::default() };
        assert_eq!(of_loop, [expected]);
    }

    #[test]
    fn a_command_that_was_not_seen_is_not_taken_for_blocked() {
        let mut scheduling = scheduling();
        scheduling.threads.truncate(1);
        let timelines = Timelines::new(&scheduling);
        let span = Span { task: 0, step: 0, lane: 0, start_ns: 10, end_ns: 50 };
        let split = Commands::new(&scheduling, &timelines).of_step(0, &span);
        let expected = Split { running_ns: 3 + 8, unknown_ns: 29, ..Split::default() };
        assert_eq!(split, expected);
    }
}
