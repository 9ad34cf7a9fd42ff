//! How sure it is: rounds, intervals, noise, and why no further round was run.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::Options;
use super::super::paint::Ink;
use super::answer::told;
use super::facts;
use super::rows::{Row, reach};
use crate::analyse::compare;
use crate::analyse::units::{count, duration, percent, plural, ratio};
use crate::result::{Comparison, Run, Stopped};
use crate::trace::Noise;

/// One sentence.
pub(super) fn sure(comparison: &Comparison, rows: &[Row<'_>], options: &Options) -> String {
    let mut parts = Vec::new();
    let rounds = rounds(rows);
    let elapsed = comparison.elapsed_ns.filter(|_| rounds.is_some());
    let elapsed = elapsed.map_or_else(String::new, |ns| format!(" in {}", duration(ns)));
    parts.extend(rounds.map(|rounds| rounds + &elapsed));
    parts.extend(facts::speed(comparison));
    let widest = rows.iter().map(|row| reach(row.summary)).fold(0.0, f64::max);
    if widest > 0.0 {
        parts.push(format!("95 % intervals within {}", percent(widest)));
    }
    parts.extend(noise(comparison));
    parts.extend(dropped(comparison));
    parts.extend(stopped(comparison.stopped).map(str::to_string));
    if parts.is_empty() {
        return String::new();
    }
    told(&format!("{}.", parts.join(", ")), Ink::Dim, options)
}

/// Who was run no more, with its ratio.
fn dropped(comparison: &Comparison) -> Option<String> {
    let ratio_of = |index: usize| {
        let rank = comparison.ranking.iter().find(|rank| rank.contestant as usize == index);
        rank.map_or_else(String::new, |rank| format!(": {} as long, decided", ratio(rank.ratio)))
    };
    let all = comparison.contestants.iter().enumerate();
    let told: Vec<String> = all
        .filter_map(|(index, one)| {
            let rounds = plural(one.dropped?.into(), "round");
            let name = comparison.label(index);
            Some(format!("{name} dropped after {rounds}{}", ratio_of(index)))
        })
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// `3 rounds`, `3 to 6 rounds`.
fn rounds(rows: &[Row<'_>]) -> Option<String> {
    let rounds = rows.iter().map(|row| u64::from(row.summary.rounds));
    let (least, most) = (rounds.clone().min()?, rounds.max()?);
    Some(match least == most {
        true => plural(most, "round"),
        false => format!("{} to {}", count(least), plural(most, "round")),
    })
}

/// What others did meanwhile. That disturbed rounds had to be used is a warning of its own.
fn noise(comparison: &Comparison) -> Option<String> {
    let runs = || comparison.contestants.iter().flat_map(|one| &one.runs);
    let all = runs().count() as u64;
    let dirty = runs().filter(|run| run.noise.dirty.is_some()).count() as u64;
    let is_known = |run: &Run| {
        let Noise { pressure, others, steal, .. } = run.noise;
        [pressure, others, steal].iter().any(Option::is_some)
    };
    let ranked = comparison.contestants.iter().filter(|one| one.unranked.is_none());
    let is_used = ranked.flat_map(compare::counted).any(|run| run.noise.dirty.is_some());
    match dirty {
        _ if all == 0 => None,
        0 if runs().all(is_known) => Some("machine quiet".to_string()),
        0 => Some("noise unknown".to_string()),
        _ if is_used => Some(format!("{} of {} disturbed", count(dirty), plural(all, "run"))),
        _ => Some(format!("{} of {} disturbed and left out", count(dirty), plural(all, "run"))),
    }
}

fn stopped(stopped: Stopped) -> Option<&'static str> {
    match stopped {
        Stopped::Running => Some("still going on when this was saved"),
        Stopped::Interrupted => Some("interrupted"),
        Stopped::Budget => Some("stopped by --budget"),
        Stopped::Decided | Stopped::Rounds | Stopped::NoneRan => None,
    }
}
