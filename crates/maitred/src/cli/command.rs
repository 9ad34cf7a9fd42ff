//! Options of commands: several beside each other, and what stands around each run.

use std::path::PathBuf;

use clap::Args;
use maitred_engine::request::{Around, IgnoreFailure, NamedCommand};

use crate::error::Error;

/// What hyperfine's users know by these names.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Commands")]
pub struct CommandArgs {
    /// A command by a name, as in --command fast='xz -1 FILE'; repeated, they are compared, each
    /// under every model. A line with shell syntax (| > $ * …) is run by sh. {NAME} stands for what
    /// --set and --sweep say
    #[arg(long = "command", value_name = "NAME=COMMAND", value_parser = parse_named)]
    pub named: Vec<NamedCommand>,

    /// A line of shell before each run of a command, outside of what is measured
    #[arg(long, value_name = "LINE")]
    pub prepare: Option<String>,

    /// A line of shell after the last run of each command and model
    #[arg(long, value_name = "LINE")]
    pub cleanup: Option<String>,

    /// What every copy of a command reads from its standard input
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Take exit codes other than 0 for success: all of them, or these
    #[arg(long, value_name = "CODES", num_args = 0..=1, require_equals = true,
          default_missing_value = "all-non-zero")]
    pub ignore_failure: Option<IgnoreFailure>,
}

impl CommandArgs {
    pub(super) fn around(&self) -> Around {
        Around {
            prepare: self.prepare.clone(),
            cleanup: self.cleanup.clone(),
            input: self.input.clone(),
            ignore_failure: self.ignore_failure.clone(),
        }
    }

    /// Refuses what only means something for a command.
    pub(super) fn refuse(&self, subject: &str) -> Result<(), Error> {
        let given = [
            ("--command", !self.named.is_empty()),
            ("--prepare", self.prepare.is_some()),
            ("--cleanup", self.cleanup.is_some()),
            ("--input", self.input.is_some()),
            ("--ignore-failure", self.ignore_failure.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::usage(format!(
                "{option} is for commands, and `{subject}` is none; omit it, or name a command \
                 behind `--`"
            ))),
            None => Ok(()),
        }
    }
}

fn parse_named(text: &str) -> Result<NamedCommand, String> {
    let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    match text.split_once('=').filter(|(name, _)| is_name(name)) {
        Some((name, line)) => Ok(NamedCommand { name: name.to_owned(), words: words(line)? }),
        None => Err("write NAME=COMMAND, as in --command fast='xz -1 FILE'".to_owned()),
    }
}

/// The words of a line, quotes taken off as a POSIX shell does (POSIX.1-2017, Shell Command
/// Language, 2.2). A line that says more than words is left to a shell.
fn words(line: &str) -> Result<Vec<String>, String> {
    let shell = || Ok(["sh", "-c", line].map(str::to_owned).to_vec());
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let inside = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        None => return Err(format!("a quote ({letter}) is not closed")),
                        Some(end) if end == letter => break,
                        Some('$' | '`' | '\\') if letter == '"' => return shell(),
                        Some(other) => inside.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            '~' | '#' if word.is_none() => return shell(),
            '=' if words.is_empty() => return shell(),
            letter if "|&;<>()$`*?[\n".contains(letter) => return shell(),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    match words.is_empty() {
        true => Err("a command has at least one word: its program".to_owned()),
        false => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_words_or_is_left_to_a_shell() {
        for (line, expected) in [
            ("xz -T {j}  file", &["xz", "-T", "{j}", "file"][..]),
            (r#"a 'b c' "d"e '' f\ g"#, &["a", "b c", "de", "", "f g"]),
            ("sh -c 'a | b'", &["sh", "-c", "a | b"]),
            ("a | b", &["sh", "-c", "a | b"]),
            ("ls *.rs", &["sh", "-c", "ls *.rs"]),
            ("A=1 b", &["sh", "-c", "A=1 b"]),
            ("b --a=1", &["b", "--a=1"]),
            (r#"echo "$HOME""#, &["sh", "-c", r#"echo "$HOME""#]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        assert!(words("a 'b").is_err() && words("  ").is_err());
        assert_eq!(parse_named("x=a b").unwrap().name, "x");
        assert!(parse_named("a b=c").is_err() && parse_named("a").is_err());
    }
}
