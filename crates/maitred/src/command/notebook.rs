//! `maitred notebook`: all cells of a notebook without a page; a notebook with its results as a page
//! of its own or for Jupyter, and back.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use maitred_engine::Cancel;
use maitred_lab::headless::{self, Verdict};
use maitred_lab::notebook::Cell;
use maitred_lab::{Session, Shelf, export, ipynb};

use super::lab;
use crate::cli::{KeepArgs, NotebookAction};
use crate::error::{Error, exit};
use crate::terminal::Terminal;

/// Does what the arguments say; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(action: &NotebookAction, terminal: &mut Terminal) -> Result<u8, Error> {
    match action {
        NotebookAction::Run { files, budget, keep } => {
            let until = lab::signals()?;
            let mut code = exit::OK;
            // Each notebook gets an equal share: what one leaves over, nobody needs.
            let each = budget.map(|all| all.nanos() / files.len().max(1) as u64);
            for file in files {
                let (_, verdicts) = execute(file, keep, each, &until, terminal)?;
                code = code.max(code_of(&verdicts));
            }
            Ok(Cancel::exit_code().map_or(code, |code| code as u8))
        }
        NotebookAction::Export { file, output, no_run, keep } => {
            write(file, output, keep, *no_run, terminal)
        }
        NotebookAction::Import { file, output } => {
            let text = fs::read_to_string(file).map_err(|error| Error::unreadable(file, &error))?;
            let markdown = ipynb::read(&text)
                .map_err(|why| Error::usage(format!("{}: {why}", file.display())))?;
            let written =
                File::create_new(output).and_then(|mut to| to.write_all(markdown.as_bytes()));
            written.map_err(|error| not_written(output, &error))?;
            Ok(exit::OK)
        }
    }
}

fn not_written(path: &Path, error: &std::io::Error) -> Error {
    Error::NotWritten(format!("{} cannot be written: {error}", path.display()))
}

fn code_of(verdicts: &[Verdict]) -> u8 {
    let failed = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Failed(_)));
    match verdicts.iter().all(Verdict::is_good) {
        true => exit::OK,
        false if failed => exit::NOTHING_MEASURED,
        false => exit::NOT_STRICT,
    }
}

/// Runs all cells of a file, each with a line.
fn execute(
    file: &Path,
    keep: &KeepArgs,
    budget_ns: Option<u64>,
    until: &Cancel,
    terminal: &mut Terminal,
) -> Result<(Session, Vec<Verdict>), Error> {
    let shelf = Shelf::open(&file.display().to_string()).map_err(Error::usage)?;
    let mut session = Session::new(shelf, lab::here(&[], until)?, keep.keeping());
    if let Some(budget_ns) = budget_ns {
        session.share = headless::share(&session, "", budget_ns).map_err(Error::usage)?;
    }
    terminal.print(&format!("{}\n", file.display()))?;
    let mut printed = Ok(());
    let over = AtomicBool::new(false);
    let verdicts = thread::scope(|scope| {
        // Who wants to stop does not wait for the end of a cell.
        let watch = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if until.is_cancelled() {
                    session.stop();
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        let mut tell = |cell: &Cell, verdict: Option<&Verdict>| {
            if let Some(verdict) = verdict {
                let line = format!("  {}: {}\n", cell.id, verdict.text());
                printed = terminal.print(&line);
            }
        };
        let verdicts = headless::run(&session, "", &|| until.is_cancelled(), &mut tell);
        over.store(true, Ordering::Relaxed);
        let _ = watch.join();
        verdicts
    });
    let verdicts = verdicts.map_err(|why| Error::usage(format!("{}: {why}", file.display())))?;
    if let Some(why) = session.unkept() {
        terminal.complain(&why);
    }
    printed?;
    Ok((session, verdicts))
}

/// Runs a notebook and writes it with its results.
fn write(
    file: &Path,
    output: &Path,
    keep: &KeepArgs,
    no_run: bool,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let form = output.extension().and_then(|end| end.to_str()).unwrap_or_default();
    if !["html", "ipynb"].contains(&form) {
        return Err(Error::usage(format!(
            "{} is neither a page nor a notebook of Jupyter; name a file that ends in .html or .ipynb",
            output.display()
        )));
    }
    let until = lab::signals()?;
    let (session, verdicts) = match no_run {
        true => {
            let shelf = Shelf::open(&file.display().to_string()).map_err(Error::usage)?;
            // What is not run needs no runtime to be asked.
            (Session::new(shelf, lab::at_first(), None), Vec::new())
        }
        false => execute(file, keep, None, &until, terminal)?,
    };
    let text = match form {
        "html" => export::html(&session, ""),
        _ => export::jupyter(&session, ""),
    };
    let text = text.map_err(Error::failed)?;
    fs::write(output, text).map_err(|error| not_written(output, &error))?;
    Ok(code_of(&verdicts))
}
