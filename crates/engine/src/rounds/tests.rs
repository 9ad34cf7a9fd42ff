//! The loop of the rounds in a world made up for it, which knows what was asked of it.

use std::cell::Cell;

use maitred_core::result::{
    Conclusion, Machine, Settings, Site, SubjectFacts, SubjectKind, TaskCounts,
};
use maitred_core::trace::{Noise, Observed};
use maitred_wire::Strategy;

use super::*;

/// How a run of a contestant goes, by its number and the round.
type Script = Box<dyn Fn(usize, u32) -> Run>;

struct Made {
    script: Script,
    /// What was run, in order.
    asked: Vec<(usize, Purpose)>,
    /// How long all runs took, and how long each takes.
    clock: Duration,
    run: Duration,
    /// After so many runs the user presses Ctrl-C.
    patience: usize,
    /// After so many runs the world ends.
    fails_after: usize,
    reports: Cell<usize>,
    /// Who was run no more, and after how many rounds.
    dropped: Vec<(usize, u32)>,
    /// So many join after the first round.
    joining: usize,
    /// So many rounds of who runs alone are run at once.
    at_once: u32,
}

impl Made {
    fn new(script: impl Fn(usize, u32) -> Run + 'static) -> Self {
        Self {
            script: Box::new(script),
            asked: Vec::new(),
            clock: Duration::ZERO,
            run: Duration::from_millis(10),
            patience: usize::MAX,
            fails_after: usize::MAX,
            reports: Cell::new(0),
            dropped: Vec::new(),
            joining: 0,
            at_once: 1,
        }
    }

    /// The contestants in the order of each round.
    fn orders(&self) -> Vec<Vec<usize>> {
        let mut orders: Vec<Vec<usize>> = Vec::new();
        for (contestant, purpose) in &self.asked {
            if let Purpose::Round(round) = purpose {
                orders.resize(orders.len().max(*round as usize + 1), Vec::new());
                orders[*round as usize].push(*contestant);
            }
        }
        orders
    }
}

impl World for Made {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        if self.asked.len() >= self.fails_after {
            return Err(Error::Failed("the world ended".into()));
        }
        self.asked.push((contestant, purpose));
        self.clock += self.run;
        let round = if let Purpose::Round(round) = purpose { round } else { 0 };
        Ok((self.script)(contestant, round))
    }

    fn execute_alone(
        &mut self,
        contestant: usize,
        round: u32,
        (_, most): (&Run, u32),
    ) -> Result<Vec<Run>, Error> {
        let rounds = round..round + self.at_once.min(most);
        let mut runs = Vec::new();
        for round in rounds {
            runs.push(self.execute(contestant, Purpose::Round(round))?);
            let last = runs.last().expect("one was just pushed");
            if !self.is_good(last) || last.end == RunEnd::Interrupted {
                break;
            }
        }
        Ok(runs)
    }

    fn newcomers(&mut self, comparison: &Comparison) -> Vec<Contestant> {
        assert!(!comparison.ranking.is_empty(), "the first round is looked at");
        vec![comparison.contestants[0].clone(); self.joining]
            .into_iter()
            .map(|one| Contestant { runs: Vec::new(), summary: None, unranked: None, ..one })
            .collect()
    }

    fn elapsed(&self) -> Duration {
        self.clock
    }

    fn round_done(&mut self, comparison: &Comparison) -> Result<(), Error> {
        self.reports.set(self.reports.get() + 1);
        assert!(
            comparison
                .contestants
                .iter()
                .any(|one| one.summary.is_some() || one.unranked.is_some())
        );
        Ok(())
    }

    fn dropped(&mut self, contestant: usize, rounds: u32, _: f64) {
        self.dropped.push((contestant, rounds));
    }

    fn interrupted(&self) -> bool {
        self.asked.len() >= self.patience
    }
}

fn run_of(round: u32, work_ms: u64) -> Run {
    Run {
        round,
        end: RunEnd::Finished,
        startup_ns: 0,
        setup_ns: 0,
        work_ns: work_ms * 1_000_000,
        teardown_ns: 0,
        work_cpu: Observed::Unknown("made up".into()),
        usage: Observed::Unknown("made up".into()),
        memory: Observed::Unknown("made up".into()),
        tasks: TaskCounts { done: 1, ..TaskCounts::default() },
        failures: Vec::new(),
        latency: Observed::Unknown("made up".into()),
        completed: None,
        requests: None,
        answers: None,
        ignored: None,
        servers: Vec::new(),
        steps: Vec::new(),
        vars: Vec::new(),
        expectations: Vec::new(),
        result_hash: None,
        results_not_compared: 0,
        noise: Noise::default(),
        spans_dropped: 0,
        scheduling: None,
        harness: None,
        unshared: Vec::new(),
        notes: Vec::new(),
    }
}

fn dirty(run: Run) -> Run {
    Run { noise: Noise { dirty: Some("others worked".into()), ..run.noise }, ..run }
}

fn died(run: Run) -> Run {
    Run { end: RunEnd::Died { how: "of boredom".into() }, ..run }
}

fn comparison(contestants: usize) -> Comparison {
    let contestant = |workers: usize| Contestant {
        model: format!("native/thread-pool:{}", workers + 1).parse().unwrap(),
        workers: workers as u32 + 1,
        site: Site::Here,
        chosen: None,
        runtime: "native".into(),
        runs: Vec::new(),
        summary: None,
        unranked: None,
        dropped: None,
        traced: None,
    };
    Comparison {
        schema_version: 1,
        program_version: "0".into(),
        subject: SubjectFacts {
            name: "made up".into(),
            kind: SubjectKind::Workload,
            title: None,
            about: None,
            tasks: 1,
            fingerprint: "0".into(),
        },
        machine: Machine {
            quota: None,
            id: "0".into(),
            cpu: "made up".into(),
            cores: 1,
            memory_bytes: 1,
            kernel: "0".into(),
            architecture: "made up".into(),
            virtualization: None,
        },
        settings: Settings {
            seed: 1,
            speed: 1.0,
            parameters: Vec::new(),
            warmup_rounds: 1,
            budget_ns: None,
            timeout_ns: None,
            memory_limit_bytes: None,
            minimum_effect: 0.03,
            given: None,
        },
        started: "2026-01-01T00:00:00Z".into(),
        contestants: (0..contestants).map(contestant).collect(),
        ranking: Vec::new(),
        conclusion: Conclusion::default(),
        stopped: Stopped::Running,
        elapsed_ns: None,
        scaling: None,
    }
}

fn rules(rounds: Option<u32>) -> Rules {
    Rules {
        warmup: 1,
        rounds,
        least: 1,
        settled: 1,
        budget: Duration::from_secs(60),
        seed: 7,
        baseline: None,
        drop: false,
        trace: false,
    }
}

/// Runs the rounds of so many contestants; how it ended.
fn play(contestants: usize, rules: &Rules, world: &mut Made) -> Comparison {
    let mut comparison = comparison(contestants);
    run(&mut comparison, rules, world).unwrap();
    comparison
}

#[test]
fn who_is_alone_may_run_several_rounds_at_once_and_no_more_than_asked() {
    let several = |contestants| {
        let mut world = Made::new(|_, round| run_of(round, 5));
        world.at_once = 4;
        let result = play(contestants, &rules(Some(10)), &mut world);
        let rounds: Vec<u32> = result.contestants[0].runs.iter().map(|run| run.round).collect();
        assert_eq!((rounds, result.stopped), ((0..10).collect(), Stopped::Rounds));
        world.orders()
    };
    assert_eq!(several(1), vec![vec![0]; 10]);
    assert!(several(2).iter().all(|order| order.len() == 2), "two take turns");
    let mut world = Made::new(|_, round| run_of(round, 5));
    world.at_once = 4;
    let decided = play(1, &rules(None), &mut world);
    assert_eq!((decided.contestants[0].runs.len(), decided.stopped), (3, Stopped::Decided));
}

#[test]
fn several_rounds_at_once_end_with_one_that_fails_or_is_interrupted() {
    let ending = |end: fn(Run) -> Run| {
        let mut world = Made::new(
            move |_, round| if round == 3 { end(run_of(3, 5)) } else { run_of(round, 5) },
        );
        world.at_once = 4;
        world.patience = 5; // the warm-up and four rounds
        play(1, &rules(Some(10)), &mut world)
    };
    let failed = ending(died);
    assert_eq!((failed.contestants[0].runs.len(), failed.ranking.len()), (4, 0));
    let interrupted = ending(|run| Run { end: RunEnd::Interrupted, ..run });
    assert_eq!(
        (interrupted.contestants[0].runs.len(), interrupted.stopped),
        (3, Stopped::Interrupted)
    );
}

#[test]
fn each_round_has_every_model_once_in_an_order_of_its_own() {
    let mut world = Made::new(|_, round| run_of(round, 5));
    let result = play(6, &rules(Some(12)), &mut world);
    let orders = world.orders();
    assert_eq!((orders.len(), result.stopped), (12, Stopped::Rounds));
    for order in &orders {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
    }
    let distinct: std::collections::BTreeSet<_> = orders.iter().collect();
    assert!(distinct.len() > 6, "shuffled anew each time: {orders:?}");
    let first: std::collections::BTreeSet<_> = orders.iter().map(|order| order[0]).collect();
    assert!(first.len() > 2, "nobody is always first: {orders:?}");
    let mut again = Made::new(|_, round| run_of(round, 5));
    play(6, &rules(Some(12)), &mut again);
    assert_eq!(again.orders(), orders, "one seed, one order");
    let mut other = Made::new(|_, round| run_of(round, 5));
    play(6, &Rules { seed: 8, ..rules(Some(12)) }, &mut other);
    assert_ne!(other.orders(), orders);
}

#[test]
fn the_warmup_counts_for_nothing() {
    let mut world = Made::new(|_, round| run_of(round, 5));
    let result = play(3, &Rules { warmup: 2, ..rules(Some(1)) }, &mut world);
    assert_eq!(world.asked.iter().filter(|(_, purpose)| *purpose == Purpose::Warmup).count(), 6);
    assert!(result.contestants.iter().all(|one| one.runs.len() == 1));
    assert_eq!(world.reports.get(), 1);
}

#[test]
fn a_clear_difference_is_decided_and_an_unclear_one_goes_on() {
    let mut clear = Made::new(|contestant, round| {
        run_of(round, 100 * (contestant as u64 + 1) + u64::from(round % 3))
    });
    let result = play(3, &rules(None), &mut clear);
    assert_eq!(result.stopped, Stopped::Decided);
    assert!(clear.orders().len() < 100, "{}", clear.orders().len());
    let order: Vec<u32> = result.ranking.iter().map(|rank| rank.contestant).collect();
    assert_eq!(order, [0, 1, 2]);
    // One is now faster, now slower, by far more than the least effect.
    let mut unclear = Made::new(|contestant, round| {
        let up = (round + contestant as u32).is_multiple_of(2);
        run_of(round, if up { 130 } else { 100 })
    });
    let result = play(2, &Rules { budget: Duration::from_secs(1), ..rules(None) }, &mut unclear);
    assert_eq!(result.stopped, Stopped::Budget);
}

#[test]
fn what_is_decided_needs_no_more_rounds_though_there_would_be_more() {
    let mut world = Made::new(|contestant, round| run_of(round, 100 + 200 * contestant as u64));
    let result = play(2, &Rules { least: 5, ..rules(None) }, &mut world);
    assert_eq!((result.stopped, world.orders().len()), (Stopped::Decided, 3));
}

#[test]
fn no_round_is_begun_that_would_end_after_the_budget() {
    // Nobody is told apart; each run takes 100 ms of work, a round of two 200 ms.
    let mut world = Made::new(|contestant, round| {
        run_of(round, if (round + contestant as u32).is_multiple_of(2) { 100 } else { 140 })
    });
    world.run = Duration::from_millis(120);
    let budget = Duration::from_millis(1000);
    let result = play(2, &Rules { warmup: 0, budget, ..rules(None) }, &mut world);
    assert_eq!(result.stopped, Stopped::Budget);
    assert!(world.clock <= budget, "{:?}", world.clock);
    assert_eq!(world.orders().len(), 4, "a fifth would have ended after 1.2 s");
    let mut poor = Made::new(|_, round| run_of(round, 100));
    let result = play(2, &Rules { budget: Duration::from_millis(1), ..rules(None) }, &mut poor);
    assert_eq!((result.stopped, poor.orders().len()), (Stopped::Budget, 1), "at least one round");
    let mut poor = Made::new(|contestant, round| {
        run_of(round, if (round + contestant as u32).is_multiple_of(2) { 100 } else { 140 })
    });
    let rules = Rules { least: 3, budget: Duration::from_millis(1), ..rules(None) };
    let result = play(2, &rules, &mut poor);
    assert_eq!((result.stopped, poor.orders().len()), (Stopped::Budget, 3), "as many as it must");
}

#[test]
fn one_alone_goes_on_until_it_may_be_settled() {
    let mut world = Made::new(|_, round| run_of(round, 100));
    let result = play(1, &Rules { settled: 20, ..rules(None) }, &mut world);
    assert_eq!((result.stopped, world.orders().len()), (Stopped::Decided, 20));
    let mut world = Made::new(|_, round| run_of(round, 100));
    let result = play(1, &rules(None), &mut world);
    assert_eq!((result.stopped, world.orders().len()), (Stopped::Decided, 3));
}

#[test]
fn rounds_that_were_asked_for_end_with_the_budget() {
    let mut world = Made::new(|_, round| run_of(round, 100));
    let budget = Duration::from_millis(1);
    let result = play(2, &Rules { budget, ..rules(Some(9)) }, &mut world);
    assert_eq!((result.stopped, world.orders().len()), (Stopped::Budget, 1));
    let mut world = Made::new(|_, round| run_of(round, 100));
    let result = play(2, &Rules { budget: Duration::MAX, ..rules(Some(9)) }, &mut world);
    assert_eq!((result.stopped, world.orders().len()), (Stopped::Rounds, 9));
}

#[test]
fn rounds_that_were_asked_for_are_counted_whether_clean_or_not() {
    let mut some = Made::new(|contestant, round| {
        let run = run_of(round, 100);
        if contestant == 1 && [1, 3].contains(&round) { dirty(run) } else { run }
    });
    let result = play(2, &rules(Some(4)), &mut some);
    assert_eq!((result.stopped, some.orders().len()), (Stopped::Rounds, 4));
    let mut all = Made::new(|_, round| dirty(run_of(round, 100)));
    let result = play(2, &rules(Some(4)), &mut all);
    assert_eq!((result.stopped, all.orders().len()), (Stopped::Rounds, 4));
    assert!(
        result.contestants.iter().all(|one| one.summary.is_some()),
        "dirty is better than none"
    );
}

#[test]
fn who_failed_is_not_run_again() {
    let mut world = Made::new(|contestant, round| {
        let run = run_of(round, 100);
        if contestant == 1 && round == 2 { died(run) } else { run }
    });
    let result = play(3, &rules(Some(6)), &mut world);
    assert_eq!(result.contestants[1].runs.len(), 3);
    assert!(result.contestants[1].unranked.as_deref().unwrap().contains("of boredom"));
    assert_eq!(result.contestants[0].runs.len(), 6);
    assert!(result.ranking.iter().all(|rank| rank.contestant != 1));
}

#[test]
fn when_all_have_failed_it_is_over_and_who_did_in_the_warmup_is_not_run_again() {
    for warmup in [0, 1] {
        let mut world = Made::new(|_, round| died(run_of(round, 100)));
        let result = play(3, &Rules { warmup, ..rules(None) }, &mut world);
        assert_eq!((result.stopped, world.asked.len()), (Stopped::NoneRan, 3));
        assert!(result.ranking.is_empty());
        assert!(result.contestants.iter().all(|one| one.unranked.is_some()));
    }
}

#[test]
fn who_cannot_run_is_never_run() {
    let mut comparison = comparison(3);
    comparison.contestants[2].unranked = Some("no such strategy".into());
    let mut world = Made::new(|_, round| run_of(round, 100));
    run(&mut comparison, &rules(Some(3)), &mut world).unwrap();
    assert!(world.asked.iter().all(|(contestant, _)| *contestant != 2));
    assert_eq!(comparison.contestants[2].unranked.as_deref(), Some("no such strategy"));
}

#[test]
fn an_interruption_keeps_what_was_measured() {
    for patience in 0..20 {
        // So that nothing is decided before.
        let mut world = Made::new(|contestant, round| {
            run_of(round, if (round + contestant as u32).is_multiple_of(2) { 130 } else { 100 })
        });
        world.patience = patience;
        let mut result = comparison(3);
        // Without a run there is nothing to report on.
        let outcome = run(&mut result, &rules(None), &mut Quiet(&mut world));
        outcome.unwrap();
        assert_eq!(result.stopped, Stopped::Interrupted, "after {patience} runs");
        assert_eq!(world.asked.len(), patience, "nothing is begun after it");
        let kept: usize = result.contestants.iter().map(|one| one.runs.len()).sum();
        assert_eq!(kept, patience.saturating_sub(3), "all but the three of the warm-up");
    }
}

/// A world in which reports are not looked at.
struct Quiet<'a>(&'a mut Made);

impl World for Quiet<'_> {
    fn execute(&mut self, contestant: usize, purpose: Purpose) -> Result<Run, Error> {
        self.0.execute(contestant, purpose)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn round_done(&mut self, _: &Comparison) -> Result<(), Error> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}

#[test]
fn a_run_that_was_interrupted_does_not_count() {
    let mut world = Made::new(|_, round| Run { end: RunEnd::Interrupted, ..run_of(round, 1) });
    world.patience = 3;
    let mut result = comparison(2);
    run(&mut result, &rules(None), &mut Quiet(&mut world)).unwrap();
    assert_eq!(result.stopped, Stopped::Interrupted);
    assert!(result.contestants.iter().all(|one| one.runs.is_empty()));
}

#[test]
fn an_error_keeps_what_was_measured() {
    let mut world = Made::new(|_, round| run_of(round, 100));
    // The warm-up of two, two rounds, and one run.
    world.fails_after = 7;
    let mut result = comparison(2);
    let outcome = run(&mut result, &rules(None), &mut world);
    assert!(matches!(outcome, Err(Error::Failed(_))));
    let kept: usize = result.contestants.iter().map(|one| one.runs.len()).sum();
    assert_eq!(kept, 5);
    assert_eq!(world.reports.get(), 3, "files are written once more");
    assert!(result.contestants.iter().all(|one| one.summary.is_some()));
}

#[test]
fn a_baseline_is_whom_all_are_compared_with() {
    let mut world = Made::new(|contestant, round| run_of(round, 100 * (contestant as u64 + 1)));
    let baseline = Some(Model { workers: Some(2), ..Model::new("native", Strategy::ThreadPool) });
    let result = play(3, &Rules { baseline, ..rules(Some(5)) }, &mut world);
    let ratio = |contestant| {
        result.ranking.iter().find(|rank| rank.contestant == contestant).unwrap().ratio
    };
    assert_eq!((ratio(0), ratio(1), ratio(2)), (0.5, 1.0, 1.5));
}

/// Who was traced, in order.
fn traced(world: &Made) -> Vec<usize> {
    let asked = world.asked.iter().filter(|(_, purpose)| *purpose == Purpose::Trace);
    asked.map(|(contestant, _)| *contestant).collect()
}

#[test]
fn who_is_ranked_is_traced_once_after_the_rounds() {
    let script = |contestant, round| {
        let run = run_of(round, 100);
        if contestant == 1 { died(run) } else { run }
    };
    let mut world = Made::new(script);
    let result = play(3, &Rules { trace: true, ..rules(Some(4)) }, &mut world);
    assert_eq!(traced(&world), [0, 2], "the one that failed has nothing to show");
    assert!(world.asked.iter().rev().take(2).all(|(_, purpose)| *purpose == Purpose::Trace));
    let has: Vec<bool> = result.contestants.iter().map(|one| one.traced.is_some()).collect();
    assert_eq!(has, [true, false, true]);
    assert!(result.contestants.iter().all(|one| one.runs.len() <= 4), "it is no round");
    assert_eq!(result.stopped, Stopped::Rounds);
    let mut without = Made::new(script);
    play(3, &rules(Some(4)), &mut without);
    assert_eq!(traced(&without), [0; 0]);
}

#[test]
fn an_interrupt_ends_the_tracing_too() {
    let mut world = Made::new(|_, round| run_of(round, 100));
    world.patience = 3 + 6 + 1; // warm-up, two rounds, one traced run
    let result = play(3, &Rules { trace: true, ..rules(Some(2)) }, &mut world);
    assert_eq!(traced(&world), [0]);
    assert_eq!(result.stopped, Stopped::Interrupted);
    assert!(result.contestants.iter().all(|one| one.runs.len() == 2), "what was measured is kept");
    let mut early = Made::new(|_, round| run_of(round, 100));
    early.patience = 3 + 4; // in the second round
    play(3, &Rules { trace: true, ..rules(Some(2)) }, &mut early);
    assert_eq!(traced(&early), [0; 0]);
}

#[test]
fn who_is_hopeless_is_run_no_more_and_keeps_its_figures() {
    // One takes six times as long as the first, one hardly more.
    let script = |contestant: usize, round: u32| {
        let jitter = if (round + contestant as u32).is_multiple_of(2) { 5 } else { 0 };
        run_of(round, [100, 104, 600][contestant] + jitter)
    };
    let budget = Duration::from_secs(1);
    let dropping = Rules { drop: true, budget, ..rules(None) };
    let mut world = Made::new(script);
    let result = play(3, &dropping, &mut world);
    let last = &result.contestants[2];
    let rounds = last.dropped.unwrap();
    assert_eq!(last.runs.len(), rounds as usize);
    assert!(
        result.contestants[0].runs.len() > last.runs.len()
            && result.contestants[0].dropped.is_none()
    );
    let rank = result.ranking.iter().find(|rank| rank.contestant == 2).unwrap();
    assert_eq!(rank.verdict, maitred_core::result::Verdict::Slower);
    assert_eq!(world.dropped, [(2, rounds)]);
    // Not where it was not told in quiet rounds, and never the one that all are compared with.
    let mut noisy = Made::new(move |contestant, round| dirty(script(contestant, round)));
    assert!(play(3, &dropping, &mut noisy).contestants[2].dropped.is_none());
    let baseline = Some(comparison(3).contestants[2].model.clone());
    let mut world = Made::new(script);
    let result = play(3, &Rules { baseline, ..dropping }, &mut world);
    assert!(result.contestants.iter().all(|one| one.dropped.is_none()));
}

#[test]
fn who_joins_after_the_first_round_is_warmed_up_and_has_as_many_rounds() {
    let mut world = Made { joining: 1, ..Made::new(|_, round| run_of(round, 10)) };
    let mut comparison = comparison(2);
    run(&mut comparison, &rules(Some(3)), &mut world).unwrap();
    let rounds: Vec<usize> = comparison.contestants.iter().map(|one| one.runs.len()).collect();
    assert_eq!(rounds, [3, 3, 3]);
    let own: Vec<Purpose> =
        world.asked.iter().filter(|(who, _)| *who == 2).map(|(_, purpose)| *purpose).collect();
    assert_eq!(own[..2], [Purpose::Warmup, Purpose::Round(0)]);
    let first = world.asked.iter().position(|(who, _)| *who == 2).unwrap();
    assert_eq!(first, 4, "after two runs of warm-up and two of the first round");
}

#[test]
fn nobody_joins_where_there_is_no_time_for_two_more_rounds() {
    let mut world = Made { joining: 1, ..Made::new(|_, round| run_of(round, 10)) };
    let mut comparison = comparison(2);
    let rules = Rules { budget: Duration::from_millis(70), ..rules(None) };
    run(&mut comparison, &rules, &mut world).unwrap();
    assert_eq!(comparison.contestants.len(), 2);
}
