//! What the work is made of: time on a processor against time blocked. Time in which a task was
//! runnable, but without a processor, belongs to neither: it is made by its neighbours, and says
//! nothing of the work.

use maitred_wire::Strategy;

use super::Case;
use crate::analyse::compare;
use crate::analyse::nature::Nature;
use crate::result::Split;
use crate::trace::StepKind;

/// Work of which so much is one thing is called by that thing.
pub(super) const MOSTLY: f64 = 0.8;
/// Of a record that does not know what threads did for more than this, nothing is concluded.
const UNKNOWN: f64 = 0.2;
/// Waiting of which no more than this may have been for a processor is waiting.
const OPAQUE: f64 = 0.1;

/// Shares of the time that tasks need whatever the strategy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// On a processor, of all but ready time.
    pub(super) computing: f64,
    /// Blocked in calls that cannot be awaited.
    pub(super) blocking: f64,
}

impl Case<'_> {
    /// `None`: what looks like waiting may have been waiting for a processor, or for a lock.
    pub(super) fn shape(&self) -> Option<Shape> {
        let index = self.plainest_index()?;
        let nature = self.nature(index).filter(|nature| nature.own_ns() > 0)?;
        let own = nature.own_ns() as f64;
        let measured = Shape {
            computing: nature.computing_share(),
            blocking: nature.blocking_ns as f64 / own,
        };
        let opaque = nature.commands_ns.saturating_add(nature.calls_ns) as f64 / own;
        if opaque <= OPAQUE || self.is_alone(index) && !self.is_disturbed(index) {
            return Some(measured);
        }
        if nature.commands_ns >= nature.calls_ns {
            let recorded = self.recorded(index, StepKind::Run);
            if let Some(split) = recorded {
                let known = (split.running_ns + split.blocked_ns).max(1);
                let computing = split.running_ns as f64 / known as f64;
                return Some(Shape { computing, ..measured });
            }
        } else if !self.may_wait_for_lock(index, nature)
            && nature.children_share <= OPAQUE
            && nature.split.is_some()
        {
            // The counters of its threads have told how long they were runnable: those of processes that
            // they wait for nobody has read.
            return Some(measured);
        }
        // Processor time is what it is: the rest may be less than it looks, never more.
        (measured.computing >= MOSTLY).then_some(measured)
    }

    /// Whether no neighbour can have kept a task from a processor, or a lock from it: one after
    /// another there is none.
    pub(super) fn is_alone(&self, index: usize) -> bool {
        let contestant = self.contestant(index);
        contestant.model.strategy == Strategy::Sequential || contestant.workers == 1
    }

    fn is_disturbed(&self, index: usize) -> bool {
        let counted = compare::counted(self.contestant(index));
        counted.iter().any(|run| run.noise.dirty.is_some())
    }

    fn may_wait_for_lock(&self, index: usize, nature: &Nature) -> bool {
        nature.interpreted.gil == Some(true) && !self.is_alone(index)
    }

    /// What the kernel's own record says of these steps, in the run of this contestant in which it
    /// was made.
    fn recorded(&self, index: usize, kind: StepKind) -> Option<Split> {
        let run = self.contestant(index).traced.as_ref()?;
        let shares = run.scheduling.as_ref().filter(|_| compare::mistake(run).is_none())?;
        let split = shares.steps.iter().find(|step| step.kind == kind)?.split;
        let unknown = split.unknown_ns as f64 / split.whole_ns().max(1) as f64;
        (unknown <= UNKNOWN && split.running_ns + split.blocked_ns > 0).then_some(split)
    }
}
