//! A semaphore for tasks on an event loop: who waits leaves a waker and gives way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// See the parent module.
#[derive(Debug)]
pub(crate) struct Semaphore(Mutex<State>);

#[derive(Debug)]
struct State {
    drawn: u64,
    granted: u64,
    /// Of the tickets `granted .. drawn`, in order.
    sleepers: VecDeque<Waker>,
}

impl Semaphore {
    pub(crate) fn new(units: u32) -> Self {
        Self(Mutex::new(State { drawn: 0, granted: u64::from(units), sleepers: VecDeque::new() }))
    }

    /// Takes one unit when its turn has come.
    ///
    /// A future that is dropped while it waits keeps its place in the queue for ever. Tasks are
    /// dropped only when the whole run is abandoned.
    pub(crate) fn acquire(&self) -> Acquire<'_> {
        Acquire { semaphore: self, ticket: None }
    }

    /// Gives one unit back, or adds one.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        state.granted += 1;
        let next = state.sleepers.pop_front();
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
    }

    /// How many have drawn a ticket and were not yet granted it.
    pub(crate) fn waiting(&self) -> u64 {
        self.state().sleepers.len() as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Made by [`Semaphore::acquire`].
#[derive(Debug)]
pub(crate) struct Acquire<'a> {
    semaphore: &'a Semaphore,
    ticket: Option<u64>,
}

impl Future for Acquire<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.semaphore.state();
        if let Some(ticket) = self.ticket {
            return if ticket < state.granted { Poll::Ready(()) } else { Poll::Pending };
        }
        let ticket = state.drawn;
        state.drawn += 1;
        if ticket < state.granted {
            return Poll::Ready(());
        }
        // A task of tokio has one waker for all its life, so it need not be renewed.
        state.sleepers.push_back(context.waker().clone());
        drop(state);
        self.ticket = Some(ticket);
        Poll::Pending
    }
}
