//! Arguments of `maitred strategies`.

use std::path::PathBuf;

use clap::Args;
use maitred_engine::request::Strategies;

use super::texts::STRATEGIES_EXAMPLES;
use super::{FollowArgs, KeepArgs};
use crate::amount::Period;

/// Arguments of `maitred strategies`.
#[derive(Debug, Args)]
#[command(after_help = STRATEGIES_EXAMPLES)]
pub struct StrategiesArgs {
    /// Which runtimes, as `maitred runtimes` names them: native, python3, python3.14t, pypy3
    #[arg(value_name = "RUNTIME", default_values_t = Strategies::default().runtimes)]
    pub runtimes: Vec<String>,

    /// Start no further round of an experiment when it has taken so long; three there are always
    #[arg(long, value_name = "TIME", default_value_t = Period::of_nanos(Strategies::default().budget_ns))]
    pub budget: Period,

    /// A further Python interpreter; may be repeated
    #[arg(long = "python", value_name = "PATH")]
    pub pythons: Vec<PathBuf>,

    /// Write figures and properties as JSON, after each runtime
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,

    /// Write the tables as Markdown, after each runtime
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,

    #[command(flatten)]
    pub follow: FollowArgs,

    #[command(flatten)]
    pub keep: KeepArgs,
}
