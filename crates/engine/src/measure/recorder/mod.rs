//! The kernel's own record of who was on which processor when, of the runner and all that it
//! starts, without a privilege and without the program's help. The main type is [`SwitchRecorder`].
//!
//! An event of perf_event_open(2) is opened for each processor on the thread that will start the
//! runner; it is inherited by the runner and all its threads and processes, and sleeps until exec.
//! Every switch then costs the traced program 1.4 to 1.7 µs, so headline times come from runs
//! without it. Where the kernel refuses that, what it counts for each thread is read every few
//! milliseconds instead, and the record says so.

mod assemble;
mod decode;
mod looks;
mod reader;
mod refusal;
mod samples;
mod sys;
mod waits;

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use maitred_core::trace::{Lane, Scheduling};

use self::looks::Looks;
use self::reader::Reader;
pub(crate) use self::waits::GilPlace;
use self::waits::Watcher;
use super::clock;
use super::procfs;
use super::sys as kernel;
use super::tree::Tree;

/// Beside recorded switches a look is needed just before a thread ends, and looks at what blocked
/// threads wait for are samples, of which there should be many: they may take 1/40 of a core.
const LOOK_REST: Duration = Duration::from_millis(5);
const LOOK_REST_PER_COST: u64 = 40;
/// Samples may take 1/20 of a core.
const SAMPLE_REST_PER_COST: u64 = 20;
const SAMPLE_LEAST_REST: Duration = Duration::from_millis(1);
const SAMPLE_MOST_REST: Duration = Duration::from_millis(10);
/// Looking for new processes costs more than looking at those that are known.
const MEMBERS_REST_NS: u64 = 50_000_000;

/// Records from now on what the calling thread starts.
#[derive(Debug)]
pub struct SwitchRecorder {
    /// `Err`: why the kernel refuses to record switches.
    reader: Result<Reader, String>,
    looks: Arc<Mutex<Looks>>,
    watcher: Arc<Mutex<Watcher>>,
    observer: Option<Observer>,
}

/// Looks at the threads at a pace of its own, until it is dropped.
#[derive(Debug)]
struct Observer {
    /// Nothing is sent: its end is the message.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    tree: Tree,
}

impl SwitchRecorder {
    /// Opens the events. Only what this very thread starts afterwards is recorded.
    pub fn open() -> Self {
        let reader = Reader::start().map_err(|refusal| refusal.to_string());
        let looks = if reader.is_ok() { Looks::default() } else { Looks::sampling() };
        Self { reader, looks: Arc::new(Mutex::new(looks)), watcher: Arc::default(), observer: None }
    }

    /// Why the kernel refuses to record switches; `None`: it does not.
    pub fn refusal(&self) -> Option<&str> {
        self.reader.as_ref().err().map(String::as_str)
    }

    /// Says where the lock of the interpreter lies that is looked at.
    pub(crate) fn know(&mut self, gil: Option<GilPlace>) {
        lock(&self.watcher).know(gil);
    }

    /// Begins to look at the threads of these processes.
    pub(crate) fn follow(&mut self, tree: Tree) {
        let (stop, stopped) = mpsc::channel();
        let (looks, observed) = (Arc::clone(&self.looks), tree.clone());
        let watcher = Arc::clone(&self.watcher);
        let thread = std::thread::Builder::new().name("observer".into()).spawn(move || {
            let (mut members, mut members_ns) = (Vec::new(), 0);
            loop {
                let began_ns = kernel::thread_cpu_ns();
                if clock::now_ns() >= members_ns {
                    members = observed.members();
                    members_ns = clock::now_ns() + MEMBERS_REST_NS;
                }
                let mut looks = lock(&looks);
                looks.look(&members);
                let is_sampling = looks.is_sampling();
                drop(looks);
                lock(&watcher).look(&members);
                let rest = rest(is_sampling, kernel::thread_cpu_ns() - began_ns);
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        // Without a thread the looks at the turns of the run remain.
        self.observer = Some(Observer { stop: Some(stop), thread: thread.ok(), tree });
    }

    /// Looks now: something is about to end. Who ends before the next look keeps the figures of
    /// this one.
    pub(crate) fn look(&mut self) {
        if let Some(observer) = &self.observer {
            let members = observer.tree.members();
            lock(&self.looks).look(&members);
        }
    }

    /// What was recorded until now, for whoever may not live to see the end. `None`: it is too
    /// much, or samples, which are put together at the end.
    pub(crate) fn so_far(&self) -> Option<Scheduling> {
        self.reader.as_ref().ok()?.so_far()
    }

    /// Ends the recording, when all processes are gone.
    pub(crate) fn finish(self) -> Scheduling {
        drop(self.observer);
        let looks = std::mem::take(&mut *lock(&self.looks));
        let waits = std::mem::take(&mut *lock(&self.watcher)).finish();
        let scheduling = match self.reader {
            Ok(reader) => {
                let mut scheduling = reader.finish();
                looks.add_to(&mut scheduling);
                scheduling
            }
            Err(refusal) => looks.finish(sys::allowed_cpus(), refusal),
        };
        Scheduling { waits: Some(waits), ..scheduling }
    }
}

/// Until the next look, if this one took so much processor time.
fn rest(is_sampling: bool, cost_ns: u64) -> Duration {
    let (least, per_cost) = if is_sampling {
        // The kernel counts a thread that is on a processor at its ticks: no use in looking more
        // often.
        let tick = Duration::from_nanos(kernel::tick_ns());
        (tick.clamp(SAMPLE_LEAST_REST, SAMPLE_MOST_REST), SAMPLE_REST_PER_COST)
    } else {
        (LOOK_REST, LOOK_REST_PER_COST)
    };
    least.max(Duration::from_nanos(cost_ns.saturating_mul(per_cost)))
}

/// Who panicked while it looked left figures that are older, and no others.
fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, the figures of its last look are there.
            let _ = thread.join();
        }
    }
}

/// Adds what threads that executed steps have read of themselves just before they ended, where
/// that is more than the last look saw.
pub(crate) fn add_lanes(scheduling: &mut Scheduling, lanes: &[Lane]) {
    for lane in lanes {
        let Some(counters) = lane.counters else { continue };
        let own = |thread: &&mut maitred_core::trace::Thread| {
            (thread.pid, thread.tid) == (lane.pid, lane.tid)
        };
        let Some(thread) = scheduling.threads.iter_mut().rev().find(own) else { continue };
        if let Some(delay_ns) = counters.run_delay_ns
            && thread.cpu_ns.is_none_or(|seen| counters.cpu_ns >= seen)
        {
            thread.cpu_ns = Some(counters.cpu_ns);
            thread.run_delay_ns = Some(delay_ns.max(thread.run_delay_ns.unwrap_or(0)));
            thread.counted_ns = 0;
        }
        thread.voluntary = thread.voluntary.or(Some(counters.voluntary.into()));
        thread.involuntary = thread.involuntary.or(Some(counters.involuntary.into()));
    }
}

#[cfg(test)]
mod tests;
