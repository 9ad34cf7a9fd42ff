//! What comes of a request: the main type is [`Outcome`].

use maitred_core::recording::{LeftOut, Provenance};
use maitred_core::result::{Check, Comparison, Run, Strategies};
use maitred_core::trace::Trace;
use serde::Serialize;

/// Everything that was measured.
#[derive(Clone, Debug)]
pub enum Outcome {
    Compared(Box<Comparison>),
    Ran(Box<Ran>),
    Checked(Check),
    Strategies(Strategies),
}

/// One run, whole.
#[derive(Clone, Debug, Serialize)]
pub struct Ran {
    pub provenance: Provenance,
    /// In JSON without what comes by the million.
    pub trace: Trace,
    pub run: Run,
    /// What became of the file that the trace was to be saved in; `None`: none was asked for.
    #[serde(skip)]
    pub saved: Option<Result<LeftOut, String>>,
}
