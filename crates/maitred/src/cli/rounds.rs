//! How many rounds a comparison has, as `compare` and `scale` are told.

use clap::Args;
use maitred_engine::request::Rounds;

use crate::amount::{Effect, Period};

/// How many rounds there are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rounds")]
pub struct RoundArgs {
    /// Exactly this many rounds, instead of stopping when the verdicts are decided
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: Option<u32>,

    /// Start no further round when this much time is spent; without it and without --runs a minute
    #[arg(long, value_name = "TIME")]
    pub budget: Option<Period>,

    /// Smallest difference that is worth a verdict
    #[arg(long, value_name = "SHARE", default_value_t = Effect(Rounds::default().minimum_effect))]
    pub min_effect: Effect,
}

impl RoundArgs {
    /// What is asked of the engine, where all that is not said here is as it was.
    pub(super) fn request(&self, mut rounds: Rounds) -> Rounds {
        rounds.exactly = self.runs;
        rounds.budget_ns = self.budget.map(Period::nanos);
        rounds.minimum_effect = self.min_effect.0;
        rounds
    }
}
