//! The kernel's interfaces as safe functions: all `unsafe` of this crate is in this folder.
//!
//! It decides nothing: every function is one system call, or a loop around one.

pub(crate) mod kernel;
pub(crate) mod memory;
pub(crate) mod process;
