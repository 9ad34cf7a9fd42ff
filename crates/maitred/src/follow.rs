//! What a person sees while the engine works: warnings, and the progress line.

use maitred_core::result::{Comparison, Rank, Verdict};
use maitred_core::view::units;
use maitred_engine::event::TaskStates;
use maitred_engine::{Event, Purpose};

use crate::cli::FollowArgs;
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
    /// Expects so many rounds, if their number is known.
    ///
    /// # Errors
    /// [`Error::usage`] when the events cannot be written.
    pub(crate) fn new(
        terminal: &mut Terminal,
        args: &FollowArgs,
        wanted: Option<u32>,
    ) -> Result<Self, Error> {
        Ok(Self {
            events: Events::open(args.events.as_deref(), terminal)?,
            terminal: *terminal,
            progress: ProgressLine::new(terminal, args.quiet),
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
            Event::RoundsEnded { comparison, .. } => self.so_far = Some(standing(comparison)),
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

/// So many are named in the ranking so far.
const NAMED: usize = 3;

/// The ranking so far, the fastest first: `threads 901 ms, event-loop =, sequential 2.78×`.
fn standing(comparison: &Comparison) -> String {
    let told = |rank: &Rank| {
        let index = rank.contestant as usize;
        let work_ns = comparison.contestants[index].summary.as_ref().map(|it| it.work_ns);
        let beside = match rank.verdict {
            Verdict::Reference => work_ns.map_or_else(|| "?".to_owned(), units::duration),
            Verdict::Same => "=".to_owned(),
            Verdict::Inconclusive => "?".to_owned(),
            Verdict::Faster | Verdict::Slower => units::ratio(rank.ratio),
        };
        format!("{} {beside}", comparison.label(index))
    };
    let named: Vec<String> = comparison.ranking.iter().take(NAMED).map(told).collect();
    let more = if comparison.ranking.len() > NAMED { ", …" } else { "" };
    match named.is_empty() {
        true => "no figure yet".to_owned(),
        false => format!("{}{more}", named.join(", ")),
    }
}
