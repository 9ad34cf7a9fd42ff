//! The command line: arguments in, text out. Commands stand in `command`, one file each. It runs and
//! measures nothing itself: that is `maitred_engine`; and draws and judges nothing: `maitred_core`.

pub mod cli;
mod command;

mod amount;
mod changed;
mod drawing;
mod error;
mod events;
mod export;
mod follow;
mod keep;
mod png;
mod progress;
mod recording;
mod saved;
mod terminal;

use std::io::Write as _;
use std::panic::UnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use error::{Error, exit};
use maitred_core::workload::Report;
use maitred_engine::conformance::Scope;
use terminal::Terminal;

/// Does what the arguments say; the number is the exit code.
pub fn main() -> ExitCode {
    guarded(start)
}

/// A panic is a defect of ours: it says so, with its own exit code, instead of Rust's 101. What
/// the panic unwinds through ends the processes that it started.
fn guarded(program: impl FnOnce() -> ExitCode + UnwindSafe) -> ExitCode {
    std::panic::catch_unwind(program).unwrap_or_else(|_| {
        let error = Error::Defect;
        let look = cli::LookArgs { details: false, ascii: false, color: cli::Color::Auto };
        Terminal::new(&look).complain(&error.to_string());
        ExitCode::from(error.exit_code())
    })
}

fn start() -> ExitCode {
    if let Some(code) = as_part_of_itself() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    if let Some(Command::Runner { runtime, .. }) = &cli.command
        && runtime != "check"
    {
        return run_runner(runtime);
    }
    let mut terminal = Terminal::new(&cli.look);
    maitred_engine::runtime::languages::on_compile(|line| {
        // Nobody to tell is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{line}");
    });
    ExitCode::from(match run(&cli, &mut terminal) {
        Ok(code) => code,
        Err(error) => {
            match &error {
                Error::ClosedPipe => {}
                Error::Engine(maitred_engine::Error::Workload { name, text, mistakes }) => {
                    terminal.say(&terminal.report(&Report::new(name, text, mistakes)));
                }
                other => terminal.complain(&other.to_string()),
            }
            error.exit_code()
        }
    })
}

fn run(cli: &Cli, terminal: &mut Terminal) -> Result<u8, Error> {
    match &cli.command {
        None => terminal.print(&command::welcome::text(terminal.color))?,
        Some(Command::Lab(args)) => return command::lab::run(args, terminal),
        Some(Command::Notebook(args)) => return command::notebook::run(&args.action, terminal),
        Some(Command::Compare(args)) => return command::compare::run(args, terminal),
        Some(Command::Run(args)) => return command::run::run(args, terminal),
        Some(Command::Show(args)) => return command::show::run(args, terminal),
        Some(Command::Runs(args)) => return command::runs::run(args, terminal),
        Some(Command::Report(args)) => return command::report::run(args, terminal),
        Some(Command::Check(args)) => return command::check::run(args, terminal),
        Some(Command::Claim(args)) => return command::claim::run(args, terminal),
        Some(Command::Strategies(args)) => return command::strategies::run(args, terminal),
        Some(Command::Scale(args)) => return command::scale::run(args, terminal),
        Some(Command::Fit(args)) => return command::fit::run(args, terminal),
        Some(Command::Doctor(args)) => terminal.print(&command::doctor::text(args)?)?,
        Some(Command::Runtimes(args)) => terminal.print(&command::runtimes::text(args)?)?,
        Some(Command::Serve(args)) => command::serve::run(args)?,
        Some(Command::Completions { shell }) => {
            terminal.print(&command::completions::completions(*shell))?;
        }
        Some(Command::Man) => terminal.print(&command::manual::man_page()?)?,
        Some(Command::Runner { program, strategies, cases, timeout, .. }) => {
            let scope = Scope { strategies, cases };
            return command::runner::check(program, scope, timeout.0, terminal);
        }
    }
    Ok(exit::OK)
}

/// A runner is this program, started again. It parses no arguments: what that takes in memory and time
/// would stand in the figures of the work.
fn as_part_of_itself() -> Option<ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    match words.as_slice() {
        [runner, part] if runner == "runner" && (part == "native" || part == "guard") => {
            Some(run_runner(part.to_str()?))
        }
        _ => None,
    }
}

/// The one place where the program is the measured instead of the measurer.
fn run_runner(runtime: &str) -> ExitCode {
    match runtime {
        "native" => maitred_native::main(),
        "guard" => {
            maitred_engine::runtime::stand();
            ExitCode::SUCCESS
        }
        load => match maitred_engine::runtime::overhead::be_load(load) {
            Some(Ok(())) => ExitCode::SUCCESS,
            Some(Err(_)) => ExitCode::FAILURE,
            None => ExitCode::from(exit::USAGE),
        },
    }
}

/// Help and version go to standard output and are no mistake; all else is.
fn usage(error: &clap::Error) -> u8 {
    match error.print() {
        _ if error.use_stderr() => exit::USAGE,
        Err(failed) if failed.kind() != std::io::ErrorKind::BrokenPipe => exit::NOT_WRITTEN,
        Ok(()) | Err(_) => exit::OK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_with_the_exit_code_of_a_defect() {
        let code = guarded(|| panic!("planted"));
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(70)));
        let code = guarded(|| ExitCode::from(4));
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(4)));
    }
}
