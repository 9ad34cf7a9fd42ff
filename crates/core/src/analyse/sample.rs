//! Comparisons for tests: computed traces, repeated with a little jitter that is always the same.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::{Model, Strategy};

use super::nature::{Nature, nature};
use super::{compare, summary};
use crate::result::{
    Comparison, Conclusion, Contestant, Machine, Run, SCHEMA, Settings, Site, Stopped,
    SubjectFacts, SubjectKind,
};
use crate::trace::Trace;
use crate::trace::sample::Sample;

pub(crate) const CORES: u32 = 2;

/// Rounds of one trace: all of a round stretched alike (up to 4 %), each model by a little more
/// (up to 0.2 %), deterministically.
pub(crate) fn rounds(trace: &Trace, rounds: u32) -> Vec<Run> {
    let shake = |seed: u32| u64::from(seed.wrapping_mul(2_654_435_761) >> 16) % 1000;
    let name = format!("{}", trace.model);
    let salt = name.bytes().fold(trace.workers, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    let round = |round: u32| {
        let mut run = summary::run(trace, round, &[]);
        let stretch = 40 * shake(round + 1) + 2 * shake(salt.wrapping_add(round));
        run.work_ns += run.work_ns / 1_000_000 * stretch;
        run
    };
    (0..rounds).map(round).collect()
}

pub(crate) fn contestant(trace: &Trace, runs: Vec<Run>) -> Contestant {
    Contestant {
        model: trace.model.clone(),
        workers: trace.workers,
        site: Site::Here,
        chosen: None,
        runtime: "native 0.1.0".to_owned(),
        runs,
        summary: None,
        unranked: None,
        dropped: None,
        traced: None,
    }
}

/// A comparison whose ranking and conclusion are still to be made.
pub(crate) fn comparison(contestants: Vec<Contestant>, tasks: u64) -> Comparison {
    Comparison {
        schema_version: SCHEMA,
        program_version: "0.1.0".to_owned(),
        subject: SubjectFacts {
            name: "workloads/waiters.kdl".to_owned(),
            kind: SubjectKind::Workload,
            title: Some("Waiters and tables".to_owned()),
            about: Some(
                "Five tables read and then order, and there is one waiter. Try two.".to_owned(),
            ),
            tasks,
            fingerprint: "5ca1ab1e".to_owned(),
        },
        machine: Machine {
            id: "c0ffee".to_owned(),
            cpu: "AMD EPYC".to_owned(),
            cores: CORES,
            quota: None,
            memory_bytes: 24 << 30,
            kernel: "6.18.5".to_owned(),
            architecture: "x86_64".to_owned(),
            virtualization: Some("kvm".to_owned()),
        },
        settings: Settings {
            seed: 1,
            speed: 10.0,
            parameters: vec![("tables".to_owned(), "5".to_owned())],
            warmup_rounds: 1,
            budget_ns: None,
            timeout_ns: Some(60_000_000_000),
            memory_limit_bytes: None,
            minimum_effect: 0.03,
            given: Some(vec![]),
        },
        started: "2026-11-23T00:00:00Z".to_owned(),
        contestants,
        ranking: vec![],
        conclusion: Conclusion::default(),
        stopped: Stopped::Decided,
        elapsed_ns: Some(8_200_000_000),
        scaling: None,
    }
}

/// One sample under several strategies, ranked and concluded.
pub(crate) fn compared(
    sample: &Sample,
    models: &[(Strategy, Option<u32>)],
    count: u32,
) -> Comparison {
    let mut contestants = Vec::new();
    let mut natures: Vec<Option<Nature>> = Vec::new();
    for &(strategy, workers) in models {
        let mut trace = sample.run(strategy, workers.unwrap_or(6));
        trace.model = Model { workers, ..trace.model };
        contestants.push(contestant(&trace, rounds(&trace, count)));
        natures.push(nature(&trace, CORES));
    }
    let mut comparison = comparison(contestants, u64::from(sample.count));
    compare::rank(&mut comparison, None);
    comparison.conclusion = super::advice::conclude(&comparison, &natures);
    comparison
}
