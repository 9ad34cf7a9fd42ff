//! Which model to use: among those that are as fast as the fastest, the cheapest.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::{Case, list, name};
use crate::analyse::compare::MIN_ROUNDS;
use crate::analyse::units::{count, duration, interval, plural, ratio};
use crate::result::{Rank, Rule, Sentence, Verdict};

/// Costs are compared from here on; below, a figure is mostly the cost of measuring it.
const CPU_GRAIN_NS: f64 = 1e6;
const MEMORY_GRAIN: f64 = 1_048_576.0;
/// Cheaper means at most so much of the other's cost.
const CHEAPER: f64 = 0.8;
/// Of two models with latencies that differ by no more than this, neither is the sooner.
const AS_SOON: f64 = 1.1;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    if case.against_fastest.len() < 2 {
        let only = name(case.contestant(case.fastest));
        let took = case.took(case.fastest);
        let text = format!("Only {only} is ranked: it took {took}.");
        return Vec::from([Rule::OnlyOne.says(text)]);
    }
    let (least, most) = case.comparison.tasks();
    if least != most {
        let text = format!(
            "Between {} and {} were to be done, so that less time is not the better model: compare rates and costs.",
            count(least),
            plural(most, "task")
        );
        return Vec::from([Rule::DifferentAmounts.says(text)]);
    }
    let rounds = case.summary(case.fastest).map_or(0, |summary| summary.rounds as usize);
    if rounds < MIN_ROUNDS {
        sentences.push(Rule::TooFewRounds.says(too_few(case, rounds)));
        return sentences;
    }
    sentences.push(best(case));
    sentences.extend(against_sequential(case).map(|text| Rule::AgainstSequential.says(text)));
    sentences.extend(undecided(case).map(|text| Rule::Undecided.says(text)));
    sentences.extend(latency(case).map(|text| Rule::LatencyFromArrival.says(text)));
    sentences
}

fn too_few(case: &Case<'_>, rounds: usize) -> String {
    let fastest = name(case.contestant(case.fastest));
    let others: Vec<String> =
        case.against_fastest[1..].iter().map(|rank| times(case, rank)).collect();
    let rounds = plural(rounds as u64, "round");
    format!(
        "Of {rounds} no verdict can be given: {fastest} took {}, {}. Run at least {MIN_ROUNDS} rounds (`--runs {MIN_ROUNDS}`).",
        case.took(case.fastest),
        list(&others)
    )
}

/// `native/threads 2.78× as long`.
fn times(case: &Case<'_>, rank: &Rank) -> String {
    let who = name(case.contestant(rank.contestant as usize));
    format!("{who} {} as long", ratio(rank.ratio))
}

fn best(case: &Case<'_>) -> Sentence {
    let (fastest, equals) = equals(case);
    let all = || equals.iter().copied().chain([fastest]);
    let is_sequential =
        |index: usize| case.contestant(index).model.strategy == Strategy::Sequential;
    if let Some(sequential) = all().find(|&index| is_sequential(index)) {
        let sequential = name(case.contestant(sequential));
        let faster = 1.0 - case.comparison.settings.minimum_effect;
        if case.with(Verdict::CannotTell).any(|(_, rank)| rank.low < faster) {
            let text =
                format!("No ranked model can be told to be faster than {sequential}: use it.");
            return Rule::NotShownFaster.says(text);
        }
        return Rule::SequentialSuffices.says(format!(
            "No ranked model is faster than {sequential}: concurrency gains nothing here. Use it."
        ));
    }
    let cheapest = all().min_by(|&one, &other| cost(case, one).total_cmp(&cost(case, other)));
    match cheapest {
        Some(cheap) if cheap != fastest && cost(case, cheap) <= CHEAPER * cost(case, fastest) => {
            Rule::CheapestOfEquals.says(cheaper(case, cheap, fastest))
        }
        Some(cheap) => {
            let affordable = |&index: &usize| CHEAPER * cost(case, index) <= cost(case, cheap);
            let strategy = |index: &usize| case.contestant(*index).model.strategy;
            let simplest = all().filter(affordable).min_by_key(strategy).unwrap_or(fastest);
            alike(case, simplest, &all().filter(|&index| index != simplest).collect::<Vec<_>>())
        }
        None => alike(case, fastest, &[]),
    }
}

/// The fastest and who is as fast. Where arrivals set the pace all that keep up take as long; of
/// these it is the one that does each task soonest, and who does so as soon.
fn equals(case: &Case<'_>) -> (usize, Vec<usize>) {
    let same = case.with(Verdict::Same).map(|(index, _)| index);
    if !case.is_paced() {
        return (case.fastest, same.collect());
    }
    let late = |index: usize| case.p99_from_arrival(index).unwrap_or(u64::MAX) as f64;
    let mut keep_up: Vec<usize> = same.chain([case.fastest]).collect();
    keep_up.sort_by(|&one, &other| late(one).total_cmp(&late(other)));
    let soonest = keep_up.remove(0);
    keep_up.retain(|&index| late(index) <= AS_SOON * late(soonest));
    (soonest, keep_up)
}

fn cheaper(case: &Case<'_>, cheap: usize, fastest: usize) -> String {
    let savings = savings(case, cheap, fastest);
    let (who, fastest) = (name(case.contestant(cheap)), name(case.contestant(fastest)));
    format!("{who} is as fast as {fastest} and {savings}: use it.")
}

/// `uses a tenth of the processor time and half the memory`.
fn savings(case: &Case<'_>, cheap: usize, fastest: usize) -> String {
    let of = |index| figures(case, index);
    let ((cpu, memory), (cpu_other, memory_other)) = (of(cheap), of(fastest));
    let share = |one: Option<f64>, other: Option<f64>| Some(one? / other?);
    let (cpu, memory) = (share(cpu, cpu_other), share(memory, memory_other));
    let saved = |share: Option<f64>| share.filter(|share| *share <= 0.9).map(fraction);
    match (saved(cpu), saved(memory)) {
        (Some(cpu), Some(memory)) if cpu == memory => {
            format!("uses {cpu} the processor time and memory")
        }
        (Some(cpu), Some(memory)) => {
            format!("uses {cpu} the processor time and {memory} the memory")
        }
        (Some(cpu), None) => format!("uses {cpu} the processor time{}", though(memory, "memory")),
        (None, Some(memory)) => {
            format!("uses {memory} the memory{}", though(cpu, "processor time"))
        }
        (None, None) => "costs less".into(),
    }
}

fn though(share: Option<f64>, what: &str) -> String {
    match share {
        Some(share) if share > 1.1 => format!(", though {} the {what}", ratio(share)),
        _ => String::new(),
    }
}

/// `half`, `a third of`, `a tenth of`; between them the nearest in words.
fn fraction(share: f64) -> String {
    const NAMES: [(f64, &str); 7] = [
        (0.75, "three quarters of"),
        (0.5, "half"),
        (0.333, "a third of"),
        (0.25, "a quarter of"),
        (0.2, "a fifth of"),
        (0.1, "a tenth of"),
        (0.01, "a hundredth of"),
    ];
    let distance = |named: f64| libm::log(share / named).abs();
    let nearest = NAMES.iter().min_by(|one, other| distance(one.0).total_cmp(&distance(other.0)));
    match nearest {
        Some((named, text)) if distance(*named) < 0.2 => (*text).into(),
        _ => format!("{} of", crate::analyse::units::percent(share)),
    }
}

/// Of models that are alike in time and cost the simplest is the best: strategies are ordered so.
/// (Others that are as fast may be simpler still, but costlier.)
fn alike(case: &Case<'_>, simplest: usize, others: &[usize]) -> Sentence {
    if others.is_empty() && case.is_paced() {
        return Rule::SoonestOfThoseThatKeepUp.says(format!(
            "Use {}: of all that keep up it does tasks soonest.",
            name(case.contestant(simplest))
        ));
    }
    if others.is_empty() {
        return fastest_sentence(case);
    }
    let strategy = |index: usize| case.contestant(index).model.strategy;
    let why = match others.iter().all(|&other| strategy(simplest) <= strategy(other)) {
        true => ", not costlier, and the simplest of them",
        false => " and not costlier",
    };
    let others: Vec<String> = others.iter().map(|&index| name(case.contestant(index))).collect();
    Rule::SimplestOfEquals.says(format!(
        "{} ({}) is as fast as {}{why}: use it.",
        name(case.contestant(simplest)),
        case.took(simplest),
        list(&others)
    ))
}

fn fastest_sentence(case: &Case<'_>) -> Sentence {
    let fastest = name(case.contestant(case.fastest));
    let took = case.took(case.fastest);
    match case.with(Verdict::Slower).next() {
        None => Rule::AheadByTooLittle
            .says(format!("{fastest} took least ({took}), but not by enough to be sure of it.")),
        Some((_, _)) if case.with(Verdict::CannotTell).next().is_some() => Rule::AheadByTooLittle
            .says(format!("{fastest} ({took}) is as fast as any, as far as can be told.")),
        Some((next, rank)) => Rule::Fastest.says(format!(
            "{fastest} is the fastest ({took}): the next, {}, takes {} as long. Use it.",
            name(case.contestant(next)),
            ratio(rank.ratio)
        )),
    }
}

/// How much concurrency gains at all: on the same runtime, for another one differs in more.
fn against_sequential(case: &Case<'_>) -> Option<String> {
    let model = |index: usize| &case.contestant(index).model;
    let alone = |index: usize| {
        let (model, fastest) = (model(index), model(case.fastest));
        model.strategy == Strategy::Sequential && model.runtime == fastest.runtime
    };
    let (index, rank) = case.with(Verdict::Slower).find(|(index, _)| alone(*index))?;
    let next = case.with(Verdict::Slower).next().map(|(index, _)| index);
    // Where it is the next anyway, it has just been said.
    let said = next == Some(index)
        && case.with(Verdict::Same).next().is_none()
        && case.with(Verdict::CannotTell).next().is_none();
    (!said).then(|| {
        let took = case.took(index);
        format!(
            "One after another ({}) it takes {} as long ({took}).",
            name(case.contestant(index)),
            ratio(rank.ratio)
        )
    })
}

fn undecided(case: &Case<'_>) -> Option<String> {
    let open = || case.with(Verdict::CannotTell);
    let who: Vec<String> = open()
        .map(|(index, rank)| {
            format!("{} ({}×)", name(case.contestant(index)), interval(rank.low, rank.high))
        })
        .collect();
    let fastest = name(case.contestant(case.fastest));
    let all = open().map(|(index, _)| index).chain([case.fastest]);
    let cheapest = all.min_by(|&one, &other| cost(case, one).total_cmp(&cost(case, other)))?;
    let advice = match cost(case, cheapest) <= CHEAPER * cost(case, case.fastest) {
        true => format!(", and of these {} costs least", name(case.contestant(cheapest))),
        false => String::new(),
    };
    (!who.is_empty()).then(|| {
        format!("These rounds cannot tell {} from {fastest}: more may{advice}.", list(&who))
    })
}

/// Where tasks arrive by the clock, latency tells more than how long the work took.
fn latency(case: &Case<'_>) -> Option<String> {
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let mut p99: Vec<(u64, usize)> =
        ranked.filter_map(|index| Some((case.p99_from_arrival(index)?, index))).collect();
    p99.sort_unstable();
    let ((least, best), (most, worst)) = (*p99.first()?, *p99.last()?);
    let why = match case.is_paced() {
        true => "Arrivals set the pace, so compare latencies",
        false => "Latency counts from the arrival",
    };
    let (least, most) = (duration(least), duration(most));
    let (best, worst) = (name(case.contestant(best)), name(case.contestant(worst)));
    let who = match least == most {
        true => "all ranked models".into(),
        false => format!("{best}, within {most} under {worst}"),
    };
    Some(format!("{why}: 99 % of tasks end within {least} of their arrival under {who}."))
}

/// Processor time × memory, or one of them where the other is not known of both.
fn cost(case: &Case<'_>, index: usize) -> f64 {
    let (cpu, memory) = figures(case, index);
    let all = || case.against_fastest.iter().map(|rank| figures(case, rank.contestant as usize));
    let cpu = cpu.filter(|_| all().all(|(cpu, _)| cpu.is_some())).unwrap_or(1.0);
    let memory = memory.filter(|_| all().all(|(_, memory)| memory.is_some())).unwrap_or(1.0);
    cpu * memory
}

/// Processor time and memory, as far as they are known.
fn figures(case: &Case<'_>, index: usize) -> (Option<f64>, Option<f64>) {
    let Some(summary) = case.summary(index) else { return (None, None) };
    let cpu = summary.cpu_ns.known().map(|&ns| (ns as f64).max(CPU_GRAIN_NS));
    let memory = summary.memory_bytes.known().map(|&bytes| (bytes as f64).max(MEMORY_GRAIN));
    (cpu, memory)
}
