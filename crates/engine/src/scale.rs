//! One piece of work under several numbers of workers. Which numbers is found first: they are
//! doubled until that gains nothing more, in runs that are cut short, and more are put around the
//! place from which on it gains nothing. Then all of them run round by round.

use std::time::{Duration, Instant};

use maitred_core::analyse::advice;
use maitred_core::analyse::sweep::evenness;
use maitred_core::result::{Comparison, SubjectKind};
use maitred_wire::{Model, Substance};

use crate::compare::{self, Field, begin, enter, start};
use crate::contestants::{self, Entry, Wish};
use crate::engine::Context;
use crate::error::Error;
use crate::event::{Event, Finding};
use crate::job::Job;
use crate::measure::machine;
use crate::outcome::Outcome;
use crate::request::{Compare, Scale};
use crate::rounds::{Purpose, Rules};
use crate::runtimes::Runtimes;
use crate::subject::{self, url};
use crate::trial::{Trial, Turn};

/// Doubling gains nothing where it brings less than this, twice in a row.
const GAIN: f64 = 1.1;
/// More threads than these are not made unasked.
const THREADS_MOST: u32 = 256;
/// Nor more processes a processor.
const PROCESSES_MOST: u32 = 4;
/// The part of the time for rounds in which numbers are looked for.
const LOOKING: u32 = 4;
/// As many numbers as the law of three coefficients takes.
const NUMBERS: usize = 6;
/// Turns are even enough if they are so full.
const EVEN: f64 = 0.95;
/// A number that nobody asked for makes no turns that are less full.
const FULL: f64 = 0.9;

/// Runs the sweep.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(request: &Scale, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let given = &request.work;
    let mut job = subject::prepare(&request.subject, given)?;
    job.vary_environment(&given.env)?;
    let runtimes = job.runtimes(&request.models, &given.python.interpreters, context)?;
    let models = models(request, &job, &runtimes)?;
    let asked = Compare {
        work: given.clone(),
        models: request.models.clone(),
        rounds: request.rounds.clone(),
        ..Compare::of(request.subject.clone())
    };
    let mut comparison = begin(&asked, &job, &[]);
    start(&comparison, &job, context);
    runtimes.tell_left_out(context.on_event);
    let _held = context.hold()?;
    let budget = request.rounds.budget_ns().map_or(Duration::MAX, Duration::from_nanos);
    let mut entries = Vec::new();
    for model in &models {
        let limit = Limit { most: most(request, model, &job), tasks: tasks(&job, model) };
        let numbers = match request.workers.is_empty() {
            true => look(model, &limit, &job, &runtimes, (&asked, budget / LOOKING), context)?,
            false => request.workers.clone(),
        };
        let with = |&workers: &u32| with_workers(model, workers, &job, &runtimes);
        entries.extend(numbers.iter().map(with));
    }
    // Where there are fewer tasks than workers, the rest is not there.
    entries.dedup_by(|one, other| {
        bare(&one.model) == bare(&other.model) && one.workers == other.workers
    });
    comparison.contestants = entries.iter().map(Entry::contestant).collect();
    enter(&entries, None, context.on_event);
    let rules = Rules {
        // Looking for numbers has warmed up.
        warmup: if request.workers.is_empty() { 0 } else { request.rounds.warmup },
        rounds: request.rounds.exactly,
        least: 1,
        settled: request.rounds.at_least,
        budget,
        seed: given.seed,
        baseline: None,
        drop: false,
        trace: request.rounds.trace,
    };
    let field = Field { job: &job, entries, given, rules: &rules, are_ours: false };
    let (natures, outcome) = compare::measure(&mut comparison, field, context);
    advice::scale(&mut comparison, &natures);
    remark(&mut comparison, &runtimes);
    (context.on_event)(Event::Result(Finding::Comparison(&comparison)));
    outcome.map(|()| Outcome::Compared(Box::new(comparison)))
}

/// What is said of clients and servers.
fn remark(comparison: &mut Comparison, runtimes: &Runtimes) {
    if comparison.subject.kind == SubjectKind::Url {
        for remark in url::remarks(comparison, runtimes) {
            comparison.conclusion.add(remark);
        }
    }
}

/// The models whose workers are swept, without a number of them.
///
/// # Errors
/// [`Error::Usage`] for one that has no workers, or that cannot run.
fn models(request: &Scale, job: &Job, runtimes: &Runtimes) -> Result<Vec<Model>, Error> {
    let implied: &[&str] = match job.kind {
        SubjectKind::Function | SubjectKind::Closure => &["thread-pool", "processes"],
        SubjectKind::Command => &["processes"],
        SubjectKind::Workload | SubjectKind::Url => &["thread-pool"],
    };
    let choose = |names: &[String]| {
        contestants::choose(&Wish { models: names, workers: None, executors: false }, job, runtimes)
    };
    let entries = match request.models.is_empty() {
        false => choose(&request.models)?,
        true => {
            // Whoever was only implied and cannot run is left aside, unless nobody can.
            let each: Vec<_> = implied.iter().map(|name| choose(&[(*name).to_owned()])).collect();
            match each.iter().all(Result::is_err) {
                true => each.into_iter().collect::<Result<Vec<_>, Error>>()?,
                false => each.into_iter().flatten().collect(),
            }
            .concat()
        }
    };
    let mut models: Vec<Model> = Vec::new();
    for Entry { model, .. } in entries {
        if !model.strategy.has_workers() {
            return Err(Error::Usage(format!(
                "{model} has no number of workers that could be swept; these have: thread-pool, \
                 processes, async-pool, hybrid, interpreters"
            )));
        }
        if model.workers.is_some() {
            return Err(Error::Usage(format!(
                "{model} names a number of workers, which is what is swept; leave it out, or give \
                 the numbers by --workers"
            )));
        }
        if !models.contains(&model) {
            models.push(model);
        }
    }
    Ok(models)
}

fn bare(model: &Model) -> Model {
    Model { workers: None, ..model.clone() }
}

fn with_workers(model: &Model, workers: u32, job: &Job, runtimes: &Runtimes) -> Entry {
    contestants::enter(Model { workers: Some(workers), ..model.clone() }, job, runtimes)
}

/// How many tasks there are; where a time is given, as many as it takes.
fn tasks(job: &Job, model: &Model) -> u32 {
    if job.duration.is_some() { u32::MAX } else { job.work_of(model).task_count() }
}

fn most(request: &Scale, model: &Model, job: &Job) -> u32 {
    let processes = PROCESSES_MOST.saturating_mul(machine::usable_cores());
    let unasked = match model.strategy.facts().substance {
        Substance::Process => processes,
        _ => THREADS_MOST,
    };
    request.most.unwrap_or(unasked).min(tasks(job, model)).max(1)
}

/// How far numbers of workers go.
struct Limit {
    most: u32,
    tasks: u32,
}

impl Limit {
    /// 1, 2, 4 … and as many as there are processors, each as near as tasks divide evenly.
    fn ladder(&self) -> Vec<u32> {
        let doubled = std::iter::successors(Some(1_u32), |at| at.checked_mul(2));
        let mut steps: Vec<u32> = doubled.take_while(|at| *at < self.most).collect();
        steps.extend([machine::usable_cores(), self.most].iter().filter(|at| **at <= self.most));
        steps.sort_unstable();
        steps.dedup();
        let mut ladder: Vec<u32> = Vec::new();
        for step in steps {
            let above = ladder.last().map_or(0, |last| last + 1);
            let found = self.even(step, above, self.most);
            ladder.extend(found.filter(|found| ladder.last() != Some(found)));
        }
        ladder
    }

    /// The nearest number to this one, within these and by a third at most off, among which tasks
    /// divide evenly; `None`: there is none within.
    fn even(&self, wanted: u32, least: u32, most: u32) -> Option<u32> {
        let least = least.max(wanted - wanted / 4).max(1);
        let most = most.min(wanted.saturating_add(wanted / 3));
        let full = |&workers: &u32| evenness(self.tasks.into(), workers);
        let off = |workers: &u32| workers.abs_diff(wanted);
        let near = (least..=most).filter(|workers| full(workers) >= EVEN).min_by_key(off);
        near.or_else(|| (least..=most).max_by(|one, other| full(one).total_cmp(&full(other))))
    }

    /// Of what was seen with so many workers, the numbers that are worth rounds: all of them, more
    /// around the place from which on they gain nothing, and as many as a law takes.
    fn around_the_knee(&self, seen: &[(u32, f64)]) -> Vec<u32> {
        let best = seen.iter().map(|&(_, rate)| rate).fold(0.0, f64::max);
        let knee = seen.iter().position(|&(_, rate)| rate * GAIN >= best).unwrap_or(0);
        let mut numbers: Vec<u32> = seen.iter().map(|&(workers, _)| workers).collect();
        for pair in seen[knee.saturating_sub(1)..].windows(2).take(2) {
            numbers.extend(self.between(pair[0].0, pair[1].0));
        }
        numbers.sort_unstable();
        while numbers.len() < NUMBERS {
            let gap = |pair: &[u32]| f64::from(pair[1]) / f64::from(pair[0]);
            let mut pairs: Vec<&[u32]> = numbers.windows(2).collect();
            pairs.sort_by(|one, other| gap(other).total_cmp(&gap(one)));
            let Some(more) = pairs.iter().find_map(|pair| self.between(pair[0], pair[1])) else {
                break;
            };
            numbers.push(more);
            numbers.sort_unstable();
        }
        numbers
    }

    /// In the middle between two, as ratios go.
    fn between(&self, low: u32, high: u32) -> Option<u32> {
        let middle = (f64::from(low) * f64::from(high)).sqrt().round() as u32;
        let found = self.even(middle.max(low + 1), low + 1, high.checked_sub(1)?);
        let is_full = |found: &u32| evenness(self.tasks.into(), *found) >= FULL;
        found.filter(|found| (low + 1..high).contains(found) && is_full(found))
    }
}

/// Which numbers of workers are worth rounds.
///
/// # Errors
/// Those of [`Trial::take`].
fn look(
    model: &Model,
    limit: &Limit,
    job: &Job,
    runtimes: &Runtimes,
    (asked, time): (&Compare, Duration),
    context: &mut Context<'_>,
) -> Result<Vec<u32>, Error> {
    let entries: Vec<Entry> =
        limit.ladder().iter().map(|&one| with_workers(model, one, job, runtimes)).collect();
    enter(&entries, None, context.on_event);
    let mut trial =
        Trial::new(job, &asked.work, context.engine, context.cancel, contestants::SPANS);
    let started = Instant::now();
    let mut seen: Vec<(u32, f64)> = Vec::new();
    for (contestant, entry) in entries.iter().enumerate() {
        let is_flat = |pair: &[(u32, f64)]| pair[1].1 < GAIN * pair[0].1;
        let flat = seen.len() > 2 && seen[seen.len() - 3..].windows(2).all(is_flat);
        let late = started.elapsed() > time;
        if entry.obstacle.is_some() || flat || late || context.cancel.is_cancelled() {
            break;
        }
        let turn = Turn { contestant, entry, purpose: Purpose::Warmup, left_ns: None };
        let (_, run) = trial.take(&turn, context.on_event)?;
        let rate = run.tasks.done as f64 / run.work_ns.max(1) as f64;
        seen.push((entry.workers, rate));
        // Whoever does nothing with few workers does so with more: the rounds say why.
        if run.tasks.done == 0 {
            break;
        }
    }
    Ok(limit.around_the_knee(&seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(tasks: u32, seen: &[(u32, f64)]) -> Vec<u32> {
        Limit { most: 256, tasks }.around_the_knee(seen)
    }

    #[test]
    fn more_numbers_stand_around_the_knee() {
        let seen = [(1, 1.0), (2, 2.0), (4, 4.0), (8, 7.9), (16, 8.0), (32, 8.0)];
        assert_eq!(around(u32::MAX, &seen), [1, 2, 4, 6, 8, 11, 16, 32]);
    }

    #[test]
    fn a_law_gets_the_numbers_that_it_takes_where_there_are_any() {
        assert_eq!(around(u32::MAX, &[(1, 1.0), (2, 1.0), (4, 1.0), (8, 1.0)]).len(), NUMBERS);
        assert_eq!(around(24, &[(1, 1.0), (2, 2.0), (4, 4.0)]), [1, 2, 3, 4]);
        // Of four tasks three workers leave one for a second turn, as two do.
        assert_eq!(around(4, &[(1, 1.0), (2, 2.0), (4, 4.0)]), [1, 2, 4]);
        assert_eq!(around(1, &[(1, 1.0)]), [1]);
        assert_eq!(around(10, &[]), [0; 0]);
    }

    #[test]
    fn equal_tasks_are_given_to_numbers_that_divide_them() {
        let ladder = |most, tasks| Limit { most, tasks }.ladder();
        let tens = ladder(10, 10);
        assert!(tens.iter().all(|workers| 10 % workers == 0 || *workers == 4), "{tens:?}");
        assert_eq!(tens.last(), Some(&10));
        assert!(ladder(256, 1000).contains(&64), "a thousand divide evenly enough");
        let mut more =
            Limit { most: 24, tasks: 24 }.around_the_knee(&[(6, 5.0), (12, 9.0), (24, 9.5)]);
        more.retain(|workers| evenness(24, *workers) < 0.9);
        assert_eq!(more, [0; 0]);
    }
}
