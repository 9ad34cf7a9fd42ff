//! Traces as files: written while a run goes on, read back in bounded memory. What is in the bytes
//! is for [`maitred_core::recording`] to say.

mod read;
mod write;

pub use read::{Kind, Reader, slices, spans};
pub(crate) use write::TraceFile;
