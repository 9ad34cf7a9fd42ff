//! What things mean: workload → trace → result → recording →
//! analyse → view. Text and bytes in, data or text
//! out: no clock, no file, no environment, no thread, no printing. `no_std` makes the compiler
//! hold that; the order of the modules below is held by a test (a module imports only those
//! named before it).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod workload;

pub mod trace;

pub mod result;

pub mod recording;

pub mod analyse;

pub mod view;
