//! The master: starts workers, replaces those that left, died or hang, and never serves itself.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use maitred_kernel::signal;

use super::shared::{Shared, fork_into};
use super::worker;
use crate::board::{Left, Stage, Word, decode};
use crate::error::ServeError;
use crate::event::{Departure, Ending, Event};
use crate::listener::Listener;
use crate::service::monotonic_ns;
use crate::signals::{Signal, Signals};
use crate::sys;

const TICK: Duration = Duration::from_millis(100);
/// So many workers may die at once, one after another, before the next one has to wait.
const DEATHS_FREE: u32 = 3;
/// A worker that needs longer may be ended when there is no room for a new one.
const SLOW_LEAVE: Duration = Duration::from_secs(1);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// When the system had no process to spare it is asked again after this time.
const NO_PROCESS: Duration = Duration::from_secs(1);
/// A worker that lived so long did not die at once.
const INFANCY: Duration = Duration::from_secs(1);
/// A worker that stops has so long beyond the time for its clients.
const END: Duration = Duration::from_secs(1);
/// And so many more looks of [`TICK`] while no request holds one: it ends by itself as soon as it gets a processor.
/// Looks and no time, for a machine that stood still has let no worker go on either.
const LATE: u32 = 100;

/// A worker as the master knows it.
#[derive(Debug)]
struct Worker {
    pid: i32,
    slot: usize,
    started: Instant,
    /// The worker that leaves when this one is ready.
    replaces: Option<i32>,
    announced: bool,
    /// When it was told that its replacement is ready.
    told_to_leave: Option<Instant>,
    hung: bool,
}

#[derive(Debug)]
pub(super) struct Master {
    shared: Shared,
    wanted: usize,
    signals: Signals,
    admin: Option<(Listener, i32)>,
    workers: Vec<Worker>,
    /// Whom SIGHUP wants replaced, one after another.
    renewals: VecDeque<i32>,
    /// Workers that died at once, since the last one that did not.
    deaths: u32,
    next_start: Instant,
    any_was_ready: bool,
    cut: u64,
}

impl Master {
    pub(super) fn new(
        shared: Shared,
        wanted: usize,
        admin: Option<Listener>,
        signals: Signals,
    ) -> Self {
        Self {
            shared,
            wanted,
            signals,
            admin: admin.map(|listener| (listener, 0)),
            workers: Vec::new(),
            renewals: VecDeque::new(),
            deaths: 0,
            next_start: Instant::now(),
            any_was_ready: false,
            cut: 0,
        }
    }

    /// Returns when all workers have ended.
    pub(super) fn supervise(mut self) -> Result<Ending, ServeError> {
        loop {
            self.staff()?;
            sys::wait_readable(&[self.signals.as_raw_fd(), self.shared.bell.as_raw_fd()], TICK)?;
            self.shared.bell.silence();
            while let Some(signal) = self.signals.take() {
                match signal {
                    Signal::Drain => return self.drain(),
                    Signal::Stop => {
                        return Ok(Ending { cut: self.stop()?, was_drained: false });
                    }
                    Signal::Renew => {
                        self.tell(&Event::Renewing);
                        self.renewals = self.workers.iter().map(|worker| worker.pid).collect();
                    }
                    Signal::Leave | Signal::Child => {}
                }
            }
            self.bury();
            if self.deaths > DEATHS_FREE && !self.any_was_ready {
                let why = self.shared.board.departures().first().map(|left| left.why.to_string());
                self.stop()?;
                return Err(ServeError::Boot { why: why.unwrap_or_default() });
            }
        }
    }

    /// Sees to it that as many workers serve as are wanted.
    fn staff(&mut self) -> io::Result<()> {
        self.start_admin()?;
        self.kill_hung();
        self.welcome_ready();
        let asking: Vec<_> = self.of_stage(Stage::AsksToLeave).collect();
        for pid in asking {
            if !self.workers.iter().any(|worker| worker.replaces == Some(pid)) {
                self.start(Some(pid))?;
            }
        }
        if self
            .workers
            .iter()
            .all(|worker| worker.replaces.is_none() && worker.told_to_leave.is_none())
            && let Some(&pid) = self.renewals.front()
            && (!self.workers.iter().any(|worker| worker.pid == pid) || self.start(Some(pid))?)
        {
            self.renewals.pop_front();
        }
        // A worker and its replacement fill one seat.
        let seats = |worker: &&Worker| worker.told_to_leave.is_none() && worker.replaces.is_none();
        while self.workers.iter().filter(seats).count() < self.wanted {
            if !self.start(None)? {
                break;
            }
        }
        Ok(())
    }

    /// Who is at that stage and was not told to leave yet.
    fn of_stage(&self, stage: Stage) -> impl Iterator<Item = i32> {
        let board = self.shared.board;
        let of_stage = move |worker: &&Worker| {
            worker.told_to_leave.is_none() && board.stage(worker.slot) == stage
        };
        self.workers.iter().filter(of_stage).map(|worker| worker.pid)
    }

    /// Starts a process, which does this; `None`: the system has none to spare now, and those that serve go on.
    ///
    /// # Errors
    /// When nobody has ever served: there is nothing that could go on.
    fn fork(
        &mut self,
        life: impl FnOnce(&Shared) -> io::Result<()>,
    ) -> io::Result<Option<libc::pid_t>> {
        let why = match fork_into(|| life(&self.shared)) {
            Ok(pid) => return Ok(Some(pid)),
            Err(error) if self.workers.is_empty() && !self.any_was_ready => return Err(error),
            Err(error) => error.to_string(),
        };
        self.next_start = Instant::now() + NO_PROCESS;
        self.tell(&Event::NoProcess { why, pause: NO_PROCESS });
        Ok(None)
    }

    /// Forks a worker, unless it has to wait. Whether it did.
    fn start(&mut self, replaces: Option<i32>) -> io::Result<bool> {
        let board = self.shared.board;
        if Instant::now() < self.next_start {
            return Ok(false);
        }
        let Some(slot) = (0..board.slots()).find(|&slot| board.get(slot, Word::Pid) == 0) else {
            // Slow clients of workers that leave must not keep their replacements from starting.
            let slow = |worker: &&Worker| {
                worker.told_to_leave.is_some_and(|told| told.elapsed() > SLOW_LEAVE)
            };
            let slow = self.workers.iter().filter(slow).min_by_key(|worker| worker.told_to_leave);
            if let Some(oldest) = slow {
                signal(oldest.pid.unsigned_abs(), libc::SIGKILL);
            }
            return Ok(false);
        };
        let Some(pid) = self.fork(|shared| worker::live(shared, slot))? else {
            return Ok(false);
        };
        // The child writes the same; this makes the slot taken at once.
        board.set(slot, Word::Started, monotonic_ns());
        board.set(slot, Word::Pid, u64::from(pid.cast_unsigned()));
        self.workers.push(Worker {
            pid,
            slot,
            started: Instant::now(),
            replaces,
            announced: false,
            told_to_leave: None,
            hung: false,
        });
        Ok(true)
    }

    /// Who has a replacement that is ready may leave.
    fn welcome_ready(&mut self) {
        let mut relieved = Vec::new();
        for worker in &mut self.workers {
            let stage = self.shared.board.stage(worker.slot);
            if stage == Stage::Starting || worker.announced {
                continue;
            }
            worker.announced = true;
            self.any_was_ready = true;
            relieved.extend(worker.replaces.take());
            (self.shared.options.tell)(&Event::WorkerReady { pid: worker.pid });
        }
        for worker in &mut self.workers {
            if relieved.contains(&worker.pid) && worker.told_to_leave.is_none() {
                worker.told_to_leave = Some(Instant::now());
                signal(worker.pid.unsigned_abs(), libc::SIGUSR1);
            }
        }
    }

    fn kill_hung(&mut self) {
        let timeout = self.shared.options.worker_timeout;
        let now = monotonic_ns();
        for worker in &mut self.workers {
            let beat = self.shared.board.get(worker.slot, Word::Beat);
            let silent = match beat {
                0 => worker.started.elapsed(),
                beat => Duration::from_nanos(now.saturating_sub(beat)),
            };
            if silent > timeout && !worker.hung {
                worker.hung = true;
                signal(worker.pid.unsigned_abs(), libc::SIGKILL);
            }
        }
    }

    fn start_admin(&mut self) -> io::Result<()> {
        let Some((listener, 0)) = &self.admin else {
            return Ok(());
        };
        if Instant::now() < self.next_start {
            return Ok(());
        }
        let listener = listener.share()?;
        let started = self.fork(|shared| worker::live_as_admin(shared, listener))?;
        if let (Some(started), Some((_, pid))) = (started, &mut self.admin) {
            *pid = started;
        }
        Ok(())
    }

    /// Takes note of every child that ended.
    fn bury(&mut self) {
        while let Some((pid, status)) = sys::reap() {
            if let Some((_, admin)) = self.admin.as_mut().filter(|(_, admin)| *admin == pid) {
                *admin = 0;
                continue;
            }
            let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) else {
                continue;
            };
            let worker = self.workers.swap_remove(at);
            self.record(&worker, status);
            for other in &mut self.workers {
                // Whoever was to be replaced by or to replace the dead one is on its own again.
                if other.replaces == Some(pid) {
                    other.replaces = None;
                }
            }
        }
    }

    fn record(&mut self, worker: &Worker, status: i32) {
        let board = self.shared.board;
        let requests = board.get(worker.slot, Word::Served);
        let age = worker.started.elapsed();
        let why = match (libc::WIFSIGNALED(status), board.get(worker.slot, Word::Reason)) {
            (true, _) if worker.hung => Departure::Hung,
            (true, _) => Departure::Signal(libc::WTERMSIG(status)),
            (false, 0) => Departure::Exit(libc::WEXITSTATUS(status)),
            (false, reason) => decode(reason),
        };
        self.cut += board.get(worker.slot, Word::Cut);
        // One that was ready and ended before the master could look was ready all the same.
        self.any_was_ready |= board.stage(worker.slot) != Stage::Starting;
        let left = Left {
            pid: u64::from(worker.pid.cast_unsigned()),
            why,
            requests,
            age,
            resident: board.get(worker.slot, Word::Resident),
        };
        board.retire(worker.slot, &left);
        self.tell(&Event::WorkerLeft { pid: worker.pid, why, requests, age });
        let infant = requests == 0 && age < INFANCY;
        let unexpected = matches!(why, Departure::Signal(_) | Departure::Exit(_));
        if !(infant && unexpected) {
            self.deaths = 0;
            return;
        }
        self.deaths += 1;
        if self.deaths > DEATHS_FREE {
            let doublings = (self.deaths - DEATHS_FREE - 1).min(16);
            let pause = (PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX);
            self.next_start = Instant::now() + pause;
            self.tell(&Event::BackingOff { pause });
        }
    }

    /// Every worker answers what was accepted, and the master waits for them.
    fn drain(mut self) -> Result<Ending, ServeError> {
        self.tell(&Event::Draining);
        self.shared.listener.refuse_handshakes();
        self.send_all(libc::SIGTERM);
        let end = Instant::now() + self.shared.options.graceful_timeout + END;
        let board = self.shared.board;
        let is_held = |worker: &Worker| board.get(worker.slot, Word::Acting) != 0;
        let mut late = 0;
        while !self.workers.is_empty() {
            if Instant::now() >= end {
                if late == LATE || self.workers.iter().any(is_held) {
                    break;
                }
                late += 1;
            }
            sys::wait_readable(&[self.signals.as_raw_fd()], TICK)?;
            while let Some(signal) = self.signals.take() {
                if signal == Signal::Stop {
                    return Ok(Ending { cut: self.stop()?, was_drained: false });
                }
            }
            self.bury();
        }
        Ok(Ending { cut: self.stop()?, was_drained: true })
    }

    /// Ends all that is left, now. Returns the number of connections cut.
    fn stop(&mut self) -> Result<u64, ServeError> {
        self.cut +=
            self.workers.iter().map(|it| self.shared.board.get(it.slot, Word::Open)).sum::<u64>();
        self.send_all(libc::SIGKILL);
        if let Some((_, pid)) = self.admin.take().filter(|(_, pid)| *pid != 0) {
            signal(pid.unsigned_abs(), libc::SIGKILL);
        }
        while !self.workers.is_empty() {
            sys::wait_readable(&[self.signals.as_raw_fd()], TICK)?;
            while self.signals.take().is_some() {}
            self.bury();
        }
        Ok(self.cut)
    }

    fn send_all(&self, number: libc::c_int) {
        for worker in &self.workers {
            signal(worker.pid.unsigned_abs(), number);
        }
    }

    fn tell(&self, event: &Event) {
        (self.shared.options.tell)(event);
    }
}
