//! Reading a saved trace of ten million slices and drawing them, beside the same from Chrome's
//! JSON by a streaming parser (serde_json, only the fields that are drawn). Both readers hold what
//! is drawn and no slice: 1,600 columns for each processor, in which the time of its slices adds
//! up, so that they can be held against each other.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use maitred_core::recording::{Fault, Head, LeftOut, Parser, Part, Provenance, Writer};
use maitred_core::result::{Machine, Settings, SubjectFacts, SubjectKind};
use maitred_core::trace::{
    Executor, Noise, Observed, Origin, RunEnd, Scheduling, Slice, SliceEnd, Task, Thread, Trace,
};
use maitred_core::view::chrome;
use maitred_core::view::picture::{Look, timeline};
use maitred_core::view::timeline::Lens;
use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Model, Phase, Strategy};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::json;

use crate::usage::{self, Measured};

/// So many slices are written and read.
pub(crate) const SLICES: u32 = 10_000_000;

const PROCESSORS: usize = 2;
const COLUMNS: u64 = 1600;
/// The mean distance of two slices of one processor.
const TURN_NS: u64 = 45_000;
const START_NS: u64 = 5_000_000_000_000;

/// Both files, of the same slices.
pub(crate) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    /// Writes them as `maitred` does.
    pub(crate) fn write() -> Self {
        let folder = tempfile::tempdir().expect("a folder for files");
        let files = Self { folder };
        let (trace, provenance) = (trace(), provenance());
        let create = |name: &str| BufWriter::new(File::create(files.path(name)).expect("a file"));
        let mut file = create("trace");
        let mut writer = Writer::new(|bytes: &[u8]| file.write_all(bytes)).expect("room");
        let head = Head { provenance: provenance.clone(), trace: trace.clone(), run: None };
        writer.head(&head).expect("room");
        writer.threads(threads(&trace)).expect("room");
        assert_eq!(writer.slices(slices(), u64::MAX).expect("room"), 0);
        writer.end(LeftOut::default()).expect("room");
        file.flush().expect("room");
        let mut file = create("chrome");
        let sink = |text: &str| file.write_all(text.as_bytes());
        let mut writer = chrome::Writer::new(sink, &trace, &provenance).expect("room");
        writer.slices(slices()).expect("room");
        writer.finish().expect("room");
        file.flush().expect("room");
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The size of a file.
    pub(crate) fn bytes(&self, name: &str) -> u64 {
        self.path(name).metadata().expect("it was written").len()
    }

    /// Draws from Chrome's JSON and from the trace, each in a process of its own.
    pub(crate) fn draw(&self) -> (Measured, Measured) {
        let (peer, drawn) = self.draw_from("chrome");
        let (ours, also) = self.draw_from("trace");
        assert_eq!(drawn, also, "they drew different pictures");
        (peer, ours)
    }

    /// The same from Chrome's JSON, and the whole picture as SVG from the trace: what `maitred show
    /// FILE --export-svg` does. Threads, what they waited for and processors are in it.
    pub(crate) fn draw_svg(&self) -> (Measured, Measured) {
        let (peer, _) = self.draw_from("chrome");
        let (ours, bytes) = self.draw_from("svg");
        assert!((1_000..1 << 20).contains(&bytes), "a picture of {bytes} bytes");
        (peer, ours)
    }

    fn draw_from(&self, name: &str) -> (Measured, u64) {
        let file = if name == "svg" { "trace" } else { name };
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program).arg("draw").arg(name).arg(self.path(file)).output();
        let said = usage::last_json(&output.expect("this program starts").stdout);
        let ns = said["ns"].as_u64().expect("it says how long it took");
        (Measured::new(ns, &said["memory"]), said["picture"].as_u64().expect("and what it drew"))
    }
}

/// The role of a measured process.
pub(crate) fn be_drawer(form: &str, path: &str) -> ExitCode {
    let before = Instant::now();
    let picture = match form {
        "trace" => from_trace(Path::new(path)).hash(),
        "chrome" => from_chrome(Path::new(path)).hash(),
        "svg" => svg(Path::new(path)).len() as u64,
        _ => return ExitCode::from(2),
    };
    let ns = before.elapsed().as_nanos() as u64;
    println!("{}", json!({"ns": ns, "memory": usage::own_memory(), "picture": picture}));
    ExitCode::SUCCESS
}

/// Busy time by processor and column.
struct Picture([Vec<u64>; PROCESSORS]);

impl Picture {
    fn new() -> Self {
        Self(std::array::from_fn(|_| vec![0; COLUMNS as usize]))
    }

    /// Times from the start of the run. A slice is no longer than a column.
    fn add(&mut self, cpu: usize, start_ns: u64, end_ns: u64) {
        let column_ns = u64::from(SLICES) / PROCESSORS as u64 * TURN_NS / COLUMNS + 1;
        let (first, last) = (start_ns / column_ns, end_ns / column_ns);
        let columns = &mut self.0[cpu];
        let mut put = |column: u64, ns: u64| {
            if let Some(busy) = columns.get_mut(column as usize) {
                *busy += ns;
            }
        };
        let edge = (last * column_ns).max(start_ns);
        put(first, edge.min(end_ns) - start_ns);
        put(last, end_ns - edge);
    }

    fn hash(&self) -> u64 {
        let all = self.0.iter().flatten();
        all.fold(0xcbf2_9ce4_8422_2325, |hash, busy| (hash ^ busy).wrapping_mul(0x100_0000_01b3))
    }
}

fn from_trace(path: &Path) -> Picture {
    let mut picture = Picture::new();
    for slice in read_slices(path) {
        let (start, end) = (slice.start_ns - START_NS, slice.end_ns - START_NS);
        picture.add(usize::from(slice.cpu), start, end);
    }
    picture
}

/// The picture that `maitred` makes, of a run of one task.
fn svg(path: &Path) -> String {
    let length = u64::from(SLICES) / PROCESSORS as u64 * TURN_NS;
    let task = Task {
        start_ns: START_NS,
        end_ns: START_NS + length,
        lane: 0,
        step: None,
        outcome: TaskOutcome::Done,
    };
    let trace = Trace { tasks: vec![task], ..trace() };
    let (slices, lens) = (|| read_slices(path), Lens::default());
    timeline::timeline(&trace, "", std::iter::empty, slices, &lens, &Look::default())
        .expect("all of it can be drawn")
}

/// The slices of a trace, a chunk of them in memory at a time.
fn read_slices(path: &Path) -> impl Iterator<Item = Slice> + use<> {
    let file = File::open(path).expect("it was written");
    let (mut parser, mut buffer, mut at) = (Parser::default(), Vec::new(), 0);
    let chunks = std::iter::from_fn(move || {
        loop {
            match parser.parse(&buffer[at..]) {
                Ok((Part::Slices(rows), used)) => {
                    let slices: Vec<Slice> = rows.collect();
                    at += used;
                    return Some(slices);
                }
                Ok((Part::End(_), _)) => return None,
                Ok((_, used)) => at += used,
                Err(Fault::Short(_)) => {
                    buffer.drain(..at);
                    at = 0;
                    let read = (&file).take(1 << 20).read_to_end(&mut buffer);
                    assert_ne!(read.expect("it can be read"), 0, "the file is whole");
                }
                Err(fault) => panic!("{fault}"),
            }
        }
    });
    chunks.flatten()
}

/// What is drawn of an event; the rest is passed over.
#[derive(Deserialize)]
struct Event {
    pid: u32,
    tid: usize,
    ts: Option<f64>,
    dur: Option<f64>,
}

fn from_chrome(path: &Path) -> Picture {
    let file = BufReader::with_capacity(1 << 20, File::open(path).expect("it was written"));
    let mut parser = serde_json::Deserializer::from_reader(file);
    parser.deserialize_map(Whole).expect("it is JSON")
}

/// The object around the events.
struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Picture;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trace")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picture, A::Error> {
        let mut picture = Picture::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "traceEvents" {
                map.next_value_seed(Events(&mut picture))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(picture)
    }
}

/// The events, one after the other.
struct Events<'a>(&'a mut Picture);

impl<'de> serde::de::DeserializeSeed<'de> for Events<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Events<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(event) = list.next_element::<Event>()? {
            if let (true, Some(ts), Some(dur)) = (event.tid < PROCESSORS, event.ts, event.dur)
                && event.pid == 1 << 30
            {
                let (start, length) = ((ts * 1000.0).round() as u64, (dur * 1000.0).round() as u64);
                self.0.add(event.tid, start, start + length);
            }
        }
        Ok(())
    }
}

/// Four threads in turn on two processors, about as long as a millisecond's work lasts there.
fn slices() -> impl Iterator<Item = Slice> {
    let jitter = |number: u32| u64::from(number.wrapping_mul(2_654_435_761) >> 17);
    (0..SLICES).map(move |number| {
        let (cpu, turn) = (number % PROCESSORS as u32, number / PROCESSORS as u32);
        let start_ns = START_NS + u64::from(turn) * TURN_NS + u64::from(cpu) * 3_000;
        let end_ns = start_ns + 8_000 + jitter(number);
        let end = if number % 3 == 0 { SliceEnd::Preempted } else { SliceEnd::Blocked };
        Slice { start_ns, end_ns, thread: cpu * 2 + turn % 2, cpu: cpu as u16, end }
    })
}

fn threads(trace: &Trace) -> &[Thread] {
    trace.scheduling.known().map_or(&[], |scheduling| &scheduling.threads)
}

fn trace() -> Trace {
    let thread = |number: u32| Thread {
        pid: 1000,
        tid: 1000 + number,
        name: format!("worker {number}"),
        start_ns: START_NS,
        ..Thread::default()
    };
    let unknown = || "this run was never made".to_owned();
    Trace {
        origin: Origin::Measured(Executor::new("native", &unknown())),
        model: Model::new("native", Strategy::ThreadPool),
        workers: 4,
        steps: vec![],
        groups: vec![],
        resources: vec![],
        channels: vec![],
        lanes: vec![],
        tasks: vec![],
        spans: vec![],
        startup: Phase { start_ns: START_NS, ..Phase::default() },
        done: None,
        end: RunEnd::Finished,
        usage: Observed::Unknown(unknown()),
        memory: Observed::Unknown(unknown()),
        noise: Noise::default(),
        servers: Vec::new(),
        scheduling: Observed::Known(Scheduling {
            cpus: vec![0, 1],
            threads: (0..4).map(thread).collect(),
            ..Scheduling::default()
        }),
        log: String::new(),
    }
}

fn provenance() -> Provenance {
    Provenance {
        program_version: env!("CARGO_PKG_VERSION").into(),
        started: String::new(),
        heading: "ten million slices".into(),
        subject: SubjectFacts {
            name: String::new(),
            kind: SubjectKind::Workload,
            title: None,
            about: None,
            tasks: 0,
            fingerprint: String::new(),
        },
        machine: Machine {
            quota: None,
            id: String::new(),
            cpu: String::new(),
            cores: 2,
            memory_bytes: 0,
            kernel: String::new(),
            architecture: String::new(),
            virtualization: None,
        },
        settings: Settings {
            seed: 0,
            speed: 1.0,
            parameters: vec![],
            warmup_rounds: 0,
            budget_ns: None,
            timeout_ns: None,
            memory_limit_bytes: None,
            minimum_effect: 0.0,
            given: None,
        },
    }
}
