//! Where a comparison is written, and how a run is followed: the same for every command that has it.

use std::path::PathBuf;

use clap::Args;

use crate::export::Files;

/// Where a comparison is written.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub struct ResultArgs {
    /// Save the result, to be shown or compared with later; the same as --export-json
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Write the result as JSON after each round (or every few, where writing takes longer than they do)
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,

    /// Write a line for each run as CSV, as often
    #[arg(long, value_name = "FILE")]
    pub export_csv: Option<PathBuf>,

    /// Write the table as Markdown, as often
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,
}

impl ResultArgs {
    pub(crate) fn files(&self) -> Files<'_> {
        Files {
            save: self.save.as_deref(),
            json: self.export_json.as_deref(),
            csv: self.export_csv.as_deref(),
            markdown: self.export_markdown.as_deref(),
        }
    }
}

/// What is told while it goes on.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct FollowArgs {
    /// Write what happens as lines of JSON while it goes on; `-`: to standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Print no progress line
    #[arg(long, short)]
    pub quiet: bool,
}
