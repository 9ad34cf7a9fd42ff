//! The kernel's own record of who was on which processor when, of the runner and all that it
//! starts, without a privilege and without the program's help. The main type is [`Recorder`].
//!
//! An event of perf_event_open(2) is opened for each processor on the thread that will start the
//! runner; it is inherited by the runner and all its threads and processes, and sleeps until exec.
//! Every switch then costs the traced program 1.4 to 1.7 µs, so headline times come from runs
//! without it.

mod assemble;
mod decode;
mod sys;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use maitred_core::trace::{Observed, Scheduling, Source, Thread};

use self::assemble::Assembly;
use self::sys::Ring;
use super::procfs;

/// The ring of a processor: 16,384 records, 55 ms of the busiest program that was seen.
const RING_BYTES: usize = 512 << 10;
/// A smaller one would lose records of ordinary programs.
const RING_LEAST_BYTES: usize = 16 << 10;
/// How long the reader sleeps at most.
const REST_MILLIS: i32 = 50;

/// Records from now on what the calling thread starts.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// `Err`: why the kernel refuses to record switches.
    reader: Result<Reader, String>,
    /// What the kernel itself counted for each thread, when it was last looked at.
    counted: HashMap<u32, Counted>,
    looks: u32,
    first_look_ns: u64,
    last_look_ns: u64,
}

#[derive(Debug)]
struct Reader {
    thread: JoinHandle<Scheduling>,
    stop: Arc<AtomicBool>,
}

/// The first two numbers of /proc/PID/task/TID/schedstat, nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Counted {
    pid: u32,
    cpu_ns: u64,
    run_delay_ns: u64,
}

impl Recorder {
    /// Opens the events. Only what this very thread starts afterwards is recorded.
    pub(crate) fn open() -> Self {
        let reader = Reader::start().map_err(|error| refusal(&error));
        Self { reader, counted: HashMap::new(), looks: 0, first_look_ns: 0, last_look_ns: 0 }
    }

    /// Reads what the kernel has counted so far for the threads of these processes. Who ends
    /// before the next look keeps the figures of this one.
    pub(crate) fn look(&mut self, pids: &[u32]) {
        self.last_look_ns = super::clock::now_ns();
        if self.looks == 0 {
            self.first_look_ns = self.last_look_ns;
        }
        self.looks += 1;
        for &pid in pids {
            let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            let ids = threads.filter_map(|one| one.ok()?.file_name().to_str()?.parse().ok());
            for tid in ids.take(THREADS_PER_LOOK) {
                if let Some((cpu_ns, run_delay_ns)) = schedstat(pid, tid) {
                    self.counted.insert(tid, Counted { pid, cpu_ns, run_delay_ns });
                }
            }
        }
    }

    /// Ends the recording, when all processes are gone.
    pub(crate) fn finish(self) -> Observed<Scheduling> {
        match self.reader {
            Ok(reader) => {
                let mut scheduling = reader.finish();
                // A number may have belonged to several threads: the figures are the last one's.
                for thread in &mut scheduling.threads {
                    if let Some(counted) = self.counted.get(&thread.tid)
                        && counted.pid == thread.pid
                    {
                        thread.cpu_ns = Some(counted.cpu_ns);
                        thread.run_delay_ns = Some(counted.run_delay_ns);
                    }
                }
                Observed::Known(scheduling)
            }
            Err(why) if self.counted.is_empty() => Observed::Unknown(why),
            Err(why) => Observed::Known(Scheduling {
                source: Source::Samples {
                    every_ns: (self.last_look_ns - self.first_look_ns)
                        / u64::from(self.looks.saturating_sub(1).max(1)),
                },
                cpus: sys::allowed_cpus(),
                threads: self.counted.iter().map(|(tid, counted)| counted.thread(*tid)).collect(),
                missing: vec![why],
                ..Scheduling::default()
            }),
        }
    }
}

impl Counted {
    fn thread(self, tid: u32) -> Thread {
        Thread {
            pid: self.pid,
            tid,
            name: String::new(),
            parent: None,
            start_ns: 0,
            end_ns: 0,
            run_delay_ns: Some(self.run_delay_ns),
            cpu_ns: Some(self.cpu_ns),
        }
    }
}

/// A look at more threads of a process than this would disturb it.
const THREADS_PER_LOOK: usize = 1_000;

/// Time on a processor and time waiting for one (Documentation/scheduler/sched-stats.rst).
fn schedstat(pid: u32, tid: u32) -> Option<(u64, u64)> {
    let text = procfs::text(&format!("/proc/{pid}/task/{tid}/schedstat"))?;
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

impl Reader {
    fn start() -> io::Result<Self> {
        let rings = rings()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || read(rings, &stopped))?;
        Ok(Self { thread, stop })
    }

    fn finish(self) -> Scheduling {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_else(|_| Scheduling {
            missing: vec!["the recorder of the scheduler came to grief".to_owned()],
            ..Scheduling::default()
        })
    }
}

/// An event and a ring for each processor, as large as this user may have.
fn rings() -> io::Result<Vec<(u16, OwnedFd, Ring)>> {
    let mut bytes = RING_BYTES;
    loop {
        let ring = |cpu: u16| {
            let event = sys::open(cpu, bytes)?;
            let ring = Ring::map(&event, bytes)?;
            Ok((cpu, event, ring))
        };
        match sys::allowed_cpus().into_iter().map(ring).collect::<io::Result<Vec<_>>>() {
            // What a user may lock is shared by all that he records (perf_event_mlock_kb).
            Err(error) if error.raw_os_error() == Some(libc::EPERM) && bytes > RING_LEAST_BYTES => {
                bytes /= 2;
            }
            other => return other,
        }
    }
}

/// Reads all rings until told to stop, and once more after that.
fn read(mut rings: Vec<(u16, OwnedFd, Ring)>, stop: &AtomicBool) -> Scheduling {
    let events: Vec<RawFd> = rings.iter().map(|(_, event, _)| event.as_raw_fd()).collect();
    let mut assembly = Assembly::default();
    let mut bytes = Vec::new();
    loop {
        let last = stop.load(Ordering::Acquire);
        for (cpu, _, ring) in &mut rings {
            bytes.clear();
            ring.drain(&mut bytes);
            decode::decode(&bytes, |event| assembly.take(*cpu, event));
        }
        if last {
            break;
        }
        sys::wait(&events, REST_MILLIS);
    }
    assembly.lost(rings.iter().map(|(_, event, _)| sys::lost(event)).sum());
    assembly.finish(rings.iter().map(|(cpu, _, _)| *cpu).collect())
}

/// Why switches are not recorded, with what would allow it.
fn refusal(error: &io::Error) -> String {
    let paranoid = procfs::text("/proc/sys/kernel/perf_event_paranoid");
    let setting = paranoid.map_or_else(
        || "the kernel has no kernel.perf_event_paranoid".to_owned(),
        |value| format!("kernel.perf_event_paranoid is {value}"),
    );
    let cure = match error.raw_os_error() {
        Some(libc::ENOSYS) => {
            "the system call is not there or a filter (seccomp) hides it; in a container: \
             --security-opt seccomp=unconfined"
        }
        _ => {
            "to allow it: sysctl kernel.perf_event_paranoid=2; in a container: \
             --cap-add PERFMON or --security-opt seccomp=unconfined"
        }
    };
    format!("the kernel does not record switches for us ({error}; {setting}); {cure}")
}
