//! What a person sees while the engine works: warnings, and the progress line.

use std::collections::BTreeSet;

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
    /// Who takes no part, which is said once.
    left_out: BTreeSet<String>,
    /// The time for rounds; `None`: it is their number that is given.
    budget_ns: Option<u64>,
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
            left_out: BTreeSet::new(),
            budget_ns: None,
        })
    }

    /// Takes note of an event. What it says on the terminal does not touch the result.
    pub(crate) fn take(&mut self, event: &Event<'_>) {
        self.events.put(event);
        match event {
            Event::Waiting { holder, .. } => self.wait(*holder),
            Event::Warning { report } => self.terminal.say(&self.terminal.report(report)),
            Event::LeftOut { program, why } => self.tell_left_out(program, why),
            Event::ExperimentBegun { number, of, name, .. } => {
                self.place = format!("{number} of {of} · {name} · ");
            }
            Event::Started { settings, .. } => {
                self.budget_ns = settings.and_then(|settings| settings.budget_ns);
            }
            Event::Contestants { round_ns: Some(round_ns), .. } => self.announce(*round_ns),
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

    /// Says once, however many experiments ask for it.
    fn tell_left_out(&mut self, program: &str, why: &str) {
        if self.left_out.insert(program.to_owned()) {
            self.clear();
            self.terminal.say(&format!(
                "{program} is left out: it is called like an interpreter, and {why}"
            ));
        }
    }

    /// Says what a round will take, where there is no time for as many as a verdict wants.
    fn announce(&mut self, round_ns: u64) {
        if let Some(sentence) = self.budget_ns.and_then(|budget_ns| too_long(round_ns, budget_ns)) {
            self.terminal.say(&sentence);
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

/// A verdict wants so many rounds.
const ROUNDS: u64 = 3;

/// That there is no time for the rounds of a verdict, and what would help; `None`: there is.
fn too_long(round_ns: u64, budget_ns: u64) -> Option<String> {
    let wanted_ns = ROUNDS.saturating_mul(round_ns);
    if wanted_ns <= budget_ns {
        return None;
    }
    let speed = [10, 100, 1000].into_iter().find(|speed| wanted_ns / speed <= budget_ns)?;
    // A quarter more than the least, for what starts and warms up.
    let minutes = wanted_ns.saturating_add(wanted_ns / 4).div_ceil(60_000_000_000);
    Some(format!(
        "a round of all models takes {} at least, and a verdict wants {ROUNDS}: `--speed {speed}x`, or \
         `--budget {minutes}m` instead of {}",
        units::duration(round_ns),
        units::duration(budget_ns)
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_leaves_no_time_for_a_verdict_is_announced() {
        const S: u64 = 1_000_000_000;
        let said = too_long(43 * S, 60 * S).unwrap();
        assert!(said.contains("43.0 s at least") && said.contains("`--speed 10x`"), "{said}");
        assert!(said.contains("`--budget 3m` instead of 60.0 s"), "{said}");
        assert_eq!(too_long(20 * S, 60 * S), None);
        assert!(too_long(43 * S, 5 * S).unwrap().contains("--speed 100x"));
    }
}
