//! From the records of all processors to threads and their slices. The main type is [`Assembly`].

use maitred_core::trace::{Gap, Kinds, Scheduling, Slice, SliceEnd, Source, Thread};
use rustc_hash::FxHashMap;

use super::decode::{Event, What};

/// So many slices are kept: 320 MB of them.
const SLICES_MAX: usize = 10_000_000;
/// So many gaps; what is lost beyond makes the last one longer.
const GAPS_MAX: usize = 10_000;

/// Takes the records of all processors in the order of their times, and puts them together.
#[derive(Clone, Debug)]
pub(super) struct Assembly {
    processors: Vec<Processor>,
    /// Thread ids are given out again: the last of each number.
    by_tid: FxHashMap<u32, u32>,
    threads: Vec<Thread>,
    /// By thread.
    counts: Vec<Counts>,
    slices: Vec<Slice>,
    gaps: Vec<Gap>,
    kinds: Kinds,
    lost: u64,
    left_out: u64,
    unreadable_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Processor {
    cpu: u16,
    on: Option<On>,
    /// Of its last record, or when recording began.
    last_ns: u64,
    lost: u64,
}

/// A thread that is on a processor.
#[derive(Clone, Copy, Debug)]
struct On {
    thread: u32,
    since_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    voluntary: u64,
    preempted: u64,
    migrations: u64,
    last_cpu: Option<u16>,
}

impl Assembly {
    /// For rings of these processors, read from that time on.
    pub(super) fn new(cpus: &[u16], now_ns: u64) -> Self {
        let processor = |&cpu: &u16| Processor { cpu, on: None, last_ns: now_ns, lost: 0 };
        Self {
            processors: cpus.iter().map(processor).collect(),
            by_tid: FxHashMap::default(),
            threads: Vec::new(),
            counts: Vec::new(),
            slices: Vec::new(),
            gaps: Vec::new(),
            kinds: Kinds::default(),
            lost: 0,
            left_out: 0,
            unreadable_bytes: 0,
        }
    }

    /// The next record of this ring.
    pub(super) fn take(&mut self, ring: u16, event: Event) {
        let Event { pid, tid, ns, what } = event;
        match what {
            What::In => {
                self.kinds.came += 1;
                let thread = self.thread(pid, tid, ns);
                self.cut(ring);
                self.come(ring, thread, ns);
            }
            What::Out { preempted } => {
                self.kinds.left += 1;
                let thread = self.thread(pid, tid, ns);
                let counts = &mut self.counts[thread as usize];
                *if preempted { &mut counts.preempted } else { &mut counts.voluntary } += 1;
                let end = if preempted { SliceEnd::Preempted } else { SliceEnd::Blocked };
                self.leave(ring, thread, ns, end);
            }
            What::Forked { parent } => {
                self.kinds.forks += 1;
                let parent = self.by_tid.get(&parent).copied();
                self.begin(pid, tid, ns, parent);
            }
            What::Exited => {
                self.kinds.exits += 1;
                let thread = self.thread(pid, tid, ns);
                self.threads[thread as usize].end_ns = ns;
                self.leave(ring, thread, ns, SliceEnd::Exited);
            }
            What::Named { name, exec } => {
                *if exec { &mut self.kinds.execs } else { &mut self.kinds.renames } += 1;
                let thread = self.thread(pid, tid, ns);
                self.threads[thread as usize].name = name.into();
                // Recording begins within the first exec: it was on this processor already.
                if exec && self.processors[usize::from(ring)].on.is_none() {
                    self.come(ring, thread, ns);
                }
            }
            What::Other => self.kinds.others += 1,
            What::Lost(count) => self.lose(ring, count, ns),
        }
        self.processors[usize::from(ring)].last_ns = ns;
    }

    /// How many slices there are.
    pub(super) fn len(&self) -> usize {
        self.slices.len()
    }

    /// So many bytes were no records.
    pub(super) fn unreadable(&mut self, bytes: usize) {
        self.unreadable_bytes += bytes;
    }

    /// The kernel counted so many records without room for this ring until now.
    pub(super) fn lost_in_all(&mut self, ring: u16, all: u64, now_ns: u64) {
        let known = self.processors[usize::from(ring)].lost;
        if all > known {
            self.lose(ring, all - known, now_ns);
        }
    }

    /// Everything: who is still on a processor was there until its last record at least.
    pub(super) fn finish(mut self) -> Scheduling {
        for ring in 0..self.processors.len() {
            self.cut(u16::try_from(ring).expect("processors are numbered with 16 bits"));
        }
        let is_whole = self.lost == 0 && self.unreadable_bytes == 0;
        for (thread, counts) in self.threads.iter_mut().zip(&self.counts).filter(|_| is_whole) {
            thread.voluntary = Some(counts.voluntary);
            thread.involuntary = Some(counts.preempted);
            thread.migrations = Some(counts.migrations);
        }
        apart(&mut self.slices, self.threads.len());
        self.gaps.sort_by_key(|gap| gap.start_ns);
        Scheduling {
            source: Source::Switches,
            cpus: self.processors.iter().map(|one| one.cpu).collect(),
            missing: self.missing(),
            threads: self.threads,
            slices: self.slices,
            records: self.kinds.total(),
            kinds: self.kinds,
            lost: self.lost,
            gaps: self.gaps,
            reader_cpu_ns: None,
            waits: None,
        }
    }

    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.lost > 0 {
            missing.push(format!(
                "{} records of the scheduler had no room and are lost: what threads off the \
                 processors did meanwhile is unknown",
                self.lost
            ));
        }
        if self.left_out > 0 {
            missing.push(format!("{} slices beyond {SLICES_MAX} are left out", self.left_out));
        }
        if self.kinds.others > 0 {
            missing.push(format!(
                "{} records are of a kind that this version does not know",
                self.kinds.others
            ));
        }
        if self.unreadable_bytes > 0 {
            missing.push(format!("{} bytes of the kernel's are no records", self.unreadable_bytes));
        }
        missing
    }

    /// Records of one processor were lost, until `now_ns` at the latest.
    fn lose(&mut self, ring: u16, count: u64, now_ns: u64) {
        self.lost += count;
        // Who was on it when the gap began may have left in the gap.
        self.cut(ring);
        let processor = &mut self.processors[usize::from(ring)];
        processor.lost += count;
        let (start_ns, cpu) = (processor.last_ns.min(now_ns), processor.cpu);
        let is_full = self.gaps.len() >= GAPS_MAX;
        match self.gaps.last_mut().filter(|_| is_full) {
            Some(last) => last.end_ns = last.end_ns.max(now_ns),
            None => self.gaps.push(Gap { start_ns, end_ns: now_ns, cpu }),
        }
    }

    fn thread(&mut self, pid: u32, tid: u32, ns: u64) -> u32 {
        match self.by_tid.get(&tid) {
            Some(&thread) if self.threads[thread as usize].end_ns == 0 => thread,
            _ => self.begin(pid, tid, ns, None),
        }
    }

    /// A thread that was not there before, or whose number belonged to one that ended. Its first
    /// switch may have been read before the record that it was started: the clocks of two
    /// processors differ by some nanoseconds.
    fn begin(&mut self, pid: u32, tid: u32, ns: u64, parent: Option<u32>) -> u32 {
        let parent_name = |threads: &[Thread]| {
            parent.map_or_else(String::new, |one| threads[one as usize].name.clone())
        };
        if let Some(&known) = self.by_tid.get(&tid) {
            let name = parent_name(&self.threads);
            let thread = &mut self.threads[known as usize];
            if thread.end_ns == 0 || thread.end_ns > ns {
                thread.start_ns = thread.start_ns.min(ns);
                thread.parent = thread.parent.or(parent);
                if thread.name.is_empty() {
                    thread.name = name;
                }
                return known;
            }
        }
        let index = u32::try_from(self.threads.len()).expect("thread ids have 32 bits");
        let name = parent_name(&self.threads);
        self.threads.push(Thread { pid, tid, name, parent, start_ns: ns, ..Thread::default() });
        self.counts.push(Counts::default());
        self.by_tid.insert(tid, index);
        index
    }

    fn come(&mut self, ring: u16, thread: u32, since_ns: u64) {
        let processor = &mut self.processors[usize::from(ring)];
        processor.on = Some(On { thread, since_ns });
        let counts = &mut self.counts[thread as usize];
        let before = counts.last_cpu.replace(processor.cpu);
        counts.migrations += u64::from(before.is_some_and(|cpu| cpu != processor.cpu));
    }

    /// Ends the slice of who is on the processor, if that is who is said to leave it.
    fn leave(&mut self, ring: u16, thread: u32, end_ns: u64, end: SliceEnd) {
        let processor = &self.processors[usize::from(ring)];
        match processor.on {
            Some(on) if on.thread == thread => {
                let (start_ns, cpu) = (on.since_ns, processor.cpu);
                self.processors[usize::from(ring)].on = None;
                self.keep(Slice { start_ns, end_ns: end_ns.max(start_ns), thread, cpu, end });
            }
            // That it came was lost; from here on it is known again what it is.
            _ => {
                let cpu = processor.cpu;
                self.cut(ring);
                self.keep(Slice { start_ns: end_ns, end_ns, thread, cpu, end });
            }
        }
    }

    /// Nothing is known of who is on the processor beyond its last record.
    fn cut(&mut self, ring: u16) {
        let processor = &mut self.processors[usize::from(ring)];
        if let Some(On { thread, since_ns }) = processor.on.take() {
            let (end_ns, cpu) = (processor.last_ns.max(since_ns), processor.cpu);
            self.keep(Slice { start_ns: since_ns, end_ns, thread, cpu, end: SliceEnd::Unknown });
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

/// Sorts slices by start and cuts what overlaps: the clocks of two processors differ by some
/// nanoseconds, so that a thread may seem to come before it has left.
fn apart(slices: &mut [Slice], threads: usize) {
    slices.sort_by_key(|slice| slice.start_ns);
    let mut free_ns = vec![0_u64; threads];
    let mut processors: FxHashMap<u16, u64> = FxHashMap::default();
    for slice in slices.iter_mut() {
        let thread = &mut free_ns[slice.thread as usize];
        let processor = processors.entry(slice.cpu).or_default();
        slice.start_ns = slice.start_ns.max(*thread).max(*processor);
        slice.end_ns = slice.end_ns.max(slice.start_ns);
        (*thread, *processor) = (slice.end_ns, slice.end_ns);
    }
    slices.sort_by_key(|slice| slice.start_ns);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tid: u32, ns: u64, what: What) -> Event {
        Event { pid: 1, tid, ns, what }
    }

    fn assembled(events: &[(u16, Event)]) -> Scheduling {
        let mut assembly = Assembly::new(&[0, 1], 1);
        events.iter().for_each(|(ring, event)| assembly.take(*ring, event.clone()));
        assembly.finish()
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
            (0, event(1, 5, What::In)),
            (0, event(1, 8, What::Out { preempted: false })),
            (0, event(1, 10, What::In)),
            (0, event(2, 12, What::Forked { parent: 1 })),
            (0, event(1, 15, What::Lost(5))),
            (0, event(1, 30, What::Out { preempted: false })),
            (0, event(1, 40, What::In)),
        ]);
        assert_eq!((scheduling.lost, scheduling.records), (5, 6));
        assert_eq!(scheduling.gaps, [Gap { start_ns: 12, end_ns: 15, cpu: 0 }]);
        let slices: Vec<_> = scheduling
            .slices
            .iter()
            .map(|slice| (slice.start_ns, slice.end_ns, slice.end))
            .collect();
        assert_eq!(
            slices,
            [
                (5, 8, SliceEnd::Blocked),
                (10, 12, SliceEnd::Unknown),
                (30, 30, SliceEnd::Blocked),
                (40, 40, SliceEnd::Unknown),
            ]
        );
        assert!(scheduling.missing[0].contains("5 records"));
        assert_eq!(scheduling.threads[0].voluntary, None, "there may have been more");
        // Behind the gap neither running nor what the slice before says, until it is seen again.
        let timelines = maitred_core::analyse::scheduling::Timelines::new(&scheduling);
        let split = timelines.split(0, 12, 30);
        assert_eq!((split.unknown_ns, split.whole_ns()), (18, 18));
        assert_eq!(timelines.split(0, 30, 40).blocked_ns, 10);
    }

    #[test]
    fn what_was_lost_at_the_end_is_a_gap_too() {
        let mut assembly = Assembly::new(&[0, 1], 1);
        assembly.take(1, event(1, 5, What::In));
        assembly.lost_in_all(1, 7, 90);
        assembly.lost_in_all(0, 0, 90);
        let scheduling = assembly.finish();
        assert_eq!(scheduling.lost, 7);
        assert_eq!(scheduling.gaps, [Gap { start_ns: 5, end_ns: 90, cpu: 1 }]);
    }

    #[test]
    fn a_thread_that_is_seen_before_it_is_started_has_a_name_and_a_parent() {
        let named = What::Named { name: "first".into(), exec: true };
        let scheduling = assembled(&[
            (0, event(1, 10, named)),
            (1, event(2, 14, What::In)),
            (0, event(2, 15, What::Forked { parent: 1 })),
        ]);
        let thread = &scheduling.threads[1];
        assert_eq!((thread.name.as_str(), thread.parent, thread.start_ns), ("first", Some(0), 14));
    }

    #[test]
    fn switches_are_counted_by_thread_and_by_kind() {
        let out = |preempted| What::Out { preempted };
        let scheduling = assembled(&[
            (0, event(1, 1, What::In)),
            (0, event(1, 2, out(true))),
            (1, event(1, 3, What::In)),
            (1, event(1, 4, out(false))),
            (1, event(1, 5, What::In)),
            (1, event(1, 6, What::Other)),
            (1, event(1, 7, out(false))),
        ]);
        let thread = &scheduling.threads[0];
        assert_eq!(
            (thread.voluntary, thread.involuntary, thread.migrations),
            (Some(2), Some(1), Some(1))
        );
        let kinds = Kinds { came: 3, left: 3, others: 1, ..Kinds::default() };
        assert_eq!((scheduling.kinds, scheduling.records), (kinds, 7));
        assert!(scheduling.missing[0].contains("1 records are of a kind"));
    }

    #[test]
    fn slices_never_overlap_whatever_the_clocks_say() {
        let scheduling = assembled(&[
            (0, event(1, 10, What::In)),
            (1, event(1, 18, What::In)),
            (0, event(1, 20, What::Out { preempted: true })),
            (1, event(1, 30, What::Out { preempted: true })),
        ]);
        let times: Vec<_> =
            scheduling.slices.iter().map(|slice| (slice.start_ns, slice.end_ns)).collect();
        assert_eq!(times, [(10, 20), (20, 30)]);
    }

    #[test]
    fn a_number_that_is_given_out_again_is_another_thread() {
        let scheduling = assembled(&[
            (0, event(3, 10, What::In)),
            (0, event(3, 20, What::Exited)),
            (0, event(3, 30, What::Forked { parent: 1 })),
            (0, event(3, 31, What::In)),
            (0, event(3, 32, What::Exited)),
            (0, event(3, 33, What::In)),
            (0, event(3, 34, What::Out { preempted: false })),
        ]);
        assert_eq!(scheduling.threads.len(), 3, "the third without a record that it was started");
        let threads: Vec<u32> = scheduling.slices.iter().map(|slice| slice.thread).collect();
        assert_eq!(threads, [0, 1, 2]);
    }
}
