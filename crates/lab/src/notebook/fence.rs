//! Fences: the words on the opening one, and how a source is put between two.

use std::ops::Range;

use maitred_core::result::SubjectKind;
use maitred_engine::subject::claimed;

use super::kind::Kind;

/// What stands on the fence of a cell beside its kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directives {
    /// Its name in addresses and results.
    pub id: Option<String>,
    /// Its heading; else the title of the workload.
    pub title: Option<String>,
    /// Which models are chosen at first; empty: those that the source names.
    pub models: Vec<String>,
    /// Divides every duration; 1 if it is not given.
    pub speed: Option<f64>,
    pub view: View,
    /// For so long rounds are begun, nanoseconds.
    pub budget_ns: Option<u64>,
    /// Exactly so many rounds.
    pub rounds: Option<u32>,
    /// What the sentence beside the cell says was found of its claims.
    pub finding: Option<Finding>,
    /// Which of several claims it says were refuted, counted from 1 as they stand in the cell.
    pub refuted: Vec<u32>,
    /// Which function a `python` cell is about; else the last one in it.
    pub call: Option<String>,
    /// How often the function is called.
    pub count: Option<u32>,
    /// What is claimed of the function, each as `maitred claim` reads it.
    pub claims: Vec<String>,
}

/// What a cell shows first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// All models on one clock.
    #[default]
    Replay,
    /// How fast and at what cost.
    Table,
    /// One model, down to a switch.
    Timeline,
}

/// What a sentence says of the claims of its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Holds,
    Refuted,
}

/// The kind on a fence; `None`: it is no cell but text.
pub(super) fn kind(info: &str) -> Option<Kind> {
    let word = info.split_whitespace().next()?;
    Kind::ALL.into_iter().find(|kind| kind.name() == word)
}

/// Reads what follows the kind. A block of `python` without a directive is code to be read; what
/// is wrong comes back as sentences.
pub(super) fn directives(info: &str) -> (Directives, Vec<String>) {
    let mut directives = Directives::default();
    let mut wrong = Vec::new();
    for word in words(info).into_iter().skip(1) {
        let set = match word.split_once('=') {
            Some((name, value)) => directives.set(name, value.trim_matches('"')),
            None => Err(format!("`{word}` has no value")),
        };
        if let Err(message) = set {
            wrong.push(format!("{message}; a directive is one of {NAMES}"));
        }
    }
    if !directives.claims.is_empty() && kind(info) != Some(Kind::Python) {
        wrong.push("`claim=` is for a cell of python; others have `claim` nodes in them".into());
    }
    (directives, wrong)
}

const NAMES: &str = "id=, title=, models=A,B, speed=10x, view=replay|table|timeline, budget=10s, \
     rounds=3, finding=holds|refuted, refuted=2,3, call=FUNCTION, count=20, \
     claim=\"it ends well: done of threads = 20\"";

/// Words between spaces; quotes hold some together.
fn words(info: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in info.trim().chars() {
        match character {
            ' ' | '\t' if !quoted => words.push(String::new()),
            _ => {
                quoted ^= character == '"';
                words.last_mut().expect("there is one").push(character);
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Directives {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("`{name}={value}` means nothing");
        match name {
            "id" if is_id(value) => self.id = Some(value.into()),
            "title" => self.title = Some(value.into()),
            "models" => self.models = value.split(',').map(str::to_owned).collect(),
            "speed" => {
                let speed =
                    value.strip_suffix('x').unwrap_or(value).parse().map_err(|_| wrong())?;
                self.speed =
                    Some(Some(speed).filter(|it| (1e-6..=1e6).contains(it)).ok_or_else(wrong)?);
            }
            "view" => {
                self.view = match value {
                    "replay" => View::Replay,
                    "table" => View::Table,
                    "timeline" => View::Timeline,
                    _ => return Err(wrong()),
                }
            }
            "budget" => {
                self.budget_ns =
                    Some(maitred_core::workload::parse_duration(value).map_err(|_| wrong())?);
            }
            "rounds" => self.rounds = Some(at_least_one(value).ok_or_else(wrong)?),
            "finding" => {
                self.finding = Some(match value {
                    "holds" => Finding::Holds,
                    "refuted" => Finding::Refuted,
                    _ => return Err(wrong()),
                });
            }
            "refuted" => {
                let places = value.split(',').map(|place| at_least_one(place).ok_or_else(wrong));
                self.refuted = places.collect::<Result<_, _>>()?;
            }
            "call" if is_id(value) => self.call = Some(value.into()),
            "claim" => {
                claimed::check(value, SubjectKind::Function).map_err(|error| error.to_string())?;
                self.claims.push(value.into());
            }
            "count" => self.count = Some(at_least_one(value).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

fn at_least_one(value: &str) -> Option<u32> {
    value.parse().ok().filter(|&number| number > 0)
}

/// Letters, digits, `-` and `_`: what needs no quoting in an address or in HTML.
fn is_id(text: &str) -> bool {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_".contains(one);
    !text.is_empty() && text.chars().all(plain)
}

/// The text with another source between two fences, which grow where the source has such a line.
pub(super) fn spliced(
    text: &str,
    whole: &Range<usize>,
    body: &Range<usize>,
    source: &str,
) -> String {
    let (open, close) = (&text[whole.start..body.start], &text[body.end..whole.end]);
    // The block begins at its fence: what the fence is indented by stands before.
    let line = text[..whole.start].rfind('\n').map_or(0, |end| end + 1);
    let indent: String = text[line..].chars().take_while(|one| *one == ' ').collect();
    let sign = open.trim_start().chars().next().unwrap_or('`');
    let length = open.trim_start().chars().take_while(|one| *one == sign).count();
    let own = |line: &str| {
        let line = line.trim_start();
        line.chars().take_while(|one| *one == sign).count()
    };
    let longest = source.lines().map(own).max().unwrap_or(0);
    let more = String::from(sign).repeat((longest + 1).saturating_sub(length.max(3)));
    let grow = |fence: &str| match fence.find(sign) {
        Some(at) => format!("{}{more}{}", &fence[..at], &fence[at..]),
        None => fence.to_owned(),
    };
    let more_lines = |line: &str| format!("{}{line}", if line == "\n" { "" } else { &indent });
    let mut lines: String = source.split_inclusive('\n').map(more_lines).collect();
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    // A block that the file ends before closing is closed, lest what follows fall into it.
    let close = match close.contains(sign) {
        true => grow(close),
        false => format!("{indent}{}\n", String::from(sign).repeat(length.max(3) + more.len())),
    };
    let open = match grow(open) {
        open if open.ends_with('\n') => open,
        open => format!("{open}\n"),
    };
    [&text[..whole.start], &open, &lines, &close, &text[whole.end..]].concat()
}
