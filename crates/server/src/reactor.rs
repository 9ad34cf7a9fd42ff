//! Everything that one thread can do with many sockets without waiting for any of them.
//!
//! The reactor accepts, reads, answers, writes and watches the time. It never performs an
//! [`Act`]: what a server does while a request waits or computes is what tells the strategies apart.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::connection::{Buffers, Connection, Wants};
use crate::listener::{Accepted, Listener};
use crate::reply::Act;
use crate::service::Service;
use crate::signals::{Signal, Signals};
use crate::sys::{Epoll, Events, FdChannel, Interest, Peer};

const LISTENER: u64 = u64::MAX;
const SIGNALS: u64 = u64::MAX - 1;
const CHANNEL: u64 = u64::MAX - 2;
/// Connections taken in one go; those inside are served in between.
const ACCEPTS_AT_ONCE: usize = 16;
/// So many connections more than a sibling are no reason to leave the next one to it.
const LEAD_MAX: u64 = 4;
/// How long the next connection is left to the siblings, who may be busy: then they had their chance.
const COURTESY: Duration = Duration::from_millis(5);
/// How often deadlines are looked at; also the longest silence between two signs of life.
const SWEEP: Duration = Duration::from_millis(500);
const SWEEP_DRAINING: Duration = Duration::from_millis(20);
/// Room for what a sibling had read: more than one read and one head.
const UNREAD_BYTES_MAX: usize = 256 << 10;

/// A connection in the reactor. Stale ones name nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionKey {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Place {
    connection: Option<Connection>,
    generation: u32,
    interest: Interest,
    /// An act is under way, so input and deadlines are left alone.
    acting: bool,
}

/// The sockets of one thread.
#[derive(Debug)]
pub(crate) struct Reactor<'a> {
    service: &'a Service,
    signals: &'a Signals,
    channel: Option<&'a FdChannel>,
    epoll: Epoll,
    events: Events,
    /// Of these, the first that was not looked at yet.
    next_event: usize,
    buffers: Buffers,
    listener: Option<Listener>,
    /// Whether the listener is watched: not while there are too many connections.
    listening: bool,
    exclusive: bool,
    /// Until when the listener is left to siblings who have fewer connections.
    courteous_until: Option<Instant>,
    /// Until when the channel is left to them, and since when.
    channel_left: Option<(Instant, Instant)>,
    places: Vec<Place>,
    free: Vec<u32>,
    acts: VecDeque<(ConnectionKey, Act)>,
    orders: Vec<Signal>,
    next_sweep: Instant,
    drain_end: Option<Instant>,
}

impl<'a> Reactor<'a> {
    pub(crate) fn new(
        service: &'a Service,
        listener: Listener,
        signals: &'a Signals,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(signals, Interest::READ, SIGNALS)?;
        let mut reactor = Self {
            service,
            signals,
            channel: None,
            epoll,
            events: Events::with_capacity(512),
            next_event: 0,
            buffers: Buffers::new(),
            listener: Some(listener),
            listening: false,
            exclusive: false,
            courteous_until: None,
            channel_left: None,
            places: Vec::new(),
            free: Vec::new(),
            acts: VecDeque::new(),
            orders: Vec::new(),
            next_sweep: Instant::now() + SWEEP,
            drain_end: None,
        };
        reactor.listen()?;
        Ok(reactor)
    }

    /// A reactor that shares its listener, and through `channel` its connections, with siblings.
    pub(crate) fn with_siblings(
        service: &'a Service,
        listener: Listener,
        signals: &'a Signals,
        channel: &'a FdChannel,
    ) -> io::Result<Self> {
        let mut reactor = Self::new(service, listener, signals)?;
        reactor.rest()?;
        reactor.exclusive = true;
        reactor.listen()?;
        // Not exclusively: whoever is woken and has more than a sibling leaves it to that one.
        reactor.epoll.add(channel, Interest::READ, CHANNEL)?;
        reactor.channel = Some(channel);
        Ok(reactor)
    }

    /// Whether there is or may come anything to do.
    pub(crate) fn is_open(&self) -> bool {
        let late = self.drain_end.is_some_and(|end| Instant::now() >= end);
        !late && (self.listener.is_some() || !self.is_empty())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.free.len() == self.places.len()
    }

    fn is_full(&self) -> bool {
        self.places.len() - self.free.len() >= self.service.options.connections_max
    }

    /// What was asked of this process beyond draining and stopping, which the reactor sees to.
    pub(crate) fn next_order(&mut self) -> Option<Signal> {
        self.orders.pop()
    }

    /// A connection that cannot go on before that act is performed.
    pub(crate) fn next_act(&mut self) -> Option<(ConnectionKey, Act)> {
        self.acts.pop_front()
    }

    /// Waits for any socket, for at most `time`, and does what needs no act, up to the first act.
    ///
    /// It stops there because who performs acts at once begins one request at a time, and may not want to
    /// begin another one after it.
    pub(crate) fn wait(&mut self, time: Duration) -> io::Result<()> {
        if self.next_event == self.events.len() {
            let left_until = self.channel_left.map(|(until, _)| until);
            let times = [Some(self.next_sweep), self.courteous_until, left_until];
            let next = times.into_iter().flatten().min().unwrap_or(self.next_sweep);
            let until_next = next.saturating_duration_since(Instant::now());
            self.epoll.wait(&mut self.events, time.min(until_next))?;
            self.next_event = 0;
            // One look at the clock serves all who are ready: they are served in a few milliseconds.
            self.buffers.now = Some(Instant::now());
        }
        while self.next_event < self.events.len() && self.acts.is_empty() {
            self.next_event += 1;
            match self.events.get(self.next_event - 1) {
                (LISTENER, _) => self.accept(self.takes_at_once())?,
                (SIGNALS, _) => self.take_signals()?,
                (CHANNEL, _) => self.take_or_leave()?,
                (token, peer) => self.serve(token, peer),
            }
        }
        let now = self.buffers.now.unwrap_or_else(Instant::now);
        if self.courteous_until.is_some_and(|end| now >= end) {
            self.courteous_until = None;
            if self.channel_or_alone() && !self.is_full() {
                self.listen()?;
            }
        }
        if let Some((until, since)) = self.channel_left.filter(|(until, _)| now >= *until) {
            self.come_back(until, since)?;
        }
        if now >= self.next_sweep {
            if self.drain_end.is_some() {
                self.accept_last()?;
            }
            self.sweep();
        }
        Ok(())
    }

    /// Goes on with a connection whose act is done. It may need another one.
    pub(crate) fn resume(&mut self, key: ConnectionKey) -> Option<Act> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        place.acting = false;
        // The act may have taken long.
        self.buffers.now = None;
        let wants = place.connection.as_mut()?.resume(&mut self.buffers, self.service);
        self.grant(key.index, wants)
    }

    /// Leaves the listener and the channel to the siblings.
    pub(crate) fn rest(&mut self) -> io::Result<()> {
        if let Some(listener) = self.listener.as_ref().filter(|_| self.listening) {
            self.listening = false;
            self.epoll.remove(listener)?;
        }
        let is_watched = self.channel_left.take().is_none();
        if let Some(channel) = self.channel.take().filter(|_| is_watched) {
            self.epoll.remove(channel)?;
        }
        Ok(())
    }

    /// Gives every connection that is between two requests to the siblings. What cannot be given
    /// now is left for the next time.
    pub(crate) fn hand_on(&mut self, channel: &FdChannel) {
        for index in 0..self.places.len() {
            let connection = self.places[index].connection.as_ref();
            let given = connection.is_some_and(|connection| {
                connection
                    .unread_to_give()
                    .is_some_and(|unread| channel.give(connection.stream(), unread).is_ok())
            });
            if given {
                self.remove(u32::try_from(index).expect("indices have 32 bits"));
            }
        }
    }

    /// Answers those inside for the last time, where nobody can go on with them: each answer closes its
    /// connection.
    pub(crate) fn see_off(&mut self) -> io::Result<()> {
        self.rest()?;
        self.listener = None;
        self.service.retiring.store(true, Relaxed);
        self.service.paused.store(false, Relaxed);
        self.drain_end = Some(Instant::now() + self.service.options.graceful_timeout);
        self.next_sweep = Instant::now() + SWEEP_DRAINING;
        let drain_idle = self.service.options.times.drain_idle;
        for index in 0..self.places.len() {
            let place = &mut self.places[index];
            let Some(connection) = &mut place.connection else { continue };
            connection.hurry(drain_idle);
            let index = u32::try_from(index).expect("indices have 32 bits");
            // Whoever was left waiting while the replacement started is looked at again, and of whom
            // something was read already, nobody would hear again.
            if connection.unread_between_requests().is_some_and(|unread| !unread.is_empty()) {
                place.acting = true;
                let key = ConnectionKey { index, generation: place.generation };
                self.acts.push_back((key, Act::Wait(Duration::ZERO)));
            } else if !place.acting && place.interest == Interest::NOTHING {
                self.watch(index, Interest::READ_EDGE);
            }
        }
        Ok(())
    }

    /// Closes what is still open, and counts those that were owed an answer.
    pub(crate) fn close(mut self) {
        for place in &mut self.places {
            if let Some(connection) = place.connection.take() {
                self.service.closed();
                connection.cut(self.service);
            }
        }
    }

    fn listen(&mut self) -> io::Result<()> {
        if let Some(listener) = self.listener.as_ref().filter(|_| !self.listening) {
            let interest = if self.exclusive { Interest::READ_EXCLUSIVE } else { Interest::READ };
            self.epoll.add(listener, interest, LISTENER)?;
            self.listening = true;
        }
        Ok(())
    }

    /// With siblings one at a time, so that each gets some.
    fn takes_at_once(&self) -> usize {
        if self.exclusive { 1 } else { ACCEPTS_AT_ONCE }
    }

    fn accept(&mut self, at_most: usize) -> io::Result<()> {
        for _ in 0..at_most {
            let Some(listener) = &mut self.listener else { break };
            if self.service.is_paused() {
                break;
            }
            match listener.accept(true)? {
                Accepted::Connection(stream) => {
                    self.admit(Connection::new(stream, self.service));
                    self.let_siblings_go_first()?;
                }
                Accepted::Nobody => break,
            }
            if self.is_full() && self.drain_end.is_none() {
                if let Some(listener) = self.listener.as_ref().filter(|_| self.listening) {
                    self.listening = false;
                    self.epoll.remove(listener)?;
                }
                break;
            }
        }
        Ok(())
    }

    /// Of several that wait exclusively the kernel always wakes the one that came first, and who is
    /// running takes all of a burst: one worker would get all connections. Who took one goes to the end
    /// of the queue, and who has many more than a sibling stays away for a moment.
    fn let_siblings_go_first(&mut self) -> io::Result<()> {
        let is_shared = self.exclusive && self.listening && self.drain_end.is_none();
        let Some(listener) = self.listener.as_ref().filter(|_| is_shared) else { return Ok(()) };
        self.epoll.remove(listener)?;
        self.listening = false;
        if self.leads_by_more_than(LEAD_MAX) {
            self.courteous_until = Some(Instant::now() + COURTESY);
            return Ok(());
        }
        self.listen()
    }

    /// Whether a sibling that serves has so many connections fewer, and some.
    fn leads_by_more_than(&self, lead: u64) -> bool {
        let count = (self.places.len() - self.free.len()) as u64;
        let fewest = self.service.board.fewest_elsewhere(self.service.slot);
        fewest.is_some_and(|fewest| count > fewest + lead)
    }

    /// A sibling that leaves gave connections away: takes one, unless another sibling has fewer.
    fn take_or_leave(&mut self) -> io::Result<()> {
        match self.channel.filter(|_| self.leads_by_more_than(0)) {
            Some(channel) => {
                self.epoll.remove(channel)?;
                let now = Instant::now();
                self.channel_left = Some((now + COURTESY, now));
            }
            None => self.take_over(self.takes_at_once()),
        }
        Ok(())
    }

    /// Looks at the channel again that was left to a sibling. If that one does not come, some are
    /// taken all the same.
    fn come_back(&mut self, until: Instant, since: Instant) -> io::Result<()> {
        let waits_in_vain = since.elapsed() > self.service.options.courtesy;
        if self.leads_by_more_than(0) && !waits_in_vain {
            self.channel_left = Some((until + COURTESY, since));
            return Ok(());
        }
        self.channel_left = None;
        self.take_over(if waits_in_vain { ACCEPTS_AT_ONCE } else { 1 });
        self.channel.map_or(Ok(()), |channel| self.epoll.add(channel, Interest::READ, CHANNEL))
    }

    fn take_over(&mut self, at_most: usize) {
        let mut room = Vec::new();
        for _ in 0..at_most {
            let Some(channel) = self.channel.filter(|_| !self.service.is_paused()) else { return };
            room.resize(UNREAD_BYTES_MAX, 0);
            let Some((stream, unread)) = channel.take(&mut room) else { return };
            let connection = Connection::taken_over(stream, &room[..unread], self.service);
            if let Some(key) = self.admit(connection)
                && let Some(act) = self.resume(key)
            {
                self.acts.push_back((key, act));
            }
        }
    }

    fn admit(&mut self, connection: Connection) -> Option<ConnectionKey> {
        self.service.opened();
        let index = self.free.pop().unwrap_or_else(|| {
            let place = Place {
                connection: None,
                generation: 0,
                interest: Interest::NOTHING,
                acting: false,
            };
            self.places.push(place);
            u32::try_from(self.places.len() - 1).expect("descriptors have 32 bits")
        });
        let place = &mut self.places[index as usize];
        let key = ConnectionKey { index, generation: place.generation };
        place.interest = Interest::READ_EDGE;
        place.acting = false;
        let added = self.epoll.add(&connection, place.interest, token(key));
        place.connection = Some(connection);
        if added.is_err() {
            self.remove(index);
            return None;
        }
        Some(key)
    }

    /// A socket is ready.
    fn serve(&mut self, token: u64, peer: Peer) {
        let (index, generation) = (token & 0xffff_ffff, token >> 32);
        let index = u32::try_from(index).expect("masked");
        let Some(place) = self.places.get_mut(index as usize) else { return };
        let Some(connection) = &mut place.connection else { return };
        if u64::from(place.generation) != generation {
            return;
        }
        if place.acting {
            // A client that is gone for good needs no answer. One that only sends more must wait.
            if peer == Peer::Gone {
                self.remove(index);
            } else {
                self.watch(index, Interest::NOTHING);
            }
            return;
        }
        if self.service.is_paused() && connection.unread_between_requests().is_some() {
            self.watch(index, Interest::NOTHING);
            return;
        }
        let wants = connection.turn(&mut self.buffers, self.service);
        if peer != Peer::Speaking {
            connection.await_end();
        }
        if let Some(act) = self.grant(index, wants) {
            self.acts.push_back((
                ConnectionKey { index, generation: self.places[index as usize].generation },
                act,
            ));
        }
    }

    fn grant(&mut self, index: u32, wants: Wants) -> Option<Act> {
        match wants {
            Wants::Read => self.watch(index, Interest::READ_EDGE),
            Wants::Write => self.watch(index, Interest::WRITE),
            Wants::Gone => self.remove(index),
            Wants::Act(act) => {
                self.places[index as usize].acting = true;
                return Some(act);
            }
        }
        None
    }

    fn watch(&mut self, index: u32, interest: Interest) {
        let place = &mut self.places[index as usize];
        let key = ConnectionKey { index, generation: place.generation };
        // What is left of input is not reported by itself, but anew for each change.
        let is_watched = |connection: &Connection| {
            let awaits_news = interest != Interest::READ_EDGE || connection.drained_input();
            place.interest == interest && awaits_news
        };
        if let Some(connection) = place.connection.as_ref().filter(|it| !is_watched(it)) {
            place.interest = interest;
            if self.epoll.change(connection, interest, token(key)).is_err() {
                self.remove(index);
            }
        }
    }

    fn remove(&mut self, index: u32) {
        let place = &mut self.places[index as usize];
        if let Some(connection) = place.connection.take() {
            // A descriptor that a sibling still has open would stay in the set after the close.
            let _ = self.epoll.remove(&connection);
            place.generation = place.generation.wrapping_add(1) & 0x7fff_ffff;
            self.free.push(index);
            self.service.closed();
        }
        if !self.listening && self.channel_or_alone() && self.courteous_until.is_none() {
            // Failing to listen again is tried again with the next connection that leaves.
            let _ = self.listen();
        }
    }

    /// A reactor that rests must not listen again.
    fn channel_or_alone(&self) -> bool {
        self.channel.is_some() || !self.exclusive
    }

    fn take_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.take() {
            match signal {
                Signal::Drain => self.drain()?,
                order => self.orders.push(order),
            }
        }
        Ok(())
    }

    /// Accepts everybody who got in, closes the door when the last one has come, and answers those inside.
    fn drain(&mut self) -> io::Result<()> {
        if self.drain_end.is_some() {
            return Ok(());
        }
        self.service.draining.store(true, Relaxed);
        self.service.paused.store(false, Relaxed);
        self.drain_end = Some(Instant::now() + self.service.options.graceful_timeout);
        if let Some(listener) = &mut self.listener {
            listener.refuse_handshakes();
        }
        self.next_sweep = Instant::now() + SWEEP_DRAINING;
        self.accept_last()
    }

    /// While the server stops: accepts who waits, and leaves the listener when no more can come.
    fn accept_last(&mut self) -> io::Result<()> {
        let Some(listener) = &self.listener else { return Ok(()) };
        let is_last = listener.all_arrived();
        self.accept(usize::MAX)?;
        self.take_over(usize::MAX);
        if is_last {
            self.listening = false;
            self.listener = None;
        }
        let drain_idle = self.service.options.times.drain_idle;
        for place in &mut self.places {
            if let Some(connection) = &mut place.connection {
                connection.hurry(drain_idle);
            }
        }
        Ok(())
    }

    /// Ends what has waited too long for its client.
    fn sweep(&mut self) {
        let now = Instant::now();
        self.service.beat();
        self.next_sweep = now + if self.drain_end.is_some() { SWEEP_DRAINING } else { SWEEP };
        for index in 0..self.places.len() {
            let place = &mut self.places[index];
            let late = |connection: &&mut Connection| connection.is_late(now);
            if place.acting {
                continue;
            }
            if let Some(connection) = place.connection.as_mut().filter(late) {
                let wants = connection.time_out(&mut self.buffers, self.service);
                self.grant(u32::try_from(index).expect("indices have 32 bits"), wants);
            }
        }
    }
}

fn token(key: ConnectionKey) -> u64 {
    u64::from(key.generation) << 32 | u64::from(key.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of ten thousand idle ones nothing else is kept: no buffer, no timer.
    #[test]
    fn an_idle_connection_takes_less_than_0_15_kib() {
        let bytes = size_of::<Place>();
        assert!(bytes * 100 <= 15 * 1024, "{bytes} bytes");
    }
}
