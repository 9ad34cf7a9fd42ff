//! A task on a thread of its own for as long as it lasts: to wait is to let the thread sleep.
//!
//! It serves every strategy without a loop. The main type is [`Worker`].

use std::cell::RefCell;
use std::io;
use std::thread::JoinHandle;

use maitred_wire::trace_file::Role;

use crate::calls;
use crate::http::Request;
use crate::http::blocking::Client;
use crate::ledger::{self, Ledger};
use crate::recorder::Lane;
use crate::rounds::Rounds;
use crate::semaphore::futex::Semaphore;
use crate::session::{Assignment, RunnerSession};
use crate::sys::kernel;
use crate::task::{Call, Effect, Settled, Task};

/// A thread that executes tasks one at a time.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) session: &'static RunnerSession,
    pub(crate) semaphores: &'static [Semaphore],
    pub(crate) lane: Lane,
    /// In a process of its own: what it has in hand, for its parent to see.
    pub(crate) ledger: Option<Ledger>,
    pub(crate) client: RefCell<Client>,
}

impl Worker {
    /// Starts a thread that is this lane, and works as soon as the run begins.
    pub(crate) fn start(
        session: &'static RunnerSession,
        semaphores: &'static [Semaphore],
        lane: u32,
    ) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(format!("worker {lane}")).spawn(move || {
            let Some(lane) = session.enter(lane, Role::Worker) else {
                return session.board.leave();
            };
            let worker =
                Self { session, semaphores, lane, ledger: None, client: RefCell::default() };
            worker.work();
            session.board.worked_until(kernel::now());
            session.board.leave();
            worker.lane.close(true);
        })
    }

    /// Takes tasks from the queue until there is none.
    pub(crate) fn work(&self) {
        let RunnerSession { rounds, tally, .. } = self.session;
        let mut used = rounds.as_ref().map(|_| ledger::used()).unwrap_or_default();
        while let Some(assignment) = self.session.take_when_due() {
            self.execute(assignment);
            let is_last = |rounds: &Rounds| !rounds.note(assignment.number, &mut used, tally);
            if rounds.as_ref().is_some_and(is_last) {
                break;
            }
        }
    }

    /// Executes one task to its end; when that was.
    pub(crate) fn execute(&self, assignment: Assignment) -> u64 {
        let mut task = Task::new(self.session, assignment);
        if let Some(ledger) = &self.ledger {
            ledger.begin(assignment.number);
        }
        loop {
            match task.advance(&self.lane) {
                Effect::Heavy(job) => task.settle(job.perform()),
                Effect::Wait(moment) => kernel::sleep_until(moment),
                Effect::Http(request) => task.settle(self.send(request)),
                Effect::Call(Call { functions, function, task: number }) => {
                    task.settle(calls::wait_for(functions, function, number).map(|()| None));
                }
                Effect::Take(semaphore) => self.take(semaphore),
                Effect::GiveBack(semaphore) | Effect::Post(semaphore) => self.give(semaphore),
                Effect::Yield => kernel::yield_now(),
                Effect::End => break,
            }
        }
        if let Some(ledger) = &self.ledger {
            ledger.end();
        }
        task.now()
    }

    fn send(&self, request: &Request) -> Settled {
        let mut client = self.client.borrow_mut();
        let sent = client.send(request);
        self.session.tally.count_reconnects(client.take_reconnects());
        self.session.tally.count_answer(&sent);
        sent.map(|_| None)
    }

    fn take(&self, index: u32) {
        let semaphore = &self.semaphores[index as usize];
        let ticket = semaphore.request();
        if let Some(ledger) = &self.ledger {
            ledger.push(index, ticket);
        }
        semaphore.wait(ticket);
    }

    fn give(&self, index: u32) {
        if let Some(ledger) = &self.ledger {
            ledger.pop();
        }
        self.semaphores[index as usize].release();
    }
}
