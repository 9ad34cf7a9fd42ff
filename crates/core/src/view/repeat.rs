//! Commands made from what was saved: the one that does it again, exactly, so that a page can be
//! checked by who reads it; and shorter ones, to be typed next.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire::Model;

use super::row::label;
use super::shell::quoted;
use crate::result::{Comparison, Contestant, SENT, Settings, SubjectFacts, SubjectKind};

/// Whether the work can be named in a command: what a program sent by value cannot.
pub(super) fn is_typable(subject: &SubjectFacts, settings: &Settings) -> bool {
    let inputs = settings.parameters.iter().filter(|(name, _)| name == "inputs");
    let mut names = inputs.map(|(_, value)| value).chain([&subject.name]);
    names.all(|name| !name.split('/').any(|part| part.starts_with(SENT)))
}

/// `maitred compare …` that does the same, as it must be typed.
pub(super) fn compare(comparison: &Comparison) -> String {
    let settings = &comparison.settings;
    let swept = swept(comparison);
    let mut words = begin("compare", &comparison.subject, settings, None);
    words.extend(["--models".into(), models(comparison).join(",")]);
    sweeps(&mut words, comparison.subject.kind, &swept);
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
    end(&words, &comparison.subject, settings)
}

/// `maitred run …` that does the same, as it must be typed.
pub(super) fn run(model: &Model, subject: &SubjectFacts, settings: &Settings) -> String {
    let own: Vec<(&str, &str)> = model.setting.as_deref().map(assignments).unwrap_or_default();
    let mut words = begin("run", subject, settings, named(&own, "call"));
    words.extend(["--model".into(), Model { setting: None, ..model.clone() }.to_string()]);
    common(&mut words, subject, settings, &|_| false);
    end(&words, subject, settings)
}

/// The same comparison with other settings, in as few words as do: a parameter is named where it
/// was given before or has another value now.
pub(super) fn compare_shortly(comparison: &Comparison, settings: &Settings) -> String {
    let (subject, before) = (&comparison.subject, &comparison.settings);
    let swept = swept(comparison);
    let mut words = begin("compare", subject, settings, None);
    if before.was_given("--models") {
        words.extend(["--models".into(), models(comparison).join(",")]);
    }
    if before.was_given("--sweep") || subject.kind == SubjectKind::Function {
        sweeps(&mut words, subject.kind, &swept);
    }
    let is_swept = |name: &str| swept.iter().any(|(other, _)| *other == name);
    let is_new = |pair: &(String, String)| !before.parameters.contains(pair);
    parameters(&mut words, subject, settings, &|pair| {
        !is_swept(&pair.0) && (is_new(pair) || is_asked(subject, before, &pair.0))
    });
    pace(&mut words, settings);
    if settings.budget_ns != before.budget_ns
        && let Some(ns) = settings.budget_ns
    {
        words.extend(["--budget".into(), time(ns)]);
    }
    end(&words, subject, settings)
}

/// The comparison of all models on this work, in as few words as do.
pub(super) fn compare_all(subject: &SubjectFacts, settings: &Settings) -> String {
    let mut words = begin("compare", subject, settings, None);
    parameters(&mut words, subject, settings, &|(name, _)| is_asked(subject, settings, name));
    pace(&mut words, settings);
    end(&words, subject, settings)
}

/// Whether a parameter has its value because somebody wanted so: of a workload all are saved, of
/// anything else only those.
fn is_asked(subject: &SubjectFacts, settings: &Settings, name: &str) -> bool {
    subject.kind != SubjectKind::Workload || settings.was_given(name)
}

/// One run of this model, in as few words as do.
pub(super) fn run_shortly(model: &Model, subject: &SubjectFacts, settings: &Settings) -> String {
    let own: Vec<(&str, &str)> = model.setting.as_deref().map(assignments).unwrap_or_default();
    let mut words = begin("run", subject, settings, named(&own, "call"));
    // These runtimes are the ones that are meant where none is named.
    let is_meant = matches!(model.runtime.as_str(), "native" | "command");
    let bare = Model { setting: None, ..model.clone() };
    let name = if is_meant { label(&bare) } else { bare.to_string() };
    words.extend(["--model".into(), name]);
    let is_own = |name: &str| named(&own, name).is_some();
    let is_other = |name: &str, value: &str| {
        let called = value.split_once('=').map(|(called, _)| called);
        match name {
            "command" => called != named(&own, "command"),
            "executor" => called != named(&own, "pool"),
            _ => false,
        }
    };
    parameters(&mut words, subject, settings, &|(name, value)| {
        let is_told = is_own(name) && name != "command" || is_other(name, value);
        !is_told && is_asked(subject, settings, name)
    });
    for (name, value) in &own {
        let option = match (subject.kind, *name) {
            (SubjectKind::Closure, "call") => {
                words.extend(["--call".into(), (*value).into()]);
                continue;
            }
            (_, "command" | "pool" | "call") => continue,
            (SubjectKind::Function, "inner-threads") => {
                words.extend(["--inner-threads".into(), (*value).into()]);
                continue;
            }
            (SubjectKind::Function, _) => "--env",
            _ => "--set",
        };
        words.extend([option.into(), format!("{name}={value}")]);
    }
    pace(&mut words, settings);
    end(&words, subject, settings)
}

/// What is saved of a command beside its parameters.
const OF_COMMANDS: [&str; 5] = ["command", "prepare", "cleanup", "input", "ignore-failure"];

/// Whether several commands were named, so that none stands behind `--`.
fn is_named(subject: &SubjectFacts, settings: &Settings) -> bool {
    let is_command = |(name, _): &(String, String)| name == "command";
    subject.kind == SubjectKind::Command && settings.parameters.iter().any(is_command)
}

/// `call` is the function that a model calls, where several do the job.
fn begin(
    command: &str,
    subject: &SubjectFacts,
    settings: &Settings,
    call: Option<&str>,
) -> Vec<String> {
    if subject.kind == SubjectKind::Closure {
        // It is the user's own program that is started, which compares unless it is told otherwise.
        let words = ["cargo", "bench", "--", subject.name.as_str()];
        let run = (command == "run").then_some("--run");
        return words.into_iter().chain(run).map(str::to_string).collect();
    }
    let mut words = Vec::from(["maitred".to_string(), command.to_string()]);
    match subject.kind {
        SubjectKind::Function => words.extend(functions(subject, settings, call)),
        SubjectKind::Command => {}
        _ => words.push(subject.name.clone()),
    }
    let number = match subject.kind {
        SubjectKind::Workload | SubjectKind::Closure => return words,
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

/// All functions that do the job, or the one that is called.
fn functions(subject: &SubjectFacts, settings: &Settings, call: Option<&str>) -> Vec<String> {
    let others = settings.parameters.iter().filter(|(name, _)| name == "also");
    let all = core::iter::once(&subject.name).chain(others.map(|(_, name)| name));
    let is_called = |name: &&String| {
        call.is_none_or(|call| *name == call || name.rsplit([':', '.']).next() == Some(call))
    };
    all.filter(is_called).cloned().collect()
}

fn common(
    words: &mut Vec<String>,
    subject: &SubjectFacts,
    settings: &Settings,
    is_swept: &dyn Fn(&str) -> bool,
) {
    parameters(words, subject, settings, &|(name, _)| !is_swept(name));
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

fn parameters(
    words: &mut Vec<String>,
    subject: &SubjectFacts,
    settings: &Settings,
    is_named: &dyn Fn(&(String, String)) -> bool,
) {
    for (name, value) in settings.parameters.iter().filter(|pair| is_named(pair)) {
        let is_of_kind = subject.kind != SubjectKind::Workload
            && (subject.kind != SubjectKind::Command || OF_COMMANDS.contains(&name.as_str()));
        let is_option = is_of_kind || name == "executor";
        match name.as_str() {
            // It stands beside the first one.
            "also" if subject.kind == SubjectKind::Function => {}
            _ if !is_option => words.extend(["--set".into(), format!("{name}={value}")]),
            // Its value is optional, so it must be told from the next word.
            "ignore-failure" => words.push(format!("--{name}={value}")),
            "follow" | "insecure" | "spread" | "discard-results" => words.push(format!("--{name}")),
            _ => words.extend([format!("--{name}"), value.clone()]),
        }
    }
}

/// Speed and seed, where they are not what one gets anyway.
fn pace(words: &mut Vec<String>, settings: &Settings) {
    if settings.speed != 1.0 {
        words.extend(["--speed".into(), format!("{}x", settings.speed)]);
    }
    if settings.seed != 1 {
        words.extend(["--seed".into(), settings.seed.to_string()]);
    }
}

/// Of a function the environment is what is swept: it has no parameters.
fn sweeps(words: &mut Vec<String>, kind: SubjectKind, swept: &[(&str, Vec<&str>)]) {
    for (name, values) in swept {
        let values = values.join(",");
        words.extend(match (kind, *name) {
            (SubjectKind::Function, "inner-threads") => ["--inner-threads".into(), values],
            (SubjectKind::Function, _) => ["--env".into(), format!("{name}={values}")],
            _ => ["--sweep".into(), format!("{name}={values}")],
        });
    }
}

/// A command's own words are already as a shell takes them.
fn end(words: &[String], subject: &SubjectFacts, settings: &Settings) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    match subject.kind {
        SubjectKind::Command if !is_named(subject, settings) => {
            format!("{} -- {}", words.join(" "), subject.name)
        }
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

/// What was swept, and over which values. What only some contestants have was not asked for: they joined
/// for what the first round showed.
fn swept(comparison: &Comparison) -> Vec<(&str, Vec<&str>)> {
    let mut swept: Vec<(&str, Vec<&str>)> = Vec::new();
    let settings = comparison.contestants.iter().filter_map(|one| one.model.setting.as_deref());
    let is_named = |(name, _): &(&str, &str)| match comparison.subject.kind {
        SubjectKind::Command => *name == "command",
        SubjectKind::Closure => *name == "call",
        SubjectKind::Function => ["call", "pool"].contains(name),
        SubjectKind::Workload | SubjectKind::Url => false,
    };
    for (name, value) in settings.flat_map(assignments).filter(|pair| !is_named(pair)) {
        match swept.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => swept.push((name, Vec::from([value]))),
        }
    }
    if comparison.subject.kind == SubjectKind::Function {
        let has = |one: &Contestant, name: &str| {
            one.model
                .setting
                .as_deref()
                .is_some_and(|text| named(&assignments(text), name).is_some())
        };
        swept.retain(|(name, _)| comparison.contestants.iter().all(|one| has(one, name)));
    }
    swept
}

/// `tables=5 waiters=1` in pairs.
fn assignments(setting: &str) -> Vec<(&str, &str)> {
    setting.split(' ').filter_map(|word| word.split_once('=')).collect()
}

/// The value of this name among them.
fn named<'a>(own: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    own.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

/// A time as the command line takes it, exactly.
fn time(ns: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let whole = UNITS.iter().find(|(size, _)| ns.is_multiple_of(*size));
    let (size, unit) = whole.unwrap_or(&UNITS[3]);
    format!("{}{unit}", ns / size)
}
