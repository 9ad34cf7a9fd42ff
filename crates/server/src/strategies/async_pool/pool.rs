//! The workers: each goes on with the tasks of its own home, and one that has none steals. Main type: [`Pool`].
//!
//! A task that stays with its worker finds its socket in that processor's cache, and to wake another thread costs as much
//! as to answer a request. So nothing is stolen that its own worker comes to in a moment: only from a worker whom a
//! request holds, and from one that has had more than one thing to do at a time for a while. Half of those that can go
//! on are stolen at a time, and move in with the thief.

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::home::{Burden, Home};
use super::task::{Task, Wait, with_buffers};
use crate::reply::Act;
use crate::service::LANE;
use crate::sys::{self, Events};

/// A worker that for so long always had several tasks that could go on asks for help.
const CROWDED: Duration = Duration::from_millis(10);
const EVENTS: usize = 512;

/// What the workers share.
#[derive(Debug)]
pub(super) struct Pool {
    homes: Vec<Home>,
    closing: AtomicBool,
}

impl Pool {
    pub(super) fn start(workers: usize) -> io::Result<Arc<Self>> {
        let homes = (0..workers).map(|_| Home::new()).collect::<io::Result<_>>()?;
        let pool = Arc::new(Self { homes, closing: AtomicBool::new(false) });
        for index in 0..workers {
            let pool = Arc::clone(&pool);
            let worker = thread::Builder::new().name(format!("worker-{index}"));
            worker.spawn(move || {
                LANE.set(1 + index);
                Worker {
                    pool: &pool,
                    index,
                    events: Events::with_capacity(EVENTS),
                    crowded_since: None,
                }
                .work();
            })?;
        }
        Ok(pool)
    }

    /// Makes the client at that socket a task of the worker that has the fewest. It begins by waiting for input.
    pub(super) fn spawn(
        &self,
        socket: RawFd,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let home = self.homes.iter().min_by_key(|home| home.desk().count());
        let mut task = Task::new(socket, future);
        let wait = task.go_on(|_| unreachable!("it waits for input first"));
        home.zip(wait).map_or(Ok(()), |(home, wait)| home.admit(task, wait))
    }

    /// Has every worker end as soon as nothing holds it.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
        self.homes.iter().for_each(Home::ring);
    }

    fn others(&self, own: usize) -> impl Iterator<Item = &Home> {
        let is_other = move |(index, _): &(usize, &Home)| *index != own;
        self.homes.iter().enumerate().filter(is_other).map(|(_, home)| home)
    }
}

/// One thread of the pool.
struct Worker<'a> {
    pool: &'a Pool,
    index: usize,
    events: Events,
    /// Since when several tasks could go on at each of its turns.
    crowded_since: Option<Instant>,
}

impl Worker<'_> {
    fn work(mut self) {
        while !self.pool.closing.load(Relaxed) {
            // A set that the kernel refuses to wait for is asked again, like one where nothing happened.
            let _ = self.wait();
            let now = Instant::now();
            // One look at the clock serves all of a turn.
            with_buffers(|buffers| buffers.now = Some(now));
            let count = self.home().desk().gather(&self.events, now);
            self.weigh(count, now);
            self.go_on(count);
        }
    }

    fn home(&self) -> &Home {
        &self.pool.homes[self.index]
    }

    /// Waits for anything to do, here or where help is needed.
    fn wait(&mut self) -> io::Result<()> {
        let (pool, home) = (self.pool, &self.pool.homes[self.index]);
        home.lie_down();
        let rest = home.desk().rest();
        if rest.is_zero() {
            // Who calls somebody means one that has nothing to do.
            home.get_up();
        }
        let waited = match pool.others(self.index).any(|other| other.burden() != Burden::None) {
            true => self.help(rest),
            false => home.set.wait(&mut self.events, rest),
        };
        home.get_up();
        waited
    }

    /// Steals from who is held, even amid other things, for nobody else may have the time; and from who is crowded, if there
    /// is nothing to do here. If there is nothing to be stolen either, waits for that as well.
    fn help(&mut self, rest: Duration) -> io::Result<()> {
        let (pool, home) = (self.pool, &self.pool.homes[self.index]);
        home.set.wait(&mut self.events, Duration::ZERO)?;
        let mut is_idle = home.desk().gather(&self.events, Instant::now()) == 0;
        let (mut sets, mut time) = (vec![home.set.as_raw_fd()], rest);
        for other in pool.others(self.index) {
            match other.burden() {
                Burden::Held => {
                    sets.push(other.set.as_raw_fd());
                    time = time.min(other.desk().rest());
                    other.look_after(&mut self.events)?;
                }
                Burden::Crowded if is_idle => {}
                Burden::Crowded | Burden::None => continue,
            }
            let stolen = other.give_half();
            is_idle &= stolen.is_empty();
            for task in stolen {
                // Whom the kernel refuses to watch is dropped.
                let _ = home.admit(task, Wait::Time(Duration::ZERO));
            }
        }
        self.events.clear();
        match is_idle {
            true => sys::wait_readable(&sets, time),
            false => Ok(()),
        }
    }

    /// Wakes one that has nothing to do, if there is one.
    fn call_somebody(&self) {
        let _ = self.pool.others(self.index).any(Home::call);
    }

    /// Asks for help now and then if there is always more to do than one thing at a time.
    fn weigh(&mut self, count: usize, now: Instant) {
        if count < 2 {
            self.crowded_since = None;
            self.home().relieve();
        } else if now.duration_since(*self.crowded_since.get_or_insert(now)) >= CROWDED {
            self.crowded_since = Some(now);
            self.home().bear(Burden::Crowded);
            self.call_somebody();
        }
    }

    /// Goes on with so many tasks.
    fn go_on(&mut self, count: usize) {
        let home = &self.pool.homes[self.index];
        let mut desk = home.desk();
        for _ in 0..count {
            // What is not there any more was stolen.
            let Some(mut task) = desk.queue.pop_front() else { return };
            drop(desk);
            let wait = task.go_on(|act| self.hold(act));
            desk = home.desk();
            match wait {
                Some(wait) => desk.settle(task, wait, &home.set),
                None => desk.leave(task.place),
            }
        }
    }

    /// Does what holds this thread, while the others look after all that is at home here.
    fn hold(&mut self, act: Act) {
        self.home().bear(Burden::Held);
        self.call_somebody();
        act.perform();
        self.home().bear(Burden::None);
        self.crowded_since = None;
        // It may have taken long.
        with_buffers(|buffers| buffers.now = None);
    }
}
