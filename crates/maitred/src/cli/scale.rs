//! Arguments of `maitred scale`.

use std::path::PathBuf;

use clap::Args;

use super::texts::SCALE_EXAMPLES;
use super::{ChartArgs, FollowArgs, HttpArgs, KeepArgs, ResultArgs, RoundArgs, SubjectArgs};
use crate::amount::WorkerCounts;

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

    #[command(flatten)]
    pub rounds: RoundArgs,

    #[command(flatten)]
    pub results: ResultArgs,

    #[command(flatten)]
    pub keep: KeepArgs,

    #[command(flatten)]
    pub work: SubjectArgs,

    #[command(flatten)]
    pub http: HttpArgs,

    #[command(flatten)]
    pub charts: ChartArgs,

    #[command(flatten)]
    pub follow: FollowArgs,
}
