//! The rounds of a cell: real runners, told as they go on; of each model the last run that was
//! recorded is kept, to be replayed.

use std::time::{Duration, Instant, SystemTime};

use maitred_core::analyse::nature::Nature;
use maitred_core::analyse::{advice, claim};
use maitred_core::result::{
    Comparison, Conclusion, Experiment, Finding, Run, SCHEMA, Settings, Stopped, Truth,
};
use maitred_core::trace::{RunEnd, Trace};
use maitred_core::view::units::count;
use maitred_engine::bench::Bench;
use maitred_engine::contestants::{self, Entry, Wish};
use maitred_engine::job::Job;
use maitred_engine::measure::machine;
use maitred_engine::request::{Subject, Work};
use maitred_engine::rounds::{self, Purpose, Rules, World};
use maitred_engine::trial::Trial;
use maitred_engine::{Error, subject};
use serde_json::{Value, json};

use super::{Cancel, live};
use crate::limits;

/// How rounds are to be run, and who hears of them.
pub(super) struct Rounds<'a> {
    pub budget_ns: u64,
    pub rounds: Option<u32>,
    pub cancel: &'a Cancel,
    pub tell: &'a dyn Fn(Value),
}

impl Rounds<'_> {
    fn rules(&self, trace: bool, warmup: u32) -> Rules {
        Rules {
            warmup,
            rounds: self.rounds,
            least: 1,
            budget: Duration::from_nanos(self.budget_ns),
            seed: 1,
            baseline: None,
            trace,
        }
    }
}

/// Compares models; the traces are those of the models that ran, in their order.
pub(super) fn compare(
    mut job: Job,
    models: &[String],
    work: &Work,
    how: &Rounds<'_>,
) -> Result<(Comparison, Vec<Trace>), String> {
    let said = |error: Error| error.to_string();
    job.sweep(&[], work).map_err(said)?;
    let runtimes = job.runtimes(models, &[], how.cancel.interrupt()).map_err(said)?;
    let wish = Wish { models, workers: None };
    let mut entries = contestants::choose(&wish, &job, &runtimes).map_err(said)?;
    entries.iter_mut().for_each(bound);
    let rules = how.rules(true, 0);
    (how.tell)(live::contestants(&entries, None));
    let mut comparison = Comparison {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: job.facts(),
        machine: machine::describe(),
        settings: settings(&job, work, how),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        contestants: entries.iter().map(Entry::contestant).collect(),
        ranking: Vec::new(),
        conclusion: Conclusion::default(),
        stopped: Stopped::Running,
    };
    let mut world = Cells {
        trial: Trial::new(&job, work, how.cancel.interrupt(), contestants::SPANS),
        entries: &entries,
        natures: entries.iter().map(|_| None).collect(),
        traces: entries.iter().map(|_| None).collect(),
        timeout: Duration::from_nanos(work.timeout_ns),
        how,
        began: Instant::now(),
    };
    rounds::run(&mut comparison, &rules, &mut world).map_err(said)?;
    comparison.conclusion = advice::conclude(&comparison, &world.natures);
    Ok((comparison, world.traces.into_iter().flatten().collect()))
}

/// A model that would start too many threads or processes takes no part, and says why.
fn bound(entry: &mut Entry) {
    use maitred_wire::Strategy as S;
    let has_threads = !matches!(entry.model.strategy, S::Sequential | S::EventLoop);
    let most = limits::THREADS;
    if has_threads && entry.workers > most && entry.obstacle.is_none() {
        entry.obstacle = Some(format!(
            "a cell starts {} threads or processes at most, and this would be {}; compare it on the command line",
            count(most.into()),
            count(entry.workers.into())
        ));
    }
}

fn settings(job: &Job, work: &Work, how: &Rounds<'_>) -> Settings {
    Settings {
        seed: work.seed,
        speed: work.speed,
        parameters: job.parameters(),
        warmup_rounds: 0,
        budget_ns: how.rounds.is_none().then_some(how.budget_ns),
        timeout_ns: Some(work.timeout_ns),
        memory_limit_bytes: work.memory_limit_bytes,
        minimum_effect: 0.03,
    }
}

/// Tests the claims of a workload.
pub(super) fn experiment(
    subject: &Subject,
    work: &Work,
    how: &Rounds<'_>,
) -> Result<Experiment, String> {
    let said = |error: Error| error.to_string();
    let mut job = subject::prepare(subject, work).map_err(said)?;
    job.vary_as_claimed(work).map_err(said)?;
    let (claims, claimed) = (&job.work.claims, &job.work.claimed);
    let names: Vec<String> = claimed.iter().map(ToString::to_string).collect();
    let runtimes = job.runtimes(&names, &[], how.cancel.interrupt()).map_err(said)?;
    let entries =
        claimed.iter().map(|model| contestants::enter(model.clone(), &job, &runtimes)).collect();
    let mut figures = claims.iter().flat_map(|claim| &claim.figures);
    let trace = figures.any(|figure| figure.quantity.is_recorded());
    let rules = Rules { rounds: None, ..how.rules(trace, 1) };
    (how.tell)(json!({ "event": "experiment-begun", "name": job.name }));
    let mut on_run = |purpose: Purpose, model: &maitred_wire::Model| {
        (how.tell)(
            json!({ "event": "testing", "purpose": purpose.name(), "model": model.to_string() }),
        );
    };
    let comparison = Bench::new(&job, entries, work, rules, how.cancel.interrupt(), &mut on_run)
        .run(|comparison| claim::decided(claims, claimed, comparison))
        .map_err(said)?;
    let runs = comparison.contestants.iter().map(|one| one.runs.len());
    let findings = claims.iter().map(|one| match how.cancel.is_wished() {
        true => {
            Finding { says: one.says.clone(), verdict: Truth::Inconclusive, evidence: Vec::new() }
        }
        false => claim::judge(one, claimed, &comparison),
    });
    Ok(Experiment {
        name: job.name.clone(),
        title: job.work.title.clone(),
        rounds: runs.max().unwrap_or(0) as u32,
        claims: findings.collect(),
    })
}

/// The world of the rounds of a cell.
struct Cells<'a> {
    trial: Trial<'a>,
    entries: &'a [Entry],
    natures: Vec<Option<Nature>>,
    traces: Vec<Option<Trace>>,
    timeout: Duration,
    how: &'a Rounds<'a>,
    began: Instant,
}

impl World for Cells<'_> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        let entry = &self.entries[contestant];
        self.trial.scheduling = purpose == Purpose::Trace;
        let tell = self.how.tell;
        tell(live::begun(contestant, purpose));
        let planned = self.trial.planned(entry);
        let trace = self.trial.execute(entry, purpose.limit(self.timeout), &mut |at| {
            let few = at.total <= live::TOLD;
            let so_far = few.then(|| Trial::so_far(&planned, &at)).flatten();
            tell(live::progress(contestant, &at, so_far.as_ref()));
        })?;
        let run = self.trial.condense(&trace, purpose.round());
        tell(live::ended(contestant, purpose, &run));
        if trace.end == RunEnd::Finished && purpose != Purpose::Warmup && purpose != Purpose::Trace
        {
            match &mut self.natures[contestant] {
                Some(nature) => nature.interpreted.note_other_results(&trace),
                unknown => *unknown = self.trial.nature(&trace),
            }
        }
        if !trace.spans.is_empty()
            && (trace.end == RunEnd::Finished || self.traces[contestant].is_none())
        {
            self.traces[contestant] = Some(trace);
        }
        Ok(run)
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn round_done(&mut self, _: &Comparison) -> Result<(), Error> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.how.cancel.is_wished()
    }
}
