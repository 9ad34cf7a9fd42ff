//! Tasks on a loop: to wait is to give way to another task on the same thread.
//!
//! It serves every strategy with a loop. The main type is [`Executor`].

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::AcqRel;

use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::calls;
use crate::http::Request;
use crate::http::awaited::Client;
use crate::pool::Pool;
use crate::recorder::Lane;
use crate::semaphore::waker::Semaphore;
use crate::session::{Assignment, RunnerSession};
use crate::sys::kernel;
use crate::task::{Call, Effect, Job, Settled, Task};
use crate::timers::Timers;

/// How many tasks are started before those that are ready get a turn. So tasks that do not wait
/// end before many more are made, and ten million of them need no more memory than these.
const BATCH: u64 = 128;
/// The same where several threads do it: a thread of tokio's has 256 places for tasks that are ready, of its own
/// batch and of those that gave way, and what finds none goes to a queue that all threads share.
const BATCH_OF_SEVERAL: u64 = 32;

/// How long a late arrival may sleep before it looks whether the run was stopped.
const LOOK_NS: u64 = 20_000_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Executor {
    session: &'static RunnerSession,
    semaphores: Vec<Semaphore>,
    timers: Timers,
    client: Client,
    /// For what would make the loop stand still; `None`: then it stands still.
    pool: Option<&'static Pool>,
    under_way: UnderWay,
    all_ended: Notify,
}

/// How many tasks have not ended, with the starters. Every thread writes to it, so it has lines of the
/// cache to itself: what lies beside it is read for each task.
#[derive(Debug)]
#[repr(align(128))]
struct UnderWay(AtomicU64);

impl Executor {
    /// It lives as long as the process, like the session.
    pub(crate) fn make(
        session: &'static RunnerSession,
        pool: Option<&'static Pool>,
    ) -> io::Result<&'static Self> {
        let semaphores = session.semaphore_units().into_iter().map(Semaphore::new).collect();
        let under_way = UnderWay(AtomicU64::new(0));
        let (timers, client) = (Timers::new()?, Client::default());
        let all_ended = Notify::new();
        Ok(Box::leak(Box::new(Self {
            session,
            semaphores,
            timers,
            client,
            pool,
            under_way,
            all_ended,
        })))
    }

    /// How many tasks wait for a semaphore.
    pub(crate) fn waiting(&self) -> u64 {
        self.semaphores.iter().map(Semaphore::waiting).sum()
    }

    /// Runs all tasks, started by so many starters at a time.
    pub(crate) async fn run_all(&'static self, starters: u32) {
        tokio::spawn(self.timers.keep());
        if let Some(seats) = self.session.concurrency() {
            self.under_way.0.fetch_add(u64::from(seats), AcqRel);
            for _ in 0..seats {
                tokio::spawn(self.take_tasks());
            }
            return self.all_ended.notified().await;
        }
        self.under_way.0.fetch_add(u64::from(starters), AcqRel);
        let batch = if starters == 1 { BATCH } else { BATCH_OF_SEVERAL };
        for _ in 0..starters {
            tokio::spawn(self.start_tasks(batch));
        }
        self.all_ended.notified().await;
    }

    /// Starts tasks as they arrive, a batch at a time.
    async fn start_tasks(&'static self, batch: u64) {
        // Those of a batch are counted at once, before the first of them can end.
        let mut counted = 0;
        while let Some(assignment) = self.session.take() {
            if assignment.due > 0 && !self.await_arrival(assignment.due).await {
                break;
            }
            if counted == 0 {
                self.under_way.0.fetch_add(batch, AcqRel);
                counted = batch;
            }
            tokio::spawn(self.execute(assignment));
            counted -= 1;
            if counted == 0 {
                yield_now().await;
            }
        }
        self.end(counted + 1);
    }

    /// Executes tasks one after another: so many that do this are so many tasks under way.
    async fn take_tasks(&'static self) {
        while let Some(assignment) = self.session.take() {
            if assignment.due > 0 && !self.await_arrival(assignment.due).await {
                break;
            }
            self.under_way.0.fetch_add(1, AcqRel);
            self.execute(assignment).await;
        }
        self.end(1);
    }

    /// Whether the moment came before the run was stopped.
    async fn await_arrival(&self, due: u64) -> bool {
        loop {
            let now = kernel::now();
            if now >= due || self.session.board.is_stopped() {
                return !self.session.board.is_stopped();
            }
            self.timers.sleep_until(due.min(now + LOOK_NS)).await;
        }
    }

    /// Executes one task to its end.
    ///
    /// So many may wait at the same time that the size of this future counts: it is the task and the
    /// little that tells what is waited for, nothing of which is kept twice.
    fn execute(&'static self, assignment: Assignment) -> impl Future<Output = ()> + Send {
        let mut task = Task::new(self.session, assignment);
        async move {
            loop {
                match task.advance(Lane::here()) {
                    Effect::Heavy(job) => task.settle(match self.pool {
                        Some(pool) => pool.perform(task.number(), task.step(), job).await,
                        None => match job {
                            Job::Run(child) => Box::pin(child.run_on_loop()).await.map(|()| None),
                            _ => job.perform(),
                        },
                    }),
                    Effect::Wait(moment) => self.timers.sleep_until(moment).await,
                    Effect::Http(request) => task.settle(self.send(request).await),
                    Effect::Call(Call { functions, function, task: number }) => {
                        let called = calls::begin(functions, function, number).await;
                        task.settle(called.map(|()| None));
                    }
                    Effect::Take(semaphore) => self.semaphores[semaphore as usize].acquire().await,
                    Effect::GiveBack(semaphore) | Effect::Post(semaphore) => {
                        self.semaphores[semaphore as usize].release();
                    }
                    Effect::Yield => yield_now().await,
                    Effect::End => break,
                }
            }
            self.end(1);
        }
    }

    async fn send(&self, request: &'static Request) -> Settled {
        let sent = Box::pin(self.client.send(request)).await;
        self.session.tally.count_reconnects(self.client.take_reconnects());
        self.session.tally.count_answer(&sent);
        sent.map(|_| None)
    }

    fn end(&self, count: u64) {
        if self.under_way.0.fetch_sub(count, AcqRel) == count {
            self.session.board.worked_until(kernel::now());
            self.all_ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a task.
    const TASK: usize = 128;
    /// Bytes of what else is known while it waits: for what, and since when.
    const ASIDE: usize = 88;

    /// What a call of this function gives takes so many bytes.
    fn bytes_of<A, B, T>(_: fn(A, B) -> T) -> usize {
        size_of::<T>()
    }

    /// A million tasks that wait are a million of these: tokio adds what it knows of a task and rounds up
    /// to 128 bytes, so that a few bytes more may be a fifth more memory.
    #[test]
    fn a_task_that_waits_takes_little_more_than_what_it_knows() {
        let (task, whole) = (size_of::<Task>(), bytes_of(Executor::execute));
        assert!(whole <= task + ASIDE, "{whole} bytes, {task} of them the task");
        assert!(task <= TASK, "{task} bytes");
    }
}
