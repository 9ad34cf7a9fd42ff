//! Whether a claim holds: what its figures were in the rounds, with intervals, beside the bounds
//! that it predicts. The main entrance is [`judge`].
//!
//! A figure that varies is judged by the 95 % interval of its median: within the bounds it holds,
//! outside it is refuted, else it is inconclusive. With few rounds the same margin is demanded as
//! of a comparison ([`compare::OVERWHELMING`]), and much more of what hangs on the processors where
//! others used them meanwhile (`DISTURBED`). What is counted exactly (tasks, end values, threads)
//! is judged by every round: all of them within the bounds, or none.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::compare::{self, MIN_ROUNDS, OVERWHELMING, is_look};
use super::scheduling::average_running_threads;
use super::stats::{self, Confidence, Interval};
use super::units;
use crate::result::{
    Again, Comparison, Contestant, Evidence, Experiment, Finding, Found, Run, Truth,
};
use crate::trace::{Observed, RunEnd, StepKind};
use crate::workload::{Claim, Figure, Part, Quantity, Unit};

/// By what factor a bound must be cleared where others used the processors meanwhile: with up to
/// nine of them at each, a run has a tenth of it and takes ten times as long.
const DISTURBED: f64 = 10.0;

/// Others who used less of the processors disturbed nobody.
const OTHERS: f64 = 0.05;

/// What was found of a claim. `models`: those that the figures name, one for each contestant and
/// in their order; a contestant itself is called as what was found under that name.
pub fn judge(claim: &Claim, models: &[Model], comparison: &Comparison) -> Finding {
    let evidence = |figure| evidence(figure, models, comparison, Confidence::P95);
    let evidence: Vec<Evidence> = claim.figures.iter().map(evidence).collect();
    let verdict = evidence.iter().map(|one| one.verdict).max().unwrap_or(Truth::CannotBeTested);
    Finding { says: claim.says.clone(), verdict, evidence }
}

/// Whether no further round is needed: what rounds can say of every claim is said, by 99 %
/// intervals, for it is looked at after several rounds (see [`compare`]).
pub fn decided(claims: &[Claim], models: &[Model], comparison: &Comparison) -> bool {
    let runs = comparison.contestants.iter().flat_map(|one| &one.runs);
    let rounds = runs.map(|run| run.round + 1).max().unwrap_or(0);
    let is_decided = |claim: &Claim| {
        let of_rounds = claim.figures.iter().filter(|figure| !figure.quantity.is_recorded());
        let verdicts =
            of_rounds.map(|figure| evidence(figure, models, comparison, Confidence::P99).verdict);
        // The worst is that of the claim, whatever comes of the others.
        verdicts.max() != Some(Truth::Inconclusive)
    };
    is_look(rounds) && claims.iter().all(is_decided)
}

/// Whether a claim is inconclusive because others used the processors, so that a quiet machine may tell.
pub fn wants_quiet(experiment: &Experiment) -> bool {
    let open = experiment.claims.iter().filter(|one| one.verdict == Truth::Inconclusive);
    open.flat_map(|claim| &claim.evidence).any(|evidence| {
        let found = evidence.found.known();
        evidence.verdict == Truth::Inconclusive
            && found.is_some_and(|found| found.disturbed.is_some())
    })
}

/// What is kept of an experiment that was done `again` when the machine was quiet: whichever left fewer
/// claims open.
pub fn better(first: Experiment, again: Experiment) -> Experiment {
    let open = |one: &Experiment| {
        one.claims.iter().filter(|claim| claim.verdict == Truth::Inconclusive).count()
    };
    match open(&again) < open(&first) {
        true => Experiment { again: Some(Again::WhenQuiet), ..again },
        false => Experiment { again: Some(Again::InVain), ..first },
    }
}

fn evidence(
    figure: &Figure,
    models: &[Model],
    comparison: &Comparison,
    confidence: Confidence,
) -> Evidence {
    let of = |model: &Model| {
        let at = models.iter().position(|known| known == model);
        at.and_then(|at| comparison.contestants.get(at))
            .ok_or_else(|| format!("{model} did not take part"))
    };
    let values = || {
        let over = figure.over.as_ref().map(of).transpose()?;
        values(figure, of(&figure.of)?, over, comparison.machine.processors().whole())
    };
    let rounds = match values() {
        Ok(rounds) => rounds,
        Err(why) => {
            let (found, verdict) = (Observed::Unknown(why), Truth::CannotBeTested);
            return Evidence {
                figure: figure.to_string(),
                predicted: figure.bounds(),
                found,
                verdict,
                reason: None,
            };
        }
    };
    let values: Vec<f64> = rounds.iter().map(|round| round.value).collect();
    let disturbed = rounds.iter().find_map(|round| round.disturbed.clone());
    let disturbed = disturbed.filter(|_| figure.quantity.hangs_on_processors());
    let (interval, verdict) = verdict(figure, &values, disturbed.is_some(), confidence);
    let Interval { low, median, high } = interval;
    let rounds = values.len() as u32;
    let reason = (verdict == Truth::Inconclusive)
        .then(|| why(figure, interval, values.len(), disturbed.as_deref(), confidence));
    let found = Found { median, low, high, unit: figure.unit(), rounds, disturbed };
    Evidence {
        figure: figure.to_string(),
        predicted: figure.bounds(),
        found: Observed::Known(found),
        verdict,
        reason,
    }
}

/// Why a figure that is known says neither yes nor no, and what would decide it.
fn why(
    figure: &Figure,
    interval: Interval,
    rounds: usize,
    disturbed: Option<&str>,
    confidence: Confidence,
) -> String {
    let clean = units::plural(rounds as u64, "clean round");
    if let Some(disturbed) = disturbed {
        return format!(
            "busy machine ({disturbed}), where a bound must be cleared {DISTURBED} times over: repeat it when the machine is quiet"
        );
    }
    let enough = stats::enough(confidence);
    if rounds < MIN_ROUNDS && !figure.quantity.is_recorded() {
        return format!("{clean}, and it takes {MIN_ROUNDS}: give it more time (`--budget`)");
    }
    let shown = |value| units::value(value, figure.unit());
    let bounds = [figure.low, figure.high].into_iter().flatten();
    let Interval { low, median, high } = interval;
    let spanned = |bound: &f64| low <= *bound && high >= *bound;
    let at = |bound: f64| (libm::log(median / bound)).abs();
    let nearest = bounds
        .clone()
        .find(spanned)
        .or_else(|| bounds.min_by(|one, other| at(*one).total_cmp(&at(*other))));
    let Some(bound) = nearest else { return format!("{clean} do not agree") };
    let (least, most) = (shown(low), shown(high));
    if rounds < enough && !spanned(&bound) {
        return format!(
            "{clean}: a bound must be cleared by a quarter, and {least} to {most} does not clear {} by that much; {enough} rounds need no such margin (`--budget`)",
            shown(bound)
        );
    }
    format!(
        "{clean}: {least} to {most} lies on both sides of {}; more rounds narrow that (`--budget`), unless it is the very bound",
        shown(bound)
    )
}

/// Where the figure lies, and what that says of the bounds; `values` is not empty.
fn verdict(
    figure: &Figure,
    values: &[f64],
    disturbed: bool,
    confidence: Confidence,
) -> (Interval, Truth) {
    let range = |median| Interval {
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        median,
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    let median = stats::median(values).unwrap_or_default();
    let exact = figure.unit() == Unit::Count;
    let few = if figure.quantity.is_recorded() { 1 } else { MIN_ROUNDS };
    let interval = match stats::median_interval(values, confidence) {
        // The interval rests on logarithms.
        Some(interval) if !exact && values.iter().all(|value| *value > 0.0) => interval,
        _ => range(median),
    };
    let margin = match (exact, disturbed) {
        (true, _) => 1.0,
        (false, true) => DISTURBED,
        (false, false) if values.len() < stats::enough(confidence) => OVERWHELMING,
        (false, false) => 1.0,
    };
    let Interval { low, high, .. } = interval;
    let above = |value: f64, margin: f64| figure.low.is_none_or(|least| value >= least * margin);
    let below = |value: f64, margin: f64| figure.high.is_none_or(|most| value <= most / margin);
    let truth = if !exact && values.len() < few {
        Truth::Inconclusive
    } else if above(low, margin) && below(high, margin) {
        Truth::Holds
    } else if !above(high, 1.0 / margin) || !below(low, 1.0 / margin) {
        Truth::Refuted
    } else {
        Truth::Inconclusive
    };
    (interval, truth)
}

/// Who disturbed a run. That somebody waited for a processor counts only where others used some of
/// them: functions, commands and servers have threads of their own, which wait for each other.
fn disturbed(run: &Run) -> Option<String> {
    let used = |share: Option<f64>| share.is_none_or(|share| share >= OTHERS);
    let by_others = used(run.noise.others) || run.noise.steal.is_some_and(|share| share > 0.0);
    run.noise.dirty.clone().filter(|_| by_others)
}

/// The figure in one round.
pub(super) struct Round {
    pub number: u32,
    pub value: f64,
    /// Who disturbed it.
    pub disturbed: Option<String>,
}

impl Round {
    /// The only one there is.
    fn only(value: f64, disturbed: Option<String>) -> Self {
        Self { number: 0, value, disturbed }
    }
}

/// The figure by round, or why it cannot be had.
fn values(
    figure: &Figure,
    of: &Contestant,
    over: Option<&Contestant>,
    cores: u32,
) -> Result<Vec<Round>, String> {
    let named = |model: &Model, why: String| match over {
        Some(_) => format!("{model}: {why}"),
        None => why,
    };
    let own = by_round(figure, of).map_err(|why| named(&of.model, why))?;
    if figure.quantity == Quantity::Spread {
        if own.len() < 2 {
            return Err("there is no spread of one round; more time would allow more".to_string());
        }
        let values = || own.iter().map(|round| round.value);
        let most = values().fold(f64::NEG_INFINITY, f64::max);
        let spread = most - values().fold(f64::INFINITY, f64::min);
        return Ok([Round::only(spread, None)].into());
    }
    let Some(over) = over else { return Ok(clean(own)) };
    let others = by_round(figure, over).map_err(|why| named(&over.model, why))?;
    let mut ratios = Vec::new();
    for Round { number, value, disturbed } in own {
        let Some(other) = others.iter().find(|other| other.number == number) else { continue };
        if other.value == 0.0 {
            return Err(format!("this figure of {} is 0", over.model));
        }
        let ratio = value / other.value;
        let value = match figure.quantity {
            Quantity::SerialShare => serial_share(ratio, of.workers.min(cores))?,
            _ => ratio,
        };
        let disturbed = disturbed.or_else(|| other.disturbed.clone());
        ratios.push(Round { number, value, disturbed });
    }
    if ratios.is_empty() {
        return Err(format!("no round has both {} and {}", of.model, over.model));
    }
    Ok(clean(ratios))
}

/// The rounds that nobody disturbed, where there are enough of them.
pub(super) fn clean(rounds: Vec<Round>) -> Vec<Round> {
    let is_clean = |round: &Round| round.disturbed.is_none();
    if rounds.iter().filter(|round| is_clean(round)).count() < MIN_ROUNDS {
        return rounds;
    }
    rounds.into_iter().filter(is_clean).collect()
}

/// The experimentally determined serial fraction, (1/s − 1/p) / (1 − 1/p), of a time that is
/// `ratio` = 1/s of that of one worker, on p processors (Karp & Flatt 1990).
fn serial_share(ratio: f64, processors: u32) -> Result<f64, String> {
    let share = 1.0 / f64::from(processors);
    match processors {
        0 | 1 => Err("one processor has no speed-up".into()),
        _ => Ok((ratio - share) / (1.0 - share)),
    }
}

/// The figure of one contestant in each round.
fn by_round(figure: &Figure, contestant: &Contestant) -> Result<Vec<Round>, String> {
    if figure.quantity.is_recorded() {
        let value = recorded(figure, contestant)?;
        let disturbed = contestant.traced.as_ref().and_then(disturbed);
        return Ok([Round::only(value, disturbed)].into());
    }
    each_round(contestant, |run| value(figure, run))
}

/// What this says of every round of a contestant, or why it cannot be had.
pub(super) fn each_round(
    contestant: &Contestant,
    value: impl Fn(&Run) -> Result<f64, String>,
) -> Result<Vec<Round>, String> {
    let mut runs = contestant.runs.iter().filter(|run| run.end != RunEnd::Interrupted).peekable();
    if runs.peek().is_none() {
        let why = contestant.unranked.as_deref().unwrap_or("no round was run");
        return Err(why.into());
    }
    runs.map(|run| {
        let value = value(run)?;
        Ok(Round { number: run.round, value, disturbed: disturbed(run) })
    })
    .collect()
}

/// The figure in one round.
fn value(figure: &Figure, run: &Run) -> Result<f64, String> {
    let exact = figure.quantity.unit() == Unit::Count;
    // A crash is what such a claim may be about; of an unfinished run no other figure means much.
    let ended = matches!(run.end, RunEnd::Finished | RunEnd::Died { .. });
    if let Some(mistake) = compare::mistake(run).filter(|_| !(exact && ended)) {
        return Err(mistake);
    }
    let latency = |pick: fn(&crate::result::Latency) -> u64| {
        known(&run.latency).map(|latency| pick(latency) as f64)
    };
    let usage =
        |pick: fn(&crate::trace::Usage) -> u64| known(&run.usage).map(|usage| pick(usage) as f64);
    let cpu = || known(&run.work_cpu).map(|cpu| cpu.total_ns() as f64);
    Ok(match figure.quantity {
        Quantity::Time | Quantity::SerialShare => run.work_ns.max(1) as f64,
        Quantity::Elapsed => (run.setup_ns + run.work_ns + run.teardown_ns).max(1) as f64,
        Quantity::Cpu => cpu()?,
        Quantity::Throughput => run.tasks.done as f64 * 1e9 / run.work_ns.max(1) as f64,
        Quantity::Cores => *known(&run.cores_used())?,
        Quantity::Memory => known(&run.memory)?.bytes as f64,
        Quantity::VoluntarySwitches => usage(|usage| usage.voluntary)?,
        Quantity::InvoluntarySwitches => usage(|usage| usage.involuntary)?,
        Quantity::LatencyP50 => latency(|latency| latency.p50_ns)?,
        Quantity::LatencyP99 => latency(|latency| latency.p99_ns)?,
        Quantity::LatencyMax => latency(|latency| latency.max_ns)?,
        Quantity::Queueing => run.queueing_ns().ok_or("no `hold` step was recorded")? as f64,
        Quantity::Longest => longest(run, step(figure)?)?,
        Quantity::Done => run.tasks.done as f64,
        Quantity::Failed => run.tasks.failed as f64,
        Quantity::Lost => run.tasks.lost as f64,
        Quantity::Var | Quantity::Spread => var(run, name(figure)?)?,
        Quantity::ServerMemory => *known(&server(run, name(figure)?)?.grown_bytes)? as f64,
        Quantity::ServerCpu => *known(&server(run, name(figure)?)?.cpu_ns)? as f64,
        Quantity::Threads | Quantity::RunningThreads | Quantity::RunQueueWait => {
            return Err("it is not a figure of rounds".into());
        }
    })
}

/// A figure of the run in which switches were recorded.
fn recorded(figure: &Figure, contestant: &Contestant) -> Result<f64, String> {
    let why_not = || contestant.unranked.as_deref().unwrap_or("no run was recorded").to_string();
    let run = contestant.traced.as_ref().ok_or_else(why_not)?;
    let no_record = || "the kernel's switches were not recorded".to_string();
    let shares = run.scheduling.as_ref().ok_or_else(no_record)?;
    match figure.quantity {
        Quantity::Threads => Ok(shares.threads.len() as f64 + f64::from(shares.threads_left_out)),
        Quantity::RunningThreads => average_running_threads(shares).ok_or_else(no_record),
        _ => {
            let kind = step(figure)?;
            let split = shares.steps.iter().find(|step| step.kind == kind).map(|step| step.split);
            let split = split
                .ok_or_else(|| format!("the record says nothing of its `{}` steps", kind.name()))?;
            let of = split.whole_ns() - split.unknown_ns;
            match of {
                0 => Err(no_record()),
                _ => Ok(split.runnable_ns as f64 / of as f64),
            }
        }
    }
}

pub(super) fn known<T>(figure: &Observed<T>) -> Result<&T, String> {
    match figure {
        Observed::Known(value) => Ok(value),
        Observed::Unknown(why) => Err(why.clone()),
    }
}

fn step(figure: &Figure) -> Result<StepKind, String> {
    match figure.part {
        Some(Part::Step(kind)) => Ok(kind),
        _ => Err("it does not say of which step".into()),
    }
}

fn name(figure: &Figure) -> Result<&str, String> {
    match &figure.part {
        Some(Part::Var(name) | Part::Server(name)) => Ok(name),
        _ => Err("it does not say of what".into()),
    }
}

fn longest(run: &Run, kind: StepKind) -> Result<f64, String> {
    let total = run.steps.iter().find(|total| total.kind == kind);
    let longest = total.and_then(|total| total.longest_ns);
    longest.map(|ns| ns as f64).ok_or_else(|| format!("no `{}` step was recorded", kind.name()))
}

fn var(run: &Run, name: &str) -> Result<f64, String> {
    let var = run.vars.iter().find(|var| var.name == name);
    var.map(|var| var.value as f64).ok_or_else(|| format!("`{name}` was not reported"))
}

fn server<'r>(run: &'r Run, name: &str) -> Result<&'r crate::trace::ServerUse, String> {
    let server = run.servers.iter().find(|server| server.name == name);
    server.ok_or_else(|| format!("the server `{name}` did not run"))
}
