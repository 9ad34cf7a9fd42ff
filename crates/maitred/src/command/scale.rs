//! `maitred scale`: one piece of work under several numbers of workers, and the law behind them.

use maitred_core::result::{Comparison, Stopped};
use maitred_core::view;
use maitred_engine::event::Finding;
use maitred_engine::{Engine, Event, Request};

use super::compare::exit_code;
use crate::cli::ScaleArgs;
use crate::error::{Error, exit};
use crate::export::{self, Export};
use crate::follow::Follower;
use crate::keep;
use crate::terminal::Terminal;

/// Sweeps workers; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was measured before is shown and written all the same.
pub(crate) fn run(args: &ScaleArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    let asked = args.request()?;
    let work = asked.subject.clone();
    let request = Request::Scale(asked);
    let files = args.results.files();
    let mut exports = export::open(&files, &args.charts)?;
    if files.take_standard_output() {
        terminal.text_to_error();
    }
    let cancel = super::cancel()?;
    let mut follower = Follower::new(terminal, &args.follow, args.rounds.runs)?;
    let engine = Engine::of_this_program()?;
    let mut result: Option<Comparison> = None;
    let outcome = engine.run(&request, &cancel, &mut |event| {
        follower.take(&event);
        match event {
            Event::RoundsEnded { comparison, .. } => {
                update(&mut exports, comparison, &mut follower, terminal);
            }
            Event::Result(Finding::Comparison(comparison)) => result = Some(comparison.clone()),
            _ => {}
        }
    });
    let Some(comparison) = result else { return outcome.map(|_| exit::OK).map_err(Error::from) };
    if comparison.contestants.iter().any(|one| !one.runs.is_empty()) {
        args.keep.keep(terminal, || keep::of_comparison(&comparison, &[], &work));
    }
    let written = export::finish(&mut exports, &comparison, terminal);
    if comparison.stopped == Stopped::Interrupted {
        terminal.complain("interrupted; what was measured until then is kept and shown");
    }
    let printed = terminal.print(&view::table::table(&comparison, &terminal.options()));
    outcome?;
    match printed {
        Ok(()) | Err(Error::ClosedPipe) => {}
        Err(other) => return Err(other),
    }
    Ok(if written { exit_code(&comparison, false) } else { exit::NOT_WRITTEN })
}

fn update(
    exports: &mut [Export],
    comparison: &Comparison,
    follower: &mut Follower,
    terminal: &Terminal,
) {
    for export in exports {
        if let Some(failure) = export.update(comparison) {
            follower.clear();
            terminal.complain(&failure);
        }
    }
}
