//! The lab as it is used: the real program, a real browser, and those who attack it by raw requests.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

mod again;
mod attacks;
mod devtools;
mod downloads;
mod endpoints;
mod headless;
mod lab;
mod measured;
mod several;
mod story;
