//! Arguments of `maitred lab` and `maitred notebook`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::KeepArgs;
use crate::amount::Period;

/// Arguments of `maitred lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// A notebook (.md), a workload (.kdl), a Python function (FILE.py:NAME) or a folder of notebooks;
    /// without it the story
    #[arg(value_name = "SUBJECT")]
    pub subject: Option<String>,

    /// Port to listen on, of this machine alone; 0: a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,

    /// Only print the address, open no browser
    #[arg(long)]
    pub no_open: bool,

    /// A further Python interpreter; may be repeated
    #[arg(long = "python", value_name = "PATH")]
    pub pythons: Vec<PathBuf>,

    /// Stop a run of a cell that takes longer than this; without it a minute
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Period>,

    #[command(flatten)]
    pub keep: KeepArgs,
}

/// Arguments of `maitred notebook`.
#[derive(Debug, Args)]
pub struct NotebookArgs {
    #[command(subcommand)]
    pub action: NotebookAction,
}

/// What can be done with a notebook without a page.
#[derive(Debug, Subcommand)]
pub enum NotebookAction {
    /// Run all cells, a verdict each. Exit code 4: a finding is another than the notebook says
    Run {
        /// Notebooks (.md)
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,

        /// The cells of all these notebooks together begin rounds for so long at most, each for its share
        #[arg(long, value_name = "TIME")]
        budget: Option<Period>,

        #[command(flatten)]
        keep: KeepArgs,
    },
    /// Run all cells and write them with their results: one page (.html) that needs no network and
    /// replays, or a notebook of Jupyter (.ipynb)
    Export {
        /// A notebook (.md)
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// What to write: NAME.html or NAME.ipynb
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,

        /// Write it without results
        #[arg(long)]
        no_run: bool,

        #[command(flatten)]
        keep: KeepArgs,
    },
    /// Turn a notebook of Jupyter that was exported back into Markdown
    Import {
        /// A notebook (.ipynb)
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// What to write: NAME.md, which must not be there
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}
