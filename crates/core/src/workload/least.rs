//! The least time that a piece of work takes under a strategy, before anything is run: from what its
//! steps say of themselves. What nobody knows beforehand (a request, a command, a call) counts as
//! nothing, so that it is a bound and no forecast. The one entrance is [`Lowered::least_ns`].

use alloc::vec;
use alloc::vec::Vec;

use maitred_wire::{Action, Amount, Arrivals, Lanes, Loops, Step, Strategy, TaskGroup};

use super::Lowered;

/// What the steps of all tasks ask for, in nanoseconds.
struct Asked {
    /// Of all tasks together.
    total: u64,
    computing: u64,
    /// Of what makes a loop stand still.
    standing: u64,
    /// Until a task that takes the average of its group has ended which comes last.
    longest: u64,
    /// By resource: how long its units are held, all holds together.
    held: Vec<u64>,
}

impl Lowered {
    /// No run of this work under this strategy takes less, in nanoseconds: one after another all time
    /// of all tasks, else the longest task, the holds of a resource over its units, and what computes
    /// over the processors (Graham 1969, the lower bounds of any schedule).
    pub fn least_ns(&self, strategy: Strategy, workers: u32, processors: u32) -> u64 {
        let asked = self.asked();
        let over = |ns: u64, many: u32| ns / u64::from(many.max(1));
        let units = self.resources.iter().map(|resource| resource.capacity);
        let held = asked.held.iter().zip(units).map(|(ns, units)| over(*ns, units)).max();
        let facts = strategy.facts();
        // A loop goes on to another task where one waits.
        let kept = if facts.loops == Loops::None { asked.total } else { asked.standing };
        let by_strategy = match facts.lanes {
            Lanes::One => kept,
            Lanes::ByWorker => over(kept, workers),
            Lanes::ByTask | Lanes::LoopAndWorkers => 0,
        };
        let least = [asked.longest, by_strategy, over(asked.computing, processors)];
        least.into_iter().chain(held).max().unwrap_or(0)
    }

    fn asked(&self) -> Asked {
        let held = vec![0; self.resources.len()];
        let mut asked = Asked { total: 0, computing: 0, standing: 0, longest: 0, held };
        for group in self.groups.iter().filter(|group| group.count > 0) {
            let program = &self.programs[group.program as usize];
            let before = asked.total;
            let count = u64::from(group.count);
            self.add(&program.steps, (count, group), &mut asked);
            let mean = (asked.total - before) / count;
            let last = match group.arrivals {
                Arrivals::AtOnce => 0,
                Arrivals::EveryNs(every) => every.saturating_mul(count - 1),
                Arrivals::Column(column) => self.column(column, group).last().copied().unwrap_or(0),
            };
            asked.longest = asked.longest.max(mean.saturating_add(last));
        }
        asked
    }

    /// Adds what these steps take, each done so many times.
    fn add(&self, steps: &[Step], (times, group): (u64, &TaskGroup), asked: &mut Asked) {
        for step in steps {
            match &step.action {
                Action::Cpu(amount) => {
                    let ns = self.sum(*amount, times, group);
                    asked.total += ns;
                    asked.computing += ns;
                    asked.standing += ns;
                }
                Action::Block(amount) => {
                    let ns = self.sum(*amount, times, group);
                    asked.total += ns;
                    asked.standing += ns;
                }
                Action::Wait(amount) => asked.total += self.sum(*amount, times, group),
                Action::Hold { resource, steps } => {
                    let before = asked.total;
                    self.add(steps, (times, group), asked);
                    asked.held[*resource as usize] += asked.total - before;
                }
                Action::Repeat { count, steps } => {
                    self.add(steps, (times.saturating_mul(*count), group), asked);
                }
                _ => {}
            }
        }
    }

    /// A column has a value for each time that its step is done, repeats included.
    fn sum(&self, amount: Amount, times: u64, group: &TaskGroup) -> u64 {
        match amount {
            Amount::Ns(ns) => ns.saturating_mul(times),
            Amount::Column(column) => self.column(column, group).iter().sum(),
        }
    }

    fn column(&self, column: u32, group: &TaskGroup) -> &[u64] {
        let Some(spec) = self.column_specs.get(column as usize) else { return &[] };
        let first = u64::from(group.first.saturating_sub(spec.first_task));
        let (per_task, from) = (u64::from(spec.per_task), spec.offset);
        let start = (from + first * per_task) as usize;
        let end = start + (u64::from(group.count) * per_task) as usize;
        self.columns.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Choices, lower, parse};

    const MS: u64 = 1_000_000;

    fn lowered(text: &str) -> Lowered {
        lower(&parse(text).unwrap(), &Choices::default()).unwrap()
    }

    #[test]
    fn five_tables_and_one_waiter_take_what_arithmetic_says() {
        let tables = lowered(
            r#"resource "waiter" capacity=1
            task "table" count=5 { wait "400ms"; hold "waiter" { wait "100ms" } }"#,
        );
        let least = |strategy, workers| tables.least_ns(strategy, workers, 2) / MS;
        assert_eq!(least(Strategy::Sequential, 1), 2500);
        assert_eq!(least(Strategy::Threads, 5), 500);
        assert_eq!(least(Strategy::ThreadPool, 2), 1250);
    }

    #[test]
    fn what_computes_needs_processors_and_what_blocks_stops_a_loop() {
        let work = lowered(r#"task "a" count=4 { cpu "30ms"; repeat 2 { block "10ms" } }"#);
        let least = |strategy, workers| work.least_ns(strategy, workers, 2) / MS;
        assert_eq!(least(Strategy::Threads, 4), 60);
        assert_eq!(least(Strategy::EventLoop, 1), 200);
    }

    #[test]
    fn what_is_drawn_or_arrives_by_the_clock_counts_and_what_nobody_knows_does_not() {
        let drawn = lowered(r#"task "a" count=10 { wait (uniform)"20ms..40ms" }"#);
        let total = drawn.least_ns(Strategy::Sequential, 1, 2) / MS;
        assert!((200..=400).contains(&total), "{total}");
        let paced = lowered(r#"task "a" count=11 every="10ms" { wait "5ms" }"#);
        assert_eq!(paced.least_ns(Strategy::Threads, 11, 2) / MS, 105);
        let command = lowered(r#"task "a" count=3 { run "sleep" "9" }"#);
        assert_eq!(command.least_ns(Strategy::Sequential, 1, 2), 0);
    }
}
