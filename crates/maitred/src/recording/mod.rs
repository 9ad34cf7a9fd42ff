//! Traces as files: written while a run ends, read back in bounded memory, and exported for other
//! programs. What is in the bytes is for [`maitred_core::recording`] and the views to say.

mod output;
mod read;

pub(crate) use output::{Outputs, Records, Wanted, sentence};
pub(crate) use read::{Reader, slices, spans};
