//! A task, and how it gives way: it says what it waits for, and goes on when its worker says that it is there.
//! Main type: [`Task`].

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::connection::Buffers;
use crate::reply::Act;

thread_local! {
    /// Used only between two awaits, so all tasks of a thread share them.
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new());
    static PAUSE: Cell<Pause> = const { Cell::new(Pause::Wait(Wait::Time(Duration::ZERO))) };
    static CALL: Cell<Call> = const { Cell::new(Call::Ready) };
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Something to read, until that moment.
    Input(Instant),
    /// Room to write, until that moment.
    Room(Instant),
    /// That so much time is over. No time lets all others go first.
    Time(Duration),
}

/// Why a task gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    Wait(Wait),
    /// It has the worker do this, and nothing else meanwhile.
    Hold(Act),
}

/// Why a task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// What it waited for is there.
    Ready,
    /// The same, and its client has closed a direction, which the kernel may not report again.
    Silent,
    /// The moment is over until which it waited.
    Late,
}

/// Waits, while the worker goes on with others. Why the task goes on afterwards.
pub(super) async fn wait(what: Wait) -> Call {
    pause(Pause::Wait(what)).await;
    CALL.get()
}

/// Holds the worker until that is done.
pub(super) async fn hold(act: Act) {
    pause(Pause::Hold(act)).await;
}

async fn pause(why: Pause) {
    let mut is_over = false;
    let once = |_: &mut Context<'_>| match std::mem::replace(&mut is_over, true) {
        true => Poll::Ready(()),
        false => {
            PAUSE.set(why);
            Poll::Pending
        }
    };
    poll_fn(once).await;
}

pub(super) fn with_buffers<T>(f: impl FnOnce(&mut Buffers) -> T) -> T {
    BUFFERS.with_borrow_mut(f)
}

/// The life of a client.
pub(super) struct Task {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(super) socket: RawFd,
    /// Where it waits at home.
    pub(super) place: u32,
    pub(super) call: Call,
}

impl Task {
    pub(super) fn new(socket: RawFd, future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { future: Box::pin(future), socket, place: 0, call: Call::Ready }
    }

    /// Goes on until it waits for something, and does with `hold` what holds the worker. What it waits for; `None`: it
    /// has ended.
    pub(super) fn go_on(&mut self, mut hold: impl FnMut(Act)) -> Option<Wait> {
        CALL.set(self.call);
        loop {
            // Nobody needs a waker: who waits has said for what.
            let mut context = Context::from_waker(Waker::noop());
            let poll = AssertUnwindSafe(|| self.future.as_mut().poll(&mut context));
            // A bug that one request meets must not take the worker from all others.
            match (catch_unwind(poll), PAUSE.get()) {
                (Ok(Poll::Pending), Pause::Wait(what)) => return Some(what),
                (Ok(Poll::Pending), Pause::Hold(act)) => hold(act),
                (Ok(Poll::Ready(())) | Err(_), _) => return None,
            }
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("socket", &self.socket).finish_non_exhaustive()
    }
}
