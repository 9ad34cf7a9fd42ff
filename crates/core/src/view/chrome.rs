//! A trace as Chrome's JSON ("Trace Event Format", object form): for programs that read no other.
//! An event a line, written as it comes; times are microseconds from the start of the run, with
//! three digits behind the point, so that no nanosecond is lost. The form knows no processors and
//! no tracks but threads: processors are threads of a process of their own, and so are tasks that
//! interleave.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_json::json;

use super::tracks::{self, Tracks};
use crate::recording::Provenance;
use crate::trace::{Observed, Slice, SliceEnd, Span, Trace};

/// Numbers that no process and no thread has: those of Linux end at 2²².
const PROCESSORS: u32 = 1 << 30;
const TASK_TRACKS: u32 = 1 << 30;
const PHASES: u32 = PROCESSORS - 1;

/// Writes a trace to a sink, which takes text or fails with an `E`.
#[derive(Debug)]
pub struct Writer<'a, S> {
    sink: S,
    trace: &'a Trace,
    tracks: Tracks,
    origin_ns: u64,
    /// Whether an event was written, after which a comma must come.
    begun: bool,
    line: String,
}

impl<'a, E, S: FnMut(&str) -> Result<(), E>> Writer<'a, S> {
    /// Writes what is known before the first span. The trace must have its lanes, tasks and
    /// threads; its spans and slices are not looked at.
    ///
    /// # Errors
    /// Those of the sink, as everywhere here.
    pub fn new(mut sink: S, trace: &'a Trace, provenance: &Provenance) -> Result<Self, E> {
        let about = json!({
            "program": format!("maitred {}", provenance.program_version),
            "subject": provenance.heading,
            "model": trace.name(),
            "started": provenance.started,
            "machine": provenance.machine,
            "origin_ns": trace.startup.start_ns,
        });
        sink(&format!("{{\"displayTimeUnit\":\"ns\",\"otherData\":{about},\"traceEvents\":["))?;
        let mut writer = Self {
            sink,
            trace,
            tracks: Tracks::new(trace),
            origin_ns: trace.startup.start_ns,
            begun: false,
            line: String::new(),
        };
        writer.names()?;
        writer.phases()?;
        writer.tasks()?;
        Ok(writer)
    }

    /// Spans, in order of start.
    pub fn spans(&mut self, spans: impl Iterator<Item = Span>) -> Result<(), E> {
        let labels = self.trace.steps.iter().map(|step| quoted(&tracks::step_name(step)));
        let labels: Vec<String> = labels.collect();
        for span in spans {
            let Some(track) = self.tracks.of(&span) else { continue };
            let (pid, tid) = self.place(track);
            let unknown;
            let name = match labels.get(span.step as usize) {
                Some(label) => label,
                None => {
                    unknown = quoted(&self.trace.step_name(span.step));
                    &unknown
                }
            };
            self.event(name, pid, tid, span.start_ns, span.end_ns, "")?;
        }
        Ok(())
    }

    /// Slices, in order of start.
    pub fn slices(&mut self, slices: impl Iterator<Item = Slice>) -> Result<(), E> {
        let Observed::Known(scheduling) = &self.trace.scheduling else { return Ok(()) };
        let names = tracks::thread_names(self.trace, scheduling);
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        for slice in slices {
            let number = slice.thread as usize;
            let (Some(thread), Some(name)) = (scheduling.threads.get(number), names.get(number))
            else {
                continue;
            };
            let end = match slice.end {
                SliceEnd::Blocked => "blocked",
                SliceEnd::Preempted => "preempted",
                SliceEnd::Exited => "exited",
                SliceEnd::Unknown => "unknown",
            };
            let args = format!(",\"args\":{{\"tid\":{},\"end\":\"{end}\"}}", thread.tid);
            let cpu = u32::from(slice.cpu);
            self.event(name, PROCESSORS, cpu, slice.start_ns, slice.end_ns, &args)?;
        }
        Ok(())
    }

    /// The end: only now is it JSON.
    pub fn finish(mut self) -> Result<(), E> {
        (self.sink)("\n]}\n")
    }

    fn names(&mut self) -> Result<(), E> {
        let model = self.trace.name();
        let tracks = core::mem::take(&mut self.tracks.tracks);
        let mut named = alloc::collections::BTreeSet::new();
        for (number, track) in (0..).zip(&tracks).filter(|(_, track)| track.pid != 0) {
            let tid = track.tid.unwrap_or(TASK_TRACKS + number);
            if named.insert(track.pid) {
                self.name("process_name", track.pid, tid, &model)?;
            }
            self.name("thread_name", track.pid, tid, &track.name)?;
        }
        self.tracks.tracks = tracks;
        self.name("process_name", PHASES, PHASES, "phases")?;
        if let Observed::Known(scheduling) = &self.trace.scheduling {
            self.name("process_name", PROCESSORS, 0, "processors")?;
            for &cpu in &scheduling.cpus {
                self.name("thread_name", PROCESSORS, u32::from(cpu), &format!("CPU {cpu}"))?;
            }
        }
        Ok(())
    }

    fn phases(&mut self) -> Result<(), E> {
        let done = self.trace.done.as_ref().map(|done| done.phases).unwrap_or_default();
        let all = [
            ("\"start-up\"", self.trace.startup),
            ("\"set-up\"", done.setup),
            ("\"work\"", done.work),
            ("\"tear-down\"", done.teardown),
        ];
        for (name, phase) in all.into_iter().filter(|(_, phase)| phase.end_ns > phase.start_ns) {
            self.event(name, PHASES, PHASES, phase.start_ns, phase.end_ns, "")?;
        }
        Ok(())
    }

    /// Before their steps, so that a step of the same length lies within.
    fn tasks(&mut self) -> Result<(), E> {
        let shared = core::mem::take(&mut self.tracks.shared_by);
        for &task in &shared {
            let facts = self.trace.tasks[task as usize];
            let Some(track) = self.tracks.at(task, facts.lane) else { continue };
            let (pid, tid) = self.place(track);
            let name = quoted(&self.trace.task_name(task));
            self.event(&name, pid, tid, facts.start_ns, facts.end_ns, "")?;
        }
        self.tracks.shared_by = shared;
        Ok(())
    }

    fn place(&self, track: u32) -> (u32, u32) {
        let facts = &self.tracks.tracks[track as usize];
        (facts.pid, facts.tid.unwrap_or(TASK_TRACKS + track))
    }

    fn name(&mut self, what: &str, pid: u32, tid: u32, name: &str) -> Result<(), E> {
        let name = quoted(name);
        self.comma();
        self.line.push_str(&format!(
            "{{\"ph\":\"M\",\"pid\":{pid},\"tid\":{tid},\"name\":\"{what}\",\"args\":{{\"name\":{name}}}}}"
        ));
        (self.sink)(&self.line)
    }

    /// Complete, or begun only where nobody saw its end.
    fn event(
        &mut self,
        name: &str,
        pid: u32,
        tid: u32,
        start_ns: u64,
        end_ns: u64,
        args: &str,
    ) -> Result<(), E> {
        self.comma();
        let line = &mut self.line;
        line.push_str(if end_ns == 0 { "{\"ph\":\"B\"" } else { "{\"ph\":\"X\"" });
        line.push_str(&format!(",\"pid\":{pid},\"tid\":{tid},\"name\":{name},\"ts\":"));
        micros(line, start_ns.wrapping_sub(self.origin_ns) as i64);
        if end_ns != 0 {
            line.push_str(",\"dur\":");
            micros(line, end_ns.saturating_sub(start_ns) as i64);
        }
        line.push_str(args);
        line.push('}');
        (self.sink)(line)
    }

    fn comma(&mut self) {
        self.line.clear();
        self.line.push_str(if self.begun { ",\n" } else { "\n" });
        self.begun = true;
    }
}

/// Nanoseconds as microseconds with three digits behind the point.
fn micros(line: &mut String, ns: i64) {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    line.push_str(&format!("{sign}{}.{:03}", ns / 1000, ns % 1000));
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// Writes a whole trace.
///
/// # Errors
/// Those of the sink.
pub fn write<E, S: FnMut(&str) -> Result<(), E>>(
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
