//! The thread that takes the kernel's records out of their rings. The main type is [`Reader`].

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use maitred_core::trace::Scheduling;

use super::assemble::Assembly;
use super::decode::{self, Event};
use super::refusal::{Call, Refusal};
use super::sys::{self, Ring};
use crate::measure::{clock, sys as kernel};

/// The ring of a processor: 16,384 records, 55 ms of the busiest program that was seen.
const RING_BYTES: usize = 512 << 10;
/// A smaller one would lose records of ordinary programs.
const RING_LEAST_BYTES: usize = 16 << 10;
/// How long the reader sleeps at most.
const REST_MILLIS: i32 = 50;
/// So many slices are copied while the reader waits: 16 MB, a few milliseconds.
const COPIED_MAX: usize = 500_000;

/// Reads until it is told to stop, or dropped.
#[derive(Debug)]
pub(super) struct Reader {
    /// `None`: it has been waited for.
    thread: Option<JoinHandle<Scheduling>>,
    stop: Arc<Stop>,
    /// What was put together until now.
    assembly: Arc<Mutex<Assembly>>,
}

#[derive(Debug)]
struct Stop {
    is_asked: AtomicBool,
    /// Readable from then on.
    event: OwnedFd,
}

impl Reader {
    /// Opens the events on the calling thread, and starts to read.
    ///
    /// # Errors
    /// What the kernel refused.
    pub(super) fn start() -> Result<Self, Refusal> {
        let other = |error| Refusal { call: Call::Other, error };
        let rings = rings()?;
        let event = kernel::event().map_err(other)?;
        let stop = Arc::new(Stop { is_asked: AtomicBool::new(false), event });
        let stopped = Arc::clone(&stop);
        let cpus: Vec<u16> = rings.iter().map(|(cpu, _, _)| *cpu).collect();
        let assembly = Arc::new(Mutex::new(Assembly::new(&cpus, clock::now_ns())));
        let assembled = Arc::clone(&assembly);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || read(rings, &stopped, &assembled))
            .map_err(other)?;
        Ok(Self { thread: Some(thread), stop, assembly })
    }

    /// Reads what is left, and gives all of it.
    pub(super) fn finish(mut self) -> Scheduling {
        self.end().unwrap_or_else(|| Scheduling {
            missing: vec!["the recorder of the scheduler came to grief".to_owned()],
            ..Scheduling::default()
        })
    }

    /// What was recorded until now; `None`: that is so much that to copy it would keep the reader
    /// from its rings for too long.
    pub(super) fn so_far(&self) -> Option<Scheduling> {
        let assembly = lock(&self.assembly);
        let copy = (assembly.len() <= COPIED_MAX).then(|| assembly.clone());
        drop(assembly);
        copy.map(Assembly::finish)
    }

    fn end(&mut self) -> Option<Scheduling> {
        let thread = self.thread.take()?;
        self.stop.is_asked.store(true, Ordering::Release);
        kernel::raise_event(self.stop.event.as_raw_fd());
        thread.join().ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Nobody wants the record; its thread, rings and events are not to outlive the run.
        self.end();
    }
}

/// An event and a ring for each processor, as large as this user may have.
fn rings() -> Result<Vec<(u16, OwnedFd, Ring)>, Refusal> {
    let mut bytes = RING_BYTES;
    loop {
        let ring = |cpu: u16| {
            let event =
                sys::open(cpu, bytes).map_err(|error| Refusal { call: Call::Open, error })?;
            let ring =
                Ring::map(&event, bytes).map_err(|error| Refusal { call: Call::Map, error })?;
            Ok((cpu, event, ring))
        };
        match sys::allowed_cpus().into_iter().map(ring).collect::<Result<Vec<_>, _>>() {
            // What a user may lock is shared by all that he records (perf_event_mlock_kb).
            Err(Refusal { call: Call::Map, error })
                if error.raw_os_error() == Some(libc::EPERM) && bytes > RING_LEAST_BYTES =>
            {
                bytes /= 2;
            }
            Ok(rings) if rings.is_empty() => {
                let error = io::Error::other("no processor that may be used is known");
                return Err(Refusal { call: Call::Other, error });
            }
            other => return other,
        }
    }
}

/// Reads all rings until told to stop, and once more after that.
fn read(
    mut rings: Vec<(u16, OwnedFd, Ring)>,
    stop: &Stop,
    assembly: &Mutex<Assembly>,
) -> Scheduling {
    let mut waited: Vec<RawFd> = rings.iter().map(|(_, event, _)| event.as_raw_fd()).collect();
    waited.push(stop.event.as_raw_fd());
    let mut bytes = Vec::new();
    let mut order = Order::default();
    loop {
        let is_last = stop.is_asked.load(Ordering::Acquire);
        let began_ns = clock::now_ns();
        let mut assembly = lock(assembly);
        for (number, (_, _, ring)) in (0..).zip(&mut rings) {
            bytes.clear();
            ring.drain(&mut bytes);
            let left = decode::decode(&bytes, |event| order.waiting.push((number, event)));
            assembly.unreadable(left);
        }
        let known_ns = if is_last { u64::MAX } else { order.complete_ns };
        order.release(known_ns, |ring, event| assembly.take(ring, event));
        drop(assembly);
        order.complete_ns = began_ns;
        if is_last {
            break;
        }
        sys::wait(&waited, REST_MILLIS);
    }
    let reader_cpu_ns = kernel::thread_cpu_ns();
    let mut assembly = std::mem::replace(&mut *lock(assembly), Assembly::new(&[], 0));
    for (number, (_, event, _)) in (0..).zip(&rings) {
        assembly.lost_in_all(number, sys::lost(event), clock::now_ns());
    }
    Scheduling { reader_cpu_ns: Some(reader_cpu_ns), ..assembly.finish() }
}

/// Who panicked while it held it left what was put together before.
fn lock(assembly: &Mutex<Assembly>) -> MutexGuard<'_, Assembly> {
    assembly.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the records of all rings into the order of their times: what a thread does goes into the
/// ring of the processor that it is on, and a number that is free again may go to another thread.
#[derive(Debug, Default)]
struct Order {
    /// With the number of their rings.
    waiting: Vec<(u16, Event)>,
    /// Every record from before this time has been read: it was in its ring when that was read
    /// after this time, for the kernel takes the time and writes without being interrupted.
    complete_ns: u64,
}

impl Order {
    /// Hands on what is older than this, oldest first.
    fn release(&mut self, before_ns: u64, mut each: impl FnMut(u16, Event)) {
        // Each ring is in order already: this merges them, and equal times stay as they were.
        self.waiting.sort_by_key(|(_, event)| event.ns);
        let count = self.waiting.partition_point(|(_, event)| event.ns < before_ns);
        for (ring, event) in self.waiting.drain(..count) {
            each(ring, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::What;
    use super::*;

    #[test]
    fn rings_are_merged_by_time_and_what_may_have_a_predecessor_waits() {
        let event = |tid, ns| Event { pid: 1, tid, ns, what: What::In };
        let mut order = Order::default();
        let mut seen = Vec::new();
        order.waiting.extend([(0, event(1, 10)), (0, event(2, 30)), (1, event(3, 20))]);
        order.release(25, |ring, event| seen.push((ring, event.ns)));
        assert_eq!(seen, [(0, 10), (1, 20)]);
        order.waiting.push((1, event(4, 25)));
        order.release(u64::MAX, |ring, event| seen.push((ring, event.ns)));
        assert_eq!(seen, [(0, 10), (1, 20), (1, 25), (0, 30)]);
    }

    #[test]
    fn a_reader_that_is_dropped_leaves_no_thread_behind() {
        match Reader::start() {
            Ok(reader) => {
                let shared = Arc::downgrade(&reader.stop);
                drop(reader);
                assert!(shared.upgrade().is_none(), "its thread still has a part in it");
            }
            // Where it is refused there is nothing to leave behind.
            Err(refusal) => assert!(refusal.to_string().contains("refused")),
        }
    }
}
