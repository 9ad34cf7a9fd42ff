//! The engine: it finds runtimes, runs one piece of work under every model, round by round, and
//! measures what the processor and the kernel did. Requests in, results out; it knows no terminal,
//! no page and no command line. What figures mean is for [`maitred_core`] to say.

pub mod bench;
pub mod claims;
pub mod contestants;
pub mod error;
mod inputs;
pub mod job;
pub mod measure;
pub mod recording;
pub mod request;
pub mod rounds;
pub mod runtime;
pub mod runtimes;
pub mod spelling;
pub mod subject;
pub mod trial;

pub use error::Error;
