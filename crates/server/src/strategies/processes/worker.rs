//! A worker process: the sequential server, and the manners of leaving.

use std::io;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::board::{Stage, Word, encode};
use crate::event::Departure;
use crate::listener::Listener;
use crate::reactor::Reactor;
use crate::service::{Allowance, Service};
use crate::signals::{Signal, Signals};
use crate::strategies::event_loop;
use crate::strategies::sequential::perform_all;

/// How often a leaving worker tries again to give away what the channel had no room for.
const LEAVING_TICK: Duration = Duration::from_millis(20);

/// The life of a worker. It ends when it was told to leave or drain and has nobody left.
pub(super) fn live(shared: &Shared, slot: usize) -> io::Result<()> {
    let signals = Signals::new()?;
    let mut service = Service::new(shared.options.clone(), shared.tls.clone(), shared.board, slot)?;
    let requests_max = shared.options.requests_max.map(|max| max + jitter(&shared.options));
    service.allowance = Some(Allowance::new(requests_max, shared.options.memory_max)?);
    let listener = shared.listener.share()?;
    let mut reactor = Reactor::with_siblings(&service, listener, &signals, &shared.channel)?;
    service.beat();
    enter(shared, slot, Stage::Ready);
    let mut left = None;
    while reactor.is_open() {
        reactor.wait(if left.is_some() { LEAVING_TICK } else { Duration::MAX })?;
        perform_all(&mut reactor, &service);
        if service.is_paused() && shared.board.stage(slot) == Stage::Ready {
            // From here on nothing is begun; the listener is left to the others.
            reactor.rest()?;
            enter(shared, slot, Stage::AsksToLeave);
        }
        while let Some(order) = reactor.next_order() {
            if order == Signal::Leave {
                if !service.is_paused() {
                    shared.board.set(slot, Word::Reason, encode(Departure::Renewed));
                }
                match shared.tls {
                    Some(_) => reactor.see_off()?,
                    None => {
                        service.pause();
                        reactor.rest()?;
                    }
                }
                enter(shared, slot, Stage::Leaving);
                left = Some(Instant::now());
            }
        }
        if let Some(since) = left.filter(|_| !service.is_draining()) {
            reactor.hand_on(&shared.channel);
            // A client that takes its answer byte by byte must not keep a worker for ever.
            let late = since.elapsed() > shared.options.graceful_timeout;
            if late || reactor.is_empty() {
                break;
            }
        }
    }
    if service.is_draining() {
        shared.board.set(slot, Word::Reason, encode(Departure::Stopped));
    }
    reactor.close();
    Ok(())
}

/// The process behind the admin socket: an event loop that only reads the board.
pub(super) fn live_as_admin(shared: &Shared, listener: Listener) -> io::Result<()> {
    let signals = Signals::new()?;
    let own = crate::board::Board::new(1)?;
    let mut service = Service::new(shared.options.clone(), None, own, 0)?;
    service.is_admin = true;
    service.shown = shared.board;
    event_loop::serve(&service, listener, &signals)
}

fn enter(shared: &Shared, slot: usize, stage: Stage) {
    shared.board.set(slot, Word::Stage, stage as u64);
    shared.bell.ring();
}

/// Different in each worker: process ids follow each other, and the multiplication scatters them.
fn jitter(options: &crate::options::Options) -> u64 {
    let scattered = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    scattered % (options.requests_jitter + 1)
}
