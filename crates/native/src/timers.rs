//! Timers for event loops, exact to what the kernel gives.
//!
//! Tokio's own timer ticks in milliseconds and rounds up, so that a wait of 1 ms takes 2. That is
//! a property of tokio's timer, not of event loops; a thread that sleeps 1 ms sleeps 1.06. Here
//! all waits of a loop share one `timerfd`, which the loop watches like a socket and which is set
//! to the earliest deadline. The main type is [`Timers`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::sys::kernel;

/// See the module.
#[derive(Debug)]
pub(crate) struct Timers {
    clock: OwnedFd,
    /// The moment up to which sleepers were woken.
    reached: AtomicU64,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug)]
struct Sleepers {
    /// Those that came in the order of their deadlines: equal waits always do. Taking from here
    /// costs nothing, while the heap costs a few cache misses each time.
    in_order: VecDeque<Sleeper>,
    others: BinaryHeap<Reverse<Sleeper>>,
    /// To when the clock is set; `u64::MAX`: it is not.
    armed: u64,
}

#[derive(Debug)]
struct Sleeper {
    deadline: u64,
    waker: Waker,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.deadline == other.deadline
    }
}
impl Eq for Sleeper {}
impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.deadline.cmp(&other.deadline)
    }
}

impl Timers {
    pub(crate) fn new() -> io::Result<Self> {
        let sleepers =
            Sleepers { in_order: VecDeque::new(), others: BinaryHeap::new(), armed: u64::MAX };
        let reached = AtomicU64::new(0);
        Ok(Self { clock: kernel::timer()?, reached, sleepers: Mutex::new(sleepers) })
    }

    /// Is ready at this moment (CLOCK_MONOTONIC nanoseconds).
    pub(crate) fn sleep_until(&self, deadline: u64) -> Sleep<'_> {
        Sleep { timers: self, deadline, asleep: false }
    }

    /// Wakes sleepers when their time has come; to be run on the loop as a task of its own.
    ///
    /// # Errors
    /// When the loop cannot watch the clock.
    pub(crate) async fn keep(&'static self) -> io::Result<()> {
        let clock = kernel::watch(self.clock.try_clone()?)?;
        let mut due = Vec::new();
        loop {
            clock.readable().await?.clear_ready();
            self.collect(kernel::now(), &mut due);
            due.drain(..).for_each(Waker::wake);
        }
    }

    fn collect(&self, now: u64, due: &mut Vec<Waker>) {
        let mut sleepers = self.sleepers();
        self.reached.store(now, Release);
        while let Some(sleeper) = sleepers.take_due(now) {
            due.push(sleeper.waker);
        }
        sleepers.armed = sleepers.earliest().unwrap_or(u64::MAX);
        if sleepers.armed != u64::MAX {
            kernel::arm(&self.clock, sleepers.armed);
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sleepers {
    fn add(&mut self, sleeper: Sleeper) {
        if self.in_order.back().is_none_or(|last| last.deadline <= sleeper.deadline) {
            self.in_order.push_back(sleeper);
        } else {
            self.others.push(Reverse(sleeper));
        }
    }

    fn earliest(&self) -> Option<u64> {
        let in_order = self.in_order.front().map(|sleeper| sleeper.deadline);
        let others = self.others.peek().map(|sleeper| sleeper.0.deadline);
        in_order.into_iter().chain(others).min()
    }

    fn take_due(&mut self, now: u64) -> Option<Sleeper> {
        let earliest = self.earliest().filter(|&deadline| deadline <= now)?;
        self.in_order
            .pop_front_if(|sleeper| sleeper.deadline == earliest)
            .or_else(|| self.others.pop().map(|sleeper| sleeper.0))
    }
}

/// Made by [`Timers::sleep_until`].
#[derive(Debug)]
pub(crate) struct Sleep<'a> {
    timers: &'a Timers,
    deadline: u64,
    asleep: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.asleep {
            let reached = self.timers.reached.load(Acquire);
            return if self.deadline <= reached { Poll::Ready(()) } else { Poll::Pending };
        }
        self.asleep = true;
        let timers = self.timers;
        let mut sleepers = timers.sleepers();
        sleepers.add(Sleeper { deadline: self.deadline, waker: context.waker().clone() });
        if self.deadline < sleepers.armed {
            sleepers.armed = self.deadline;
            kernel::arm(&timers.clock, self.deadline);
        }
        Poll::Pending
    }
}
