//! Several rounds of one plan, one after another: where a round is as short as the start of a program,
//! a plan for each would take as long. The main type is [`Rounds`].

use std::sync::{Mutex, PoisonError};

use maitred_wire::{Arrivals, ErrorCode, Plan, Round, RunnerError, Strategy, Used};

use crate::failure::Tally;
use crate::ledger;
use crate::sys::kernel;

/// The tasks of a plan as equal parts, each begun when the one before has ended.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// How many tasks a round has.
    tasks: u32,
    ended: Mutex<Vec<Round>>,
}

impl Rounds {
    /// Those of this plan; `None`: it has one, as most.
    ///
    /// # Errors
    /// When its tasks cannot be told apart by rounds.
    pub(crate) fn of(plan: &Plan) -> Result<Option<Self>, RunnerError> {
        if plan.rounds == 1 {
            return Ok(None);
        }
        let [group] = plan.groups.as_slice() else {
            return Err(contradiction("several rounds are of one group of tasks"));
        };
        let is_even = group.count.checked_rem(plan.rounds) == Some(0);
        if plan.strategy != Strategy::Sequential || group.arrivals != Arrivals::AtOnce || !is_even {
            let text = "several rounds are for `sequential`, of tasks that arrive at once and divide \
                        evenly among them";
            return Err(contradiction(text));
        }
        Ok(Some(Self { tasks: group.count / plan.rounds, ended: Mutex::default() }))
    }

    /// Takes note that a task has ended, and with the last one of a round what was used since `before`.
    /// Whether another task may follow.
    pub(crate) fn note(&self, task: u32, before: &mut Used, tally: &Tally) -> bool {
        if !(task + 1).is_multiple_of(self.tasks) {
            return true;
        }
        let round = Round { end_ns: kernel::now(), used: ledger::used_since(*before) };
        *before = ledger::used();
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(round);
        tally.is_empty()
    }

    /// Those that came to their end.
    pub(crate) fn ended(&self) -> Vec<Round> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn contradiction(text: &str) -> RunnerError {
    RunnerError { code: ErrorCode::Protocol, text: text.into(), place: None }
}
