//! What is asked of commands: several beside each other, and what stands around their runs.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of several commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedCommand {
    /// As it is called in results; without blanks.
    pub name: String,
    pub words: Vec<String>,
}

/// What stands around the runs of a command. The words and their meaning are hyperfine's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Around {
    /// A line of shell before each run, outside of what is measured. It must succeed.
    pub prepare: Option<String>,
    /// A line of shell after the last run of each model.
    pub cleanup: Option<String>,
    /// What every copy reads from its standard input; `None`: nothing.
    pub input: Option<PathBuf>,
    /// Which exit codes are no failure beside 0.
    pub ignore_failure: Option<IgnoreFailure>,
}

/// Exit codes that are no failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IgnoreFailure {
    AllNonZero,
    /// These; 128 and the number of a signal where that ended it.
    Codes(Vec<u8>),
}

/// All of them, as the command line and the runner are told.
const ALL: &str = "all-non-zero";

impl FromStr for IgnoreFailure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == ALL {
            return Ok(Self::AllNonZero);
        }
        let codes: Result<_, _> = text.split(',').map(|code| code.trim().parse()).collect();
        codes.map(Self::Codes).map_err(|_| format!("write {ALL}, or exit codes, as in 1,2"))
    }
}

impl fmt::Display for IgnoreFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllNonZero => out.write_str(ALL),
            Self::Codes(codes) => {
                let codes: Vec<String> = codes.iter().map(u8::to_string).collect();
                out.write_str(&codes.join(","))
            }
        }
    }
}
