//! Views: text from a trace or a result. Each is a function from a value and options to a
//! `String`; nothing here judges or prints.

mod paint;
mod phases;
mod timeline;
#[cfg(test)]
mod timeline_tests;

pub use phases::phases;
pub use timeline::{TimelineOptions, timeline};
