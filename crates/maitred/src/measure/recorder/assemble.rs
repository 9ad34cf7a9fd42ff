//! From the records of each processor to threads and their slices. The main type is [`Assembly`].

use std::collections::HashMap;

use maitred_core::trace::{Scheduling, Slice, SliceEnd, Source, Thread};

use super::decode::{Event, What};

/// So many slices are kept: 240 MB of them.
const SLICES_MAX: usize = 10_000_000;

/// Takes the records of all processors, each in its order, and puts them together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    /// By processor: who is on it, since when.
    on: HashMap<u16, On>,
    /// Thread ids are given out again: the last of each number.
    by_tid: HashMap<u32, u32>,
    threads: Vec<Thread>,
    slices: Vec<Slice>,
    records: u64,
    lost: u64,
    left_out: u64,
}

#[derive(Clone, Copy, Debug)]
struct On {
    thread: u32,
    since_ns: u64,
}

impl Assembly {
    /// The next record of this processor.
    pub(super) fn take(&mut self, cpu: u16, event: Event) {
        self.records += 1;
        let Event { pid, tid, ns, what } = event;
        match what {
            What::In => {
                let thread = self.thread(pid, tid, ns);
                self.leave(cpu, None);
                self.on.insert(cpu, On { thread, since_ns: ns });
            }
            What::Out { preempted } => {
                let thread = self.thread(pid, tid, ns);
                let end = if preempted { SliceEnd::Preempted } else { SliceEnd::Blocked };
                self.leave(cpu, Some((thread, ns, end)));
            }
            What::Forked { parent } => {
                let parent = self.by_tid.get(&parent).copied();
                self.begin(pid, tid, ns, parent);
            }
            What::Exited => {
                let thread = self.thread(pid, tid, ns);
                self.threads[thread as usize].end_ns = ns;
                self.leave(cpu, Some((thread, ns, SliceEnd::Exited)));
            }
            What::Named { name, exec } => {
                let thread = self.thread(pid, tid, ns);
                self.threads[thread as usize].name = name;
                // Recording begins within the first exec: it was on this processor already.
                if exec && !self.on.contains_key(&cpu) {
                    self.on.insert(cpu, On { thread, since_ns: ns });
                }
            }
            What::Lost(count) => {
                self.records -= 1;
                self.lost += count;
                // Who was on it when the gap began may have left in the gap.
                self.on.remove(&cpu);
            }
        }
    }

    /// The kernel counted so many records without room on one processor.
    pub(super) fn lost(&mut self, all: u64) {
        self.lost = self.lost.max(all);
    }

    /// Everything, at `now_ns`: who is still on a processor is there until then at least.
    pub(super) fn finish(mut self, cpus: Vec<u16>) -> Scheduling {
        let on: Vec<(u16, On)> = self.on.drain().collect();
        for (cpu, On { thread, since_ns }) in on {
            // Its end was not recorded: the last record of its processor was that it came.
            let slice =
                Slice { start_ns: since_ns, end_ns: since_ns, thread, cpu, end: SliceEnd::Unknown };
            self.keep(slice);
        }
        self.slices.sort_by_key(|slice| slice.start_ns);
        let mut missing = Vec::new();
        if self.lost > 0 {
            missing
                .push(format!("{} records of the scheduler had no room and are lost", self.lost));
        }
        if self.left_out > 0 {
            missing.push(format!("{} slices beyond {SLICES_MAX} are left out", self.left_out));
        }
        Scheduling {
            source: Source::Switches,
            cpus,
            threads: self.threads,
            slices: self.slices,
            records: self.records,
            lost: self.lost,
            missing,
        }
    }

    fn thread(&mut self, pid: u32, tid: u32, ns: u64) -> u32 {
        match self.by_tid.get(&tid) {
            Some(&thread) => thread,
            None => self.begin(pid, tid, ns, None),
        }
    }

    /// A thread that was not there before, or whose number belonged to one that ended. Its first
    /// switch may have been read before the record that it was started, from another processor.
    fn begin(&mut self, pid: u32, tid: u32, ns: u64, parent: Option<u32>) -> u32 {
        if let Some(&known) = self.by_tid.get(&tid) {
            let thread = &mut self.threads[known as usize];
            if thread.end_ns == 0 || thread.end_ns > ns {
                thread.start_ns = thread.start_ns.min(ns);
                thread.parent = thread.parent.or(parent);
                return known;
            }
        }
        let index = u32::try_from(self.threads.len()).expect("thread ids have 32 bits");
        let name = parent.map_or_else(String::new, |one| self.threads[one as usize].name.clone());
        self.threads.push(Thread {
            pid,
            tid,
            name,
            parent,
            start_ns: ns,
            end_ns: 0,
            run_delay_ns: None,
            cpu_ns: None,
        });
        self.by_tid.insert(tid, index);
        index
    }

    /// Ends the slice of who is on the processor, if that is who is said to leave it.
    fn leave(&mut self, cpu: u16, who: Option<(u32, u64, SliceEnd)>) {
        let Some(On { thread, since_ns }) = self.on.remove(&cpu) else { return };
        if let Some((leaving, end_ns, end)) = who
            && leaving == thread
            && end_ns >= since_ns
        {
            self.keep(Slice { start_ns: since_ns, end_ns, thread, cpu, end });
        }
    }

    fn keep(&mut self, slice: Slice) {
        if self.slices.len() < SLICES_MAX {
            self.slices.push(slice);
        } else {
            self.left_out += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tid: u32, ns: u64, what: What) -> Event {
        Event { pid: 1, tid, ns, what }
    }

    fn assembled(events: &[(u16, Event)]) -> Scheduling {
        let mut assembly = Assembly::default();
        events.iter().for_each(|(cpu, event)| assembly.take(*cpu, event.clone()));
        assembly.finish(vec![0, 1])
    }

    #[test]
    fn a_thread_that_comes_and_goes_has_slices() {
        let named = What::Named { name: "first".into(), exec: true };
        let scheduling = assembled(&[
            (0, event(1, 10, named)),
            (0, event(2, 15, What::Forked { parent: 1 })),
            (1, event(2, 16, What::In)),
            (0, event(1, 20, What::Out { preempted: true })),
            (0, event(1, 30, What::In)),
            (1, event(2, 31, What::Exited)),
            (0, event(1, 40, What::Out { preempted: false })),
        ]);
        let threads = &scheduling.threads;
        assert_eq!((threads[1].name.as_str(), threads[1].parent), ("first", Some(0)));
        assert_eq!((threads[1].start_ns, threads[1].end_ns), (15, 31));
        let slices: Vec<_> = scheduling
            .slices
            .iter()
            .map(|one| (one.thread, one.cpu, one.start_ns, one.end_ns, one.end))
            .collect();
        assert_eq!(
            slices,
            [
                (0, 0, 10, 20, SliceEnd::Preempted),
                (1, 1, 16, 31, SliceEnd::Exited),
                (0, 0, 30, 40, SliceEnd::Blocked),
            ]
        );
        assert_eq!((scheduling.records, scheduling.lost), (7, 0));
    }

    #[test]
    fn what_falls_into_a_gap_is_not_invented() {
        let scheduling = assembled(&[
            (0, event(1, 10, What::In)),
            (0, event(1, 15, What::Lost(5))),
            (0, event(1, 30, What::Out { preempted: false })),
            (0, event(1, 40, What::In)),
        ]);
        assert_eq!(scheduling.lost, 5);
        let ends: Vec<_> = scheduling.slices.iter().map(|slice| slice.end).collect();
        assert_eq!(ends, [SliceEnd::Unknown]);
        assert!(scheduling.missing[0].contains("5 records"));
    }

    #[test]
    fn a_number_that_is_given_out_again_is_another_thread() {
        let scheduling = assembled(&[
            (0, event(3, 10, What::In)),
            (0, event(3, 20, What::Exited)),
            (0, event(3, 30, What::Forked { parent: 1 })),
            (0, event(3, 31, What::In)),
            (0, event(3, 32, What::Out { preempted: false })),
        ]);
        assert_eq!(scheduling.threads.len(), 2);
        assert_eq!(scheduling.slices[1].thread, 1);
    }
}
