//! One run of one model, from the plan to what is kept of it. Decides nothing about when it is
//! run or what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use maitred_core::analyse::nature::{self, Nature};
use maitred_core::analyse::{noise, summary};
use maitred_core::result::{Processors, Run, SubjectKind};
use maitred_core::trace::{
    Executor, Group, Noise, Observed, Origin, Outcome, RunEnd, ServerUse, Trace, TraceFile,
    violations,
};
use maitred_core::view::{shell, units};
use maitred_core::workload::{self, Lowered, StepInfo, StepKind};
use maitred_wire::{Arrivals, Model, Phase, Plan, Ready, Strategy, TaskGroup};

use crate::cancel::Cancel;
use crate::contestants::{self, Entry};
use crate::engine::Engine;
use crate::error::Error;
use crate::event::{Event, InStep, OpenTasks, TaskStates};
use crate::inputs::InputsFile;
use crate::job::Job;
use crate::measure::calibration::Calibrations;
use crate::measure::clock::nanos;
use crate::measure::trace_map::BytesFile;
use crate::measure::{machine, recorder};
use crate::request::{INNER_THREADS, Python, Work};
use crate::rounds::Purpose;
use crate::runtime::{
    Execution, Interrupt, Kept, Measured, Progress, RunnerCommand, STARTUP_LIMIT, Servers, aside,
    execute_with,
};
use crate::runtimes;
use crate::several;
use crate::subject::command;
use crate::subject::executors::{self, Own};

/// By which libraries take their number of threads: OpenMP, OpenBLAS, MKL, BLIS, Accelerate,
/// numexpr, polars, rayon.
const THREADS_OF_LIBRARIES: [&str; 8] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
];

/// A shorter time-out does not cut the start short.
const STARTUP_LEAST: Duration = Duration::from_secs(10);

/// How a run that was interrupted may end by itself.
const GRACE: Duration = Duration::from_millis(300);

/// Everything that is the same for all runs of one piece of work.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    job: &'a Job,
    /// For the runner of Python, by name.
    options: BTreeMap<String, String>,
    /// What the first run returned, with which the results of all later ones are compared.
    reference: Option<BytesFile>,
    given: &'a Work,
    interrupt: &'a Interrupt,
    calibrations: Calibrations,
    /// What this very process learnt, for when there is no cache to keep it.
    learnt: BTreeMap<String, f64>,
    machine: String,
    processors: Processors,
    /// How many spans a run may record.
    spans: u64,
    /// The program `maitred`, which is the test servers too.
    program: &'a Path,
    /// Whether the kernel's scheduling is recorded.
    pub scheduling: bool,
    /// The runner of the run before, if it goes on.
    kept: Option<Kept>,
}

/// One run of a comparison.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub contestant: usize,
    pub entry: &'a Entry,
    pub purpose: Purpose,
    /// For further rounds; `None`: it is their number that is given.
    pub left_ns: Option<u64>,
}

impl<'a> Trial<'a> {
    /// Runs of this work, each with room for about so many spans.
    pub(crate) fn new(
        job: &'a Job,
        given: &'a Work,
        engine: &'a Engine,
        cancel: &'a Cancel,
        spans: u64,
    ) -> Self {
        let facts = machine::describe();
        Self {
            job,
            options: options(job, &given.python),
            // Without memory for it, results are compared by their hashes.
            reference: BytesFile::growing().ok(),
            given,
            interrupt: cancel.interrupt(),
            program: engine.program(),
            calibrations: Calibrations::of_user(),
            learnt: BTreeMap::new(),
            processors: facts.processors(),
            machine: facts.id,
            spans,
            scheduling: false,
            kept: None,
        }
    }

    /// Runs a contestant once, and tells what happens.
    ///
    /// # Errors
    /// Those of [`Trial::execute`].
    pub(crate) fn take(
        &mut self,
        turn: &Turn<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(Trace, Run), Error> {
        let mut runs = self.take_several(turn, 1, on_event)?;
        Ok(runs.pop().expect("a run that was not to be several is one"))
    }

    /// Runs a contestant in so many rounds one after another, of which fewer come about where one goes
    /// wrong, and tells what happened of each.
    ///
    /// # Errors
    /// Those of [`Trial::execute`].
    pub(crate) fn take_several(
        &mut self,
        turn: &Turn<'_>,
        rounds: u32,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<(Trace, Run)>, Error> {
        let Turn { contestant, entry, purpose, left_ns } = *turn;
        self.scheduling = purpose == Purpose::Trace;
        let model = &entry.model;
        on_event(Event::RunBegun { contestant, model, purpose, left_ns });
        self.prepare(entry)?;
        let steps = self.job.work_of(model).steps.clone();
        let traces = self.execute_several(entry, purpose, rounds, &mut |at| {
            on_event(progress(contestant, &at, &steps));
        })?;
        let mut runs = Vec::with_capacity(traces.len());
        for (trace, ahead) in traces.into_iter().zip(0..) {
            let purpose = purpose.after(ahead);
            if ahead > 0 {
                on_event(Event::RunBegun { contestant, model, purpose, left_ns });
            }
            let run = self.condense(&trace, purpose.round());
            let (trace_of, log) = (&trace, &trace.log[..]);
            on_event(Event::RunEnded { contestant, purpose, run: &run, trace: trace_of, log });
            runs.push((trace, run));
        }
        Ok(runs)
    }

    /// How many rounds like this one may be one plan: where a plan each would take a good part of the
    /// time, and nothing is asked of a round that has to be done or looked at outside of the runner.
    pub(crate) fn rounds_of_a_plan(&self, entry: &Entry, last: &Run, left: Duration) -> u32 {
        let around = &self.job.around;
        let is_plain = around.prepare.is_none() && around.ignore_failure.is_none();
        let does_rounds = self.kept.as_ref().is_some_and(Kept::does_rounds);
        let is_sequential = entry.model.strategy == Strategy::Sequential;
        // Whether a quota holds it up is counted by the kernel, from plan to plan.
        let is_free = last.noise.throttled.is_none();
        if !(is_plain && does_rounds && is_sequential && is_free) {
            return 1;
        }
        let tasks = self.job.work_of(&entry.model).task_count();
        several::rounds(last, left.min(self.given.timeout() / 50), tasks)
    }

    /// Runs what is to be run before each run of a command.
    ///
    /// # Errors
    /// [`Error::Failed`] when that fails: the run would be of something else.
    pub(crate) fn prepare(&self, entry: &Entry) -> Result<(), Error> {
        self.aside("prepare", self.job.around.prepare.as_deref(), entry)
    }

    /// Runs what is to be run after the last run of each.
    ///
    /// # Errors
    /// [`Error::Failed`] when that fails.
    pub(crate) fn clean_up(&self, entries: &[Entry]) -> Result<(), Error> {
        let line = self.job.around.cleanup.as_deref();
        entries.iter().try_for_each(|entry| self.aside("cleanup", line, entry))
    }

    fn aside(&self, option: &str, line: Option<&str>, entry: &Entry) -> Result<(), Error> {
        let Some(line) = line else { return Ok(()) };
        let line = command::filled(line, &self.job.work_of(&entry.model).parameters);
        aside::shell(&line, self.interrupt).map_err(|why| {
            Error::Failed(format!(
                "`--{option} {}` of {} {why}; append `|| true` if that does not matter",
                shell::quoted(&line),
                entry.model
            ))
        })
    }

    /// Runs the model once. A run that failed is a result too.
    ///
    /// # Errors
    /// [`Error::Failed`] when no runner could be started.
    pub(crate) fn execute(
        &mut self,
        entry: &Entry,
        purpose: Purpose,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Trace, Error> {
        let mut traces = self.execute_several(entry, purpose, 1, on_progress)?;
        Ok(traces.pop().expect("a run that was not to be several is one"))
    }

    fn execute_several(
        &mut self,
        entry: &Entry,
        purpose: Purpose,
        rounds: u32,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Trace>, Error> {
        let strategy = runtimes::told_strategy(&entry.model, self.job.kind);
        let work = self.job.work_of(&entry.model);
        let (timeout, warmup) = (self.given.timeout(), purpose.cut_short());
        // What is cut short starts no further command, but those that it started come to their end.
        let ends_by_itself =
            warmup.is_some() && work.steps.iter().any(|one| one.kind == StepKind::Run);
        let grace = if ends_by_itself { timeout } else { GRACE };
        let runner = self.in_environment(&entry.runtime.runner, &entry.model);
        let execution = Execution {
            runner: &runner,
            layout: several::layout(
                contestants::layout(strategy, entry.workers, work, self.spans),
                rounds,
            ),
            columns: &work.columns,
            // The import of the user's module is within it; a start of an interpreter on a busy
            // machine, too.
            startup_limit: timeout.clamp(STARTUP_LEAST, STARTUP_LIMIT),
            timeout: Some(timeout),
            duration: warmup.or(self.job.duration).filter(|duration| *duration < timeout),
            stop_at: None,
            memory_limit: self.given.memory_limit_bytes,
            grace,
            interrupt: self.interrupt,
            // Of anything but a command it is part of the work how its runtime starts.
            keep: Some(&entry.model)
                .filter(|_| self.job.kind == SubjectKind::Command && !self.scheduling),
            scheduling: self.scheduling,
        };
        let identity = runner.identity();
        let known = self.calibration(&identity);
        let servers = self.start_servers(work)?;
        let mut options = self.options.clone();
        options.extend(executor_options(&entry.model, &self.job.executors));
        options.extend(self.reference.as_ref().map(|file| ("reference".to_owned(), file.path())));
        let plan = |trace_path: &str, columns_path: Option<&str>| {
            let mut plan = Plan {
                limits: maitred_wire::Limits { grace_ns: nanos(grace) },
                options: options.clone(),
                ..work.plan(
                    strategy,
                    entry.workers,
                    known,
                    trace_path.to_owned(),
                    columns_path.unwrap_or_default().to_owned(),
                )
            };
            workload::address(&mut plan, &servers.addresses());
            several::ask(&mut plan, rounds);
            plan
        };
        let mut kept = self.kept.take();
        let measured = execute_with(&execution, &mut kept, plan, on_progress);
        let mut measured = measured.map_err(|error| Error::Failed(error.to_string()))?;
        self.kept = kept;
        measured.noise = self.without(servers.cpu_ns(), &measured);
        let servers = servers.end();
        if let (None, Some(ready)) = (known, &measured.ready) {
            self.calibrations.put(&identity, &self.machine, ready.calibration);
            self.learnt.insert(identity, ready.calibration);
        }
        Ok(self.traces(entry, measured, servers, rounds))
    }

    /// The trace of each of so many rounds that were one run.
    fn traces(
        &self,
        entry: &Entry,
        mut measured: Measured,
        servers: Vec<ServerUse>,
        rounds: u32,
    ) -> Vec<Trace> {
        let ended = measured.done.as_mut().map(|done| std::mem::take(&mut done.rounds));
        let mut trace = self.trace(entry, measured);
        if let Some(done) = &mut trace.done {
            done.notes.extend(servers.iter().filter_map(|server| {
                let how = server.died.as_ref()?;
                Some(format!("the server `{}` ended during the run: {how}", server.name))
            }));
        }
        trace.servers = servers;
        let traces = match rounds {
            1 => vec![trace],
            _ => {
                let tasks = self.job.work_of(&entry.model).task_count();
                several::apart(trace, &ended.unwrap_or_default(), tasks as usize)
            }
        };
        for trace in traces.iter().filter(|trace| trace.end == RunEnd::Finished) {
            if cfg!(debug_assertions) {
                let broken = violations(trace, Some(self.processors.count));
                assert!(broken.is_empty(), "{} breaks conservation laws: {broken:#?}", trace.model);
            }
        }
        traces
    }

    /// The runner with the variables of the environment that its model is to have.
    fn in_environment(&self, runner: &RunnerCommand, model: &Model) -> RunnerCommand {
        let mut runner = runner.clone();
        let words = model.setting.as_deref().unwrap_or_default().split(' ');
        let values = words.filter_map(|word| word.split_once('='));
        // That libraries take one thread each may also follow from the first round.
        let asked = |name: &str| {
            name == INNER_THREADS || self.given.env.iter().any(|(other, _)| other == name)
        };
        for (name, value) in values.filter(|(name, _)| asked(name)) {
            let names = if name == INNER_THREADS { &THREADS_OF_LIBRARIES[..] } else { &[name] };
            let is_set = name != INNER_THREADS || value != "auto";
            let set = |name: &&str| ((*name).into(), value.into());
            runner.env.extend(names.iter().filter(|_| is_set).map(set));
        }
        runner
    }

    /// Starts the test servers of the workload, anew for each run.
    fn start_servers(&self, work: &Lowered) -> Result<Servers, Error> {
        if work.servers.is_empty() {
            return Ok(Servers::default());
        }
        Servers::start(&work.servers, self.program)
            .map_err(|error| Error::Failed(error.to_string()))
    }

    /// The noise of a run without what its servers used, who are no disturbance.
    fn without(&self, servers_cpu_ns: u64, measured: &Measured) -> Noise {
        let wall_ns = measured.done.as_ref().map_or(0, |done| done.phases.work.wall_ns());
        let all_ns = (wall_ns * u64::from(self.processors.count)).max(1);
        let share = servers_cpu_ns as f64 / all_ns as f64;
        let others = measured.noise.others.map(|others| (others - share).max(0.0));
        Noise { others, ..measured.noise.clone() }
    }

    /// How fast this runner computes: once it is known, all its runs do the same work.
    fn calibration(&self, runner: &str) -> Option<f64> {
        let cached = || match self.given.recalibrate {
            true => None,
            false => self.calibrations.get(runner, &self.machine),
        };
        self.learnt.get(runner).copied().or_else(cached)
    }

    /// What is kept of a run.
    pub(crate) fn condense(&self, trace: &Trace, round: u32) -> Run {
        let mut run = summary::run(trace, round, &self.job.work_of(&trace.model).expectations);
        let own = noise::Own {
            wall_ns: run.work_ns,
            cpu_ns: run.work_cpu.known().map(maitred_wire::Cpu::total_ns),
            threads: trace.lanes.len().max(1) as u32,
            cores: self.processors.count,
        };
        run.noise.dirty = noise::dirty(&run.noise, &own);
        for failure in &mut run.failures {
            if let Some(input) = self.job.input(failure.task) {
                failure.text.push_str(&format!(", given {input}"));
            }
        }
        run.notes.extend(self.given(trace));
        run
    }

    /// With which inputs the tasks were under way that a run did not bring to an end.
    fn given(&self, trace: &Trace) -> Option<String> {
        let ends = [RunEnd::Finished, RunEnd::Interrupted];
        if ends.contains(&trace.end) || matches!(trace.end, RunEnd::TimeUp { .. }) {
            return None;
        }
        let open = trace.tasks.iter().enumerate();
        let open = open.filter(|(_, task)| task.start_ns != 0 && task.end_ns == 0);
        let told: Vec<String> = open
            .filter_map(|(number, _)| {
                let input = self.job.input(number as u32)?;
                Some(format!("`{}` was given {input}", trace.task_name(number as u32)))
            })
            .take(3)
            .collect();
        (!told.is_empty()).then(|| units::list(&told))
    }

    /// What the work is, as far as this run shows.
    pub(crate) fn nature(&self, trace: &Trace) -> Option<Nature> {
        nature::nature(trace, self.processors)
    }

    /// The trace of a run that goes on, as far as its runner has recorded it; `None`: that cannot
    /// be read.
    pub(crate) fn so_far(planned: &Trace, at: &Progress<'_>) -> Option<Trace> {
        let bytes = at.trace.copy().ok()?;
        let file = TraceFile::read(&bytes).ok()?;
        Some(Trace {
            lanes: file.lanes(),
            tasks: file.tasks().collect(),
            spans: file.sorted_spans(),
            startup: at.startup,
            scheduling: at
                .recorder
                .and_then(recorder::SwitchRecorder::so_far)
                .map_or_else(|| planned.scheduling.clone(), Observed::Known),
            ..planned.clone()
        })
    }

    /// The trace of a run of which nothing is known but what it is to be.
    pub(crate) fn planned(&self, entry: &Entry) -> Trace {
        let unknown = "the record ends before the run does";
        let unrecorded = match self.scheduling {
            true => {
                "maitred itself was ended in the run, and what the kernel had recorded was lost"
            }
            false => "it was not recorded in this run",
        };
        let work = self.job.work_of(&entry.model);
        Trace {
            origin: Origin::Measured(Executor::new(&entry.runtime.name, "unknown")),
            model: entry.model.clone(),
            workers: entry.workers,
            steps: work.steps.clone(),
            groups: work.groups.iter().map(|one| group(one, work)).collect(),
            resources: work.resources.clone(),
            channels: work.channels.iter().map(|channel| channel.name.clone()).collect(),
            lanes: Vec::new(),
            tasks: Vec::new(),
            spans: Vec::new(),
            startup: Phase::default(),
            done: None,
            end: RunEnd::Died { how: unknown.to_owned() },
            usage: Observed::Unknown(unknown.to_owned()),
            memory: Observed::Unknown(unknown.to_owned()),
            noise: Noise::default(),
            servers: Vec::new(),
            scheduling: Observed::Unknown(unrecorded.to_owned()),
            log: String::new(),
        }
    }

    fn trace(&self, entry: &Entry, measured: Measured) -> Trace {
        let bytes = measured.trace.bytes();
        let file = TraceFile::read(bytes).ok();
        let mut executor = executor(entry, measured.ready.as_ref());
        let lanes = file.map(|file| file.lanes()).unwrap_or_default();
        if entry.model.strategy == Strategy::Executor {
            let pids: BTreeSet<u32> = lanes.iter().map(|lane| lane.pid).collect();
            // Each process has a lock of its own; threads are as the interpreter has them.
            executor.properties.parallel = (pids.len() > 1).then_some(true);
        }
        let mut done = measured.done.map(Outcome::from);
        let had_no_lock = entry.runtime.ready.as_ref().is_some_and(|one| one.gil == Some(false));
        if let (true, Some(true), Some(done)) = (had_no_lock, executor.gil, &mut done) {
            done.notes.push("a module that was imported switched the lock (GIL) on".to_owned());
        }
        let mut trace = Trace {
            origin: Origin::Measured(executor),
            lanes,
            tasks: file.map(|file| file.tasks().collect()).unwrap_or_default(),
            spans: file.map(|file| file.sorted_spans()).unwrap_or_default(),
            startup: measured.startup,
            done,
            end: measured.end,
            usage: measured.usage,
            memory: measured.memory,
            noise: measured.noise,
            scheduling: measured.scheduling,
            log: measured.log,
            ..self.planned(entry)
        };
        if let Observed::Known(scheduling) = &mut trace.scheduling {
            recorder::add_lanes(scheduling, &trace.lanes);
        }
        trace
    }
}

/// What executed a run, by its own word if it came to say one.
fn executor(entry: &Entry, ready: Option<&Ready>) -> Executor {
    let Some(ready) = ready else { return Executor::new(&entry.runtime.name, "unknown") };
    Executor {
        gil: ready.gil,
        properties: ready.properties(entry.model.strategy).unwrap_or_default(),
        ..Executor::new(&ready.runtime, &ready.version)
    }
}

fn group(group: &TaskGroup, work: &Lowered) -> Group {
    let arrivals_ns = match group.arrivals {
        Arrivals::AtOnce => Vec::new(),
        Arrivals::EveryNs(every) => (0..u64::from(group.count)).map(|i| i * every).collect(),
        Arrivals::Column(column) => {
            let from = work.column_specs[column as usize].offset as usize;
            work.columns[from..from + group.count as usize].to_vec()
        }
    };
    let name = work.programs[group.program as usize].name.clone();
    Group { name, first: group.first, count: group.count, arrivals_ns }
}

/// How far a run is.
pub(crate) fn progress(contestant: usize, at: &Progress<'_>, steps: &[StepInfo]) -> Event<'static> {
    let kind = |step: u32| steps.get(step as usize).map_or(StepKind::Yield, |step| step.kind);
    Event::Progress {
        contestant,
        elapsed_ns: nanos(at.elapsed),
        tasks: TaskStates {
            total: at.total,
            ended: at.finished,
            open: at.trace.open_tasks().map(|open| OpenTasks {
                not_started: open.not_started,
                failed: open.failed,
                in_step: by_kind(open.in_step.into_iter().map(|(step, tasks)| (kind(step), tasks))),
            }),
        },
    }
}

fn by_kind(steps: impl Iterator<Item = (StepKind, u64)>) -> Vec<InStep> {
    let mut kinds = BTreeMap::new();
    for (kind, tasks) in steps {
        *kinds.entry(kind).or_insert(0) += tasks;
    }
    kinds.into_iter().map(|(kind, tasks)| InStep { kind, tasks }).collect()
}

/// Who makes the executor of this model, if it is one of the user's own.
fn executor_options(model: &Model, all: &[Own]) -> Vec<(String, String)> {
    let Some(own) = executors::of(model, all) else { return Vec::new() };
    let workers = model.workers.map(|count| ("executor-workers".to_owned(), count.to_string()));
    [("executor".to_owned(), own.maker.clone())].into_iter().chain(workers).collect()
}

/// What the runner of Python is told beside the work.
fn options(job: &Job, python: &Python) -> BTreeMap<String, String> {
    let spread = python.spread || job.inputs.iter().any(InputsFile::is_rows);
    let number = |count: Option<u32>| count.map(|count| count.to_string());
    let all = [
        ("arguments", spread.then(|| "spread".to_owned())),
        ("args", python.args.clone()),
        ("path", job.folder.as_ref().map(|folder| folder.display().to_string())),
        ("setup", python.setup.clone()),
        ("worker-setup", python.worker_setup.clone()),
        ("worker-teardown", python.worker_teardown.clone()),
        ("warmup-calls", number(python.warmup_calls)),
        ("chunk", number(python.chunk)),
        ("expect", python.expect.clone()),
        ("make", job.maker.clone()),
        ("results", python.discard_results.then(|| "discarded".to_owned())),
        ("concurrency", number(job.connections.map(|one| one.threads).or(python.concurrency))),
        ("timed", job.duration.map(|_| "yes".to_owned())),
        ("http-timeout-ns", job.request_timeout.map(|time| time.as_nanos().to_string())),
        ("input", job.around.input.as_ref().map(|path| path.display().to_string())),
        ("ignore-failure", job.around.ignore_failure.as_ref().map(ToString::to_string)),
        ("tls-insecure", job.tls_insecure.then(|| "yes".to_owned())),
        ("tls-authority", job.tls_authority.as_ref().map(|path| path.display().to_string())),
        ("start-method", python.start_method.map(|one| one.name().to_owned())),
        ("loop", python.event_loop.map(|one| one.name().to_owned())),
        ("cluster", python.cluster.clone()),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
