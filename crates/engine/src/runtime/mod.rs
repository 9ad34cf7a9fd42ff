//! One run of one model: starts a runner, speaks to it, watches it, and leaves nothing behind.
//! Decides nothing about what to run or what a result means. The entry is [`execute`].

pub(crate) mod aside;
mod death;
mod describe;
mod dialogue;
mod execution;
mod guard;
pub mod interpreters;
mod interrupt;
mod kept;
pub mod languages;
pub mod overhead;
mod processes;
mod python;
mod runner;
mod said;
mod servers;
mod session;
mod spawn;
mod startup;
mod watch;

pub use describe::describe;
pub use execution::{Execution, Measured, Progress};
pub use guard::{Guard, stand};
pub use interrupt::Interrupt;
pub(crate) use kept::Kept;
pub use python::{Library, PythonRunner};
pub use runner::RunnerCommand;
pub(crate) use servers::Servers;
pub(crate) use session::execute_with;
pub use session::{STARTUP_LIMIT, SessionError, execute};
