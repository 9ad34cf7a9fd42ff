//! What can be done: one file a command. (`found`: what `check` and `strategies` share.)

pub(crate) mod check;
pub(crate) mod claim;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod fit;
mod found;
pub(crate) mod lab;
pub(crate) mod manual;
pub(crate) mod notebook;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod runner;
pub(crate) mod runs;
pub(crate) mod runtimes;
pub(crate) mod scale;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod strategies;
pub(crate) mod welcome;

use maitred_engine::Cancel;

use crate::error::Error;

/// What a signal raises.
fn cancel() -> Result<Cancel, Error> {
    Cancel::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))
}
