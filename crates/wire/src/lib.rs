//! What crosses a process boundary: strategy names, the plan, the messages and the trace file; and
//! how durations, sizes and addresses are written.
//!
//! A runner in another language needs nothing but this, in prose: `runtimes/PROTOCOL.md`.
//! This crate knows no KDL, no statistics and no operating system.

mod facts;
pub mod fields;
mod message;
mod plan;
mod quantity;
mod strategy;
pub mod trace_file;
mod url;

pub use facts::{Facts, Lanes, Loops, Offer, Properties, Substance};
pub use message::{
    Blocked, Command, Cpu, Done, ErrorCode, Expected, Failure, Handover, Harness, Host, Phase,
    Phases, Ready, Reply, Results, Round, RunnerError, Used, VarValue, Ways,
};
pub use plan::{
    Action, Amount, Arrivals, Channel, Column, Columns, HttpManner, Limits, PROTOCOL, Plan,
    Program, Resource, Step, TaskGroup, Var,
};
pub use quantity::{DURATION_MAX_NS, Nanos, duration_unit, parse_size, parse_size_or_bytes};
pub use strategy::{Model, ModelError, Strategy};
pub use url::{HttpUrl, UrlError};
