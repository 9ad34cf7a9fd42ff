//! Several models on one piece of work, round by round.

use std::time::{Duration, Instant};

use maitred_core::analyse::advice;
use maitred_core::analyse::nature::Nature;
use maitred_core::result::{
    Comparison, Conclusion, Contestant, Run, SCHEMA, Settings, Stopped, SubjectKind, Verdict,
};
use maitred_core::trace::RunEnd;

use crate::cancel::Cancel;
use crate::contestants::{self, Entry, Wish};
use crate::engine::{Context, now};
use crate::error::Error;
use crate::event::{Entrant, Event, Finding};
use crate::job::Job;
use crate::measure::clock::nanos;
use crate::measure::machine;
use crate::outcome::Outcome;
use crate::request::{Compare, Work};
use crate::rounds::{self, Purpose, Rules, World};
use crate::runtimes::Runtimes;
use crate::subject::{self, url};
use crate::trial::{Trial, Turn};

/// Runs the comparison.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(request: &Compare, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let given = &request.work;
    let mut job = subject::prepare_swept(&request.subject, given, &request.sweep)?;
    job.sweep(&request.sweep, &request.no_sweep, given)?;
    job.vary_environment(&given.env)?;
    let interpreters = &given.python.interpreters;
    let runtimes = job.runtimes(&request.models, interpreters, context)?;
    let workers = (!request.workers.is_empty()).then_some(&request.workers[..]);
    let entries = contestants::choose(
        &Wish { models: &request.models, workers, executors: !job.executors.is_empty() },
        &job,
        &runtimes,
    )?;
    let baseline = request.baseline.as_deref().map(|name| find(name, &entries, &runtimes));
    let baseline = baseline.transpose()?.map(|index| entries[index].model.clone());
    let mut comparison = begin(request, &job, &entries);
    start(&comparison, &job, context);
    runtimes.tell_left_out(context.on_event);
    let round_ns = least_round_ns(&entries, &job);
    enter(&entries, round_ns, context.on_event);
    let _held = context.hold()?;
    let rules = Rules {
        warmup: request.rounds.warmup,
        rounds: request.rounds.exactly,
        least: 1,
        settled: request.rounds.at_least,
        budget: request.rounds.budget_ns().map_or(Duration::MAX, Duration::from_nanos),
        seed: given.seed,
        baseline,
        // Whoever wants so many rounds wants them of each.
        drop: request.rounds.exactly.is_none(),
        trace: request.rounds.trace,
    };
    let are_ours = are_ours(request, &job);
    let field = Field { job: &job, entries, given, rules: &rules, are_ours };
    let (natures, outcome) = measure(&mut comparison, field, context);
    comparison.conclusion = advice::conclude(&comparison, &natures);
    if let Some(short) = &mut comparison.conclusion.bottleneck {
        short.parameter = job.capacity_parameter(&short.resource);
    }
    if job.kind == SubjectKind::Url {
        for remark in url::remarks(&comparison, &runtimes) {
            comparison.conclusion.add(remark);
        }
    }
    (context.on_event)(Event::Result(Finding::Comparison(&comparison)));
    outcome.map(|()| Outcome::Compared(Box::new(comparison)))
}

/// What rounds are of.
pub(crate) struct Field<'a> {
    pub job: &'a Job,
    pub entries: Vec<Entry>,
    pub given: &'a Work,
    pub rules: &'a Rules,
    /// Whether more may join.
    pub are_ours: bool,
}

/// Runs the rounds: what the first good run of each contestant showed of the work, and how it ended.
pub(crate) fn measure(
    comparison: &mut Comparison,
    field: Field<'_>,
    context: &mut Context<'_>,
) -> (Vec<Option<Nature>>, Result<(), Error>) {
    let Field { job, entries, given, rules, are_ours } = field;
    let mut session = LiveWorld {
        trial: Trial::new(job, given, context.engine, context.cancel, contestants::SPANS),
        natures: entries.iter().map(|_| None).collect(),
        verdicts: vec![None; entries.len()],
        entries,
        are_ours,
        job,
        rules,
        on_event: context.on_event,
        cancel: context.cancel,
        started: Instant::now(),
    };
    let outcome = rounds::run(comparison, rules, &mut session);
    let outcome = session.trial.clean_up(&session.entries).and(outcome);
    (session.natures, outcome)
}

/// Says what is about to be done.
pub(crate) fn start(comparison: &Comparison, job: &Job, context: &mut Context<'_>) {
    (context.on_event)(Event::Started {
        program_version: &comparison.program_version,
        started: &comparison.started,
        heading: &job.heading(),
        machine: &comparison.machine,
        subject: Some(&comparison.subject),
        settings: Some(&comparison.settings),
    });
    job.warn(context.on_event);
}

/// Whether the program chose who takes part and with how many workers, so that it may add to them.
fn are_ours(request: &Compare, job: &Job) -> bool {
    let is_swept = job.kind == SubjectKind::Workload && !job.variants.is_empty();
    let are_named = !request.models.is_empty() || !job.work.compare.is_empty();
    !are_named && request.workers.is_empty() && !is_swept && job.kind != SubjectKind::Url
}

/// Says who takes part.
pub(crate) fn enter(entries: &[Entry], round_ns: Option<u64>, on_event: &mut dyn FnMut(Event<'_>)) {
    let contestants = entries.iter().map(entrant).collect();
    on_event(Event::Contestants { contestants, round_ns });
}

/// What a round takes at the least, as far as the work says; `None`: it says nothing.
fn least_round_ns(entries: &[Entry], job: &Job) -> Option<u64> {
    let cores = machine::usable_cores();
    let able = entries.iter().filter(|entry| entry.obstacle.is_none());
    let least = able.map(|entry| {
        let work = job.work_of(&entry.model);
        work.least_ns(entry.model.strategy, entry.workers, cores)
    });
    Some(least.sum()).filter(|ns| *ns > 0)
}

fn entrant(entry: &Entry) -> Entrant<'_> {
    let Entry { model, workers, runtime, obstacle, .. } = entry;
    Entrant { model, workers: *workers, runtime: &runtime.name, obstacle: obstacle.as_deref() }
}

fn find(name: &str, entries: &[Entry], runtimes: &Runtimes) -> Result<usize, Error> {
    let (known, rest) = name.split_once('/').unwrap_or_default();
    let known = runtimes.find(known).map(|runtime| format!("{}/{rest}", runtime.name));
    let name = known.as_deref().unwrap_or(name);
    let names: Vec<String> = entries.iter().map(|entry| entry.model.to_string()).collect();
    let bare = |full: &str| full.split('/').next_back() == Some(name);
    names.iter().position(|full| full == name || bare(full)).ok_or_else(|| {
        Error::Usage(format!(
            "the baseline `{name}` does not take part; these do: {}",
            names.join(", ")
        ))
    })
}

/// What was chosen, so that a command that is suggested says it again.
fn given(request: &Compare) -> Vec<String> {
    let mut given: Vec<String> = request.work.set.iter().map(|(name, _)| name.clone()).collect();
    let options =
        [("--models", !request.models.is_empty()), ("--sweep", !request.sweep.is_empty())];
    given.extend(options.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()));
    given
}

/// Before the first run.
pub(crate) fn begin(request: &Compare, job: &Job, entries: &[Entry]) -> Comparison {
    let (work, rounds) = (&request.work, &request.rounds);
    Comparison {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: job.facts(),
        machine: machine::describe(),
        settings: Settings {
            seed: work.seed,
            speed: work.speed,
            parameters: job.parameters(),
            warmup_rounds: rounds.warmup,
            budget_ns: rounds.budget_ns(),
            timeout_ns: Some(work.timeout_ns),
            memory_limit_bytes: work.memory_limit_bytes,
            minimum_effect: rounds.minimum_effect,
            given: Some(given(request)),
        },
        started: now(),
        contestants: entries.iter().map(Entry::contestant).collect(),
        ranking: Vec::new(),
        conclusion: Conclusion::default(),
        stopped: Stopped::Running,
        elapsed_ns: None,
        scaling: None,
    }
}

/// The world of the rounds: real runners, a real clock.
struct LiveWorld<'a> {
    trial: Trial<'a>,
    /// What the first good run of each contestant showed of the work.
    natures: Vec<Option<Nature>>,
    /// What was last said of each contestant.
    verdicts: Vec<Option<Verdict>>,
    entries: Vec<Entry>,
    /// Whether more may join.
    are_ours: bool,
    job: &'a Job,
    rules: &'a Rules,
    on_event: &'a mut dyn FnMut(Event<'_>),
    cancel: &'a Cancel,
    started: Instant,
}

impl LiveWorld<'_> {
    /// Runs a contestant in so many rounds, and looks at what they show of the work.
    fn take(
        &mut self,
        contestant: usize,
        purpose: Purpose,
        rounds: u32,
    ) -> Result<Vec<Run>, Error> {
        let left = self.rules.budget.saturating_sub(self.started.elapsed());
        let left_ns = self.rules.rounds.is_none().then(|| nanos(left));
        let entry = &self.entries[contestant];
        let turn = Turn { contestant, entry, purpose, left_ns };
        let taken = self.trial.take_several(&turn, rounds, self.on_event)?;
        let nature = &mut self.natures[contestant];
        for (trace, _) in taken.iter().filter(|_| purpose != Purpose::Trace) {
            if let Some(nature) = nature {
                nature.interpreted.note_other_results(trace);
            } else if purpose != Purpose::Warmup && trace.end == RunEnd::Finished {
                *nature = self.trial.nature(trace);
            }
        }
        Ok(taken.into_iter().map(|(_, run)| run).collect())
    }
}

impl World for LiveWorld<'_> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        let mut runs = self.take(contestant, purpose, 1)?;
        Ok(runs.pop().expect("a run that was not to be several is one"))
    }

    fn execute_alone(
        &mut self,
        contestant: usize,
        round: u32,
        (last, most): (&Run, u32),
    ) -> Result<Vec<Run>, Error> {
        let left = self.rules.budget.saturating_sub(self.started.elapsed());
        let rounds = self.trial.rounds_of_a_plan(&self.entries[contestant], last, left);
        self.take(contestant, Purpose::Round(round), rounds.min(most))
    }

    fn newcomers(&mut self, comparison: &Comparison) -> Vec<Contestant> {
        if !self.are_ours {
            return Vec::new();
        }
        let known = self.entries.len();
        for newcomer in advice::newcomers(comparison, &self.natures) {
            self.entries.extend(contestants::join(&newcomer, &self.entries, self.job));
        }
        self.natures.resize(self.entries.len(), None);
        self.verdicts.resize(self.entries.len(), None);
        for (contestant, entry) in self.entries.iter().enumerate().skip(known) {
            let (entrant, why) = (entrant(entry), entry.chosen);
            (self.on_event)(Event::Joined { contestant, entrant, why });
        }
        self.entries[known..].iter().map(Entry::contestant).collect()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn round_done(&mut self, comparison: &Comparison) -> Result<(), Error> {
        let rounds = comparison.contestants.iter().map(|one| one.runs.len()).max().unwrap_or(0);
        (self.on_event)(Event::RoundsEnded { rounds: rounds as u32, comparison });
        for rank in &comparison.ranking {
            let contestant = rank.contestant as usize;
            if self.verdicts[contestant].replace(rank.verdict) != Some(rank.verdict) {
                let (model, verdict) = (&self.entries[contestant].model, rank.verdict);
                (self.on_event)(Event::VerdictChanged { contestant, model, verdict });
            }
        }
        Ok(())
    }

    fn dropped(&mut self, contestant: usize, rounds: u32, ratio: f64) {
        let model = &self.entries[contestant].model;
        (self.on_event)(Event::Dropped { contestant, model, rounds, ratio });
    }

    fn interrupted(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
