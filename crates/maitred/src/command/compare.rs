//! `maitred compare`: several models on one piece of work; or saved results beside each other.

use maitred_core::result::{Comparison, Machine, Stopped, SubjectFacts, Verdict};
use maitred_core::trace::Trace;
use maitred_core::view;
use maitred_engine::event::Finding;
use maitred_engine::{Cancel, Engine, Event, Purpose, Request};

use crate::changed::Telling;
use crate::cli::{CompareArgs, StoreArgs};
use crate::error::{Error, exit};
use crate::export::{self, Export};
use crate::follow::Follower;
use crate::keep;
use crate::saved::{self, Older};
use crate::terminal::Terminal;

/// Runs the comparison, or shows saved ones; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was measured before is shown and written all the same.
pub(crate) fn run(args: &CompareArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    let is_saved = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
    let nothing_else = args.words.is_empty() && args.work.commands.named.is_empty();
    if nothing_else && !args.subject.is_empty() && args.subject.iter().all(is_saved) {
        return saved::show(args, terminal);
    }
    let asked = args.request()?;
    let work = asked.subject.clone();
    let request = Request::Compare(asked);
    let old = saved::older(args)?;
    let telling = Telling::open(&args.changes, old.is_some())?;
    let files = args.results.files();
    let exports = export::open(&files, &args.charts)?;
    if files.take_standard_output() {
        terminal.text_to_error();
    }
    let cancel = super::cancel()?;
    let mut shown = Shown {
        follower: Follower::new(terminal, &args.follow, args.rounds.runs)?,
        terminal: *terminal,
        cancel: cancel.clone(),
        exports,
        traced: !args.no_trace,
        old,
        refusal: None,
        logs: Vec::new(),
        across_machines: args.across_machines,
        place: &args.keep.place,
        traces: args.keep.folder().map(|_| Vec::new()),
        result: None,
    };
    let engine = Engine::of_this_program()?;
    let outcome = engine.run(&request, &cancel, &mut |event| shown.take(&event));
    let Shown { exports, old, refusal, logs, result, traces, .. } = shown;
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let outcome = outcome.map(drop).map_err(Error::from);
    let Some(comparison) = result else { return outcome.map(|()| exit::OK) };
    let outputs = if args.work.python.show_output { outputs(&logs) } else { String::new() };
    let old = old.as_ref().and_then(Older::known);
    let older = Beside { old, telling };
    let code = finish(args, &comparison, older, exports, terminal, outcome, &outputs);
    if comparison.contestants.iter().any(|one| !one.runs.is_empty()) {
        let traces = traces.unwrap_or_default();
        args.keep.keep(terminal, || keep::of_comparison(&comparison, &traces, &work));
    }
    code
}

/// What is shown and written while it goes on.
struct Shown<'a> {
    follower: Follower,
    terminal: Terminal,
    cancel: Cancel,
    exports: Vec<Export>,
    /// Whether switches are recorded after the last round.
    traced: bool,
    /// What every model is compared with beside the others.
    old: Option<Older>,
    across_machines: bool,
    place: &'a StoreArgs,
    /// Why it is not.
    refusal: Option<Error>,
    /// Each model with what its last run printed.
    logs: Vec<(String, String)>,
    /// What was recorded of each model; `None`: nothing is kept.
    traces: Option<Vec<Trace>>,
    result: Option<Comparison>,
}

impl Shown<'_> {
    fn take(&mut self, event: &Event<'_>) {
        self.follower.take(event);
        match event {
            Event::Started { machine, subject: Some(subject), .. } => {
                if let Err(refusal) = self.hold_beside((machine, subject)) {
                    self.refusal = Some(refusal);
                    self.cancel.cancel();
                }
            }
            Event::Contestants { contestants, .. } => {
                let name = |one: &maitred_engine::event::Entrant<'_>| one.model.to_string();
                self.logs = contestants.iter().map(|one| (name(one), String::new())).collect();
            }
            Event::Joined { entrant, .. } => {
                self.logs.push((entrant.model.to_string(), String::new()));
            }
            Event::RunEnded { purpose: Purpose::Trace, trace, .. } => {
                if let Some(traces) = &mut self.traces {
                    traces.push((*trace).clone());
                }
            }
            Event::RunEnded { contestant, log, .. } => {
                (*log).clone_into(&mut self.logs[*contestant].1);
            }
            // After the last one the result itself comes at once, unless switches are still recorded.
            Event::RoundsEnded { comparison, .. }
                if self.traced || comparison.stopped == Stopped::Running =>
            {
                for export in &mut self.exports {
                    if let Some(failure) = export.update(comparison) {
                        self.follower.clear();
                        self.terminal.complain(&failure);
                    }
                }
            }
            Event::Result(Finding::Comparison(comparison)) => {
                self.result = Some((*comparison).clone());
            }
            _ => {}
        }
    }
}

impl Shown<'_> {
    /// Finds the older result of what is about to be measured, and looks whether the two compare.
    fn hold_beside(&mut self, new: (&Machine, &SubjectFacts)) -> Result<(), Error> {
        let Some(old) = self.old.take() else { return Ok(()) };
        let old = old.find(self.place, new)?;
        saved::comparable(new, (&old.machine, &old.subject), self.across_machines)?;
        self.old = Some(Older::Known(Box::new(old)));
        Ok(())
    }
}

/// An older result, and where it is told what changed since.
struct Beside<'a> {
    old: Option<&'a Comparison>,
    telling: Telling<'a>,
}

/// Shows and writes whatever was measured, then says how it ended.
fn finish(
    args: &CompareArgs,
    comparison: &Comparison,
    Beside { old, mut telling }: Beside<'_>,
    mut exports: Vec<Export>,
    terminal: &Terminal,
    outcome: Result<(), Error>,
    outputs: &str,
) -> Result<u8, Error> {
    let written = export::finish(&mut exports, comparison, terminal);
    let mut text = view::table::table(comparison, &terminal.options());
    text.push_str(outputs);
    if let Some(old) = old {
        text.push_str(&telling.tell(comparison, old, terminal));
    }
    if comparison.stopped == Stopped::Interrupted {
        terminal.complain("interrupted; what was measured until then is kept and shown");
    }
    let printed = terminal.print(&text);
    outcome?;
    match printed {
        Err(Error::NotWritten(sentence)) => return Err(Error::NotWritten(sentence)),
        Err(Error::ClosedPipe) | Ok(()) => {}
        Err(other) => return Err(other),
    }
    let code = if written { exit_code(comparison, args.strict) } else { exit::NOT_WRITTEN };
    Ok(telling.code(code))
}

/// What the last run of each model printed.
fn outputs(logs: &[(String, String)]) -> String {
    let mut text = "\nOutput of the last round\n".to_owned();
    for (model, log) in logs {
        let log = if log.is_empty() { "(nothing)" } else { log.trim_end() };
        text.push_str(&format!("{model}\n"));
        text.extend(log.lines().map(|line| format!("  {line}\n")));
    }
    text
}

/// What the shell is told of a result.
pub(super) fn exit_code(comparison: &Comparison, strict: bool) -> u8 {
    let failed = comparison
        .contestants
        .iter()
        .any(|one| one.unranked.is_some() || one.runs.iter().any(|run| run.tasks.failed > 0));
    let undecided = comparison.ranking.iter().any(|rank| rank.verdict == Verdict::Inconclusive);
    match comparison.stopped {
        Stopped::Interrupted => Cancel::exit_code().map_or(exit::SIGNAL, |code| code as u8),
        Stopped::NoneRan => exit::NOTHING_MEASURED,
        _ if strict && (failed || undecided) => exit::NOT_STRICT,
        _ => exit::OK,
    }
}
