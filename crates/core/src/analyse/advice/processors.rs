//! How many threads were really running at a time, from the run of each model in
//! which its switches were recorded: why threads helped, or did not.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Case, list};
use crate::analyse::compare;
use crate::analyse::scheduling::average_running_threads;
use crate::analyse::units::{cores, percent};
use crate::result::{Rule, Sentence, Shares};
use crate::trace::StepKind;

/// Who computes keeps so much of one processor busy; who waits has nothing to say here.
const COMPUTES: f64 = 0.8;
/// From this on it was more than one thread.
const PARALLEL: f64 = 1.2;

pub(super) fn sentences(case: &Case<'_>) -> Vec<Sentence> {
    if case.cores() < 2 {
        return Vec::new();
    }
    let seen: Vec<(usize, &Shares, f64)> = case
        .against_fastest
        .iter()
        .filter_map(|rank| {
            let index = rank.contestant as usize;
            let run = case.contestant(index).traced.as_ref()?;
            let shares = run.scheduling.as_ref().filter(|_| compare::mistake(run).is_none())?;
            Some((index, shares, average_running_threads(shares)?))
                .filter(|(.., mean)| *mean >= COMPUTES)
        })
        .collect();
    let locked: Vec<&(usize, &Shares, f64)> = seen
        .iter()
        .filter(|(index, shares, mean)| {
            let several = case.contestant(*index).workers > 1;
            let computes = |kind| matches!(kind, StepKind::Cpu | StepKind::Call);
            let blocked = shares.steps.iter().any(|step| {
                computes(step.kind) && step.split.blocked_ns > step.split.whole_ns() / 5
            });
            shares.gil == Some(true) && several && blocked && *mean < PARALLEL
        })
        .collect();
    let Some(&&(first, shares, _)) = locked.first() else { return Vec::new() };
    let two: f64 = shares.running_threads.iter().skip(2).sum();
    let mut sentence = format!(
        "The kernel's own record of one more run: under {} two threads or more were \
         running for {} of the work, whatever the number of threads",
        case.name(first),
        percent(two)
    );
    let parallel: Vec<String> = seen
        .iter()
        .filter(|(.., mean)| *mean >= PARALLEL)
        .map(|(index, _, mean)| format!("{} ({})", case.name(*index), cores(*mean)))
        .collect();
    if !parallel.is_empty() {
        sentence.push_str(&format!(
            "; more than one, on average, were there only under {}",
            list(&parallel)
        ));
    }
    sentence.push('.');
    Vec::from([Rule::RunningThreads.says(sentence)])
}
