//! Functions of one's own, plain and async, under every concurrency model that Rust offers: threads,
//! a pool, rayon, processes, tokio. Measured by the engine of `maitred`: round by round in shuffled
//! order, each round in a process of its own, until the ranking is decided; with a verdict, the reasons,
//! and what the kernel saw.
//!
//! A bench as those of criterion and divan are: in `Cargo.toml`
//!
//! ```toml
//! [dev-dependencies]
//! maitred-closures = "0.1"
//!
//! [[bench]]
//! name = "resize"
//! harness = false
//! ```
//!
//! and in `benches/resize.rs`
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use maitred_closures::{Bench, Compare};
//!
//! fn checksum(text: &str) -> u64 {
//!     text.bytes().fold(7, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte))
//! }
//!
//! fn main() -> ExitCode {
//!     let texts = (0..64).map(|n| format!("{n}").repeat(100_000));
//!     Bench::from_args()
//!         .add(Compare::new("checksum").inputs(texts).call(|text| checksum(text)).same())
//!         .run()
//! }
//! ```
//!
//! `cargo bench` then says which model to use. Nothing but building its [`Compare`]s should stand in
//! `main`, for every round is this program, started again: it becomes a runner that speaks the protocol of
//! `maitred`, and the worker processes of `processes` are copies of that. What a panic says becomes the
//! failure of its task.

/// The examples of the page about it, each of which is run once.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust.md")]
struct Page;

mod any;
mod bench;
mod compare;
mod functions;
mod options;
mod screen;

pub use bench::Bench;
pub use compare::Compare;
