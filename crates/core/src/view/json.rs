//! A comparison as JSON and back: the saved form, described by `docs/result.schema.json`.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use serde::Deserialize;

use super::units;
use crate::result::{Check, Comparison, SCHEMA, Strategies};

/// Why a text is not a saved comparison that this program can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAResult {
    /// Not JSON, or without a `schema_version`.
    Unreadable(String),
    /// Written by a program with another version of the schema.
    Version(u64),
    /// Of this version, but not as it must be.
    Malformed(String),
}

impl fmt::Display for NotAResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(
                f,
                "this is no result that maitred saved ({why}); `maitred compare … --save FILE` makes one"
            ),
            Self::Version(found) if *found > u64::from(SCHEMA) => write!(
                f,
                "this result has schema version {found}, and this maitred reads {SCHEMA}: use the newer maitred that wrote it, or measure again"
            ),
            Self::Version(found) => write!(
                f,
                "this result has schema version {found}, and this maitred reads {SCHEMA}: use the older maitred that wrote it, or measure again"
            ),
            Self::Malformed(why) => write!(
                f,
                "this result is damaged or was changed by hand ({why}); measure again, or see docs/result.schema.json"
            ),
        }
    }
}

impl core::error::Error for NotAResult {}

/// Indented JSON that ends in a line break.
pub fn to_json(comparison: &Comparison) -> String {
    let text = serde_json::to_string_pretty(comparison);
    text.expect("a comparison has only string keys, so that it can always be written") + "\n"
}

/// What was found of claims, as indented JSON that ends in a line break.
pub fn check_to_json(check: &Check) -> String {
    let text = serde_json::to_string_pretty(check);
    text.expect("a check has only string keys, so that it can always be written") + "\n"
}

/// What strategies are like, as indented JSON that ends in a line break.
pub fn strategies_to_json(strategies: &Strategies) -> String {
    let text = serde_json::to_string_pretty(strategies);
    text.expect("strategies have only string keys, so that they can always be written") + "\n"
}

/// A comparison that was saved before.
///
/// # Errors
/// If the text is no JSON, of another schema version, or not as the schema says.
pub fn from_json(text: &str) -> Result<Comparison, NotAResult> {
    #[derive(Deserialize)]
    struct Versioned {
        schema_version: u64,
    }
    let versioned: Versioned =
        serde_json::from_str(text).map_err(|error| NotAResult::Unreadable(error.to_string()))?;
    if versioned.schema_version != u64::from(SCHEMA) {
        return Err(NotAResult::Version(versioned.schema_version));
    }
    let comparison: Comparison =
        serde_json::from_str(text).map_err(|error| NotAResult::Malformed(format!("{error}")))?;
    match points_nowhere(&comparison) {
        Some(why) => Err(NotAResult::Malformed(why)),
        None => Ok(comparison),
    }
}

/// What names a contestant that there is not; `None`: nothing does.
fn points_nowhere(comparison: &Comparison) -> Option<String> {
    let there = comparison.contestants.len();
    let ranked = comparison.ranking.iter().map(|rank| ("the ranking", rank.contestant));
    let recommended = comparison.conclusion.recommended.iter();
    let recommended = recommended.map(|one| ("the conclusion", one.contestant));
    let (who, number) = ranked.chain(recommended).find(|(_, number)| *number as usize >= there)?;
    let all = units::plural(there as u64, "contestant");
    Some(format!("{who} names contestant {number}, counted from 0, of {all}"))
}

#[cfg(test)]
mod tests {
    use maitred_wire::Strategy;

    use super::*;
    use crate::analyse::sample::compared;
    use crate::result::Recommended;
    use crate::trace::sample::tables;

    #[test]
    fn what_names_nobody_is_not_left_out_in_silence() {
        let models = [(Strategy::Sequential, None), (Strategy::Threads, None)];
        let sound = compared(&tables(5, 1), &models, 4);
        assert_eq!(from_json(&to_json(&sound)), Ok(sound.clone()));
        let mut ranked = sound.clone();
        ranked.ranking[0].contestant = 9;
        let mut recommended = sound;
        recommended.conclusion.recommended = Some(Recommended { contestant: 7, equals: 1 });
        for (comparison, what) in [(ranked, "contestant 9"), (recommended, "contestant 7")] {
            let error = from_json(&to_json(&comparison)).unwrap_err().to_string();
            assert!(error.contains("damaged") && error.contains(what), "{error}");
        }
    }
}
