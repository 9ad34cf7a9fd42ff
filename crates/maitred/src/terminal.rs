//! The terminal: who may be coloured, how wide it is, and writing to it. Alone in printing;
//! everything else returns text.

use std::io::{self, ErrorKind, IsTerminal, Write};

use maitred_core::view;
use maitred_core::workload::{Report, Style};

use crate::cli::{Color, LookArgs};
use crate::error::Error;

/// What is known of standard output and standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Standard output may be coloured.
    pub(crate) color: bool,
    /// Standard error may be coloured.
    pub(crate) error_color: bool,
    /// Standard error is a terminal, on which a line can be rewritten.
    pub(crate) live: bool,
    /// Nothing beyond ASCII is understood.
    pub(crate) ascii: bool,
    /// Everything is to be shown, and not only what is read in five seconds.
    pub(crate) details: bool,
    /// Columns of standard output: those that `COLUMNS` names, else those of the terminal; 100
    /// where it is none.
    pub(crate) width: usize,
    /// Standard output is for other programs: text goes to standard error.
    text_to_error: bool,
}

impl Terminal {
    /// Looks at the standard streams and at NO_COLOR, TERM and the locale (environ(7), locale(7)).
    pub(crate) fn new(look: &LookArgs) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let allowed = |is_terminal: bool| match look.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
                is_terminal && !is_dumb && !asked_not_to
            }
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let measured = || terminal_size::terminal_size_of(io::stdout());
        let width = columns()
            .or_else(|| measured().map(|(terminal_size::Width(columns), _)| usize::from(columns)))
            .unwrap_or(100);
        Self {
            color: allowed(out),
            error_color: allowed(err),
            live: err && !is_dumb,
            ascii: look.ascii || is_c_locale(|name| std::env::var(name).ok()),
            details: look.details,
            width: width.max(40),
            text_to_error: false,
        }
    }

    /// How views are drawn here.
    pub(crate) fn options(&self) -> view::Options {
        view::Options {
            width: self.width,
            color: self.color,
            ascii: self.ascii,
            details: self.details,
            ..view::Options::default()
        }
    }

    /// Leaves standard output to other programs.
    pub(crate) fn text_to_error(&mut self) {
        self.text_to_error = true;
        self.color = self.error_color;
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// [`Error::ClosedPipe`] when nobody reads any more, [`Error::NotWritten`] otherwise.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        let write = |out: &mut dyn Write| out.write_all(text.as_bytes()).and_then(|()| out.flush());
        let written = match self.text_to_error {
            true => write(&mut io::stderr()),
            false => write(&mut io::stdout().lock()),
        };
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Error::ClosedPipe,
            _ => Error::NotWritten(format!("standard output cannot be written: {error}")),
        })
    }

    /// Writes a line to standard error. If even that cannot be written there is nobody to tell.
    pub(crate) fn say(&self, line: &str) {
        let line = if self.ascii { view::to_ascii(line) } else { line.to_owned() };
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Says what is wrong, in red where colours are allowed.
    pub(crate) fn complain(&self, message: &str) {
        let (red, plain) = if self.error_color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        self.say(&format!("{red}maitred:{plain} {message}"));
    }

    /// Lays out what is wrong in a workload, with colours where they are allowed.
    pub(crate) fn report(&self, report: &Report) -> String {
        let mut text = String::new();
        for (style, piece) in report.pieces() {
            match color_of(style).filter(|_| self.error_color) {
                Some(code) => text.push_str(&format!("\x1b[{code}m{piece}\x1b[0m")),
                None => text.push_str(&piece),
            }
        }
        text.trim_end().to_owned()
    }

    /// Rewrites the last line of a live standard error; empty text removes it.
    pub(crate) fn rewrite(&self, line: &str) {
        if self.live {
            let line = if self.ascii { view::to_ascii(line) } else { line.to_owned() };
            // Not `eprint!`, which panics when the terminal is gone.
            let _ = write!(io::stderr(), "\r\x1b[2K{line}");
        }
    }
}

/// Whether the locale has no letters beyond ASCII: the first of these variables that is not empty
/// decides (setlocale(3)). Where none is, nothing is said of it.
fn is_c_locale(variable: impl Fn(&str) -> Option<String>) -> bool {
    let all = ["LC_ALL", "LC_CTYPE", "LANG"];
    let first = all.iter().filter_map(|name| variable(name)).find(|value| !value.is_empty());
    first.is_some_and(|value| value == "C" || value == "POSIX")
}

/// What the user says that the terminal has (environ(7), `COLUMNS`); nonsense says nothing.
fn columns() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    (40..=500).contains(&columns).then_some(columns)
}

fn color_of(style: Style) -> Option<&'static str> {
    match style {
        Style::Place | Style::Count => Some("1"),
        Style::Underline => Some("1;31"),
        Style::Warning => Some("1;33"),
        Style::Gutter => Some("2"),
        Style::Help => Some("36"),
        Style::Message | Style::Source | Style::Plain => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_whether_there_is_more_than_ascii() {
        let of = |pairs: &[(&str, &str)]| {
            is_c_locale(|name| {
                let known = pairs.iter().find(|(known, _)| *known == name);
                known.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(of(&[("LANG", "C")]) && of(&[("LC_ALL", "POSIX"), ("LANG", "de_DE.UTF-8")]));
        assert!(!of(&[]) && !of(&[("LANG", "C.UTF-8")]));
        assert!(!of(&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")]));
    }
}
