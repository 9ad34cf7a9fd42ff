//! What crosses a process boundary: strategy names, the plan, the messages and the trace file.
//!
//! A runner in another language needs nothing but this, in prose: `runtimes/PROTOCOL.md`.
//! This crate knows no KDL, no statistics and no operating system.

mod message;
mod plan;
mod strategy;
pub mod trace_file;
mod url;

pub use message::{
    Blocked, Command, Cpu, Done, ErrorCode, Expected, Failure, Handover, Harness, Phase, Phases,
    Ready, Reply, Results, RunnerError, VarValue,
};
pub use plan::{
    Action, Amount, Arrivals, Channel, Column, Columns, Limits, PROTOCOL, Plan, Program, Resource,
    Step, TaskGroup, Var,
};
pub use strategy::{Model, ModelError, Strategy};
pub use url::{HttpUrl, UrlError};
