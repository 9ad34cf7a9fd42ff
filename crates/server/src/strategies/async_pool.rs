//! Many tasks on a few threads: who waits gives way, who has nothing to do steals.
//!
//! The code of a connection reads from top to bottom as with threads, but where it says `await`,
//! the thread goes on with another task. A task costs half a kilobyte instead of a stack. A
//! request that computes or blocks holds one of the few threads; the others steal what it had queued.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, sleep, sleep_until};

use super::threads::see_out;
use crate::connection::{Buffers, Connection, Wants};
use crate::listener::{Accepted, Listener};
use crate::reply::Act;
use crate::roll::{Attendance, Roll};
use crate::service::{LANE, Service};
use crate::signals::{Signal, Signals};
use crate::sys;

thread_local! {
    /// Used only between two awaits, so all tasks of a thread share them.
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new());
}

pub(crate) fn serve(service: Service, listener: Listener, signals: &Signals) -> io::Result<()> {
    let service = Arc::new(service);
    let roll = Arc::new(Roll::default());
    let runtime = runtime(&service)?;
    runtime.block_on(welcome(&service, &roll, listener, signals, attend))?;
    see_out(&service, &roll);
    runtime.shutdown_background();
    Ok(())
}

pub(super) fn runtime(service: &Service) -> io::Result<Runtime> {
    let workers = service.options.workers_or_processors();
    let started = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("worker")
        .on_thread_start(move || LANE.set(1 + started.fetch_add(1, Relaxed) % workers))
        .enable_all()
        .build()
}

/// Accepts clients and gives each one a task, until told to stop.
pub(super) async fn welcome<F, T>(
    service: &Arc<Service>,
    roll: &Arc<Roll>,
    listener: Listener,
    signals: &Signals,
    attend: F,
) -> io::Result<()>
where
    F: Fn(TcpStream, Attendance, Arc<Service>) -> T + Copy + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let mut listener = sys::watch(listener, Interest::READABLE)?;
    let signals = sys::watch(signals, Interest::READABLE)?;
    loop {
        let full = roll.len() >= service.options.connections_max;
        tokio::select! {
            ready = listener.readable_mut(), if !full => {
                let mut ready = ready?;
                if !admit(service, roll, ready.get_inner_mut(), attend)? {
                    ready.clear_ready();
                }
            }
            ready = signals.readable() => {
                let mut ready = ready?;
                match signals.get_ref().take() {
                    Some(Signal::Drain) => break,
                    Some(_) => {}
                    None => ready.clear_ready(),
                }
            }
            () = sleep(Duration::from_millis(20)), if full => {}
        }
    }
    service.draining.store(true, Relaxed);
    // This thread runs no tasks, so it may block.
    listener.get_mut().accept_last(|listener| admit(service, roll, listener, attend))
}

fn admit<F, T>(
    service: &Arc<Service>,
    roll: &Arc<Roll>,
    listener: &mut Listener,
    attend: F,
) -> io::Result<bool>
where
    F: Fn(TcpStream, Attendance, Arc<Service>) -> T + Copy + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let Accepted::Connection(stream) = listener.accept(true)? else { return Ok(false) };
    let entry = roll.enter(stream.as_raw_fd());
    service.opened();
    let service = Arc::clone(service);
    tokio::spawn(async move {
        attend(stream, entry, Arc::clone(&service)).await;
        service.closed();
    });
    Ok(true)
}

/// One client from beginning to end.
async fn attend(stream: TcpStream, entry: Attendance, service: Arc<Service>) {
    let connection = Connection::new(stream, &service);
    let both = Interest::READABLE | Interest::WRITABLE;
    let Ok(mut connection) = sys::watch(connection, both) else { return };
    // Moved here to be dropped before the connection.
    let entry = entry;
    let mut wants = Wants::Read;
    // One timer for the whole life, set forward only when it rings too early. It is polled once to wake this
    // task, and then again only when it has rung: a busy connection does not ask it about each request.
    let mut alarm = pin!(sleep_until(connection.get_ref().deadline.into()));
    let mut is_armed = false;
    loop {
        entry.note(connection.get_ref().doing());
        wants = match wants {
            // Another task goes on meanwhile.
            Wants::Act(Act::Wait(time)) if time.is_zero() => {
                tokio::task::yield_now().await;
                with_buffers(|buffers| connection.get_mut().resume(buffers, &service))
            }
            Wants::Act(Act::Wait(time)) => {
                sleep(time).await;
                with_buffers(|buffers| connection.get_mut().resume(buffers, &service))
            }
            // The thread stays here until it is done; there are not many of them.
            Wants::Act(act) => {
                act.perform();
                with_buffers(|buffers| connection.get_mut().resume(buffers, &service))
            }
            Wants::Read | Wants::Write => {
                let socket_or_alarm = |context: &mut Context<'_>| match poll_turn(
                    &mut connection,
                    wants,
                    &service,
                    context,
                ) {
                    Poll::Ready(next) => Poll::Ready(Some(next)),
                    Poll::Pending if is_armed && !alarm.is_elapsed() => Poll::Pending,
                    Poll::Pending => {
                        // Without a rest of its turn the alarm only gives way, and notes nobody to wake.
                        is_armed = has_budget_remaining();
                        alarm.as_mut().poll(context).map(|()| None)
                    }
                };
                match poll_fn(socket_or_alarm).await {
                    Some(next) => next,
                    None if connection.get_ref().is_late(Instant::now().into_std()) => {
                        with_buffers(|buffers| connection.get_mut().time_out(buffers, &service))
                    }
                    None => {
                        let soon = Instant::now() + Duration::from_millis(1);
                        alarm.as_mut().reset(soon.max(connection.get_ref().deadline.into()));
                        is_armed = false;
                        wants
                    }
                }
            }
            Wants::Gone => return,
        };
    }
}

/// Serves the connection if its socket is ready, and otherwise has this task woken when it is.
fn poll_turn(
    connection: &mut AsyncFd<Connection>,
    wants: Wants,
    service: &Service,
    context: &mut Context<'_>,
) -> Poll<Wants> {
    let ready = match wants {
        Wants::Write => ready!(connection.poll_write_ready_mut(context)),
        _ => ready!(connection.poll_read_ready_mut(context)),
    };
    let Ok(mut ready) = ready else { return Poll::Ready(Wants::Gone) };
    let next = with_buffers(|buffers| ready.get_inner_mut().turn(buffers, service));
    let exhausted = match wants {
        Wants::Write => next == Wants::Write,
        _ => ready.get_inner().drained_input(),
    };
    if exhausted {
        ready.clear_ready();
    }
    Poll::Ready(next)
}

fn with_buffers<T>(f: impl FnOnce(&mut Buffers) -> T) -> T {
    BUFFERS.with_borrow_mut(f)
}
