//! The progress line: what runs, which round, the estimate so far, the time left.

use std::time::{Duration, Instant};

use maitred_core::result::Comparison;
use maitred_core::view::units;

use crate::terminal::Terminal;

/// A line on standard error that is rewritten, at most ten times a second, and removed at the
/// end. On anything but a terminal it is silent.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    terminal: Terminal,
    shown: Option<Instant>,
    live: bool,
}

impl ProgressLine {
    /// A silent one if `quiet`.
    pub(crate) fn new(terminal: &Terminal, quiet: bool) -> Self {
        Self { terminal: *terminal, shown: None, live: terminal.live && !quiet }
    }

    /// Shows the line unless one was shown just now.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        let due = self.shown.is_none_or(|at| at.elapsed() >= Duration::from_millis(100));
        if self.live && due {
            self.shown = Some(Instant::now());
            self.terminal.rewrite(&cut(&line(), self.terminal.width - 1));
        }
    }

    /// Removes the line, for something that stays.
    pub(crate) fn clear(&mut self) {
        if self.live && self.shown.take().is_some() {
            self.terminal.rewrite("");
        }
    }
}

/// The estimate so far: the fastest model and its median.
pub(crate) fn estimate(comparison: &Comparison) -> String {
    let fastest = comparison.contestants.iter().filter(|one| one.unranked.is_none());
    let fastest = fastest.filter_map(|one| Some((one.summary.as_ref()?.work_ns, one)));
    match fastest.min_by_key(|(work_ns, _)| *work_ns) {
        Some((work_ns, one)) => {
            format!("fastest so far {} {}", one.model, units::duration(work_ns))
        }
        None => "no figure yet".to_owned(),
    }
}

/// The line without what does not fit.
fn cut(line: &str, columns: usize) -> String {
    match line.chars().count() {
        fits if fits <= columns => line.to_owned(),
        _ => line.chars().take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}
