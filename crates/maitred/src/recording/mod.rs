//! Traces as files of other programs. What is in the bytes is for the views to say.

mod output;

pub(crate) use output::{Outputs, Records, Wanted, sentence};
