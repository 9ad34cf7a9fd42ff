//! Arguments of `maitred claim`.

use clap::Args;
use maitred_engine::request::Check;

use super::texts::CLAIM_EXAMPLES;
use super::{HttpArgs, SubjectArgs, VerdictArgs};
use crate::amount::Period;

/// Arguments of `maitred claim`.
#[derive(Debug, Args)]
#[command(after_help = CLAIM_EXAMPLES)]
pub struct ClaimArgs {
    /// A Python function (FILE.py:NAME or MODULE:NAME) or an address (http://…), and what is claimed
    /// of it, as in 'throughput of threads over sequential >= 3'; of a command, behind `--`, only
    /// what is claimed. A figure is one of those of claims in files: time, elapsed, cpu, throughput,
    /// cores, memory, voluntary-switches, involuntary-switches, latency-p50, latency-p99, latency-max, done, failed, lost,
    /// serial-share, threads, running-threads
    #[arg(value_name = "SUBJECT CLAIM", required = true, num_args = 1..)]
    pub says: Vec<String>,

    /// A command and its arguments, behind `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,

    /// Start no further round when it has taken so long
    #[arg(help_heading = "Rounds", long, value_name = "TIME", default_value_t = Period::of_nanos(Check::default().budget_ns))]
    pub budget: Period,

    #[command(flatten)]
    pub work: SubjectArgs,

    #[command(flatten)]
    pub http: HttpArgs,

    #[command(flatten)]
    pub verdicts: VerdictArgs,
}
