//! A comparison, whatever its functions take and return: the main type is [`AnyCompare`].

use maitred_engine::request;

use crate::functions::Runnable;

/// What is asked of the engine, and what the runner runs.
pub(crate) struct AnyCompare {
    pub(crate) name: String,
    pub(crate) request: request::Compare,
    pub(crate) job: Box<dyn Runnable>,
}
