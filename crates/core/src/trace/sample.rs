//! Traces for tests, computed and never measured: list scheduling of a program on workers or on
//! loops, with exact times. What a test expects of them is arithmetic.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use maitred_wire::trace_file::{Role, TaskOutcome};
use maitred_wire::{Cpu, Model, Phase, Phases, Resource, Strategy, Substance};

use crate::trace::{
    Executor, Group, Lane, LaneCounters, Noise, Observed, Origin, Outcome, PeakMemory, RunEnd,
    Span, StepInfo, StepKind, Task, Trace, Usage,
};

pub(crate) const MS: u64 = 1_000_000;
/// When the work phase of every sample begins.
pub(crate) const ORIGIN: u64 = 1_000 * MS;

/// A step of a sample program; times in milliseconds.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    Cpu(u64),
    Wait(u64),
    Block(u64),
    Hold(u32, Vec<Do>),
}

/// What to schedule on what.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) program: Vec<Do>,
    pub(crate) count: u32,
    /// Arrivals, milliseconds from the start; empty: all at once.
    pub(crate) arrivals: Vec<u64>,
    pub(crate) resources: Vec<(&'static str, u32)>,
}

/// The talk's first example: five tables, one waiter.
pub(crate) fn tables(count: u32, waiters: u32) -> Sample {
    Sample {
        name: "table",
        program: vec![Do::Wait(400), Do::Hold(0, vec![Do::Wait(100)])],
        count,
        arrivals: vec![],
        resources: vec![("waiter", waiters)],
    }
}

/// One flat step; `Give` returns the resource.
#[derive(Clone, Copy, Debug)]
enum Flat {
    Timed { step: u32, ns: u64, occupies: bool },
    Take { step: u32, resource: usize },
    Give { resource: usize },
}

struct Simulation<'a> {
    program: &'a [Flat],
    loops: bool,
    /// When, before whom of the same instant, and which task.
    events: BinaryHeap<Reverse<(u64, u64, u32)>>,
    ties: u64,
    at: Vec<usize>,
    lane: Vec<u32>,
    lane_busy_until: Vec<u64>,
    open: BTreeMap<(u32, u32), usize>,
    free: Vec<u32>,
    queues: Vec<VecDeque<u32>>,
    waiting: VecDeque<u32>,
    tasks: Vec<Task>,
    lanes: Vec<Lane>,
    spans: Vec<Span>,
}

impl Sample {
    /// Runs it on so many workers; under `event-loop` there is one loop whatever they are.
    pub(crate) fn run(&self, strategy: Strategy, workers: u32) -> Trace {
        let mut steps = Vec::new();
        let mut flat = Vec::new();
        self.flatten(&self.program, None, &mut steps, &mut flat);
        let workers = strategy.facts().workers(self.count, workers);
        let mut simulation = Simulation::new(self, &flat, strategy, workers);
        simulation.run(self, workers);
        self.trace(strategy, workers, steps, simulation)
    }

    fn flatten(
        &self,
        program: &[Do],
        parent: Option<u32>,
        steps: &mut Vec<StepInfo>,
        flat: &mut Vec<Flat>,
    ) {
        for action in program {
            let step = steps.len() as u32;
            let mut add = |kind, label: String, parent, object, asked_ns| {
                steps.push(StepInfo { kind, label, program: 0, parent, object, asked_ns });
            };
            let (kind, word, ms, occupies) = match action {
                Do::Cpu(ms) => (StepKind::Cpu, "cpu", *ms, true),
                Do::Wait(ms) => (StepKind::Wait, "wait", *ms, false),
                Do::Block(ms) => (StepKind::Block, "block", *ms, true),
                Do::Hold(resource, inner) => {
                    let label = alloc::format!("hold {}", self.resources[*resource as usize].0);
                    add(StepKind::Acquire, label.clone(), parent, Some(*resource), None);
                    add(StepKind::Hold, label, parent, Some(*resource), None);
                    flat.push(Flat::Take { step, resource: *resource as usize });
                    self.flatten(inner, Some(step + 1), steps, flat);
                    flat.push(Flat::Give { resource: *resource as usize });
                    continue;
                }
            };
            add(kind, alloc::format!("{word} {ms}ms"), parent, None, Some(ms * MS));
            flat.push(Flat::Timed { step, ns: ms * MS, occupies });
        }
    }

    fn trace(
        &self,
        strategy: Strategy,
        workers: u32,
        steps: Vec<StepInfo>,
        mut simulation: Simulation<'_>,
    ) -> Trace {
        simulation.spans.sort_by_key(|span| span.start_ns);
        let end = simulation.tasks.iter().map(|task| task.end_ns).max().unwrap_or(ORIGIN);
        let computed = |kind| steps[kind as usize].kind == StepKind::Cpu;
        let cpu: u64 = simulation
            .spans
            .iter()
            .filter(|span| computed(span.step))
            .map(|span| span.end_ns - span.start_ns)
            .sum();
        let cpu = Cpu { user_ns: cpu + MS, system_ns: u64::from(workers) * MS / 5 };
        let phase = |start_ns, end_ns| Phase { start_ns, end_ns, cpu: None };
        let work = Phase { cpu: Some(cpu), ..phase(ORIGIN, end) };
        let done = Outcome {
            phases: Phases {
                setup: phase(ORIGIN - MS, ORIGIN),
                work,
                teardown: phase(end, end + MS / 2),
            },
            ..Outcome::default()
        };
        let switches = simulation.spans.len() as u64;
        Trace {
            origin: Origin::Measured(Executor::new("native", "0.1.0")),
            model: Model::new("native", strategy),
            workers,
            steps,
            groups: vec![Group {
                name: self.name.to_owned(),
                first: 0,
                count: self.count,
                arrivals_ns: self.arrivals.iter().map(|ms| ms * MS).collect(),
            }],
            resources: self
                .resources
                .iter()
                .map(|(name, capacity)| Resource { name: (*name).to_owned(), capacity: *capacity })
                .collect(),
            channels: vec![],
            lanes: simulation.lanes,
            tasks: simulation.tasks,
            spans: simulation.spans,
            startup: phase(ORIGIN - 4 * MS, ORIGIN - 2 * MS),
            done: Some(done),
            end: RunEnd::Finished,
            usage: Observed::Known(Usage {
                user_ns: cpu.user_ns + MS,
                system_ns: cpu.system_ns + MS,
                voluntary: switches,
                involuntary: 3,
                major_faults: 0,
            }),
            memory: Observed::Known(PeakMemory {
                bytes: (2 << 20) + u64::from(workers) * (100 << 10),
                samples: 9,
                processes: 1,
            }),
            noise: Noise::default(),
            servers: Vec::new(),
            scheduling: Observed::Unknown("it was not recorded in this run".to_owned()),
            log: String::new(),
        }
    }
}

impl<'a> Simulation<'a> {
    fn new(sample: &Sample, program: &'a [Flat], strategy: Strategy, workers: u32) -> Self {
        let facts = strategy.facts();
        let role = match facts.substance {
            Substance::Process => Role::Process,
            _ if facts.interleaves() => Role::Loop,
            _ => Role::Worker,
        };
        let lane = |number| Lane {
            pid: 100,
            tid: 100 + number,
            role,
            tasks_ended: 0,
            dropped: 0,
            counters: Some(LaneCounters {
                cpu_ns: 0,
                run_delay_ns: Some(0),
                voluntary: 1,
                involuntary: 0,
            }),
        };
        let open = Task { start_ns: 0, end_ns: 0, lane: 0, step: None, outcome: TaskOutcome::Open };
        Self {
            program,
            loops: strategy.interleaves(),
            events: BinaryHeap::new(),
            ties: 0,
            at: vec![0; sample.count as usize],
            lane: vec![0; sample.count as usize],
            lane_busy_until: vec![ORIGIN; workers as usize],
            open: BTreeMap::new(),
            free: sample.resources.iter().map(|(_, capacity)| *capacity).collect(),
            queues: vec![VecDeque::new(); sample.resources.len()],
            waiting: VecDeque::new(),
            tasks: vec![open; sample.count as usize],
            lanes: (0..workers).map(lane).collect(),
            spans: Vec::new(),
        }
    }

    fn run(&mut self, sample: &Sample, workers: u32) {
        let arrival =
            |task: u32| ORIGIN + sample.arrivals.get(task as usize).copied().unwrap_or(0) * MS;
        if self.loops {
            for task in 0..sample.count {
                self.lane[task as usize] = task % workers;
                self.wake(task, arrival(task));
            }
        } else {
            self.waiting = (0..sample.count).collect();
            for lane in 0..workers {
                self.start_next(lane, ORIGIN, &arrival);
            }
        }
        while let Some(Reverse((now, _, task))) = self.events.pop() {
            let free_at = self.lane_busy_until[self.lane[task as usize] as usize];
            if self.loops && free_at > now {
                self.wake(task, free_at);
                continue;
            }
            if self.step(task, now) && !self.loops {
                self.start_next(self.lane[task as usize], now, &arrival);
            }
        }
    }

    fn start_next(&mut self, lane: u32, now: u64, arrival: &impl Fn(u32) -> u64) {
        if let Some(task) = self.waiting.pop_front() {
            self.lane[task as usize] = lane;
            self.wake(task, now.max(arrival(task)));
        }
    }

    fn wake(&mut self, task: u32, at: u64) {
        self.ties += 1;
        self.events.push(Reverse((at, self.ties, task)));
    }

    fn begin(&mut self, task: u32, step: u32, now: u64) {
        let lane = self.lane[task as usize];
        self.open.insert((task, step), self.spans.len());
        self.spans.push(Span { task, step, lane, start_ns: now, end_ns: 0 });
    }

    fn end(&mut self, task: u32, step: u32, now: u64) {
        if let Some(index) = self.open.remove(&(task, step)) {
            self.spans[index].end_ns = now;
        }
    }

    /// Goes on with a task whose current step is over; true when the task is done.
    fn step(&mut self, task: u32, now: u64) -> bool {
        let index = task as usize;
        if self.at[index] == 0 && self.tasks[index].start_ns == 0 {
            self.tasks[index].start_ns = now;
            self.tasks[index].lane = self.lane[index];
        } else {
            match self.program[self.at[index]] {
                Flat::Timed { step, .. } => self.end(task, step, now),
                Flat::Take { step, .. } => {
                    self.end(task, step, now);
                    self.begin(task, step + 1, now);
                }
                Flat::Give { .. } => {}
            }
            self.at[index] += 1;
        }
        self.go_on(task, now)
    }

    fn go_on(&mut self, task: u32, now: u64) -> bool {
        let index = task as usize;
        match self.program.get(self.at[index]).copied() {
            None => {
                let lane = self.lane[index] as usize;
                self.tasks[index].end_ns = now;
                self.tasks[index].outcome = TaskOutcome::Done;
                self.lanes[lane].tasks_ended += 1;
                true
            }
            Some(Flat::Timed { step, ns, occupies }) => {
                self.tasks[index].step = Some(step);
                self.begin(task, step, now);
                if occupies {
                    self.lane_busy_until[self.lane[index] as usize] = now + ns;
                    // Who occupies the lane goes on before anybody else of the same instant.
                    self.events.push(Reverse((now + ns, 0, task)));
                } else {
                    self.wake(task, now + ns);
                }
                false
            }
            Some(Flat::Take { step, resource }) => {
                self.tasks[index].step = Some(step);
                self.begin(task, step, now);
                if self.free[resource] > 0 {
                    self.free[resource] -= 1;
                    self.wake(task, now);
                } else {
                    self.queues[resource].push_back(task);
                }
                false
            }
            Some(Flat::Give { resource }) => {
                self.give(task, resource, now);
                self.at[index] += 1;
                self.go_on(task, now)
            }
        }
    }

    fn give(&mut self, task: u32, resource: usize, now: u64) {
        // The last one opened is the innermost.
        let held = self.open.keys().copied().rfind(|(holder, _)| *holder == task);
        if let Some((_, step)) = held {
            self.end(task, step, now);
        }
        match self.queues[resource].pop_front() {
            None => self.free[resource] += 1,
            Some(next) => self.wake(next, now),
        }
    }
}
