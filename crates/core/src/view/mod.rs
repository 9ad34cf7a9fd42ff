//! Views.
mod paint;
mod timeline;
pub use timeline::{TimelineOptions, timeline};
#[cfg(test)]
mod timeline_tests;
