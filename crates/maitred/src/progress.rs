//! The progress line: one that is rewritten. What it says is for its caller.

use std::time::{Duration, Instant};

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

/// The line without what does not fit.
fn cut(line: &str, columns: usize) -> String {
    match line.chars().count() {
        fits if fits <= columns => line.to_owned(),
        _ => line.chars().take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}
