//! What touches the world: finding, starting and reaping runners, and measuring them. The binary
//! `maitred` is a thin shell around this.

pub mod measure;
pub mod runtime;
