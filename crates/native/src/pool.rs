//! A pool of threads for what would make a loop stand still. The main type is [`Pool`]. What it
//! records begins when a thread of the pool begins it: the time in its queue is a gap in the task.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use maitred_wire::trace_file::Role;
use tokio::sync::oneshot;

use crate::session::RunnerSession;
use crate::sys::kernel;
use crate::task::{Job, Settled};

/// Threads that do what a loop must not do.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    orders: Mutex<Orders>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Orders {
    queue: VecDeque<Order>,
    closed: bool,
}

/// One step of one task.
#[derive(Debug)]
struct Order {
    task: u32,
    step: u32,
    job: Job,
    answer: oneshot::Sender<Settled>,
}

impl Pool {
    /// Has the job of this step done by a thread, while the loop does something else.
    pub(crate) fn perform(
        &self,
        task: u32,
        step: u32,
        job: Job,
    ) -> impl Future<Output = Settled> + Send + use<> {
        let (answer, settled) = oneshot::channel();
        self.orders().queue.push_back(Order { task, step, job, answer });
        self.bell.notify_one();
        async move { settled.await.expect("the pool answers every order before it closes") }
    }

    /// Starts a thread that is this lane, and works as soon as the run begins.
    pub(crate) fn start_thread(
        &'static self,
        session: &'static RunnerSession,
        lane: u32,
    ) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(format!("pool {lane}")).spawn(move || {
            let lane = session.recorder.lane(lane, Role::Worker);
            session.board.await_start();
            while let Some(order) = self.next() {
                let span = lane.begin(order.task, order.step, kernel::now());
                let settled = order.job.perform();
                span.end(kernel::now());
                // Nobody listens any more when the run was abandoned.
                drop(order.answer.send(settled));
            }
            session.board.leave();
            lane.close(true);
        })
    }

    fn next(&self) -> Option<Order> {
        let idle = |orders: &mut Orders| orders.queue.is_empty() && !orders.closed;
        let orders = self.bell.wait_while(self.orders(), idle);
        orders.unwrap_or_else(PoisonError::into_inner).queue.pop_front()
    }

    /// Lets the threads end when there is nothing left to do.
    pub(crate) fn close(&self) {
        self.orders().closed = true;
        self.bell.notify_all();
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
