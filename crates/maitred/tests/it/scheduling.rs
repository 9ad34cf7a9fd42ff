//! What the kernel saw of a run, and what is said where it lets nobody see it. The kernel refuses
//! for real: by a filter of system calls, and by the limit of a user's locked memory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use maitred_core::recording::Recording;
use maitred_core::trace::{Observed, Scheduling, SliceEnd, Source, Trace};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use crate::exports::read;
use crate::needs::have;
use crate::program::{PATIENCE, Place, eventually, stdout};

const WORK: &str = "task \"job\" count=4 { cpu \"60ms\"; wait \"5ms\"; cpu \"60ms\" }\n";
const RUN: &str = "run work.kdl --model native/threads --trace run.trace --width 200";

/// Bytes of a page, and of the ring that is asked for first.
const PAGE: u64 = 4096;
const RING: u64 = 512 << 10;

fn place() -> Place {
    Place::new().file("work.kdl", WORK)
}

fn recording(place: &Place) -> Recording {
    read(&fs::read(place.path("run.trace")).unwrap())
}

fn scheduling(trace: &Trace) -> &Scheduling {
    match &trace.scheduling {
        Observed::Known(scheduling) => scheduling,
        Observed::Unknown(why) => panic!("{why}"),
    }
}

/// A filter under which this system call fails with this error if the arguments that are named by
/// their numbers have one of these values each.
fn filter(call: i64, errno: i32, cases: &[&[(u8, u64)]]) -> BpfProgram {
    let is = |&(argument, value): &(u8, u64)| {
        let length = SeccompCmpArgLen::Qword;
        SeccompCondition::new(argument, length, SeccompCmpOp::Eq, value).unwrap()
    };
    let rule = |case: &&[(u8, u64)]| SeccompRule::new(case.iter().map(is).collect()).unwrap();
    let rules = BTreeMap::from([(call, cases.iter().map(rule).collect())]);
    let action = SeccompAction::Errno(errno as u32);
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture).unwrap();
    filter.try_into().unwrap()
}

/// Runs it under a filter.
fn run_under(place: &Place, filter: &BpfProgram, line: &str) -> Output {
    under(filter, || place.run(line))
}

/// A filter holds for the thread that starts something and for what it starts.
fn under(filter: &BpfProgram, start: impl FnOnce() -> Output + Send) -> Output {
    std::thread::scope(|scope| {
        let filtered = scope.spawn(|| {
            apply_filter(filter).unwrap();
            start()
        });
        filtered.join().unwrap()
    })
}

#[test]
fn where_switches_are_refused_the_run_succeeds_and_says_what_would_allow_them() {
    for (errno, name) in
        [(libc::EACCES, "EACCES"), (libc::EPERM, "EPERM"), (libc::ENOSYS, "ENOSYS")]
    {
        let place = place();
        let filter = filter(libc::SYS_perf_event_open, errno, &[]);
        let output = run_under(&place, &filter, RUN);
        let text = stdout(&output);
        assert!(output.status.success(), "{output:?}");
        for expected in
            ["perf_event_open", name, "kernel.perf_event_paranoid", "to allow it", "sampled"]
        {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
        if !text.contains("sysctl -w") {
            assert!(text.contains("--cap-add PERFMON"), "{text}");
        }
        let trace = recording(&place).trace;
        let scheduling = scheduling(&trace);
        assert!(matches!(scheduling.source, Source::Samples { .. }));
        assert!(!scheduling.slices.is_empty() && !scheduling.threads.is_empty());
        let sampled: u64 =
            scheduling.slices.iter().map(|slice| slice.end_ns - slice.start_ns).sum();
        let counted: u64 = scheduling.threads.iter().filter_map(|thread| thread.cpu_ns).sum();
        assert!(0 < sampled && sampled <= counted, "{sampled} of {counted} ns");
        // What a thread read of itself is there even where no look saw it.
        let lanes: Vec<_> = trace.lanes.iter().map(|lane| lane.tid).collect();
        let own = scheduling.threads.iter().filter(|thread| lanes.contains(&thread.tid));
        assert!(own.filter(|thread| thread.voluntary.is_some()).count() > 0);
    }
}

#[test]
fn a_smaller_ring_is_tried_before_it_is_given_up() {
    // Of mmap(2): the length, and that the mapping is shared, as no other of this size is.
    let refused: Vec<[(u8, u64); 2]> =
        (0..6).map(|times| [(1, (RING >> times) + PAGE), (3, libc::MAP_SHARED as u64)]).collect();
    let refused: Vec<&[(u8, u64)]> = refused.iter().map(|case| &case[..]).collect();
    for (count, is_recorded) in [(2, true), (6, false)] {
        let place = place();
        let filter = filter(libc::SYS_mmap, libc::EPERM, &refused[..count]);
        let output = run_under(&place, &filter, RUN);
        let text = stdout(&output);
        assert!(output.status.success(), "{output:?}");
        let trace = recording(&place).trace;
        let scheduling = scheduling(&trace);
        if have("switches") {
            assert_eq!(scheduling.source == Source::Switches, is_recorded, "{text}");
            assert_eq!(text.contains("mmap of its ring: EPERM"), !is_recorded, "{text}");
            assert_eq!(text.contains("perf_event_mlock_kb"), !is_recorded, "{text}");
        } else {
            assert!(text.contains("the kernel refused to record"), "{text}");
        }
    }
}

/// Two recorders of one user who may lock no more than one of them needs.
#[test]
fn a_user_without_locked_memory_records_once_and_not_twice() {
    if !have("root") || !have("switches") {
        return;
    }
    // A user of this run of the tests only, whose account nobody else draws on.
    let user = 1_000_000 + std::process::id();
    let place = place();
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let program = place.path("maitred");
    fs::copy(env!("CARGO_BIN_EXE_maitred"), &program).unwrap();
    let run = |options: &str| {
        let mut command = Command::new("sh");
        let line = format!("ulimit -l 0; exec ./maitred --details run {options} --width 200");
        command.args(["-c", &line]).current_dir(place.path("")).uid(user).gid(user);
        command.env("XDG_CACHE_HOME", place.path("cache")).stdin(Stdio::null());
        command.env("MAITRED_NO_KEEP", "1");
        // Each with a folder of its own for the lock, since otherwise one waits for the other.
        let folder = place.path(&format!("runtime-{}", options.len()));
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        command.env("XDG_RUNTIME_DIR", folder);
        command
    };
    let mut first = run("--model sequential -- sh -c 'echo > started; sleep 60'")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = eventually(PATIENCE, || place.path("started").exists());
    let second = run("work.kdl --model native/threads").output();
    // Not by SIGINT, which is ignored where the tests themselves run in the background.
    let pid = first.id().to_string();
    Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap();
    first.wait().unwrap();
    let second = second.unwrap();
    assert!(started && second.status.success(), "{second:?}");
    let text = stdout(&second);
    assert!(text.contains("mmap of its ring: EPERM"), "{text}");
    let alone = run("work.kdl --model native/threads").output().unwrap();
    let text = stdout(&alone);
    assert!(text.contains(" lost, read in"), "{text}");
}

/// Every thread says what the kernel has counted of its switches by then, and when that was.
const COUNTING: &str = r#"
import os, resource, threading, time
def work(channels, name):
    read, write = channels
    for _ in range(3000):
        os.write(write, b"x")
        os.read(read, 1)
    before = time.monotonic_ns()
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    after = time.monotonic_ns()
    with open(f"{name}.counts", "w") as file:
        print(threading.get_native_id(), before, after, usage.ru_nvcsw + usage.ru_nivcsw, file=file)
a, b = os.pipe(), os.pipe()
pair = [(a[0], b[1]), (b[0], a[1])]
threads = [threading.Thread(target=work, args=(pair[i], i)) for i in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"#;

#[test]
fn the_switches_of_a_thread_are_those_that_the_kernel_counted() {
    let place = Place::new().file("count.py", COUNTING);
    let line = "run --model sequential --trace run.trace -- python3 count.py";
    let output = place.run(line);
    assert!(output.status.success(), "{output:?}");
    let trace = recording(&place).trace;
    let scheduling = scheduling(&trace);
    if scheduling.source != Source::Switches {
        assert!(scheduling.missing[0].contains("refused"), "{:?}", scheduling.missing);
        return;
    }
    let kinds = scheduling.kinds;
    assert_eq!(scheduling.records, kinds.total());
    assert_eq!(kinds.others, 0);
    // All that was left was come to: by what was started, and by the first thread, of whose
    // coming exec stands in place.
    let lost = scheduling.lost;
    let (least, most) = (kinds.left.saturating_sub(lost), kinds.left + kinds.forks + lost);
    assert!((least..=most).contains(&kinds.came), "{kinds:?}");
    for number in 0..2 {
        let text = place.read(&format!("{number}.counts"));
        let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [tid, before, after, counted] = numbers[..] else { panic!("{text}") };
        let thread = scheduling.threads.iter().position(|one| u64::from(one.tid) == tid).unwrap();
        let left = |until: u64| {
            let own = scheduling.slices.iter().filter(|slice| slice.thread as usize == thread);
            let left = own.filter(|slice| {
                matches!(slice.end, SliceEnd::Blocked | SliceEnd::Preempted)
                    && slice.end_ns <= until
            });
            left.count() as u64
        };
        assert!(counted > 1000, "it did not switch: {counted}");
        assert!(
            left(before) <= counted && counted <= left(after) + lost,
            "recorded {} to {} of {counted}, {lost} lost",
            left(before),
            left(after)
        );
    }
}

#[test]
fn what_a_command_does_is_not_taken_for_waiting() {
    let busy = "end=$(($(date +%s%N) + 400000000)); while (($(date +%s%N) < end)); do :; done";
    let place =
        Place::new().file("busy.kdl", format!(r#"task "busy" {{ run "bash" "-c" "{busy}" }}"#));
    for model in ["threads", "processes", "event-loop"] {
        let line = format!("run busy.kdl --model {model} --trace run.trace");
        let output = place.run(&line);
        assert!(output.status.success(), "{output:?}");
        let recording = recording(&place);
        if scheduling(&recording.trace).source != Source::Switches {
            return;
        }
        let shares = recording.run.unwrap().scheduling.unwrap();
        let step = shares.steps.iter().find(|step| step.kind.name() == "run").unwrap().split;
        // However busy the machine is: it is on a processor or waits for one.
        assert!(step.running_ns + step.runnable_ns > step.blocked_ns, "{model}: {step:?}");
    }
}

#[test]
fn doctor_says_whether_switches_are_recorded_and_what_that_costs() {
    let place = place();
    let refused = filter(libc::SYS_perf_event_open, libc::EPERM, &[]);
    let doctor = |place: &Place| {
        // What interpreters are asked is tested elsewhere.
        place.command(&["doctor"]).env("PATH", place.path("")).output().unwrap()
    };
    let text = stdout(&under(&refused, || doctor(&place)));
    for expected in [
        "every switch          no: ",
        "EPERM",
        "kernel.perf_event_paranoid",
        "samples instead       yes",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    if have("switches") {
        let text = stdout(&doctor(&place));
        for expected in [
            "every switch          yes",
            "costs a switch",
            "costs a thread",
            "costs a process",
            "in 5 pairs",
            "reading a record",
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
        assert!(!text.contains("unknown: it"), "{text}");
        assert!(!text.contains('\x1b'), "it is no terminal: {text}");
    }
}
