//! Arguments about results that are kept: those of every command that measures, and those of
//! `maitred runs`.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Subcommand};
use maitred_store::{Kind, Selector, TRACES_BYTES};

use super::PictureArgs;
use super::texts::RUNS_EXAMPLES;
use crate::amount::FileSize;

/// Where results are kept.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kept results")]
pub struct StoreArgs {
    /// The folder in which results are kept [default: $XDG_DATA_HOME/maitred, ~/.local/share/maitred]
    #[arg(long, value_name = "FOLDER", env = "MAITRED_STORE", hide_env_values = true)]
    pub store: Option<PathBuf>,
}

/// Whether and where what is measured is kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Kept results")]
pub struct KeepArgs {
    /// Do not keep the result for `maitred runs` and --against
    #[arg(long, env = "MAITRED_NO_KEEP", hide_env_values = true,
          value_parser = clap::builder::FalseyValueParser::new())]
    pub no_keep: bool,

    #[command(flatten)]
    pub place: StoreArgs,

    /// Traces that are kept take so much together; the oldest ones leave, figures never
    #[arg(long, value_name = "SIZE", default_value_t = FileSize(TRACES_BYTES),
          env = "MAITRED_KEPT_TRACES", hide_env_values = true)]
    pub kept_traces: FileSize,
}

/// What a result is compared with: a file, or one that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    File(PathBuf),
    Kept(Selector),
}

impl FromStr for Against {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let path = Path::new(text);
        let is_path = text.contains(['/', '.']) || path.is_file();
        Ok(match text.parse() {
            Ok(selector) if !is_path => Self::Kept(selector),
            _ => Self::File(path.to_owned()),
        })
    }
}

/// Arguments of `maitred runs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = RUNS_EXAMPLES)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub action: Option<RunsAction>,

    /// Only what has this in its name or title
    #[arg(value_name = "SUBJECT")]
    pub subject: Option<String>,

    /// Only those of one command: compare, run, check, strategies; or of cells of notebooks: cell
    #[arg(long, value_name = "KIND")]
    pub kind: Option<Kind>,

    /// So many at most, the last ones
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub most: u32,

    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub place: StoreArgs,
}

/// What can be done with one that is kept. WHICH is its number, a tag, or `last`.
#[derive(Debug, Subcommand)]
pub enum RunsAction {
    /// Show one again as it was shown when it was measured
    Show {
        /// Its number, a tag, or `last`
        #[arg(value_name = "WHICH")]
        which: Selector,

        /// The trace that was recorded of this model, instead of the result
        #[arg(long, short, value_name = "MODEL")]
        model: Option<String>,

        #[command(flatten)]
        picture: Box<PictureArgs>,

        #[command(flatten)]
        place: StoreArgs,
    },
    /// Say what changed between two comparisons of the same work
    Diff {
        /// The earlier one: its number or a tag
        #[arg(value_name = "BEFORE")]
        before: Selector,

        /// The later one
        #[arg(value_name = "AFTER", default_value = "last")]
        after: Selector,

        /// Also where they come from different machines or are different work
        #[arg(long)]
        across_machines: bool,

        #[command(flatten)]
        place: StoreArgs,
    },
    /// Show how long equal work took over time, with every change of the machine marked
    History {
        /// Any result of the work: its number, a tag, or `last`
        #[arg(value_name = "WHICH", default_value = "last")]
        which: Selector,

        /// Draw it as well
        #[arg(long, value_name = "FILE")]
        export_svg: Option<PathBuf>,

        #[command(flatten)]
        place: StoreArgs,
    },
    /// Write one as a file: the result (.json), a trace (.trace), or the text of the work (others)
    Export {
        /// Its number, a tag, or `last`
        #[arg(value_name = "WHICH")]
        which: Selector,

        /// What to write, which must not be there
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,

        /// Of several traces, that of this model
        #[arg(long, short, value_name = "MODEL")]
        model: Option<String>,

        #[command(flatten)]
        place: StoreArgs,
    },
    /// Give one a name, which is taken from whatever had it
    Tag {
        /// Its number, a tag, or `last`
        #[arg(value_name = "WHICH")]
        which: Selector,

        /// Letters, digits, `-`, `_`, `.`
        #[arg(value_name = "TAG")]
        name: String,

        #[command(flatten)]
        place: StoreArgs,
    },
    /// Take a name away
    Untag {
        #[arg(value_name = "TAG")]
        name: String,

        #[command(flatten)]
        place: StoreArgs,
    },
    /// Delete some for good
    Delete {
        /// Numbers, tags, or `last`
        #[arg(value_name = "WHICH", required = true)]
        which: Vec<Selector>,

        #[command(flatten)]
        place: StoreArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_file_is_one() {
        for (text, kept) in [("last", true), ("17", true), ("before", true), ("before.json", false)]
        {
            let against: Against = text.parse().unwrap();
            assert_eq!(matches!(against, Against::Kept(_)), kept, "{text}");
        }
        assert_eq!("./last".parse(), Ok(Against::File("./last".into())));
    }
}
