//! Which task is next, and when it arrives. The main type is [`Queue`].
//!
//! Equal tasks are a count, so the queue is a number that grows; only where groups of tasks
//! arrive interleaved is an order written down.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use maitred_wire::{Arrivals, ErrorCode, Plan, RunnerError};

use crate::program::{Drawn, Draws};

/// All tasks, in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Queue {
    groups: Vec<Group>,
    /// Task numbers by position; `None`: the number is the position.
    order: Option<Box<[u32]>>,
    total: u32,
    /// The position of the next task; in shared memory, since processes take from here too.
    next: &'static AtomicU64,
}

#[derive(Debug)]
struct Group {
    first: u32,
    count: u32,
    program: u32,
    arrivals: Schedule,
}

#[derive(Debug)]
enum Schedule {
    AtOnce,
    EveryNs(u64),
    At(Drawn),
}

/// The next task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuedTask {
    pub(crate) number: u32,
    pub(crate) program: u32,
    /// Nanoseconds after the start of the work.
    pub(crate) arrival: u64,
}

impl Queue {
    /// # Errors
    /// When the groups do not number the tasks from 0 without a gap, or name what is not there.
    pub(crate) fn new(
        plan: &Plan,
        draws: &Draws,
        next: &'static AtomicU64,
    ) -> Result<Self, RunnerError> {
        let mut total = 0_u32;
        let mut groups = Vec::new();
        for (index, group) in plan.groups.iter().enumerate() {
            let end = total.checked_add(group.count);
            let known = (group.program as usize) < plan.programs.len();
            let (Some(end), true) = (end.filter(|_| group.first == total), known) else {
                return Err(wrong(
                    index,
                    "does not go on where the one before it ends, or names no program",
                ));
            };
            let arrivals = match group.arrivals {
                Arrivals::AtOnce => Schedule::AtOnce,
                Arrivals::EveryNs(ns) => Schedule::EveryNs(ns),
                Arrivals::Column(column) => draws
                    .column(column, group.first, group.count, 1)
                    .map(Schedule::At)
                    .ok_or_else(|| wrong(index, "arrives by a column that does not fit it"))?,
            };
            groups.push(Group {
                first: total,
                count: group.count,
                program: group.program,
                arrivals,
            });
            total = end;
        }
        let mut queue = Self { groups, order: None, total, next };
        queue.sort(plan.is_open_loop());
        Ok(queue)
    }

    fn sort(&mut self, open_loop: bool) {
        if !open_loop || self.groups.len() < 2 {
            return;
        }
        let mut order: Vec<u32> = (0..self.total).collect();
        order.sort_by_key(|&number| self.entry(number).arrival);
        self.order = Some(order.into());
    }

    /// Takes the next task; `None`: all are taken.
    #[inline]
    pub(crate) fn take(&self) -> Option<QueuedTask> {
        let position = self.next.fetch_add(1, Relaxed);
        if position >= u64::from(self.total) {
            return None;
        }
        let position = position as u32;
        Some(self.entry(self.order.as_ref().map_or(position, |order| order[position as usize])))
    }

    /// How many were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.next.load(Relaxed).min(u64::from(self.total))
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    #[inline]
    fn entry(&self, number: u32) -> QueuedTask {
        let index = self.groups.partition_point(|group| group.first + group.count <= number);
        let group = &self.groups[index];
        let arrival = match &group.arrivals {
            Schedule::AtOnce => 0,
            Schedule::EveryNs(ns) => ns.saturating_mul(u64::from(number - group.first)),
            Schedule::At(column) => column.value(number, 0),
        };
        QueuedTask { number, program: group.program, arrival }
    }
}

fn wrong(group: usize, how: &str) -> RunnerError {
    let text = format!("group {group} of the plan {how}");
    RunnerError { code: ErrorCode::Protocol, text, place: None }
}
