//! Properties of strategies, from figures and from rounds made up for them.

use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::{Cpu, Strategy};

use super::compare_tests::took;
use super::sample::comparison;
use super::strategies::{Experiment, decided, measure, properties, unmeasured};
use crate::result::{
    Blocking, Contestant, Found, Run, Shares, Split, StepSplit, StepTotal, StrategyFigures,
    TaskScheduling,
};
use crate::trace::{Observed, PeakMemory, StepKind};
use crate::workload::Unit;

const MS: u64 = 1_000_000;

/// A figure of three rounds.
fn found(low: f64, high: f64) -> Observed<Found> {
    let median = f64::midpoint(low, high);
    Observed::Known(Found { median, low, high, unit: Unit::Number, rounds: 3, disturbed: None })
}

fn rounds(figure: &Observed<Found>, rounds: u32) -> Observed<Found> {
    figure.clone().map(|found| Found { rounds, ..found })
}

fn disturbed(figure: &Observed<Found>) -> Observed<Found> {
    figure.clone().map(|found| Found { disturbed: Some("others were busy".into()), ..found })
}

/// Threads of a language without a lock, 20 KiB each.
fn threads() -> StrategyFigures {
    StrategyFigures {
        together: found(1.9, 2.2),
        held_up: found(0.06, 0.09),
        cores: found(1.9, 1.98),
        computing: Observed::Unknown("switches were not recorded".into()),
        runnable: Observed::Unknown("switches were not recorded".into()),
        computing_workers: 8,
        blocked: found(7.5, 7.9),
        blocked_tasks: 8,
        blocked_workers: 8,
        start: found(2e4, 3e4),
        memory: found(20_480.0, 20_480.0),
        alone: found(1_048_576.0, 1_048_576.0),
        allowed: None,
    }
}

/// A loop on one thread, 1 KiB a task.
fn event_loop() -> StrategyFigures {
    StrategyFigures {
        held_up: found(1.9, 2.1),
        cores: found(0.98, 1.0),
        computing_workers: 1,
        blocked: found(0.98, 0.99),
        blocked_workers: 1,
        memory: found(1024.0, 1024.0),
        ..threads()
    }
}

fn text(figures: &StrategyFigures, cores: u32) -> String {
    match properties(figures, cores).purpose {
        Observed::Known(purpose) => purpose,
        Observed::Unknown(why) => alloc::format!("? {why}"),
    }
}

#[test]
fn what_it_is_for_follows_from_what_was_measured() {
    let locked = StrategyFigures { cores: found(0.99, 1.05), ..threads() };
    let processes = StrategyFigures { memory: found(3e6, 3e6), ..threads() };
    let hybrid = StrategyFigures { memory: found(1024.0, 1024.0), ..threads() };
    let locked_hybrid = StrategyFigures { cores: found(0.99, 1.05), ..hybrid.clone() };
    let pool_of_loops = StrategyFigures {
        cores: found(1.9, 1.99),
        blocked: found(1.9, 2.0),
        blocked_workers: 2,
        ..event_loop()
    };
    let dear_loop = StrategyFigures { memory: found(1e6, 1e6), ..event_loop() };
    let sequential = StrategyFigures { together: found(0.97, 1.0), ..event_loop() };
    let cases = [
        (threads(), "computing and blocking calls, by the thousand"),
        (locked, "blocking calls, by the thousand"),
        (processes, "computing and blocking calls, few at a time"),
        (hybrid, "many things that wait, beside computing and blocking calls"),
        (locked_hybrid, "many things that wait, beside blocking calls"),
        (event_loop(), "many things that wait, and hardly compute"),
        (pool_of_loops, "many things that wait, and compute a little"),
        (dear_loop, "some things that wait, and hardly compute"),
        (sequential, "a few things, one after the other"),
    ];
    for (figures, purpose) in cases {
        assert_eq!(text(&figures, 2), purpose, "{figures:?}");
    }
}

#[test]
fn one_round_shows_what_a_strategy_can_do() {
    let figures = StrategyFigures {
        held_up: found(0.2, 0.9),
        cores: found(1.0, 1.4),
        blocked: found(1.5, 4.2),
        ..threads()
    };
    for figures in [
        figures.clone(),
        StrategyFigures { cores: disturbed(&figures.cores), ..figures.clone() },
        StrategyFigures { held_up: rounds(&figures.held_up, 1), ..figures },
    ] {
        let found = properties(&figures, 2);
        assert_eq!(found.scheduling, Observed::Known(TaskScheduling::Preemptive));
        assert_eq!(found.parallel, Observed::Known(true));
        assert_eq!(found.blocking, Observed::Known(Blocking::Allowed));
    }
}

#[test]
fn all_rounds_have_to_show_what_it_cannot_do() {
    let known = properties(&event_loop(), 2);
    assert_eq!(known.scheduling, Observed::Known(TaskScheduling::Cooperative));
    assert_eq!(known.parallel, Observed::Known(false));
    assert_eq!(known.blocking, Observed::Known(Blocking::StallsAll));
    let few = StrategyFigures {
        held_up: rounds(&event_loop().held_up, 2),
        cores: rounds(&event_loop().cores, 2),
        blocked: rounds(&event_loop().blocked, 2),
        ..event_loop()
    };
    let between = StrategyFigures {
        held_up: found(0.4, 2.0),
        cores: found(0.98, 1.2),
        blocked: found(0.98, 3.0),
        ..event_loop()
    };
    for figures in [few, between] {
        let found = properties(&figures, 2);
        assert_eq!(found.scheduling.known(), None, "{figures:?}");
        assert_eq!(found.parallel.known(), None, "{figures:?}");
        assert_eq!(found.blocking.known(), None, "{figures:?}");
        assert!(text(&figures, 2).starts_with("? it rests on scheduling"), "{figures:?}");
    }
}

#[test]
fn why_nothing_is_said_ends_with_the_figure_and_what_disturbed_it() {
    let figures = StrategyFigures {
        held_up: found(0.4, 2.0),
        cores: disturbed(&found(0.98, 1.2)),
        blocked: found(0.98, 3.0),
        ..event_loop()
    };
    let unknown = properties(&figures, 2);
    let why = reason(&unknown.parallel);
    assert!(why.starts_with("neither one processor was used nor several: 1.09 ("), "{why}");
    assert!(why.ends_with(", disturbed"), "{why}");
    let why = reason(&unknown.blocking);
    assert!(why.starts_with("so many of 8 calls were under way at a time: "), "{why}");
}

fn reason<T>(told: &Observed<T>) -> &str {
    match told {
        Observed::Known(_) => "it is known",
        Observed::Unknown(why) => why,
    }
}

#[test]
fn one_processor_cannot_be_told_from_one_that_others_left() {
    let figures = StrategyFigures { cores: disturbed(&found(0.9, 1.0)), ..event_loop() };
    assert_eq!(properties(&figures, 2).parallel.known(), None);
    assert_eq!(properties(&figures, 8).parallel, Observed::Known(false), "half of 8 is more");
    assert_eq!(properties(&figures, 1).parallel.known(), None, "there is but one");
}

/// Others left less than a processor, but the kernel saw who was ready to run.
#[test]
fn who_is_ready_tells_a_lock_from_a_busy_machine() {
    let judge = |ready, computing, computing_workers| {
        let figures = StrategyFigures {
            cores: disturbed(&found(0.6, 0.9)),
            computing: Observed::Known(computing),
            runnable: Observed::Known(ready),
            computing_workers,
            ..threads()
        };
        properties(&figures, 2).parallel
    };
    assert_eq!(judge(6.9, 7.0, 8), Observed::Known(true));
    assert_eq!(judge(1.9, 1.9, 2), Observed::Known(true), "a pool of two");
    assert_eq!(judge(1.0, 1.0, 1), Observed::Known(false), "a loop");
    assert_eq!(judge(1.5, 4.1, 8), Observed::Known(false), "one has the lock, others wake for it");
    assert_eq!(judge(1.4, 1.4, 8).known(), None, "they started too late to meet");
    assert_eq!(judge(1.0, 1.0, 8).known(), None, "so did these");
    let used = StrategyFigures {
        computing: Observed::Known(7.0),
        runnable: Observed::Known(1.0),
        ..threads()
    };
    assert_eq!(properties(&used, 2).parallel, Observed::Known(true), "it did use them");
}

#[test]
fn calls_that_stall_their_worker_are_as_many_as_there_are_workers() {
    let figures = |blocked| StrategyFigures { blocked, blocked_workers: 2, ..event_loop() };
    let judge = |blocked| properties(&figures(blocked), 2).blocking;
    assert_eq!(judge(found(1.8, 2.0)), Observed::Known(Blocking::StallsItsWorker));
    assert_eq!(judge(found(0.9, 1.0)), Observed::Known(Blocking::StallsAll));
    assert_eq!(judge(found(1.8, 3.0)).known(), None);
    assert_eq!(judge(found(7.0, 8.0)), Observed::Known(Blocking::Allowed));
}

#[test]
fn as_many_fit_as_there_is_room_for_and_the_machine_allows() {
    let fit = |figures: &StrategyFigures| properties(figures, 2).fit;
    // 1,023 MiB beside the one that is there, 20 KiB each.
    assert_eq!(fit(&threads()), Observed::Known(1 + 1023 * 1024 / 20));
    let capped = StrategyFigures { allowed: Some(32_000), ..threads() };
    assert_eq!(fit(&capped), Observed::Known(32_000));
    let alone = StrategyFigures { together: found(0.9, 1.0), ..unmeasured() };
    assert_eq!(fit(&alone), Observed::Known(1), "one at a time, whatever it takes");
    assert_eq!(fit(&unmeasured()).known(), None);
}

/// A contestant with these times; each round is changed.
fn contestant(strategy: Strategy, ms: &[f64], change: impl Fn(&mut Run)) -> Contestant {
    let mut contestant = took(strategy, ms);
    for run in &mut contestant.runs {
        (run.setup_ns, run.teardown_ns) = (0, 0);
        change(run);
    }
    contestant
}

fn step(kind: StepKind, spans: u64, total_ms: u64, longest_ms: u64) -> StepTotal {
    StepTotal { kind, spans, total_ns: total_ms * MS, longest_ns: Some(longest_ms * MS) }
}

fn measured(experiment: Experiment, contestants: Vec<Contestant>) -> StrategyFigures {
    let strategy = contestants[0].model.strategy;
    let mut figures = unmeasured();
    measure(experiment, strategy, &comparison(contestants, 2), &mut figures);
    figures
}

fn middle(figure: &Observed<Found>) -> f64 {
    figure.known().unwrap_or_else(|| panic!("{figure:?}")).median
}

#[test]
fn steps_under_way_at_once_and_the_longest_wait_are_counted() {
    let beside = contestant(Strategy::EventLoop, &[240.0; 3], |run| {
        run.steps = vec![step(StepKind::Wait, 18, 260, 160), step(StepKind::Cpu, 2, 160, 80)];
    });
    let figures = measured(Experiment::Beside, vec![beside]);
    assert_eq!(middle(&figures.together), 1.75);
    assert_eq!(middle(&figures.held_up), 2.0);
    let calls = contestant(Strategy::Threads, &[20.0, 25.0, 40.0], |run| {
        run.steps = vec![step(StepKind::Block, 8, 160, 20)];
        run.tasks.done = 8;
    });
    let figures = measured(Experiment::Blocking, vec![calls]);
    assert_eq!(middle(&figures.blocked), 6.4);
    assert_eq!((figures.blocked_tasks, figures.blocked_workers), (8, 2));
    let computing = contestant(Strategy::Threads, &[80.0; 3], |run| {
        run.work_cpu = Observed::Known(Cpu { user_ns: 150 * MS, system_ns: 2 * MS });
    });
    let mut traced = computing.runs[0].clone();
    let split = Split {
        running_ns: 150 * MS,
        runnable_ns: 90 * MS,
        blocked_ns: 60 * MS,
        ..Split::default()
    };
    let steps = vec![StepSplit { kind: StepKind::Cpu, split }];
    traced.scheduling = Some(Shares { steps, ..Shares::default() });
    let computing = Contestant { traced: Some(traced), ..computing };
    let figures = measured(Experiment::Computing, vec![computing]);
    assert_eq!(middle(&figures.cores), 1.9);
    assert_eq!(figures.computing, Observed::Known(3.75));
    assert_eq!((figures.runnable, figures.computing_workers), (Observed::Known(3.0), 2));
}

/// One task and eleven, which took so long.
fn one_and_many(one: &[f64], many: &[f64]) -> Vec<Contestant> {
    let tasks = |done| move |run: &mut Run| run.tasks.done = done;
    vec![
        contestant(Strategy::Threads, one, tasks(1)),
        contestant(Strategy::Threads, many, tasks(11)),
    ]
}

#[test]
fn the_price_of_one_more_is_what_many_took_longer() {
    let start =
        |one: &[f64], many: &[f64]| measured(Experiment::Starting, one_and_many(one, many)).start;
    let price = start(&[1.0, 50.0, 1.0], &[11.0, 13.0, 11.0]);
    assert!((middle(&price) / MS as f64 - 1.0).abs() < 1e-6, "{price:?}");
    let Observed::Unknown(why) = start(&[1.0, 2.0, 1.5], &[11.0, 1.4, 11.5]) else { panic!() };
    assert_eq!(why, "many took no more than one takes by itself");
    let Observed::Unknown(why) = start(&[1.0, 1.0, 1.0], &[2.0, 11.0, 101.0]) else { panic!() };
    assert!(why.contains("1.00 ms"), "{why}");
    let Observed::Unknown(why) = start(&[1.0, 1.0], &[11.0, 11.0]) else { panic!() };
    assert_eq!(why, "2 rounds are too few");
}

#[test]
fn the_memory_of_one_more_is_what_many_took_more() {
    let mut contestants = one_and_many(&[1.0; 3], &[1.0; 3]);
    for (contestant, bytes) in contestants.iter_mut().zip([1 << 20, (1 << 20) + 10_240]) {
        for run in &mut contestant.runs {
            run.memory = Observed::Known(PeakMemory { bytes, samples: 3, processes: 1 });
        }
    }
    let figures = measured(Experiment::Waiting, contestants);
    assert_eq!((middle(&figures.memory), middle(&figures.alone)), (1024.0, 1_048_576.0));
}

#[test]
fn rounds_go_on_until_every_strategy_is_clear() {
    let calls = |strategy, total| {
        contestant(strategy, &[40.0; 3], |run| {
            run.steps = vec![step(StepKind::Block, 8, total, 20)];
            run.tasks.done = 8;
        })
    };
    let is_decided = |contestants| decided(Experiment::Blocking, &comparison(contestants, 2));
    let clear = || vec![calls(Strategy::Threads, 200), calls(Strategy::EventLoop, 40)];
    assert!(is_decided(clear()));
    let mut unclear = clear();
    unclear.push(calls(Strategy::Processes, 120));
    assert!(!is_decided(unclear));
    let after = |rounds: usize, mut contestants: Vec<Contestant>| {
        contestants.iter_mut().for_each(|one| one.runs.truncate(rounds));
        is_decided(contestants)
    };
    assert!(!after(2, clear()));
    // One round shows what can be done, and not what cannot.
    assert!(!after(1, clear()));
    assert!(after(1, vec![calls(Strategy::Threads, 200)]));
    assert!(!after(1, vec![calls(Strategy::EventLoop, 40)]));
}

#[test]
fn what_failed_says_why() {
    let failing = contestant(Strategy::Threads, &[1.0; 3], |run| {
        run.end = crate::trace::RunEnd::Died { how: "signal 9".to_string() };
    });
    let figures = measured(Experiment::Computing, vec![failing]);
    let Observed::Unknown(why) = properties(&figures, 2).parallel else { panic!() };
    assert!(why.contains("signal 9"), "{why}");
}
