//! Traces as files: written while a run ends, and exported for other programs. What is in the bytes
//! is for [`maitred_core::recording`] and the views to say.

mod output;

pub(crate) use output::{Outputs, Records, Wanted, sentence};
