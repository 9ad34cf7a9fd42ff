//! All comparisons of a program, and what it is started for: to conduct them, or to be a part of one.
//! The main type is [`Bench`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::ExitCode;

use maitred_core::result::{Comparison, Stopped};
use maitred_engine::request::{self, Recording, Request};
use maitred_engine::{Cancel, Engine, Outcome, runtime};
use maitred_native::Library;

use crate::any::AnyCompare;
use crate::compare::Compare;
use crate::options::{AGAIN, HELP, Options, Task};
use crate::screen;

/// The comparisons of a program.
pub struct Bench {
    words: Vec<OsString>,
    entries: Vec<AnyCompare>,
}

impl Bench {
    /// Those of a program that was started with its own arguments.
    pub fn from_args() -> Self {
        Self { words: std::env::args_os().skip(1).collect(), entries: Vec::new() }
    }

    /// One more.
    #[expect(clippy::should_implement_trait, reason = "it adds to a list, as builders do")]
    pub fn add<I: Send + Sync + 'static, R: Send + 'static>(
        mut self,
        compare: Compare<I, R>,
    ) -> Self {
        self.entries.push(compare.into_any());
        self
    }

    /// Does what the arguments say; for `main` to return. Where the program was started again to be a
    /// part of a comparison, it is that, and may end the process by itself.
    pub fn run(self) -> ExitCode {
        let words: Vec<&OsStr> = self.words.iter().map(OsString::as_os_str).collect();
        if let [again, name, runner, part] = words[..]
            && again == AGAIN
            && runner == "runner"
        {
            let (name, part) = (name.to_owned(), part.to_owned());
            return be_part(self.entries, &name, &part);
        }
        match conduct(self) {
            Ok(code) => code,
            Err(error) => {
                screen::complain(&error);
                ExitCode::from(2)
            }
        }
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().map(|entry| &entry.name);
        f.debug_list().entries(names).finish()
    }
}

/// Is the guard of the runs, or a runner with the functions of the entry of this name.
fn be_part(entries: Vec<AnyCompare>, name: &OsStr, part: &OsStr) -> ExitCode {
    if part == "guard" {
        runtime::stand();
        return ExitCode::SUCCESS;
    }
    let entry = entries.into_iter().find(|entry| *entry.name == *name);
    match (entry, part.to_str().and_then(Library::named)) {
        (Some(entry), Some(library)) => maitred_native::main_with(entry.job.start(), library),
        _ => {
            screen::complain(&format!("`{}` has no part `{}`", name.display(), part.display()));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything could be run goes into the exit code.
fn conduct(bench: Bench) -> Result<ExitCode, String> {
    let options = Options::parse(bench.words)?;
    if options.task == Task::Help {
        screen::print(HELP)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.task == Task::Nothing {
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<AnyCompare> =
        bench.entries.into_iter().filter(|entry| options.means(&entry.name)).collect();
    if options.task == Task::List {
        // The form that libtest and criterion have, which cargo-nextest reads.
        let names: String = chosen.iter().map(|one| format!("{}: benchmark\n", one.name)).collect();
        screen::print(&names)?;
        return Ok(ExitCode::SUCCESS);
    }
    let cancel =
        Cancel::on_signals().map_err(|error| format!("signals cannot be caught: {error}"))?;
    let mut is_well = true;
    for AnyCompare { name, mut request, .. } in chosen {
        options.change(&mut request)?;
        let libraries = Library::OF_FUNCTIONS.iter().map(|one| (one.name(), one.strategies()));
        let again = [AGAIN, &name].map(OsString::from);
        let engine = Engine::of_functions(again.into(), libraries.collect());
        let request = match options.task {
            Task::Run => Request::Run(single(request, &options)?),
            _ => Request::Compare(request),
        };
        let outcome = engine
            .and_then(|engine| {
                engine.run(&request, &cancel, &mut |event| screen::follow(&name, &event))
            })
            .map_err(|error| format!("{name}: {error}"))?;
        is_well &= tell(&name, &outcome, &options)?;
        if cancel.is_cancelled() {
            break;
        }
    }
    let code = Cancel::exit_code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }, ExitCode::from))
}

/// One run, of the first model that was named.
fn single(compare: request::Compare, options: &Options) -> Result<request::Run, String> {
    let Some(model) = compare.models.into_iter().next() else {
        return Err("a run is of one model; name it, as in --model std/thread-pool:4".to_owned());
    };
    let recording = Recording { path: options.save_trace.clone(), ..Recording::default() };
    let run = request::Run { model: Some(model), recording, ..request::Run::of(compare.subject) };
    Ok(request::Run { work: compare.work, ..run })
}

/// Shows what came of it; whether every task of every model went well.
fn tell(name: &str, outcome: &Outcome, options: &Options) -> Result<bool, String> {
    match outcome {
        Outcome::Compared(comparison) if options.task == Task::Test => test(name, comparison),
        Outcome::Compared(comparison) => {
            screen::show(comparison, options)?;
            Ok(faults(comparison).is_empty())
        }
        Outcome::Ran(ran) => {
            screen::show_run(ran, options)?;
            Ok(ran.run.tasks.failed == 0)
        }
        Outcome::Checked(_) | Outcome::Strategies(_) => Ok(true),
    }
}

fn test(name: &str, comparison: &Comparison) -> Result<bool, String> {
    let faults = faults(comparison);
    screen::print(&match faults.as_slice() {
        [] => format!("{name}: ok\n"),
        faults => faults.iter().map(|fault| format!("{name}: {fault}\n")).collect(),
    })?;
    Ok(faults.is_empty())
}

/// Who did not do all of it, and why.
fn faults(comparison: &Comparison) -> Vec<String> {
    let mut faults = Vec::new();
    if comparison.stopped == Stopped::NoneRan {
        faults.push("no model ran it".to_owned());
    }
    for one in &comparison.contestants {
        faults.extend(one.unranked.iter().map(|why| format!("{}: {why}", one.model)));
        let failures = one.runs.iter().flat_map(|run| &run.failures).take(1);
        faults.extend(failures.map(|failure| format!("{}: {}", one.model, failure.text)));
    }
    faults
}
