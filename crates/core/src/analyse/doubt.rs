//! Why two contestants cannot be told apart, and what would decide it. Looks at the rounds that a
//! verdict came from; the main type is [`Doubt`].

use alloc::format;
use alloc::string::String;

use super::compare::{self, MIN_ROUNDS, OVERWHELMING};
use super::stats::{self, Confidence, Interval};
use super::units::{percent, plural, ratio};
use crate::result::Contestant;

/// Nobody runs more rounds to learn of so little a difference.
const MANY: f64 = 300.0;

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Doubt {
    /// How many pairs of rounds there are.
    pub pairs: usize,
    /// Disturbed rounds are among them, since too few clean ones exist.
    pub disturbed: bool,
    /// So few that a bound must be cleared by a margin.
    pub few: bool,
    /// The smallest difference that is worth a verdict, as a share.
    pub effect: f64,
    /// About so many rounds would decide it, if they scatter as these; `None`: more than anybody
    /// runs.
    pub rounds: Option<u32>,
}

/// What stands against a verdict on these two; `None` without a round that both finished.
pub fn doubt(one: &Contestant, other: &Contestant, effect: f64) -> Option<Doubt> {
    let pairing = compare::pairs(one, other);
    let interval = stats::median_interval(&pairing.ratios, Confidence::P95)?;
    let pairs = pairing.ratios.len();
    let few = pairs < stats::enough(Confidence::P95);
    let rounds = needed(&interval, pairs, effect);
    Some(Doubt { pairs, disturbed: pairing.dirty, few, effect, rounds })
}

/// The width of an interval shrinks with the root of the number of rounds; it must fit between its
/// middle and the nearest bound of a verdict.
fn needed(interval: &Interval, pairs: usize, effect: f64) -> Option<u32> {
    let enough = stats::enough(Confidence::P95) as f64;
    if pairs < MIN_ROUNDS {
        return Some(enough as u32);
    }
    let half = libm::log(interval.high / interval.low) / 2.0;
    let away = (libm::log(interval.median).abs() - libm::log(1.0 + effect)).abs();
    let factor = half / away;
    let rounds = libm::ceil(pairs as f64 * factor * factor).max(enough).max(pairs as f64 + 1.0);
    (rounds <= MANY).then_some(rounds as u32)
}

impl Doubt {
    /// As the rest of a sentence: `because …; …`.
    pub fn why(&self) -> String {
        let rounds = plural(self.pairs as u64, "clean round");
        let reason = if self.disturbed {
            "its rounds were disturbed".into()
        } else if self.pairs < MIN_ROUNDS {
            format!("{rounds} cannot show how much the next would differ")
        } else if self.few {
            format!(
                "of {rounds} a difference must exceed {} and equality lie within {}",
                ratio(OVERWHELMING.max(1.0 + self.effect)),
                percent(self.effect / 4.0)
            )
        } else {
            let effect = percent(self.effect);
            format!("the interval spans both a difference of more than {effect} and none")
        };
        let remedy = match (self.disturbed, self.rounds) {
            (true, _) => "a quieter machine would decide it".into(),
            (false, Some(rounds)) => {
                format!("about {rounds} rounds would decide it (`--runs {rounds}`)")
            }
            (false, None) => "no bearable number of rounds would decide it".into(),
        };
        format!("{reason}; {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use maitred_wire::Strategy;

    use super::*;
    use crate::analyse::sample::{contestant, rounds};
    use crate::trace::sample::tables;

    /// Two that took the same, but for these percent in each round.
    fn of(percents: &[u64]) -> Doubt {
        let trace = tables(5, 1).run(Strategy::Threads, 5);
        let one = contestant(&trace, rounds(&trace, percents.len() as u32));
        let mut other = one.clone();
        for (run, percent) in other.runs.iter_mut().zip(percents) {
            run.work_ns = run.work_ns * percent / 100;
        }
        doubt(&other, &one, 0.03).unwrap()
    }

    #[test]
    fn few_rounds_need_a_margin_and_say_so() {
        let doubt = of(&[110, 112, 108, 111]);
        assert!(doubt.few && doubt.rounds.is_some());
        let expected = "of 4 clean rounds a difference must exceed 1.25× and equality lie within 0.8 %; about 6 rounds would decide it (`--runs 6`)";
        assert_eq!(doubt.why(), expected);
        assert!(of(&[110]).why().starts_with("1 clean round cannot show"), "{}", of(&[110]).why());
    }

    #[test]
    fn many_rounds_span_both() {
        let doubt = of(&[90, 120, 104, 99, 115, 95, 125, 98]);
        assert!(!doubt.few, "{doubt:?}");
        assert!(doubt.why().starts_with("the interval spans both"), "{}", doubt.why());
        let hopeless: Vec<u64> = (0..12).map(|round| 93 + 20 * (round % 2)).collect();
        assert_eq!(of(&hopeless).rounds, None, "the middle lies on the bound");
    }
}
