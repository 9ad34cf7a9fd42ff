//! Arguments of `maitred fit`.

use std::path::PathBuf;

use clap::Args;

use super::DrawingArgs;

const EXAMPLES: &str = "\
Examples:
  maitred fit throughput.csv          # workers,throughput in each line; repeated workers are rounds
  maitred fit seconds.csv --time      # workers,seconds
  maitred fit throughput.csv --json
  maitred fit throughput.csv --export-svg curve.svg";

/// Arguments of `maitred fit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct FitArgs {
    /// Workers and a figure in each line, with a comma between; the first line may name them
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The figures are times and not throughput; understood by itself of a column called so
    #[arg(long)]
    pub time: bool,

    /// Print JSON instead of text for people
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub drawing: DrawingArgs,
}
