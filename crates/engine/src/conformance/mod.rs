//! Whether a program keeps to `runtimes/PROTOCOL.md`: drives it through every step, ending and
//! refusal under every strategy that it offers, and says what it does otherwise than the page, with
//! the page's own words. The entry is [`check`]; our own runners are tested by it.

mod cases;
mod http;
mod judge;
mod page;
mod raw;
mod run;
mod server;

use maitred_wire::{Ready, Strategy};

pub use page::{Fault, Paragraph};

use crate::runtime::{Interrupt, RunnerCommand, STARTUP_LIMIT, describe};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it is about, as `stop` or `every step`.
    pub case: &'static str,
    /// `None`: it does not depend on the strategy.
    pub strategy: Option<Strategy>,
    /// Each with what the page says; empty: as it should be.
    pub faults: Vec<Fault>,
}

/// Checks a runner under these strategies, or under all that it offers where none is named. Verdicts
/// are told as they are found, and all returned.
pub fn check(
    runner: &RunnerCommand,
    only: &[Strategy],
    interrupt: &Interrupt,
    tell: &mut dyn FnMut(&Verdict),
) -> Vec<Verdict> {
    let mut all = Vec::new();
    let mut note = |case, strategy, faults| {
        let verdict = Verdict { case, strategy, faults };
        tell(&verdict);
        all.push(verdict);
    };
    let ready = match describe(runner, STARTUP_LIMIT, interrupt) {
        Ok(ready) => ready,
        Err(error) => {
            note("describe", None, vec![Fault::new(Paragraph::Ready, error.to_string())]);
            return all;
        }
    };
    note("describe", None, described(&ready));
    note("not a command", None, raw::not_a_command(runner));
    if let Some(first) = ready.strategies().first() {
        note("another protocol", None, raw::other_protocol(runner, *first));
    }
    // An executor is the user's own object, of which nothing can be asked that holds of every one.
    let offered = ready.strategies().into_iter().filter(|one| *one != Strategy::Executor);
    for strategy in offered.filter(|one| only.is_empty() || only.contains(one)) {
        note("end of input", Some(strategy), raw::end_of_input(runner, strategy));
        for case in cases::ALL {
            if interrupt.is_raised() {
                return all;
            }
            if case.applies(strategy, &ready) {
                note(case.name, Some(strategy), case.run(runner, strategy, &ready, interrupt));
            }
        }
    }
    let missing = Strategy::ALL.into_iter().find(|one| ready.properties(*one).is_none());
    if let Some(strategy) = missing {
        note("not offered", Some(strategy), raw::not_offered(runner, strategy));
    }
    all
}

fn described(ready: &Ready) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut say = |text: String| faults.push(Fault::new(Paragraph::Ready, text));
    if ready.protocol != maitred_wire::PROTOCOL {
        let own = maitred_wire::PROTOCOL;
        say(format!("it speaks protocol {}, and this maitred speaks {own}", ready.protocol));
    }
    if ready.calibration.is_nan() || ready.calibration <= 0.0 {
        say(format!("its `calibration` is {}, and no number of units a second", ready.calibration));
    }
    if ready.span_cost_ns.is_none_or(|cost| cost.is_nan() || cost <= 0.0) {
        say("it does not say `span_cost_ns` when it is asked what it is".to_owned());
    }
    if ready.strategies().is_empty() {
        say("it offers no strategy that this maitred knows".to_owned());
    }
    faults
}
