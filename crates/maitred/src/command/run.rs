//! `maitred run`: one piece of work under one model, and what each worker did.

use maitred_core::trace::{RunEnd, Trace};
use maitred_core::view::{self, units};

use crate::cli::RunArgs;
use crate::contestants::{self, Entry, Wish};
use crate::error::{Error, exit};
use crate::progress::ProgressLine;
use crate::runtime::Interrupt;
use crate::runtimes::{self, Runtimes};
use crate::subject::{self, Subject};
use crate::terminal::Terminal;
use crate::trial::Trial;

/// A single run may record so many spans: a picture needs no more.
const SPANS: u64 = 4_000_000;

/// So many lines of the log are shown of a run that went wrong.
const LAST_WORDS: usize = 40;

/// Runs the model once and draws it; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(args: &RunArgs, terminal: &Terminal) -> Result<u8, Error> {
    let subject = open(args)?;
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::Failed(format!("signals cannot be caught: {error}")))?;
    let named: Vec<String> = args.model.iter().cloned().collect();
    let runtimes = subject.runtimes(&named, &args.work.python.pythons, &interrupt)?;
    let entry = choose(args, &subject, &runtimes)?;
    subject.warn(terminal);
    let _guard = runtimes::guard()?;
    let mut progress = ProgressLine::new(terminal, args.quiet);
    let mut trial = Trial::new(&subject, &args.work, &interrupt, SPANS);
    let trace = trial.execute(&entry, args.work.timeout.0, &mut |at| {
        progress.show(|| {
            let (finished, total) = (units::count(at.finished), units::count(at.total));
            let elapsed = units::duration(at.elapsed.as_nanos() as u64);
            format!("{} · {finished} of {total} tasks · {elapsed}", entry.model)
        });
    })?;
    progress.clear();
    show(args, &subject, &entry, &trial, &trace, terminal)
}

fn show(
    args: &RunArgs,
    subject: &Subject,
    entry: &Entry,
    trial: &Trial,
    trace: &Trace,
    terminal: &Terminal,
) -> Result<u8, Error> {
    let width = args.width.map_or(terminal.width, usize::from);
    let options = view::Options {
        width,
        color: terminal.color,
        ascii: args.ascii,
        rows: args.lanes as usize,
    };
    let run = trial.condense(trace, 0);
    let mut text = format!("{}\n\n", subject.heading());
    text.push_str(&view::timeline::timeline(trace, &options));
    text.push('\n');
    text.push_str(&view::phases::phases(&entry.model, entry.workers, &run, &options));
    terminal.print(&text)?;
    if trace.end == RunEnd::Interrupted {
        return Ok(Interrupt::exit_code().map_or(exit::SIGNAL, |code| code as u8));
    }
    if args.work.python.show_output {
        terminal.print(&format!("\noutput\n{}\n", trace.log.trim_end()))?;
    } else if !trace.log.is_empty() && trace.end != RunEnd::Finished {
        let words: Vec<&str> = trace.log.lines().collect();
        let last = words[words.len().saturating_sub(LAST_WORDS)..].join("\n");
        terminal.say(&format!("the runner's last words:\n{last}"));
    }
    match maitred_core::analyse::compare::mistake(&run) {
        Some(mistake) => Err(Error::Failed(format!("{}: {mistake}", entry.model))),
        None => Ok(exit::OK),
    }
}

fn open(args: &RunArgs) -> Result<Subject, Error> {
    match (&args.subject, &args.words[..]) {
        (Some(path), []) => subject::open(path, &args.work),
        (None, words) => subject::from_command(words, &args.work),
        (Some(path), _) => Err(Error::Usage(format!(
            "{} and a command behind `--` are two pieces of work; name one",
            path.display()
        ))),
    }
}

/// The model that was named, else the first that the workload compares, else threads.
fn choose(args: &RunArgs, subject: &Subject, runtimes: &Runtimes) -> Result<Entry, Error> {
    let first = || subject.work.compare.first().map(ToString::to_string);
    let default = || runtimes.all_models()[1].to_string();
    let name = args.model.clone().or_else(first).unwrap_or_else(default);
    let workers = args.workers.map(|count| crate::amount::WorkerCounts(vec![count]));
    let wish = Wish { models: std::slice::from_ref(&name), workers: workers.as_ref() };
    let mut entries = contestants::choose(&wish, subject, runtimes)?;
    if entries.len() != 1 {
        return Err(Error::Usage(format!(
            "`{name}` are {} models; name one, as in {}",
            entries.len(),
            entries[0].model
        )));
    }
    Ok(entries.remove(0))
}
