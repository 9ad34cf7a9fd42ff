//! One piece of work under several models, round by round, until what is asked of it is known: the
//! world of the rounds for whoever tests claims or compares properties instead of speed.

use std::time::{Duration, Instant};

use maitred_core::result::{Comparison, Conclusion, Run, SCHEMA, Settings, Stopped};
use maitred_core::trace::RunEnd;
use maitred_wire::Model;

use crate::contestants::{self, Entry};
use crate::error::Error;
use crate::job::Job;
use crate::measure::machine;
use crate::request::Work;
use crate::rounds::{self, Purpose, Rules, World};
use crate::runtime::Interrupt;

use crate::trial::Trial;

/// One experiment, ready to be run.
#[expect(missing_debug_implementations, reason = "a closure has nothing to show")]
pub struct Bench<'a> {
    job: &'a Job,
    entries: Vec<Entry>,
    trial: Trial<'a>,
    rules: Rules,
    timeout: Duration,
    /// Told what runs.
    on_run: &'a mut dyn FnMut(Purpose, &Model),
    interrupt: &'a Interrupt,
    started: Instant,
}

impl<'a> Bench<'a> {
    pub fn new(
        job: &'a Job,
        entries: Vec<Entry>,
        given: &'a Work,
        rules: Rules,
        interrupt: &'a Interrupt,
        on_run: &'a mut dyn FnMut(Purpose, &Model),
    ) -> Self {
        Self {
            job,
            entries,
            trial: Trial::new(job, given, interrupt, contestants::SPANS),
            rules,
            timeout: given.timeout(),
            on_run,
            interrupt,
            started: Instant::now(),
        }
    }

    /// Runs rounds until `decided` says that no further one is needed.
    ///
    /// # Errors
    /// See [`rounds::run`].
    pub fn run(self, decided: impl Fn(&Comparison) -> bool) -> Result<Comparison, Error> {
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
                timeout_ns: Some(self.timeout.as_nanos() as u64),
                memory_limit_bytes: None,
                minimum_effect: 0.03,
            },
            started: String::new(),
            contestants: self.entries.iter().map(Entry::contestant).collect(),
            ranking: Vec::new(),
            conclusion: Conclusion::default(),
            stopped: Stopped::Running,
        }
    }
}

struct Rounds<'a, F> {
    bench: Bench<'a>,
    decided: F,
}

impl<F: Fn(&Comparison) -> bool> World for Rounds<'_, F> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        let Bench { entries, trial, timeout, on_run, .. } = &mut self.bench;
        let entry = &entries[contestant];
        trial.scheduling = purpose == Purpose::Trace;
        let trace = trial.execute(entry, purpose.limit(*timeout), &mut |_| {
            on_run(purpose, &entry.model);
        })?;
        Ok(trial.condense(&trace, purpose.round()))
    }

    fn elapsed(&self) -> Duration {
        self.bench.started.elapsed()
    }

    fn round_done(&mut self, _: &Comparison) -> Result<(), Error> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.bench.interrupt.is_raised()
    }

    fn decided(&self, comparison: &Comparison, _: &Rules) -> bool {
        (self.decided)(comparison)
    }

    /// What is asked may be about what fails.
    fn is_good(&self, run: &Run) -> bool {
        matches!(run.end, RunEnd::Finished | RunEnd::Died { .. })
    }
}
