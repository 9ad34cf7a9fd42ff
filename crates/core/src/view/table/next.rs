//! One command that is worth typing next, chosen by what was found.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::Options;
use super::super::paint::{Ink, width};
use super::super::repeat;
use super::answer::INDENT;
use crate::result::{Comparison, Settings, Verdict};

const NEXT: &str = "Next: ";
/// Where the rest is.
const MORE: &str = "more: --details, --help";
/// An undecided comparison is worth so many times what it had.
const LONGER: u64 = 3;
/// What is spent where no budget was given, nanoseconds.
const BUDGET_NS: u64 = 60_000_000_000;

/// The last line of a comparison.
pub(super) fn next(comparison: &Comparison, options: &Options) -> String {
    footer(command(comparison).as_deref(), options)
}

/// `Next:` and the command, and where the rest is.
pub(in super::super) fn footer(command: Option<&str>, options: &Options) -> String {
    let margin = " ".repeat(INDENT);
    let mut text = String::new();
    if let Some(command) = command {
        let lines = continued(command, options.width.saturating_sub(INDENT + width(NEXT)));
        let hang = format!("\n{margin}{}", " ".repeat(width(NEXT)));
        let painted: Vec<String> =
            lines.iter().map(|line| Ink::Bold.paint(line, options)).collect();
        text = format!("{margin}{NEXT}{}", painted.join(&hang));
        let last = lines.last().map_or(0, |line| width(line));
        let used = INDENT + width(NEXT) + last + width(MORE);
        let beside = options.width.min(100).saturating_sub(used);
        text.push_str(&match beside {
            _ if options.details => "\n".into(),
            0..3 => format!("\n{margin}"),
            room => " ".repeat(room),
        });
    } else if !options.details {
        text.push_str(&margin);
    }
    if !options.details {
        text.push_str(&(Ink::Dim.paint(MORE, options) + "\n"));
    }
    text
}

/// A command in lines that a shell reads as one: all but the last end in a backslash.
fn continued(command: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // A quoted word may have blanks, at which it must not be broken; such a command stays whole.
    let words: Vec<&str> = match command.contains('\'') {
        true => Vec::from([command]),
        false => command.split(' ').collect(),
    };
    for word in words {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) + 2 <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            last => {
                if let Some(line) = last {
                    line.push_str(" \\");
                }
                lines.push(word.to_string());
            }
        }
    }
    lines
}

/// What would tell most: more rounds where they were too few, what the bottleneck costs where there
/// is one, else the picture of the best, or of who failed. None, where the work cannot be typed.
fn command(comparison: &Comparison) -> Option<String> {
    let (subject, settings) = (&comparison.subject, &comparison.settings);
    if !repeat::is_typable(subject, settings) {
        return None;
    }
    let of = |index: usize| comparison.contestants.get(index);
    let Some(best) = comparison.ranking.first().and_then(|rank| of(rank.contestant as usize))
    else {
        let failed = comparison.contestants.iter().find(|one| !one.runs.is_empty())?;
        return Some(repeat::run_shortly(&failed.model, subject, settings));
    };
    if comparison.scaling.is_some() {
        return Some(repeat::run_shortly(&best.model, subject, settings));
    }
    let undecided = comparison.ranking.iter().any(|rank| rank.verdict == Verdict::Inconclusive);
    if undecided {
        let budget_ns = settings.budget_ns.unwrap_or(BUDGET_NS).saturating_mul(LONGER);
        let settings = Settings { budget_ns: Some(budget_ns), ..settings.clone() };
        return Some(repeat::compare_shortly(comparison, &settings));
    }
    if let Some(more) = more_of_the_bottleneck(comparison) {
        let settings = Settings { parameters: more, ..settings.clone() };
        return Some(repeat::compare_shortly(comparison, &settings));
    }
    Some(repeat::run_shortly(&best.model, subject, settings))
}

/// The parameters with one more of what is short, where a parameter says how many there are and was
/// not swept.
fn more_of_the_bottleneck(comparison: &Comparison) -> Option<Vec<(String, String)>> {
    let short = comparison.conclusion.bottleneck.as_ref()?.parameter.as_ref()?;
    let is_swept = comparison.contestants.iter().any(|one| one.model.setting.is_some());
    let mut parameters = comparison.settings.parameters.clone();
    let own = parameters.iter_mut().find(|(name, _)| name == short)?;
    let more = own.1.parse::<u64>().ok()?.checked_add(1)?;
    own.1 = more.to_string();
    (!is_swept).then_some(parameters)
}
