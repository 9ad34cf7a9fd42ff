//! Traces in the forms of other programs, read as those read them: Perfetto's by its published
//! schema, Chrome's as JSON. Every span and every slice must be there, to the nanosecond.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use maitred_core::recording::{Collector, Parser, Recording};
use maitred_core::trace::{Observed, Scheduling, Slice, SliceEnd, Span, StepKind, Thread, Trace};
use maitred_core::view;
use perfetto_protos::trace_packet::{TracePacket, trace_packet::Data};
use perfetto_protos::track_event::track_event::{Name_field, Type};
use protobuf::reflect::ReflectValueRef;
use protobuf::{Message, MessageDyn};
use serde_json::Value;

use crate::program::{Place, shipped};

pub(crate) fn read(bytes: &[u8]) -> Recording {
    let (mut parser, mut collector, mut at) = (Parser::default(), Collector::default(), 0);
    while !collector.is_whole() {
        let (part, used) = parser.parse(&bytes[at..]).unwrap();
        collector.take(part).unwrap();
        at += used;
    }
    assert_eq!(at, bytes.len());
    collector.finish(None).unwrap()
}

/// A recording of a real run, with slices that were not recorded: four threads in turn on two
/// processors, on which they give way in every way there is.
fn recorded(place: &Place, model: &str) -> Recording {
    let line = format!("run work.kdl --model {model} --trace run.trace");
    let output = place.run(&line);
    assert!(output.status.success(), "{output:?}");
    let mut recording = read(&std::fs::read(place.path("run.trace")).unwrap());
    let start = recording.trace.startup.end_ns;
    recording.trace.scheduling = Observed::Known(scheduling(&recording.trace, start, 2_000));
    recording
}

fn place() -> Place {
    let work = "resource \"disk\" capacity=1\ntask \"job\" count=150 { wait \"10us\"; hold \"disk\" \
                { cpu \"1us\" }\ncpu \"1us\" }\n";
    Place::new().file("work.kdl", work)
}

fn scheduling(trace: &Trace, start: u64, count: u64) -> Scheduling {
    let pid = trace.lanes[0].pid;
    let thread = |number: u32| Thread {
        pid,
        tid: 4_000_000 + number,
        name: format!("thread {number}"),
        start_ns: start,
        ..Thread::default()
    };
    let ends = [SliceEnd::Blocked, SliceEnd::Preempted, SliceEnd::Exited, SliceEnd::Unknown];
    let slice = |number: u64| {
        let cpu = number % 2;
        let turn = number / 2;
        let start_ns = start + turn * 50_000 + cpu * 100 + turn % 7;
        // Now and then one makes way for the next at once.
        let end_ns = match turn % 3 {
            0 => start + (turn + 1) * 50_000 + cpu * 100 + (turn + 1) % 7,
            _ => start_ns + 20_000 + turn * 31 % 9_000,
        };
        let thread = (cpu * 2 + turn % 2) as u32;
        Slice { start_ns, end_ns, thread, cpu: cpu as u16, end: ends[turn as usize % 4] }
    };
    Scheduling {
        cpus: vec![0, 1],
        threads: (0..4).map(thread).collect(),
        slices: (0..count).map(slice).collect(),
        records: count,
        ..Scheduling::default()
    }
}

fn perfetto(recording: &Recording) -> Vec<u8> {
    let mut bytes = Vec::new();
    view::perfetto::write(&recording.trace, &recording.provenance, |more: &[u8]| {
        bytes.extend_from_slice(more);
        Ok::<_, Infallible>(())
    })
    .unwrap();
    bytes
}

/// One rectangle: name of its track, its own name, start, end.
type Rectangle = (String, String, u64, Option<u64>);

/// What the schema says that the bytes mean.
#[derive(Default)]
struct Decoded {
    rectangles: BTreeSet<Rectangle>,
    /// By processor: when, state of who leaves, who comes.
    switches: BTreeMap<u32, Vec<(u64, i64, i32)>>,
    threads: BTreeMap<i32, String>,
    release: String,
    /// Bytes of packets with steps.
    step_bytes: u64,
}

/// Reads packets in order and keeps what their sequences have in common, as the schema's comments
/// say: clocks that count from packet to packet, numbers that stand for names.
fn decode(bytes: &[u8]) -> Decoded {
    let trace = perfetto_protos::trace::Trace::parse_from_bytes(bytes).unwrap();
    no_unknown_field(&trace);
    let mut decoded = Decoded::default();
    let (mut clock, mut default_clock) = (0, BTreeMap::new());
    let (mut names, mut tracks) = (BTreeMap::new(), BTreeMap::new());
    let mut open: BTreeMap<u64, Vec<(String, u64)>> = BTreeMap::new();
    for packet in &trace.packet {
        let sequence = packet.trusted_packet_sequence_id();
        assert_ne!(sequence, 0);
        for name in packet.interned_data.event_names.iter() {
            names.insert(name.iid(), name.name().to_owned());
        }
        if let Some(defaults) = packet.trace_packet_defaults.as_ref() {
            default_clock.insert(sequence, defaults.timestamp_clock_id());
        }
        match packet.data.as_ref() {
            Some(Data::ClockSnapshot(snapshot)) => {
                let all = |id| snapshot.clocks.iter().find(|clock| clock.clock_id() == id).unwrap();
                assert_eq!(all(3).timestamp(), all(6).timestamp());
                assert!(all(64).is_incremental());
                clock = all(64).timestamp();
            }
            Some(Data::TrackDescriptor(track)) => {
                let name = match track.thread.as_ref() {
                    Some(thread) => thread.thread_name().to_owned(),
                    None => track.name().to_owned(),
                };
                assert!(tracks.insert(track.uuid(), name).is_none(), "two tracks of one number");
            }
            Some(Data::SystemInfo(info)) => decoded.release = info.utsname.release().to_owned(),
            Some(Data::ProcessTree(tree)) => {
                let named = tree.threads.iter().map(|it| (it.tid(), it.name().to_owned()));
                decoded.threads.extend(named);
            }
            Some(Data::FtraceEvents(_)) => switches(packet, &mut decoded),
            Some(Data::TrackEvent(event)) => {
                let own = packet.timestamp_clock_id.or(default_clock.get(&sequence).copied());
                let ns = match own {
                    Some(64) => {
                        clock += packet.timestamp();
                        clock
                    }
                    Some(3) => packet.timestamp(),
                    other => panic!("a clock that is not known: {other:?}"),
                };
                if own == Some(64) {
                    decoded.step_bytes += packet.compute_size() + 2;
                }
                let track = event.track_uuid();
                let stack = open.entry(track).or_default();
                if event.type_() == Type::TYPE_SLICE_END {
                    let (name, start) = stack.pop().expect("an end without a beginning");
                    assert!(ns >= start);
                    decoded.rectangles.insert((tracks[&track].clone(), name, start, Some(ns)));
                    continue;
                }
                assert_eq!(event.type_(), Type::TYPE_SLICE_BEGIN);
                stack.push((name(event.name_field.as_ref().unwrap(), &names), ns));
            }
            None if packet.interned_data.is_some() => {}
            other => panic!("not expected: {other:?}"),
        }
    }
    for (track, stack) in open {
        for (name, start) in stack {
            decoded.rectangles.insert((tracks[&track].clone(), name, start, None));
        }
    }
    decoded
}

/// The name of an event, which may be a number that stands for it.
fn name(field: &Name_field, names: &BTreeMap<u64, String>) -> String {
    match field {
        Name_field::NameIid(iid) => names[iid].clone(),
        Name_field::Name(name) => name.clone(),
        other => panic!("{other:?}"),
    }
}

fn switches(packet: &TracePacket, decoded: &mut Decoded) {
    let bundle = packet.ftrace_events();
    let sched = bundle.compact_sched.as_ref().unwrap();
    let count = sched.switch_timestamp.len();
    let lengths = [
        sched.switch_prev_state.len(),
        sched.switch_next_pid.len(),
        sched.switch_next_prio.len(),
        sched.switch_next_comm_index.len(),
    ];
    assert_eq!(lengths, [count; 4], "columns of one length");
    let switches = decoded.switches.entry(bundle.cpu()).or_default();
    let mut ns = 0;
    for row in 0..count {
        ns += sched.switch_timestamp[row];
        let next = sched.switch_next_pid[row];
        let name = &sched.intern_table[sched.switch_next_comm_index[row] as usize];
        assert_eq!(next == 0, name == "swapper");
        assert!(next == 0 || decoded.threads[&next] == *name);
        switches.push((ns, sched.switch_prev_state[row], next));
    }
}

/// A field that the schema does not have would be kept as unknown; none may be.
fn no_unknown_field(message: &dyn MessageDyn) {
    let descriptor = message.descriptor_dyn();
    assert_eq!(message.unknown_fields_dyn().iter().next(), None, "in {descriptor:?}");
    let of_value = |value: ReflectValueRef<'_>| {
        if let ReflectValueRef::Message(message) = value {
            no_unknown_field(&*message);
        }
    };
    for field in descriptor.fields() {
        if field.is_repeated() {
            field.get_repeated(message).into_iter().for_each(of_value);
        } else if let Some(value) = field.get_singular(message) {
            of_value(value);
        }
    }
}

/// What must be there of the steps: name and times, whatever the track is called.
fn expected_steps(trace: &Trace) -> Vec<(String, u64, Option<u64>)> {
    let end = |ns: u64| (ns != 0).then_some(ns);
    // Queueing for a resource and holding it are called two things.
    let name = |step: u32| match &trace.steps[step as usize] {
        step if step.kind == StepKind::Acquire => {
            format!("queue for {}", step.label.trim_start_matches("hold "))
        }
        step => step.label.clone(),
    };
    let step = |span: &Span| (name(span.step), span.start_ns, end(span.end_ns));
    let mut steps: Vec<_> = trace.spans.iter().map(step).collect();
    let done = trace.done.as_ref().unwrap().phases;
    let phases = [
        ("start-up", trace.startup),
        ("set-up", done.setup),
        ("work", done.work),
        ("tear-down", done.teardown),
    ];
    steps.extend(phases.map(|(name, it)| (name.to_owned(), it.start_ns, Some(it.end_ns))));
    steps.sort();
    steps
}

/// The slices that the switches of one processor amount to.
fn slices_of(switches: &[(u64, i64, i32)]) -> Vec<(i32, u64, u64, i64)> {
    let pairs = switches.windows(2).filter(|pair| pair[0].2 != 0);
    pairs.map(|pair| (pair[0].2, pair[0].0, pair[1].0, pair[1].1)).collect()
}

#[test]
fn perfetto_reads_every_span_and_every_slice() {
    let place = place();
    for model in ["native/threads:1", "native/thread-pool:3", "native/event-loop"] {
        let model = model.trim_end_matches(":1");
        let recording = recorded(&place, model);
        let trace = &recording.trace;
        let bytes = perfetto(&recording);
        let decoded = decode(&bytes);
        let tasks: BTreeSet<String> = (0..150).map(|task| trace.task_name(task)).collect();
        let (of_tasks, others): (Vec<_>, Vec<_>) =
            decoded.rectangles.iter().cloned().partition(|one| tasks.contains(&one.1));
        let mut steps: Vec<_> =
            others.into_iter().map(|(_, name, start, end)| (name, start, end)).collect();
        steps.sort();
        assert_eq!(steps, expected_steps(trace), "{model}");
        // Tasks are named: by their track, or by a rectangle where they share tracks.
        let named: BTreeSet<String> = match of_tasks.is_empty() {
            true => decoded.rectangles.into_iter().map(|one| one.0).collect(),
            false => of_tasks.into_iter().map(|one| one.1).collect(),
        };
        assert!(tasks.is_subset(&named), "{model}");
        assert_eq!(decoded.release, recording.provenance.machine.kernel);
        let scheduling = trace.scheduling.known().unwrap();
        for (cpu, switches) in &decoded.switches {
            let of_cpu = scheduling.slices.iter().filter(|slice| u32::from(slice.cpu) == *cpu);
            let mut expected: Vec<_> = of_cpu
                .map(|slice| {
                    let state = match slice.end {
                        SliceEnd::Blocked => 0x1,
                        SliceEnd::Preempted => 0x100,
                        SliceEnd::Exited => 0x20,
                        SliceEnd::Unknown => 0x1000,
                    };
                    let tid = scheduling.threads[slice.thread as usize].tid as i32;
                    (tid, slice.start_ns, slice.end_ns, state)
                })
                .collect();
            // It was still running when the record ended, and is shown so.
            assert_eq!(expected.pop().map(|last| last.3), Some(0x1000));
            assert_eq!(slices_of(switches), expected);
        }
        assert_eq!(decoded.switches.len(), 2);
    }
}

#[test]
fn a_span_takes_no_more_than_36_bytes_and_a_switch_about_9() {
    let mut recording = recorded(&place(), "native/thread-pool:3");
    let trace = &mut recording.trace;
    trace.tasks.iter_mut().for_each(|task| task.start_ns = 0);
    let start = trace.startup.end_ns;
    let spans = 3_000;
    let span = |number: u64| {
        let start_ns = start + number / 3 * 90_000 + number % 3 * 1_000;
        Span { task: 0, step: 0, lane: number as u32 % 3, start_ns, end_ns: start_ns + 80_123 }
    };
    trace.spans = (0..spans).map(span).collect();
    let decoded = decode(&perfetto(&recording));
    let each = decoded.step_bytes as f64 / spans as f64;
    assert!((20.0..36.0).contains(&each), "{each} bytes a span");
    let with = perfetto(&recording).len();
    let switches: usize = decoded.switches.values().map(Vec::len).sum();
    let Observed::Known(scheduling) = &mut recording.trace.scheduling else { unreachable!() };
    scheduling.slices.clear();
    let each = (with - perfetto(&recording).len()) as f64 / switches as f64;
    assert!((6.0..10.0).contains(&each), "{each} bytes a switch");
}

#[test]
fn chromes_json_has_every_span_and_every_slice() {
    let place = place();
    for model in ["native/thread-pool:3", "native/event-loop"] {
        let recording = recorded(&place, model);
        let trace = &recording.trace;
        let mut text = String::new();
        view::chrome::write(trace, &recording.provenance, |more: &str| {
            text.push_str(more);
            Ok::<_, Infallible>(())
        })
        .unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let origin = value["otherData"]["origin_ns"].as_u64().unwrap();
        let ns = |micros: &Value| (micros.as_f64().unwrap() * 1000.0).round() as u64;
        let events = value["traceEvents"].as_array().unwrap();
        let shown = |event: &&Value| event["ph"] == "X" || event["ph"] == "B";
        let (slices, steps): (Vec<&Value>, Vec<&Value>) =
            events.iter().filter(shown).partition(|event| event["pid"] == 1 << 30);
        let tasks: BTreeSet<String> = (0..150).map(|task| trace.task_name(task)).collect();
        let mut found: Vec<_> = steps
            .iter()
            .map(|event| {
                let start = origin + ns(&event["ts"]);
                let end = event.get("dur").map(|dur| start + ns(dur));
                (event["name"].as_str().unwrap().to_owned(), start, end)
            })
            .filter(|(name, _, _)| !tasks.contains(name))
            .collect();
        found.sort();
        assert_eq!(found, expected_steps(trace), "{model}");
        let expected = &trace.scheduling.known().unwrap().slices;
        assert_eq!(slices.len(), expected.len());
        for (event, slice) in slices.iter().zip(expected) {
            assert_eq!(origin + ns(&event["ts"]), slice.start_ns);
            assert_eq!(ns(&event["dur"]), slice.end_ns - slice.start_ns);
            assert_eq!(event["tid"], slice.cpu);
        }
        assert!(events.iter().any(|event| event["args"]["name"] == "CPU 1"));
    }
}

#[test]
fn a_run_and_its_recording_are_exported_alike() {
    let place = Place::new().file("work.kdl", shipped("waiters.kdl"));
    let run = "run work.kdl --speed 100x --model threads --trace a.trace --export-perfetto a.pftrace \
               --export-chrome a.json";
    assert!(place.run(run).status.success());
    let show = "show a.trace --export-perfetto b.pftrace --export-chrome b.json";
    assert!(place.run(show).status.success());
    for ending in ["pftrace", "json"] {
        let bytes = |name: &str| std::fs::read(place.path(&format!("{name}.{ending}"))).unwrap();
        assert_eq!(bytes("a"), bytes("b"), "{ending}");
    }
    let decoded = decode(&std::fs::read(place.path("a.pftrace")).unwrap());
    assert!(decoded.rectangles.iter().any(|one| one.0 == "table 5" && one.1 == "hold waiter"));
}
