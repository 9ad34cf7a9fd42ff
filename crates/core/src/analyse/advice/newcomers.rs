//! Who should be tried as well, for what the first round showed: the size of a pool that the formula
//! wants, and libraries that take one thread each where a call keeps several processors busy.

use alloc::vec::Vec;

use maitred_wire::{Model, Substance};

use super::Case;
use super::workers::wanted;
use crate::analyse::nature::Nature;
use crate::result::{Chosen, Comparison, Contestant};

/// A contestant that nobody named.
#[derive(Clone, Debug, PartialEq)]
pub struct Newcomer {
    /// Index of the one that it is like but for its workers, or for the threads of its libraries.
    pub like: usize,
    pub workers: u32,
    pub chosen: Chosen,
}

/// More than so many are not made unasked: of threads, and of processes.
const MOST_THREADS: u32 = 200;
const MOST_PROCESSES: u32 = 32;

/// Who should join after this round, in which the models were those that the program chose itself.
pub fn newcomers(comparison: &Comparison, natures: &[Option<Nature>]) -> Vec<Newcomer> {
    let Some(case) = Case::new(comparison, natures) else { return Vec::new() };
    if super::runner::is_too_short(&case) {
        return Vec::new();
    }
    one_inner_thread(&case).or_else(|| size_of_formula(&case)).into_iter().collect()
}

/// The fastest pool with as many workers as the formula wants, where nobody has about as many.
fn size_of_formula(case: &Case<'_>) -> Option<Newcomer> {
    let wanted = wanted(case)?;
    let pool = case.contestant(wanted.pool);
    let most = match pool.model.strategy.facts().substance {
        Substance::Process => MOST_PROCESSES,
        _ => MOST_THREADS,
    };
    let workers = u32::try_from(wanted.workers).unwrap_or(most).min(most);
    let chosen = Chosen::Formula { waiting_per_computing: wanted.waiting_per_computing };
    (pool.model.workers.is_none() && workers != pool.workers).then_some(Newcomer {
        like: wanted.pool,
        workers,
        chosen,
    })
}

/// A worker for each processor, beside calls that keep several busy by themselves: where threads of
/// libraries were not chosen by anybody.
fn one_inner_thread(case: &Case<'_>) -> Option<Newcomer> {
    let (_, cores_used) = case.own_threads()?;
    let is_pool = |one: &Contestant| {
        let facts = one.model.strategy.facts();
        facts.has_workers() && facts.is_one_task_a_lane() && is_untouched(&one.model)
    };
    let ranked = case.against_fastest.iter().map(|rank| rank.contestant as usize);
    let like = ranked.into_iter().find(|&index| is_pool(case.contestant(index)))?;
    let chosen = Chosen::OneInnerThread { cores_used };
    Some(Newcomer { like, workers: case.cores(), chosen })
}

/// Whether no setting says how many threads libraries take.
fn is_untouched(model: &Model) -> bool {
    let setting = model.setting.as_deref().unwrap_or_default().to_ascii_lowercase();
    !setting.contains("threads")
}

#[cfg(test)]
mod tests {
    use maitred_wire::Strategy::{self, *};

    use super::*;
    use crate::analyse::advice::planted::cases::{computing, waiting};
    use crate::analyse::compare;
    use crate::analyse::nature::nature;
    use crate::analyse::sample::{CORES, comparison, contestant, rounds};
    use crate::result::SubjectKind;
    use crate::trace::Observed;
    use crate::trace::sample::Sample;

    /// Who joins a comparison of one round, after something was done to it.
    fn joined(
        sample: &Sample,
        models: &[(Strategy, u32)],
        spoil: impl FnOnce(&mut Comparison),
    ) -> Vec<Newcomer> {
        let traces: Vec<_> =
            models.iter().map(|(one, workers)| sample.run(*one, *workers)).collect();
        let contestants = traces.iter().map(|trace| contestant(trace, rounds(trace, 1))).collect();
        let natures: Vec<_> = traces.iter().map(|trace| nature(trace, CORES)).collect();
        let mut comparison = comparison(contestants, u64::from(sample.count));
        compare::rank(&mut comparison, None);
        spoil(&mut comparison);
        newcomers(&comparison, &natures)
    }

    #[test]
    fn the_size_that_the_formula_wants_joins() {
        let pool = [(Sequential, 1), (ThreadPool, 6)];
        let chosen = Chosen::Formula { waiting_per_computing: 9.0 };
        assert_eq!(joined(&waiting(), &pool, |_| {}), [Newcomer { like: 1, workers: 20, chosen }]);
        let few = Sample { count: 15, ..waiting() };
        let as_many_as_tasks = joined(&few, &pool, |_| {});
        assert_eq!(as_many_as_tasks.first().map(|one| one.workers), Some(15));
    }

    #[test]
    fn it_does_not_where_it_was_tried_or_a_size_was_named_or_nothing_waits() {
        let tried = [(Sequential, 1), (ThreadPool, 6), (ThreadPool, 18)];
        assert_eq!(joined(&waiting(), &tried, |_| {}), []);
        let pool = [(Sequential, 1), (ThreadPool, 6)];
        let named = |it: &mut Comparison| it.contestants[1].model.workers = Some(6);
        assert_eq!(joined(&waiting(), &pool, named), []);
        assert_eq!(joined(&computing(), &[(Sequential, 1), (ThreadPool, 2)], |_| {}), []);
    }

    /// A function of which one call keeps so many processors busy, with this in the environment.
    fn keeps_busy(used: f64, setting: Option<&str>) -> Vec<Newcomer> {
        joined(&computing(), &[(Sequential, 1), (Processes, 2)], |comparison| {
            comparison.subject.kind = SubjectKind::Function;
            for contestant in &mut comparison.contestants {
                contestant.model.setting = setting.map(Into::into);
                contestant.summary.as_mut().unwrap().cores_used = Observed::Known(used);
            }
        })
    }

    /// Of a call that came to one processor, for others had the rest, whose own thread had this share of
    /// its processor time.
    fn spread(own: f64) -> Vec<Newcomer> {
        let traces = [(Sequential, 1), (Processes, 2)].map(|(one, workers)| {
            let mut trace = computing().run(one, workers);
            let all = trace.done.as_ref().unwrap().phases.work.cpu.unwrap().total_ns();
            let lanes = trace.lanes.len() as f64;
            for counters in trace.lanes.iter_mut().filter_map(|lane| lane.counters.as_mut()) {
                counters.cpu_ns = (all as f64 * own / lanes) as u64;
            }
            trace
        });
        let contestants = traces.iter().map(|trace| contestant(trace, rounds(trace, 1))).collect();
        let natures = traces.each_ref().map(|trace| nature(trace, CORES));
        let mut comparison = comparison(contestants, 20);
        comparison.subject.kind = SubjectKind::Function;
        compare::rank(&mut comparison, None);
        newcomers(&comparison, &natures)
    }

    #[test]
    fn they_join_on_a_busy_machine_too() {
        assert_eq!(spread(0.5).first().map(|one| one.workers), Some(CORES));
        assert_eq!(spread(0.98), []);
    }

    #[test]
    fn libraries_with_one_thread_each_join_where_a_call_keeps_several_processors_busy() {
        let chosen = Chosen::OneInnerThread { cores_used: 1.94 };
        assert_eq!(keeps_busy(1.94, None), [Newcomer { like: 1, workers: CORES, chosen }]);
        assert_eq!(keeps_busy(1.02, None), []);
        assert_eq!(keeps_busy(1.94, Some("OMP_NUM_THREADS=2")), []);
    }
}
