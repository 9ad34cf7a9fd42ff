//! The engine: it finds runtimes, runs one piece of work under every model, round by round, and
//! measures what the processor and the kernel did. A [`request::Request`] in, [`event::Event`]s
//! while it goes on, an [`outcome::Outcome`] at the end; it knows no terminal, no page and no command
//! line. What figures mean is for [`maitred_core`] to say. The entrance is [`Engine::run`].

mod bench;
mod cancel;
pub mod check;
pub mod claims;
mod compare;
pub mod conformance;
mod contestants;
mod engine;
mod entrance;
mod error;
pub mod event;
mod inputs;
mod job;
mod lock;
pub mod measure;
pub mod outcome;
mod patience;
pub mod recording;
pub mod request;
mod rounds;
pub mod runtime;
pub mod runtimes;
mod scale;
mod several;
mod single;
mod strategies;
pub mod subject;
mod trial;
pub mod workloads;

pub use cancel::Cancel;
pub use engine::{Engine, OwnRuntime};
pub use error::Error;
pub use event::Event;
pub use measure::is_within_a_run;
pub use outcome::Outcome;
pub use request::Request;
pub use rounds::Purpose;
