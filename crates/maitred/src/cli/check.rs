//! Arguments of `maitred check`.

use std::path::PathBuf;

use clap::Args;
use maitred_engine::request::Check;

use super::texts::CHECK_EXAMPLES;
use super::{FollowArgs, KeepArgs};
use crate::amount::Period;

/// Arguments of `maitred check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// Which claims: the number or the name of one that is built in, a file (.kdl) with claims, or
    /// a folder of such [default: all that are built in]
    #[arg(value_name = "CLAIM")]
    pub claims: Vec<String>,

    /// List the claims and test none
    #[arg(long, short)]
    pub list: bool,

    /// Write the claims that are built in into a folder, to be read and changed, and test none
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["list", "claims"])]
    pub unpack: Option<PathBuf>,

    /// Start no further round of an experiment when it has taken so long
    #[arg(long, value_name = "TIME", default_value_t = Period::of_nanos(Check::default().budget_ns))]
    pub budget: Period,

    /// Stop a run that takes longer than this
    #[arg(long, value_name = "TIME", default_value_t = Period::of_nanos(Check::default().timeout_ns))]
    pub timeout: Period,

    /// Seed of all random durations
    #[arg(long, value_name = "N", default_value_t = Check::default().seed)]
    pub seed: u64,

    /// A further interpreter; may be repeated
    #[arg(long = "python", value_name = "PATH")]
    pub pythons: Vec<PathBuf>,

    /// Measure anew how fast this machine computes, instead of using what was measured before
    #[arg(long)]
    pub recalibrate: bool,

    #[command(flatten)]
    pub verdicts: VerdictArgs,
}

/// Where verdicts go, and what follows from them.
#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// Write what was found as JSON, after each experiment
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,

    /// Write what was found as Markdown, after each experiment
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,

    /// Write what was found as JUnit's XML, which CI servers read: a refuted claim is a failure, one
    /// without a verdict was skipped
    #[arg(long, value_name = "FILE")]
    pub export_junit: Option<PathBuf>,

    /// Print each claim that does not hold as an annotation of GitHub Actions
    #[arg(long)]
    pub annotations: bool,

    /// End with exit code 4 when a claim is refuted or has no verdict
    #[arg(long)]
    pub strict: bool,

    #[command(flatten)]
    pub follow: FollowArgs,

    #[command(flatten)]
    pub keep: KeepArgs,
}
