//! What stands first: the title and the lesson, the answer, what makes it worth less, and why.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::Options;
use super::super::paint::{Ink, wrap};
use crate::analyse::compare;
use crate::analyse::units::{count, plural};
use crate::result::{Comparison, Run, Sentence, SubjectFacts};

/// How far an answer and a table stand from the margin.
pub(super) const INDENT: usize = 2;

/// Everything above the table.
pub(super) fn answer(comparison: &Comparison, options: &Options) -> String {
    let conclusion = &comparison.conclusion;
    let mut text = lesson(&comparison.subject, options);
    let mut said = String::new();
    let short = |sentence: &Sentence| without_runtime(comparison, &sentence.text);
    for warning in conclusion.before_answer() {
        said.push_str(&told(&short(warning), Ink::Orange, options));
    }
    if let Some(answer) = &conclusion.answer {
        said.push_str(&told(&short(answer), Ink::Bold, options));
    }
    for warning in conclusion.behind_answer() {
        said.push_str(&told(&short(warning), Ink::Orange, options));
    }
    if let Some(warning) = disturbed(comparison) {
        said.push_str(&told(&warning, Ink::Orange, options));
    }
    for reason in &conclusion.reasons {
        said.push_str(&told(&short(reason), Ink::Plain, options));
    }
    if !said.is_empty() {
        text.push('\n');
        text.push_str(&said);
    }
    text
}

/// The sentence with `threads` for `native/threads`, where there is one runtime only.
pub(super) fn without_runtime(comparison: &Comparison, sentence: &str) -> String {
    let mut runtimes = comparison.contestants.iter().map(|one| &one.model.runtime);
    match runtimes.next() {
        Some(only) if runtimes.all(|other| other == only) => {
            sentence.replace(&format!("`{only}/"), "`")
        }
        _ => sentence.into(),
    }
}

/// Rounds that others disturbed count only where there are too few quiet ones: then all figures may
/// be too high.
pub(in super::super) fn disturbed(comparison: &Comparison) -> Option<String> {
    let ranked = comparison.contestants.iter().filter(|one| one.unranked.is_none());
    let counted: Vec<&Run> = ranked.flat_map(compare::counted).collect();
    let dirty: Vec<&str> = counted.iter().filter_map(|run| run.noise.dirty.as_deref()).collect();
    let cause = dirty.first()?;
    let all = plural(counted.len() as u64, "run");
    let some = match (dirty.len(), counted.len()) {
        (1, 1) => "The one run that counts was".into(),
        (dirty, all_of) if dirty == all_of => format!("All {all} that count were"),
        (1, _) => format!("1 of the {all} that count was"),
        (dirty, _) => format!("{} of the {all} that count were", count(dirty as u64)),
    };
    Some(format!(
        "{some} disturbed ({cause}), for there are too few quiet ones: repeat it when the machine is quiet."
    ))
}

/// The title, and what the work is about: its first sentence, with details all of it.
pub(in super::super) fn lesson(subject: &SubjectFacts, options: &Options) -> String {
    let title = subject.title.as_ref().unwrap_or(&subject.name);
    let mut text = lines(&wrap(title, options.width, 0), Ink::Bold, options);
    if let Some(about) = &subject.about {
        let about = if options.details { about.as_str() } else { first_sentence(about) };
        text.push_str(&lines(&wrap(about, options.width, 0), Ink::Plain, options));
    }
    text
}

/// A sentence that stands a little inwards.
pub(in super::super) fn told(sentence: &str, ink: Ink, options: &Options) -> String {
    let wrapped = wrap(sentence, options.width, INDENT);
    let indented = format!("{}{wrapped}", " ".repeat(INDENT));
    lines(&indented, ink, options)
}

/// Each line in this ink, so that no colour spans a line break.
pub(super) fn lines(text: &str, ink: Ink, options: &Options) -> String {
    let line = |line: &str| {
        let inner = line.trim_start();
        let margin = " ".repeat(line.len() - inner.len());
        format!("{margin}{}\n", ink.paint(inner, options))
    };
    text.lines().map(line).collect()
}

/// Up to the first full stop that a space or nothing follows.
fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    let ends = text.char_indices().filter(|(_, sign)| matches!(sign, '.' | '!' | '?'));
    let mut whole = ends.map(|(at, _)| at + 1).filter(|&at| {
        let rest = &text[at..];
        let next = rest.trim_start().chars().next();
        next.is_none_or(|next| rest.starts_with(char::is_whitespace) && !next.is_lowercase())
    });
    whole.next().map_or(text, |at| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_one_ends() {
        let first = first_sentence;
        assert_eq!(first("Five tables.\n  Try it."), "Five tables.");
        assert_eq!(first("It takes 1.5 s, e.g. here. More."), "It takes 1.5 s, e.g. here.");
        assert_eq!(first("Is it? Yes."), "Is it?");
        assert_eq!(first("no end"), "no end");
    }
}
