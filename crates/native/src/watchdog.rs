//! Finds out that nothing can go on: every task that is under way waits for a semaphore, and no
//! other task can start. The main type is [`Watchdog`].
//!
//! It looks at numbers of which each only grows (tickets drawn, units granted, tasks taken, tasks
//! ended) and believes what it sees when it sees the same twice. A task that was granted a unit
//! but did not wake up yet counts as running, so a slow machine raises no false alarm.

use crate::run::Crew;
use crate::session::RunnerSession;

/// How often it looks, in milliseconds.
pub(crate) const LOOK_MS: u32 = 40;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    last: Option<Look>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    taken: u64,
    gone: u64,
    waiting: u64,
}

impl Watchdog {
    /// Whether the run stands still for ever.
    pub(crate) fn look(&mut self, session: &RunnerSession, crew: &Crew) -> bool {
        // In this order: a task that ends or is granted a unit in between makes it look as if
        // more were running, not fewer.
        let waiting = crew.waiting();
        let gone = session.recorder.tasks_ended() + crew.lost().len() as u64;
        let look = Look { taken: session.queue.taken(), gone, waiting };
        let again = self.last.replace(look) == Some(look);
        again && look.is_stuck(session, crew)
    }
}

impl Look {
    fn is_stuck(self, session: &RunnerSession, crew: &Crew) -> bool {
        let under_way = self.taken.saturating_sub(self.gone);
        let no_more = self.taken == u64::from(session.queue.total()) || session.board.is_stopped();
        let no_place = crew.places.is_some_and(|places| under_way >= places);
        under_way > 0 && self.waiting >= under_way && (no_more || no_place)
    }
}
