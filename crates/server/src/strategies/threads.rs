//! One thread a connection.
//!
//! The code of a connection reads from top to bottom, because it may simply wait: the kernel runs
//! another thread meanwhile. Each one costs a stack and a switch, and there is a number of them
//! at which a process dies; before that number this server stops accepting.

use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use maitred_kernel::procfs;

use crate::board::Word;
use crate::connection::{Buffers, Connection, Wants};
use crate::listener::{Accepted, Listener};
use crate::roll::{Attendance, Roll};
use crate::service::Service;
use crate::signals::{Signal, Signals};
use crate::sys;

/// Enough for the deepest call of ours, a compressor, twice. Only what is touched costs memory.
const STACK_BYTES: usize = 512 << 10;
const INPUT_BYTES: usize = 16 << 10;
/// How often a full house looks whether somebody left.
const FULL_TICK: Duration = Duration::from_millis(20);

pub(crate) fn serve(service: Service, listener: Listener, signals: &Signals) -> io::Result<()> {
    let service = Arc::new(service);
    let roll = Arc::new(Roll::default());
    let threads_max = threads_max(&service);
    let is_full = || roll.len() >= threads_max;
    welcome(&service, listener, signals, is_full, |listener| admit(&service, &roll, listener))?;
    see_out(&service, &roll);
    Ok(())
}

/// Has clients admitted one by one while there is room, until told to stop: then everybody who got in is answered,
/// and the door is closed. `admit` says whether there was a client.
pub(super) fn welcome(
    service: &Service,
    mut listener: Listener,
    signals: &Signals,
    is_full: impl Fn() -> bool,
    mut admit: impl FnMut(&mut Listener) -> io::Result<bool>,
) -> io::Result<()> {
    loop {
        match is_full() {
            true => sys::wait_readable(&[signals.as_raw_fd()], FULL_TICK)?,
            false => sys::wait_readable(
                &[signals.as_raw_fd(), listener.as_raw_fd()],
                Duration::from_secs(1),
            )?,
        }
        if signals.take() == Some(Signal::Drain) {
            break;
        }
        while !is_full() && admit(&mut listener)? {}
    }
    service.draining.store(true, Relaxed);
    listener.accept_last(admit)
}

/// Gives the next client a thread. Whether there was a client.
fn admit(service: &Arc<Service>, roll: &Arc<Roll>, listener: &mut Listener) -> io::Result<bool> {
    let Accepted::Connection(stream) = listener.accept(false)? else { return Ok(false) };
    let socket = stream.as_raw_fd();
    let connection = Connection::new(stream, service);
    service.opened();
    let entry = roll.enter(socket);
    let service_there = Arc::clone(service);
    let thread = thread::Builder::new().name("connection".into()).stack_size(STACK_BYTES);
    let spawned = thread.spawn(move || {
        let connection = attend(connection, &entry, &service_there);
        service_there.closed();
        drop(entry);
        drop(connection);
    });
    if spawned.is_err() {
        // The kernel has no more threads: the client was dropped with the closure.
        service.closed();
        service.count(Word::Cut, 1);
    }
    Ok(true)
}

/// One client from beginning to end.
fn attend(mut connection: Connection, entry: &Attendance, service: &Service) -> Connection {
    let mut buffers = Buffers::with_input(INPUT_BYTES);
    let times = &service.options.times;
    let tick = times.head.min(times.body).min(times.idle).max(Duration::from_millis(1));
    let _ = connection.stream().set_read_timeout(Some(tick));
    let _ = connection.stream().set_write_timeout(Some(times.write.max(tick) / 2));
    let mut wants = Wants::Read;
    loop {
        wants = match wants {
            // Everything here waits where it stands.
            Wants::Act(act) => {
                act.perform();
                connection.resume(&mut buffers, service)
            }
            Wants::Read | Wants::Write => connection.turn(&mut buffers, service),
            Wants::Gone => return connection,
        };
        entry.note(connection.doing());
        let waited = connection.drained_input() || wants == Wants::Write;
        if waited && !matches!(wants, Wants::Act(_)) && connection.is_late(Instant::now()) {
            wants = connection.time_out(&mut buffers, service);
        }
    }
}

/// Waits until the last client left, for as long as the options allow.
pub(super) fn see_out(service: &Service, roll: &Roll) {
    let start = Instant::now();
    let options = &service.options;
    while roll.len() > 0 && start.elapsed() < options.graceful_timeout {
        // Again and again: who is busy now may be idle later.
        if start.elapsed() >= options.times.drain_idle {
            roll.end_idle();
        }
        thread::sleep(Duration::from_millis(5));
    }
    service.count(Word::Cut, roll.owed() as u64);
}

/// How many threads this process can have: a thread of Rust takes four memory mappings
/// (stack, guard, signal stack, guard), and beyond `vm.max_map_count` of them `std` aborts.
fn threads_max(service: &Service) -> usize {
    let read = |path: &str, default: usize| procfs::number(path).unwrap_or(default);
    let by_mappings = (read("/proc/sys/vm/max_map_count", 65_530) / 4).saturating_sub(1_000);
    let by_numbers = read("/proc/sys/kernel/pid_max", 32_768) / 2;
    service.options.connections_max.min(by_mappings).min(by_numbers).max(1)
}
