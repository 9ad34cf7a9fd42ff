//! Which differing results are told, and how.

use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Results;
use maitred_wire::Strategy::*;

use crate::analyse::compare;
use crate::analyse::nature::nature;
use crate::analyse::sample::{CORES, comparison, contestant, rounds};
use crate::trace::sample::tables;

/// Four tasks whose hashes end in these digits, and what they returned.
fn results(returned: [&str; 4]) -> Results {
    let hash = |text: &&str| alloc::format!("{:016x}", text.bytes().map(u64::from).sum::<u64>());
    let inputs = ["\"a\"", "\"b\"", "\"c\"", ""];
    Results {
        hashes: returned.iter().map(hash).collect(),
        shown: inputs.iter().zip(returned).map(|(i, r)| (String::from(*i), r.into())).collect(),
        how: Vec::new(),
    }
}

fn said(first: &Results, second: &Results, later: Option<&Results>) -> Vec<String> {
    let (mut contestants, mut natures) = (Vec::new(), Vec::new());
    for (strategy, results) in [(Sequential, first), (Threads, second)] {
        let trace = tables(4, 1).run(strategy, 4);
        let mut runs = rounds(&trace, 4);
        runs.iter_mut().for_each(|run| run.result_hash = Some(results.hashes.clone()));
        let mut nature = nature(&trace, CORES).unwrap();
        nature.interpreted.results = Some(results.clone());
        if let (Threads, Some(later)) = (strategy, later) {
            runs[2].result_hash = Some(later.hashes.clone());
            runs[2].results_not_compared = later.not_compared();
            nature.interpreted.other_results = Some(later.clone());
        }
        contestants.push(contestant(&trace, runs));
        natures.push(Some(nature));
    }
    let mut comparison = comparison(contestants, 4);
    compare::rank(&mut comparison, None);
    let sentences = super::results::sentences(&comparison, &natures);
    sentences.into_iter().map(|one| one.text).collect()
}

#[test]
fn equal_results_are_not_worth_a_word() {
    let same = || results(["1", "2", "3", "4"]);
    assert_eq!(said(&same(), &same(), Some(&same())), Vec::<String>::new());
}

#[test]
fn the_inputs_that_differ_are_named_with_both_values() {
    let said = said(&results(["1", "2", "3", "4"]), &results(["1", "9", "3", "7"]), None);
    assert_eq!(
        said,
        [
            "Results differ: `threads` returned other values than the rest, so the times are of different work. 2 of 4 tasks differ: for \"b\" `sequential` returned `2`, `threads` `9`; task 4 `sequential` returned `4`, `threads` `7`."
        ]
    );
}

#[test]
fn of_tasks_that_are_not_shown_the_number_is_told() {
    let mut one = results(["1", "2", "3", "4"]);
    one.shown.truncate(1);
    let said = said(&one, &results(["1", "2", "8", "4"]), None).join("");
    assert!(said.ends_with("1 of 4 tasks differs: task 3."), "{said}");
}

#[test]
fn results_that_change_from_round_to_round_are_named_too() {
    let same = || results(["1", "2", "3", "4"]);
    let said = said(&same(), &same(), Some(&results(["5", "2", "3", "4"]))).join("");
    assert!(said.starts_with("Results differ from round to round under `threads`"), "{said}");
    assert!(
        said.ends_with("1 of 4 tasks differs: for \"a\" one round returned `1`, another `5`."),
        "{said}"
    );
}

/// What was not compared counts as what the first run returned, so that the next round seems to return other values.
#[test]
fn a_round_that_was_compared_in_part_does_not_make_results_change() {
    let first = || results(["1", "2", "3", "4"]);
    let (other, mut in_part) = (results(["1", "9", "3", "4"]), first());
    in_part.how = [("==", 3), ("not compared", 1)].map(|(by, n)| (by.into(), n)).into();
    let said = said(&first(), &other, Some(&in_part)).join("");
    assert!(said.starts_with("Results differ: `threads` returned other values"), "{said}");
    assert!(!said.contains("from round to round"), "{said}");
}

#[test]
fn how_equal_results_were_compared_is_told_where_a_runner_compared_them() {
    let same = || results(["1", "2", "3", "4"]);
    let mut later = same();
    later.how = [("==", 3), ("not compared", 1), ("numpy", 1)].map(|(by, n)| (by.into(), n)).into();
    assert_eq!(
        said(&same(), &later, None),
        [
            "All models returned the same, as far as they were compared: 3 results by == and 1 result by numpy; 1 were not compared, for that took too long or was not possible."
        ]
    );
    assert!(said(&same(), &results(["1", "2", "3", "5"]), None)[0].starts_with("Results differ"));
}
