//! Who is faster than whom: ratios of rounds that ran side by side, and verdicts that may be
//! "inconclusive". A model that failed is never ranked. The main entrance is [`rank`].
//!
//! **From interval to verdict.** With [`stats::enough`] pairs the interval of the median ratio
//! holds whatever the distribution, and it is compared with the smallest effect worth naming.
//! With fewer (three at least; from two nobody can see that the next would not be otherwise) the
//! interval rests on an assumption that cannot be checked, so a margin is demanded besides: a
//! difference must be [`OVERWHELMING`], a sameness four times closer than needed. Noise that
//! stretches one round by a quarter is common; noise that stretches every round of one model and
//! none of its neighbour's, so evenly that Student's t sees it as certain, is not.
//!
//! From one or two rounds only what is `within` them can tell, and only what is overwhelming.
//!
//! **Stopping.** Looking after every round and stopping at the first verdict makes false verdicts
//! likelier than each look's 5 % (Armitage, McPherson & Rowe 1969: ten looks, 19 %). So
//! [`decided`] looks at ten chosen rounds only and then demands 99 % intervals: Pocock's (1977)
//! level for ten looks is 0.0106 each for 5 % in all. Who has not decided after these is looked at
//! whenever there are half as many rounds again; with twenty looks, which are 2,600 rounds, his level
//! is 0.0075.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::{Failure, Model};

use super::stats::{self, Confidence, Interval};
use super::{sameness, stuck, summary, units, within};
use crate::result::{Comparison, Contestant, Rank, Run, Verdict};
use crate::trace::RunEnd;
use crate::workload::Counted;

/// The least number of pairs from which anything can be told.
pub const MIN_ROUNDS: usize = 3;
/// What a ratio must exceed on few rounds.
pub const OVERWHELMING: f64 = 1.25;
/// After how many rounds [`decided`] looks first.
const LOOKS: [u32; 10] = [3, 4, 5, 6, 8, 11, 15, 20, 30, 45];

/// Whether it is looked at after so many rounds.
pub(super) fn is_look(rounds: u32) -> bool {
    let last = LOOKS[LOOKS.len() - 1];
    let mut further = core::iter::successors(Some(last), |at| at.checked_add(at / 2));
    LOOKS.contains(&rounds) || further.any(|at| at == rounds)
}

/// Two models on the same rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairing {
    /// Work time of the one ÷ that of the other, by round.
    pub ratios: Vec<f64>,
    /// Disturbed rounds are among them, since too few clean ones exist.
    pub dirty: bool,
}

/// Fills in what follows from the runs: summaries, who is unranked and why, and the ranking,
/// fastest first. `baseline`: whom to compare with; without it, or if it failed, the fastest.
pub fn rank(comparison: &mut Comparison, baseline: Option<&Model>) {
    for contestant in &mut comparison.contestants {
        contestant.unranked = unranked(contestant);
        contestant.summary = summary::summarise(&counted(contestant));
    }
    part_those_who_differ(&mut comparison.contestants);
    let effect = comparison.settings.minimum_effect;
    comparison.ranking = match reference(&comparison.contestants, baseline) {
        None => Vec::new(),
        Some(reference) => ranks(&comparison.contestants, reference, effect, Confidence::P95),
    };
}

/// Those of its rounds, as far as they can be held against each other: where all results of a round were compared,
/// one of which only a part was says nothing more.
pub(super) fn result_hashes(contestant: &Contestant) -> Vec<&str> {
    let known = || {
        let runs = counted(contestant).into_iter();
        runs.filter_map(|run| Some((run.result_hash.as_deref()?, run.results_not_compared == 0)))
    };
    let is_any_whole = known().any(|(_, is_whole)| is_whole);
    known().filter(|(_, is_whole)| *is_whole == is_any_whole).map(|(hash, _)| hash).collect()
}

/// Who returned other results did other work: no time of it says anything about the rest.
fn part_those_who_differ(contestants: &mut [Contestant]) {
    let hashes: Vec<Vec<&str>> = contestants.iter().map(result_hashes).collect();
    let differing = sameness::other_results(contestants, &hashes);
    let raising = raises_more(contestants);
    for ((contestant, differs), raises) in contestants.iter_mut().zip(differing).zip(raising) {
        let why = raises.or(differs).or_else(|| guards_not_shared(contestant));
        contestant.unranked = contestant.unranked.take().or(why);
    }
}

/// What keeps others out, but not those of other workers, as a reason not to rank it; `None`: there
/// is no such thing, or the user's own check of the results holds all the same.
pub(super) fn guards_not_shared(contestant: &Contestant) -> Option<String> {
    let counted = counted(contestant);
    let checked = |run: &&Run| !run.expectations.is_empty();
    let run = counted.iter().find(|run| !run.unshared.is_empty() && !checked(run))?;
    let guards: Vec<String> = (run.unshared.iter())
        .filter_map(|(name, kind)| Some(format!("`{name}` ({})", kind.strip_prefix("guard ")?)))
        .collect();
    (!guards.is_empty())
        .then(|| format!("its workers do not share {}: each has its own", guards.join(", ")))
}

/// Whether every ranked pair has a verdict against the reference, so that no further round is
/// needed; with fewer than two ranked models, after [`MIN_ROUNDS`] rounds.
pub fn decided(contestants: &[Contestant], effect: f64, baseline: Option<&Model>) -> bool {
    let judged = contestants
        .iter()
        .map(|contestant| Contestant { unranked: unranked(contestant), ..contestant.clone() });
    let mut contestants: Vec<Contestant> = judged.collect();
    part_those_who_differ(&mut contestants);
    let Some(reference) = reference(&contestants, baseline) else { return false };
    let rounds = contestants[reference].runs.iter().map(|run| run.round + 1).max().unwrap_or(0);
    is_look(rounds)
        && ranks(&contestants, reference, effect, Confidence::P99)
            .iter()
            .all(|rank| rank.verdict != Verdict::Inconclusive)
}

/// So much longer is hopeless.
pub const HOPELESS: f64 = 5.0;

/// Who is told to take [`HOPELESS`] times as long as the reference or more, from rounds that nothing
/// disturbed: further rounds of it would only take time. Looks when [`decided`] looks.
pub fn hopeless(contestants: &[Contestant], effect: f64, baseline: Option<&Model>) -> Vec<usize> {
    let Some(reference) = reference(contestants, baseline) else { return Vec::new() };
    let rounds = contestants[reference].runs.iter().map(|run| run.round + 1).max().unwrap_or(0);
    if !is_look(rounds) {
        return Vec::new();
    }
    let ranks = ranks(contestants, reference, effect, Confidence::P99);
    let is_hopeless = |rank: &&Rank| {
        let pairing = pairs(&contestants[rank.contestant as usize], &contestants[reference]);
        let told = rank.verdict == Verdict::Slower && rank.low >= HOPELESS;
        told && !pairing.dirty && pairing.ratios.len() >= MIN_ROUNDS
    };
    ranks.iter().filter(is_hopeless).map(|rank| rank.contestant as usize).collect()
}

/// Every ranked contestant against this one, fastest first.
pub fn ranks(
    contestants: &[Contestant],
    reference: usize,
    effect: f64,
    confidence: Confidence,
) -> Vec<Rank> {
    let mut ranks: Vec<Rank> = (0..contestants.len())
        .filter(|&index| is_ranked(&contestants[index]))
        .filter_map(|index| {
            let (one, other) = (&contestants[index], &contestants[reference]);
            // Beside itself it is 1: a bootstrap that says so is a good part of a short comparison.
            let is_reference = index == reference;
            let interval = if is_reference { None } else { ratio(one, other, confidence) };
            let mut rank = rank_of(index, is_reference, interval, effect, confidence)?;
            if interval.is_some_and(|(_, pairs)| pairs < MIN_ROUNDS) {
                rank.verdict = within::verdict(one, other, effect).unwrap_or(rank.verdict);
            }
            Some(rank)
        })
        .collect();
    let work = |rank: &Rank| median_work(&contestants[rank.contestant as usize]);
    ranks.sort_by(|one, other| work(one).total_cmp(&work(other)));
    ranks
}

fn rank_of(
    index: usize,
    is_reference: bool,
    paired: Option<(Interval, usize)>,
    effect: f64,
    confidence: Confidence,
) -> Option<Rank> {
    let contestant = index as u32;
    if is_reference {
        let verdict = Verdict::Reference;
        return Some(Rank { contestant, ratio: 1.0, low: 1.0, high: 1.0, verdict });
    }
    let (interval, pairs) = paired?;
    Some(Rank {
        contestant,
        ratio: interval.median,
        low: interval.low,
        high: interval.high,
        verdict: verdict(&interval, pairs, effect, confidence),
    })
}

/// What an interval of ratios from so many pairs allows to say; `effect` is a share.
pub fn verdict(interval: &Interval, pairs: usize, effect: f64, confidence: Confidence) -> Verdict {
    let few = pairs < stats::enough(confidence);
    let same = if few { 1.0 + effect / 4.0 } else { 1.0 + effect };
    let other = if few { OVERWHELMING.max(1.0 + effect) } else { 1.0 + effect };
    match interval {
        _ if pairs < MIN_ROUNDS => Verdict::Inconclusive,
        Interval { low, .. } if *low > other => Verdict::Slower,
        Interval { high, .. } if *high < 1.0 / other => Verdict::Faster,
        Interval { low, high, .. } if *low >= 1.0 / same && *high <= same => Verdict::Same,
        _ => Verdict::Inconclusive,
    }
}

/// The median ratio of one contestant's work time to another's with its interval, and the number
/// of pairs; `None` without a pair.
pub fn ratio(
    one: &Contestant,
    other: &Contestant,
    confidence: Confidence,
) -> Option<(Interval, usize)> {
    let ratios = pairs(one, other).ratios;
    Some((stats::median_interval(&ratios, confidence)?, ratios.len()))
}

/// The rounds that both finished; the clean ones, where there are [`MIN_ROUNDS`] of them.
pub fn pairs(one: &Contestant, other: &Contestant) -> Pairing {
    let both: Vec<(bool, f64)> = finished(one)
        .filter_map(|run| {
            let beside = finished(other).find(|beside| beside.round == run.round)?;
            let clean = run.noise.dirty.is_none() && beside.noise.dirty.is_none();
            Some((clean, run.compared_ns() / beside.compared_ns()))
        })
        .collect();
    let clean = both.iter().filter(|(clean, _)| *clean).count();
    let dirty = clean < MIN_ROUNDS && clean < both.len();
    let used = both.into_iter().filter(|(clean, _)| *clean || dirty);
    Pairing { ratios: used.map(|(_, ratio)| ratio).collect(), dirty }
}

/// The rounds that count for a contestant's own figures: finished ones, of these the clean ones
/// where there are [`MIN_ROUNDS`] of them.
pub fn counted(contestant: &Contestant) -> Vec<&Run> {
    let all: Vec<&Run> = finished(contestant).filter(|run| disqualifies(run).is_none()).collect();
    let clean: Vec<&Run> = all.iter().copied().filter(|run| run.noise.dirty.is_none()).collect();
    if clean.len() >= MIN_ROUNDS { clean } else { all }
}

/// Why a contestant cannot be ranked; `None`: it can.
fn unranked(contestant: &Contestant) -> Option<String> {
    let own: Vec<&Run> =
        contestant.runs.iter().filter(|run| run.end != RunEnd::Interrupted).collect();
    if own.is_empty() {
        // Why it never ran may have been written by whoever could not start it.
        return contestant.unranked.clone().or_else(|| {
            let stopped = !contestant.runs.is_empty();
            Some(if stopped { "interrupted before it ended" } else { "not run" }.into())
        });
    }
    let mistakes: Vec<String> = own.iter().filter_map(|run| disqualifies(run)).collect();
    let first = mistakes.first()?;
    Some(match (mistakes.len(), own.len()) {
        (wrong, all) if wrong < all => format!("{first} (in {wrong} of {all} rounds)"),
        _ => first.clone(),
    })
}

/// Why a round does not count: a few calls of a function that raise are not reason enough, for they
/// are part of the work, as long as they raise under every model.
pub fn disqualifies(run: &Run) -> Option<String> {
    mistake(run).filter(|_| !only_some_raised(run))
}

/// Whether all that is wrong is that a few calls of the user's function raised something.
pub(super) fn only_some_raised(run: &Run) -> bool {
    let tasks = run.tasks;
    let raised = !run.failures.is_empty()
        && run.failures.iter().all(|one| one.kind.starts_with(char::is_uppercase));
    let ended = run.end == RunEnd::Finished && tasks.lost + tasks.not_run == 0;
    ended && raised && tasks.failed > 0 && tasks.failed <= tasks.done && wrong_result(run).is_none()
}

/// Why a contestant is not ranked some of whose calls raise that do not under others.
fn raises_more(contestants: &[Contestant]) -> Vec<Option<String>> {
    let failed =
        |contestant: &Contestant| counted(contestant).iter().map(|run| run.tasks.failed).max();
    let least = contestants.iter().filter_map(failed).min().unwrap_or(0);
    let why = |contestant: &Contestant| {
        let counted = counted(contestant);
        let run = counted.iter().find(|run| run.tasks.failed > least)?;
        let beside = if least == 0 { "none" } else { "fewer" };
        Some(format!("{}, and {beside} under another model", mistake(run)?))
    };
    contestants.iter().map(why).collect()
}

/// What was wrong with a round; `None`: it did the work.
pub fn mistake(run: &Run) -> Option<String> {
    wrong_end(run).or_else(|| wrong_result(run)).or_else(|| failed_tasks(run))
}

fn wrong_end(run: &Run) -> Option<String> {
    match &run.end {
        RunEnd::TimeUp { .. } if run.tasks.done == 0 && run.tasks.failed == 0 => {
            Some("no task ended in the time that was given".into())
        }
        RunEnd::Finished | RunEnd::TimeUp { .. } => None,
        RunEnd::Interrupted => Some("interrupted".into()),
        RunEnd::Deadlock(blocked) => Some(match blocked.len() {
            1 => "deadlock: 1 task waits for ever".into(),
            many => format!("deadlock: {} wait for ever", units::plural(many as u64, "task")),
        }),
        RunEnd::TimedOut { limit_ns } => {
            let where_it_was = stuck::told(&run.notes);
            Some(format!("timed out after {}{where_it_was}", units::duration(*limit_ns)))
        }
        RunEnd::OutOfMemory { limit_bytes, seen_bytes } => Some(format!(
            "out of memory: took {} of {} allowed",
            units::bytes(*seen_bytes),
            units::bytes(*limit_bytes)
        )),
        RunEnd::Died { how } => Some(format!(
            "died: {how}; {} of {} done{}",
            units::count(run.tasks.done),
            units::plural(all_tasks(run), "task"),
            stuck::told(&run.notes)
        )),
        RunEnd::Refused(error) => Some(format!("cannot run this: {}", error.text)),
    }
}

fn wrong_result(run: &Run) -> Option<String> {
    let wrong = run.expectations.iter().find(|expectation| !expectation.holds)?;
    Some(format!("wrong result: expected {}, it is {}", wrong.text, wrong.actual))
}

fn all_tasks(run: &Run) -> u64 {
    let tasks = run.tasks;
    tasks.done + tasks.failed + tasks.lost + tasks.not_run
}

/// Tasks that failed although nobody said that they may: a workload that expects something of
/// their number (and gets it, or [`wrong_result`] would have spoken) has said so.
pub(super) fn failed_tasks(run: &Run) -> Option<String> {
    let tasks = run.tasks;
    let of_tasks = |name: &str| Counted::ALL.iter().any(|counted| name.starts_with(counted.name()));
    let expected = run.expectations.iter().any(|expected| of_tasks(&expected.text));
    let all = all_tasks(run);
    let (count, what) = match tasks {
        _ if expected => return None,
        _ if tasks.failed > 0 => (tasks.failed, "failed"),
        _ if tasks.lost == 1 => (1, "was lost with its process"),
        _ if tasks.lost > 0 => (tasks.lost, "were lost with their process"),
        _ if tasks.not_run == 1 => (1, "was not run"),
        _ if tasks.not_run > 0 => (tasks.not_run, "were not run"),
        _ => return None,
    };
    let example = run.failures.first().map(|failure| {
        let others = run.failures.iter().map(|one| format!("{} × {}", one.count, one.kind));
        let kinds = match run.failures.len() {
            1 => String::new(),
            _ => format!(" ({})", others.collect::<Vec<_>>().join(", ")),
        };
        format!("{kinds}: {}", in_words(failure))
    });
    let count = units::count(count);
    Some(format!("{count} of {} {what}{}", units::plural(all, "task"), example.unwrap_or_default()))
}

/// What one failure said; the type of an exception says what its message often does not.
fn in_words(failure: &Failure) -> String {
    let Failure { kind, text, .. } = failure;
    if kind.starts_with(char::is_uppercase) { format!("{kind}: {text}") } else { text.clone() }
}

/// The contestant to compare with.
pub fn reference(contestants: &[Contestant], baseline: Option<&Model>) -> Option<usize> {
    let ranked = || (0..contestants.len()).filter(|&index| is_ranked(&contestants[index]));
    let named =
        baseline.and_then(|model| ranked().find(|&index| &contestants[index].model == model));
    let work = |index: &usize| median_work(&contestants[*index]);
    named.or_else(|| ranked().min_by(|one, other| work(one).total_cmp(&work(other))))
}

fn is_ranked(contestant: &Contestant) -> bool {
    contestant.unranked.is_none() && !counted(contestant).is_empty()
}

fn finished(contestant: &Contestant) -> impl Iterator<Item = &Run> {
    contestant.runs.iter().filter(|run| run.end == RunEnd::Finished || run.is_timed())
}

fn median_work(contestant: &Contestant) -> f64 {
    let times: Vec<f64> = counted(contestant).iter().map(|run| run.compared_ns()).collect();
    stats::median(&times).unwrap_or(f64::MAX)
}
