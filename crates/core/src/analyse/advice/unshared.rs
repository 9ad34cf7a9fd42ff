//! What the workers of a model did not share: each process has its own copy of what the module of a
//! function holds, and a lock that is there five times keeps nobody out.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{list, name};
use crate::analyse::compare;
use crate::result::{Contestant, Rule, Sentence};

pub(super) fn sentences(contestants: &[Contestant]) -> Vec<Sentence> {
    let with_state = |contestant: &&Contestant| !state(contestant).is_empty();
    let who: Vec<&Contestant> = contestants.iter().filter(with_state).collect();
    let Some(first) = who.first() else { return Vec::new() };
    let names: Vec<String> = who.iter().map(|one| name(one)).collect();
    let text = match compare::guards_not_shared(first) {
        Some(_) => format!(
            "{} is not ranked: each of its workers has {} of its own, so that it keeps nobody out who should wait. Say with `--expect 'FILE.py:CHECK'` what must hold of the results, and it is ranked where that does.",
            list(&names),
            list(&state(first)),
        ),
        None => format!(
            "Under {} each worker has {} of its own: what one writes there no other sees.",
            list(&names),
            list(&state(first)),
        ),
    };
    Vec::from([Rule::StateNotShared.says(text)])
}

/// What its workers did not share, as it is named in sentences.
fn state(contestant: &Contestant) -> Vec<String> {
    let run = contestant.runs.iter().find(|run| !run.unshared.is_empty());
    let each = run.into_iter().flat_map(|run| &run.unshared);
    each.map(|(name, kind)| match kind.split_once(' ') {
        Some((_, kind)) => format!("`{name}` ({kind})"),
        None => format!("`{name}` (which it writes)"),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use maitred_wire::Strategy::{Processes, ThreadPool};

    use super::*;
    use crate::analyse::sample::{comparison, contestant, rounds};
    use crate::result::Expectation;
    use crate::trace::sample::tables;

    /// Threads and processes of which the latter have such state; whether a check of the results
    /// held. What is said, and why the processes are not ranked.
    fn said(kind: Option<&str>, check: Option<bool>) -> (Vec<String>, Option<String>) {
        let one = |strategy| {
            let trace = tables(4, 1).run(strategy, 2);
            let mut runs = rounds(&trace, 4);
            for run in &mut runs {
                let has_own = kind.filter(|_| strategy == Processes);
                run.unshared.extend(has_own.map(|kind| ("waiter".into(), kind.into())));
                run.expectations.extend(check.map(|holds| Expectation {
                    text: "a check".into(),
                    actual: "what it said".into(),
                    holds,
                }));
            }
            contestant(&trace, runs)
        };
        let mut comparison = comparison([ThreadPool, Processes].map(one).to_vec(), 4);
        compare::rank(&mut comparison, None);
        let said = sentences(&comparison.contestants);
        let texts = said.into_iter().map(|sentence| sentence.text).collect();
        (texts, comparison.contestants[1].unranked.clone())
    }

    #[test]
    fn who_has_a_lock_for_itself_is_not_ranked() {
        let (said, why) = said(Some("guard threading.Lock"), None);
        assert!(said[0].contains("each of its workers has `waiter` (threading.Lock) of its own"));
        let expected = "its workers do not share `waiter` (threading.Lock)";
        assert!(why.unwrap().starts_with(expected));
    }

    #[test]
    fn a_check_that_holds_ranks_it_and_one_that_does_not_says_why() {
        assert_eq!(said(Some("guard threading.Lock"), Some(true)).1, None);
        let (_, why) = said(Some("guard threading.Lock"), Some(false));
        assert!(why.unwrap().starts_with("wrong result: expected a check"));
    }

    #[test]
    fn a_name_that_is_written_is_told_and_no_more() {
        let (said, why) = said(Some("written"), None);
        assert!(said[0].ends_with("what one writes there no other sees."), "{said:?}");
        assert_eq!(why, None);
    }

    #[test]
    fn without_state_nothing_is_said() {
        assert_eq!(said(None, None), (Vec::new(), None));
    }
}
