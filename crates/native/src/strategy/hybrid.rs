//! `hybrid`: a loop that waits, and a pool of threads that computes and blocks.
//!
//! All tasks live on one loop, as under `event-loop`, and give way where they wait. What would
//! make the loop stand still (`cpu`, `block`, `run`, `allocate`) is handed to a pool, and the
//! task waits for the answer like for anything else. So the loop is never stuck, and computing
//! uses all processors, at the price of two hand-overs between threads for each such step.
//!
//! The main type is [`Pool`]. What it records begins when a thread of the pool begins it: the
//! time in the pool's queue is a gap in the task.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use maitred_wire::trace_file::Role;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{Crew, Hands, Queues};
use crate::awaiting::Floor;
use crate::recorder::Lane;
use crate::session::Session;
use crate::sys::kernel;
use crate::task::{Job, Settled};

pub(super) fn start(session: &'static Session) -> io::Result<Crew> {
    let pool: &'static Pool = Box::leak(Box::default());
    let floor = Floor::make(session, Some(pool))?;
    let mut threads = Vec::new();
    for lane in 1..=session.plan.workers {
        threads.push(pool.start_thread(session, lane)?);
    }
    threads.push(start_loop(session, floor, pool)?);
    Ok(Crew {
        hands: Hands::Threads(threads),
        members: 1 + session.plan.workers,
        places: session.concurrency().map(u64::from),
        queues: Queues::OfLoops(floor),
    })
}

fn start_loop(
    session: &'static Session,
    floor: &'static Floor,
    pool: &'static Pool,
) -> io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    std::thread::Builder::new().name("loop".into()).spawn(move || {
        session.recorder.lane(0, Role::Loop).settle_here();
        session.board.await_start();
        runtime.block_on(floor.run_all(1));
        pool.close();
        session.board.leave();
        Lane::close_here();
    })
}

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
    pub(crate) async fn perform(&self, task: u32, step: u32, job: Job) -> Settled {
        let (answer, settled) = oneshot::channel();
        self.orders().queue.push_back(Order { task, step, job, answer });
        self.bell.notify_one();
        settled.await.expect("the pool answers every order before it closes")
    }

    fn start_thread(
        &'static self,
        session: &'static Session,
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
    fn close(&self) {
        self.orders().closed = true;
        self.bell.notify_all();
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
