//! The way of a task to its worker, where an engine of its own hands tasks out: in whose hands it was
//! until it began.

#[cfg(test)]
use alloc::vec::Vec;

use super::{Outcome, Task};

/// A part of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    /// Until the scheduler had it: the client packs and sends.
    Client,
    Scheduler,
    /// From the scheduler to the worker.
    Wire,
    /// At the worker, which does others first.
    Queue,
}

impl Leg {
    /// In the order in which a task goes them.
    pub const ALL: [Self; 4] = [Self::Client, Self::Scheduler, Self::Wire, Self::Queue];
}

/// How one task came to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub task: u32,
    /// The lane on which it began.
    pub lane: u32,
    /// When it was sent, and when each leg ended, in the order of [`Leg::ALL`]; nanoseconds of
    /// CLOCK_MONOTONIC.
    moments: [u64; 5],
}

impl Way {
    /// From when to when it was where.
    pub fn legs(&self) -> [(Leg, u64, u64); 4] {
        Leg::ALL.map(|leg| (leg, self.moments[leg as usize], self.moments[leg as usize + 1]))
    }
}

impl Outcome {
    /// The ways of those that were followed and began, of these tasks. Clocks of several hosts agree no
    /// better than is said of them: what would end before it began took no time.
    pub fn ways<'a>(&'a self, tasks: &'a [Task]) -> impl Iterator<Item = Way> + 'a {
        let known = self.ways.iter().flat_map(|ways| &ways.moments);
        known.filter_map(|&(task, [sent, received, given, arrived])| {
            let Task { start_ns, lane, .. } = *tasks.get(task as usize)?;
            let mut moments = [sent, received, given, arrived, start_ns];
            let mut earliest = 0;
            for moment in &mut moments {
                *moment = (*moment).min(start_ns).max(earliest);
                earliest = *moment;
            }
            (start_ns != 0).then_some(Way { task, lane, moments })
        })
    }
}

#[cfg(test)]
mod tests {
    use maitred_wire::Ways;
    use maitred_wire::trace_file::TaskOutcome;

    use super::*;

    #[test]
    fn legs_follow_each_other_whatever_the_clocks_say() {
        let begun = |start_ns| Task {
            start_ns,
            end_ns: start_ns + 10,
            lane: 3,
            step: None,
            outcome: TaskOutcome::Done,
        };
        let moments = [(0, [10, 20, 35, 30]), (1, [10, 20, 30, 900]), (2, [1; 4]), (7, [1; 4])];
        let ways = Ways { moments: moments.to_vec(), ..Ways::default() };
        let outcome = Outcome { ways: Some(ways), ..Outcome::default() };
        let tasks = [begun(50), begun(60), begun(0)];
        let ways: Vec<Way> = outcome.ways(&tasks).collect();
        // The third never began, and an eighth there was not.
        assert_eq!(ways.len(), 2);
        let [client, scheduler, wire, queue] = ways[0].legs();
        assert_eq!((client, scheduler), ((Leg::Client, 10, 20), (Leg::Scheduler, 20, 35)));
        assert_eq!((wire, queue), ((Leg::Wire, 35, 35), (Leg::Queue, 35, 50)));
        assert_eq!(ways[1].legs()[2..], [(Leg::Wire, 30, 60), (Leg::Queue, 60, 60)]);
        assert_eq!((ways[1].task, ways[1].lane), (1, 3));
    }
}
