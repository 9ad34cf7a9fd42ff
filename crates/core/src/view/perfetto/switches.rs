//! Slices as the switches that the kernel's tracer would have recorded (`FtraceEventBundle` with
//! `compact_sched`): from these Perfetto makes the tracks of processors and the states of threads.
//! Between slices a processor is given to thread 0, which Perfetto draws as nothing: it was idle,
//! or worked for somebody else.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::packet;
use super::proto::Message;
use crate::trace::{Observed, Slice, SliceEnd, Trace};

/// Switches in one bundle.
const BUNDLE: usize = 4096;

/// States as in the kernel's `sched_switch`, include/linux/sched.h: TASK_INTERRUPTIBLE, and
/// TASK_REPORT_MAX for a thread that could have gone on.
const BLOCKED: u64 = 0x1;
const PREEMPTED: u64 = 0x100;
const EXITED: u64 = 0x20;
/// Beyond all states: Perfetto shows none and speaks of data that was lost, which is so.
const UNKNOWN: u64 = 0x1000;

/// Of any ordinary thread; the record does not say which it had.
const PRIORITY: u64 = 120;

/// Collects the switches of each processor.
#[derive(Debug)]
pub(super) struct Switches {
    /// By number: thread id and name.
    threads: Vec<(u32, String)>,
    processors: BTreeMap<u16, Processor>,
}

#[derive(Debug, Default)]
struct Processor {
    switches: Vec<Switch>,
    /// The end of the slice at hand, and why; `None`: nobody of ours is on it.
    busy: Option<(u64, SliceEnd)>,
}

/// One thread makes way for another.
#[derive(Clone, Copy, Debug)]
struct Switch {
    ns: u64,
    state: u64,
    /// Who comes; `None`: nobody of ours.
    next: Option<u32>,
}

impl Switches {
    pub(super) fn new(trace: &Trace) -> Self {
        let threads = match &trace.scheduling {
            Observed::Known(scheduling) => &scheduling.threads[..],
            Observed::Unknown(_) => &[],
        };
        let threads = threads.iter().map(|thread| (thread.tid, thread.name.clone())).collect();
        Self { threads, processors: BTreeMap::new() }
    }

    /// Takes a slice; gives a packet whenever one is full.
    pub(super) fn add(&mut self, slice: &Slice) -> Option<Message> {
        if slice.thread as usize >= self.threads.len() {
            return None;
        }
        let processor = self.processors.entry(slice.cpu).or_default();
        let state = match processor.busy {
            Some((ns, end)) if ns < slice.start_ns => {
                processor.switches.push(Switch { ns, state: state_after(end), next: None });
                0
            }
            // One makes way for the other at once.
            Some((_, end)) => state_after(end),
            None => 0,
        };
        let next = Some(slice.thread);
        processor.switches.push(Switch { ns: slice.start_ns, state, next });
        processor.busy = Some((slice.end_ns, slice.end));
        if processor.switches.len() < BUNDLE {
            return None;
        }
        let switches = core::mem::take(&mut processor.switches);
        Some(self.bundle(slice.cpu, &switches))
    }

    /// The packets that were not full.
    pub(super) fn finish(&mut self) -> Vec<Message> {
        let processors = core::mem::take(&mut self.processors);
        let mut bundles = Vec::new();
        for (cpu, mut processor) in processors {
            // Who was still on the processor when the record ended is shown to the end.
            if let Some((ns, end)) = processor.busy.filter(|busy| busy.1 != SliceEnd::Unknown) {
                processor.switches.push(Switch { ns, state: state_after(end), next: None });
            }
            bundles.push(self.bundle(cpu, &processor.switches));
        }
        bundles
    }

    fn bundle(&self, cpu: u16, switches: &[Switch]) -> Message {
        let mut names: Vec<&str> = Vec::new();
        names.push("swapper");
        let mut place = BTreeMap::new();
        for thread in switches.iter().filter_map(|switch| switch.next) {
            place.entry(thread).or_insert_with(|| {
                let name = &*self.threads[thread as usize].1;
                names.iter().position(|known| *known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                }) as u64
            });
        }
        let tid = |thread: u32| u64::from(self.threads[thread as usize].0);
        let mut last = 0;
        let times = switches.iter().map(|switch| {
            let later = switch.ns.wrapping_sub(last);
            last = switch.ns;
            later
        });
        let mut sched = Message::default();
        for name in &names {
            sched.text(5, name);
        }
        sched.packed(1, times);
        sched.packed(2, switches.iter().map(|switch| switch.state));
        sched.packed(3, switches.iter().map(|switch| switch.next.map_or(0, tid)));
        sched.packed(4, switches.iter().map(|_| PRIORITY));
        sched.packed(6, switches.iter().map(|switch| switch.next.map_or(0, |next| place[&next])));
        let mut packet = Message::default();
        packet.number(packet::SEQUENCE, packet::SYSTEM);
        packet.message(packet::FTRACE_EVENTS, |bundle| {
            bundle.number(1, u64::from(cpu)).bytes(4, &sched.0);
        });
        packet
    }
}

fn state_after(end: SliceEnd) -> u64 {
    match end {
        SliceEnd::Blocked => BLOCKED,
        SliceEnd::Preempted => PREEMPTED,
        SliceEnd::Exited => EXITED,
        SliceEnd::Unknown => UNKNOWN,
    }
}
