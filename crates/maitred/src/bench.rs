//! One piece of work under several models, round by round, until what is asked of it is known: the
//! world of the rounds for whoever tests claims or compares properties instead of speed.

use std::time::{Duration, Instant};

use maitred_core::result::{Comparison, Conclusion, Run, SCHEMA, Settings, Stopped};
use maitred_core::trace::RunEnd;

use crate::cli::SubjectArgs;
use crate::contestants::{self, Entry};
use crate::error::Error;
use crate::measure::machine;
use crate::progress::ProgressLine;
use crate::rounds::{self, Purpose, Rules, World};
use crate::runtime::Interrupt;
use crate::subject::Subject;
use crate::trial::Trial;

/// One experiment, ready to be run.
pub(crate) struct Bench<'a> {
    subject: &'a Subject,
    entries: Vec<Entry>,
    trial: Trial<'a>,
    rules: Rules,
    timeout: Duration,
    progress: ProgressLine,
    interrupt: &'a Interrupt,
    started: Instant,
    /// Which experiment of how many it is.
    place: String,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        subject: &'a Subject,
        entries: Vec<Entry>,
        work: &'a SubjectArgs,
        rules: Rules,
        interrupt: &'a Interrupt,
        (progress, place): (ProgressLine, String),
    ) -> Self {
        Self {
            subject,
            entries,
            trial: Trial::new(subject, work, interrupt, contestants::SPANS),
            rules,
            timeout: work.timeout.0,
            progress,
            interrupt,
            started: Instant::now(),
            place,
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
        let outcome = rounds::run(&mut comparison, &rules, &mut world);
        world.bench.progress.clear();
        outcome.map(|()| comparison)
    }

    fn begin(&self) -> Comparison {
        Comparison {
            schema_version: SCHEMA,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            subject: self.subject.facts(),
            machine: machine::describe(),
            settings: Settings {
                seed: self.rules.seed,
                speed: 1.0,
                parameters: self.subject.parameters(),
                warmup_rounds: self.rules.warmup,
                budget_ns: Some(self.rules.budget.as_nanos() as u64),
                timeout_ns: Some(self.timeout.as_nanos() as u64),
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
        }
    }
}

struct Rounds<'a, F> {
    bench: Bench<'a>,
    decided: F,
}

impl<F: Fn(&Comparison) -> bool> World for Rounds<'_, F> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        let Bench { subject, entries, trial, timeout, progress, place, .. } = &mut self.bench;
        let (entry, name) = (&entries[contestant], &subject.name);
        trial.scheduling = purpose == Purpose::Trace;
        let trace = trial.execute(entry, purpose.limit(*timeout), &mut |_| {
            progress.show(|| format!("{place} · {name} · {} · {}", purpose.name(), entry.model));
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
