//! What can be done: one file a command.

pub mod compare;
pub mod doctor;
pub mod manual;
pub mod run;
pub mod runtimes;
pub mod serve;
pub mod welcome;
