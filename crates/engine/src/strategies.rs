//! What each strategy of a runtime is like on this machine. Five experiments, the files of
//! `strategies/`, are run under all of them, and a table says what follows.

use std::time::Duration;

use maitred_core::analyse::strategies::{self as figures, Experiment};
use maitred_core::result::{self, Comparison, SCHEMA, StrategyFigures, StrategyRow, StrategyTable};
use maitred_wire::{Model, Strategy};

use crate::bench::Bench;
use crate::contestants;
use crate::engine::{Context, now};
use crate::error::Error;
use crate::event::{Event, Finding};
use crate::measure::limits::{self, Demand};
use crate::measure::machine;
use crate::outcome::Outcome;
use crate::request::{Python, Strategies, Subject, Work};
use crate::rounds::Rules;
use crate::runtime::Library;
use crate::runtimes::{self, Runtime, Runtimes, Wanted};
use crate::subject;

/// No run of an experiment takes longer unless something is wrong.
const TIMEOUT_NS: u64 = 20_000_000_000;

/// The same where a library starts its workers: each imports it, which takes half a second of a processor's.
const LIBRARY_TIMEOUT_NS: u64 = 120_000_000_000;

/// What the intervals need at least.
const ROUNDS: u32 = 3;

const SEED: u64 = 1;

macro_rules! experiments {
    ($($experiment:ident $name:literal)*) => {
        &[$((
            Experiment::$experiment,
            $name,
            include_str!(concat!("../shipped/strategies/", $name, ".kdl")),
        )),*]
    };
}

const EXPERIMENTS: &[(Experiment, &str, &str)] = experiments![
    Computing "computing"
    Beside "beside"
    Blocking "blocking"
    Starting "starting"
    Waiting "waiting"
];

/// Makes a table for each runtime.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(request: &Strategies, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let pythons = runtimes::further(&request.interpreters);
    let wanted = Wanted {
        names: &request.runtimes,
        pythons: &pythons,
        interrupt: context.cancel.interrupt(),
        engine: context.engine,
    };
    let known = Runtimes::of_workload(&wanted)?;
    let chosen = request.runtimes.iter().map(|name| known.find(name));
    let chosen = chosen.collect::<Result<Vec<&Runtime>, Error>>()?;
    known.tell_left_out(context.on_event);
    let _held = context.hold()?;
    let given = Work {
        seed: SEED,
        timeout_ns: if chosen.iter().any(|one| has_dear_workers(&one.name)) {
            LIBRARY_TIMEOUT_NS
        } else {
            TIMEOUT_NS
        },
        python: Python { interpreters: pythons.clone(), ..Python::default() },
        ..Work::default()
    };
    let mut found = result::Strategies {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine::describe(),
        started: now(),
        runtimes: Vec::new(),
    };
    (context.on_event)(Event::Started {
        program_version: &found.program_version,
        started: &found.started,
        heading: "what each strategy is like",
        machine: &found.machine,
        subject: None,
        settings: None,
    });
    let mut failure = None;
    for runtime in chosen {
        let budget_ns = request.budget_ns;
        match (Table { runtime, known: &known, given: &given, budget_ns }).make(context) {
            Ok(_) if context.cancel.is_cancelled() => break,
            Ok(table) => {
                (context.on_event)(Event::TableEnded { table: &table });
                found.runtimes.push(table);
            }
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    (context.on_event)(Event::Result(Finding::Strategies(&found)));
    failure.map_or(Ok(Outcome::Strategies(found)), Err)
}

/// What the table of a runtime is made by.
struct Table<'a> {
    runtime: &'a Runtime,
    known: &'a Runtimes,
    given: &'a Work,
    budget_ns: u64,
}

impl Table<'_> {
    /// All experiments under all strategies.
    fn make(&self, context: &mut Context<'_>) -> Result<StrategyTable, Error> {
        let Self { runtime, .. } = self;
        let cores = machine::usable_cores();
        let unmeasured = |strategy: &Strategy| {
            (*strategy, StrategyFigures { allowed: allowed(*strategy), ..figures::unmeasured() })
        };
        let mut all: Vec<_> = runtime.strategies.iter().map(unmeasured).collect();
        for (number, &(experiment, name, text)) in EXPERIMENTS.iter().enumerate() {
            if context.cancel.is_cancelled() {
                break;
            }
            let (number, of) = (number + 1, EXPERIMENTS.len());
            (context.on_event)(Event::ExperimentBegun { number, of, name, about: &runtime.name });
            for strategies in self.turns(experiment) {
                let comparison = self.under(strategies, (experiment, name, text), context)?;
                for (strategy, so_far) in &mut all {
                    for asked in self.answers(experiment) {
                        figures::measure(*asked, *strategy, &comparison, so_far);
                    }
                }
            }
        }
        let row = |(strategy, figures)| StrategyRow {
            strategy,
            properties: figures::properties(&figures, cores),
            figures,
        };
        Ok(StrategyTable {
            runtime: runtime.name.clone(),
            strategies: all.into_iter().map(row).collect(),
        })
    }

    /// Which strategies are under way together. Where each run starts dear workers, each by itself: for
    /// what it can do one round is enough, whatever another still has to show.
    fn turns(&self, experiment: Experiment) -> Vec<&[Strategy]> {
        match has_dear_workers(&self.runtime.name) {
            // That is seen of tasks that wait.
            true if experiment == Experiment::Starting => Vec::new(),
            true => self.runtime.strategies.chunks(1).collect(),
            false => vec![&self.runtime.strategies[..]],
        }
    }

    /// A scheduler that is a process of its own takes milliseconds to hand a task out and to notice its
    /// end: beside those the tasks have to be long.
    fn speed(&self) -> f64 {
        if has_dear_workers(&self.runtime.name) { 0.1 } else { 1.0 }
    }

    /// What an experiment is asked.
    fn answers(&self, experiment: Experiment) -> &'static [Experiment] {
        match experiment {
            Experiment::Computing => &[Experiment::Computing],
            Experiment::Beside => &[Experiment::Beside],
            Experiment::Blocking => &[Experiment::Blocking],
            Experiment::Starting => &[Experiment::Starting],
            // One and many wait as long, so that what many take more is their start.
            Experiment::Waiting if has_dear_workers(&self.runtime.name) => {
                &[Experiment::Waiting, Experiment::Starting]
            }
            Experiment::Waiting => &[Experiment::Waiting],
        }
    }

    /// An experiment under some strategies.
    fn under(
        &self,
        strategies: &[Strategy],
        (experiment, name, text): (Experiment, &str, &str),
        context: &mut Context<'_>,
    ) -> Result<Comparison, Error> {
        let (name, text) = (name.to_owned(), text.to_owned());
        let subject = Subject::WorkloadText { name, text, folder: None };
        let speed = match experiment {
            Experiment::Computing | Experiment::Beside | Experiment::Blocking => self.speed(),
            Experiment::Starting | Experiment::Waiting => 1.0,
        };
        let given = &Work { speed, ..self.given.clone() };
        let mut job = subject::prepare(&subject, given)?;
        let runtime = &self.runtime.name;
        let models = strategies.iter().flat_map(|one| models(experiment, runtime, *one));
        job.work.claimed = models.collect();
        job.vary_as_claimed(given)?;
        let enter = |model: &Model| contestants::enter(model.clone(), &job, self.known);
        let entries = job.work.claimed.iter().map(enter).collect();
        let by_itself = strategies == [Strategy::Processes];
        let rules = Rules {
            warmup: 0,
            rounds: None,
            settled: 1,
            least: ROUNDS,
            budget: Duration::from_nanos(self.budget_ns),
            seed: SEED,
            baseline: None,
            drop: false,
            // Whether a lock keeps threads from computing, their switches show on a busy machine too.
            trace: experiment == Experiment::Computing && !by_itself,
        };
        Bench::new(&job, entries, given, rules, context)
            .run(|comparison| figures::decided(experiment, comparison))
    }
}

/// Under which models a strategy takes part: with one task and with many where each one more is
/// looked at.
fn models(experiment: Experiment, runtime: &str, strategy: Strategy) -> Vec<Model> {
    let model = |workers| Model { workers, ..Model::new(runtime, strategy) };
    let with = |tasks: u32| {
        let workers = match strategy {
            Strategy::AsyncPool | Strategy::Hybrid => Some(2),
            _ => strategy.has_workers().then_some(tasks),
        };
        Model { setting: Some(format!("tasks={tasks}")), ..model(workers) }
    };
    let is_dear = has_dear_workers(runtime) && strategy == Strategy::Processes;
    let most = if is_dear { FEW } else { u32::MAX };
    let pool = |workers: u32| strategy.has_workers().then_some(workers.min(most));
    match experiment {
        // A pool of loops needs no more of them than there are processors, which is its default.
        Experiment::Computing if strategy == Strategy::AsyncPool => vec![model(None)],
        Experiment::Computing => vec![model(pool(8))],
        // Of loops fewer than tasks: one with a loop for itself shows nothing.
        Experiment::Beside | Experiment::Blocking if strategy == Strategy::AsyncPool => {
            vec![model(Some(2))]
        }
        Experiment::Beside => vec![model(pool(3))],
        // As many as there are calls, or it would not show that none waits for another.
        Experiment::Blocking => vec![model(strategy.has_workers().then_some(8))],
        // One task at a time never waits beside another, and many would take long.
        Experiment::Waiting if strategy == Strategy::Sequential => Vec::new(),
        Experiment::Starting | Experiment::Waiting => vec![with(1), with(many(strategy).min(most))],
    }
}

/// Whether a worker process imports a library first.
fn has_dear_workers(runtime: &str) -> bool {
    Library::ALL.iter().any(|library| library.name() == runtime)
}

/// So many of those show whether they compute beside each other, and what each one more takes.
const FEW: u32 = 3;

/// How many threads or processes this machine allows where each task or worker is one.
fn allowed(strategy: Strategy) -> Option<u64> {
    let most = match strategy {
        Strategy::Threads | Strategy::ThreadPool | Strategy::Interpreters => {
            limits::most(|threads| Demand { threads, ..Demand::default() })
        }
        Strategy::Processes => limits::most(|processes| Demand { processes, ..Demand::default() }),
        _ => return None,
    };
    Some(most).filter(|most| *most < limits::MOST)
}

/// So many that each one more is seen beside what varies from run to run, and that they are
/// started in a fraction of a second.
fn many(strategy: Strategy) -> u32 {
    match strategy {
        Strategy::Processes | Strategy::Interpreters => 20,
        Strategy::Threads | Strategy::ThreadPool => 200,
        _ => 5000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_an_experiment() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let mut files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        files.sort();
        let mut built_in: Vec<_> =
            EXPERIMENTS.iter().map(|(_, name, _)| format!("{name}.kdl")).collect();
        built_in.sort();
        assert_eq!(files, built_in);
    }
}
