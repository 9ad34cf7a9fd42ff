//! What follows from a change since an older result, for CI.

use std::path::PathBuf;

use clap::Args;

/// What is done about changes since the result of --against, or between two saved results.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Changes")]
pub struct ChangeArgs {
    /// End with exit code 4 when a model regressed since the older result
    #[arg(long)]
    pub fail_on_regression: bool,

    /// Print each model that regressed, or of which nothing can be said, as an annotation of GitHub
    /// Actions
    #[arg(long)]
    pub annotations: bool,

    /// Write what changed as Markdown
    #[arg(long, value_name = "FILE")]
    pub export_changes: Option<PathBuf>,

    /// Write what changed as JUnit's XML: a model that regressed is a failure, one of which nothing
    /// can be said was skipped
    #[arg(long, value_name = "FILE")]
    pub export_junit: Option<PathBuf>,
}

impl ChangeArgs {
    /// The first of these options that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let all = [
            ("--fail-on-regression", self.fail_on_regression),
            ("--annotations", self.annotations),
            ("--export-changes", self.export_changes.is_some()),
            ("--export-junit", self.export_junit.is_some()),
        ];
        all.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}
