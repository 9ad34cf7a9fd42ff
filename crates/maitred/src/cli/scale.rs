//! Arguments of `maitred scale`.

use std::path::PathBuf;

use clap::Args;
use maitred_engine::request::{Rounds, Scale};

use super::texts::SCALE_EXAMPLES;
use super::{ChartArgs, HttpArgs, KeepArgs, SubjectArgs};
use crate::amount::{Effect, Period, WorkerCounts};

/// Arguments of `maitred scale`.
#[derive(Debug, Args)]
#[command(after_help = SCALE_EXAMPLES)]
pub struct ScaleArgs {
    /// A shipped workload by its name (mixed), a workload file (.kdl), an address (http://…) or a
    /// Python function (FILE.py:NAME or MODULE:NAME)
    #[arg(value_name = "SUBJECT", required_unless_present = "words")]
    pub subject: Option<PathBuf>,

    /// A command and its arguments, behind `--`: how many copies at a time
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,

    /// Whose workers are swept, comma-separated: RUNTIME/STRATEGY or STRATEGY [default: pools of
    /// threads and of processes for a function, copies of a command, else a pool of threads]
    #[arg(help_heading = "Models", long, short, value_name = "LIST", value_delimiter = ',')]
    pub models: Vec<String>,

    /// Exactly these numbers of workers: 1,2,4 or 1..8 [default: doubled until that gains nothing,
    /// and more around there]
    #[arg(help_heading = "Models", long, value_name = "LIST", conflicts_with = "most")]
    pub workers: Option<WorkerCounts>,

    /// Try no more workers than these [default: as many as tasks, up to 256 threads or 4 processes
    /// a processor]
    #[arg(help_heading = "Models", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub most: Option<u32>,

    /// Exactly this many rounds, instead of stopping when it is decided
    #[arg(help_heading = "Rounds", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: Option<u32>,

    /// Start no further round when this much time is spent; without it and without --runs a minute
    #[arg(help_heading = "Rounds", long, value_name = "TIME")]
    pub budget: Option<Period>,

    /// Smallest difference that is worth a word
    #[arg(help_heading = "Rounds", long, value_name = "SHARE", default_value_t = Effect(Rounds::default().minimum_effect))]
    pub min_effect: Effect,

    /// Save the result, to be shown later; the same as --export-json
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Write the result as JSON after each round (or every few, where writing takes longer than they do)
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,

    /// Write a line for each run as CSV, as often
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub export_csv: Option<PathBuf>,

    /// Write the table as Markdown, as often
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,

    #[command(flatten)]
    pub keep: KeepArgs,

    #[command(flatten)]
    pub work: SubjectArgs,

    #[command(flatten)]
    pub http: HttpArgs,

    #[command(flatten)]
    pub charts: ChartArgs,

    /// Write what happens as lines of JSON while it goes on; `-`: to standard output
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Print no progress line
    #[arg(help_heading = "Output", long, short)]
    pub quiet: bool,
}

impl ScaleArgs {
    /// How many rounds there are.
    pub(super) fn rounds(&self) -> Rounds {
        Rounds {
            exactly: self.runs,
            budget_ns: self.budget.map(Period::nanos),
            minimum_effect: self.min_effect.0,
            ..Scale::rounds()
        }
    }
}
