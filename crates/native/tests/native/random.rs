//! Random work under every strategy: the conservation laws hold, whatever is run.

use crate::harness::{ALL, Work, block, cpu, fail, hold, laws, repeat, wait};
use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Action, Arrivals};
use proptest::prelude::*;

const RESOURCES: u32 = 2;

/// Steps that hold nothing below this resource, so that none can wait in a circle.
fn steps(above: u32, depth: u32) -> BoxedStrategy<Vec<Action>> {
    let ns = 0..300_000_u64;
    let simple = prop_oneof![
        6 => ns.clone().prop_map(wait),
        2 => ns.clone().prop_map(block),
        3 => ns.prop_map(cpu),
        1 => Just(fail("by chance")),
        2 => Just(Action::Yield),
        1 => (1..200_000_u64).prop_map(|bytes| Action::Allocate { bytes }),
        1 => Just(Action::Read { var: 0 }),
        1 => Just(Action::Write { var: 0, add: 1 }),
        1 => Just(Action::Update { var: 0, add: -2 }),
        1 => Just(Action::Send { channel: 0 }),
    ];
    if depth == 0 {
        return prop::collection::vec(simple, 0..3).boxed();
    }
    let again = (0..4_u64, steps(above, depth - 1)).prop_map(|(n, inner)| repeat(n, inner));
    let step = if above < RESOURCES {
        let held = (above..RESOURCES).prop_flat_map(move |resource| {
            steps(resource + 1, depth - 1).prop_map(move |inner| hold(resource, inner))
        });
        prop_oneof![5 => simple, 2 => again, 3 => held].boxed()
    } else {
        prop_oneof![5 => simple, 2 => again].boxed()
    };
    prop::collection::vec(step, 0..4).boxed()
}

fn arrivals() -> impl Strategy<Value = Arrivals> {
    prop_oneof![3 => Just(Arrivals::AtOnce), 1 => (0..500_000_u64).prop_map(Arrivals::EveryNs)]
}

fn work() -> impl Strategy<Value = Work> {
    let kind = (1..12_u32, arrivals(), steps(0, 2));
    let capacities = prop::collection::vec(1..4_u32, RESOURCES as usize);
    (capacities, prop::collection::vec(kind, 1..4)).prop_map(|(capacities, kinds)| {
        // Nobody receives, so the channel has room for all that can be sent.
        let mut work = Work::new().channel(1_000_000).var(0);
        work.resources = capacities;
        kinds.into_iter().fold(work, |work, (count, arrivals, steps)| {
            work.tasks_arriving(count, arrivals, steps)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..Default::default() })]

    #[test]
    fn conservation_laws_hold(work in work()) {
        let mut outcomes = Vec::new();
        for model in ALL {
            let ran = work.run(model);
            laws::check(&work, model.0, &ran);
            prop_assert!(ran.done().deadlock.is_empty(), "{:?}", model);
            prop_assert!(ran.trace.tasks.iter().all(|task| task.end > 0), "{:?}", model);
            prop_assert!(ran.trace.spans.iter().all(|span| span.end > 0), "{:?}", model);
            outcomes.push(ran.trace.tasks.iter().map(|t| t.outcome).collect::<Vec<TaskOutcome>>());
        }
        prop_assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "equal work, equal ends");
    }
}
