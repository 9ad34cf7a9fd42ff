//! One thread, any number of clients: who waits gives way.
//!
//! All waiting of all connections happens in one call, `reactor.wait`: for clients, for time, for
//! signals. A request that must wait is written into a list of times and put aside. Ten thousand
//! requests that wait a second take one second. But a request that computes, or blocks, holds the
//! only thread, and everybody waits for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::time::{Duration, Instant};

use crate::listener::Listener;
use crate::reactor::{ConnectionKey, Reactor};
use crate::reply::Act;
use crate::service::Service;
use crate::signals::Signals;

pub(crate) fn serve(service: &Service, listener: Listener, signals: &Signals) -> io::Result<()> {
    let mut reactor = Reactor::new(service, listener, signals)?;
    let mut timers = Timers::default();
    while reactor.is_open() {
        reactor.wait(timers.until_next())?;
        while let Some((key, act)) = reactor.next_act() {
            begin(&mut reactor, &mut timers, key, act);
        }
        // Only who is due by now: one that goes on again and again must not hold the loop.
        let now = (!timers.is_empty()).then(Instant::now);
        while let Some(key) = now.and_then(|now| timers.take_due(now)) {
            if let Some(act) = reactor.resume(key) {
                begin(&mut reactor, &mut timers, key, act);
            }
        }
    }
    reactor.close();
    Ok(())
}

fn begin(reactor: &mut Reactor<'_>, timers: &mut Timers, key: ConnectionKey, first: Act) {
    let mut act = Some(first);
    while let Some(now) = act {
        match now {
            // Put aside; the loop goes on with others.
            Act::Wait(time) => return timers.add(Instant::now() + time, key),
            // Nobody else is served until this is done.
            now => now.perform(),
        }
        act = reactor.resume(key);
    }
}

/// Who goes on when, the earliest first.
#[derive(Debug, Default)]
struct Timers(BinaryHeap<Reverse<(Instant, ConnectionKey)>>);

impl Timers {
    fn add(&mut self, time: Instant, key: ConnectionKey) {
        self.0.push(Reverse((time, key)));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn until_next(&self) -> Duration {
        self.0.peek().map_or(Duration::MAX, |Reverse((time, _))| {
            time.saturating_duration_since(Instant::now())
        })
    }

    fn take_due(&mut self, now: Instant) -> Option<ConnectionKey> {
        let Reverse((time, key)) = *self.0.peek()?;
        (time <= now).then(|| {
            self.0.pop();
            key
        })
    }
}
