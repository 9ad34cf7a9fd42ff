//! What a piece of work is made of, from one trace of it: computing, waiting, queueing for whom;
//! and how fast it could be done at best. Looks at one trace and compares nothing. The main type
//! is [`Nature`].

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::interpreted::{Interpreted, interpreted};
use super::overslept::{Overslept, overslept};
use super::split::{ThreadTime, delay, split};
use crate::result::Processors;
use crate::trace::{Span, StepKind, Task, Trace};

/// Where the time of all tasks went, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nature {
    pub computing_ns: u64,
    /// Runnable, but without a processor (or, in a step that computes, without the interpreter's
    /// lock): it belongs neither to computing nor to waiting.
    pub starved_ns: u64,
    /// Runnable, but kept from every processor by the CPU quota: neither computing nor waiting either.
    pub throttled_ns: u64,
    pub waiting_ns: u64,
    /// Waiting through calls that cannot be awaited.
    pub blocking_ns: u64,
    /// Of computing and waiting, what was in requests: which of the two it was follows from
    /// processor time alone.
    pub requests_ns: u64,
    /// Of waiting, what was in commands and in calls: from the counters of their own threads it
    /// cannot be told how much of it they were runnable without a processor.
    pub commands_ns: u64,
    pub calls_ns: u64,
    /// By resource or channel, the longest first.
    pub queues: Vec<Queue>,
    /// The largest of the lower bounds.
    pub bound: Option<Bound>,
    /// What kept a loop from its other tasks, the worst step only.
    pub standstill: Option<Standstill>,
    /// Whether some task reads a variable and writes it back in two steps.
    pub reads_then_writes: bool,
    /// The wait that lasted longer than it was asked to.
    pub overslept: Option<Overslept>,
    /// Processor time of the work ÷ that of the threads which did its tasks: more than one where these
    /// have threads of their own. `None`: not known, or too little to tell.
    pub threads_of_own: Option<f64>,
    /// Which part of the processor time of the work was that of processes which calls have started; 0:
    /// there are none, or nobody has told.
    pub children_share: f64,
    pub interpreted: Interpreted,
    pub split: Option<ThreadTime>,
}

/// Waiting for a resource or a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    pub name: String,
    /// Of a resource; `None`: it is a channel.
    pub capacity: Option<u32>,
    /// The kind of task that waited longest.
    pub who: String,
    pub ns: u64,
}

/// No schedule of the same steps is shorter than this (Graham 1969, "Bounds on multiprocessing
/// timing anomalies": total work ÷ processors, and the longest chain). As far as steps lasted no
/// longer than they must in the trace that it was taken from: one that is not starved.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub ns: u64,
    pub by: BoundBy,
}

/// What sets the bound.
#[derive(Clone, Debug, PartialEq)]
pub enum BoundBy {
    /// All the time that it is held, spread over its units, after the least that must come
    /// before and before the least that must come after (the one-machine bound of Carlier 1982).
    Resource { name: String, capacity: u32, with_one_more_ns: u64 },
    /// The task that ends last when each is alone, and when it arrives.
    LongestTask { name: String, arrives_ns: u64 },
    /// All computing, spread over the processors and what a quota allows of them.
    Processors(Processors),
}

/// A step that ran on a loop and kept all its other tasks waiting.
#[derive(Clone, Debug, PartialEq)]
pub struct Standstill {
    pub label: String,
    pub blocks: bool,
    /// Share of the work time of the loops.
    pub share: f64,
    pub longest_ns: u64,
    /// How many other tasks were under way during the longest one.
    pub others: u64,
}

impl Nature {
    /// Time that tasks need whatever the strategy: without queueing and starving.
    pub fn own_ns(&self) -> u64 {
        saturating([self.computing_ns, self.waiting_ns, self.blocking_ns])
    }

    /// All time of all tasks.
    pub fn task_ns(&self) -> u64 {
        saturating(
            [self.own_ns(), self.starved_ns, self.throttled_ns]
                .into_iter()
                .chain(self.queues.iter().map(|queue| queue.ns)),
        )
    }

    /// Which part of the time that tasks need is computing; 0 of nothing.
    pub fn computing_share(&self) -> f64 {
        self.computing_ns as f64 / self.own_ns().max(1) as f64
    }
}

/// What this trace shows of the work; `None` where it shows nothing (no span that ended).
pub fn nature(trace: &Trace, machine: impl Into<Processors>) -> Option<Nature> {
    let mut tally = Tally::new(trace);
    for span in trace.spans.iter().filter(|span| span.end_ns > span.start_ns) {
        tally.add(span);
    }
    let mut nature = tally.nature();
    nature.bound = bound(&tally, machine.into(), nature.computing_ns);
    nature.standstill = standstill(trace);
    nature.children_share = children_share(trace);
    nature.threads_of_own =
        threads_of_own(trace).map(|times| times * (1.0 - nature.children_share));
    nature.overslept = overslept(trace);
    nature.interpreted = interpreted(trace);
    nature.split = split(trace);
    (nature.task_ns() > 0).then_some(nature)
}

/// Less processor time of a thread than this is not told well enough from what the runner did.
const OWN_LEAST_NS: u64 = 10_000_000;

fn children_share(trace: &Trace) -> f64 {
    let done = trace.done.as_ref();
    let children = done.and_then(|done| done.children_cpu_ns).unwrap_or(0);
    let all = done.and_then(|done| done.phases.work.cpu).map_or(0, |cpu| cpu.total_ns());
    (children as f64 / all.max(1) as f64).min(1.0)
}

fn threads_of_own(trace: &Trace) -> Option<f64> {
    let all = trace.done.as_ref()?.phases.work.cpu.as_ref()?.total_ns();
    let lanes = trace.lanes.iter().filter(|lane| lane.pid != 0);
    let mut own = lanes.map(|lane| lane.counters.map(|counters| counters.cpu_ns));
    let own = own.try_fold(0, |sum: u64, ns| Some(sum.saturating_add(ns?)))?;
    (own >= OWN_LEAST_NS).then(|| all as f64 / own as f64)
}

/// Sums stop at the largest number, so that a trace of nonsense is no crash.
fn add(sum: &mut u64, ns: u64) {
    *sum = sum.saturating_add(ns);
}

fn saturating(values: impl IntoIterator<Item = u64>) -> u64 {
    values.into_iter().fold(0, u64::saturating_add)
}

/// What a step does to the task's time.
#[derive(Clone, Copy, PartialEq)]
enum Activity {
    Computing,
    Waiting,
    Blocking,
    /// Computing or waiting: only the processor time tells.
    Opaque,
    Queueing,
    Enclosing,
}

fn activity(kind: StepKind) -> Activity {
    use StepKind as K;
    match kind {
        K::Cpu | K::Read | K::Write | K::Update | K::Allocate | K::Yield => Activity::Computing,
        K::Wait => Activity::Waiting,
        K::Block => Activity::Blocking,
        K::Http | K::Call | K::Run => Activity::Opaque,
        K::Acquire | K::Send | K::Receive => Activity::Queueing,
        K::Hold | K::Fail | K::Crash => Activity::Enclosing,
    }
}

/// How one task used one resource.
#[derive(Clone, Copy, Default)]
struct Use {
    /// Own time before the first request, from the task's arrival.
    head: u64,
    held_until: u64,
    /// Own time since the last return.
    tail: u64,
}

struct Tally<'a> {
    trace: &'a Trace,
    /// By step: the resources held in it.
    inside: Vec<Vec<usize>>,
    by_step: Vec<u64>,
    arrivals: Vec<u64>,
    /// By task: arrival and own time.
    own: Vec<u64>,
    /// By resource: time of steps within holds of it.
    body: Vec<u64>,
    /// By resource, by task; empty for a resource that was never asked for.
    uses: Vec<Vec<Option<Use>>>,
}

impl<'a> Tally<'a> {
    fn new(trace: &'a Trace) -> Self {
        let arrivals = |group: &crate::trace::Group| {
            let arrivals = group.arrivals_ns.clone();
            (0..group.count as usize).map(move |task| arrivals.get(task).copied().unwrap_or(0))
        };
        let mut own: Vec<u64> = trace.groups.iter().flat_map(arrivals).collect();
        own.resize(trace.tasks.len(), 0);
        let steps = trace.steps.len() as u32;
        Self {
            trace,
            inside: (0..steps).map(|step| held_in(trace, step)).collect(),
            by_step: vec![0; trace.steps.len()],
            arrivals: own.clone(),
            own,
            body: vec![0; trace.resources.len()],
            uses: vec![Vec::new(); trace.resources.len()],
        }
    }

    /// Spans come in order of start, so that of one task in order of happening.
    fn add(&mut self, span: &Span) {
        let Some(info) = self.trace.step(span.step) else { return };
        let (ns, task) = (span.end_ns - span.start_ns, span.task as usize);
        if task >= self.own.len() {
            return;
        }
        let resource = info.object.map(|object| object as usize);
        match (activity(info.kind), resource) {
            (Activity::Enclosing, Some(resource)) if resource < self.uses.len() => {
                let usage = self.usage(resource, task);
                (usage.held_until, usage.tail) = (span.end_ns, 0);
            }
            (Activity::Enclosing, _) => {}
            (Activity::Queueing, _) => add(&mut self.by_step[span.step as usize], ns),
            _ => {
                add(&mut self.by_step[span.step as usize], ns);
                self.add_own(span, task, ns);
            }
        }
    }

    fn add_own(&mut self, span: &Span, task: usize, ns: u64) {
        for index in 0..self.inside[span.step as usize].len() {
            let resource = self.inside[span.step as usize][index];
            add(&mut self.body[resource], ns);
            // The request itself may have been granted at once and left no span of any length;
            // the first step inside comes just after it.
            self.usage(resource, task);
        }
        for uses in self.uses.iter_mut().filter(|uses| !uses.is_empty()) {
            if let Some(usage) = &mut uses[task]
                && usage.held_until != 0
                && span.start_ns >= usage.held_until
            {
                add(&mut usage.tail, ns);
            }
        }
        add(&mut self.own[task], ns);
    }

    /// The use of this resource by this task, from its first sight on.
    fn usage(&mut self, resource: usize, task: usize) -> &mut Use {
        let tasks = self.own.len();
        let uses = &mut self.uses[resource];
        uses.resize(tasks, None);
        let head = self.own[task];
        uses[task].get_or_insert(Use { head, ..Use::default() })
    }

    fn nature(&self) -> Nature {
        let total = |wanted| {
            let steps = self.trace.steps.iter().zip(&self.by_step);
            saturating(steps.filter(|(info, _)| activity(info.kind) == wanted).map(|(_, ns)| *ns))
        };
        let (spans, opaque) = (total(Activity::Computing), total(Activity::Opaque));
        let of = |kind| {
            let steps = self.trace.steps.iter().zip(&self.by_step);
            saturating(steps.filter(|(info, _)| info.kind == kind).map(|(_, ns)| *ns))
        };
        let measured = self.trace.done.as_ref().and_then(|done| done.phases.work.cpu);
        let computing = measured.map_or(spans, |cpu| spans.min(cpu.total_ns()));
        // What processor time the steps that compute do not explain was used by the opaque ones.
        let within = measured.map_or(0, |cpu| opaque.min(cpu.total_ns().saturating_sub(spans)));
        let ready = self.delayed_ns().min(opaque - within);
        let outside = opaque - within - ready;
        // Of steps of several kinds, each has its share of what is left.
        let share =
            |ns: u64| (u128::from(outside) * u128::from(ns) / u128::from(opaque.max(1))) as u64;
        let starved = (spans - computing).saturating_add(ready);
        let commands = share(of(StepKind::Run));
        // The quota's clock ran while threads were runnable: those of tasks, which are known to have
        // been, and those of commands, of which nobody asked.
        let throttled = self.trace.noise.throttled.map_or(0, |throttled| throttled.ns);
        let of_tasks = throttled.min(starved);
        let of_commands = (throttled - of_tasks).min(commands);
        Nature {
            computing_ns: computing.saturating_add(within),
            starved_ns: starved - of_tasks,
            throttled_ns: of_tasks + of_commands,
            waiting_ns: total(Activity::Waiting).saturating_add(outside - of_commands),
            blocking_ns: total(Activity::Blocking),
            requests_ns: of(StepKind::Http),
            commands_ns: commands - of_commands,
            calls_ns: share(of(StepKind::Call)),
            queues: self.queues(),
            reads_then_writes: self.trace.steps.iter().any(|info| info.kind == StepKind::Write),
            ..Nature::default()
        }
    }

    /// How long threads that do one task at a time were runnable without a processor, as the kernel
    /// counted it (`schedstat`). A thread that waits for a command is not the one that was runnable.
    fn delayed_ns(&self) -> u64 {
        match self.trace.model.strategy.interleaves() {
            true => 0,
            // What may have been outside of tasks may have been waiting within them.
            false => delay(self.trace).least_ns,
        }
    }

    fn queues(&self) -> Vec<Queue> {
        let mut queues: Vec<(Queue, u64)> = Vec::new();
        for (info, &ns) in self.trace.steps.iter().zip(&self.by_step) {
            let Some(name) = self.trace.object_name(info).filter(|_| ns > 0) else { continue };
            if activity(info.kind) != Activity::Queueing {
                continue;
            }
            let group = self.trace.groups.get(info.program as usize);
            let who = group.map_or_else(|| "task".into(), |group| group.name.clone());
            let capacity = (info.kind == StepKind::Acquire)
                .then(|| self.trace.resources[info.object.unwrap_or(0) as usize].capacity);
            match queues
                .iter_mut()
                .find(|(queue, _)| queue.name == name && queue.capacity == capacity)
            {
                None => queues.push((Queue { name: name.into(), capacity, who, ns }, ns)),
                Some((queue, most)) => {
                    add(&mut queue.ns, ns);
                    if ns > *most {
                        (*most, queue.who) = (ns, who);
                    }
                }
            }
        }
        queues.sort_by_key(|(queue, _)| core::cmp::Reverse(queue.ns));
        queues.into_iter().map(|(queue, _)| queue).collect()
    }
}

/// The resources held while in a step.
fn held_in(trace: &Trace, step: u32) -> Vec<usize> {
    let mut held = Vec::new();
    let mut parent = trace.step(step).and_then(|info| info.parent);
    // No program nests deeper than it has steps, so a circle in a bad trace ends too.
    for _ in 0..trace.steps.len() {
        let Some(info) = parent.and_then(|parent| trace.step(parent)) else { break };
        held.extend(
            info.object.map(|object| object as usize).filter(|&r| r < trace.resources.len()),
        );
        parent = info.parent;
    }
    held
}

fn bound(tally: &Tally<'_>, machine: Processors, computing_ns: u64) -> Option<Bound> {
    let longest = tally.own.iter().enumerate().max_by_key(|(_, own)| **own)?;
    let chain = Bound {
        ns: *longest.1,
        by: BoundBy::LongestTask {
            name: tally.trace.task_name(longest.0 as u32),
            arrives_ns: tally.arrivals[longest.0],
        },
    };
    let processors = Bound { ns: machine.least_ns(computing_ns), by: BoundBy::Processors(machine) };
    let resources = (0..tally.uses.len()).filter_map(|resource| resource_bound(tally, resource));
    // Of equal bounds the one that names a resource says most.
    [chain, processors].into_iter().chain(resources).max_by_key(|bound| bound.ns)
}

fn resource_bound(tally: &Tally<'_>, resource: usize) -> Option<Bound> {
    let users = || tally.uses[resource].iter().flatten();
    let head = users().map(|usage| usage.head).min()?;
    let around = head.saturating_add(users().map(|usage| usage.tail).min()?);
    let known = &tally.trace.resources[resource];
    let with = |units: u32| around.saturating_add(tally.body[resource] / u64::from(units.max(1)));
    let by = BoundBy::Resource {
        name: known.name.clone(),
        capacity: known.capacity,
        with_one_more_ns: with(known.capacity.saturating_add(1)),
    };
    Some(Bound { ns: with(known.capacity), by })
}

fn standstill(trace: &Trace) -> Option<Standstill> {
    let strategy = trace.model.strategy;
    let role = |lane: u32| trace.lanes.get(lane as usize).map(|lane| lane.role);
    let is_loop = |lane: u32| strategy.facts().is_loop(role(lane));
    // Where other lanes take over what a lane cannot go on with, nothing stands still.
    if !strategy.interleaves() || trace.origin.executor().properties.stalls == Some(false) {
        return None;
    }
    let work = trace.done.as_ref()?.phases.work.wall_ns();
    let loops = (0..trace.lanes.len() as u32).filter(|&lane| is_loop(lane)).count() as u64;
    let mut by_step = vec![(0_u64, None::<&Span>); trace.steps.len()];
    for span in trace.spans.iter().filter(|span| span.end_ns > span.start_ns && is_loop(span.lane))
    {
        let kind = trace.step(span.step).map(|info| info.kind);
        if matches!(kind, Some(StepKind::Cpu | StepKind::Block)) {
            let (total, longest) = &mut by_step[span.step as usize];
            let ns = span.end_ns - span.start_ns;
            add(total, ns);
            if longest.is_none_or(|longest| longest.end_ns - longest.start_ns < ns) {
                *longest = Some(span);
            }
        }
    }
    let (step, (total, longest)) =
        by_step.into_iter().enumerate().max_by_key(|(_, (ns, _))| *ns)?;
    let longest = longest?;
    let beside = |(number, task): &(usize, &Task)| {
        *number != longest.task as usize
            && task.start_ns != 0
            && task.start_ns <= longest.start_ns
            && task.end_ns > longest.end_ns
    };
    Some(Standstill {
        label: trace.steps[step].label.clone(),
        blocks: trace.steps[step].kind == StepKind::Block,
        share: total as f64 / work.max(1) as f64 / loops.max(1) as f64,
        longest_ns: longest.end_ns - longest.start_ns,
        others: trace.tasks.iter().enumerate().filter(beside).count() as u64,
    })
}
