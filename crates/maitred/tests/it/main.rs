//! The tests of the whole program, as its users meet it.

mod bad_input;
mod documents;
mod function;
mod program;
mod pythons;
mod runtimes;
mod tidy;
