//! One piece of work under several models, round by round, until what is asked of it is known: the
//! world of the rounds for whoever tests claims or compares properties instead of speed.

use std::time::{Duration, Instant};

use maitred_core::result::{Comparison, Conclusion, Run, SCHEMA, Settings, Stopped};
use maitred_core::trace::RunEnd;

use crate::cancel::Cancel;
use crate::compare::enter;
use crate::contestants::{self, Entry};
use crate::engine::Context;
use crate::error::Error;
use crate::event::Event;
use crate::job::Job;
use crate::measure::clock::nanos;
use crate::measure::machine;
use crate::request::Work;
use crate::rounds::{self, Purpose, Rules, World};

use crate::trial::{Trial, Turn};

/// One experiment, ready to be run.
pub(crate) struct Bench<'a> {
    job: &'a Job,
    entries: Vec<Entry>,
    trial: Trial<'a>,
    rules: Rules,
    given: &'a Work,
    on_event: &'a mut dyn FnMut(Event<'_>),
    cancel: &'a Cancel,
    started: Instant,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        job: &'a Job,
        entries: Vec<Entry>,
        given: &'a Work,
        rules: Rules,
        context: &'a mut Context<'_>,
    ) -> Self {
        enter(&entries, None, context.on_event);
        Self {
            job,
            entries,
            trial: Trial::new(job, given, context.engine, context.cancel, contestants::SPANS),
            rules,
            given,
            on_event: context.on_event,
            cancel: context.cancel,
            started: Instant::now(),
        }
    }

    /// Runs rounds until `decided` says that no further one is needed.
    ///
    /// # Errors
    /// See [`rounds::run`].
    pub(crate) fn run(self, decided: impl Fn(&Comparison) -> bool) -> Result<Comparison, Error> {
        let mut comparison = self.begin();
        let rules = self.rules.clone();
        let mut world = Rounds { bench: self, decided };
        rounds::run(&mut comparison, &rules, &mut world).map(|()| comparison)
    }

    fn begin(&self) -> Comparison {
        Comparison {
            schema_version: SCHEMA,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            subject: self.job.facts(),
            machine: machine::describe(),
            settings: Settings {
                seed: self.rules.seed,
                speed: 1.0,
                parameters: self.job.parameters(),
                warmup_rounds: self.rules.warmup,
                budget_ns: Some(self.rules.budget.as_nanos() as u64),
                timeout_ns: Some(self.given.timeout_ns),
                memory_limit_bytes: None,
                minimum_effect: 0.03,
                given: None,
            },
            started: String::new(),
            contestants: self.entries.iter().map(Entry::contestant).collect(),
            ranking: Vec::new(),
            conclusion: Conclusion::default(),
            stopped: Stopped::Running,
            elapsed_ns: None,
            scaling: None,
        }
    }
}

struct Rounds<'a, F> {
    bench: Bench<'a>,
    decided: F,
}

impl<F: Fn(&Comparison) -> bool> World for Rounds<'_, F> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        let Bench { entries, trial, rules, on_event, started, .. } = &mut self.bench;
        let left_ns = Some(nanos(rules.budget.saturating_sub(started.elapsed())));
        let turn = Turn { contestant, entry: &entries[contestant], purpose, left_ns };
        trial.take(&turn, *on_event).map(|(_, run)| run)
    }

    fn elapsed(&self) -> Duration {
        self.bench.started.elapsed()
    }

    fn round_done(&mut self, _: &Comparison) -> Result<(), Error> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.bench.cancel.is_cancelled()
    }

    fn decided(&self, comparison: &Comparison, _: &Rules) -> bool {
        (self.decided)(comparison)
    }

    /// What is asked may be about what fails.
    fn is_good(&self, run: &Run) -> bool {
        matches!(run.end, RunEnd::Finished | RunEnd::Died { .. })
    }
}
