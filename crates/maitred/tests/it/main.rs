//! The tests of the whole program, as its users meet it.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

mod bad_input;
mod between;
mod check;
mod cluster;
mod command;
mod control_group;
mod documents;
mod events;
mod exports;
mod failing;
mod form;
mod function;
mod http;
mod kept;
mod look;
mod meaning;
mod needs;
mod output;
mod pages;
mod pictures;
mod program;
mod python_workers;
mod pythons;
mod random;
mod runtimes;
mod saved;
mod scale;
mod scaling;
mod scheduling;
mod servers;
mod signals;
mod strategies;
mod sweep;
mod tidy;
mod traces;
