//! The native runner as `maitred` sees it: a process that speaks the protocol.

mod endings;
mod harness;
mod meaning;
mod random;
