//! A trace in the form of Perfetto (ui.perfetto.dev): processors with the threads on them, the
//! state of each thread, and steps on the tracks of their threads or tasks, to the nanosecond.
//! The schema is Perfetto's own, `protos/perfetto/trace/trace_packet.proto`; numbers of fields
//! stand beside their names here. What comes by the million is written as it comes.
//!
//! A step takes two packets of about 15 bytes each, because times are differences (clock 64, which
//! counts from packet to packet) and names are numbers (interned). A switch takes about 9 bytes.

mod packet;
mod proto;
mod switches;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use proto::Message;
use switches::Switches;

use super::tracks::{self, Event, Events};
use crate::recording::Provenance;
use crate::trace::{Observed, Slice, Span, Trace};

const MONOTONIC: u64 = 3;
const BOOTTIME: u64 = 6;
/// The first number that is free for a clock of one's own.
const FROM_PACKET_TO_PACKET: u64 = 64;

const SLICE_BEGIN: u64 = 1;
const SLICE_END: u64 = 2;

/// Numbers of tracks: that of the phases, those of processes, those of steps.
const PHASES_TRACK: u64 = 1;
const PROCESS_TRACKS: u64 = 0x1_0000_0000;
const STEP_TRACKS: u64 = 2;

/// Writes a trace to a sink, which takes bytes or fails with an `E`.
#[derive(Debug)]
pub struct Writer<'a, S> {
    sink: S,
    trace: &'a Trace,
    events: Events<'a>,
    switches: Switches,
    /// Of the step or task event before.
    last_ns: u64,
}

impl<'a, E, S: FnMut(&[u8]) -> Result<(), E>> Writer<'a, S> {
    /// Writes what is known before the first span. The trace must have its lanes, tasks and
    /// threads; its spans and slices are not looked at.
    ///
    /// # Errors
    /// Those of the sink, as everywhere here.
    pub fn new(sink: S, trace: &'a Trace, provenance: &Provenance) -> Result<Self, E> {
        let last_ns = trace.startup.start_ns;
        let events = Events::new(trace);
        let mut writer = Self { sink, trace, events, switches: Switches::new(trace), last_ns };
        writer.clocks()?;
        writer.system(provenance)?;
        writer.process_tree()?;
        writer.tracks()?;
        writer.phases()?;
        Ok(writer)
    }

    /// Spans, in order of start.
    pub fn spans(&mut self, spans: impl Iterator<Item = Span>) -> Result<(), E> {
        let Self { sink, trace, events, last_ns, .. } = self;
        let mut steps = StepWriter { sink, trace, last_ns };
        for span in spans {
            events.span(&span, &mut |event| steps.put(event))?;
        }
        Ok(())
    }

    /// Slices, in order of start.
    pub fn slices(&mut self, slices: impl Iterator<Item = Slice>) -> Result<(), E> {
        for slice in slices {
            if let Some(bundle) = self.switches.add(&slice) {
                send(&mut self.sink, &bundle)?;
            }
        }
        Ok(())
    }

    /// What is still open; then the trace is whole.
    pub fn finish(mut self) -> Result<(), E> {
        let Self { sink, trace, events, last_ns, switches } = &mut self;
        let mut steps = StepWriter { sink, trace, last_ns };
        events.finish(&mut |event| steps.put(event))?;
        for bundle in switches.finish() {
            send(sink, &bundle)?;
        }
        Ok(())
    }

    /// All clocks show the same: times are CLOCK_MONOTONIC, as everywhere in `maitred`, and
    /// scheduling records have BOOTTIME without being asked.
    fn clocks(&mut self) -> Result<(), E> {
        let now = self.last_ns;
        let clock = |clocks: &mut Message, id: u64| {
            clocks.message(1, |clock| {
                clock.number(1, id).number(2, now);
                if id == FROM_PACKET_TO_PACKET {
                    clock.number(3, 1);
                }
            });
        };
        self.packet(|it| {
            it.number(packet::SEQUENCE, packet::STEPS).number(packet::SEQUENCE_FLAGS, 1);
            it.message(packet::CLOCK_SNAPSHOT, |clocks| {
                for id in [MONOTONIC, BOOTTIME, FROM_PACKET_TO_PACKET] {
                    clock(clocks, id);
                }
                clocks.number(2, MONOTONIC);
            });
            it.message(packet::DEFAULTS, |defaults| {
                defaults.number(packet::TIMESTAMP_CLOCK, FROM_PACKET_TO_PACKET);
            });
        })?;
        let steps = &self.trace.steps;
        let names = (1_u64..).zip(steps);
        let mut interned = Message::default();
        for (number, step) in names {
            interned.message(2, |name| {
                name.number(1, number).text(2, &tracks::step_name(step));
            });
        }
        self.packet(|it| {
            it.number(packet::SEQUENCE, packet::STEPS).number(packet::SEQUENCE_FLAGS, 2);
            it.bytes(packet::INTERNED_DATA, &interned.0);
        })
    }

    /// Without the kernel's release, Perfetto takes "preempted" for "waking".
    fn system(&mut self, provenance: &Provenance) -> Result<(), E> {
        let machine = &provenance.machine;
        self.packet(|it| {
            it.number(packet::SEQUENCE, packet::SYSTEM).number(packet::SEQUENCE_FLAGS, 1);
            it.message(packet::SYSTEM_INFO, |info| {
                info.message(1, |utsname| {
                    utsname.text(1, "Linux").text(3, &machine.kernel);
                    utsname.text(4, &machine.architecture);
                });
            });
        })
    }

    fn process_tree(&mut self) -> Result<(), E> {
        let processes = self.processes();
        let threads = match &self.trace.scheduling {
            Observed::Known(scheduling) => &scheduling.threads[..],
            Observed::Unknown(_) => &[],
        };
        let at = self.last_ns;
        self.packet(|it| {
            it.number(packet::SEQUENCE, packet::SYSTEM).number(packet::TIMESTAMP, at);
            it.message(packet::PROCESS_TREE, |tree| {
                for (pid, name) in processes {
                    tree.message(1, |process| {
                        process.number(1, u64::from(pid)).text(3, &name);
                    });
                }
                for thread in threads {
                    tree.message(2, |it| {
                        it.number(1, u64::from(thread.tid)).text(2, &thread.name);
                        it.number(3, u64::from(thread.pid));
                    });
                }
            });
        })
    }

    /// All processes that are known, by what the kernel calls their first thread.
    fn processes(&self) -> BTreeMap<u32, String> {
        let model = self.trace.name();
        let lanes = self.trace.lanes.iter().filter(|lane| lane.pid != 0);
        let mut processes: BTreeMap<u32, String> =
            lanes.map(|lane| (lane.pid, model.clone())).collect();
        if let Observed::Known(scheduling) = &self.trace.scheduling {
            for thread in &scheduling.threads {
                processes.entry(thread.pid).or_insert_with(|| thread.name.clone());
            }
        }
        processes
    }

    fn tracks(&mut self) -> Result<(), E> {
        for (pid, name) in self.processes() {
            self.descriptor(PROCESS_TRACKS + u64::from(pid), |track| {
                track.message(3, |process| {
                    process.number(1, u64::from(pid)).text(6, &name);
                });
            })?;
        }
        let tracks = core::mem::take(&mut self.events.tracks.tracks);
        for (number, track) in (STEP_TRACKS..).zip(&tracks).filter(|(_, track)| track.pid != 0) {
            self.descriptor(number, |it| match track.tid {
                Some(tid) => {
                    it.message(4, |thread| {
                        thread.number(1, u64::from(track.pid)).number(2, u64::from(tid));
                        thread.text(5, &track.name);
                    });
                }
                None => {
                    it.text(2, &track.name);
                    it.number(5, PROCESS_TRACKS + u64::from(track.pid));
                }
            })?;
        }
        self.events.tracks.tracks = tracks;
        Ok(())
    }

    fn descriptor(&mut self, number: u64, build: impl FnOnce(&mut Message)) -> Result<(), E> {
        self.packet(|it| {
            it.number(packet::SEQUENCE, packet::SYSTEM);
            it.message(packet::TRACK_DESCRIPTOR, |track| {
                track.number(1, number);
                build(track);
            });
        })
    }

    fn phases(&mut self) -> Result<(), E> {
        self.descriptor(PHASES_TRACK, |track| {
            track.text(2, "phases");
        })?;
        let done = self.trace.done.as_ref().map(|done| done.phases).unwrap_or_default();
        let all = [
            ("start-up", self.trace.startup),
            ("set-up", done.setup),
            ("work", done.work),
            ("tear-down", done.teardown),
        ];
        for (name, phase) in all.into_iter().filter(|(_, phase)| phase.end_ns > phase.start_ns) {
            for (ns, kind) in [(phase.start_ns, SLICE_BEGIN), (phase.end_ns, SLICE_END)] {
                self.packet(|it| {
                    it.number(packet::SEQUENCE, packet::SYSTEM).number(packet::TIMESTAMP, ns);
                    it.number(packet::TIMESTAMP_CLOCK, MONOTONIC);
                    it.message(packet::TRACK_EVENT, |event| {
                        event.number(9, kind).number(11, PHASES_TRACK);
                        if kind == SLICE_BEGIN {
                            event.text(23, name);
                        }
                    });
                })?;
            }
        }
        Ok(())
    }

    fn packet(&mut self, build: impl FnOnce(&mut Message)) -> Result<(), E> {
        let mut message = Message::default();
        build(&mut message);
        send(&mut self.sink, &message)
    }
}

/// A packet is field 1 of `Trace`.
fn send<E>(sink: &mut impl FnMut(&[u8]) -> Result<(), E>, packet: &Message) -> Result<(), E> {
    let mut framed = Message(Vec::with_capacity(packet.0.len() + 8));
    framed.bytes(1, &packet.0);
    sink(&framed.0)
}

/// Writes the events of steps and tasks.
struct StepWriter<'a, S> {
    sink: &'a mut S,
    trace: &'a Trace,
    last_ns: &'a mut u64,
}

impl<E, S: FnMut(&[u8]) -> Result<(), E>> StepWriter<'_, S> {
    fn put(&mut self, event: Event) -> Result<(), E> {
        let (ns, track, kind) = match event {
            Event::Task { ns, track, .. } | Event::Step { ns, track, .. } => {
                (ns, track, SLICE_BEGIN)
            }
            Event::End { ns, track } => (ns, track, SLICE_END),
        };
        let mut inner = Message::default();
        inner.number(9, kind).number(11, STEP_TRACKS + u64::from(track));
        match event {
            Event::Task { task, .. } => {
                inner.text(23, &self.trace.task_name(task));
            }
            Event::Step { step, .. } if (step as usize) < self.trace.steps.len() => {
                inner.number(10, u64::from(step) + 1);
            }
            Event::Step { step, .. } => {
                inner.text(23, &self.trace.step_name(step));
            }
            Event::End { .. } => {}
        }
        let mut message = Message::default();
        match ns.checked_sub(*self.last_ns) {
            Some(later) => {
                *self.last_ns = ns;
                message.number(packet::TIMESTAMP, later);
            }
            // Out of order, which only records that were cut short are: by the clock itself.
            None => {
                message.number(packet::TIMESTAMP, ns);
                message.number(packet::TIMESTAMP_CLOCK, MONOTONIC);
            }
        }
        message.number(packet::SEQUENCE, packet::STEPS);
        message.bytes(packet::TRACK_EVENT, &inner.0);
        send(self.sink, &message)
    }
}

/// Writes a whole trace.
///
/// # Errors
/// Those of the sink.
pub fn write<E, S: FnMut(&[u8]) -> Result<(), E>>(
    trace: &Trace,
    provenance: &Provenance,
    sink: S,
) -> Result<(), E> {
    let mut writer = Writer::new(sink, trace, provenance)?;
    writer.spans(trace.spans.iter().copied())?;
    if let Observed::Known(scheduling) = &trace.scheduling {
        writer.slices(scheduling.slices.iter().copied())?;
    }
    writer.finish()
}
