//! The tests of the whole program, as its users meet it.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

mod bad_input;
mod documents;
mod function;
mod program;
mod pythons;
mod runtimes;
mod tidy;
