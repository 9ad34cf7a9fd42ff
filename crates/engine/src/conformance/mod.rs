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
mod words;

use std::time::Duration;

use maitred_wire::{Ready, Strategy};

pub use page::{Fault, Paragraph};

use crate::runtime::{Interrupt, RunnerCommand, STARTUP_LIMIT, describe};

/// What a case may take where nobody says so: only a runner that hangs meets it, unless the machine is
/// so busy that others have the processors nearly all the time.
pub const CASE_LIMIT: Duration = Duration::from_secs(120);

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

/// What is to be looked at; an empty list: everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    pub strategies: &'a [Strategy],
    /// Of [`case_names`].
    pub cases: &'a [String],
}

impl Scope<'_> {
    fn has_strategy(&self, strategy: Strategy) -> bool {
        self.strategies.is_empty() || self.strategies.contains(&strategy)
    }

    fn has_case(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|case| case == name)
    }
}

const DESCRIBE: &str = "describe";
const NOT_A_COMMAND: &str = "not a command";
const OTHER_PROTOCOL: &str = "another protocol";
const END_OF_INPUT: &str = "end of input";
const NOT_OFFERED: &str = "not offered";

/// What the cases are called, in the order in which they are looked at.
pub fn case_names() -> Vec<&'static str> {
    let first = [DESCRIBE, NOT_A_COMMAND, OTHER_PROTOCOL, END_OF_INPUT];
    first.into_iter().chain(cases::ALL.iter().map(|case| case.name)).chain([NOT_OFFERED]).collect()
}

/// Checks a runner, which is asked first what it is whatever the scope; a case that takes longer than
/// `limit` is given up. Verdicts are told as they are found, and all returned.
pub fn check(
    runner: &RunnerCommand,
    scope: Scope<'_>,
    limit: Duration,
    interrupt: &Interrupt,
    tell: &mut dyn FnMut(&Verdict),
) -> Vec<Verdict> {
    let mut all = Vec::new();
    let mut look = |case, strategy, faults: &mut dyn FnMut() -> Vec<Fault>| {
        if scope.has_case(case) && !interrupt.is_raised() {
            let verdict = Verdict { case, strategy, faults: faults() };
            tell(&verdict);
            all.push(verdict);
        }
    };
    let ready = match describe(runner, STARTUP_LIMIT, interrupt) {
        Ok(ready) => ready,
        Err(error) => {
            let verdict = Verdict {
                case: DESCRIBE,
                strategy: None,
                faults: vec![Fault::new(Paragraph::Ready, error.to_string())],
            };
            tell(&verdict);
            return vec![verdict];
        }
    };
    look(DESCRIBE, None, &mut || described(&ready));
    look(NOT_A_COMMAND, None, &mut || raw::not_a_command(runner, limit));
    if let Some(&first) = ready.strategies().first() {
        look(OTHER_PROTOCOL, None, &mut || raw::other_protocol(runner, first, limit));
    }
    for strategy in scope.strategies.iter().copied().filter(|one| ready.properties(*one).is_none())
    {
        look(DESCRIBE, Some(strategy), &mut || {
            vec![Fault::new(Paragraph::Ready, format!("it does not offer `{strategy}`"))]
        });
    }
    // An executor is the user's own object, of which nothing can be asked that holds of every one.
    let offered = ready.strategies().into_iter().filter(|one| *one != Strategy::Executor);
    for strategy in offered.filter(|one| scope.has_strategy(*one)) {
        look(END_OF_INPUT, Some(strategy), &mut || raw::end_of_input(runner, strategy, limit));
        for case in cases::ALL.iter().filter(|case| case.applies(strategy, &ready)) {
            look(case.name, Some(strategy), &mut || {
                case.run(runner, strategy, &ready, limit, interrupt)
            });
        }
    }
    let missing = Strategy::ALL.into_iter().find(|one| ready.properties(*one).is_none());
    if let Some(strategy) = missing {
        look(NOT_OFFERED, Some(strategy), &mut || raw::not_offered(runner, strategy, limit));
    }
    all
}

fn described(ready: &Ready) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut say = |text: String| faults.push(Fault::new(Paragraph::Ready, text));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A runner that says this to whatever it is asked first.
    fn that_says(ready: &str) -> RunnerCommand {
        RunnerCommand::new("/bin/sh", ["-c", "read line; echo \"$0\"", ready])
    }

    fn ready(protocol: u32) -> String {
        format!(
            r#"{{"ready":{{"protocol":{protocol},"runtime":"old","version":"1","strategies":[],
            "pid":1,"calibration":1e8,"span_cost_ns":50.0,"facts":[]}}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn a_runner_of_another_protocol_gets_one_sentence() {
        let check = |protocol| {
            let runner = that_says(&ready(protocol));
            let interrupt = Interrupt::manual().unwrap();
            check(&runner, Scope::default(), Duration::from_secs(3600), &interrupt, &mut |_| {})
        };
        let [verdict] = &check(1)[..] else { panic!("nothing else is looked at") };
        let [fault] = &verdict.faults[..] else { panic!("{verdict:?}") };
        let sentence = "speaks protocol 1, and this maitred speaks 2: use a runner of this version \
                        (runtimes/PROTOCOL.md says what changed)";
        assert!(fault.text.ends_with(sentence), "{}", fault.text);
        // One of this version is looked at further, and said to be wrong for what it does.
        let verdicts = check(maitred_wire::PROTOCOL);
        assert!(verdicts.len() > 1, "{verdicts:?}");
        assert_eq!(verdicts[0].faults[0].text, "it offers no strategy that this maitred knows");
    }
}
