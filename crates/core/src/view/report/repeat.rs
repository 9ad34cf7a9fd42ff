//! The command that does it again: made from what was saved, so that a page can be checked by who
//! reads it.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Model;

use crate::result::{Comparison, Settings, Subject, SubjectKind};

/// `maitred compare …`, as it must be typed.
pub(super) fn compare(comparison: &Comparison) -> String {
    let settings = &comparison.settings;
    let swept = swept(comparison);
    let mut words = begin("compare", &comparison.subject, settings);
    words.extend(["--models".into(), models(comparison).join(",")]);
    for (name, values) in &swept {
        words.extend(["--sweep".into(), format!("{name}={}", values.join(","))]);
    }
    let is_swept = |name: &str| swept.iter().any(|(other, _)| *other == name);
    common(&mut words, &comparison.subject, settings, &is_swept);
    match settings.budget_ns {
        Some(ns) => words.extend(["--budget".into(), time(ns)]),
        None => {
            let runs = comparison.contestants.iter().filter_map(|one| one.summary.as_ref());
            let runs = runs.map(|summary| summary.rounds).max().unwrap_or(1).max(1);
            words.extend(["--runs".into(), runs.to_string()]);
        }
    }
    words.extend(["--warmup".into(), settings.warmup_rounds.to_string()]);
    words.extend(["--min-effect".into(), format!("{}%", settings.minimum_effect * 100.0)]);
    end(&words, &comparison.subject)
}

/// `maitred run …`, as it must be typed.
pub(super) fn run(model: &Model, subject: &Subject, settings: &Settings) -> String {
    let mut words = begin("run", subject, settings);
    words.extend(["--model".into(), Model { setting: None, ..model.clone() }.to_string()]);
    common(&mut words, subject, settings, &|_| false);
    end(&words, subject)
}

fn begin(command: &str, subject: &Subject, settings: &Settings) -> Vec<String> {
    let mut words = Vec::from(["maitred".to_string(), command.to_string()]);
    if subject.kind != SubjectKind::Command {
        words.push(subject.name.clone());
    }
    let number = match subject.kind {
        SubjectKind::Workload => return words,
        SubjectKind::Url => "--requests",
        SubjectKind::Function | SubjectKind::Command => "--count",
    };
    // How many there are may follow from something else.
    let follows = |(name, _): &(String, String)| name == "duration" || name == "inputs";
    if !settings.parameters.iter().any(follows) {
        words.extend([number.into(), subject.tasks.to_string()]);
    }
    words
}

fn common(
    words: &mut Vec<String>,
    subject: &Subject,
    settings: &Settings,
    is_swept: &dyn Fn(&str) -> bool,
) {
    for (name, value) in settings.parameters.iter().filter(|(name, _)| !is_swept(name)) {
        match subject.kind {
            SubjectKind::Workload => words.extend(["--set".into(), format!("{name}={value}")]),
            _ => words.extend([format!("--{name}"), value.clone()]),
        }
    }
    words.extend(["--seed".into(), settings.seed.to_string()]);
    if settings.speed != 1.0 {
        words.extend(["--speed".into(), format!("{}x", settings.speed)]);
    }
    if let Some(ns) = settings.timeout_ns {
        words.extend(["--timeout".into(), time(ns)]);
    }
    if let Some(bytes) = settings.memory_limit_bytes {
        words.extend(["--memory-limit".into(), format!("{bytes}B")]);
    }
}

/// A command's own words are already as a shell takes them.
fn end(words: &[String], subject: &Subject) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    match subject.kind {
        SubjectKind::Command => format!("{} -- {}", words.join(" "), subject.name),
        _ => words.join(" "),
    }
}

/// All models, each once.
fn models(comparison: &Comparison) -> Vec<String> {
    let mut models: Vec<String> = Vec::new();
    for one in &comparison.contestants {
        let model = Model { setting: None, ..one.model.clone() }.to_string();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

/// What was swept, and over which values.
fn swept(comparison: &Comparison) -> Vec<(&str, Vec<&str>)> {
    let mut swept: Vec<(&str, Vec<&str>)> = Vec::new();
    let settings = comparison.contestants.iter().filter_map(|one| one.model.setting.as_deref());
    for (name, value) in
        settings.flat_map(|text| text.split(' ')).filter_map(|it| it.split_once('='))
    {
        match swept.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => swept.push((name, Vec::from([value]))),
        }
    }
    swept
}

/// A time as the command line takes it, exactly.
fn time(ns: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let whole = UNITS.iter().find(|(size, _)| ns.is_multiple_of(*size));
    let (size, unit) = whole.unwrap_or(&UNITS[3]);
    format!("{}{unit}", ns / size)
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "_./:=,+@%-".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
