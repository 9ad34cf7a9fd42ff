//! Which model to use: of those that are as fast as the fastest, the simplest, unless another costs
//! less by an amount that matters. One recommendation, its reason, and what stays undecided.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Strategy;

use super::costs::{cheaper_by, saves};
use super::{Case, list};
use crate::analyse::compare::{self, MIN_ROUNDS};
use crate::analyse::doubt;
use crate::analyse::stats::Confidence;
use crate::analyse::units::{count, duration, interval, plural, ratio};
use crate::analyse::within::AT_ONE_LOOK;
use crate::result::{Contestant, Rank, Recommended, Rule, Sentence, Verdict};
use crate::trace::RunEnd;

/// Who cannot be told from the fastest is taken for one of its equals if it took no more than this.
const AS_FAST: f64 = 1.1;
/// Of two models with latencies that differ by no more than this, neither is the sooner.
const AS_SOON: f64 = 1.1;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    let took = case.took(case.fastest);
    if case.against_fastest.len() < 2 {
        let only = case.name(case.fastest);
        let others = case.comparison.contestants.iter().enumerate();
        let mut others = others.filter(|(index, _)| *index != case.fastest).map(|(_, one)| one);
        let died =
            |one: &Contestant| one.runs.iter().any(|run| matches!(run.end, RunEnd::Died { .. }));
        let is = if others.any(died) { "survives" } else { "is ranked" };
        return Vec::from([Rule::OnlyOne.says(format!("Only {only} {is}: it took {took}."))]);
    }
    let (least, most) = case.comparison.tasks();
    if least != most {
        return Vec::from([Rule::DifferentAmounts.says(format!(
            "Between {} and {} were to be done, so that less time is not the better model: compare rates and costs.",
            count(least),
            plural(most, "task")
        ))]);
    }
    let rounds = case.summary(case.fastest).map_or(0, |summary| summary.rounds as usize);
    let told = |rank: &Rank| matches!(rank.verdict, Verdict::Slower | Verdict::Same);
    if rounds < MIN_ROUNDS && !case.against_fastest.iter().any(told) {
        return Vec::from([Rule::TooFewRounds.says(too_few(case, rounds))]);
    }
    let mut sentences = Vec::new();
    match Choice::new(case) {
        None => sentences.push(ahead_by_too_little(case)),
        Some(choice) => {
            sentences.push(choice.answer(case));
            sentences.extend(choice.reason(case));
        }
    }
    if rounds < MIN_ROUNDS {
        sentences.push(Rule::WithinRounds.says(format!(
            "From {} only what is overwhelming is told: a model is called slower if it took {} as long or more, nothing disturbed it, and no single task is to blame.",
            plural(rounds as u64, "round"),
            ratio(AT_ONE_LOOK)
        )));
    }
    sentences.extend(undecided(case).map(|text| Rule::Undecided.says(text)));
    sentences.extend(dropped(case).map(|text| Rule::Dropped.says(text)));
    sentences.extend(latency(case).map(|text| Rule::LatencyFromArrival.says(text)));
    sentences
}

/// Whom an answer by this rule recommends; `None`: nobody.
pub(super) fn recommended(case: &Case<'_>, rule: Rule) -> Option<Recommended> {
    use Rule as R;
    let says = [R::Use, R::SequentialSuffices, R::NotShownFaster, R::SoonestOfThoseThatKeepUp];
    let choice = says.contains(&rule).then(|| Choice::new(case)).flatten()?;
    Some(Recommended { contestant: choice.one as u32, equals: choice.equals.len() as u32 })
}

fn too_few(case: &Case<'_>, rounds: usize) -> String {
    let others: Vec<String> = case.against_fastest[1..]
        .iter()
        .map(|rank| {
            let who = case.name(rank.contestant as usize);
            format!("{who} {} as long", ratio(rank.ratio))
        })
        .collect();
    format!(
        "Inconclusive after {}: {} took {}, {}. Run at least {MIN_ROUNDS} rounds (`--runs {MIN_ROUNDS}`).",
        plural(rounds as u64, "round"),
        case.name(case.fastest),
        case.took(case.fastest),
        list(&others)
    )
}

/// Which one, and of whom.
struct Choice {
    one: usize,
    /// Who is as fast, it included.
    equals: Vec<usize>,
    /// Some of them cannot be told to be as fast.
    unsure: bool,
    /// A simpler one that is as fast, but costs more.
    instead_of: Option<usize>,
}

impl Choice {
    /// `None`: the fastest has no equal, and nobody can be told to be slower.
    fn new(case: &Case<'_>) -> Option<Self> {
        let (mut equals, unsure) = equals(case);
        // A loop that never gives way is sequential execution by another name.
        let gives_way = |index: &usize| {
            case.nature(*index).is_none_or(|nature| nature.interpreted.lone_call.is_none())
        };
        if equals.iter().any(gives_way) {
            equals.retain(gives_way);
        }
        let is_open = !case.is_paced() && case.with(Verdict::Slower).next().is_none();
        if equals.len() == 1 && is_open {
            return None;
        }
        equals.sort_by_key(|&index| simplicity(case, index));
        let beats = |one: usize, other: usize| saves(case, one, other);
        let kept = |&&one: &&usize| !equals.iter().any(|&other| beats(other, one));
        let one = equals.iter().find(kept).copied().unwrap_or(equals[0]);
        let instead_of = equals.iter().copied().find(|&other| beats(one, other));
        let is_simpler = |&other: &usize| simplicity(case, other) < simplicity(case, one);
        Some(Self { one, equals, unsure, instead_of: instead_of.filter(is_simpler) })
    }

    fn answer(&self, case: &Case<'_>) -> Sentence {
        let (one, took) = (self.one, case.took(self.one));
        let name = case.name(one);
        if is_sequential(case, one) && case.has_concurrent(one) {
            let open = self.unsure || case.with(Verdict::Inconclusive).next().is_some();
            return match open {
                true => Rule::NotShownFaster.says(format!(
                    "Use sequential execution ({took}): no model can be told to be faster."
                )),
                false => Rule::SequentialSuffices.says(format!(
                    "Use sequential execution ({took}): no model is faster, so concurrency gains nothing here."
                )),
            };
        }
        if case.is_paced() {
            let soon = case.p99_from_arrival(one).map_or_else(String::new, |ns| {
                format!(", and 99 % of tasks end within {} of their arrival", duration(ns))
            });
            return Rule::SoonestOfThoseThatKeepUp
                .says(format!("Use {name}: it keeps up with the arrivals{soon}."));
        }
        let beside = self.beside(case).unwrap_or_default();
        Rule::Use.says(format!("Use {name}: {took}{beside}."))
    }

    /// `, 2.78× as fast as sequential execution (2.50 s)`; else beside the next that is slower.
    fn beside(&self, case: &Case<'_>) -> Option<String> {
        let slower = || case.with(Verdict::Slower).map(|(index, _)| index);
        let model = |index: usize| &case.contestant(index).model;
        let alone = |&index: &usize| {
            is_sequential(case, index)
                && model(index).runtime == model(self.one).runtime
                && model(index).setting == model(self.one).setting
        };
        let (other, who) = match slower().find(alone) {
            Some(other) => (other, String::from("sequential execution")),
            None => {
                let other = slower().next()?;
                (other, format!("the next, {}", case.name(other)))
            }
        };
        let times = case.times_as_long(other, self.one)?;
        Some(format!(", {} as fast as {who} ({})", ratio(times), case.took(other)))
    }

    /// Why this one of those that are as fast.
    fn reason(&self, case: &Case<'_>) -> Option<Sentence> {
        let others: Vec<usize> = self.equals.iter().copied().filter(|&it| it != self.one).collect();
        // That sequential execution is the simplest needs no words.
        if others.is_empty() || is_sequential(case, self.one) && case.has_concurrent(self.one) {
            return None;
        }
        let name = case.name(self.one);
        let told = if self.unsure { "cannot be told to be slower than" } else { "is as fast as" };
        if let Some(dear) = self.instead_of {
            let (dear_name, savings) = (case.name(dear), cheaper_by(case, self.one, dear));
            let text = format!("{name} {told} {dear_name}, which is simpler, and {savings}.");
            return Some(Rule::CheapestOfEquals.says(text));
        }
        let names: Vec<String> = others.iter().map(|&index| case.name(index)).collect();
        let text = format!(
            "{name} {told} {}, and no cost differs by an amount that matters: of equals the {}.",
            list(&names),
            self.simplest(case)
        );
        Some(Rule::SimplestOfEquals.says(text))
    }

    /// `simplest is taken, in the order sequential, threads, event-loop`.
    fn simplest(&self, case: &Case<'_>) -> String {
        let mut order: Vec<Strategy> =
            self.equals.iter().map(|&index| case.contestant(index).model.strategy).collect();
        order.dedup();
        if let [_, _, ..] = order[..] {
            let names: Vec<&str> = order.iter().map(|strategy| strategy.name()).collect();
            return format!("simplest is taken, in the order {}", names.join(", "));
        }
        let mut workers = self.equals.iter().map(|&index| case.contestant(index).workers);
        let first = workers.next();
        match workers.any(|more| Some(more) != first) {
            true => "one with the fewest workers is taken".into(),
            false => "first that was named is taken".into(),
        }
    }
}

/// Simpler ones come first: by strategy, then with fewer workers, then as they were named.
fn simplicity(case: &Case<'_>, index: usize) -> (Strategy, u32, usize) {
    let contestant = case.contestant(index);
    (contestant.model.strategy, contestant.workers, index)
}

fn is_sequential(case: &Case<'_>, index: usize) -> bool {
    case.contestant(index).model.strategy == Strategy::Sequential
}

/// The fastest and who is as fast, or cannot be told to be slower and took hardly longer; and
/// whether there is one of the latter. Where arrivals set the pace all that keep up take as long;
/// of these it is the one that does each task soonest, and who does so as soon.
pub(super) fn equals(case: &Case<'_>) -> (Vec<usize>, bool) {
    let near = |rank: &Rank| rank.ratio <= AS_FAST && rank.low <= 1.0;
    let open: Vec<usize> = case
        .with(Verdict::Inconclusive)
        .filter(|(_, rank)| near(rank))
        .map(|(index, _)| index)
        .collect();
    let same = case.with(Verdict::Same).map(|(index, _)| index);
    if !case.is_paced() {
        let all = [case.fastest].into_iter().chain(same).chain(open.iter().copied());
        return (all.collect(), !open.is_empty());
    }
    let late = |index: usize| case.p99_from_arrival(index).unwrap_or(u64::MAX) as f64;
    let mut keep_up: Vec<usize> = same.chain([case.fastest]).collect();
    let soonest = keep_up.iter().map(|&index| late(index)).fold(f64::MAX, f64::min);
    keep_up.retain(|&index| late(index) <= AS_SOON * soonest);
    (keep_up, false)
}

fn ahead_by_too_little(case: &Case<'_>) -> Sentence {
    let (fastest, took) = (case.name(case.fastest), case.took(case.fastest));
    Rule::AheadByTooLittle.says(format!(
        "Inconclusive: {fastest} took least ({took}), but not by enough to be sure of it."
    ))
}

/// Of whom nothing can be said, why, and what would decide it.
fn undecided(case: &Case<'_>) -> Option<String> {
    let effect = case.comparison.settings.minimum_effect;
    let open = || case.with(Verdict::Inconclusive);
    let who: Vec<String> = open()
        .map(|(index, rank)| format!("{} ({}×)", case.name(index), interval(rank.low, rank.high)))
        .collect();
    let fastest = case.contestant(case.fastest);
    // The one that needs most rounds speaks for all.
    let doubts =
        open().filter_map(|(index, _)| doubt::doubt(case.contestant(index), fastest, effect));
    let worst = doubts.max_by_key(|doubt| doubt.rounds.unwrap_or(u32::MAX))?;
    Some(format!(
        "Inconclusive against {}: {}: {}.",
        case.name(case.fastest),
        list(&who),
        worst.why()
    ))
}

/// Who was run no more, because enough is known of it.
fn dropped(case: &Case<'_>) -> Option<String> {
    let told = case.against_fastest.iter().filter_map(|rank| {
        let index = rank.contestant as usize;
        let rounds = plural(case.contestant(index).dropped?.into(), "round");
        Some(format!("{} after {rounds} ({} as long)", case.name(index), ratio(rank.ratio)))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| {
        format!(
            "Dropped, for no further round could change what is said of it: {}. `--runs N` runs all of them N times.",
            list(&told)
        )
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
    let who = match least == most {
        true => "all ranked models".into(),
        false => format!("{}, within {most} under {}", case.name(best), case.name(worst)),
    };
    Some(format!("{why}: 99 % of tasks end within {least} of their arrival under {who}."))
}

impl Case<'_> {
    /// How many times as long the one takes as the other, paired by round.
    pub(super) fn times_as_long(&self, one: usize, other: usize) -> Option<f64> {
        let (one, other) = (self.contestant(one), self.contestant(other));
        compare::ratio(one, other, Confidence::P95).map(|(interval, _)| interval.median)
    }

    /// Whether somebody who does the same work is ranked beside it and is not sequential.
    fn has_concurrent(&self, index: usize) -> bool {
        let own = &self.contestant(index).model;
        self.against_fastest.iter().any(|rank| {
            let model = &self.contestant(rank.contestant as usize).model;
            model.strategy != Strategy::Sequential && model.setting == own.setting
        })
    }
}
