//! Many tasks on a few threads: who waits gives way, who has nothing to do steals.
//!
//! The code of a connection reads from top to bottom as with threads, but where it says `await`,
//! the thread goes on with another task. A task costs half a kilobyte instead of a stack. A
//! request that computes or blocks holds one of the few threads; the others steal what it had queued,
//! and whatever happens to its connections meanwhile.

mod home;
mod pool;
mod task;

use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::pool::Pool;
use self::task::{Call, Wait, hold, wait, with_buffers};
use super::threads::{self, see_out};
use crate::connection::{Connection, Wants};
use crate::listener::{Accepted, Listener};
use crate::reply::Act;
use crate::roll::{Attendance, Roll};
use crate::service::Service;
use crate::signals::Signals;

pub(crate) fn serve(service: Service, listener: Listener, signals: &Signals) -> io::Result<()> {
    let service = Arc::new(service);
    let roll = Arc::new(Roll::default());
    let pool = Pool::start(service.options.workers_or_processors())?;
    welcome(&service, &roll, listener, signals, |stream, entry| {
        let connection = Connection::new(stream, &service);
        let socket = connection.as_raw_fd();
        let presence = Presence(Arc::clone(&service));
        let life = async move { attend(connection, entry, &presence.0).await };
        // Whom the kernel refuses to watch is dropped.
        let _ = pool.spawn(socket, life);
    })?;
    see_out(&service, &roll);
    pool.close();
    Ok(())
}

/// Accepts clients and has each one begin, until told to stop.
pub(super) fn welcome(
    service: &Service,
    roll: &Arc<Roll>,
    listener: Listener,
    signals: &Signals,
    mut begin: impl FnMut(TcpStream, Attendance),
) -> io::Result<()> {
    let admit = |listener: &mut Listener| {
        let Accepted::Connection(stream) = listener.accept(true)? else { return Ok(false) };
        let entry = roll.enter(stream.as_raw_fd());
        service.opened();
        begin(stream, entry);
        Ok(true)
    };
    let is_full = || roll.len() >= service.options.connections_max;
    threads::welcome(service, listener, signals, is_full, admit)
}

/// A client that counts as connected, however it ends.
struct Presence(Arc<Service>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// One client from beginning to end.
async fn attend(mut connection: Connection, entry: Attendance, service: &Service) {
    let mut wants = Wants::Read;
    loop {
        let deadline = connection.deadline;
        let ready =
            if wants == Wants::Write { Wait::Room(deadline) } else { Wait::Input(deadline) };
        wants = match wait(ready).await {
            Call::Late if !connection.is_late(Instant::now()) => continue,
            Call::Late => with_buffers(|buffers| connection.time_out(buffers, service)),
            Call::Ready => with_buffers(|buffers| connection.turn(buffers, service)),
            Call::Silent => {
                let wants = with_buffers(|buffers| connection.turn(buffers, service));
                connection.await_end();
                wants
            }
        };
        loop {
            entry.note(connection.doing());
            wants = match wants {
                Wants::Write => break,
                Wants::Read if connection.drained_input() => break,
                // What is left is not reported again; but others have waited longer.
                Wants::Read => {
                    wait(Wait::Time(Duration::ZERO)).await;
                    with_buffers(|buffers| connection.turn(buffers, service))
                }
                Wants::Act(Act::Wait(time)) => {
                    wait(Wait::Time(time)).await;
                    with_buffers(|buffers| connection.resume(buffers, service))
                }
                // The thread stays here until it is done; there are not many of them.
                Wants::Act(act) => {
                    hold(act).await;
                    with_buffers(|buffers| connection.resume(buffers, service))
                }
                Wants::Gone => return,
            };
        }
    }
}
