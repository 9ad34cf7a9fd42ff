//! Traces as files of other programs. What is in the bytes is for the views to say.

mod output;
mod records;

pub(crate) use output::{Outputs, Wanted, sentence};
pub(crate) use records::Records;
