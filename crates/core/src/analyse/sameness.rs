//! Whether models did the same work, as far as what their functions returned tells. The one entrance
//! is [`other_results`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::units;
use crate::result::Contestant;

/// By contestant, whose rounds had results of these hashes: why they are not those of the others;
/// `None`: they are, or nobody knows.
///
/// What is right is what most of those returned whose results never changed; of equally many, the
/// one named first. From one round alone nobody knows what changes; who differs in it did other work
/// all the same, as far as anybody has seen. Where what runs one task after another returns other values in each round, the
/// results depend on time or chance, and no model can be blamed for its own.
pub(super) fn other_results<'a>(
    contestants: &[Contestant],
    hashes: &[Vec<&'a str>],
) -> Vec<Option<String>> {
    let none = || contestants.iter().map(|_| None).collect();
    let changing = |(contestant, hashes): (&Contestant, &Vec<&str>)| {
        contestant.model.strategy == maitred_wire::Strategy::Sequential
            && !hashes.is_empty()
            && stable(hashes).is_none()
    };
    if contestants.iter().zip(hashes).any(changing) {
        return none();
    }
    let least = if hashes.iter().all(|own| own.len() < 2) { 1 } else { 2 };
    let known =
        |(at, own): (usize, &Vec<&'a str>)| Some((at, stable(own).filter(|_| own.len() >= least)?));
    let sure: Vec<(usize, &str)> = hashes.iter().enumerate().filter_map(known).collect();
    let votes = |hash: &str| sure.iter().filter(|(_, other)| *other == hash).count();
    let Some((right, most)) = sure.iter().rev().copied().max_by_key(|(_, hash)| votes(hash)) else {
        return none();
    };
    let who = format!("`{}`", contestants[right].model);
    let why = |own: &Vec<&str>| {
        let wrong = own.iter().filter(|hash| **hash != most).count();
        let rounds = match wrong == own.len() {
            true => String::new(),
            false => format!(
                " in {} of {}",
                units::count(wrong as u64),
                units::plural(own.len() as u64, "round")
            ),
        };
        (wrong > 0).then(|| format!("returned other results than {who}{rounds}"))
    };
    hashes.iter().map(why).collect()
}

/// What was returned in every round; `None`: it changed, or there was no round.
fn stable<'a>(hashes: &[&'a str]) -> Option<&'a str> {
    let first = *hashes.first()?;
    hashes.iter().all(|hash| *hash == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use maitred_wire::Strategy::{self, *};

    use super::*;
    use crate::analyse::sample::{contestant, rounds};
    use crate::trace::sample::tables;

    /// Models with the hash of their results in each round.
    fn said(models: &[(Strategy, &[&str])]) -> Vec<Option<String>> {
        let one = |(strategy, _): &(Strategy, &[&str])| {
            let trace = tables(4, 1).run(*strategy, 2);
            contestant(&trace, rounds(&trace, 3))
        };
        let hashes: Vec<Vec<&str>> = models.iter().map(|(_, hashes)| hashes.to_vec()).collect();
        other_results(&models.iter().map(one).collect::<Vec<_>>(), &hashes)
    }

    #[test]
    fn who_returns_what_the_others_do_not_is_named() {
        let same: &[&str] = &["a", "a", "a"];
        let said = said(&[(Sequential, same), (Threads, same), (Processes, &["b", "b", "b"])]);
        let why = "returned other results than `native/sequential`";
        assert_eq!(said, [None, None, Some(why.into())]);
    }

    #[test]
    fn a_race_that_shows_now_and_then_is_counted() {
        let said = said(&[(Sequential, &["a", "a", "a"]), (Threads, &["a", "b", "a"])]);
        let why = "returned other results than `native/sequential` in 1 of 3 rounds";
        assert_eq!(said, [None, Some(why.into())]);
    }

    #[test]
    fn what_chance_decides_is_nobodys_fault() {
        let said = said(&[(Sequential, &["a", "b"]), (Threads, &["c", "c"])]);
        assert_eq!(said, [None, None]);
    }

    #[test]
    fn who_differs_in_the_only_round_did_other_work_and_equal_results_are_equal() {
        let why = "returned other results than `native/sequential`";
        let one_round = said(&[(Sequential, &["a"]), (Threads, &["b"]), (Processes, &["a"])]);
        assert_eq!(one_round, [None, Some(why.into()), None]);
        assert_eq!(said(&[(Sequential, &["a"]), (Threads, &["a"])]), vec![None, None]);
        assert_eq!(said(&[(Sequential, &["a", "a"]), (Threads, &["a", "a"])]), vec![None, None]);
    }
}
