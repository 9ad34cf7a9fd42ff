//! What a strategy is like: from the figures of five experiments to properties, and from those to
//! what it is for. The entrances: [`measure`], [`properties`], [`decided`].
//!
//! What a strategy can do, one round is enough to show; what it cannot, all rounds have to agree
//! on. Others who use the processors make waits longer and the processors fewer: they can hide
//! what a strategy can do, but never feign it.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::claim::{Round, clean, each_round, known};
use super::compare::{self, MIN_ROUNDS, is_look};
use super::stats::{self, Confidence};
use super::units;
use crate::result::{
    Blocking, Comparison, Contestant, Found, Run, StrategyFigures, StrategyProperties,
    TaskScheduling,
};
use crate::trace::{Observed, Source, StepKind};
use crate::workload::Unit;

/// What is done to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Experiment {
    /// Tasks that compute.
    Computing,
    /// A task that waits often beside two that compute.
    Beside,
    /// Tasks that make a blocking call.
    Blocking,
    /// One task that does nothing, and many.
    Starting,
    /// One task that waits, and many.
    Waiting,
}

/// More than so many at once are more than one, and fewer than `ONE` no more than one: what lies
/// between is the error of clocks and of the interpreter's own threads.
pub const SEVERAL: f64 = 1.25;
const ONE: f64 = 1.15;
/// A task that waits so much of the time that another computes was not held up by it.
const FREE: f64 = 0.33;
/// A task that waits at least so much of it was.
const HELD: f64 = 0.5;
/// Where so large a share of those that compute is runnable, no lock keeps them from it.
const UNLOCKED: f64 = 0.85;
/// Where it is so small, one does.
const LOCKED: f64 = 0.7;
/// From about two on that are runnable they are no longer the one that has a lock, and now and then
/// another one that wakes up to take it.
const TWO: f64 = 1.8;
/// From this share of all blocking calls under way at once on, nobody waits for another's.
const TOGETHER: f64 = 0.5;
/// A price is known when the interval spans no more than this factor: its order of magnitude.
const SPAN: f64 = 10.0;
/// From so many that fit on, it is for crowds.
const MANY: u64 = 100_000;
/// From so many on there is no need to count them.
const THOUSANDS: u64 = 1000;

const GIB: f64 = 1_073_741_824.0;

/// Nothing measured yet.
pub fn unmeasured() -> StrategyFigures {
    let none = || Observed::Unknown("it was not measured".into());
    StrategyFigures {
        together: none(),
        held_up: none(),
        cores: none(),
        computing: Observed::Unknown("it was not measured".into()),
        runnable: Observed::Unknown("it was not measured".into()),
        computing_workers: 0,
        blocked: none(),
        blocked_tasks: 0,
        blocked_workers: 0,
        start: none(),
        memory: none(),
        alone: none(),
        allowed: None,
    }
}

/// Adds to the figures of a strategy what one experiment says of it. Where an experiment has a
/// strategy with one task and with many, that with one stands first.
pub fn measure(
    experiment: Experiment,
    strategy: Strategy,
    comparison: &Comparison,
    figures: &mut StrategyFigures,
) {
    let of = |one: &&Contestant| one.model.strategy == strategy;
    let mut contestants = comparison.contestants.iter().filter(of);
    let Some(one) = contestants.next() else { return };
    let many = contestants.next().unwrap_or(one);
    match experiment {
        Experiment::Computing => {
            figures.cores = range(one, Unit::Number, cores);
            let pair = observed(computing(one));
            figures.computing = pair.clone().map(|(computing, _)| computing);
            figures.runnable = pair.map(|(_, runnable)| runnable);
            figures.computing_workers = one.workers;
        }
        Experiment::Beside => {
            figures.together = range(one, Unit::Number, together);
            figures.held_up = range(one, Unit::Number, held_up);
        }
        Experiment::Blocking => {
            figures.blocked = range(one, Unit::Number, |run| at_once(run, &[StepKind::Block]));
            figures.blocked_tasks = one.runs.iter().map(|run| run.tasks.done).max().unwrap_or(0);
            figures.blocked_workers = one.workers;
        }
        Experiment::Starting => {
            figures.start = price(one, many, Unit::Duration, |run| {
                Ok((run.setup_ns + run.work_ns + run.teardown_ns) as f64)
            });
        }
        Experiment::Waiting => {
            figures.memory = price(one, many, Unit::Size, memory);
            figures.alone = range(one, Unit::Size, memory);
        }
    }
}

/// Whether no further round is needed to say what this experiment is about.
pub fn decided(experiment: Experiment, comparison: &Comparison) -> bool {
    let runs = comparison.contestants.iter().flat_map(|one| &one.runs);
    let rounds = runs.map(|run| run.round + 1).max().unwrap_or(0);
    let is_clear = |one: &Contestant| {
        let mut figures = unmeasured();
        measure(experiment, one.model.strategy, comparison, &mut figures);
        match experiment {
            Experiment::Computing => {
                parallel(&figures, comparison.machine.processors().whole()).known().is_some()
            }
            Experiment::Beside => scheduling(&figures).known().is_some(),
            Experiment::Blocking => blocking(&figures).known().is_some(),
            Experiment::Starting => figures.start.known().is_some(),
            Experiment::Waiting => figures.memory.known().is_some(),
        }
    };
    // What can be done, one round shows.
    (rounds == 1 || is_look(rounds)) && comparison.contestants.iter().all(is_clear)
}

/// What follows from the figures, on a machine with so many processors.
pub fn properties(figures: &StrategyFigures, cores: u32) -> StrategyProperties {
    let known = StrategyProperties {
        scheduling: scheduling(figures),
        parallel: parallel(figures, cores),
        blocking: blocking(figures),
        fit: fit(figures),
        purpose: Observed::Unknown(String::new()),
    };
    let purpose = observed(purpose(&known));
    StrategyProperties { purpose, ..known }
}

fn scheduling(figures: &StrategyFigures) -> Observed<TaskScheduling> {
    let judge = || {
        let together = known(&figures.together)?;
        if together.high <= ONE {
            return enough(together).map(|()| TaskScheduling::OneByOne);
        }
        if together.high < SEVERAL {
            return Err(format!(
                "neither one step was under way at a time nor several: {}",
                units::found(together)
            ));
        }
        let held_up = known(&figures.held_up)?;
        if held_up.low <= FREE {
            return Ok(TaskScheduling::Preemptive);
        }
        if held_up.low < HELD {
            return Err(format!(
                "the longest wait of a task was {} of the time that others computed beside it",
                units::found(held_up)
            ));
        }
        enough(held_up).map(|()| TaskScheduling::Cooperative)
    };
    observed(judge())
}

fn parallel(figures: &StrategyFigures, cores: u32) -> Observed<bool> {
    let judge = || {
        let used = known(&figures.cores)?;
        if used.high >= SEVERAL {
            return Ok(true);
        }
        // How many are runnable does not hang on how many processors there are, or others leave.
        if let (Ok(computing), Ok(runnable)) = (known(&figures.computing), known(&figures.runnable))
        {
            if *runnable >= TWO && *runnable >= computing * UNLOCKED {
                return Ok(true);
            }
            if figures.computing_workers == 1 || *runnable <= TWO && *runnable <= computing * LOCKED
            {
                return enough(used).map(|()| false);
            }
        }
        if cores < 2 {
            return Err("there is only one processor here".into());
        }
        if used.high > ONE {
            return Err(format!(
                "neither one processor was used nor several: {}",
                units::found(used)
            ));
        }
        // Whoever shares a processor with somebody else has at least half of it.
        match &used.disturbed {
            Some(_) if f64::from(cores) / 2.0 < SEVERAL => {
                Err("no more than one was used, but others may have taken the rest".into())
            }
            _ => enough(used).map(|()| false),
        }
    };
    observed(judge())
}

fn blocking(figures: &StrategyFigures) -> Observed<Blocking> {
    let judge = || {
        let at_once = known(&figures.blocked)?;
        let (tasks, workers) = (figures.blocked_tasks as f64, f64::from(figures.blocked_workers));
        if at_once.high >= tasks * TOGETHER {
            return Ok(Blocking::Allowed);
        }
        if at_once.high <= ONE {
            return enough(at_once).map(|()| Blocking::StallsAll);
        }
        // Fewer workers than calls: no more of these are under way than there are workers.
        if workers < tasks * TOGETHER && at_once.high >= SEVERAL && at_once.high <= workers * ONE {
            return enough(at_once).map(|()| Blocking::StallsItsWorker);
        }
        Err(format!("so many of {tasks} calls were under way at a time: {}", units::found(at_once)))
    };
    observed(judge())
}

fn fit(figures: &StrategyFigures) -> Observed<u64> {
    if scheduling(figures) == Observed::Known(TaskScheduling::OneByOne) {
        return Observed::Known(1);
    }
    let count = || {
        let (each, alone) = (known(&figures.memory)?, known(&figures.alone)?);
        let room = 1 + ((GIB - alone.median).max(0.0) / each.median.max(1.0)) as u64;
        Ok(figures.allowed.map_or(room, |allowed| room.min(allowed)))
    };
    observed(count())
}

/// What it is for: what it does well, beside how many at a time.
fn purpose(properties: &StrategyProperties) -> Result<String, String> {
    let because = |what: &str| format!("it rests on {what}, which is not known");
    let scheduling = properties.scheduling.known().ok_or_else(|| because("scheduling"))?;
    if *scheduling == TaskScheduling::OneByOne {
        return Ok("a few things, one after the other".into());
    }
    let parallel = *properties.parallel.known().ok_or_else(|| because("the use of processors"))?;
    let blocking = properties.blocking.known().ok_or_else(|| because("blocking calls"))?;
    let fit = *properties.fit.known().ok_or_else(|| because("how many fit"))?;
    let held_up = *scheduling == TaskScheduling::Cooperative;
    let work = match (parallel, *blocking == Blocking::Allowed) {
        (true, true) => "computing and blocking calls",
        (true, false) => "computing",
        (false, true) => "blocking calls",
        (false, false) => "things that wait",
    };
    Ok(match (held_up, fit >= MANY) {
        (false, true) => format!("many things that wait, beside {work}"),
        (true, true) if parallel => "many things that wait, and compute a little".into(),
        (true, true) => "many things that wait, and hardly compute".into(),
        (true, false) => "some things that wait, and hardly compute".into(),
        (false, false) if fit >= THOUSANDS => format!("{work}, by the thousand"),
        (false, false) => format!("{work}, few at a time"),
    })
}

/// A figure of a contestant in each round; of one that failed, why it did.
fn by_round(
    one: &Contestant,
    value: impl Fn(&Run) -> Result<f64, String>,
) -> Result<Vec<Round>, String> {
    each_round(one, |run| compare::mistake(run).map_or_else(|| value(run), Err))
}

/// A figure over the rounds: the median, the least and the largest.
fn range(
    one: &Contestant,
    unit: Unit,
    value: impl Fn(&Run) -> Result<f64, String>,
) -> Observed<Found> {
    observed(by_round(one, value).map(clean).map(|rounds| found(&rounds, unit)))
}

/// What each one more takes: what many took in a round beyond what one takes by itself. Of that
/// the median is meant, for one of so little is disturbed by anything.
fn price(
    one: &Contestant,
    many: &Contestant,
    unit: Unit,
    value: impl Fn(&Run) -> Result<f64, String>,
) -> Observed<Found> {
    let judge = || {
        let alone = found(&clean(by_round(one, &value)?), unit).median;
        let rounds = clean(by_round(many, |run| {
            Ok((value(run)? - alone) / run.tasks.done.saturating_sub(1).max(1) as f64)
        })?);
        let mut found = found(&rounds, unit);
        enough(&found)?;
        if found.low <= 0.0 {
            return Err("many took no more than one takes by itself".into());
        }
        let values: Vec<f64> = rounds.iter().map(|round| round.value).collect();
        if let Some(interval) = stats::median_interval(&values, Confidence::P95) {
            (found.low, found.high) = (interval.low, interval.high);
        }
        if found.high > found.low * SPAN {
            return Err(format!("the rounds do not agree: {}", units::found(&found)));
        }
        Ok(found)
    };
    observed(judge())
}

fn found(rounds: &[Round], unit: Unit) -> Found {
    let values: Vec<f64> = rounds.iter().map(|round| round.value).collect();
    Found {
        median: stats::median(&values).unwrap_or_default(),
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        unit,
        rounds: values.len() as u32,
        disturbed: rounds.iter().find_map(|round| round.disturbed.clone()),
    }
}

/// What all rounds agree on is said only where there are some.
fn enough(found: &Found) -> Result<(), String> {
    match found.rounds as usize {
        rounds if rounds < MIN_ROUNDS => {
            Err(format!("{} are too few", units::plural(rounds as u64, "round")))
        }
        _ => Ok(()),
    }
}

fn cores(run: &Run) -> Result<f64, String> {
    known(&run.cores_used()).copied()
}

/// Tasks that were computing at once, and of these the ones whose thread was running or runnable.
fn computing(one: &Contestant) -> Result<(f64, f64), String> {
    let none = || "the kernel's switches were not recorded".to_string();
    let run = one.traced.as_ref().ok_or_else(none)?;
    let shares = run.scheduling.as_ref().filter(|shares| shares.source == Source::Switches);
    let mut steps = shares.ok_or_else(none)?.steps.iter();
    let split = steps.find(|step| step.kind == StepKind::Cpu).ok_or_else(none)?.split;
    if split.unknown_ns.saturating_mul(10) > split.whole_ns() {
        return Err("the record of the kernel's switches has gaps".into());
    }
    let at_once = |ns: u64| ns as f64 / run.work_ns.max(1) as f64;
    Ok((at_once(split.whole_ns()), at_once(split.running_ns + split.runnable_ns)))
}

fn memory(run: &Run) -> Result<f64, String> {
    Ok(known(&run.memory)?.bytes as f64)
}

fn together(run: &Run) -> Result<f64, String> {
    at_once(run, &[StepKind::Wait, StepKind::Cpu])
}

/// How many steps of these kinds were under way at once, on average.
fn at_once(run: &Run, kinds: &[StepKind]) -> Result<f64, String> {
    let steps = run.steps.iter().filter(|step| kinds.contains(&step.kind));
    Ok(steps.map(|step| step.total_ns).sum::<u64>() as f64 / run.work_ns.max(1) as f64)
}

/// The longest wait ÷ the mean of the computing steps.
fn held_up(run: &Run) -> Result<f64, String> {
    let step = |kind| {
        let step = run.steps.iter().find(|step| step.kind == kind);
        step.ok_or_else(|| "the steps were not recorded".to_string())
    };
    let (wait, cpu) = (step(StepKind::Wait)?, step(StepKind::Cpu)?);
    let mean = cpu.total_ns as f64 / cpu.spans.max(1) as f64;
    Ok(wait.longest_ns.unwrap_or(wait.total_ns) as f64 / mean.max(1.0))
}

fn observed<T>(result: Result<T, String>) -> Observed<T> {
    match result {
        Ok(value) => Observed::Known(value),
        Err(why) => Observed::Unknown(why),
    }
}
