//! The tests of the whole program, as its users meet it.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

mod bad_input;
mod documents;
mod failing;
mod form;
mod output;
mod program;
mod signals;
mod tidy;
