//! What follows from traces and rounds: figures, comparisons, causes and advice. Reads values,
//! returns values; shows nothing. The way through: a [`Trace`](crate::trace::Trace) becomes a
//! [`Run`](crate::result::Run) by [`summary::run`], many of them a ranking by [`compare::rank`],
//! and that the sentences of [`advice::conclude`].

pub mod advice;
pub mod change;
pub mod claim;
#[cfg(test)]
mod claim_tests;
pub mod compare;
#[cfg(test)]
mod compare_tests;
pub mod doubt;
mod harness;
pub mod interpreted;
pub mod nature;
pub mod noise;
pub mod overslept;
mod sameness;
#[cfg(test)]
pub(crate) mod sample;
pub mod scaling;
pub mod scheduling;
pub mod split;
pub mod stats;
#[cfg(test)]
mod stats_tests;
pub mod strategies;
#[cfg(test)]
mod strategies_tests;
mod stuck;
pub mod summary;
#[cfg(test)]
mod summary_tests;
pub mod sweep;
pub mod units;
mod ways;
mod within;
