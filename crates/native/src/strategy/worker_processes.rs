//! Worker processes as their parent sees them: forked, replaced when they crash, and what the dead
//! held is given back. The parent has one thread only, so that it can fork at any time. The main type
//! is [`WorkerProcesses`].

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::atomic::Ordering::Relaxed;

use maitred_kernel::{SignalFd, signal, unblock_signals};
use maitred_wire::trace_file::Role;
use maitred_wire::{Cpu, RunnerError, VarValue};

use crate::blocking::Worker;
use crate::child::signal_name;
use crate::failure::{Failed, Kind};
use crate::ledger::Ledger;
use crate::limits;
use crate::meter::{minus, plus};
use crate::semaphore::futex::Semaphore;
use crate::session::{RunnerSession, refused};
use crate::sys::kernel::{self, Usage};
use crate::sys::process::{self, Ended};

/// The workers, as their parent sees them.
#[derive(Debug)]
pub(crate) struct WorkerProcesses {
    session: &'static RunnerSession,
    semaphores: &'static [Semaphore],
    /// Rung when a child ends.
    bell: SignalFd,
    slots: Vec<Slot>,
    /// Tickets of the dead: (semaphore, ticket).
    orphans: Vec<(u32, u64)>,
    /// Tasks that ended with their process.
    lost: Vec<u32>,
    before_work: Cpu,
    after_work: Cpu,
}

/// The place of one worker. A replacement takes over lane and ledger.
#[derive(Debug)]
struct Slot {
    pid: Option<u32>,
    ledger: Ledger,
    vars: Option<Vec<i64>>,
}

impl Slot {
    fn new(ledger: Ledger) -> Self {
        Self { pid: None, ledger, vars: None }
    }
}

impl WorkerProcesses {
    /// Forks as many as the plan says.
    ///
    /// # Errors
    /// When the machine refuses a process or memory; then none is left.
    pub(super) fn start(
        session: &'static RunnerSession,
        semaphores: &'static [Semaphore],
    ) -> io::Result<Self> {
        let workers = session.plan.workers;
        let ledgers = Ledger::make(workers, session.vars.len(), session.depth())?;
        let mut processes = Self {
            session,
            semaphores,
            bell: SignalFd::new(&[libc::SIGCHLD])?,
            slots: ledgers.into_iter().map(Slot::new).collect(),
            orphans: Vec::new(),
            lost: Vec::new(),
            before_work: Cpu::default(),
            after_work: Cpu::default(),
        };
        for index in 0..workers {
            if let Err(error) = processes.fork(index) {
                processes.kill_all();
                return Err(error);
            }
        }
        Ok(processes)
    }

    fn fork(&mut self, index: u32) -> io::Result<()> {
        let (session, semaphores) = (self.session, self.semaphores);
        let slot = &mut self.slots[index as usize];
        let ledger = slot.ledger;
        ledger.clear();
        slot.pid = Some(process::fork(move || be_worker(session, semaphores, ledger, index))?);
        Ok(())
    }

    /// Takes note of those who have ended, replaces the dead, and passes on what the dead held.
    ///
    /// # Errors
    /// When a worker cannot be replaced, or ended by a mistake of ours.
    pub(crate) fn tend(&mut self) -> Result<(), RunnerError> {
        while self.bell.take().is_some() {}
        while let Some((pid, ended, usage)) = process::reap(None, false) {
            self.take_note(pid, ended, usage)?;
        }
        self.pass_on();
        Ok(())
    }

    fn take_note(&mut self, pid: u32, ended: Ended, usage: Usage) -> Result<(), RunnerError> {
        let slot = self.slots.iter_mut().zip(0..).find(|(slot, _)| slot.pid == Some(pid));
        // Who is not a worker is an orphan of a worker's child.
        let Some((slot, index)) = slot else { return Ok(()) };
        slot.pid = None;
        slot.vars = slot.ledger.vars();
        let ledger = slot.ledger;
        self.before_work = plus(self.before_work, ledger.cpu_at_start());
        let end = ledger.cpu_at_end().unwrap_or(usage.cpu);
        self.after_work = plus(self.after_work, minus(usage.cpu, end));
        match ended {
            Ended::Exited(0) => Ok(()),
            Ended::Exited(code) => Err(refused(format!(
                "a worker process ended with exit code {code}: its message is in the log"
            ))),
            Ended::Killed(signal) => self.replace(index, signal),
        }
    }

    fn replace(&mut self, index: u32, signal: i32) -> Result<(), RunnerError> {
        let ledger = self.slots[index as usize].ledger;
        if let Some(task) = ledger.task() {
            let text = format!("killed by {}", signal_name(signal));
            let step = self.session.recorder.task(task).step();
            self.session.tally.count(&Failed::new(Kind::Crash, text), task, step);
            self.lost.push(task);
        }
        if let Some(reserve) = &self.session.reserve {
            reserve.call_all();
        }
        self.session.board.worked_until(kernel::now());
        self.orphans.extend(ledger.outstanding());
        let more = self.session.queue.taken() < u64::from(self.session.queue.total());
        if !more || self.session.board.is_stopped() {
            return Ok(());
        }
        self.fork(index).map_err(|error| limits::explain(self.session, &error, None))
    }

    /// Gives back the units for which the dead had tickets, as soon as it would be their turn.
    fn pass_on(&mut self) {
        self.orphans.retain(|&(semaphore, ticket)| {
            let semaphore = &self.semaphores[semaphore as usize];
            let granted = semaphore.is_granted(ticket);
            if granted {
                semaphore.release();
            }
            !granted
        });
    }

    /// How many tickets of the dead are not granted yet.
    pub(crate) fn orphans(&self) -> u64 {
        self.orphans.len() as u64
    }

    /// Tasks that ended with their process.
    pub(crate) fn lost(&self) -> &[u32] {
        &self.lost
    }

    /// Whether every worker has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.slots.iter().all(|slot| slot.pid.is_none())
    }

    pub(crate) fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Kills the workers that are left, and waits until they have ended.
    pub(crate) fn kill_all(&mut self) {
        self.slots.iter().filter_map(|slot| slot.pid).for_each(|pid| {
            signal(pid, libc::SIGKILL);
        });
        for index in 0..self.slots.len() {
            if let Some(pid) = self.slots[index].pid.take() {
                process::reap(Some(pid), true);
            }
        }
    }

    /// Processor time of workers before and after their work.
    pub(crate) fn cpu_outside_work(&self) -> (Cpu, Cpu) {
        (self.before_work, self.after_work)
    }

    /// Adds what each worker's variables were at its end.
    pub(crate) fn add_vars(&self, vars: &mut [VarValue]) {
        for values in self.slots.iter().filter_map(|slot| slot.vars.as_ref()) {
            for (var, &value) in vars.iter_mut().zip(values) {
                var.by_process.push(value);
            }
        }
    }
}

/// The life of one worker process.
fn be_worker(
    session: &'static RunnerSession,
    semaphores: &'static [Semaphore],
    ledger: Ledger,
    index: u32,
) {
    unblock_signals();
    kernel::drop_standard_input();
    let lane = session.enter(index, Role::Process);
    ledger.start_work();
    let worker = lane.map(|lane| {
        let client = RefCell::default();
        let worker = Worker { session, semaphores, lane, ledger: Some(ledger), client };
        worker.work();
        session.board.worked_until(kernel::now());
        worker
    });
    ledger.finish_work(session.vars.iter().map(|var| var.load(Relaxed)));
    if let Some(calls) = &session.calls {
        calls.judge();
    }
    if let Some(worker) = worker {
        worker.lane.close(true);
    }
}
