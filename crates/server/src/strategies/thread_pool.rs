//! A fixed number of threads that take whatever is ready from one queue.
//!
//! The queue is the kernel's own: all threads wait on one epoll set in which every connection is
//! reported once, to one thread (EPOLLONESHOT). That thread owns the connection until it puts it
//! back. A silent client holds no thread; a request that waits or computes holds one, and when all are
//! held, everybody else waits, although the processor may be idle.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use maitred_kernel::Bell;

use crate::board::Word;
use crate::connection::{Buffers, Connection, Doing, Wants};
use crate::listener::{Accepted, Listener};
use crate::service::Service;
use crate::signals::{Signal, Signals};
use crate::sys::{self, Epoll, Events, Interest};

const THREADS: usize = 32;
const BELL: u64 = u64::MAX;
const SWEEP: Duration = Duration::from_millis(500);
const SWEEP_DRAINING: Duration = Duration::from_millis(10);

/// What the threads share.
#[derive(Debug)]
struct Pool {
    service: Service,
    ready: Epoll,
    /// Connections that no thread has in hand.
    waiting: Mutex<HashMap<RawFd, Connection>>,
    in_hand: AtomicUsize,
    closing: AtomicBool,
    bell: Bell,
}

pub(crate) fn serve(service: Service, mut listener: Listener, signals: &Signals) -> io::Result<()> {
    let threads = service.options.workers.unwrap_or(THREADS).max(1);
    let connections_max = service.options.connections_max;
    let pool = Arc::new(Pool {
        service,
        ready: Epoll::new()?,
        waiting: Mutex::default(),
        in_hand: AtomicUsize::new(0),
        closing: AtomicBool::new(false),
        bell: Bell::new()?,
    });
    pool.ready.add(&pool.bell, Interest::READ, BELL)?;
    for index in 0..threads {
        let pool = Arc::clone(&pool);
        thread::Builder::new().name(format!("worker-{index}")).spawn(move || pool.work())?;
    }
    let mut next_sweep = Instant::now() + SWEEP;
    loop {
        let full = pool.len() >= connections_max;
        let fds = [signals.as_raw_fd(), listener.as_raw_fd()];
        let fds = if full { &fds[..1] } else { &fds[..] };
        sys::wait_readable(fds, if full { SWEEP_DRAINING } else { SWEEP })?;
        if signals.take() == Some(Signal::Drain) {
            break;
        }
        while pool.len() < connections_max && pool.admit(&mut listener)? {}
        if Instant::now() >= next_sweep {
            next_sweep = Instant::now() + SWEEP;
            pool.sweep();
        }
    }
    pool.service.draining.store(true, Relaxed);
    listener.accept_last(|listener| pool.admit(listener))?;
    drop(listener);
    pool.see_out();
    Ok(())
}

impl Pool {
    /// What every thread does for ever: takes the next connection that is ready, and serves it.
    fn work(&self) {
        let mut buffers = Buffers::new();
        let mut events = Events::with_capacity(1);
        while !self.closing.load(Relaxed) {
            if self.ready.wait(&mut events, Duration::MAX).is_err() || events.len() == 0 {
                continue;
            }
            let (token, _) = events.get(0);
            if let Some(connection) = self.take(token) {
                self.serve(connection, &mut buffers);
                self.in_hand.fetch_sub(1, Relaxed);
            }
        }
    }

    fn serve(&self, mut connection: Connection, buffers: &mut Buffers) {
        let mut wants = connection.turn(buffers, &self.service);
        loop {
            match wants {
                // The thread waits with its client.
                Wants::Act(act) => {
                    act.perform();
                    wants = connection.resume(buffers, &self.service);
                }
                Wants::Read => return self.put_back(connection, Interest::READ),
                Wants::Write => return self.put_back(connection, Interest::WRITE),
                Wants::Gone => return self.service.closed(),
            }
        }
    }

    /// Takes a connection out of the hands of the kernel. Others may have been faster.
    fn take(&self, token: u64) -> Option<Connection> {
        let socket = RawFd::try_from(token).ok()?;
        let mut waiting = self.waiting();
        let connection = waiting.remove(&socket)?;
        self.in_hand.fetch_add(1, Relaxed);
        Some(connection)
    }

    fn put_back(&self, connection: Connection, interest: Interest) {
        let socket = connection.as_raw_fd();
        let mut waiting = self.waiting();
        // Under the lock, so that nobody can close the descriptor in between.
        if self.ready.change(&connection, interest.once(), token(socket)).is_ok() {
            waiting.insert(socket, connection);
        } else {
            self.service.closed();
        }
    }

    fn admit(&self, listener: &mut Listener) -> io::Result<bool> {
        let Accepted::Connection(stream) = listener.accept(true)? else { return Ok(false) };
        let connection = Connection::new(stream, &self.service);
        self.service.opened();
        let socket = connection.as_raw_fd();
        let mut waiting = self.waiting();
        if self.ready.add(&connection, Interest::READ.once(), token(socket)).is_ok() {
            waiting.insert(socket, connection);
        } else {
            self.service.closed();
        }
        Ok(true)
    }

    /// Ends what has waited too long for its client.
    fn sweep(&self) {
        let now = Instant::now();
        let mut buffers = Buffers::with_input(1);
        self.waiting().retain(|_, connection| {
            let keep = !connection.is_late(now)
                || connection.time_out(&mut buffers, &self.service) != Wants::Gone;
            if !keep {
                self.service.closed();
            }
            keep
        });
    }

    fn see_out(&self) {
        let options = &self.service.options;
        let start = Instant::now();
        for connection in self.waiting().values_mut() {
            connection.hurry(options.times.drain_idle);
        }
        while self.len() > 0 && start.elapsed() < options.graceful_timeout {
            thread::sleep(SWEEP_DRAINING);
            self.sweep();
        }
        let is_owed = |waiting: &&Connection| waiting.doing() == Doing::Answering;
        let owed = self.waiting().values().filter(is_owed).count();
        self.service.count(Word::Cut, (owed + self.in_hand.load(Relaxed)) as u64);
        self.closing.store(true, Relaxed);
        self.bell.ring();
    }

    fn len(&self) -> usize {
        let waiting = self.waiting();
        waiting.len() + self.in_hand.load(Relaxed)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<RawFd, Connection>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn token(socket: RawFd) -> u64 {
    u64::try_from(socket).expect("descriptors are not negative")
}
