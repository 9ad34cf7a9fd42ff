//! What a person sees while the engine works: warnings, and the progress line.

use std::path::Path;

use maitred_core::result::Comparison;
use maitred_core::view::units;
use maitred_engine::event::TaskStates;
use maitred_engine::{Event, Purpose};

use crate::error::Error;
use crate::events::Events;
use crate::progress::ProgressLine;
use crate::terminal::Terminal;

/// Follows a run for a person and for a file of events.
#[derive(Debug)]
pub(crate) struct Follower {
    terminal: Terminal,
    events: Events,
    progress: ProgressLine,
    /// Which experiment of how many it is, and its name.
    place: String,
    /// Which run it is: of whom, for what.
    turn: Option<(Purpose, String)>,
    so_far: Option<String>,
    /// How much time or how many rounds are left.
    left: String,
    /// How many rounds are wanted, where that is given.
    wanted: Option<u32>,
    waits: bool,
}

impl Follower {
    /// Shows no progress line if `quiet`.
    ///
    /// # Errors
    /// [`Error::usage`] when the events cannot be written.
    pub(crate) fn new(
        terminal: &mut Terminal,
        events: Option<&Path>,
        quiet: bool,
        wanted: Option<u32>,
    ) -> Result<Self, Error> {
        Ok(Self {
            events: Events::open(events, terminal)?,
            terminal: *terminal,
            progress: ProgressLine::new(terminal, quiet),
            place: String::new(),
            turn: None,
            so_far: None,
            left: String::new(),
            wanted,
            waits: false,
        })
    }

    /// Takes note of an event. What it says on the terminal does not touch the result.
    pub(crate) fn take(&mut self, event: &Event<'_>) {
        self.events.put(event);
        match event {
            Event::Waiting { holder, .. } => self.wait(*holder),
            Event::Warning { report } => self.terminal.say(&self.terminal.report(report)),
            Event::ExperimentBegun { number, of, name, .. } => {
                self.place = format!("{number} of {of} · {name} · ");
            }
            Event::RunBegun { model, purpose, left_ns, .. } => {
                self.begin(model, *purpose, *left_ns);
            }
            Event::Progress { elapsed_ns, tasks, .. } => self.show(*elapsed_ns, tasks),
            Event::RoundsEnded { comparison, .. } => self.so_far = Some(estimate(comparison)),
            Event::Result(_) | Event::ExperimentEnded { .. } | Event::TableEnded { .. } => {
                self.progress.clear();
            }
            _ => {}
        }
    }

    /// Makes room for something that stays.
    pub(crate) fn clear(&mut self) {
        self.progress.clear();
    }

    /// Says once that another run is waited for.
    fn wait(&mut self, holder: Option<u32>) {
        if !std::mem::replace(&mut self.waits, true) {
            let process = holder.map_or_else(String::new, |pid| format!(" (process {pid})"));
            self.terminal.say(&format!(
                "another run of maitred goes on{process}, and two would disturb each other: this one \
                 begins when that one has ended"
            ));
        }
    }

    fn begin(&mut self, model: &maitred_wire::Model, purpose: Purpose, left_ns: Option<u64>) {
        self.turn = Some((purpose, model.to_string()));
        self.left = match (left_ns, self.wanted) {
            (Some(left_ns), _) => format!("at most {} s left", left_ns / 1_000_000_000),
            (None, Some(wanted)) => format!("{} wanted", units::plural(wanted.into(), "round")),
            (None, None) => String::new(),
        };
    }

    fn show(&mut self, elapsed_ns: u64, tasks: &TaskStates) {
        let Some((purpose, model)) = &self.turn else { return };
        let (place, left) = (&self.place, &self.left);
        let so_far = self.so_far.as_deref().unwrap_or("no figure yet");
        let (ended, total) = (tasks.ended, tasks.total);
        self.progress.show(|| match purpose {
            Purpose::Single => {
                let (ended, total) = (units::count(ended), units::plural(total, "task"));
                format!("{model} · {ended} of {total} · {}", units::duration(elapsed_ns))
            }
            purpose => {
                let share = ended as f64 / total.max(1) as f64 * 100.0;
                format!("{place}{} · {model} {share:.0} % · {so_far} · {left}", purpose.name())
            }
        });
    }
}

/// The estimate so far: the fastest model and its median.
fn estimate(comparison: &Comparison) -> String {
    let fastest = comparison.contestants.iter().filter(|one| one.unranked.is_none());
    let fastest = fastest.filter_map(|one| Some((one.summary.as_ref()?.work_ns, one)));
    match fastest.min_by_key(|(work_ns, _)| *work_ns) {
        Some((work_ns, one)) => {
            format!("fastest so far {} {}", one.model, units::duration(work_ns))
        }
        None => "no figure yet".to_owned(),
    }
}
