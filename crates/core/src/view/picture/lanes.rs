//! Lanes of any number of slices in bounded room: each column of a lane holds the time of every
//! state exactly, and is drawn as far as its height goes for each. Neighbours that look the same
//! are one rectangle, so that a long slice costs as little as a short one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::state::{STATES, State};
use super::super::state_times::StateTimes;
use super::super::timeline::Axis;
use super::svg::number;

/// Where the columns of an axis begin, and at last where it ends.
pub(super) fn edges(axis: &Axis) -> Vec<u64> {
    (0..=axis.cells).map(|cell| axis.start_of(cell)).collect()
}

/// One lane, filled by slices that come about in order.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) label: String,
    pub(super) time: StateTimes,
    /// The column of the last slice: the next one is most likely there, or in the one after.
    at: usize,
}

impl Lane {
    pub(super) fn new(label: String, columns: usize) -> Self {
        Self { label, time: StateTimes::new(columns), at: 0 }
    }

    /// Adds what lies within the axis.
    pub(super) fn add(&mut self, state: State, start: u64, end: u64, edges: &[u64]) {
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        let (start, end) = (start.max(first), end.min(last));
        if end <= start {
            return;
        }
        let holds = |column: usize| edges[column] <= start && start < edges[column + 1];
        if !holds(self.at) {
            self.at += 1;
            if self.at >= self.time.columns() || !holds(self.at) {
                self.at = edges.partition_point(|edge| *edge <= start) - 1;
            }
        }
        let (mut column, mut from) = (self.at, start);
        loop {
            let to = end.min(edges[column + 1]);
            self.time.add(state, column, to - from);
            if to == end {
                return;
            }
            (column, from) = (column + 1, to);
        }
    }
}

/// Heights are told apart down to this.
const GRAIN: f64 = 0.25;
/// What happened is seen, however short it was.
const LEAST: f64 = 0.75;

/// For each state that occurs, the shape of its time: columns one unit wide from `left` on, on the
/// ground of a lane that is `height` high. States stand on each other in the order of
/// [`State::ALL`].
pub(super) fn shapes(
    time: &StateTimes,
    edges: &[u64],
    (left, top, height): (f64, f64, f64),
) -> Vec<(State, String)> {
    let mut shapes: Vec<(State, String)> = Vec::new();
    let stacks: Vec<[f64; STATES + 1]> = (0..time.columns())
        .zip(edges.windows(2))
        .map(|(column, edge)| stack(&time.at(column), edge[1] - edge[0], height))
        .collect();
    for state in State::ALL.into_iter().filter(|state| *state != State::Idle) {
        let mut d = String::new();
        let part =
            |column: &[f64; STATES + 1]| (column[state as usize], column[state as usize + 1]);
        let mut column = 0;
        for run in stacks.chunk_by(|one, next| part(one) == part(next)) {
            let (low, high) = part(&run[0]);
            if high > low {
                let (x, y) = (number(left + column as f64), number(top + height - high));
                let (w, h) = (run.len(), number(high - low));
                d.push_str(&format!("M{x} {y}h{w}v{h}h-{w}z"));
            }
            column += run.len();
        }
        if !d.is_empty() {
            shapes.push((state, d));
        }
    }
    shapes
}

/// Where each state begins and ends above the ground, in steps of [`GRAIN`].
fn stack(time: &[u64; STATES], length: u64, height: f64) -> [f64; STATES + 1] {
    let sum: u64 = time.iter().copied().fold(0, u64::saturating_add);
    // Slices that overlap, as no sound trace has them, share the height.
    let whole = length.max(sum).max(1) as f64;
    let grains = |value: f64| libm::round(value / GRAIN) * GRAIN;
    let mut stack = [0.0; STATES + 1];
    let mut ground = 0.0_f64;
    for (state, ns) in time.iter().enumerate() {
        if *ns > 0 {
            let share = grains(*ns as f64 / whole * height).max(LEAST);
            ground = (ground + share).min(height);
        }
        stack[state + 1] = ground;
    }
    if sum >= length && sum > 0 {
        // Full is full, whatever rounding made of it: the last state that occurs ends at the top.
        let last = time.iter().rposition(|ns| *ns > 0).unwrap_or(0);
        stack[last + 1..].fill(height);
    }
    stack
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_nanosecond_within_the_axis_is_in_one_column(
            slices in proptest::collection::vec((0_u64..5_000, 0_u64..900), 0..60),
            origin in 0_u64..1_000, length in 1_u64..4_000, cells in 1_usize..90,
        ) {
            let axis = Axis { origin, end: origin + length, cells };
            let edges = edges(&axis);
            let mut lane = Lane::new(String::new(), cells);
            let mut expected = alloc::vec![0_u64; cells];
            for (start, length) in slices {
                lane.add(State::Running, start, start + length, &edges);
                for ns in start..start + length {
                    if ns >= axis.origin && ns < axis.end {
                        let column = edges.iter().rposition(|edge| *edge <= ns).unwrap();
                        expected[column] += 1;
                    }
                }
            }
            let found: Vec<u64> =
                (0..cells).map(|column| lane.time.at(column)[State::Running as usize]).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_stack_keeps_to_its_height_and_to_the_shares(
            time in proptest::array::uniform16(0_u64..1_000), length in 1_u64..4_000,
        ) {
            let stack = stack(&time, length, 14.0);
            prop_assert!(stack.is_sorted() && stack[STATES] <= 14.0, "{stack:?}");
            let whole = length.max(time.iter().sum()) as f64;
            // Each of the shares may be off by its rounding, or by what makes it seen.
            for (state, ns) in time.iter().enumerate() {
                let (share, drawn) = (*ns as f64 / whole * 14.0, stack[state + 1] - stack[state]);
                prop_assert!((share - drawn).abs() < 6.5, "{state}: {share} {drawn}");
                prop_assert_eq!(drawn > 0.0 && *ns == 0, false);
            }
        }
    }

    #[test]
    fn neighbours_that_look_the_same_are_one_rectangle() {
        let axis = Axis { origin: 0, end: 1_000, cells: 100 };
        let edges = edges(&axis);
        let mut lane = Lane::new(String::new(), 100);
        lane.add(State::Running, 100, 500, &edges);
        lane.add(State::Queueing, 500, 505, &edges);
        let shapes = shapes(&lane.time, &edges, (10.0, 0.0, 8.0));
        assert_eq!(
            shapes,
            [(State::Queueing, "M60 4h1v4h-1z".into()), (State::Running, "M20 0h40v8h-40z".into()),]
        );
    }
}
