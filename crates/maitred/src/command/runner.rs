//! `maitred runner check PROGRAM`: whether a runner of one's own keeps to the protocol, told case by
//! case, with the paragraph of the page for what it does otherwise.

use std::ffi::OsString;
use std::time::Duration;

use maitred_engine::conformance::{self, Paragraph, Scope, Verdict};
use maitred_engine::runtime::{Interrupt, RunnerCommand};

use crate::error::{Error, exit};
use crate::terminal::Terminal;

/// Checks it; the number is the exit code: [`exit::NOT_STRICT`] where it keeps to the page not in all.
///
/// # Errors
/// [`Error::Engine`] when no program is named.
pub(crate) fn check(
    program: &[OsString],
    scope: Scope<'_>,
    limit: Duration,
    terminal: &Terminal,
) -> Result<u8, Error> {
    let Some((program, args)) = program.split_first() else {
        let text =
            "`maitred runner check` needs the runner, as in `maitred runner check ./my-runner`";
        return Err(Error::usage(text));
    };
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))?;
    let runner = RunnerCommand::new(program, args);
    let mut told = Ok(());
    let mut quoted: Vec<Paragraph> = Vec::new();
    let verdicts = conformance::check(&runner, scope, limit, &interrupt, &mut |verdict| {
        let text = lines(verdict, &mut quoted);
        told = std::mem::replace(&mut told, Ok(())).and_then(|()| terminal.print(&text));
    });
    told?;
    let wrong = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
    let of = verdicts.len();
    terminal.print(&match wrong {
        0 => format!("it keeps to runtimes/PROTOCOL.md in all {of} cases\n"),
        _ => format!("{wrong} of {of} cases are not as runtimes/PROTOCOL.md says\n"),
    })?;
    Ok(if wrong == 0 { exit::OK } else { exit::NOT_STRICT })
}

/// A case in one line; below it each fault, and once each paragraph that it is against.
fn lines(verdict: &Verdict, quoted: &mut Vec<Paragraph>) -> String {
    let strategy = verdict.strategy.map_or("", |strategy| strategy.name());
    let word = if verdict.faults.is_empty() { "ok" } else { "wrong" };
    let mut text = format!("{word:<6}{strategy:<13}{}\n", verdict.case);
    for fault in &verdict.faults {
        text.push_str(&format!("      {}\n", fault.text));
        if !quoted.contains(&fault.paragraph) {
            quoted.push(fault.paragraph);
            text.push_str(&format!("      the page: {}\n", fault.paragraph.text()));
        }
    }
    text
}
