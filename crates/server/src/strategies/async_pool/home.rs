//! What one worker has at home: a set of sockets, the tasks that wait for them, and the queue of those that can go on.
//! Main type: [`Home`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use maitred_kernel::Bell;

use super::task::{Call, Task, Wait};
use crate::sys::{Epoll, Events, Interest, Peer};

const BELL: u64 = u64::MAX;
/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(500);

/// How much a worker is in need of those who have nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Burden {
    None,
    /// It always has several tasks that can go on, and goes on with them.
    Crowded,
    /// One request has its thread, and it sees nothing else.
    Held,
}

/// All that belongs to a worker, for itself and for those who steal from it; on cache lines of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Home {
    pub(super) set: Epoll,
    bell: Bell,
    /// Whether it waits, so that somebody who needs it has to ring.
    asleep: AtomicBool,
    burden: AtomicU8,
    desk: Mutex<Desk>,
}

impl Home {
    pub(super) fn new() -> io::Result<Self> {
        let home = Self {
            set: Epoll::new()?,
            bell: Bell::new()?,
            asleep: AtomicBool::new(false),
            burden: AtomicU8::new(Burden::None as u8),
            desk: Mutex::new(Desk {
                places: Vec::new(),
                free: Vec::new(),
                queue: VecDeque::new(),
                timers: BinaryHeap::new(),
                next_sweep: Instant::now() + SWEEP,
            }),
        };
        // Each ring is reported, so nobody has to take it back.
        home.set.add(&home.bell, Interest::READ_EDGE, BELL)?;
        Ok(home)
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn burden(&self) -> Burden {
        match self.burden.load(SeqCst) {
            1 => Burden::Crowded,
            2 => Burden::Held,
            _ => Burden::None,
        }
    }

    /// Before one looks for sleepers to call.
    pub(super) fn bear(&self, burden: Burden) {
        self.burden.store(burden as u8, SeqCst);
    }

    /// Before one looks for the last time whether there is anything to do, here or where help is needed: so whoever comes
    /// with something is seen, or sees the sleeper and calls.
    pub(super) fn lie_down(&self) {
        self.asleep.store(true, SeqCst);
    }

    pub(super) fn get_up(&self) {
        self.asleep.store(false, SeqCst);
    }

    /// Wakes the worker, if it sleeps. Whether it did.
    pub(super) fn call(&self) -> bool {
        let slept = self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst);
        if slept {
            self.ring();
        }
        slept
    }

    pub(super) fn ring(&self) {
        self.bell.ring();
    }

    /// It is not crowded, or is not any more.
    pub(super) fn relieve(&self) {
        if self.burden() == Burden::Crowded {
            let (crowded, none) = (Burden::Crowded as u8, Burden::None as u8);
            // Who is held meanwhile stays so.
            let _ = self.burden.compare_exchange(crowded, none, SeqCst, SeqCst);
        }
    }

    /// Lets a task move in that waits for that.
    pub(super) fn admit(&self, mut task: Task, wait: Wait) -> io::Result<()> {
        // What happens to the socket from here on is seen by whoever has the desk next.
        let mut desk = self.desk();
        task.place = desk.take_place();
        let added = self.set.add(&task.socket, Interest::READ_EDGE, u64::from(task.place));
        match added {
            Ok(()) => desk.settle(task, wait, &self.set),
            Err(_) => desk.leave(task.place),
        }
        added
    }

    /// Sees for a worker that is held who can go on.
    pub(super) fn look_after(&self, events: &mut Events) -> io::Result<()> {
        self.set.wait(events, Duration::ZERO)?;
        self.desk().gather(events, Instant::now());
        let was_called = (0..events.len()).any(|index| events.get(index).0 == BELL);
        if was_called && self.burden() != Burden::Held {
            // It is held no more, and may have lain down: who called it would wait for nobody.
            self.ring();
        }
        Ok(())
    }

    /// Lets the greater half move out of those that can go on, which is not crowded any more then.
    pub(super) fn give_half(&self) -> VecDeque<Task> {
        self.relieve();
        let mut desk = self.desk();
        let kept = desk.queue.len() / 2;
        let given = desk.queue.split_off(kept);
        for task in &given {
            // Were it watched on, nobody would be there to go on.
            let _ = self.set.remove(&task.socket);
            desk.leave(task.place);
        }
        drop(desk);
        if kept > 0 {
            // A worker that is not held any more may have lain down before somebody saw these for it.
            self.call();
        }
        given
    }
}

/// The tasks of a home.
#[derive(Debug)]
pub(super) struct Desk {
    places: Vec<Place>,
    free: Vec<u32>,
    /// Who can go on.
    pub(super) queue: VecDeque<Task>,
    /// Who goes on when, the earliest first.
    timers: BinaryHeap<Reverse<(Instant, u32)>>,
    next_sweep: Instant,
}

#[derive(Debug, Default)]
struct Place {
    /// `None`: somebody has it in hand, or the place is free.
    task: Option<Task>,
    /// Until when it waits for its socket; `None`: for a time.
    until: Option<Instant>,
    /// What happened to the socket meanwhile.
    missed: Option<Call>,
    /// Its socket is watched for room, and for nothing else.
    awaits_room: bool,
}

impl Desk {
    /// How many tasks are at home here.
    pub(super) fn count(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn take_place(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).expect("descriptors have 32 bits")
        })
    }

    /// The task of that place has ended.
    pub(super) fn leave(&mut self, place: u32) {
        self.places[place as usize] = Place::default();
        self.free.push(place);
    }

    /// Puts a task where it belongs that waits for that.
    pub(super) fn settle(&mut self, task: Task, wait: Wait, set: &Epoll) {
        match wait {
            // What came while it waited for room is reported now.
            Wait::Input(until)
                if std::mem::take(&mut self.places[task.place as usize].awaits_room) =>
            {
                self.await_change(task, Interest::READ_EDGE, until, set);
            }
            Wait::Input(until) => self.await_socket(task, until),
            Wait::Room(until) => {
                // Few ever wait for this, so it is watched for only now, and reported if there is room already. Input is not:
                // nobody reads it before that, and it would be reported again and again.
                self.places[task.place as usize].awaits_room = true;
                self.await_change(task, Interest::WRITE_EDGE, until, set);
            }
            Wait::Time(Duration::ZERO) => self.queue.push_back(task),
            Wait::Time(time) => self.await_time(task, Instant::now() + time),
        }
    }

    fn await_change(&mut self, task: Task, interest: Interest, until: Instant, set: &Epoll) {
        let changed = set.change(&task.socket, interest, u64::from(task.place));
        // Who cannot be watched has to try again.
        self.await_socket(task, if changed.is_ok() { until } else { Instant::now() });
    }

    fn await_socket(&mut self, mut task: Task, until: Instant) {
        let place = &mut self.places[task.place as usize];
        if let Some(call) = place.missed.take() {
            task.call = call;
            self.queue.push_back(task);
            return;
        }
        place.until = Some(until);
        place.task = Some(task);
    }

    fn await_time(&mut self, task: Task, time: Instant) {
        let index = task.place;
        let place = &mut self.places[index as usize];
        place.until = None;
        place.task = Some(task);
        self.timers.push(Reverse((time, index)));
    }

    /// For how long nobody can go on unless something happens to a socket.
    pub(super) fn rest(&self) -> Duration {
        if !self.queue.is_empty() {
            return Duration::ZERO;
        }
        let timer = self.timers.peek().map_or(self.next_sweep, |Reverse((time, _))| *time);
        timer.min(self.next_sweep).saturating_duration_since(Instant::now())
    }

    /// Puts into the queue who can go on: for its socket, or for the time. How many stand in it.
    pub(super) fn gather(&mut self, events: &Events, now: Instant) -> usize {
        for index in 0..events.len() {
            let (token, peer) = events.get(index);
            if token != BELL {
                self.report(token, peer);
            }
        }
        while let Some(&Reverse((_, index))) = self.timers.peek().filter(|timer| timer.0.0 <= now) {
            self.timers.pop();
            self.queue.extend(self.places[index as usize].task.take());
        }
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            self.sweep(now);
        }
        self.queue.len()
    }

    fn report(&mut self, token: u64, peer: Peer) {
        let call = if peer == Peer::Speaking { Call::Ready } else { Call::Silent };
        let index = usize::try_from(token).expect("places have 32 bits");
        let Some(place) = self.places.get_mut(index) else { return };
        match place.task.take_if(|_| place.until.is_some()) {
            Some(mut task) => {
                task.call = call;
                self.queue.push_back(task);
            }
            None => place.missed = place.missed.max(Some(call)),
        }
    }

    /// Whose time is over learns that it is late.
    fn sweep(&mut self, now: Instant) {
        for place in &mut self.places {
            let is_late = place.until.is_some_and(|until| until <= now);
            if let Some(mut task) = place.task.take_if(|_| is_late) {
                task.call = Call::Late;
                self.queue.push_back(task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;

    use super::super::task::wait;
    use super::*;

    const FAR: Duration = Duration::from_secs(3600);

    /// A client, and the socket of its task, which lives at `home` and waits for that again and again.
    fn client(home: &Home, what: Wait) -> (UnixStream, UnixStream) {
        let (near, far) = UnixStream::pair().expect("a pair");
        let mut task = Task::new(near.as_raw_fd(), async move {
            loop {
                wait(what).await;
            }
        });
        let wait = task.go_on(|_| unreachable!("it holds nobody")).expect("it has not ended");
        home.admit(task, wait).expect("the kernel watches it");
        (near, far)
    }

    /// How many can go on, as far as the set says so.
    fn count(home: &Home) -> usize {
        let mut events = Events::with_capacity(8);
        home.set.wait(&mut events, Duration::ZERO).expect("a set");
        home.desk().gather(&events, Instant::now())
    }

    /// How many stand in the queue, and how many are at home.
    fn state(home: &Home) -> (usize, usize) {
        let desk = home.desk();
        (desk.queue.len(), desk.count())
    }

    /// Each goes on until it waits again.
    fn go_on(home: &Home) {
        let tasks = std::mem::take(&mut home.desk().queue);
        for mut task in tasks {
            let wait = task.go_on(|_| unreachable!("it holds nobody")).expect("it has not ended");
            home.desk().settle(task, wait, &home.set);
        }
    }

    #[test]
    fn who_is_stolen_is_watched_by_the_thief_and_by_nobody_else() {
        let [home, thief] = [(); 2].map(|()| Home::new().expect("a home"));
        let input = Wait::Input(Instant::now() + FAR);
        let mut clients: Vec<_> = (0..3).map(|_| client(&home, input)).collect();
        let mut say =
            || clients.iter_mut().for_each(|(_, far)| far.write_all(b"x").expect("a pair"));
        assert_eq!(count(&home), 0);
        say();
        assert_eq!(count(&home), 3);
        let stolen = home.give_half();
        assert_eq!((stolen.len(), state(&home)), (2, (1, 1)));
        for task in stolen {
            thief.admit(task, Wait::Time(Duration::ZERO)).expect("the kernel watches it");
        }
        go_on(&home);
        go_on(&thief);
        // What was there when they moved in is reported once more.
        assert_eq!((count(&home), count(&thief)), (0, 2));
        go_on(&thief);
        say();
        assert_eq!((count(&home), count(&thief)), (1, 2));
    }

    #[test]
    fn those_for_whom_something_has_happened_move_out_half_by_half() {
        let home = Home::new().expect("a home");
        let input = Wait::Input(Instant::now() + FAR);
        let mut clients: Vec<_> = (0..3).map(|_| client(&home, input)).collect();
        let _sleeper = client(&home, Wait::Time(FAR));
        clients[0].1.write_all(b"x").expect("a pair");
        clients[1].1.write_all(b"x").expect("a pair");
        let mut events = Events::with_capacity(8);
        home.look_after(&mut events).expect("a set");
        assert_eq!(home.give_half().len(), 1);
        assert_eq!(home.give_half().len(), 1);
        assert_eq!(home.give_half().len(), 0);
        assert_eq!(state(&home), (0, 2));
    }

    #[test]
    fn whoever_leaves_something_to_a_sleeper_calls() {
        let home = Home::new().expect("a home");
        let mut events = Events::with_capacity(8);
        let input = Wait::Input(Instant::now() + FAR);
        let mut clients: Vec<_> = (0..2).map(|_| client(&home, input)).collect();
        home.lie_down();
        clients.iter_mut().for_each(|(_, far)| far.write_all(b"x").expect("a pair"));
        home.look_after(&mut events).expect("a set");
        assert_eq!(home.give_half().len(), 1);
        home.set.wait(&mut events, FAR).expect("a set");
        assert_eq!((0..events.len()).map(|index| events.get(index).0).collect::<Vec<_>>(), [BELL]);
    }

    #[test]
    fn whoever_looks_after_one_that_is_held_no_more_leaves_it_its_calls() {
        let home = Home::new().expect("a home");
        let mut events = Events::with_capacity(8);
        for (burden, left) in [(Burden::None, 1), (Burden::Held, 0)] {
            home.lie_down();
            assert!(home.call());
            home.bear(burden);
            home.look_after(&mut events).expect("a set");
            home.set.wait(&mut events, Duration::ZERO).expect("a set");
            assert_eq!(events.len(), left, "{burden:?}");
        }
    }

    #[test]
    fn who_waits_for_room_is_called_for_that_and_learns_of_input_afterwards() {
        let home = Home::new().expect("a home");
        let (mut near, mut far) = client(&home, Wait::Input(Instant::now() + FAR));
        far.write_all(b"x").expect("a pair");
        assert_eq!(count(&home), 1);
        let task = home.desk().queue.pop_front().expect("one");
        near.set_nonblocking(true).expect("a socket");
        let (mut sent, piece) = (0, [0; 4096]);
        while let Ok(more) = near.write(&piece) {
            sent += more;
        }
        let until = Instant::now() + FAR;
        home.desk().settle(task, Wait::Room(until), &home.set);
        far.write_all(b"x").expect("a pair");
        assert_eq!(count(&home), 0, "there is no room");
        far.read_exact(&mut vec![0; sent]).expect("what was sent");
        assert_eq!(count(&home), 1, "there is room");
        let task = home.desk().queue.pop_front().expect("one");
        home.desk().settle(task, Wait::Input(until), &home.set);
        assert_eq!(count(&home), 1, "there is input");
    }

    #[test]
    fn what_happens_to_a_task_in_hand_or_asleep_is_not_lost() {
        let home = Home::new().expect("a home");
        let (_near, mut far) = client(&home, Wait::Input(Instant::now() + FAR));
        far.write_all(b"x").expect("a pair");
        assert_eq!(count(&home), 1);
        let task = home.desk().queue.pop_front().expect("one");
        far.write_all(b"x").expect("a pair");
        assert_eq!(count(&home), 0);
        home.desk().settle(task, Wait::Time(FAR), &home.set);
        assert_eq!(count(&home), 0);
        let task = home.desk().places[0].task.take().expect("one");
        home.desk().settle(task, Wait::Input(Instant::now() + FAR), &home.set);
        assert_eq!(count(&home), 1);
    }

    #[test]
    fn who_waits_for_longer_than_it_may_is_late() {
        let home = Home::new().expect("a home");
        let _client = client(&home, Wait::Input(Instant::now()));
        let nothing = Events::with_capacity(1);
        assert_eq!(home.desk().gather(&nothing, Instant::now() + SWEEP * 2), 1);
        assert_eq!(home.desk().queue[0].call, Call::Late);
    }
}
