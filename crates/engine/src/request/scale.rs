//! What is asked of `maitred scale`.

use serde::{Deserialize, Serialize};

use super::{Rounds, Subject, Work};

/// How many copies of a command or calls of a function there are where no number was named: one
/// that many numbers of workers divide.
pub const COUNT: u32 = 24;

/// One piece of work under several numbers of workers, round by round, and what law they follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    pub subject: Subject,
    #[serde(default)]
    pub work: Work,
    /// Models that have workers, without their number; empty: pools of threads and of processes for
    /// a function, copies for a command, a pool of threads for all else.
    #[serde(default)]
    pub models: Vec<String>,
    /// Exactly these numbers; empty: doubled until that gains nothing, and more around there.
    #[serde(default)]
    pub workers: Vec<u32>,
    /// No more workers than these are tried; `None`: as many as there are tasks, up to 256 threads,
    /// or four processes a processor.
    #[serde(default)]
    pub most: Option<u32>,
    #[serde(default = "Scale::rounds")]
    pub rounds: Rounds,
}

impl Scale {
    /// Of this work, with every default.
    pub fn of(subject: Subject) -> Self {
        Self {
            subject,
            work: Work::default(),
            models: Vec::new(),
            workers: Vec::new(),
            most: None,
            rounds: Self::rounds(),
        }
    }

    /// Intervals of a law need some rounds, and no record of switches.
    pub fn rounds() -> Rounds {
        Rounds { at_least: 6, trace: false, ..Rounds::default() }
    }
}
