//! From which length of a task on an engine for many machines pays: what it takes to hand one over,
//! against what a task lasts.

use alloc::format;
use alloc::string::String;

use maitred_wire::Strategy;

use super::Case;
use crate::analyse::units::{count, duration, percent, plural};
use crate::result::Run;

/// Runtimes that hand tasks through one scheduler to workers which may be on many machines.
const ENGINES: [&str; 2] = ["dask", "ray"];
/// The one that hands out several tasks at once where that is asked for.
const IN_PARCELS: &str = "dask";
/// More machines than this are not worth a number.
const MACHINES_MOST: f64 = 1000.0;

/// With W workers and c for handing over a task, which one scheduler does for all, a task of length L
/// takes c + L ÷ W of the whole: the efficiency is (L ÷ W) ÷ (c + L ÷ W), so that it is 50 % at W × c
/// and 90 % at 9 × W × c. The first is METG(50 %): Slaughter et al., Task Bench, SC 2020.
pub(super) fn break_even(case: &Case<'_>) -> Option<String> {
    let (engine, call_ns) = case.against_fastest.iter().find_map(|rank| {
        let index = rank.contestant as usize;
        let is_engine = ENGINES.contains(&case.contestant(index).model.runtime.as_str());
        let handover = case.nature(index)?.interpreted.handover?;
        (is_engine && handover.call_ns > 0).then_some((index, handover.call_ns))
    })?;
    let workers = u64::from(case.contestant(engine).workers.max(1));
    let half_ns = workers.saturating_mul(call_ns);
    let here = format!(
        "{} takes {} for each task beside what it does: on its {} here, tasks of {} are done with an efficiency of 50 %, of {} with 90 %",
        case.name(engine),
        duration(call_ns),
        plural(workers, "worker"),
        duration(half_ns),
        duration(half_ns.saturating_mul(9)),
    );
    let machines = beside_processes(case, engine, call_ns).unwrap_or_default();
    let parcels = in_parcels(case, engine, call_ns).unwrap_or_default();
    Some(format!("{here}.{machines}{parcels}"))
}

/// Tasks that are so short that handing them out takes more than half of the time would share that
/// with others of a parcel: of so many that the efficiency is 90 %, or that each worker has one.
fn in_parcels(case: &Case<'_>, engine: usize, call_ns: u64) -> Option<String> {
    let contestant = case.contestant(engine);
    let nature = case.nature(engine)?;
    let handover = nature.interpreted.handover?;
    let comes_by_itself = |run: &Run| run.latency.known().is_some_and(|it| it.from_arrival);
    // Tasks that wait for each other, or for their time, are handed out one by one in any case.
    if contestant.model.runtime != IN_PARCELS
        || handover.parcels < handover.tasks
        || !nature.queues.is_empty()
        || contestant.runs.iter().any(comes_by_itself)
    {
        return None;
    }
    let workers = u64::from(contestant.workers.max(1));
    let tasks = case.comparison.tasks().1.max(1);
    let length_ns = (nature.computing_ns + nature.waiting_ns + nature.blocking_ns) / tasks;
    let half_ns = workers.saturating_mul(call_ns);
    if length_ns == 0 || length_ns >= half_ns {
        return None;
    }
    let size = half_ns.saturating_mul(9).div_ceil(length_ns).min(tasks / workers);
    let efficiency = |size: u64| {
        let length = length_ns as f64;
        percent(length / (half_ns as f64 / size as f64 + length))
    };
    (size > 1).then(|| {
        format!(
            " Its tasks last {}, with an efficiency of {}: in parcels of {} (--chunk {size}) it would be {}, as far as a parcel takes what a task takes: extrapolated.",
            duration(length_ns),
            efficiency(1),
            count(size),
            efficiency(size),
        )
    })
}

/// How many machines like this one it takes to be faster than processes are here: of a task's share
/// of the time only what is not the scheduler's becomes less with more machines.
fn beside_processes(case: &Case<'_>, engine: usize, call_ns: u64) -> Option<String> {
    let is_local = |index: &usize| {
        let model = &case.contestant(*index).model;
        model.strategy == Strategy::Processes && !ENGINES.contains(&model.runtime.as_str())
    };
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let local = ranked.into_iter().find(is_local)?;
    let tasks = case.comparison.tasks().1.max(1) as f64;
    let each = |index: usize| case.work_ns(index) as f64 / tasks;
    let (ours, theirs, call) = (each(local), each(engine), call_ns as f64);
    let name = case.name(local);
    if theirs <= ours {
        return None;
    }
    if ours <= call {
        return Some(format!(
            " No number of machines makes it faster than {name} on this one, which takes {} a task: the scheduler alone takes longer.",
            duration(ours as u64)
        ));
    }
    // Less than the scheduler takes is not left for workers to do.
    let machines = libm::floor((theirs - call).max(0.0) / (ours - call)) + 1.0;
    (machines <= MACHINES_MOST).then(|| {
        format!(
            " To be faster than {name} on this one ({} a task) it would take {} machines like it, as far as its scheduler hands over to many as fast as to few: extrapolated.",
            duration(ours as u64),
            count(machines.max(2.0) as u64)
        )
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use maitred_wire::Handover;

    use super::*;
    use crate::analyse::advice::planted::cases::{computing, of};
    use crate::result::Rule;

    /// Twenty tasks under processes in so many milliseconds, and under this runtime with two workers in
    /// so many, of which handing one over takes so many microseconds.
    fn said(runtime: &str, [processes_ms, engine_ms]: [u64; 2], call_us: u64) -> String {
        let models = [(Strategy::Processes, Some(2)), (Strategy::Processes, Some(2))];
        let conclusion = of(&computing(), &models, 6, |comparison, natures| {
            comparison.contestants[1].model.runtime = runtime.into();
            for (contestant, ms) in comparison.contestants.iter_mut().zip([processes_ms, engine_ms])
            {
                contestant.runs.iter_mut().for_each(|run| run.work_ns = ms * 1_000_000);
            }
            let call_ns = call_us * 1000;
            let handover = Handover { tasks: 20, parcels: 20, call_ns, ..Handover::default() };
            natures[1].as_mut().unwrap().interpreted.handover = Some(handover);
        });
        conclusion.said_by(Rule::BreakEven).unwrap_or_default().to_string()
    }

    #[test]
    fn the_length_from_which_on_an_engine_is_efficient_is_told() {
        let text = said("dask", [100, 140], 1000);
        let lengths = "tasks of 2.00 ms are done with an efficiency of 50 %, of 18.0 ms with 90 %";
        assert!(text.contains(lengths), "{text}");
        // 7 ms a task, of which 1 is the scheduler's, must become less than 5: by two machines.
        assert!(text.contains("it would take 2 machines like it"), "{text}");
        assert!(said("dask", [100, 300], 1000).contains("it would take 4 machines like it"));
        assert_eq!(said("python3", [100, 140], 1000), "");
    }

    #[test]
    fn parcels_would_pay_where_handing_out_takes_more_than_half() {
        // Tasks of 10 ms on two workers: 12 ms for handing one out to each.
        let text = said("dask", [100, 400], 6000);
        let parcels = "Its tasks last 10.0 ms, with an efficiency of 45 %: in parcels of 10 (--chunk \
                       10) it would be 89 %";
        assert!(text.contains(parcels), "{text}");
        assert!(!said("dask", [100, 400], 4000).contains("parcels"), "more than half is work");
        assert!(!said("ray", [100, 400], 6000).contains("parcels"), "it hands out none");
    }

    #[test]
    fn no_number_of_machines_is_told_where_none_would_do_or_one_does() {
        let text = said("dask", [100, 400], 6000);
        assert!(text.contains("No number of machines makes it faster than"), "{text}");
        assert!(!said("dask", [140, 100], 1000).contains("machine"));
    }
}
