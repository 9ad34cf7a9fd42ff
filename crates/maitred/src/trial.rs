//! One run of one model, from the plan to what is kept of it. Decides nothing about when it is
//! run or what follows.

use std::collections::BTreeMap;
use std::time::Duration;

use maitred_core::analyse::nature::{self, Nature};
use maitred_core::analyse::{noise, summary};
use maitred_core::result::{Run, ServerUse};
use maitred_core::trace::{Group, Observed, Origin, RunEnd, Trace, TraceFile, violations};
use maitred_core::workload::{self, Lowered};
use maitred_wire::{Arrivals, Plan, TaskGroup};

use crate::cli::{PythonArgs, SubjectArgs, name_of};
use crate::contestants::{self, Entry};
use crate::error::Error;
use crate::inputs::InputsFile;
use crate::measure::calibration::Calibrations;
use crate::measure::machine;
use crate::runtime::{Execution, Interrupt, Measured, Progress, STARTUP_LIMIT, Servers, execute};
use crate::runtimes;
use crate::subject::Subject;

/// How a run that was interrupted may end by itself.
const GRACE: Duration = Duration::from_millis(300);

/// Everything that is the same for all runs of one piece of work.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    subject: &'a Subject,
    work: &'a Lowered,
    /// For the runner of Python, by name.
    options: BTreeMap<String, String>,
    args: &'a SubjectArgs,
    interrupt: &'a Interrupt,
    calibrations: Calibrations,
    /// What this very process learnt, for when there is no cache to keep it.
    learnt: BTreeMap<String, f64>,
    machine: String,
    cores: u32,
    /// How many spans a run may record.
    spans: u64,
    /// What the servers of the last run used.
    servers: Vec<ServerUse>,
}

impl<'a> Trial<'a> {
    /// Runs of this work, each with room for about so many spans.
    pub(crate) fn new(
        subject: &'a Subject,
        args: &'a SubjectArgs,
        interrupt: &'a Interrupt,
        spans: u64,
    ) -> Self {
        let facts = machine::describe();
        Self {
            subject,
            work: &subject.work,
            options: options(subject, &args.python),
            args,
            interrupt,
            calibrations: Calibrations::of_user(),
            learnt: BTreeMap::new(),
            machine: facts.id,
            cores: facts.cores,
            spans,
            servers: Vec::new(),
        }
    }

    /// Runs the model once, for at most `limit`. A run that failed is a result too.
    ///
    /// # Errors
    /// [`Error::Failed`] when no runner could be started.
    pub(crate) fn execute(
        &mut self,
        entry: &Entry,
        limit: Duration,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Trace, Error> {
        let strategy = runtimes::told_strategy(&entry.model, self.subject.kind);
        let execution = Execution {
            runner: &entry.runtime.runner,
            layout: contestants::layout(strategy, entry.workers, self.work, self.spans),
            columns: &self.work.columns,
            startup_limit: STARTUP_LIMIT,
            timeout: Some(limit),
            memory_limit: self.args.memory_limit.map(|limit| limit.0),
            grace: GRACE,
            interrupt: self.interrupt,
        };
        let identity = entry.runtime.runner.identity();
        let known = self.calibration(&identity);
        let servers =
            Servers::start(&runtimes::own_command()?, &self.work.servers).map_err(Error::Failed)?;
        let addresses = servers.addresses();
        let addressed = |mut plan: Plan| {
            workload::address(&mut plan, &addresses);
            plan
        };
        let plan = |trace_path: &str, columns_path: Option<&str>| {
            addressed(Plan {
                limits: maitred_wire::Limits { grace_ns: GRACE.as_nanos() as u64 },
                options: self.options.clone(),
                ..self.work.plan(
                    strategy,
                    entry.workers,
                    known,
                    trace_path.to_owned(),
                    columns_path.unwrap_or_default().to_owned(),
                )
            })
        };
        let mut measured = execute(&execution, plan, on_progress)
            .map_err(|error| Error::Failed(error.to_string()))?;
        let (used, death) = servers.finish();
        exclude(&mut measured, &used, self.cores);
        self.servers = used;
        if let Some(death) = death {
            return Err(Error::Failed(death));
        }
        if let (None, Some(ready)) = (known, &measured.ready) {
            self.calibrations.put(&identity, &self.machine, ready.calibration);
            self.learnt.insert(identity, ready.calibration);
        }
        Ok(self.trace(entry, measured))
    }

    /// How fast this runner computes: once it is known, all its runs do the same work.
    fn calibration(&self, runner: &str) -> Option<f64> {
        let cached = || match self.args.recalibrate {
            true => None,
            false => self.calibrations.get(runner, &self.machine),
        };
        self.learnt.get(runner).copied().or_else(cached)
    }

    /// What is kept of a run.
    pub(crate) fn condense(&self, trace: &Trace, round: u32) -> Run {
        let mut run = summary::run(trace, round, &self.work.expectations);
        let own = noise::Own {
            wall_ns: run.work_ns,
            cpu_ns: run.work_cpu.known().map(|cpu| cpu.total_ns() + known_cpu_ns(&self.servers)),
            // How many threads a server has is its own affair: enough to keep all processors.
            threads: trace.lanes.len().max(1) as u32
                + if self.servers.is_empty() { 0 } else { self.cores },
            cores: self.cores,
        };
        run.servers.clone_from(&self.servers);
        run.noise.dirty = noise::dirty(&run.noise, &own);
        for failure in &mut run.failures {
            if let Some(input) = self.subject.input(failure.task) {
                failure.text.push_str(&format!(", given {input}"));
            }
        }
        run
    }

    /// What the work is, as far as this run shows.
    pub(crate) fn nature(&self, trace: &Trace) -> Option<Nature> {
        nature::nature(trace, self.cores)
    }

    fn trace(&self, entry: &Entry, measured: Measured) -> Trace {
        let bytes = measured.trace.bytes();
        let file = TraceFile::read(bytes).ok();
        let (runtime, version, gil) = match &measured.ready {
            Some(ready) => (ready.runtime.clone(), ready.version.clone(), ready.gil),
            None => (entry.runtime.name.clone(), "unknown".to_owned(), None),
        };
        let mut done = measured.done;
        let had_no_lock = entry.runtime.ready.as_ref().is_some_and(|one| one.gil == Some(false));
        if let (true, Some(true), Some(done)) = (had_no_lock, gil, &mut done) {
            done.notes.push("a module that was imported switched the lock (GIL) on".to_owned());
        }
        let trace = Trace {
            origin: Origin::Measured { runtime, version, gil },
            model: entry.model.clone(),
            workers: entry.workers,
            steps: self.work.steps.clone(),
            groups: self.work.groups.iter().map(|group| self.group(group)).collect(),
            resources: self.work.resources.clone(),
            channels: self.work.channels.iter().map(|channel| channel.name.clone()).collect(),
            lanes: file.map(|file| file.lanes()).unwrap_or_default(),
            tasks: file.map(|file| file.tasks().collect()).unwrap_or_default(),
            spans: file.map(|file| file.sorted_spans()).unwrap_or_default(),
            startup: measured.startup,
            done,
            end: measured.end,
            usage: measured.usage,
            memory: measured.memory,
            noise: measured.noise,
            scheduling: Observed::Unknown("it was not recorded in this run".to_owned()),
            log: measured.log,
        };
        if cfg!(debug_assertions) && trace.end == RunEnd::Finished {
            let broken = violations(&trace, Some(self.cores));
            assert!(broken.is_empty(), "{} breaks conservation laws: {broken:#?}", trace.model);
        }
        trace
    }

    fn group(&self, group: &TaskGroup) -> Group {
        let arrivals_ns = match group.arrivals {
            Arrivals::AtOnce => Vec::new(),
            Arrivals::EveryNs(every) => (0..u64::from(group.count)).map(|i| i * every).collect(),
            Arrivals::Column(column) => {
                let from = self.work.column_specs[column as usize].offset as usize;
                self.work.columns[from..from + group.count as usize].to_vec()
            }
        };
        let name = self.work.programs[group.program as usize].name.clone();
        Group { name, first: group.first, count: group.count, arrivals_ns }
    }
}

/// The servers are ours: what they used is not counted as the noise of others.
fn exclude(measured: &mut Measured, servers: &[ServerUse], cores: u32) {
    let work = measured.done.as_ref().map_or(0, |done| done.phases.work.wall_ns());
    let available = work as f64 * f64::from(cores.max(1));
    if let Some(others) = &mut measured.noise.others
        && available > 0.0
    {
        *others = (*others - known_cpu_ns(servers) as f64 / available).max(0.0);
    }
}

fn known_cpu_ns(servers: &[ServerUse]) -> u64 {
    servers.iter().filter_map(|server| server.cpu_ns.known()).sum()
}

/// What the runner of Python is told beside the work.
fn options(subject: &Subject, python: &PythonArgs) -> BTreeMap<String, String> {
    let spread = subject.inputs.iter().any(InputsFile::is_rows);
    let all = [
        ("arguments", spread.then(|| "spread".to_owned())),
        ("args", python.args.clone()),
        ("path", subject.folder.as_ref().map(|folder| folder.display().to_string())),
        ("setup", python.setup.clone()),
        ("concurrency", subject.connections.or(python.concurrency).map(|count| count.to_string())),
        ("http-timeout-ns", subject.request_timeout.map(|time| time.as_nanos().to_string())),
        ("start-method", python.start_method.as_ref().map(name_of)),
        ("loop", python.event_loop.as_ref().map(name_of)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
