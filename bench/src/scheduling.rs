//! What the kernel saw: the recorder of the whole program beside the kernel's own figures, which
//! the recorded programs read of themselves, and beside runs that are not recorded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use maitred_core::analyse::scheduling::average_running_threads;
use maitred_core::recording::{Collector, Parser, Recording};
use maitred_core::result::Run;
use maitred_core::trace::Scheduling;

/// Four threads that compute, each of which says at its end what the kernel counted for it.
const FOUR_THREADS: &str = "
import sys, threading, time
def work(number):
    while time.thread_time() < 0.7:
        sum(range(1000))
    with open('/proc/thread-self/schedstat') as file:
        ran, waited, _ = file.read().split()
    with open(f'{sys.argv[1]}.{number}', 'w') as file:
        print(threading.get_native_id(), time.monotonic_ns(), ran, waited, file=file)
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
";

const COMPUTING: &str = "task \"job\" count=4 { cpu \"300ms\" }\n";
const ORDINARY: &str = "task \"job\" count=40 { cpu \"10ms\"; wait \"5ms\"; cpu \"5ms\" }\n";

/// The program, and a folder for what it reads and writes.
pub(crate) struct Traced {
    maitred: PathBuf,
    folder: tempfile::TempDir,
}

/// What the kernel counted of four threads, and what was recorded of them, nanoseconds.
pub(crate) struct Accuracy {
    pub(crate) ran: (f64, f64),
    pub(crate) waited: (f64, f64),
}

impl Traced {
    /// Finds the program.
    ///
    /// # Errors
    /// That it is missing, and how to get it; or that the kernel refuses to record.
    pub(crate) fn find() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let maitred = own.with_file_name("maitred");
        if !maitred.exists() {
            return Err("there is no maitred beside this program: cargo build --release".into());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        for (name, text) in
            [("four.py", FOUR_THREADS), ("computing.kdl", COMPUTING), ("ordinary.kdl", ORDINARY)]
        {
            fs::write(folder.path().join(name), text).map_err(|error| error.to_string())?;
        }
        let traced = Self { maitred, folder };
        let recording = traced.run(&["--model", "sequential", "--", "true"])?;
        match &scheduling(&recording).missing[..] {
            [] => Ok(traced),
            [why, ..] => Err(why.clone()),
        }
    }

    /// One run of the whole program, read from the trace that it saves.
    fn run(&self, args: &[&str]) -> Result<Recording, String> {
        let output = Command::new(&self.maitred)
            .args(["run", "--quiet", "--no-keep", "--trace", "run.trace", "--trace-limit", "2GiB"])
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let bytes = fs::read(self.folder.path().join("run.trace"));
        read(&bytes.map_err(|error| error.to_string())?)
    }

    /// So many runs of this program with the role of a load.
    fn load(&self, name: &str, model: &str, count: u32) -> Recording {
        let program = self.maitred.display().to_string();
        let count = count.to_string();
        let args = ["--model", model, "--count", &count, "--", &program, "runner", name];
        self.run(&args).expect("the loads of doctor run here")
    }

    /// Python's threads, and what the kernel counted of them.
    ///
    /// # Errors
    /// Why it cannot be run.
    pub(crate) fn accuracy(&self) -> Result<Accuracy, String> {
        let python = ["--model", "sequential", "--", "python3", "four.py", "counts"];
        let recording = self.run(&python)?;
        let scheduling = scheduling(&recording);
        let shares = recording.run.as_ref().and_then(|run| run.scheduling.as_ref());
        let shares = shares.ok_or("the run has no shares")?;
        let mut accuracy = Accuracy { ran: (0.0, 0.0), waited: (0.0, 0.0) };
        for number in 0..4 {
            let path = self.folder.path().join(format!("counts.{number}"));
            let [tid, read_ns, ran, waited] = numbers(&path)?;
            let is_it = |seen: u32| u64::from(seen) == tid;
            let thread = scheduling.threads.iter().position(|one| is_it(one.tid));
            let thread = thread.ok_or("a thread was not recorded")? as u32;
            let own = scheduling.slices.iter().filter(|slice| slice.thread == thread);
            let until = own.map(|slice| slice.end_ns.min(read_ns).saturating_sub(slice.start_ns));
            accuracy.ran.0 += ran as f64;
            accuracy.ran.1 += until.sum::<u64>() as f64;
            let figures = shares.threads.iter().find(|one| is_it(one.tid));
            let figures = figures.ok_or("a thread has no figures")?;
            let wakeup = figures.wakeup_ns.ok_or("nobody looked at a thread")?;
            accuracy.waited.0 += waited as f64;
            accuracy.waited.1 += (figures.runnable_ns + wakeup) as f64;
        }
        Ok(accuracy)
    }

    /// The average running threads of this model.
    ///
    /// # Errors
    /// Why it cannot be run.
    pub(crate) fn at_once(&self, model: &str) -> Result<f64, String> {
        let run = self.run(&["computing.kdl", "--model", model])?.run;
        let shares = run.and_then(|run| run.scheduling).ok_or("the run has no shares")?;
        average_running_threads(&shares).ok_or_else(|| "it is not known".to_owned())
    }

    /// The share of the computing steps' time in which this model's threads were on a processor or
    /// waited for one, which does not depend on what else the machine does.
    ///
    /// # Errors
    /// Why it cannot be run.
    pub(crate) fn runnable(&self, model: &str) -> Result<f64, String> {
        let run = self.run(&["computing.kdl", "--model", model])?.run;
        let split = run.and_then(|run| run.scheduling).ok_or("the run has no shares")?.total;
        Ok((split.running_ns + split.runnable_ns) as f64 / split.whole_ns().max(1) as f64)
    }

    /// Twice two threads that hand a byte to and fro: switches a second, and its scheduling.
    pub(crate) fn ping_pong(&self) -> (f64, Recording) {
        let recording = self.load("switches", "processes:2", 40);
        let seconds = run_of(&recording).work_ns as f64 / 1e9;
        (scheduling(&recording).kinds.left as f64 / seconds, recording)
    }

    /// 1,200 processes that end at once.
    pub(crate) fn forks(&self) -> Recording {
        self.load("forks", "sequential", 4)
    }

    /// Milliseconds of work of an ordinary run.
    ///
    /// # Errors
    /// Why it cannot be run.
    pub(crate) fn ordinary(&self, is_recorded: bool) -> Result<f64, String> {
        let mut args = vec!["ordinary.kdl", "--model", "python3/thread-pool:4"];
        if !is_recorded {
            args.push("--no-scheduling");
        }
        Ok(run_of(&self.run(&args)?).work_ns as f64 / 1e6)
    }
}

/// What there should be, and what there is: records that were delivered or lost, beside two for
/// each switch that wait4 counted, and one for whatever else happened.
pub(crate) fn equation(recording: &Recording) -> (f64, f64) {
    let Scheduling { kinds, records, lost, .. } = scheduling(recording);
    let usage = recording.trace.usage.known().copied().unwrap_or_default();
    let switches = usage.voluntary + usage.involuntary;
    let expected =
        2 * switches + kinds.forks + kinds.exits + kinds.execs + kinds.renames + kinds.others;
    (expected as f64, (records + lost) as f64)
}

/// How many processes were seen to end.
pub(crate) fn ended(recording: &Recording) -> usize {
    let threads = scheduling(recording).threads.iter();
    threads.filter(|thread| thread.pid == thread.tid && thread.end_ns != 0).count()
}

pub(crate) fn scheduling(recording: &Recording) -> &Scheduling {
    recording.trace.scheduling.known().expect("it was not asked to leave it out")
}

fn run_of(recording: &Recording) -> &Run {
    recording.run.as_ref().expect("a run that ended has figures")
}

fn read(bytes: &[u8]) -> Result<Recording, String> {
    let (mut parser, mut collector, mut at) = (Parser::default(), Collector::default(), 0);
    while !collector.is_whole() {
        let (part, used) = parser.parse(&bytes[at..]).map_err(|fault| fault.to_string())?;
        collector.take(part).map_err(|fault| fault.to_string())?;
        at += used;
    }
    collector.finish(None).ok_or_else(|| "the trace has no facts".to_owned())
}

fn numbers(path: &Path) -> Result<[u64; 4], String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().map_err(|_| format!("{text} is not four numbers"))
}
