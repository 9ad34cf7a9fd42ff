//! `maitred strategies`: what each strategy of a runtime is like on this machine. Five experiments,
//! the files of `strategies/`, are run under all of them, and a table says what follows.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use maitred_core::analyse::strategies::{self as figures, Experiment};
use maitred_core::result::{SCHEMA, Strategies, StrategyFigures, StrategyRow, StrategyTable};
use maitred_core::view;
use maitred_wire::{Model, Strategy};

use crate::cli::StrategiesArgs;
use crate::command::compare;
use crate::error::{Error, exit};
use crate::export::documents;
use crate::progress::ProgressLine;
use crate::terminal::Terminal;
use maitred_engine::bench::Bench;
use maitred_engine::contestants;
use maitred_engine::measure::limits::{self, Demand};
use maitred_engine::measure::machine;
use maitred_engine::request::{Python, Subject, Work};
use maitred_engine::rounds::Purpose;
use maitred_engine::rounds::Rules;
use maitred_engine::runtime::Interrupt;
use maitred_engine::runtimes::{self, Runtime, Runtimes, Wanted};
use maitred_engine::subject;

/// No run of an experiment takes longer unless something is wrong.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What the intervals need at least.
const ROUNDS: u32 = 3;

const SEED: u64 = 1;

macro_rules! experiments {
    ($($experiment:ident $name:literal)*) => {
        &[$((
            Experiment::$experiment,
            $name,
            include_str!(concat!("../../../../strategies/", $name, ".kdl")),
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

/// Prints a table for each runtime; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was found before is shown and written all the same.
pub(crate) fn run(args: &StrategiesArgs, terminal: &Terminal) -> Result<u8, Error> {
    let mut files = documents([
        (&args.export_json, view::json::strategies_to_json as fn(&Strategies) -> String),
        (&args.export_markdown, view::strategies::markdown),
    ])?;
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))?;
    let pythons = runtimes::further(&args.pythons);
    let wanted = Wanted { names: &args.runtimes, pythons: &pythons, interrupt: &interrupt };
    let known = Runtimes::of_workload(&wanted)?;
    let chosen = args.runtimes.iter().map(|name| known.find(name));
    let chosen = chosen.collect::<Result<Vec<&Runtime>, maitred_engine::Error>>()?;
    let _guard = runtimes::guard()?;
    let work = work(&pythons);
    let options = compare::options(terminal);
    let mut found = Strategies {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine::describe(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        runtimes: Vec::new(),
    };
    terminal.print(&view::strategies::heading(&found.machine, &options))?;
    let mut written = true;
    for runtime in chosen {
        let table = table(runtime, &known, &work, args, &interrupt, terminal)?;
        if interrupt.is_raised() {
            terminal.complain("interrupted; the tables until then are kept and shown");
            break;
        }
        terminal.print(&view::strategies::table(&table, &options))?;
        found.runtimes.push(table);
        for file in files.iter_mut().filter(|file| file.is_replaced()) {
            written &= file.update(&found, terminal);
        }
    }
    for file in files.iter_mut().filter(|file| !file.is_replaced()) {
        written &= file.update(&found, terminal);
    }
    if !found.runtimes.is_empty() {
        terminal.print(&view::strategies::legend(&options))?;
    }
    Ok(match Interrupt::exit_code() {
        Some(code) => code as u8,
        None if !written => exit::NOT_WRITTEN,
        None => exit::OK,
    })
}

/// As the experiments are run.
fn work(pythons: &[PathBuf]) -> Work {
    Work {
        seed: SEED,
        timeout_ns: TIMEOUT.as_nanos() as u64,
        python: Python { interpreters: pythons.to_vec(), ..Python::default() },
        ..Work::default()
    }
}

/// All experiments under all strategies of a runtime.
fn table(
    runtime: &Runtime,
    known: &Runtimes,
    work: &Work,
    args: &StrategiesArgs,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<StrategyTable, Error> {
    let cores = machine::usable_cores();
    let unmeasured = |strategy: &Strategy| {
        (*strategy, StrategyFigures { allowed: allowed(*strategy), ..figures::unmeasured() })
    };
    let mut all: Vec<_> = runtime.strategies.iter().map(unmeasured).collect();
    for (number, &(experiment, name, text)) in EXPERIMENTS.iter().enumerate() {
        if interrupt.is_raised() {
            break;
        }
        let text =
            Subject::WorkloadText { name: name.to_owned(), text: text.to_owned(), folder: None };
        let mut job = subject::prepare(&text, work)?;
        let models =
            runtime.strategies.iter().flat_map(|one| models(experiment, &runtime.name, *one));
        job.work.claimed = models.collect();
        job.vary_as_claimed(work)?;
        let enter = |model: &Model| contestants::enter(model.clone(), &job, known);
        let entries = job.work.claimed.iter().map(enter).collect();
        let rules = Rules {
            warmup: 0,
            rounds: None,
            least: ROUNDS,
            budget: args.budget.0,
            seed: SEED,
            baseline: None,
            // Whether a lock keeps threads from computing, their switches show on a busy machine too.
            trace: experiment == Experiment::Computing,
        };
        let place = format!("{} · {} of {}", runtime.name, number + 1, EXPERIMENTS.len());
        let mut progress = ProgressLine::new(terminal, args.quiet);
        let mut on_run = |purpose: Purpose, model: &Model| {
            progress.show(|| format!("{place} · {name} · {} · {model}", purpose.name()));
        };
        let comparison = Bench::new(&job, entries, work, rules, interrupt, &mut on_run)
            .run(|comparison| figures::decided(experiment, comparison));
        progress.clear();
        let comparison = comparison?;
        for (strategy, so_far) in &mut all {
            figures::measure(experiment, *strategy, &comparison, so_far);
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
    let pool = |workers: u32| strategy.has_workers().then_some(workers);
    match experiment {
        // A pool of loops needs no more of them than there are processors, which is its default.
        Experiment::Computing if strategy == Strategy::AsyncPool => vec![model(None)],
        Experiment::Computing => vec![model(pool(8))],
        // Of loops fewer than tasks: one with a loop for itself shows nothing.
        Experiment::Beside | Experiment::Blocking if strategy == Strategy::AsyncPool => {
            vec![model(Some(2))]
        }
        Experiment::Beside => vec![model(pool(3))],
        Experiment::Blocking => vec![model(pool(8))],
        // One task at a time never waits beside another, and many would take long.
        Experiment::Waiting if strategy == Strategy::Sequential => Vec::new(),
        Experiment::Starting | Experiment::Waiting => vec![with(1), with(many(strategy))],
    }
}

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
