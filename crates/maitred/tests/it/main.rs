//! The tests of the whole program, as its users meet it.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

mod bad_input;
mod command;
mod documents;
mod failing;
mod form;
mod look;
mod meaning;
mod output;
mod program;
mod random;
mod saved;
mod scale;
mod signals;
mod tidy;
