//! The order of runs: rounds in which every model runs once, in shuffled order, after a warm-up,
//! until the ranking is decided, the rounds asked for are there, or the time is spent; then one run
//! of each in which the switches of its threads are recorded.
//!
//! It knows no clock and starts nothing: its caller executes a run and says how long all took.

use std::time::Duration;

use maitred_core::analyse::compare;
use maitred_core::result::{Comparison, Contestant, Run, Stopped};
use maitred_core::trace::RunEnd;
use maitred_wire::Model;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::error::Error;

/// When to stop.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub warmup: u32,
    /// So many, if there is time for them; `None`: until it is decided.
    pub rounds: Option<u32>,
    /// So many rounds, whatever the budget says, unless it is decided before.
    pub least: u32,
    /// It is not decided before so many rounds.
    pub settled: u32,
    pub budget: Duration,
    /// Of the order of the models.
    pub seed: u64,
    /// Whom all others are compared with; `None`: the fastest.
    pub baseline: Option<Model>,
    /// Whether a model that takes many times as long is run no more once that is told.
    pub drop: bool,
    /// Whether each ranked model runs once more at the end, with the kernel's switches recorded.
    pub trace: bool,
}

/// Which run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "purpose", content = "round", rename_all = "kebab-case")]
pub enum Purpose {
    Warmup,
    /// Counted from 0.
    Round(u32),
    /// After the rounds: to see what the threads did, not how long it took.
    Trace,
    /// The only one.
    Single,
}

/// After this a run of the warm-up begins nothing more: it warms caches, it measures nothing.
const WARMUP: Duration = Duration::from_millis(300);

impl Purpose {
    /// As the progress line says it.
    pub fn name(self) -> String {
        match self {
            Self::Warmup => "warm-up".to_owned(),
            Self::Round(round) => format!("round {}", round + 1),
            Self::Trace => "recording switches".to_owned(),
            Self::Single => "run".to_owned(),
        }
    }

    /// After how long nothing more is begun in such a run; `None`: all of it is.
    pub(crate) fn cut_short(self) -> Option<Duration> {
        (self == Self::Warmup).then_some(WARMUP)
    }

    /// The one that comes so many after it.
    pub(crate) fn after(self, rounds: u32) -> Self {
        if let Self::Round(round) = self { Self::Round(round + rounds) } else { self }
    }

    /// The number that its run has.
    pub(crate) fn round(self) -> u32 {
        if let Self::Round(round) = self { round } else { 0 }
    }
}

/// What the world does for the rounds.
pub(crate) trait World {
    /// Runs one contestant once. A run that failed is a result, not an error.
    ///
    /// # Errors
    /// What makes further runs pointless.
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error>;

    /// Runs the only contestant in this round and, where rounds are so short that it would pay, in as many
    /// of the next ones as the world likes, `most` in all. Of its `last` run it is known how long one takes.
    ///
    /// # Errors
    /// What makes further runs pointless.
    fn execute_alone(
        &mut self,
        contestant: usize,
        round: u32,
        (_last, _most): (&Run, u32),
    ) -> Result<Vec<Run>, Error> {
        self.execute(contestant, Purpose::Round(round)).map(|run| vec![run])
    }

    /// Who joins for what the first round showed; most know all contestants from the beginning.
    fn newcomers(&mut self, _: &Comparison) -> Vec<Contestant> {
        Vec::new()
    }

    /// How long all runs took until now.
    fn elapsed(&self) -> Duration;

    /// Called after each round, for files and pictures; less often where it takes longer than rounds.
    ///
    /// # Errors
    /// What makes further runs pointless.
    fn round_done(&mut self, comparison: &Comparison) -> Result<(), Error>;

    /// Called for a contestant that is run no more.
    fn dropped(&mut self, _contestant: usize, _rounds: u32, _ratio: f64) {}

    /// Whether the user asked to stop.
    fn interrupted(&self) -> bool;

    /// Whether no further round is needed.
    fn decided(&self, comparison: &Comparison, rules: &Rules) -> bool {
        let effect = comparison.settings.minimum_effect;
        compare::decided(&comparison.contestants, effect, rules.baseline.as_ref())
    }

    /// Whether it is worth running again: a model that failed once is never ranked.
    fn is_good(&self, run: &Run) -> bool {
        compare::disqualifies(run).is_none()
    }
}

/// Runs rounds until it is time to stop, and says why in [`Comparison::stopped`]. Everything
/// measured stands in `comparison`, also after an error.
///
/// # Errors
/// Those of `world`.
pub(crate) fn run(
    comparison: &mut Comparison,
    rules: &Rules,
    world: &mut impl World,
) -> Result<(), Error> {
    let mut order = ChaCha8Rng::seed_from_u64(rules.seed);
    warm_up(comparison, 0, rules, world)?;
    let mut round = 0;
    let mut report_due = Duration::ZERO;
    loop {
        let mut complete = run_rounds(comparison, round, rules, &mut order, world);
        if round == 0 && matches!(complete, Ok(1..)) {
            complete = join(comparison, rules, world).map(u32::from);
        }
        round += complete.as_ref().unwrap_or(&0);
        comparison.stopped = reason_to_stop(comparison, rules, round, world);
        let last = complete.is_err() || comparison.stopped != Stopped::Running;
        let now = world.elapsed();
        comparison.elapsed_ns = Some(now.as_nanos() as u64);
        if last || now >= report_due {
            compare::rank(comparison, rules.baseline.as_ref());
            world.round_done(comparison)?;
            // What a report costs grows with the rounds. Of very short rounds some go without,
            // so that reports take a fiftieth of the time and not most of it.
            report_due = now + (world.elapsed() - now) * 50;
        }
        complete?;
        if !last && rules.drop && round >= rules.settled {
            drop_hopeless(comparison, rules, round, world);
        }
        if last {
            return if rules.trace { trace(comparison, world) } else { Ok(()) };
        }
    }
}

/// Runs those no more of whom enough is known: they would take most of the time, and the rest of the
/// rounds is better spent on those that are near each other.
fn drop_hopeless(comparison: &mut Comparison, rules: &Rules, rounds: u32, world: &mut impl World) {
    let effect = comparison.settings.minimum_effect;
    let baseline = rules.baseline.as_ref();
    let hopeless = compare::hopeless(&comparison.contestants, effect, baseline);
    let is_new = |index: &usize| comparison.contestants[*index].dropped.is_none();
    let hopeless: Vec<usize> = hopeless.into_iter().filter(is_new).collect();
    if hopeless.is_empty() {
        return;
    }
    compare::rank(comparison, baseline);
    for index in hopeless {
        comparison.contestants[index].dropped = Some(rounds);
        let rank = comparison.ranking.iter().find(|rank| rank.contestant as usize == index);
        world.dropped(index, rounds, rank.map_or(compare::HOPELESS, |rank| rank.ratio));
    }
}

/// Runs that do not count, of the contestants from this one on; but who died, or stood still, is seen to:
/// the same again would take as long, and where it hangs that is its time-out.
fn warm_up(
    comparison: &mut Comparison,
    from: usize,
    rules: &Rules,
    world: &mut impl World,
) -> Result<(), Error> {
    for _ in 0..rules.warmup {
        for contestant in from..comparison.contestants.len() {
            if world.interrupted() || !takes_part(&comparison.contestants[contestant], world) {
                continue;
            }
            let run = world.execute(contestant, Purpose::Warmup)?;
            let has_ended_badly = matches!(run.end, RunEnd::Died { .. } | RunEnd::Deadlock(_));
            if has_ended_badly && !world.is_good(&run) {
                comparison.contestants[contestant].runs.push(run);
            }
        }
    }
    Ok(())
}

/// Takes in who is worth trying for what the first round showed, if there is time for two more like
/// it. They are warmed up and run for that round at once, so that all have as many rounds.
fn join(comparison: &mut Comparison, rules: &Rules, world: &mut impl World) -> Result<bool, Error> {
    if world.elapsed().saturating_add(2 * round_time(comparison)) > rules.budget {
        return Ok(true);
    }
    compare::rank(comparison, rules.baseline.as_ref());
    if comparison.ranking.is_empty() {
        return Ok(true);
    }
    let known = comparison.contestants.len();
    comparison.contestants.extend(world.newcomers(comparison));
    warm_up(comparison, known, rules, world)?;
    let turn = (known..comparison.contestants.len()).collect();
    run_each(comparison, turn, 0, world)
}

/// One run more of every ranked contestant, for the record of what its threads did.
fn trace(comparison: &mut Comparison, world: &mut impl World) -> Result<(), Error> {
    for index in 0..comparison.contestants.len() {
        let contestant = &comparison.contestants[index];
        if contestant.summary.is_none() || contestant.unranked.is_some() {
            continue;
        }
        if !world.interrupted() {
            let run = world.execute(index, Purpose::Trace)?;
            if run.end != RunEnd::Interrupted {
                comparison.contestants[index].traced = Some(run);
            }
        }
        if world.interrupted() {
            comparison.stopped = Stopped::Interrupted;
            return Ok(());
        }
    }
    Ok(())
}

/// One run of every contestant that has not failed yet, or several of the only one; how many rounds
/// that was, without one that was interrupted.
fn run_rounds(
    comparison: &mut Comparison,
    round: u32,
    rules: &Rules,
    order: &mut ChaCha8Rng,
    world: &mut impl World,
) -> Result<u32, Error> {
    let mut turn: Vec<usize> = (0..comparison.contestants.len()).collect();
    turn.retain(|&index| takes_part(&comparison.contestants[index], world));
    turn.shuffle(order);
    // Where it is decided round by round when to stop, each is looked at.
    let most = rules.rounds.map_or(1, |wanted| wanted.saturating_sub(round));
    let alone = match turn[..] {
        [index] if most > 1 => Some(index),
        _ => None,
    };
    let last = alone.and_then(|index| comparison.contestants[index].runs.last());
    let Some((index, last)) = alone.zip(last).filter(|_| !world.interrupted()) else {
        return run_each(comparison, turn, round, world).map(u32::from);
    };
    let mut runs = world.execute_alone(index, round, (last, most))?;
    runs.retain(|run| run.end != RunEnd::Interrupted);
    let rounds = runs.len() as u32;
    comparison.contestants[index].runs.extend(runs);
    Ok(rounds)
}

/// One run of each of these in this order; `false`: it was interrupted.
fn run_each(
    comparison: &mut Comparison,
    turn: Vec<usize>,
    round: u32,
    world: &mut impl World,
) -> Result<bool, Error> {
    for index in turn {
        if world.interrupted() {
            return Ok(false);
        }
        let run = world.execute(index, Purpose::Round(round))?;
        if run.end == RunEnd::Interrupted {
            return Ok(false);
        }
        comparison.contestants[index].runs.push(run);
    }
    Ok(true)
}

/// Whether a contestant can run and has not failed yet.
fn takes_part(contestant: &Contestant, world: &impl World) -> bool {
    match contestant.runs.is_empty() {
        _ if contestant.dropped.is_some() => false,
        true => contestant.unranked.is_none(),
        false => contestant.runs.iter().all(|run| world.is_good(run)),
    }
}

fn reason_to_stop(
    comparison: &Comparison,
    rules: &Rules,
    rounds: u32,
    world: &impl World,
) -> Stopped {
    let good = comparison.contestants.iter().filter(|one| takes_part(one, world)).count();
    if world.interrupted() {
        return Stopped::Interrupted;
    }
    if good == 0 {
        return Stopped::NoneRan;
    }
    let is_spent = world.elapsed().saturating_add(round_time(comparison)) > rules.budget;
    match rules.rounds {
        Some(wanted) if rounds >= wanted => Stopped::Rounds,
        None if rounds >= rules.settled && world.decided(comparison, rules) => Stopped::Decided,
        None if rounds < rules.least => Stopped::Running,
        _ if is_spent => Stopped::Budget,
        _ => Stopped::Running,
    }
}

/// How long a further round would take, from the last run of each contestant.
pub(crate) fn round_time(comparison: &Comparison) -> Duration {
    let still = comparison.contestants.iter().filter(|one| one.dropped.is_none());
    let last = still.filter_map(|one| one.runs.last());
    last.filter(|run| compare::disqualifies(run).is_none())
        .map(|run| {
            let total = run.startup_ns + run.setup_ns + run.work_ns + run.teardown_ns;
            Duration::from_nanos(total)
        })
        .sum()
}

#[cfg(test)]
mod tests;
